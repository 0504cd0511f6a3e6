#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016,SC2314

# The linker's mark (-z memory-seal): the audit shows it, and `sealmem run --image` and `sealmem seal` do what it asks.
# MARKED, MARKED_STATIC and UNMARKED are builds of marked.c; a static one is not there if this machine cannot link it.

load helper

setup() {
    need_no_sanitizer
    # The command first looks for the objects in its own directory.
    # shellcheck disable=SC2086 # a list
    install -m 755 $IMAGE_OBJECTS "$SHARED/"
    cd "$BATS_TEST_TMPDIR"
    target=
}

teardown() {
    exec 5>&- 6<&-
    [ -z "$target" ] || wait "$target" || true
}

need_mseal() {
    [[ $(alone "$SEALMEM" run --image -- true 2>&1) != *"no mseal"* ]] || skip "this kernel has no mseal"
}

# start COMMAND...: a process of marked.c; $target is its PID. Lines go to descriptor 5 and come from 6.
start() {
    mkfifo to from
    "$@" <to >from 2>err 3>&- 4>&- &
    exec 5>to 6<from
    read -r -t 60 target <&6
}

# ask LINE: the lines of the answer.
ask() {
    local line

    echo "$1" >&5
    while read -r -t 60 line <&6 && [ "$line" != 0 ]; do
        echo "$line"
    done
}

# of PART FILTER: what the audit says of the mapping with a part of the program.
of() {
    local at
    at=$(ask at | sed -n "s/^$1 //p")
    "$SEALMEM" audit --json "$target" | python3 -c 'import json, sys
at = int(sys.argv[1], 16)
for row in json.load(sys.stdin)["processes"][0]["mappings"]:
    if row["start"] and int(row["start"], 16) <= at < int(row["end"], 16):
        value = row[sys.argv[2]]
        print(" ".join(value) if isinstance(value, list) else value)' "$at" "$2"
}

nothing_is_refused() {
    [ "$(ask try)" = $'data done, written\nzeroes done, written\nmutable done, written' ]
}

data_are_sealed() {
    [ "$(ask try)" = $'data refused, written\nzeroes refused, written\nmutable done, written' ]
}

@test "the audit flags the parts of a program that is marked and not sealed, but those that ask to stay mutable" {
    start "$MARKED"
    nothing_is_refused
    [ "$(of data mark)" = memory-seal ]
    [ "$(of data flags)" = mark-unsealed ]
    [ "$(of zeroes flags)" = mark-unsealed ]
    run -1 "$SEALMEM" audit --require no-mark-unsealed "$target"
    run -0 "$SEALMEM" audit --flagged --raw --columns kind,mark,flags "$target"
    for kind in text rodata relro data bss; do
        grep -qE "^$kind +memory-seal .*mark-unsealed" <<<"$output"
    done
}

@test "the audit does not flag a program without the mark" {
    start "$UNMARKED"
    nothing_is_refused
    [ "$(of data mark)" = None ]
    [ "$(of data flags)" = "" ]
    run -0 "$SEALMEM" audit --require no-mark-unsealed "$target"
}

@test "sealmem run --image seals a marked program as a whole, and leaves what asks to stay mutable" {
    need_mseal
    start "$SEALMEM" run --image=report -- "$MARKED"
    data_are_sealed
    grep -q '; 1 marked: data ADDRESS [1-9]' err
    [ "$(of data guarantees)" = ADDRESS ]
    [ "$(of zeroes guarantees)" = ADDRESS ]
    [ "$(of data flags)" = "" ]
    [ "$(of zeroes flags)" = "" ]
    [ "$(of mutable mark)" = mutable ]
    [ "$(of mutable guarantees)" = "" ]
    run -0 "$SEALMEM" audit --require no-mark-unsealed --require no-sealed-writable "$target"
}

@test "sealmem run --image leaves the data of a program without the mark" {
    need_mseal
    start "$SEALMEM" run --image=report -- "$UNMARKED"
    nothing_is_refused
    ! grep -q marked: err
}

# sealed_from_outside PROGRAM
sealed_from_outside() {
    [ -x "$1" ] || skip "no such program can be linked here"
    need_mseal
    start "$1"
    nothing_is_refused
    run --separate-stderr -0 "$SEALMEM" seal --json "$target"
    [[ $output == *'"marked":true'* || $output == *'"marked": true'* ]]
    [[ $output == *'"kind":"data"'* || $output == *'"kind": "data"'* ]]
    data_are_sealed
    [ "$(of data guarantees)" = ADDRESS ]
    [ "$(of mutable mark)" = mutable ]
    run -0 "$SEALMEM" audit --require no-mark-unsealed "$target"
    run -0 "$SEALMEM" seal "$target"
    data_are_sealed
}

@test "sealmem seal seals a marked program as a whole" {
    sealed_from_outside "$MARKED"
}

@test "sealmem seal seals a marked static program as a whole" {
    sealed_from_outside "$MARKED_STATIC"
}

@test "sealmem seal leaves the data of a program without the mark" {
    need_mseal
    start "$UNMARKED"
    run -0 "$SEALMEM" seal "$target"
    nothing_is_refused
}
