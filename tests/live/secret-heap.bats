#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154

# `sealmem run --secret-heap`: programs of three libraries as they are. Each shows that its secrets are in the heap by
# doing what its own library cannot, and nothing starts that would do without silently.

load live

setup() {
    [ -z "$SANITIZED" ] || skip "not with a sanitizer"
    [ -n "$SODIUM_USER" ] && [ -n "$OPENSSL_USER" ] && [ -n "$GCRYPT_USER" ] || skip "a library is missing"
    # The command looks for the objects in its own directory, and a plain user can read them there.
    # shellcheck disable=SC2086 # a list
    install -m 755 "$SODIUM_LIBRARY" "$OPENSSL_LIBRARY" "$GCRYPT_LIBRARY" $IMAGE_OBJECTS "$DIR/"
    install -m 755 "$SODIUM_USER" "$OPENSSL_USER" "$GCRYPT_USER" "$THREE_USER" "$DIR/"
}

with_heap() {
    "$SEALMEM" run --secret-heap="$1" -- "${@:2}"
}

@test "--secret-heap gives each library a heap, and the program says nothing else" {
    run -0 --separate-stderr with_heap "" "$DIR/sodium-user" under 32
    [ "$output" = found ]
    [ -z "$stderr" ]
    run -0 --separate-stderr with_heap "" "$DIR/openssl-user" unasked
    [ "$output" = secure ]
    [ -z "$stderr" ]
    am_root || skip "the rest needs root: more memory is locked than a plain user may"
    run -0 --separate-stderr with_heap "" "$DIR/gcrypt-user" grow
    [ "$output" = grown ]
    [ -z "$stderr" ]
    # Without it they have what their libraries give.
    [ "$("$DIR/sodium-user" under 32) $("$DIR/openssl-user" unasked) $("$DIR/gcrypt-user" grow)" = "missed ordinary full" ]
}

@test "--secret-heap=report says for each program what took effect" {
    run -0 --separate-stderr with_heap report "$DIR/sodium-user" read 32
    [[ $stderr == "sealmem: sodium-user["*"]: libsodium's secret memory is a heap: NOSWAP+NODUMP+GUARDS" ]]
    run -0 --separate-stderr with_heap report "$DIR/openssl-user" read
    [[ $stderr == "sealmem: openssl-user["*"]: OpenSSL's secure memory is a heap: NOSWAP+NODUMP+GUARDS" ]]
    run -0 --separate-stderr with_heap report "$DIR/gcrypt-user" read
    [[ $stderr == "sealmem: gcrypt-user["*"]: libgcrypt's secure memory is a heap: NOSWAP+NODUMP+GUARDS" ]]
}

@test "a program of all three libraries has a heap for each" {
    [ "$("$DIR/three-user")" = "not all secret" ]
    run -0 --separate-stderr with_heap report "$DIR/three-user"
    [ "$output" = "all secret" ]
    for memory in "libsodium's secret memory" "OpenSSL's secure memory" "libgcrypt's secure memory"; do
        [ "$(grep -c "^sealmem: three-user\[[0-9]*\]: $memory is a heap: NOSWAP+NODUMP+GUARDS$" <<<"$stderr")" = 1 ]
    done
    [ "${#stderr_lines[@]}" = 3 ]
    ! "$SEALMEM" run --image -- true 2>/dev/null || {
        run -0 --separate-stderr "$SEALMEM" run --image --secret-heap -- "$DIR/three-user"
        [ "$output" = "all secret" ]
    }
    run -125 --separate-stderr "${PLAIN[@]}" prlimit --memlock=0 "$SEALMEM" run --secret-heap -- "$DIR/three-user"
    [ -z "$output" ]
    [[ $stderr == "sealmem: three-user["*" is not replaced: "* ]]
}

@test "--secret-heap=secrecy hides the secrets of each from the kernel" {
    "$SEALMEM" probe --require SECRECY >/dev/null 2>&1 || skip "this kernel has no memfd_secret"
    [ "$(with_heap "" "$DIR/sodium-user" read 32)" = found ]
    [ "$(with_heap secrecy "$DIR/sodium-user" read 32)" = hidden ]
    for program in openssl-user gcrypt-user; do
        [ "$(with_heap "" "$DIR/$program" read)" = found ]
        [ "$(with_heap secrecy "$DIR/$program" read)" = hidden ]
    done
}

# refused TEXT ARGUMENT...: sealmem does not start the program.
refused() {
    run -125 --separate-stderr "$SEALMEM" run "${@:2}"
    assert_refused run "$1"
}

@test "a program without one of the libraries is not started" {
    refused "is linked to none of libsodium, OpenSSL 3 and libgcrypt" --secret-heap -- true
    refused "is linked to none of libsodium, OpenSSL 3 and libgcrypt" --secret-heap -- sh -c "$DIR/sodium-user"
}

@test "--secret-heap=all is for the programs that the program executes" {
    run -0 --separate-stderr with_heap all,report sh -c "echo begun; '$DIR/sodium-user' under 32; '$DIR/openssl-user' unasked"
    [ "$output" = $'begun\nfound\nsecure' ]
    [ "$(grep -c "is a heap" <<<"$stderr")" -ge 2 ]
    [[ $stderr != *"sealmem: sh["* ]]
}

@test "a word that is unknown is refused" {
    run -125 --separate-stderr with_heap all,secret "$DIR/sodium-user"
    [ -z "$output" ]
    [ "$stderr" = "sealmem: run: --secret-heap does not know 'secret'; see 'sealmem run --help'" ]
}

@test "what cannot be preloaded is refused" {
    install -m 4755 "$DIR/sodium-user" "$DIR/privileged"
    am_root || skip "needs root: the program belongs to another user"
    chown 65534 "$DIR/privileged"
    chmod 4755 "$DIR/privileged"
    refused "it gains privileges by a set-user-ID or set-group-ID bit" --secret-heap -- "$DIR/privileged" read 32
}

@test "an object that is missing or something else is refused" {
    mkdir -p "$DIR/apart"
    cp "$SEALMEM" "$DIR/apart/"
    SEALMEM=$DIR/apart/sealmem refused "libsealmem-sodium.so is not installed" --secret-heap -- "$DIR/sodium-user" read 32
    cp "$DIR/libsealmem-image.so" "$DIR/apart/libsealmem-sodium.so"
    SEALMEM=$DIR/apart/sealmem refused "is not the object of this version" --secret-heap -- "$DIR/sodium-user" read 32
    cp "$DIR/libsealmem-sodium.so" "$DIR/apart/"
    printf '\1' | dd of="$DIR/apart/libsealmem-sodium.so" bs=1 seek=4 conv=notrunc status=none
    SEALMEM=$DIR/apart/sealmem refused "does not preload $DIR/apart/libsealmem-sodium.so: wrong ELF class" \
        --secret-heap -- "$DIR/sodium-user" read 32
}

@test "a program that can have no heap ends before it begins" {
    for program in sodium-user openssl-user gcrypt-user; do
        run -125 --separate-stderr "${PLAIN[@]}" prlimit --memlock=0 "$SEALMEM" run --secret-heap -- "$DIR/$program"
        [ -z "$output" ]
        [[ $stderr == "sealmem: $program["*" is not replaced: "* ]]
    done
}

@test "--secret-heap goes together with --image" {
    "$SEALMEM" run --image -- true 2>/dev/null || skip "this kernel has no mseal"
    run -0 --separate-stderr "$SEALMEM" run --image=report --secret-heap=report -- "$DIR/sodium-user" under 32
    [ "$output" = found ]
    [[ $stderr == *"is a heap"* ]]
    [[ $stderr == *"relro CONTENT+ADDRESS"* ]]
    # What --image=once takes away is its own.
    run -0 "$SEALMEM" run --image=once --secret-heap=all -- env
    [[ $output == *"LD_PRELOAD=$DIR/libsealmem-gcrypt.so:$DIR/libsealmem-openssl.so:$DIR/libsealmem-sodium.so"* ]]
    [[ $output != *SEALMEM_IMAGE* ]]
}

# together WORDS ARGUMENT...: with both options; WORDS are those of --image.
together() {
    refused "$2" --image="$1" --secret-heap -- "${@:3}"
}

@test "together with --image, neither does without the other" {
    "$SEALMEM" run --image -- true 2>/dev/null || skip "this kernel has no mseal"
    for words in "" try; do
        together "$words" "is linked to none of libsodium, OpenSSL 3 and libgcrypt" true
    done
    run -125 --separate-stderr "${PLAIN[@]}" prlimit --memlock=0 "$SEALMEM" run --image --secret-heap -- "$DIR/sodium-user" under 32
    [ -z "$output" ]
    [[ $stderr == "sealmem: sodium-user["*" is not replaced: "* ]]
    run -125 --separate-stderr "$FORBID" mseal=ENOSYS -- "$SEALMEM" run --image --secret-heap -- "$DIR/sodium-user" under 32
    assert_refused run "this kernel has no mseal(2)"
    # What --image=try allows to be missing is the seal.
    run -0 --separate-stderr "$FORBID" mseal=ENOSYS -- "$SEALMEM" run --image=try --secret-heap -- "$DIR/sodium-user" under 32
    [ "$output" = found ]
    mkdir -p "$DIR/without-image" "$DIR/without-heap"
    cp "$SEALMEM" "$DIR/libsealmem-sodium.so" "$DIR/without-image/"
    cp "$SEALMEM" "$DIR/libsealmem-image.so" "$DIR/without-heap/"
    SEALMEM=$DIR/without-image/sealmem together "" "libsealmem-image.so is not installed" "$DIR/sodium-user" under 32
    SEALMEM=$DIR/without-heap/sealmem together "" "libsealmem-sodium.so is not installed" "$DIR/sodium-user" under 32
}

@test "one file is examined for all options, and it is the one that is executed" {
    "$SEALMEM" run --image -- true 2>/dev/null || skip "this kernel has no mseal"
    need strace
    mkdir -p "$DIR/first" "$DIR/second"
    cp "$DIR/sodium-user" "$DIR/second/the-program"
    for options in "--secret-heap" "--image --secret-heap"; do
        # shellcheck disable=SC2086 # a list
        PATH=$DIR/first:$DIR/second:$PATH run -0 strace -o "$DIR/trace" -e trace=open,openat \
            "$SEALMEM" run $options -- the-program under 32
        [ "$output" = found ]
        [ "$(grep -c "\"$DIR/first/the-program\".*O_PATH" "$DIR/trace")" = 1 ]
        [ "$(grep -c "\"$DIR/second/the-program\".*O_PATH" "$DIR/trace")" = 1 ]
    done
    # What strace may not see.
    PATH=$DIR/first:$DIR/second:$PATH run -0 "$SEALMEM" run --image --secret-heap --no-dump -- the-program under 32
    [ "$output" = found ]
}

@test "minisign signs with its key in the heap" {
    need minisign
    echo hello >"$DIR/message"
    run -0 --separate-stderr with_heap report minisign -G -W -f -p "$DIR/public" -s "$DIR/key"
    [[ $stderr == *"sealmem: minisign["*"]: libsodium's secret memory is a heap"* ]]
    with_heap "" minisign -S -s "$DIR/key" -m "$DIR/message" -x "$DIR/signature"
    minisign -V -p "$DIR/public" -m "$DIR/message" -x "$DIR/signature"
}
