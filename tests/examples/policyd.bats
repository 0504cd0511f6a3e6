#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The policy daemon and its readers, as many programs. What counts is that none of them waits for another one, and that
# each has the rules that it should have.

# shellcheck disable=SC2030,SC2031,SC2154,SC2314

load common

setup() {
    make_directory
    cp "$READER" policy-reader
    printf 'allow alice\nallow bob\n' >rules
    READERS=()
}

teardown() {
    [ "${#READERS[@]}" -eq 0 ] || kill -KILL "${READERS[@]}" 2>/dev/null || :
    [ -z "${PID-}" ] || kill -KILL "$PID" 2>/dev/null || :
    remove_directory
}

# until_true COMMAND...: it holds within a minute.
until_true() {
    for _ in $(seq 600); do
        ! "$@" || return 0
        sleep 0.1
    done
    return 1
}

has_lines() {
    [ "$(wc -l <"$1")" -ge "$2" ]
}

start_daemon() {
    "$RUN" rules socket >published 2>errors 3>&- &
    PID=$!
    until_true has_lines published 1
}

# Publishes what the file has now.
reload() {
    local before
    before=$(wc -l <published)
    kill -HUP "$PID"
    until_true has_lines published $((before + 1))
}

@test "a reader decides by the rules" {
    start_daemon
    run --separate-stderr -0 ./policy-reader socket <<<$'alice\ncarol\nalic\nallow alice\nbob'
    [ "$output" = $'allow alice\ndeny carol\ndeny alic\ndeny allow alice\nallow bob' ]
}

@test "a reader that runs decides by the next generation" {
    start_daemon
    mkfifo ask
    ./policy-reader socket <ask >answers 2>told 3>&- &
    READERS=($!)
    exec 4>ask
    echo carol >&4
    until_true has_lines answers 1
    echo 'allow carol' >rules
    reload
    until_true has_lines told 2
    printf 'carol\nalice\n' >&4
    exec 4>&-
    wait "${READERS[0]}"
    [ "$(cat answers)" = $'deny carol\nallow carol\ndeny alice' ]
}

@test "rules that cannot be read leave the ones before" {
    start_daemon
    rm rules
    kill -HUP "$PID"
    until_true test -s errors
    grep -q '^policyd: rules: ' errors
    run --separate-stderr -0 ./policy-reader socket <<<'alice'
    [ "$output" = "allow alice" ]
}

@test "readers go on when the daemon has gone" {
    start_daemon
    mkfifo ask
    ./policy-reader socket <ask >answers 2>told 3>&- &
    READERS=($!)
    exec 4>ask
    echo alice >&4
    until_true has_lines answers 1
    kill -TERM "$PID"
    wait "$PID"
    PID=
    [ ! -e socket ]
    until_true has_lines told 2
    printf 'alice\nmallory\n' >&4
    exec 4>&-
    wait "${READERS[0]}"
    [ "$(tail -n 2 answers)" = $'allow alice\ndeny mallory' ]
}

# The sum over all processes of what each has of the rules: their pages count once.
shared_kib() {
    for process in "$PID" "${READERS[@]}"; do
        awk '/^[0-9a-f]+-/ { ours = /memfd:sealmem:rules/ } ours && /^Pss:/ { print $2 }' "/proc/$process/smaps"
    done | awk '{ sum += $1 } END { print sum }'
}

# all_have SIZE: the reader of each has told so.
all_have() {
    [ "$(cat told.* | grep -c "^rules of $1 bytes$")" -eq 1000 ]
}

@test "a thousand readers share one copy of the rules, and all get the next generation" {
    { seq -f 'allow user%.0f' 200000 && echo 'allow alice'; } >rules
    mkfifo silence
    exec 4<>silence
    ulimit -n 4096 || skip "the limit of descriptors is too low"
    start_daemon
    for i in $(seq 1000); do
        ./policy-reader socket <silence >/dev/null 2>"told.$i" 3>&- &
        READERS+=($!)
    done
    until_true all_have "$(wc -c <rules)"
    echo 'allow nobody' >>rules
    reload
    until_true all_have "$(wc -c <rules)"
    exec 4>&-
    [ "$(shared_kib)" -lt $(($(wc -c <rules) / 1024 * 2)) ]
}
