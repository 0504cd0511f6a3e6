#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154

# mseal() for a program that calls it, where the C library has none: linked to libsealmem-mseal.so, or with
# that preloaded; on a kernel that has mseal(2), on one that does not, and where nothing can be done.

load live

# Each takes a sandbox to start the program in.
linked() {
    LD_LIBRARY_PATH=${MSEAL_LIBRARY%/*} "$@" "$MSEAL_LINKED"
}

newer() {
    LD_LIBRARY_PATH=${MSEAL_NEWER%/*} "$@" "$MSEAL_NEWER"
}

# For the program alone, not for the sandbox.
preloaded() {
    LD_LIBRARY_PATH=${MSEAL_NEWER%/*} "$@" env LD_PRELOAD="$MSEAL_LIBRARY" "$MSEAL_NEWER"
}

need_mseal() {
    newer >/dev/null || skip "this kernel has no mseal(2)"
}

@test "a program calls the mseal() that it is linked to" {
    run -0 linked
    [ -z "$output" ]
}

@test "a program calls the mseal() that is preloaded" {
    run -0 preloaded
    [ -z "$output" ]
}

@test "mseal() is the kernel's own where it has one: no filter is needed" {
    need_mseal
    run -0 linked "$FORBID" seccomp=ENOSYS --
    run -0 preloaded "$FORBID" seccomp=ENOSYS --
}

@test "mseal() is emulated on a kernel without it" {
    run -3 newer "$FORBID" mseal=ENOSYS --
    run -0 linked "$FORBID" mseal=ENOSYS --
    [ -z "$output" ]
    run -0 preloaded "$FORBID" mseal=ENOSYS --
    [ -z "$output" ]
}

@test "mseal() is emulated in a sandbox that forbids it" {
    run -0 linked "$FORBID" mseal=EPERM --
    [ -z "$output" ]
    run -0 preloaded "$FORBID" mseal=EPERM --
    [ -z "$output" ]
}

@test "mseal() is ENOSYS where there is neither it nor a filter" {
    run -3 linked "$FORBID" mseal=ENOSYS seccomp=ENOSYS --
    [ "$output" = "no mseal here" ]
    run -3 preloaded "$FORBID" mseal=ENOSYS seccomp=ENOSYS --
    [ "$output" = "no mseal here" ]
}
