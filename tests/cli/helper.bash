# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154

# What the tests of the command share. SEALMEM, FORBID and PRETEND_SEALED are paths of what was built;
# they are copied to where a plain user can run them, wherever the build directory is.

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
    # A preload comes before a sanitizer's runtime.
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

# Where the root is no mount point, as in a chroot that packages are built in, none can be made private.
need_mounts() {
    need_root
    unshare --mount --propagation private true 2>/dev/null || skip "no mounts of one's own here"
}

# A sanitizer's runtime makes system calls of its own and wants /proc.
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

# In a namespace of its own, where mounts can be changed for the command alone.
with_mounts() {
    unshare --mount --propagation private sh -euc "$@"
}

without_proc() {
    # shellcheck disable=SC2016
    with_mounts 'umount -l /proc; exec "$@"' sh "$@"
}

# With that many descriptors at most, of which three are in use.
with_descriptors() {
    local count=$1
    shift
    # shellcheck disable=SC2016
    sh -c 'exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit -n "$0"; exec "$@"' "$count" "$@"
}

# Runs the command on a terminal of that many columns; what it wrote is $output, with plain line ends.
run_on_terminal() {
    local columns=$1
    shift
    run script -qec "stty cols $columns; exec $*" /dev/null
    output=${output//$'\r'/}
}

# Every error is one line that names the program and points to its help.
assert_error() {
    local command=$1 expected=$2

    [ -z "$output" ]
    [[ $stderr != *$'\n'* ]]
    [[ $stderr == "sealmem: ${command:+$command: }"*"$expected"*"; see 'sealmem ${command:+$command }--help'" ]]
}
