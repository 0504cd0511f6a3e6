# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # the scripts that source this one read it
#
# The packages that ./demo, ./check and bench/run need. As root on Debian, these scripts install what is missing.
# As another user, they print the command that does. On other systems they name what is missing as pkg-config does.
#
# A name with "|" is one of several packages: releases of Debian differ in the names.

packages_build="gcc libc6-dev meson ninja-build pkgconf libsmartcols-dev libjson-c-dev libssl-dev"
packages_tests="$packages_build check bats scdoc procps util-linux"
packages_command="perl jq libxml2-utils openssl netbase python3 python3-yaml curl strace libcap2-bin"
packages_manual="man-db python3 codespell mandoc cmark-gfm"
packages_clang="clang llvm libclang-rt-14-dev|libclang-rt-19-dev"
packages_style="git clang-format shellcheck shfmt"
packages_fresh="debootstrap debian-archive-keyring util-linux"
packages_newcomer="$packages_build jq openssl"
# The nodejs of NodeSource has the headers of libnode-dev in itself, and does not go together with it.
packages_bindings="g++ python3-dev python3-numpy python3-pip python3-setuptools python3-venv python3-wheel rustc cargo
    golang-go libclang-rt-14-dev|libclang-rt-19-dev libnode-dev|nodejs nodejs"
packages_installation="g++ cmake make xz-utils"
packages_models="spin"
packages_musl="musl-tools linux-libc-dev"
packages_cross="debian-archive-keyring gcc-powerpc64le-linux-gnu libc6-dev-ppc64el-cross gcc-s390x-linux-gnu
    libc6-dev-s390x-cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross gcc-i686-linux-gnu libc6-dev-i386-cross libc6-i386"
# Those for which Debian 12 is too old.
packages_cross_13="debian-archive-keyring gcc-loongarch64-linux-gnu libc6-dev-loong64-cross gcc-riscv64-linux-gnu
    libc6-dev-riscv64-cross"
packages_kernels="qemu-system-x86 qemu-system-arm cpio binutils debian-archive-keyring gcc-aarch64-linux-gnu
    libc6-dev-arm64-cross"
packages_systemd="qemu-system-x86 cpio debootstrap debian-archive-keyring util-linux"
packages_live="curl openssh-client openssh-server nginx-light postgresql postgresql-client libsystemd-dev gdb nodejs
    default-jdk-headless golang-go libpython3.11-testsuite|libpython3.13-testsuite bash-completion fish zsh valgrind
    qemu-user bubblewrap rsync stunnel4 mosquitto php-cli libsodium-dev minisign libgcrypt20-dev gpg gpg-agent sqlite3
    zstd jq python3-numpy mmdb-bin busybox-static musl-tools"
packages_bench="libsodium-dev libgcrypt20-dev valgrind strace gnuplot-nox python3 git nginx-light apache2-utils
    redis-server nodejs openssh-client openssh-server postgresql"

# Another apt may be at work: Debian runs one of its own soon after it starts.
patiently="-o DPkg::Lock::Timeout=300"

# Programs of 32 bits run on one of the two machines only.
[ "$(uname -m)" != x86_64 ] || packages_live="$packages_live libc6-dev-i386 lib32gcc-12-dev|lib32gcc-14-dev"

is_debian() {
    command -v dpkg-query >/dev/null && command -v apt-get >/dev/null
}

is_installed() {
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# one_of TEST NAME|NAME...: prints the first name that passes the test.
one_of() {
    for name in $(echo "$2" | tr '|' ' '); do
        if "$1" "$name"; then
            echo "$name"
            return
        fi
    done
    return 1
}

is_available() {
    apt-cache show "$1" >/dev/null 2>&1
}

# Prints those of the packages that are not installed, each once.
missing_packages() {
    for wanted in $(printf '%s\n' "$@" | sort -u); do
        one_of is_installed "$wanted" >/dev/null || printf ' %s' "$wanted"
    done
}

# Prints the names that this release has; a name that it does not have stays, so that apt-get reports it.
names_here() {
    for wanted in "$@"; do
        printf ' %s' "$(one_of is_available "$wanted" || echo "${wanted%%|*}")"
    done
}

# Ends the program if the build lacks something.
need_build() {
    lacking=""
    for program in "${CC:-cc}" meson ninja pkg-config; do
        command -v "${program%% *}" >/dev/null || lacking="$lacking $program"
    done
    for module in smartcols json-c 'libcrypto >= 3.0'; do
        pkg-config --exists "$module" 2>/dev/null || lacking="$lacking, $module"
    done
    [ -n "$lacking" ] || return 0
    printf 'Missing programs, and modules of pkg-config: %s\nInstall them, then try again.\n' \
        "$(echo "$lacking" | sed 's/^[ ,]*//')" >&2
    exit 2
}

# need_packages PACKAGE...: installs those that are missing, or ends the program.
need_packages() {
    is_debian || {
        need_build
        return 0
    }
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        # shellcheck disable=SC2086 # a list
        printf 'Missing packages. Run this, then try again:\n  sudo apt-get install -y%s\n' "$(names_here $missing)" >&2
        exit 2
    fi
    echo "Packages are missing. Updating the list of packages with apt-get." >&2
    log=$(mktemp)
    # shellcheck disable=SC2086 # a list
    if ! { apt-get update -q $patiently && missing=$(names_here $missing) && printf 'Installing%s\n' "$missing" >&3 &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q $patiently --no-install-recommends $missing; } 3>&2 >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        printf 'apt-get failed; its whole output is in %s\n' "$log" >&2
        exit 2
    fi
    rm -f "$log"
}
