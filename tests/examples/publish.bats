#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The publisher and the subscriber, as two programs of two users. What the publisher does at its end counts as
# much as what it sends: a daemon that leaves its socket in place does not start again.

# shellcheck disable=SC2030,SC2031,SC2154,SC2314

load common

setup() {
    make_directory
    cp "$SUBSCRIBER" subscriber
    chmod 755 .
    printf 'allow 10.0.0.0/8\ndeny all\n' >rules
}

teardown() {
    [ -z "${PID-}" ] || kill -KILL "$PID" 2>/dev/null || :
    remove_directory
}

# Returns when it is ready.
start_publisher() {
    "$RUN" "$@" >ready 2>errors 3>&- &
    PID=$!
    for _ in $(seq 500); do
        [ ! -s ready ] || return 0
        kill -0 "$PID" || return 1
        sleep 0.01
    done
    return 1
}

# Ends it with the signal; its exit status is $status.
end_publisher() {
    kill -s "$1" "$PID"
    status=0
    wait "$PID" || status=$?
    PID=
}

subscribe() {
    run --separate-stderr ./subscriber "$@"
}

@test "the publisher says what it serves and where" {
    start_publisher rules socket
    [ "$(cat ready)" = "rules, 26 bytes, at socket" ]
}

@test "a subscriber prints name, size and first line" {
    start_publisher rules socket
    subscribe socket
    [ "$status" -eq 0 ]
    [ "$output" = "rules, 26 bytes: allow 10.0.0.0/8" ]
    [ -z "$stderr" ]
}

@test "the name is the last part of the path" {
    mkdir -p etc/rules.d
    cp rules etc/rules.d/web
    start_publisher etc/rules.d/web socket
    subscribe socket
    [ "$output" = "web, 26 bytes: allow 10.0.0.0/8" ]
}

@test "many subscribers get the same, at once and one after another" {
    local i pids=()

    start_publisher rules socket
    for i in $(seq 20); do
        ./subscriber socket >"got.$i" 3>&- &
        pids+=($!)
    done
    wait "${pids[@]}"
    for i in $(seq 20); do
        [ "$(cat "got.$i")" = "rules, 26 bytes: allow 10.0.0.0/8" ]
    done
    subscribe socket
    [ "$status" -eq 0 ]
}

@test "a subscriber may be another user" {
    start_publisher rules socket
    chmod 777 socket
    run "${NOBODY[@]}" ./subscriber socket
    [ "$status" -eq 0 ]
    [ "$output" = "rules, 26 bytes: allow 10.0.0.0/8" ]
}

@test "later changes of the file are not served" {
    start_publisher rules socket
    printf 'allow all\n' >rules
    subscribe socket
    [ "$output" = "rules, 26 bytes: allow 10.0.0.0/8" ]
}

@test "subscribers that leave silently do no harm" {
    start_publisher rules socket
    python3 -c 'import socket
for i in range(200):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect("socket")'
    subscribe socket
    [ "$status" -eq 0 ]
}

@test "SIGTERM and SIGINT end the publisher cleanly, with the socket removed" {
    local signal

    for signal in TERM INT; do
        start_publisher rules socket
        [ -S socket ]
        end_publisher "$signal"
        [ "$status" -eq 0 ]
        [ ! -e socket ]
        [ ! -s errors ]
    done
}

@test "a subscriber finds nobody after the publisher has exited" {
    start_publisher rules socket
    end_publisher TERM
    subscribe socket
    [ "$status" -eq 2 ]
    complained "subscriber: socket: No such file or directory"
}

@test "a file at the place of the socket is not replaced" {
    echo precious >socket
    run --separate-stderr "$RUN" rules socket
    [ "$status" -eq 2 ]
    complained "publisher: socket: Address already in use"
    [ "$(cat socket)" = precious ]
}

@test "a second publisher does not take the socket of the first" {
    start_publisher rules socket
    run --separate-stderr "$RUN" rules socket
    [ "$status" -eq 2 ]
    subscribe socket
    [ "$status" -eq 0 ]
}

@test "the publisher holds four descriptors beyond the standard three, however many have come" {
    local i

    start_publisher rules socket
    for i in $(seq 30); do
        ./subscriber socket >/dev/null
    done
    [ "$(find "/proc/$PID/fd" -type l -printf '%f\n' | awk '$1 > 2' | wc -l)" -le 4 ]
}

@test "a text without an end of line is printed whole" {
    printf 'no end' >rules
    start_publisher rules socket
    subscribe socket
    [ "$output" = "rules, 6 bytes: no end" ]
}

@test "control characters that a terminal would obey are not printed" {
    printf '\033[2Jcleared\n' >rules
    start_publisher rules socket
    subscribe socket
    [ "$output" = "rules, 12 bytes: ?[2Jcleared" ]
}

@test "rules of 64 MiB are received and one byte more is refused" {
    truncate -s 64M rules
    start_publisher rules socket
    subscribe socket
    [ "$status" -eq 0 ]
    end_publisher TERM
    truncate -s $((64 * 1024 * 1024 + 1)) rules
    start_publisher rules socket
    subscribe socket
    [ "$status" -eq 1 ]
    complained "subscriber: socket: File too large"
}

# The same message, and a file that says the same, from somebody who can still change it.
@test "rules that are not sealed are refused" {
    python3 -c 'import array, os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind("socket")
s.listen()
open("ready", "w").write("ready")
fd = os.memfd_create("rules", os.MFD_ALLOW_SEALING)
os.write(fd, b"allow 10.0.0.0/8\n")
c = s.accept()[0]
c.sendmsg([b"sealmem\0" + b"rules".ljust(248, b"\0")],
          [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])' 3>&- &
    PID=$!
    until [ -s ready ]; do
        kill -0 "$PID"
        sleep 0.01
    done
    subscribe socket
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    complained "subscriber: socket: Operation not permitted"
}

@test "rules that cannot be read are an error" {
    local file message

    mkdir directory
    : >empty
    while read -r file message; do
        run --separate-stderr "$RUN" "$file" socket
        [ "$status" -eq 2 ]
        complained "publisher: $file: $message"
        [ ! -e socket ]
    done <<'END'
nowhere No such file or directory
directory Is a directory
empty No data available
END
}

@test "a wrong number of arguments is an error" {
    run --separate-stderr "$RUN" rules
    [ "$status" -eq 2 ]
    complained "publisher: usage: publisher RULES SOCKET"
    run --separate-stderr ./subscriber
    [ "$status" -eq 2 ]
    complained "subscriber: usage: subscriber SOCKET"
}
