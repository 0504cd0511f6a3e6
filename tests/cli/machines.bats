#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154

# The audit of recorded machines: processes as they were on other kernels, and processes that no kernel would show but
# a hostile process might pretend to be. tests/audit/record and unpack made the recordings. MACHINE.expected has the
# right answer for a machine, one line for each mapping.

load helper

MACHINES=$BATS_TEST_DIRNAME/../audit/machines

audit_machine() {
    run --separate-stderr "$SEALMEM" audit --all --raw --procfs "$MACHINES/$1" \
        --columns PID,PROCESS,ADDRESS,SIZE,PERM,KIND,SEALS,GUARANTEES,FLAGS,HOLDERS,NAME
}

assert_as_expected() {
    audit_machine "$1"
    [ "$status" = 0 ]
    diff "$MACHINES/$1.expected" <(printf '%s\n' "$output")
}

# of MACHINE SELECTION FILTER: what the audit says of the mappings that a jq filter selects.
of() {
    "$SEALMEM" audit --all --json --procfs "$MACHINES/$1" | jq -r ".processes[].mappings[] | select($2) | $3"
}

@test "the audit shows a recorded machine as it was" {
    for machine in "$MACHINES"/*.expected; do
        machine=${machine##*/}
        assert_as_expected "${machine%.expected}"
    done
}

# This machine was recorded twice, as root and as a plain user.
@test "a kernel without mseal has no ADDRESS, and its other guarantees" {
    [ "$(of 6.1 '.name == "/memfd:sealed (deleted)" and .seals_known' '.guarantees | join(" ")')" = CONTENT ]
    [ "$(of 6.1 '.name == "/memfd:sealed (deleted)" and (.seals_known | not)' '.unknown | join(" ")')" = CONTENT ]
    [ "$(of 6.1 '.mseal or (.guarantees + .unknown | index("ADDRESS"))' .start)" = "" ]
}

@test "a hostile machine: files that no kernel writes are not read, and are counted" {
    audit_machine hostile
    [ "$status" = 0 ]
    [[ $stderr == *" 3 could not be read" ]]
    run --separate-stderr -2 "$SEALMEM" audit --procfs "$MACHINES/hostile" 300
    assert_error audit "process 300: no kernel writes such files"
    run --separate-stderr -2 "$SEALMEM" audit --procfs "$MACHINES/hostile" 304
    assert_error audit "process 304: it has no memory of its own"
}

@test "a hostile machine: a mapping that has grown while it was read has one row, the last" {
    [ "$(of hostile '.start == "0x301000"' .size)" = 12288 ]
}

@test "a hostile machine: a name makes no file a memfd, and none secret" {
    [ "$(of hostile '.name == "/memfd:sealmem:disk (deleted)"' '"\(.kind) \(.seals) \(.guarantees)"')" = 'file null ["ADDRESS"]' ]
    [ "$(of hostile '.name == "/secretmem (deleted)"' '"\(.kind) \(.guarantees)"')" = 'file ["NOSWAP","NODUMP"]' ]
    [ "$(of hostile '.name == "[heap]"' .kind)" = file ]
}

@test "a hostile machine: seals that cannot be read are unknown" {
    [ "$(of hostile '.name | startswith("/memfd:garbage")' '"\(.seals) \(.seals_known) \(.unknown)"')" = 'null false ["CONTENT"]' ]
    run -1 "$SEALMEM" audit --procfs "$MACHINES/hostile" --require memfd:CONTENT 100
}

@test "a hostile machine: headers that lie do not turn other memory into RELRO" {
    [ "$(of hostile '.kind == "relro"' .start)" = 0x214000 ]
    [ "$(of hostile '.name == "/memfd:other (deleted)"' .kind)" = memfd ]
}

@test "a hostile machine: the picture is valid XML" {
    "$SEALMEM" audit --procfs "$MACHINES/hostile" --all --svg "$BATS_TEST_TMPDIR/hostile.svg" >/dev/null 2>&1
    xmllint --noout "$BATS_TEST_TMPDIR/hostile.svg"
}

@test "--procfs needs a directory, and PIDs or --all" {
    run --separate-stderr -2 "$SEALMEM" audit --procfs /no/such/directory --all
    assert_error audit "cannot read '/no/such/directory': No such file or directory"
    run --separate-stderr -2 "$SEALMEM" audit --procfs "$MACHINES/hostile" --self
    assert_usage audit "--procfs is for PIDs and --all"
    run --separate-stderr -2 "$SEALMEM" audit --procfs "$MACHINES/hostile" 99
    assert_error audit "process 99: there is no such process"
}

@test "--procfs may be another mount of the same /proc" {
    need_mounts
    mkdir "$BATS_TEST_TMPDIR/proc"
    with_mounts 'mount -t proc proc "$0"; exec "$1" audit --json --procfs "$0" $$' \
        "$BATS_TEST_TMPDIR/proc" "$SEALMEM" | jq -e '.processes[0].mappings | length > 10'
}
