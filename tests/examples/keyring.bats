#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The keyring: its tags are those of SipHash, by another program; a rotation accepts the key before and none before
# that; and a key that was thrown away is nowhere in the process, where it was found before.

# shellcheck disable=SC2030,SC2031,SC2154,SC2314

load common

setup() {
    make_directory
    mkfifo commands
    printf 'a key of 16 byte' >key
    # Its bytes, backwards: the search is not to find itself.
    rev key | tr -d '\n' >backwards
}

teardown() {
    [ -z "${PID-}" ] || kill -KILL "$PID" 2>/dev/null || :
    remove_directory
}

# obeys COMMANDS ARGUMENT...: the answers, one for each line.
obeys() {
    run --separate-stderr "$RUN" "${@:2}" <<<"$1"
}

# One that goes on: "tell COMMAND" prints its answer.
start_keyring() {
    "$RUN" "$@" <commands >answers 2>errors 3>&- &
    PID=$!
    exec 5>commands
    count=0
}

tell() {
    count=$((count + 1))
    echo "$1" >&5
    for _ in $(seq 500); do
        [ "$(wc -l <answers)" -lt "$count" ] || break
        sleep 0.01
    done
    tail -n 1 answers
}

# tag KEY-FILE TEXT: SipHash-2-4, written again.
tag() {
    python3 -c 'import struct, sys
mask, text = (1 << 64) - 1, sys.argv[2].encode()
k0, k1 = struct.unpack("<QQ", open(sys.argv[1], "rb").read())
v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573]
def turn(x, n): return (x << n | x >> 64 - n) & mask
def mix(rounds):
    for _ in range(rounds):
        for a, b, n, m in (0, 1, 13, 32), (2, 3, 16, 0), (0, 3, 21, 0), (2, 1, 17, 32):
            v[a] = v[a] + v[b] & mask
            v[b] = turn(v[b], n) ^ v[a]
            v[a] = turn(v[a], m)
for i in range(0, len(text) // 8 * 8 + 8, 8):
    word = int.from_bytes(text[i:i + 8], "little")
    if i + 8 > len(text): word |= (len(text) & 255) << 56
    v[3] ^= word
    mix(2)
    v[0] ^= word
v[2] ^= 255
mix(4)
print("%016x" % (v[0] ^ v[1] ^ v[2] ^ v[3]))' "$@"
}

# How often the key is in the memory of the keyring, as root reads it.
copies() {
    python3 -c 'import re, sys
key, found = open("backwards", "rb").read()[::-1], 0
for line in open(f"/proc/{sys.argv[1]}/maps"):
    start, end = (int(x, 16) for x in re.match("([0-9a-f]+)-([0-9a-f]+)", line).groups())
    try:
        with open(f"/proc/{sys.argv[1]}/mem", "rb", 0) as memory:
            memory.seek(start)
            at = start
            while at < end:
                part = memory.read(min(end - at, 1 << 20))
                found += part.count(key)
                at += len(part) or end - at
    except (OSError, OverflowError): pass
print(found)' "$PID"
}

@test "a tag is that of SipHash-2-4" {
    python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(16)))' >known
    # From the paper of the function: no bytes at all.
    [ "$(tag known '')" = 726fdb47dd0e0e31 ]
    obeys $'load k known\nsign k '
    [ "$output" = $'done\n726fdb47dd0e0e31' ]
    for text in a session=12 session=123 session=1234 "words with blanks"; do
        obeys $'load k known\nsign k '"$text"
        [ "${lines[1]}" = "$(tag known "$text")" ]
    done
}

@test "what it signs it accepts, and nothing else" {
    start_keyring
    [ "$(tell "new session")" = "done" ]
    tag=$(tell "sign session user=7")
    [[ $tag =~ ^[0-9a-f]{16}$ ]]
    [ "$(tell "check session $tag user=7")" = current ]
    [ "$(tell "check session $tag user=8")" = wrong ]
    [ "$(tell "check session 0 user=7")" = wrong ]
    [ "$(tell "new mail")" = "done" ]
    [ "$(tell "check mail $tag user=7")" = wrong ]
}

@test "after a rotation the key before is accepted, and those before that are not" {
    start_keyring
    [ "$(tell "new session")" = "done" ]
    first=$(tell "sign session user=7")
    [ "$(tell "rotate session")" = "done" ]
    second=$(tell "sign session user=7")
    [ "$first" != "$second" ]
    [ "$(tell "check session $first user=7")" = previous ]
    [ "$(tell "check session $second user=7")" = current ]
    [ "$(tell "rotate session")" = "done" ]
    [ "$(tell "check session $first user=7")" = wrong ]
    [ "$(tell "check session $second user=7")" = previous ]
}

@test "a key that was dropped is nowhere in the process, where it was before" {
    [ "$(id -u)" = 0 ] || skip "needs root: a plain user reads no memory that is in no core dump"
    start_keyring
    [ "$(tell "load session key")" = "done" ]
    [ "$(tell "sign session user=7")" = "$(tag key user=7)" ]
    [ "$(copies)" = 1 ]
    [ "$(tell "drop session")" = "done" ]
    [ "$(copies)" = 0 ]
    [ "$(tell "sign session user=7")" = "refused: No such file or directory" ]
}

@test "a key that two rotations have replaced is nowhere in the process" {
    [ "$(id -u)" = 0 ] || skip "needs root: a plain user reads no memory that is in no core dump"
    start_keyring
    [ "$(tell "load session key")" = "done" ]
    [ "$(tell "rotate session")" = "done" ]
    [ "$(copies)" = 1 ]
    [ "$(tell "rotate session")" = "done" ]
    [ "$(copies)" = 0 ]
}

@test "with --secrecy nobody reads a key, and the answers are the same" {
    [ "$(id -u)" = 0 ] || skip "needs root: a plain user reads no memory that is in no core dump"
    start_keyring --secrecy
    answer=$(tell "load session key")
    [ -n "$answer" ] || skip "no memfd_secret here: $(cat errors)"
    [ "$(tell "sign session user=7")" = "$(tag key user=7)" ]
    [ "$(copies)" = 0 ]
}

@test "1,024 names have keys, the next one is refused, and each can be dropped" {
    obeys "$(seq -f 'new n%.0f' 1025 && seq -f 'rotate n%.0f' 1024 && seq -f 'drop n%.0f' 1024)"
    [ "$status" -eq 1 ]
    [ "$(grep -c '^done$' <<<"$output")" -eq 3072 ]
    [ "$(grep -n -v '^done$' <<<"$output")" = "1025:refused: No space left on device" ]
}

@test "what cannot be done is refused, and the next command is obeyed" {
    printf short >short
    obeys $'new k\nnew k\nrotate j\ndrop j\ncheck k\nload j nowhere\nload j short\nload j\nnew\nhello\n\nnew '"$(printf '%032d' 1)"$'\nrotate k'
    [ "$status" -eq 1 ]
    [ "$output" = "done
refused: File exists
refused: No such file or directory
refused: No such file or directory
refused: Invalid argument
refused: No such file or directory
refused: No data available
refused: Invalid argument
refused: Invalid argument
refused: Function not implemented
refused: Function not implemented
refused: File name too long
done" ]
}

@test "without memory that can be locked it does not begin" {
    run --separate-stderr "${NOBODY[@]}" prlimit --memlock=0 "$RUN" </dev/null
    [ "$status" -eq 2 ]
    [ -z "$output" ]
    [[ $stderr == "keyring: no heap: "* ]]
}

@test "a wrong option is an error" {
    run --separate-stderr "$RUN" --secret </dev/null
    [ "$status" -eq 2 ]
    run --separate-stderr "$RUN" more </dev/null
    [ "$status" -eq 2 ]
    complained "keyring: usage: keyring [--secrecy]"
}
