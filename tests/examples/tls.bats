#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The TLS example with keys and chains made for the occasion, root to intermediate to server, and the
# search for the key in its memory. Each kind of key, for OpenSSL keeps each in another way.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154

load common

KINDS="rsa ec ed25519"

options_rsa="rsa:2048"
options_ec="ec -pkeyopt ec_paramgen_curve:P-256"
options_ed25519="ed25519"

# issue SUBJECT KEY-OPTIONS EXTENSION [ISSUER]: SUBJECT.key and SUBJECT.crt
issue() {
    local issuer=()
    [ -z "$4" ] || issuer=(-CA "$4.crt" -CAkey "$4.key")
    # shellcheck disable=SC2086
    openssl req -x509 -nodes -days 2 -config req.cnf -newkey $2 -keyout "$1.key" -out "$1.crt" \
        -subj "/CN=$1" -addext "$3" "${issuer[@]}" 2>openssl.err || { cat openssl.err; return 1; }
}

setup_file() {
    make_directory
    printf '[req]\ndistinguished_name = dn\n[dn]\n' >req.cnf
    issue root rsa:2048 "basicConstraints=critical,CA:TRUE"
    issue middle rsa:2048 "basicConstraints=critical,CA:TRUE" root
    for kind in $KINDS; do
        options=options_$kind
        issue "$kind" "${!options}" "subjectAltName=DNS:localhost" middle
        cat "$kind.crt" middle.crt >"$kind.chain"
    done
    # The tests that run as nobody read them.
    chmod 644 ./*.key
}

teardown_file() {
    remove_directory
}

setup() {
    cd "$DIR" || exit
}

tls() {
    run --separate-stderr timeout 60 "$RUN" "$@"
}

serves_one_handshake() {
    tls --ca root.crt "$1.key" "$1.chain"
    [ "$status" -eq 0 ]
    [ "$stderr" = "" ]
    [[ $output =~ server:\ TLSv1.3,\ TLS_ ]]
    [[ $output =~ client:\ verified\ localhost,\ which\ said:\ This\ key\ cannot\ change\. ]]
    echo "# $1: ${BASH_REMATCH[0]}; $(grep -o 'decoded in.*' <<<"$output")" >&3
}

@test "serves a handshake with an RSA key; the client verifies the chain up to the root" {
    serves_one_handshake rsa
}

@test "serves a handshake with an elliptic curve key" {
    serves_one_handshake ec
}

@test "serves a handshake with an Ed25519 key" {
    serves_one_handshake ed25519
}

@test "the guarantees in force are the ones demanded" {
    tls --ca root.crt rsa.key rsa.chain
    demanded=$(sed -n 's/^server: demanded //p' <<<"$output")
    [[ $demanded =~ ^CONTENT\ (ADDRESS\ )?NOSWAP\ NODUMP\ NOFORK\ GUARDS$ ]]
    [ "$(sed -n 's/^server: in force //p' <<<"$output")" = "$demanded" ]
    echo "# $demanded" >&3
}

@test "a store to the sealed key is refused" {
    tls --ca root.crt rsa.key rsa.chain
    [[ $output =~ server:\ a\ store\ to\ the\ sealed\ key\ at\ 0x[0-9a-f]+:\ Bad\ address ]]
}

# Starts a server in the background and waits until it listens: $server, $port.
start_server() {
    coproc { exec timeout 60 "$RUN" --listen 0 rsa.key rsa.chain 2>complaint; }
    server=$COPROC_PID
    while read -r line && [[ $line != *listening* ]]; do :; done <&"${COPROC[0]}"
    port=${line##*:}
}

@test "serves openssl s_client on a port of the kernel's choice" {
    start_server
    sleep 1 | timeout 30 openssl s_client -connect "127.0.0.1:$port" -CAfile root.crt \
        -verify_return_error -verify_hostname localhost >answer
    wait "$server"
    grep -q 'Verify return code: 0 (ok)' answer
    grep -q 'This key cannot change.' answer
}

@test "a client that says nothing for ten seconds is sent away" {
    start_server
    exec 9<>"/dev/tcp/127.0.0.1/$port"
    wait "$server" || status=$?
    exec 9>&-
    [ "$status" -eq 2 ]
    [ "$(cat complaint)" = "tls: the client was silent for 10000 ms" ]
}

@test "a client of an older TLS is refused" {
    start_server
    run ! timeout 30 openssl s_client -connect "127.0.0.1:$port" -tls1_2
    wait "$server" || status=$?
    [ "$status" -eq 2 ]
    [ "$(cat complaint)" = "tls: server: handshake: unsupported protocol" ]
}

# The lines of the witness, as "SEALED ELSEWHERE" for the three moments.
witnessed() {
    run --separate-stderr timeout 120 "$WITNESS" "$@"
    [ "$status" -ne 77 ] || skip "$stderr"
    [ "$status" -eq 0 ]
    places=$(sed -En 's/^(waiting|in a handshake|connected): ([0-9]+) .*, ([0-9]+) elsewhere$/\2 \3/p' <<<"$output")
    [ "$(wc -l <<<"$places")" -eq 3 ]
}

keeps_one_copy() {
    witnessed "$1.key" "$RUN" --listen 0 "$1.key" "$1.chain"
    while read -r sealed elsewhere; do
        [ "$sealed" -gt 0 ]
        [ "$elsewhere" -eq 0 ]
    done <<<"$places"
    grep -E '^[a-z]' <<<"$output" | sed "s/^/# $1: /" >&3
}

@test "no copy of an RSA key outside sealed memory, waiting, stalled or connected" {
    keeps_one_copy rsa
}

@test "no copy of an elliptic curve key outside sealed memory, waiting, stalled or connected" {
    keeps_one_copy ec
}

@test "no copy of an Ed25519 key outside sealed memory, waiting, stalled or connected" {
    keeps_one_copy ed25519
}

@test "the same search finds each kind of key in a server that keeps it as usual" {
    for kind in $KINDS; do
        witnessed "$kind.key" openssl s_server -naccept 1 -accept 0 -key "$kind.key" -cert "$kind.crt"
        while read -r sealed elsewhere; do
            [ "$sealed" -eq 0 ]
            [ "$elsewhere" -gt 0 ]
        done <<<"$places"
        grep -E '^[a-z]' <<<"$output" | sed "s/^/# s_server, $kind: /" >&3
    done
}

as_nobody_with_lock_limit() {
    run --separate-stderr with_limit -l "$1" timeout 60 "${NOBODY[@]}" \
        "$RUN" --ca root.crt rsa.key rsa.chain
}

@test "runs as nobody with the limit for locked memory that there is" {
    run --separate-stderr timeout 60 "${NOBODY[@]}" "$RUN" --ca root.crt rsa.key rsa.chain
    [ "$status" -eq 0 ]
    [[ $output =~ client:\ verified ]]
    echo "# RLIMIT_MEMLOCK is $(ulimit -l) KiB" >&3
}

@test "runs as nobody with the 64 KiB of locked memory that older kernels allow" {
    [ "$(getconf PAGESIZE)" -le 16384 ] || skip "pages of $(getconf PAGESIZE) bytes"
    as_nobody_with_lock_limit 64
    [ "$status" -eq 0 ]
}

@test "says so if no memory may be locked" {
    as_nobody_with_lock_limit 0
    [ "$status" -eq 2 ]
    complained "tls: cannot make a region for the key: RLIMIT_MEMLOCK (ulimit -l) is too low to keep it out of swap"
}

@test "says so if too little memory may be locked for the moment of the seal" {
    [ "$(getconf PAGESIZE)" -le 16384 ] || skip "pages of $(getconf PAGESIZE) bytes"
    as_nobody_with_lock_limit 60
    [ "$status" -eq 2 ]
    complained "tls: cannot seal the key: RLIMIT_MEMLOCK (ulimit -l) is too low to keep it out of swap"
}

refuses() {
    local message=$1
    shift
    tls "$@"
    [ "$status" -eq 2 ]
    [[ $output != *listening* ]]
    complained "tls: $message"
}

@test "refuses the key of another certificate of the same kind" {
    refuses "middle.key is not the key of the first certificate in rsa.chain: key values mismatch" \
        middle.key rsa.chain
}

@test "refuses the key of another certificate of another kind" {
    refuses "ec.key is not the key of the first certificate in rsa.chain: different key types" \
        ec.key rsa.chain
}

@test "refuses a truncated key" {
    head -c 900 rsa.key >cut.key
    refuses "cut.key: not a private key that OpenSSL can read: bad end line" cut.key rsa.chain
}

@test "refuses a chain truncated in its first certificate" {
    head -c 500 rsa.chain >cut.chain
    refuses "cut.chain: certificate 1 cannot be used: bad end line" rsa.key cut.chain
}

@test "refuses a chain truncated in its second certificate" {
    head -c -100 rsa.chain >cut.chain
    refuses "cut.chain: certificate 2 cannot be used: bad end line" rsa.key cut.chain
}

@test "refuses a key whose text was damaged" {
    sed '3s/./!/' rsa.key >bad.key
    refuses "bad.key: not a private key that OpenSSL can read: bad base64 decode" bad.key rsa.chain
}

@test "refuses an encrypted key, without asking for the password" {
    openssl pkey -aes128 -passout pass:secret -in rsa.key -out locked.key
    refuses "locked.key: the key is encrypted" locked.key rsa.chain
    openssl rsa -traditional -aes128 -passout pass:secret -in rsa.key -out locked.key 2>openssl.err
    refuses "locked.key: the key is encrypted" locked.key rsa.chain
}

@test "refuses key and chain the wrong way round" {
    refuses "rsa.key: certificate 1 cannot be used: no start line" rsa.chain rsa.key
}

@test "refuses a certificate as a key" {
    refuses "rsa.crt: not a private key that OpenSSL can read: no start line" rsa.crt rsa.chain
}

@test "refuses a file that is not there" {
    refuses "nowhere: No such file or directory" nowhere rsa.chain
    refuses "nowhere: No such file or directory" rsa.key nowhere
}

@test "refuses an empty file" {
    : >empty
    refuses "empty: empty" empty rsa.chain
    refuses "empty: empty" rsa.key empty
}

@test "refuses a directory" {
    refuses "$DIR: Is a directory" "$DIR" rsa.chain
}

@test "refuses binary junk" {
    head -c 4000 "$RUN" >junk
    refuses "junk: not a private key that OpenSSL can read: no start line" junk rsa.chain
    refuses "junk: certificate 1 cannot be used: no start line" rsa.key junk
}

@test "refuses a file without end" {
    refuses "/dev/zero: too long, a PEM file here has less than 15360 bytes" /dev/zero rsa.chain
}

@test "refuses a root that is not there" {
    refuses "nowhere: no certificates to trust: No such file or directory" --ca nowhere rsa.key rsa.chain
}

@test "refuses a port that is none" {
    for port in 65536 -1 http '' 1x; do
        refuses "--listen takes a port, not \"$port\"" --listen "$port" rsa.key rsa.chain
    done
}

@test "refuses an unknown option and points to --help" {
    refuses "--listn: see tls --help" --listn
}

client_says() {
    [ "$status" -eq 2 ]
    [[ $output != *verified* ]]
    [[ $stderr == *"tls: client: the chain cannot be trusted: $1"* ]]
    [[ $stderr == *"tls: server: handshake: "* ]]
}

@test "the client does not verify a chain without the intermediate certificate" {
    tls --ca root.crt rsa.key rsa.crt
    client_says "unable to get local issuer certificate"
}

@test "the client does not verify a chain of another root" {
    issue other rsa:2048 "basicConstraints=critical,CA:TRUE"
    tls --ca other.crt rsa.key rsa.chain
    client_says "unable to get local issuer certificate"
}

@test "the client does not verify a certificate of another name" {
    tls --ca root.crt --name example.org rsa.key rsa.chain
    client_says "hostname mismatch"
}
