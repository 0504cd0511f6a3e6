#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154,SC2030,SC2031

# docs/PROTOCOL.md is enough to write a client: one that was, in Python, with the publisher of `sealmem serve`; and the
# subscriber of the library with a publisher that was. What the document says of a publisher that cheats, both do.

load helper

setup() {
    DIR=$BATS_TEST_TMPDIR
    SOCKET=$SHARED/socket-$BATS_TEST_NUMBER
    LOG=$DIR/log
    DOCUMENT=$SOURCE/docs/PROTOCOL.md
    head -c 300000 /dev/urandom >"$DIR/rules"
    # Not a script that looks for it, which takes its time.
    PYTHON=/usr/bin/python3
    [ -x "$PYTHON" ] || PYTHON=python3
}

teardown() {
    [ -z "${SERVER-}" ] || kill -KILL "$SERVER" 2>/dev/null || true
    [ -z "${OTHER-}" ] || kill -KILL "$OTHER" 2>/dev/null || true
    wait 2>/dev/null || true
}

# in_file FILE PATTERN [COUNT]: waits until so many lines have it. Fails after 20 seconds.
in_file() {
    local i

    for ((i = 0; i < 400; i++)); do
        [ "$(grep -c -- "$2" "$1")" -lt "${3-1}" ] || return 0
        sleep 0.05
    done
    cat "$1"
    return 1
}

serve() {
    : >"$LOG"
    "$SEALMEM" serve --socket "$SOCKET" "$@" rules="$DIR/rules" 2>"$LOG" 3>&- &
    SERVER=$!
    in_file "$LOG" ready
}

# Waits for a child of this shell: ended_with STATUS PID
ended_with() {
    local status=0

    wait "$2" || status=$?
    [ "$status" = "$1" ]
}

# The next generation has these bytes.
publish() {
    cp "$1" "$DIR/rules"
    : >"$LOG"
    kill -HUP "$SERVER"
    in_file "$LOG" published
}

# cheat NUMBER[:FAULT]=TEXT...: a publisher gives these generations.
cheat() {
    rm -f "$SOCKET"
    : >"$LOG"
    "$PYTHON" "$BATS_TEST_DIRNAME/publisher.py" "$SOCKET" rules "$@" >"$LOG" 2>&1 3>&- &
    SERVER=$!
    in_file "$LOG" ready
}

stop_server() {
    kill "$SERVER"
    ended_with 143 "$SERVER"
}

client() {
    "$PYTHON" "$BATS_TEST_DIRNAME/protocol-client.py" "$SOCKET" "$@" 3>&-
}

# client_meanwhile ARGUMENT...: what it says is in the file said.
client_meanwhile() {
    : >"$DIR/said"
    "$PYTHON" "$BATS_TEST_DIRNAME/protocol-client.py" "$SOCKET" "$@" >"$DIR/said" 2>&1 3>&- &
    OTHER=$!
}

sha256() {
    sha256sum "$1" | cut -d' ' -f1
}

@test "the client takes a generation and the next, with the bytes of the file, and keeps the first one" {
    digest=$(sha256 "$DIR/rules")
    serve
    client_meanwhile rules count=2
    in_file "$DIR/said" taken
    head -c 200001 /dev/urandom >"$DIR/next"
    publish "$DIR/next"
    wait "$OTHER"
    mapfile -t lines <"$DIR/said"
    [ "${#lines[@]}" = 2 ]
    [[ ${lines[0]} =~ ^taken\ ([0-9]+)\ 300000\ $digest\ sha256:$digest$ ]]
    first=${BASH_REMATCH[1]}
    digest=$(sha256 "$DIR/next")
    [[ ${lines[1]} =~ ^taken\ ([0-9]+)\ 200001\ $digest\ sha256:$digest$ ]]
    [ "${BASH_REMATCH[1]}" -gt "$first" ]
}

@test "a client that comes again with its number gets only what is newer" {
    serve
    run -0 client rules
    [[ $output =~ ^taken\ ([0-9]+) ]]
    number=${BASH_REMATCH[1]}
    client_meanwhile rules "have=$number"
    printf two >"$DIR/next"
    publish "$DIR/next"
    wait "$OTHER"
    [[ $(cat "$DIR/said") =~ ^taken\ ([0-9]+)\ 3\ ($(sha256 "$DIR/next"))\  ]]
    [ "${BASH_REMATCH[1]}" -gt "$number" ]
}

@test "each status that the publisher has is told: no name, older than the client's, too many clients" {
    serve
    run -0 client other
    [ "$output" = "status 1" ]
    run -0 client rules have=18446744073709551615
    [ "$output" = "status 4" ]
    kill "$SERVER"
    ended_with 0 "$SERVER"
    serve --max-clients 1
    client_meanwhile rules count=2
    in_file "$DIR/said" taken
    run -0 client rules
    [ "$output" = "status 3" ]
    run -2 "$SEALMEM" serve --list "$SOCKET"
    [[ $output == *"as many subscribers"* ]]
}

@test "the publisher counts who has taken a generation, and not who has refused it" {
    serve
    client_meanwhile rules count=2
    in_file "$DIR/said" taken
    run -0 "$SEALMEM" serve --list "$SOCKET" --json
    [ "$(jq -c '.published[] | [.subscribers, .holders]' <<<"$output")" = "[1,1]" ]
    kill "$OTHER"
    ended_with 143 "$OTHER"
    client_meanwhile rules count=2 limit=299999
    in_file "$DIR/said" "refused.*size"
    run -0 "$SEALMEM" serve --list "$SOCKET" --json
    [ "$(jq -c '.published[] | [.subscribers, .holders]' <<<"$output")" = "[1,0]" ]
    # It is connected as before, and gets the next one.
    printf two >"$DIR/next"
    publish "$DIR/next"
    in_file "$DIR/said" taken
}

@test "a client without room for a descriptor refuses the generation, and gets the next one" {
    serve
    run -0 client rules descriptors=4
    [[ $output == "refused "*" no room for the descriptor" ]]
    run -0 client rules descriptors=64
    [[ $output == "taken "* ]]
}

@test "a client sees that the publisher has gone" {
    serve
    client_meanwhile rules count=2
    in_file "$DIR/said" taken
    kill -KILL "$SERVER"
    wait "$OTHER"
    [ "$(tail -n1 "$DIR/said")" = gone ]
}

# answers FAULT...: the client of the document answers a generation with each, and then the library does: 0, 1 or gone.
answers() {
    local fault twice=()

    for fault; do
        twice+=("5:$fault=text" "5:$fault=text")
    done
    cheat --in-turn "${twice[@]}"
    for fault; do
        client rules
        ! timeout 20 "$SEALMEM" run --from "$SOCKET:rules" -- true
    done >"$DIR/said" 2>&1
    in_file "$LOG" '^\(5 \)\?\(gone\|[01]\)$' $((2 * $#))
}

counted() {
    sed 's/^5 //' "$LOG" | sort | uniq -c | tr -s ' '
}

@test "the client and the library refuse what is no sealed memory, and keep the connection" {
    answers unsealed writable future growing shrinking file directory device
    [ "$(counted)" = $' 16 1\n 1 ready' ]
    [ "$(grep -c '^refused 5' "$DIR/said")" = 8 ]
}

@test "the client and the library close a connection in which anything is against the protocol" {
    answers none two three magic version short long kind client refused entry other endless control
    [ "$(counted)" = $' 28 gone\n 1 ready' ]
    [ "$(grep -c '^closed' "$DIR/said")" = 14 ]
}

@test "the client refuses a file whose seals some kernels do not mean" {
    cheat 5:doubtful=text
    client rules >"$DIR/said" || true
    ! grep -q "Invalid argument" "$LOG" || skip "no F_SEAL_EXEC"
    [ "$(cat "$DIR/said")" = "refused 5 seals" ]
}

@test "the client closes a connection in which a number does not grow" {
    for next in 4 5; do
        cheat 5=five $next=four
        client_meanwhile rules count=3
        in_file "$LOG" '^5 0'
        kill -USR1 "$SERVER"
        wait "$OTHER"
        [ "$(tail -n1 "$DIR/said")" = "closed a number that does not grow" ]
        in_file "$LOG" gone
        stop_server
    done
}

@test "the library takes and lists what a publisher gives that is written from the document" {
    cheat 5=text
    run -0 "$SEALMEM" serve --list "$SOCKET" --json
    [ "$(jq -c '.published[] | [.name, .generation, .size, .subscribers, .holders]' <<<"$output")" = '["rules","5",4,1,1]' ]
    run -0 "$SEALMEM" run --from "$SOCKET:rules" -- cat "{rules}"
    [ "$output" = text ]
    in_file "$LOG" '^5 0'
}

# What the document shows is true: its example and its messages.
@test "the example of the document prints each generation" {
    sed -n '/^```python$/,/^```$/{//!p}' "$DOCUMENT" >"$DIR/example.py"
    printf 'one' >"$DIR/rules"
    serve
    "$PYTHON" "$DIR/example.py" "$SOCKET" rules >"$DIR/said" 2>&1 3>&- &
    OTHER=$!
    in_file "$DIR/said" "3 b'one'"
    printf 'three' >"$DIR/next"
    publish "$DIR/next"
    in_file "$DIR/said" "5 b'three'"
    run -1 "$PYTHON" "$DIR/example.py" "$SOCKET" other
    [ "$output" = "refused: 1" ]
}
