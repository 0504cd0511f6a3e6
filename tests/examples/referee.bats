#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The referee with an honest plug-in, and with one that cheats in the ways that judges have suffered. Each way works on the
# referee without protection, and is refused with it.

# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load common

setup() {
    [ -z "$SANITIZED" ] || skip "not with a sanitizer"
    make_directory
    cp "$SUM" "$DIR/sum.so"
    cp "$CHEATER" "$DIR/cheat.so"
    CHEAT_APART=$(page_apart)
    export CHEAT_APART
}

teardown() {
    [ -z "$DIR" ] || remove_directory
}

# How far a result is from its task: SEALMEM_PAGE_MAX of this architecture.
page_apart() {
    case $(uname -m) in
    x86_64) echo 4096 ;;
    *) echo 65536 ;;
    esac
}

need_seals() {
    referee ./sum.so
    [[ $stderr != *mseal* && $stderr != "referee: no filter: "* ]] || skip "$stderr"
    [ "$status" -eq 0 ]
}

referee() {
    run --separate-stderr "$RUN" --rounds 4 "$@"
}

# cheat TARGET:WAY OPTION...: the answers are wrong, and each takes 5 ms.
cheat() {
    CHEAT=$1 run --separate-stderr "$RUN" --rounds 4 "${@:2}" ./cheat.so
    said=$stderr
}

# The results are true: each answer wrong, and the time is right.
results_are_true() {
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 4 ]
    for line in "${lines[@]}"; do
        [[ $line =~ ^[0-3]\ wrong\ ([0-9]+)$ ]]
        [ "${BASH_REMATCH[1]}" -ge 5000000 ]
    done
}

# Whether the plug-in got what it wanted, for the rounds after the change.
results_are_false() {
    case $1 in
    code) [ "$(grep -c right <<<"$output")" -eq 3 ] ;;
    log) [ "$(head -n 1 <<<"$output" | cut -d' ' -f2)" = right ] ;;
    *) [ "$(grep -c ' 0$' <<<"$output")" -eq 2 ] ;;
    esac
}

# Some kernels refuse to write through /proc/self/mem, and some seal the vDSO themselves.
works_unprotected() {
    cheat "$1:$2" --unprotected
    if [ "$2" = mem ] || [ "$1" = vdso ] && [[ $said == *", intact" ]]; then
        echo "# $said: not on this kernel" >&3
        return 0
    fi
    [ "$said" = "cheat: $1:$2: done, changed" ]
    results_are_false "$1"
}

# refused TARGET WAY ERROR...: it is one of these errors.
refused() {
    local error
    for error in "${@:3}"; do
        [ "$said" != "cheat: $1:$2: $error, intact" ] || {
            results_are_true
            return
        }
    done
    echo "$said"
    return 1
}

is_refused() {
    need_seals
    works_unprotected "$1" mprotect
    works_unprotected "$1" mem
    works_unprotected "$1" map
    cheat "$1:mprotect"
    refused "$1" mprotect "Operation not permitted"
    cheat "$1:mem"
    refused "$1" mem "Permission denied"
    cheat "$1:map"
    refused "$1" map "Operation not permitted"
}

# Without the filter, the seals refuse. Pages that are a sealed file can also be those that nobody may write.
seals_refuse() {
    need_seals
    cheat "$1:mprotect" --no-filter
    refused "$1" mprotect "Operation not permitted" "Permission denied"
    cheat "$1:mem" --no-filter
    refused "$1" mem "Input/output error"
    cheat "$1:map" --no-filter
    refused "$1" map "Operation not permitted"
}

@test "judges an honest plug-in, with protection and without" {
    need_seals
    [ "$status" -eq 0 ]
    [ "$(grep -cE '^[0-3] right [0-9]+$' <<<"$output")" -eq 4 ]
    [ -z "$stderr" ]
    for how in --no-filter --unprotected; do
        referee "$how" ./sum.so
        [ "$status" -eq 0 ]
        [ "$(grep -cE '^[0-3] right [0-9]+$' <<<"$output")" -eq 4 ]
    done
}

@test "fills a log of 32 rounds, as nobody too" {
    need_seals
    run --separate-stderr "${NOBODY[@]}" "$RUN" --rounds 32 ./sum.so
    [ "$status" -eq 0 ]
    [ "$(grep -c right <<<"$output")" -eq 32 ]
}

@test "wrong answers are wrong" {
    need_seals
    cheat none
    results_are_true
    [ -z "$said" ]
}

@test "an entry of the GOT cannot be patched" {
    is_refused got
}

@test "the function that checks the answers cannot be detoured" {
    is_refused code
}

@test "a result that is in the log cannot be altered" {
    is_refused log
}

@test "the clock cannot be replaced" {
    is_refused vdso
}

@test "without the filter, the seals alone refuse the same, and no bytes change" {
    seals_refuse got
    seals_refuse code
    seals_refuse log
}

@test "without the filter, code of the vDSO can be written, and the times are right all the same" {
    need_seals
    cheat vdso:mprotect --no-filter
    refused vdso mprotect "Operation not permitted"
    cheat vdso:map --no-filter
    refused vdso map "Operation not permitted"
    cheat vdso:mem --no-filter
    results_are_true
}

@test "a constructor of the plug-in, which runs while it is loaded, is refused the same" {
    need_seals
    export CHEAT_EARLY=1
    cheat code:mprotect --unprotected
    [ "$said" = "cheat: code:mprotect: done, changed" ]
    [ "$(grep -c right <<<"$output")" -eq 4 ]
    for way in mprotect mem map; do
        cheat "code:$way"
        [[ $said == *", intact" ]]
        results_are_true
    done
}

@test "the filter refuses a plug-in memory that is executable, also while it is loaded" {
    need_seals
    for how in --unprotected --no-filter; do
        for way in mprotect map; do
            cheat "own:$way" "$how"
            [ "$said" = "cheat: own:$way: done, changed" ]
        done
    done
    for way in mprotect map; do
        cheat "own:$way"
        refused own "$way" "Operation not permitted"
        CHEAT_EARLY=1 cheat "own:$way"
        refused own "$way" "Operation not permitted"
    done
}

@test "once the plug-in is loaded, the filter refuses the loader as well" {
    need_seals
    cheat load --no-filter
    [ "$said" = "cheat: load: done" ]
    cheat load
    [ "$said" = "cheat: load: refused" ]
    results_are_true
}

@test "a plug-in that exits leaves no results" {
    need_seals
    cheat exit
    [ -z "$output" ]
}

refuses() {
    local message=$1
    shift
    run --separate-stderr "$RUN" "$@"
    [ "$status" -eq 2 ]
    [ -z "$output" ]
    [[ $stderr == "referee: $message"* ]]
}

@test "refuses options that it does not know, numbers of rounds that are none, and no plug-in" {
    refuses "--round-robin: see referee --help" --round-robin ./sum.so
    for rounds in 0 -1 33 x 1x ''; do
        refuses "--rounds takes a number from 1 to 32" --rounds "$rounds" ./sum.so
    done
    refuses "it takes one plug-in: see referee --help"
}

@test "refuses a plug-in that is not there, and one without the function" {
    need_seals
    refuses "./nowhere.so: cannot open" ./nowhere.so
    refuses "$DIR/libsealmem.so.0: undefined symbol: solve" "$DIR/libsealmem.so.0"
}
