# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154

# Functions for all tests of the command. SEALMEM, FORBID, MAPPED and PRETEND_SEALED are the paths of files from
# the build directory. They are copied to a directory where a plain user can run them.

bats_require_minimum_version 1.5.0

setup_file() {
    local file

    SHARED=$(mktemp -d)
    chmod 755 "$SHARED"
    for file in "$SEALMEM" "$FORBID" "$MAPPED" "$PRETEND_SEALED"; do
        install -m 755 "$file" "$SHARED/"
    done
    SEALMEM=$SHARED/${SEALMEM##*/}
    FORBID=$SHARED/${FORBID##*/}
    MAPPED=$SHARED/${MAPPED##*/}
    PRETEND_SEALED=$SHARED/${PRETEND_SEALED##*/}
    # A preloaded object comes before the runtime of a sanitizer.
    ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0
    unset NO_COLOR COLUMNS
    export SHARED SEALMEM FORBID MAPPED PRETEND_SEALED ASAN_OPTIONS LC_ALL=C.UTF-8 TERM=xterm-256color
}

teardown_file() {
    rm -rf "$SHARED"
}

am_root() {
    [ "$(id -u)" = 0 ]
}

need_root() {
    am_root || skip "needs root"
}

# If the root directory is not a mount point, as in the chroot of a package build, no mount can be private.
need_mounts() {
    need_root
    unshare --mount --propagation private true 2>/dev/null || skip "private mounts are not possible here"
}

# A command for musl on Debian has no libcrypto.
need_digests() {
    [[ $("$SEALMEM" exec --sha256 "$(printf %064d 0)" true 2>&1) != *"built without libcrypto" ]] ||
        skip "built without libcrypto"
}

# The runtime of a sanitizer makes system calls of its own and needs /proc.
need_no_sanitizer() {
    [ -z "$SANITIZED" ] || skip "not with a sanitizer"
}

as_plain_user() {
    if am_root; then
        setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
    else
        "$@"
    fi
}

# Runs the command in a mount namespace of its own.
with_mounts() {
    unshare --mount --propagation private sh -euc "$@"
}

without_proc() {
    # shellcheck disable=SC2016
    with_mounts 'umount -l /proc; exec "$@"' sh "$@"
}

# shellcheck source=tests/cli/alone.bash
. "${BASH_SOURCE[0]%/*}/alone.bash"

# Runs the command with at most that many descriptors. Three of them are in use.
with_descriptors() {
    local count=$1
    shift
    # shellcheck disable=SC2016
    alone sh -c 'ulimit -n "$0"; exec "$@"' "$count" "$@"
}

# Runs the command on a terminal of that many columns. Its output is in $output, with plain line ends.
run_on_terminal() {
    local columns=$1
    shift
    run script -qec "stty cols $columns; exec $*" /dev/null
    output=${output//$'\r'/}
}

# Every error is one line that names the program. Help is for a command line that is wrong, so other errors do not
# point to it.
assert_error() {
    local command=$1 expected=$2

    [ -z "$output" ]
    [[ $stderr != *$'\n'* ]]
    [[ $stderr == "sealmem: ${command:+$command: }"*"$expected"* ]]
    [[ $stderr != *--help* ]]
}

# An error of the command line points to the help of that command.
assert_usage() {
    local command=$1 expected=$2

    [ -z "$output" ]
    [[ $stderr != *$'\n'* ]]
    [[ $stderr == "sealmem: ${command:+$command: }"*"$expected"*"; see 'sealmem ${command:+$command }--help'" ]]
}
