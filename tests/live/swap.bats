#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Bytes of NOSWAP on a swap device. The test turns swap on for a file of its own, for the whole machine, so it has to be
# asked for: SEALMEM_TEST_SWAP=yes.

bats_require_minimum_version 1.5.0

setup() {
    [ -n "${SEALMEM_TEST_SWAP-}" ] || skip "SEALMEM_TEST_SWAP is not set (the test turns swap on)"
    [ "$(id -u)" = 0 ] || skip "only root turns swap on"
    [ -e /sys/fs/cgroup/memory/memory.force_empty ] || skip "no memory cgroups of version 1"
    group=/sys/fs/cgroup/memory/sealmem-test.$$
    file=$BATS_TEST_TMPDIR/swap
    dd if=/dev/zero of="$file" bs=1M count=32 status=none
    device=$(losetup -f --show "$file") || skip "no loop device"
    mkdir "$group"
    mkswap "$device"
    swapon "$device"
}

teardown() {
    [ -n "${device-}" ] || return 0
    swapoff "$device"
    losetup -d "$device"
    for _ in 1 2 3 4 5; do
        rmdir "$group" && break
        sleep 0.2
    done
}

@test "bytes without NOSWAP are found on the swap device" {
    run -0 "$SWAP" "$group" "$file" plain
    [ "$output" -gt 0 ]
}

@test "freed bytes with NOSWAP are not" {
    run -0 "$SWAP" "$group" "$file" noswap
    [ "$output" = 0 ]
}
