# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # read by the scripts that source this one
#
# What the two commands need from Debian, in one place, and how it gets there: installed when we may,
# named in one line that can be pasted when we may not.

packages_build="gcc libc6-dev meson ninja-build pkgconf libsmartcols-dev libjson-c-dev libssl-dev"
packages_check="check bats jq procps util-linux libxml2-utils scdoc man-db openssl netbase clang llvm
    libclang-rt-14-dev clang-format cppcheck gcovr shellcheck gcc-aarch64-linux-gnu libc6-dev-arm64-cross
    bash-completion fish zsh postgresql postgresql-client openssh-server curl libsystemd-dev perl gdb
    libpython3.11-testsuite python3-z3 qemu-system-x86 qemu-system-arm cpio binutils debian-archive-keyring"

# Programs of 32 bits run on one of the two machines only.
[ "$(dpkg --print-architecture)" != amd64 ] ||
    packages_check="$packages_check libc6-dev-i386 lib32gcc-12-dev"

# check takes these as well.
packages_bench="libsodium-dev libgcrypt20-dev valgrind strace gnuplot-nox python3 git nginx-light apache2-utils
    redis-server nodejs openssh-client openssh-server postgresql"

# Of the packages named, those that are not installed.
missing_packages() {
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            printf ' %s' "$package"
    done
}

# Has the packages named, or ends the program.
need_packages() {
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        printf 'Missing packages. Run this, then try again:\n  sudo apt-get install -y%s\n' "$missing" >&2
        exit 2
    fi
    printf 'Installing%s\n' "$missing"
    log=$(mktemp)
    # shellcheck disable=SC2086 # a list
    if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        printf 'apt-get failed; its whole output is in %s\n' "$log" >&2
        exit 2
    fi
    rm -f "$log"
}
