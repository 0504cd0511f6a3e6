#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1083,SC2154,SC2016,SC2314,SC2030,SC2031

# `sealmem run --on-update`: it stays as the parent of the program, and tells it of newer generations.

load helper
load started

setup() {
    DIR=$BATS_TEST_TMPDIR
    SOCKET=$SHARED/socket-$BATS_TEST_NUMBER
    OUT=$DIR/out
    RULES=$DIR/rules
    printf 'one\n' >"$RULES"
    chmod 755 "$DIR"
    cp "$BATS_TEST_DIRNAME"/*.py "$SHARED/"
}

teardown() {
    [ -z "${RUNNING-}" ] || kill -KILL "$RUNNING" 2>/dev/null || true
    [ -z "${SERVER-}" ] || kill -KILL "$SERVER" 2>/dev/null || true
    wait 2>/dev/null || true
}

# in_file FILE PATTERN [COUNT]: waits until so many lines have it. Fails after 20 seconds.
in_file() {
    local i

    for ((i = 0; i < 400; i++)); do
        [ "$(grep -cE -- "$2" "$1")" -lt "${3-1}" ] || return 0
        sleep 0.05
    done
    cat "$1" "$DIR/err"
    return 1
}

said() {
    in_file "$OUT" "$@"
}

serve() {
    : >"$DIR/log"
    "$SEALMEM" serve --socket "$SOCKET" --mode 666 rules="$RULES" 2>"$DIR/log" 3>&- &
    SERVER=$!
    in_file "$DIR/log" ready
}

# Serves these generations of rules, NUMBER=TEXT, as nobody should.
publisher() {
    : >"$DIR/log"
    python3 "$SHARED/publisher.py" "$SOCKET" rules "$@" >"$DIR/log" 3>&- &
    SERVER=$!
    in_file "$DIR/log" ready
}

stop_server() {
    kill "$SERVER"
    wait "$SERVER"
}

# Serves these bytes next, and waits until the server does.
publish() {
    printf '%s\n' "$1" >"$RULES.new"
    mv "$RULES.new" "$RULES"
    : >"$DIR/log"
    kill -HUP "$SERVER"
    in_file "$DIR/log" published
}

# start OPTION... -- COMMAND...: in the background, until it is ready. $RUNNING is sealmem.
start() {
    : >"$OUT"
    "$SEALMEM" run --from "$SOCKET:rules" "$@" >"$OUT" 2>"$DIR/err" 3>&- &
    RUNNING=$!
    said ready
}

updated() {
    local options=()

    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    start "${options[@]}" -- /usr/bin/python3 "$SHARED/updated.py" "${@:2}"
}

# The program, by what it said last.
program() {
    awk '/^ready/ { pid = $2 } END { print pid }' "$OUT"
}

# ended_with STATUS: waits for sealmem.
ended_with() {
    local status=0

    wait "$RUNNING" || status=$?
    [ "$status" = "$1" ]
}

has_ended() {
    local i

    for ((i = 0; i < 400; i++)); do
        grep -q '^State:\s[^Z]' "/proc/$1/status" 2>/dev/null || return 0
        sleep 0.05
    done
    return 1
}

@test "the signal comes at a newer generation, and the same path leads to it" {
    serve
    updated --on-update HUP -- {rules}
    first=$(program)
    publish two
    said '^HUP two'
    publish three
    said '^HUP three'
    [ "$(grep -c ^start "$OUT")" = 1 ]
    [ "$(program)" = "$first" ]
    kill "$RUNNING"
    ended_with 7
}

@test "so do \$CREDENTIALS_DIRECTORY and NAME_FILE" {
    serve
    start --on-update USR1 --env-file -- sh -c '
        trap "cat \"\$CREDENTIALS_DIRECTORY/rules\" \"\$rules_FILE\"" USR1
        echo ready
        while :; do sleep 0.05; done'
    publish two
    said '^two$' 2
}

@test "a plain user and its children open the path" {
    [ -z "$(as_plain_user true 2>&1)" ] || skip "no other user"
    serve
    : >"$OUT"
    as_plain_user "$SEALMEM" run --from "$SOCKET:rules" --on-update HUP -- /usr/bin/python3 "$SHARED/updated.py" {rules} \
        >"$OUT" 2>"$DIR/err" 3>&- &
    # A shell waits for it, because the first word is a function.
    RUNNING=$!
    said ready
    RUNNING=$(pgrep -P "$RUNNING")
    publish two
    said '^HUP two'
}

@test "what the program has mapped stays as it is, and nobody can write to what is newer" {
    serve
    updated --on-update HUP -- {rules} --map
    publish two
    said '^HUP two'
    kill -USR2 "$RUNNING"
    said '^mapped one'
    path=$(tr '\0' '\n' <"/proc/$(program)/cmdline" | grep ^/proc)
    assert_sealed "$path"
    run ! sh -c 'printf three >"$0"' "$path"
    [ "$(cat "$path")" = two ]
    # The same act succeeds on the file that it came from.
    printf three >"$RULES"
}

@test "signals have names, with and without SIG, and numbers" {
    serve
    for word in HUP SIGHUP hup 1; do
        updated --on-update "$word" -- {rules}
        publish "for $word"
        said "^HUP for $word"
        kill "$RUNNING"
        ended_with 7
    done
}

@test "what is no signal, or cannot be received, is refused" {
    for word in '' 0 65 -1 1x HUPS SIG KILL STOP 9 Restart; do
        run --separate-stderr -125 "$SEALMEM" run --from "$SOCKET:rules" --on-update "$word" -- echo started
        assert_usage run "--on-update takes restart or a signal that a program can receive, not '$word'"
    done
}

@test "--on-update without --from is refused" {
    run --separate-stderr -125 "$SEALMEM" run --secret key="$RULES" --on-update HUP -- echo started
    assert_usage run "--on-update: there is no --from to wait for"
}

@test "a signal is refused with what gives the program something that stays" {
    for option in --files --no-dump --self-paths --listen-fds; do
        run --separate-stderr -125 "$SEALMEM" run "$option" --from "$SOCKET:rules" --on-update HUP -- echo started
        assert_usage run "with $option COMMAND could not open what is newer"
    done
}

@test "restart: the program ends, and starts with the newer generation" {
    serve
    updated --on-update restart -- {rules}
    first=$(program)
    publish two
    said '^ready' 2
    [ "$(grep -E '^(start|end)' "$OUT")" = $'start one\nend\nstart two' ]
    [ "$(program)" != "$first" ]
    kill "$RUNNING"
    ended_with 7
    [ ! -e "/proc/$(program)" ]
}

@test "restart: a program that does not end at SIGTERM is killed after ten seconds" {
    serve
    updated --on-update restart -- {rules} --ignore-term
    before=$SECONDS
    publish two
    said '^start two'
    [ $((SECONDS - before)) -ge 9 ]
}

@test "restart: ten generations in a row lead to the newest" {
    serve
    updated --on-update restart -- {rules}
    for i in 2 3 4 5 6 7 8 9 10 11; do
        publish "number $i"
    done
    said '^start number 11'
    sleep 0.5
    [ "$(grep ^start "$OUT" | tail -n1)" = 'start number 11' ]
    [ "$(pgrep -P "$RUNNING" | wc -l)" = 1 ]
}

@test "restart: a generation that comes while the program ends is not lost" {
    serve
    start --on-update restart -- sh -c 'trap "echo ends; sleep 1; exit" TERM
        echo ready "$(cat "$0")"; while :; do sleep 0.05; done' {rules}
    publish two
    said ends
    publish three
    said 'ready three'
    [ "$(grep -c ready "$OUT")" = 2 ]
}

@test "restart: who ends sealmem meanwhile does not get the program back" {
    serve
    start --on-update restart -- sh -c 'trap "echo ends; sleep 1; exit 5" TERM
        echo ready; while :; do sleep 0.05; done'
    publish two
    said ends
    kill "$RUNNING"
    ended_with 5
    [ "$(grep -c ready "$OUT")" = 1 ]
}

@test "restart: a program that cannot be executed any more ends it" {
    serve
    printf '#!/bin/sh\ntrap "exit 5" TERM\necho ready\nwhile :; do sleep 0.05; done\n' >"$DIR/program"
    chmod 755 "$DIR/program"
    start --on-update restart -- "$DIR/program"
    rm "$DIR/program"
    publish two
    ended_with 127
    grep -q "cannot execute '$DIR/program'" "$DIR/err"
}

@test "the exit status is that of the program" {
    serve
    for update in HUP restart; do
        run -0 "$SEALMEM" run --from "$SOCKET:rules" --on-update "$update" -- cat {rules}
        [ "$output" = one ]
        run -9 "$SEALMEM" run --from "$SOCKET:rules" --on-update "$update" -- sh -c 'exit 9'
        run --separate-stderr -127 "$SEALMEM" run --from "$SOCKET:rules" --on-update "$update" -- ./missing
        assert_error run "cannot execute './missing'"
    done
}

@test "who waits for sealmem sees the signal that ended the program" {
    serve
    for name in KILL TERM SEGV USR1; do
        run -0 python3 -c 'import subprocess, sys
sys.exit(subprocess.run(sys.argv[2:], stderr=subprocess.DEVNULL).returncode + int(sys.argv[1]))' "$(kill -l "$name")" \
            "$SEALMEM" run --from "$SOCKET:rules" --on-update HUP -- sh -c "kill -$name \$\$"
    done
}

@test "signals are passed on" {
    serve
    updated --on-update HUP -- {rules}
    for name in HUP USR1 USR2 WINCH INT QUIT ALRM; do
        kill "-$name" "$RUNNING"
        said "^$name one"
    done
    kill -RTMIN+1 "$RUNNING"
    said '^RT one'
    kill "$RUNNING"
    ended_with 7
}

@test "on a terminal Ctrl-C comes once, Ctrl-Z stops both, and the foreground stays" {
    serve
    run -0 timeout 60 /usr/bin/python3 "$SHARED/on-terminal.py" \
        "$SEALMEM" run --from "$SOCKET:rules" --on-update HUP -- /usr/bin/python3 "$SHARED/updated.py" {rules}
    [ "$output" = $'stopped True\ninterrupts 1\nforeground True\nstatus 7' ]
}

@test "signals that the caller blocks or ignores stay so in the program" {
    serve
    for update in '' '--on-update HUP'; do
        # shellcheck disable=SC2086
        python3 -c 'import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.signal(signal.SIGUSR2, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
os.execv(sys.argv[1], sys.argv[1:])' "$SEALMEM" run --from "$SOCKET:rules" $update -- grep -E '^Sig(Blk|Ign)' /proc/self/status
    done >"$OUT"
    [ "$(sort "$OUT" | uniq -c | awk '{ print $1 }' | sort -u)" = 2 ]
    grep -q '^SigBlk:.*0200$' "$OUT"
}

@test "a signal waits until the program says what it does at it" {
    serve
    : >"$OUT"
    "$SEALMEM" run --from "$SOCKET:rules" --on-update USR1 -- /usr/bin/python3 "$SHARED/updated.py" {rules} --late 1 \
        >"$OUT" 2>"$DIR/err" 3>&- &
    RUNNING=$!
    said ^start
    publish two
    said '^USR1 two'
}

@test "the publisher goes and comes back: one line, and then the newer generation" {
    serve
    updated --on-update HUP -- {rules}
    stop_server
    in_file "$DIR/err" "'rules' from '$SOCKET': the publisher has gone"
    sleep 1.5
    [ "$(wc -l <"$DIR/err")" = 1 ]
    kill -USR1 "$RUNNING"
    said '^USR1 one'
    printf 'two\n' >"$RULES"
    serve
    said '^HUP two'
    publish three
    said '^HUP three'
    [ "$(wc -l <"$DIR/err")" = 1 ]
}

@test "a generation with the same bytes, as of a publisher that starts again, is no news" {
    serve
    updated --on-update restart -- {rules}
    stop_server
    in_file "$DIR/err" gone
    serve
    sleep 2
    publish two
    said '^start two'
    [ "$(grep -c ^start "$OUT")" = 2 ]
}

@test "an empty generation is not passed without --allow-empty" {
    publisher 1=one 2= 3=three
    updated --on-update HUP -- {rules}
    kill -USR1 "$SERVER"
    said '^HUP three'
    [ "$(cat "$DIR/err")" = "sealmem: run: --from: 'rules' from '$SOCKET': the newest generation is empty, and --allow-empty is \
missing; the program keeps what it has" ]
    run ! grep -x 'HUP ' "$OUT"
}

@test "an empty generation is passed with --allow-empty" {
    publisher 1=one 2=
    updated --allow-empty --on-update HUP -- {rules}
    kill -USR1 "$SERVER"
    said '^HUP $'
    [ ! -s "$DIR/err" ]
}

@test "an older generation is never passed, whoever serves it" {
    publisher 5=five 4=four
    updated --on-update HUP -- {rules}
    kill -USR1 "$SERVER"
    in_file "$DIR/err" "'rules' from '$SOCKET': "
    kill -USR1 "$RUNNING"
    said '^USR1 five'
    sleep 1
    kill -USR1 "$RUNNING"
    said '^USR1 five' 2
    run ! grep four "$OUT"
    [ "$(wc -l <"$DIR/err")" = 1 ]
}

@test "a generation that is too large is not passed, and the next one is" {
    serve
    updated --max-size 100 --on-update HUP -- {rules}
    publish "$(head -c 200 /dev/zero | tr '\0' x)"
    in_file "$DIR/err" "'rules' from '$SOCKET'"
    kill -USR1 "$RUNNING"
    said '^USR1 one'
    publish two
    said '^HUP two'
}

@test "a thousand generations leave no descriptor, no mapping and no process" {
    serve
    run -0 timeout 250 python3 "$SHARED/many-updates.py" 1000 "$SERVER" "$RULES" \
        "$SEALMEM" run --from "$SOCKET:rules" --on-update HUP -- /usr/bin/python3 "$SHARED/updated.py" {rules}
    [ "$output" = "descriptors 0 mappings 0 children 1" ]
}

@test "the program ends when sealmem is killed" {
    serve
    for update in HUP restart; do
        updated --on-update "$update" -- {rules}
        kill -KILL "$RUNNING"
        said '^end'
        has_ended "$(program)"
    done
}

@test "a secret is read once, and each start has it" {
    serve
    printf 'hush' | "$SEALMEM" run --secret key=- --from "$SOCKET:rules" --on-update restart -- sh -c '
        trap "exit 5" TERM
        echo "ready $(cat "$0") $(cat "$1") $(cat "$CREDENTIALS_DIRECTORY/key")"
        while :; do sleep 0.05; done' {rules} {key} >"$OUT" 2>"$DIR/err" 3>&- &
    RUNNING=$!
    said '^ready one hush hush'
    publish two
    said '^ready two hush hush'
}

@test "restart: --self-paths, --no-dump, --no-new-privs and --deny-write-execute hold for each start" {
    need_no_sanitizer
    serve
    for option in --self-paths --no-dump --no-new-privs --deny-write-execute; do
        updated "$option" --on-update restart -- {rules}
        publish "for $option"
        said "^start for $option"
        said '^ready' 2
        [ "$option" != --no-new-privs ] || grep -q '^NoNewPrivs:.1' "/proc/$(program)/status"
        [ "$option" != --no-dump ] || run ! as_plain_user cat "/proc/$(program)/environ"
        kill "$RUNNING"
        ended_with 7
    done
}

@test "restart: --files are those of the newer generation" {
    need_mounts
    mkdir "$DIR/place"
    serve
    updated --files="$DIR/place" --on-update restart -- {rules}
    publish two
    said '^start two'
    said '^ready' 2
    grep -q "$DIR/place/rules" "/proc/$(program)/cmdline"
    kill "$RUNNING"
    said '^end' 2
}

@test "restart: --listen-fds names each program, and has the newer generation" {
    serve
    start --listen-fds --on-update restart -- sh -c 'trap "exit 5" TERM; [ "$LISTEN_PID" = $$ ]
        echo "ready $? $LISTEN_FDS $(cat <&3)"; while :; do sleep 0.05; done'
    said '^ready 0 1 one'
    publish two
    said '^ready 0 1 two'
}

@test "descriptors that sealmem itself received are announced to the program" {
    serve
    run -0 sh -c 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@" 3</dev/null' sh \
        "$SEALMEM" run --from "$SOCKET:rules" --on-update HUP -- sh -c 'echo "$((LISTEN_PID - $$)) $LISTEN_FDS"'
    [ "$output" = "0 1" ]
}

@test "many names are followed, each at its own descriptor" {
    serve
    : >"$OUT"
    from=()
    for i in 1 2 3 4 5 6 7 8; do
        from+=(--from "$SOCKET:rules=r$i")
    done
    start "${from[@]}" --on-update USR1 -- sh -c 'trap "cat \"\$@\" | sort | uniq -c" USR1
        echo ready; while :; do sleep 0.05; done' sh {rules} {r1} {r2} {r3} {r4} {r5} {r6} {r7} {r8}
    publish two
    said '^ *9 two'
}

@test "as the first process of a container it leaves no zombies, and exits with 128 and the signal" {
    need_root
    unshare --pid --fork --mount-proc true 2>/dev/null || skip "no PID namespaces here"
    serve
    run -143 unshare --pid --fork --mount-proc sh -c 'exec "$@"' sh "$SEALMEM" run --from "$SOCKET:rules" --on-update HUP -- sh -c '
        (sh -c "sleep 0.1 & exit" &) ; sleep 0.5; grep -l "^State:.Z" /proc/[0-9]*/status; kill $$'
    [ -z "$output" ]
}
