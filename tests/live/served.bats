#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1083,SC2154,SC2016,SC2164,SC2030,SC2031

# Programs as they are, which read, seek and map what `sealmem serve` gives them by `sealmem run --from`.

load live

# serve NAME=FILE...: until the test ends.
serve() {
    "$SEALMEM" serve --socket "$DIR/served" "$@" 2>"$DIR/log" 3>&- &
    started="$started $!"
    wait_until grep -q ready "$DIR/log"
}

with() {
    "$SEALMEM" run --from "$DIR/served:$1" -- "${@:2}"
}

setup() {
    cd "$DIR"
    rm -f served served.lock
}

@test "python maps it, shared and private, and cannot write to it" {
    head -c 3000000 /dev/urandom >model
    serve model=model
    run -0 with model python3 -c 'import hashlib, mmap, sys
f = open(sys.argv[1], "rb")
for kind in mmap.MAP_SHARED, mmap.MAP_PRIVATE:
    m = mmap.mmap(f.fileno(), 0, kind, mmap.PROT_READ)
    print(hashlib.sha256(m).hexdigest())
try:
    open(sys.argv[1], "r+b", buffering=0).write(b"x")
except OSError as error:
    print(error.strerror)' {model}
    digest=$(sha256sum model | cut -d' ' -f1)
    [ "${lines[0]}" = "$digest" ]
    [ "${lines[1]}" = "$digest" ]
    [ "${lines[2]}" = "Operation not permitted" ]
    # The same act succeeds on the file that it came from.
    python3 -c 'open("model", "r+b", buffering=0).write(b"x")'
    run -0 with model sha256sum {model}
    [[ $output == "$digest "* ]]
}

@test "numpy.memmap reads it" {
    /usr/bin/python3 -c 'import numpy' 2>/dev/null || skip "no numpy"
    /usr/bin/python3 -c 'import numpy; numpy.arange(100000, dtype="<i4").tofile("weights")'
    serve weights=weights
    run -0 with weights /usr/bin/python3 -c 'import numpy, sys
print(int(numpy.memmap(sys.argv[1], dtype="<i4", mode="r").sum()))' {weights}
    [ "$output" = 4999950000 ]
}

# It resolves the path, and the file of a descriptor has none.
@test "sqlite3 opens it as an immutable database, with --files" {
    need sqlite3
    am_root || skip "needs root"
    unshare --mount --propagation private true 2>/dev/null || skip "private mounts are not possible here"
    rm -rf cities place
    mkdir place
    sqlite3 cities 'create table city(name, population); insert into city values ("Bern", 134000), ("Graz", 290000);'
    serve cities=cities
    run -0 "$SEALMEM" run --files=place --from "$DIR/served:cities" -- sqlite3 'file:{cities}?immutable=1' \
        'select name from city where population > 200000'
    [ "$output" = Graz ]
    run ! "$SEALMEM" run --files=place --from "$DIR/served:cities" -- sqlite3 'file:{cities}?immutable=1' \
        'delete from city'
    [[ $output == *readonly* ]]
    sqlite3 cities 'delete from city'
}

@test "zstd decompresses with it as a dictionary" {
    need zstd
    for i in $(seq 300); do printf '{"id": %d, "kind": "record", "text": "number %d"}\n' "$i" $((i * 7)) >"sample-$i"; done
    zstd -q -f --train sample-* -o dictionary
    zstd -q -f -D dictionary sample-7 -o sample.zst
    serve dictionary=dictionary
    run -0 with dictionary zstd -q -d -c -D {dictionary} sample.zst
    [ "$output" = "$(cat sample-7)" ]
}

@test "jq -f takes its program from it" {
    need jq
    printf '.numbers | add\n' >filter
    serve filter=filter
    printf '{"numbers": [1, 2, 39]}' >input
    run -0 with filter jq -f {filter} input
    [ "$output" = 42 ]
}

# geoip FILE NETWORK=CITY...: a database, as a whole in place of the one before.
geoip() {
    python3 -B "$BATS_TEST_DIRNAME/geoip.py" "$1.new" "${@:2}"
    mv "$1.new" "$1"
}

# mmdblookup maps the database.
@test "mmdblookup finds the city of an address in it, and nobody changes the answer" {
    need mmdblookup
    geoip geo 192.0.2.0/24=Bern 198.51.100.128/25=Graz
    serve geo=geo
    run -0 with geo mmdblookup --file {geo} --ip 198.51.100.200 city names en
    [[ $output == *'"Graz" <utf8_string>'* ]]
    run ! with geo mmdblookup --file {geo} --ip 198.51.100.1 city names en
    [[ $output == *"Could not find an entry"* ]]
    # The same act succeeds on the file that it came from.
    change='import sys
file = open(sys.argv[1], "r+b", buffering=0)
file.seek(file.read().index(b"Graz"))
try:
    file.write(b"Bonn")
except OSError as error:
    print(error.strerror)'
    run -0 with geo python3 -c "$change" {geo}
    [ "$output" = "Operation not permitted" ]
    run -0 with geo mmdblookup --file {geo} --ip 198.51.100.200 city names en
    [[ $output == *'"Graz" <utf8_string>'* ]]
    run -0 python3 -c "$change" geo
    [ -z "$output" ]
    run -0 mmdblookup --file geo --ip 198.51.100.200 city names en
    [[ $output == *'"Bonn" <utf8_string>'* ]]
}

@test "mmdblookup gives the answer of the newer database after --on-update restart" {
    need mmdblookup
    geoip geo 192.0.2.0/24=Bern
    serve --watch geo=geo
    "$SEALMEM" run --from "$DIR/served:geo" --on-update restart -- sh -c \
        'mmdblookup --file "$1" --ip 192.0.2.7 city names en; exec sleep infinity' sh {geo} >answers 3>&- &
    started="$started $!"
    wait_until grep -q '"Bern"' answers
    geoip geo 192.0.2.0/24=Graz
    wait_until grep -q '"Graz"' answers
    [ "$(grep -c utf8_string answers)" = 2 ]
}

@test "nginx serves TLS with a certificate that is served, beside its secret key" {
    need nginx
    need openssl
    need curl
    port=$(free_port)
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
        -keyout server.key -out server.crt 2>/dev/null
    serve certificate=server.crt
    nginx_conf "$DIR" "listen 127.0.0.1:$port ssl;" \
        "include $DIR/tls.conf;" \
        'return 200 "served\n";' >nginx.conf
    "$SEALMEM" run --from "$DIR/served:certificate" --secret key=server.key -- sh -c \
        'printf "ssl_certificate %s;\nssl_certificate_key %s;\n" "$1" "$2" >tls.conf
        PATH=$PATH:/usr/sbin exec nginx -e error.log -c "$PWD/nginx.conf"' sh {certificate} {key} 3>&- &
    started="$started $!"
    wait_until listens "$port"
    run -0 curl -s --cacert server.crt "https://localhost:$port/"
    [ "$output" = served ]
}

# certificate NAME: a new one with its key.
certificate() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -addext subjectAltName=DNS:localhost \
        -keyout "$1.key" -out "$1.crt" 2>/dev/null
    cat "$1.crt" "$1.key" >"$1.pem"
}

# The name in the certificate that is served.
served_name() {
    openssl s_client -connect "127.0.0.1:$1" </dev/null 2>/dev/null | openssl x509 -noout -subject | sed 's/.*CN *= *//'
}

serves() {
    [ "$(served_name "$1")" = "$2" ]
}

# Connects again and again until the file "stop" is there. Makes the file "connected" when it has begun to, and prints
# what failed.
connect_meanwhile() {
    python3 -c 'import os, socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
count = 0
while not os.path.exists("stop"):
    try:
        with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as plain, context.wrap_socket(plain) as tls:
            tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b"served" in b"".join(iter(lambda: tls.recv(4096), b""))
        count += 1
        open("connected", "w").close()
    except (OSError, AssertionError) as error:
        print("failed after", count, repr(error), flush=True)
        break' "$1"
}

# Both are in one file, so that no generation has the key of another certificate.
@test "nginx serves a renewed certificate with --on-update HUP, and refuses nobody meanwhile" {
    need nginx
    need openssl
    port=$(free_port)
    rm -f stop connected
    certificate first
    certificate second
    cp first.pem pair.pem
    serve --watch pair=pair.pem
    nginx_conf "$DIR" "listen 127.0.0.1:$port ssl;" \
        "include $DIR/pair.conf;" \
        'return 200 "served\n";' >renewed.conf
    "$SEALMEM" run --from "$DIR/served:pair" --on-update HUP -- sh -c \
        'printf "ssl_certificate %s;\nssl_certificate_key %s;\n" "$1" "$1" >pair.conf
        PATH=$PATH:/usr/sbin exec nginx -e error.log -c "$PWD/renewed.conf"' sh {pair} 3>&- &
    started="$started $!"
    wait_until serves "$port" first
    connect_meanwhile "$port" >connections 3>&- &
    client=$!
    wait_until test -e connected
    cp second.pem pair.new
    mv pair.new pair.pem
    wait_until serves "$port" second
    cp first.pem pair.new
    mv pair.new pair.pem
    wait_until serves "$port" first
    touch stop
    wait "$client"
    cat connections
    [ ! -s connections ]
}
