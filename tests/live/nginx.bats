#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

load live

setup() {
    need nginx
    need openssl
    need curl
    port=$(free_port)
    cd "$DIR"
    rm -rf nginx.* error.log body proxy fastcgi uwsgi scgi
    # The key is never in a file: it is in a variable of this shell that is not exported.
    key=$(openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout /dev/stdout -out server.crt 2>/dev/null)
    line=$(sed -n 8p <<<"$key")
    [ "${#line}" = 64 ]
    nginx_conf "$DIR" "listen 127.0.0.1:$port ssl;" \
        "ssl_certificate $DIR/server.crt;" \
        "ssl_certificate_key @key@;" \
        'return 200 "served\n";' >nginx.conf.in
}

# nginx takes no key as an argument, so the number goes into its configuration. As the user in $PLAIN, or as
# the user of the test.
start_nginx() {
    chmod 777 "$DIR"
    printf '%s\n' "$key" | alone "$@" "$SEALMEM" run --secret key=- -- \
        sh -c 'sed "s,@key@,$0," nginx.conf.in >nginx.conf; PATH=$PATH:/usr/sbin exec nginx -c "$PWD/nginx.conf"' {key} \
        >"$DIR/out" 2>&1 &
    wait_until listens "$port" || { cat "$DIR/out" "$DIR/error.log"; return 1; }
    master=$(cat nginx.pid)
    started=$master
}

fetch() {
    curl --silent --show-error --max-time 10 --cacert server.crt "https://localhost:$port/" --resolve "localhost:$port:127.0.0.1"
}

workers() {
    pgrep -P "$master"
}

serves_and_reloads() {
    run -0 fetch
    [ "$output" = served ]
    assert_holds_sealed "$master" key
    before=$(workers)
    kill -HUP "$master"
    wait_until other_workers
    run -0 fetch
    [ "$output" = served ]
    kill -HUP "$master"
    run -0 fetch
    assert_holds_sealed "$master" key
}

other_workers() {
    [ -n "$(workers)" ] && [ -z "$(comm -12 <(workers | sort) <(sort <<<"$before"))" ]
}

@test "nginx serves HTTPS with its key in a sealed descriptor, before and after reloads" {
    start_nginx
    serves_and_reloads
}

@test "nginx serves HTTPS with a sealed key as a plain user" {
    start_nginx "${PLAIN[@]}"
    serves_and_reloads
}

@test "the key is in no environment, no argument list and no file while nginx serves" {
    start_nginx
    run -0 fetch
    run -0 places_of "$line" "$DIR" /tmp /run /dev/shm /var/tmp /var/lib/nginx /var/log
    [ -z "$output" ]
}

@test "the same search finds a key that is in one of these places" {
    LEAK=$line sleep 60 3>&- 4>&- &
    started=$!
    run -0 places_of "$line" "$DIR"
    [[ $output == *"/proc/$started/environ"* ]]
    kill "$started"
    sh -c 'sleep 60; :' "$line" 3>&- 4>&- &
    started=$!
    printf '%s\n' "$key" >"$DIR/leaked.key"
    run -0 places_of "$line" "$DIR"
    rm "$DIR/leaked.key"
    pkill -P "$started"
    [[ $output == *"/proc/$started/cmdline"* ]]
    [[ $output == *"$DIR/leaked.key"* ]]
}

@test "nginx does not start without the key" {
    sed "s,@key@,/dev/fd/3," nginx.conf.in >nginx.conf
    run -1 alone env PATH="$PATH:/usr/sbin" timeout 10 nginx -c "$DIR/nginx.conf"
    [[ $output == *"/dev/fd/3"* ]]
}
