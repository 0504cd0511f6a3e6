#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154

# The secure heap of OpenSSL, with its own functions and with libsealmem-openssl.so preloaded: what OpenSSL
# documents holds both ways, and where they differ, each is shown.

load live
load drop-in

setup() {
    use_program "$OPENSSL_USER" "$OPENSSL_LIBRARY" "OpenSSL 3"
}

@test "what OpenSSL documents holds for OpenSSL" {
    says "" none
}

@test "what OpenSSL documents holds with the object preloaded" {
    says "" ""
}

@test "the heap grows past the size that the program gave" {
    says full none grow
    says grown "" grow
}

@test "with start, a program that never asked has secure memory" {
    says ordinary none unasked
    says ordinary "" unasked
    says secure start unasked
    [ -z "$stderr" ]
    says secure start,report unasked
    [[ $stderr == "sealmem: openssl-user["*"]: OpenSSL's secure memory is a heap: NOSWAP+NODUMP+GUARDS" ]]
}

@test "with secrecy the kernel reads no object for anybody" {
    need_secrecy
    says found none read
    says found "" read
    says hidden secrecy read
    says hidden secrecy,start read
}

@test "what cannot be met is refused" {
    says nothing secrecy,unheard-of read
    run -0 "${PLAIN[@]}" prlimit --memlock=0 "$user" read
    [ "$output" = found ]
    run -0 "${PLAIN[@]}" prlimit --memlock=0 env LD_PRELOAD="$library" "$user" read
    [ "$output" = nothing ]
    for words in start unheard-of,start; do
        run -125 --separate-stderr "${PLAIN[@]}" prlimit --memlock=0 env LD_PRELOAD="$library" \
            SEALMEM_SECRET_HEAP=$words "$user" read
        [ -z "$output" ]
        [[ $stderr == "sealmem: openssl-user["*"]: OpenSSL's secure memory is not replaced: "* ]]
    done
}

@test "a libcrypto that calls its own functions is not mixed with the heap" {
    run -0 env LD_PRELOAD="$library:$SYMBOLIC" "$user" read
    [ "$output" = nothing ]
    run -125 --separate-stderr env LD_PRELOAD="$library:$SYMBOLIC" SEALMEM_SECRET_HEAP=start "$user" read
    [ -z "$output" ]
    [[ $stderr == *": the secure memory of a libcrypto that calls its own functions is not replaced: "* ]]
}

# serve WORDS...: a server with a new key, and how many bytes of it are in secure memory.
serve() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$DIR/key" -out "$DIR/crt" 2>/dev/null
    port=$(free_port)
    "$@" openssl s_server -quiet -accept "127.0.0.1:$port" -cert "$DIR/crt" -key "$DIR/key" -www 2>"$DIR/log" 3>&- 4>&- &
    started=$!
    wait_until listens "$port"
}

fetch() {
    printf 'GET / HTTP/1.0\r\n\r\n' | openssl s_client -quiet "-$1" -CAfile "$DIR/crt" -verify_return_error \
        -connect "127.0.0.1:$port" 2>/dev/null | grep -c '^HTTP/1.0 200'
}

# Some machines give a debugger the registers in a form that it cannot write back.
need_calls_by_gdb() {
    need gdb
    sleep 60 &
    started=$!
    gdb -q -batch -p "$started" -ex 'print (int) getpid()' 2>/dev/null </dev/null | grep -q "^\$1 = $started$" ||
        skip "gdb cannot call functions here"
    kill "$started"
}

bytes_in_use() {
    gdb -q -batch -p "$started" -ex 'print (unsigned long) CRYPTO_secure_used()' 2>/dev/null </dev/null |
        sed -n 's/^\$1 = //p'
}

@test "the key of openssl s_server is in the heap" {
    need openssl
    need_calls_by_gdb
    serve env LD_PRELOAD="$library" SEALMEM_SECRET_HEAP=start,report
    for version in tls1_2 tls1_3; do [ "$(fetch $version)" = 1 ]; done
    grep -q "^sealmem: openssl\[$started\]: OpenSSL's secure memory is a heap: NOSWAP+NODUMP+GUARDS$" "$DIR/log"
    # The numbers of an RSA key of 2,048 bits: d has 256 bytes, the others half of that each.
    [ "$(bytes_in_use)" -ge 896 ]
}

@test "nginx serves with its key in the heap, and its workers inherit it" {
    need nginx
    need openssl
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$DIR/key" -out "$DIR/crt" 2>/dev/null
    port=$(free_port)
    mkdir -p "$DIR/nginx"
    {
        echo "worker_processes 2;"
        nginx_conf "$DIR/nginx" "listen 127.0.0.1:$port ssl;" \
            "ssl_certificate $DIR/crt;" \
            "ssl_certificate_key $DIR/key;" \
            'return 200 "served\n";'
    } >"$DIR/nginx.conf"
    PATH=$PATH:/usr/sbin env LD_PRELOAD="$library" SEALMEM_SECRET_HEAP=start,report \
        nginx -c "$DIR/nginx.conf" 2>"$DIR/log" 3>&- 4>&- &
    started=$!
    wait_until listens "$port"
    grep -q "^sealmem: nginx\[$started\]: OpenSSL's secure memory is a heap" "$DIR/log"
    for _ in 1 2 3 4 5 6; do
        [ "$(printf 'GET / HTTP/1.0\r\n\r\n' | openssl s_client -quiet -CAfile "$DIR/crt" -verify_return_error \
            -connect "127.0.0.1:$port" 2>/dev/null | tail -n 1)" = served ]
    done
}
