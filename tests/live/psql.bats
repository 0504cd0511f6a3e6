#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

load live

PASSWORD=quite-a-password

setup() {
    binaries=$(find /usr/lib/postgresql -name initdb -printf '%h\n' 2>/dev/null | sort -V | tail -n 1)
    [ -n "$binaries" ] || skip "no PostgreSQL server"
    need psql
    port=$(free_port)
    mkdir -m 777 "$DIR/data"
    cd "$DIR"
    # As nobody, because it refuses to run as root.
    echo "$PASSWORD" | "${PLAIN[@]}" "$SEALMEM" run --secret password=- -- "$binaries/initdb" \
        -D "$DIR/data/db" -U someone --auth=scram-sha-256 --no-sync --pwfile={password} \
        >"$DIR/initdb.log" 2>&1 || { cat "$DIR/initdb.log"; return 1; }
    "${PLAIN[@]}" "$binaries/postgres" -D "$DIR/data/db" -p "$port" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories= -c fsync=off >"$DIR/data/log" 2>&1 3>&- 4>&- &
    started=$!
    wait_until listens "$port"
    wait_until "$binaries/pg_isready" -h 127.0.0.1 -p "$port"
}

teardown() {
    kill -INT "$started" 2>/dev/null || true
    wait || true
    rm -rf "$DIR/data"
}

query() {
    printf '127.0.0.1:%s:*:someone:%s\n' "$port" "$1" | alone "${@:3}" "$SEALMEM" run --secret pgpass=- -- \
        env PGPASSFILE={pgpass} psql -w -X -A -t -h 127.0.0.1 -p "$port" -U someone -d postgres -c "$2"
}

@test "psql takes its password file from a sealed descriptor" {
    run -0 query "$PASSWORD" 'select 6 * 7'
    [ "$output" = 42 ]
    run -0 query "$PASSWORD" 'select 6 * 7' "${PLAIN[@]}"
    [ "$output" = 42 ]
}

@test "psql is refused with another password, and without one" {
    run -2 query wrong 'select 6 * 7'
    [[ $output == *"password authentication failed"* ]]
    run -2 psql -w -X -h 127.0.0.1 -p "$port" -U someone -d postgres -c 'select 6 * 7'
    [[ $output == *"no password supplied"* ]]
}

@test "psql refuses a password file that others may read, which is why the mode is 400" {
    printf '127.0.0.1:%s:*:someone:%s\n' "$port" "$PASSWORD" >pgpass
    run -2 alone "$SEALMEM" run --mode 444 --secret pgpass=pgpass -- \
        env PGPASSFILE={pgpass} psql -w -X -h 127.0.0.1 -p "$port" -U someone -d postgres -c 'select 6 * 7'
    rm pgpass
    [[ $output == *"permissions should be u=rw (0600) or less"* ]]
}

@test "psql holds a sealed descriptor while it runs, and the password is in no environment or argument list" {
    query "$PASSWORD" 'select pg_sleep(5)' >/dev/null 3>&- 4>&- &
    client=$(wait_for_holder '[^ ]*psql .*pg_sleep' pgpass)
    assert_holds_sealed "$client" pgpass
    run -0 places_of "$PASSWORD" "$DIR"
    [ -z "$output" ]
    kill "$client"
}
