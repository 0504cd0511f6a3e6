#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154

# The secure memory of libgcrypt, its own and that of libsealmem-gcrypt.so: what libgcrypt documents holds both ways,
# and where they differ, each is shown.

load live
load drop-in

setup() {
    use_program "$GCRYPT_USER" "$GCRYPT_LIBRARY" "libgcrypt"
}

@test "what libgcrypt documents holds for libgcrypt" {
    says "" none
}

@test "what libgcrypt documents holds with the object preloaded" {
    says "" ""
    says "" start,report
    [[ $stderr == "sealmem: gcrypt-user["*"]: libgcrypt's secure memory is a heap: NOSWAP+NODUMP+GUARDS" ]]
}

@test "there are more objects than the pool of libgcrypt has" {
    am_root || skip "needs root: more memory is locked than a plain user may"
    says full none grow
    says grown "" grow
}

@test "with secrecy the kernel reads no object for anybody" {
    "$SEALMEM" probe --require SECRECY >/dev/null 2>&1 || skip "this kernel has no memfd_secret"
    says "" secrecy
    says found none read
    says found "" read
    says hidden secrecy read
}

@test "what cannot be met is refused" {
    says nothing unheard-of read
    for words in start unheard-of,start; do
        run -125 --separate-stderr "${PLAIN[@]}" prlimit --memlock=0 env LD_PRELOAD="$library" \
            SEALMEM_SECRET_HEAP=$words "$user" read
        [ -z "$output" ]
        [[ $stderr == "sealmem: gcrypt-user["*"]: libgcrypt's secure memory is not replaced: "* ]]
    done
}

# agent WORDS...: the agent signs with a new key. Prints how much memory it has locked.
agent() {
    local pid

    rm -rf "$DIR/gnupg"
    mkdir -m 700 "$DIR/gnupg"
    "$@" gpg-agent --daemon >"$DIR/log" 2>&1 3>&- 4>&-
    pid=$(gpg-connect-agent --no-autostart 'GETINFO pid' /bye | sed -n 's/^D //p')
    gpg --batch --passphrase '' --quick-gen-key someone ed25519 sign 2>/dev/null
    echo hello >"$DIR/message"
    gpg --batch --yes --detach-sign -o "$DIR/signature" "$DIR/message" &&
        gpg --verify "$DIR/signature" "$DIR/message" 2>/dev/null &&
        awk '/^VmLck/ { print $2 }' "/proc/$pid/status"
    gpgconf --kill gpg-agent
}

# It forks, and its own pool is not locked any more then.
@test "gpg-agent signs with a key in the heap, which is locked in its child too" {
    need gpg
    need gpg-agent
    export GNUPGHOME=$DIR/gnupg
    run -0 agent env
    [ "$output" = 0 ]
    run -0 agent env LD_PRELOAD="$library" SEALMEM_SECRET_HEAP=start,report
    [ "$output" -ge 64 ]
    grep -q "^sealmem: gpg-agent\[[0-9]*\]: libgcrypt's secure memory is a heap: NOSWAP+NODUMP+GUARDS$" "$DIR/log"
}
