#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The keeper example, started and restarted as systemd does it: by a program that plays the service manager.

# shellcheck disable=SC2154

load common

setup() {
    make_directory
    printf x >one
    # Without secret memory there is no key to keep.
    NOTIFY_SOCKET='' "$RUN" <one 2>said || true
    ! grep -q 'There is no memfd_secret' said || skip "this kernel has no memfd_secret(2)"
}

teardown() {
    remove_directory
}

@test "keeps its key over a restart, and leaves none of it in what was stored" {
    run --separate-stderr python3 -B "$MANAGER" "$RUN"
    echo "$output" "$stderr"
    [ "$status" -eq 0 ]
    complained "keeper: the stored key: Nothing is stored there, or it was taken back already."
}

@test "refuses to start without a key" {
    run --separate-stderr "$RUN" </dev/null
    [ "$status" -eq 1 ]
    complained "keeper: standard input: no key"
}

@test "refuses a key that is too large" {
    head -c 4097 /dev/zero >large
    run --separate-stderr "$RUN" <large
    [ "$status" -eq 1 ]
    complained "keeper: standard input: The size is above the limit of the caller."
}
