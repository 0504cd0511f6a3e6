#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154

# The secret memory of libsodium, with its own functions and with libsealmem-sodium.so preloaded: what libsodium
# promises holds both ways, and where they differ, each is shown.

load live
load drop-in

setup() {
    use_program "$SODIUM_USER" "$SODIUM_LIBRARY" "libsodium"
}

# The words before them start the program, as those of a sandbox.
plain() {
    "$@" "$user" "${arguments[@]}"
}

preloaded() {
    "$@" env LD_PRELOAD="$library" "$user" "${arguments[@]}"
}

secret() {
    preloaded "$@" env SEALMEM_SECRET_HEAP=secrecy
}

# says TEXT WAY ARGUMENT...: what the program prints.
says() {
    local expected=$1 way=$2

    shift 2
    arguments=("$@")
    run -0 --separate-stderr "$way"
    [ "$output" = "$expected" ] || { echo "$way $*: $output" && return 1; }
}

@test "what libsodium promises holds for libsodium" {
    says "" plain
}

@test "what libsodium promises holds with the object preloaded" {
    says "" preloaded
}

@test "what libsodium promises holds where each guard page is a mapping" {
    arguments=()
    run -0 preloaded "$FORBID" guard=ENOSYS --
    [ -z "$output" ]
}

faults="new: load-after store-after
readonly: store load-after store-after
noaccess: load store load-after store-after
readwrite: load-after store-after
freed: load store load-after store-after"

@test "the same accesses fault in secret memory" {
    need_secrecy
    for size in 32 9000; do
        says "$faults" plain faults $size
        says "$faults" preloaded faults $size
        says "$faults" secret faults $size
    done
}

@test "with secrecy the kernel reads no object for anybody" {
    need_secrecy
    for size in 32 9000; do
        says found plain read $size
        says found preloaded read $size
        says hidden secret read $size
    done
}

@test "a word that is unknown is a demand that is not met" {
    arguments=(read 32)
    run -0 preloaded env SEALMEM_SECRET_HEAP=secrecy,unheard-of
    [ "$output" = nothing ]
}

@test "a child has what libsodium gives it, and it is locked there" {
    for size in 32 9000; do
        says "inherited, new, unlocked" plain fork $size
        says "inherited, new, locked" preloaded fork $size
    done
}

@test "a store far before an object is found" {
    for size in 32 9000; do
        says missed plain under $size
        says found preloaded under $size
    done
}

@test "ten times as many objects as libsodium can make" {
    am_root || skip "needs root: so much memory is locked"
    "$SEALMEM" probe | grep -q '^MADV_GUARD_INSTALL *works' || skip "guard pages are mappings on this kernel"
    arguments=(many 163700)
    run -0 plain
    [ "${output%% *}" -lt 17000 ]
    says "163700 made, 163700 kept" preloaded many 163700
}

@test "memory that cannot be locked is an error" {
    arguments=(many 100)
    run -0 plain "${PLAIN[@]}" prlimit --memlock=0
    [ "$output" = "100 made, 100 kept" ]
    run -0 preloaded "${PLAIN[@]}" prlimit --memlock=0
    [ "$output" = "0 made, 0 kept" ]
    run -0 preloaded "${PLAIN[@]}" prlimit --memlock=$((65536 + 20 * 2 * $(getconf PAGESIZE)))
    [[ $output == [12]*" made, "* ]]
}

@test "a corrupted object ends the program with a line" {
    arguments=(under 32)
    run preloaded env SODIUM_USER_TALKS=yes
    [[ ${lines[0]} == 'sealmem: heap "sodium" is corrupted: 0x'*' was overwritten: it lies before the start of an object' ]]
}

# sign WAY FILE: minisign with a new key, which it keeps in such memory.
sign() {
    "$@" minisign -G -W -f -p "$DIR/public" -s "$DIR/key" >/dev/null
    "$@" minisign -S -s "$DIR/key" -m "$DIR/message" -x "$DIR/signature" >/dev/null
    "$@" minisign -V -p "$DIR/public" -m "$DIR/message" -x "$DIR/signature" | head -n 1
}

@test "minisign signs and verifies" {
    need minisign
    echo hello >"$DIR/message"
    run -0 --separate-stderr sign env
    plainly=$output
    run -0 sign env LD_PRELOAD="$library"
    [ "$output" = "$plainly" ]
    ! "$SEALMEM" probe --require SECRECY >/dev/null 2>&1 || {
        run -0 sign env LD_PRELOAD="$library" SEALMEM_SECRET_HEAP=secrecy
        [ "$output" = "$plainly" ]
    }
    # Under the object it is really the heap that it uses: without memory to lock it ends.
    chmod 777 "$DIR"
    rm "$DIR/public" "$DIR/key"
    run ! "${PLAIN[@]}" env LD_PRELOAD="$library" prlimit --memlock=0 minisign -G -W -p "$DIR/public" -s "$DIR/key"
    run -0 "${PLAIN[@]}" prlimit --memlock=0 minisign -G -W -p "$DIR/public" -s "$DIR/key"
}
