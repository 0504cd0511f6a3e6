#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1083,SC2154,SC2016,SC2314,SC2030,SC2031

load helper

setup() {
    DIR=$BATS_TEST_TMPDIR
    SOCKET=$DIR/socket
    LOG=$DIR/log
    export OUT=$DIR/out
    printf 'first rules\n' >"$DIR/rules"
    printf 'a table' >"$DIR/table"
    cp "$BATS_TEST_DIRNAME/subscriber.py" "$SHARED/"
}

teardown() {
    [ -z "${SERVER-}" ] || kill -KILL "$SERVER" 2>/dev/null || true
    [ -z "${OTHER-}" ] || kill -KILL "$OTHER" 2>/dev/null || true
}

# Waits until a line that has the text is in the log. Fails after 20 seconds.
logged() {
    local i

    for ((i = 0; i < 200; i++)); do
        ! grep -q -- "$1" "$LOG" || return 0
        sleep 0.1
    done
    cat "$LOG"
    return 1
}

# Serves in the background until the test ends, and waits until it is ready.
serve() {
    : >"$LOG"
    "$SEALMEM" serve --socket "$SOCKET" "$@" 2>"$LOG" 3>&- &
    SERVER=$!
    logged ready
}

# Waits for a child of this shell: ended_with STATUS PID
ended_with() {
    local status=0

    wait "$2" || status=$?
    [ "$status" = "$1" ]
}

stop() {
    kill "$SERVER"
    wait "$SERVER"
}

# Asks for the files to be read again, and waits for what comes of it.
reload() {
    kill -HUP "$SERVER"
    logged "$1"
}

subscribe() {
    python3 "$SHARED/subscriber.py" "$SOCKET" "$@"
}

sha256() {
    sha256sum "$1" | cut -d' ' -f1
}

# Replaces a file as a whole, as an editor or a package manager does.
replace() {
    printf '%s' "$2" >"$1.new"
    mv "$1.new" "$1"
}

@test "a client gets the bytes of the file, sealed" {
    serve rules="$DIR/rules" table="$DIR/table"
    run -0 subscribe rules
    [[ $output == *" first rules" ]]
    run -0 subscribe table
    [[ $output == *" a table" ]]
}

@test "all clients share the same memory" {
    head -c 1000000 /dev/urandom >"$DIR/large"
    serve large="$DIR/large"
    for i in 1 2 3; do
        subscribe large | head -n1 | cut -d' ' -f2
    done >"$DIR/inodes"
    [ "$(sort -u "$DIR/inodes" | wc -l)" = 1 ]
}

@test "a name that is not served is refused" {
    serve rules="$DIR/rules"
    run -1 subscribe other
    [ "$output" = "refused 1" ]
}

@test "a file with the right digest is served, and with another one nothing is" {
    serve rules="$DIR/rules,sha256=$(sha256 "$DIR/rules")"
    run -0 subscribe rules
    stop
    run --separate-stderr -1 "$SEALMEM" serve --socket "$SOCKET" rules="$DIR/rules,sha256=$(sha256 "$DIR/table")"
    assert_error serve "rules: '$DIR/rules' has a different SHA-256: $(sha256 "$DIR/rules")"
    [ ! -e "$SOCKET" ]
}

@test "the digest is that of the sealed copy: a file that changes while it is read is not served" {
    need_no_sanitizer
    type -P strace >/dev/null || skip "no strace"
    head -c 3000000 /dev/zero >"$DIR/large"
    timeout 20 strace -qq -o /dev/null -P "$DIR/large" -e trace=sendfile -e inject=sendfile:delay_exit=1500000:when=1 \
        "$SEALMEM" serve --socket "$SOCKET" large="$DIR/large" 2>"$LOG" 3>&- &
    OTHER=$!
    sleep 0.7
    printf x | dd of="$DIR/large" conv=notrunc 2>/dev/null
    ended_with 2 "$OTHER"
    grep -q "'$DIR/large' changed while it was read" "$LOG"
}

@test "clients are served while a file is read, and SIGTERM ends that" {
    need_no_sanitizer
    type -P strace >/dev/null || skip "no strace"
    serve large="$DIR/rules"
    head -c 20000000 /dev/zero >"$DIR/rules"
    timeout 30 strace -qq -o /dev/null -P "$DIR/rules" -e trace=sendfile -e inject=sendfile:delay_exit=300000 \
        -p "$SERVER" 3>&- &
    OTHER=$!
    sleep 0.5
    reload reloading
    run -0 subscribe large
    [[ $output == *" first rules" ]]
    stop
    grep -q "kept large: generation [0-9]*: the reading of '$DIR/rules' was ended" "$LOG"
}

@test "SIGHUP: a file with other bytes is the next generation, and others stay as they are" {
    serve rules="$DIR/rules" table="$DIR/table"
    subscribe rules 2 >"$DIR/got" &
    OTHER=$!
    until grep -q first "$DIR/got"; do sleep 0.1; done
    replace "$DIR/rules" "second rules"
    reload "unchanged table"
    wait "$OTHER"
    [ "$(cut -d' ' -f3- "$DIR/got" | grep .)" = $'first rules\nsecond rules' ]
    [ "$(grep -c published "$LOG")" = 3 ]
}

@test "SIGHUP: a file that is written in place does not change what others have" {
    serve rules="$DIR/rules"
    printf 'other rules\n' >"$DIR/rules"
    run -0 subscribe rules
    [[ $output == *" first rules" ]]
    reload "published rules.*12 bytes, sha256 $(sha256 "$DIR/rules")"
    run -0 subscribe rules
    [[ $output == *" other rules" ]]
}

@test "SIGHUP: a file that is gone, empty, too large or not verified leaves the generation" {
    serve --max-size 1K rules="$DIR/rules,sha256=$(sha256 "$DIR/rules")"
    before=$(subscribe rules)
    replace "$DIR/rules" "other rules"
    reload "kept rules: generation [0-9]*: '$DIR/rules' has a different SHA-256: $(sha256 "$DIR/rules")"
    rm "$DIR/rules"
    reload "kept rules: generation [0-9]*: cannot open '$DIR/rules': No such file or directory"
    : >"$DIR/rules"
    reload "kept rules: generation [0-9]*: '$DIR/rules' is empty"
    head -c 1025 /dev/zero >"$DIR/rules"
    reload "kept rules: generation [0-9]*: '$DIR/rules' is larger than 1024 bytes: raise --max-size"
    rm "$DIR/rules"
    mkfifo "$DIR/rules"
    reload "kept rules: generation [0-9]*: '$DIR/rules' is not a regular file"
    [ "$(subscribe rules)" = "$before" ]
    [ "$(grep -c published "$LOG")" = 1 ]
}

@test "a file that cannot be served is one line, and no socket stays" {
    mkfifo "$DIR/pipe"
    : >"$DIR/empty"
    while read -r name why; do
        run --separate-stderr -2 "$SEALMEM" serve --socket "$SOCKET" rules="$DIR/rules" x="$DIR/$name"
        assert_error serve "x: $why"
        [ ! -e "$SOCKET" ]
    done <<END
missing cannot open '$DIR/missing': No such file or directory
pipe '$DIR/pipe' is not a regular file
. '$DIR/.' is not a regular file
empty '$DIR/empty' is empty
END
    run --separate-stderr -2 "$SEALMEM" serve --max-size 3 --socket "$SOCKET" rules="$DIR/rules"
    assert_error serve "rules: '$DIR/rules' is larger than 3 bytes: raise --max-size"
}

# Fails unless the next generation of rules has this digest before 20 seconds are over.
published_next() {
    logged "published rules.*sha256 $(printf '%s' "$1" | sha256sum | cut -d' ' -f1)"
}

@test "--watch: a file that is renamed over, written in place or linked is the next generation" {
    serve --watch rules="$DIR/rules" table="$DIR/table"
    replace "$DIR/rules" "by rename"
    published_next "by rename"
    printf 'in place' >"$DIR/rules"
    published_next "in place"
    printf 'by link' >"$DIR/linked"
    rm "$DIR/rules"
    logged "kept rules: generation [0-9]*: cannot open '$DIR/rules': No such file or directory"
    ln "$DIR/linked" "$DIR/rules"
    published_next "by link"
    rm "$DIR/rules"
    ln -s linked "$DIR/rules"
    replace "$DIR/linked" "through a link"
    published_next "through a link"
    ! grep -q "unchanged table" "$LOG"
}

@test "--watch: a file that is gone stays served, and is read when it comes back" {
    serve --watch rules="$DIR/rules"
    rm "$DIR/rules"
    logged "kept rules: generation [0-9]*: cannot open"
    run -0 subscribe rules
    [[ $output == *" first rules" ]]
    printf 'back' >"$DIR/rules"
    published_next back
}

@test "--watch: links that are swapped as Kubernetes does, absolute links, and directories that are replaced" {
    mkdir -p "$DIR/volume/..1" "$DIR/volume/..2" "$DIR/volume/..3"
    for i in 1 2 3; do printf 'version %d' "$i" >"$DIR/volume/..$i/rules"; done
    ln -s ..1 "$DIR/volume/..data"
    ln -s ..data/rules "$DIR/volume/rules"
    mkdir "$DIR/etc"
    ln -s "$DIR/volume" "$DIR/etc/current"
    serve --watch rules="$DIR/etc/current/rules"
    for i in 2 3; do
        ln -s "..$i" "$DIR/volume/..tmp"
        mv -T "$DIR/volume/..tmp" "$DIR/volume/..data"
        rm -r "$DIR/volume/..$((i - 1))"
        published_next "version $i"
    done
    mkdir "$DIR/other"
    printf 'another volume' >"$DIR/other/rules"
    ln -sfn "$DIR/other" "$DIR/etc/current"
    published_next "another volume"
    mv "$DIR/other" "$DIR/old"
    logged "kept rules"
    mkdir "$DIR/new"
    printf 'a new directory' >"$DIR/new/rules"
    mv "$DIR/new" "$DIR/other"
    published_next "a new directory"
}

@test "--watch: a file is not read while it is written for the first time" {
    serve --watch rules="$DIR/rules"
    rm "$DIR/rules"
    logged kept
    (
        printf 'half'
        sleep 1
        printf ' and half'
    ) >"$DIR/rules"
    published_next "half and half"
    [ "$(grep -c published "$LOG")" = 2 ]
}

@test "--watch: a relative path, with . and .., is watched too" {
    mkdir "$DIR/sub"
    (
        cd "$DIR/sub"
        serve --watch rules=.././rules
        replace "$DIR/rules" "relative"
        published_next relative
        stop
    )
}

@test "--verify: the command reads the sealed copy, and knows the name and the path" {
    serve --verify 'cat >"$OUT-$SEALMEM_NAME"; echo "$SEALMEM_FILE" >>"$OUT-$SEALMEM_NAME"
        python3 -c "import fcntl; print(fcntl.fcntl(0, 1034) & 14)" >>"$OUT-$SEALMEM_NAME"; echo lost' \
        rules="$DIR/rules" table="$DIR/table"
    [ "$(cat "$OUT-rules")" = "first rules
$DIR/rules
14" ]
    [ "$(cat "$OUT-table")" = "a table$DIR/table
14" ]
    ! grep -q lost "$LOG"
}

@test "--verify: what the command refuses is not served, and nothing is at start" {
    run --separate-stderr -1 "$SEALMEM" serve --socket "$SOCKET" --verify 'exit 3' rules="$DIR/rules"
    assert_error serve "rules: its verification exited with status 3"
    run --separate-stderr -1 "$SEALMEM" serve --socket "$SOCKET" --verify 'kill -9 $$' rules="$DIR/rules"
    assert_error serve "rules: its verification was killed by signal 9"
    [ ! -e "$SOCKET" ]
    serve --verify 'grep -q rules /dev/stdin' rules="$DIR/rules"
    replace "$DIR/rules" "nothing of the kind"
    reload "kept rules: generation [0-9]*: its verification exited with status 1"
    run -0 subscribe rules
    [[ $output == *" first rules" ]]
    replace "$DIR/rules" "other rules"
    reload "published rules.* 11 bytes"
    run -0 subscribe rules
    [[ $output == *" other rules" ]]
}

@test "--verify: the command can neither change the bytes nor outlive its time, with what it has started" {
    serve --verify 'echo changed >/dev/stdin; true' rules="$DIR/rules"
    run -0 subscribe rules
    [[ $output == *" first rules" ]]
    stop
    run --separate-stderr -1 "$SEALMEM" serve --socket "$SOCKET" --verify-timeout 1 \
        --verify 'sleep 1000 & echo $! >"$OUT"; wait' rules="$DIR/rules"
    assert_error serve "rules: its verification took longer than 1 seconds"
    # Killed, whether or not somebody has waited for it yet.
    for i in {1..50}; do
        ! grep -qs '^State:.[^ZX]' "/proc/$(cat "$OUT")/status" || sleep 0.1
    done
    ! grep -qs '^State:.[^ZX]' "/proc/$(cat "$OUT")/status"
}

@test "--verify: clients are served while the command runs, and SIGTERM ends both" {
    serve --verify '[ ! -e "$OUT" ] || sleep 1000' rules="$DIR/rules"
    : >"$OUT"
    replace "$DIR/rules" second
    reload reloading
    run -0 subscribe rules
    [[ $output == *" first rules" ]]
    stop
    grep -q "kept rules: generation [0-9]*: a signal ended its verification" "$LOG"
}

@test "--verify: the command gets the signals and the limit of descriptors that the server was started with" {
    (
        ulimit -Sn 200
        serve --verify 'ulimit -Sn >"$OUT"; grep -E "SigBlk" /proc/self/status >>"$OUT"' rules="$DIR/rules"
        stop
    )
    [ "$(head -n1 "$OUT")" = 200 ]
    [ "$(sed -n 's/^SigBlk:\t//p' "$OUT")" = 0000000000000000 ]
}

@test "SIGTERM and SIGINT end it with status 0, and remove the socket" {
    for signal in TERM INT; do
        serve rules="$DIR/rules"
        [ -S "$SOCKET" ]
        kill "-$signal" "$SERVER"
        wait "$SERVER"
        [ ! -e "$SOCKET" ]
        grep -q '^sealmem: serve: stopping: ' "$LOG"
    done
}

@test "a client keeps what it has when the server is killed, and the next server takes the socket over" {
    serve rules="$DIR/rules"
    subscribe rules 2 >"$DIR/got" &
    OTHER=$!
    until grep -q first "$DIR/got"; do sleep 0.1; done
    kill -KILL "$SERVER"
    ended_with 2 "$OTHER"
    [ -S "$SOCKET" ]
    before=$(cut -d' ' -f1 "$DIR/got" | head -n1)
    serve rules="$DIR/rules"
    run -0 subscribe rules
    [ "${output%% *}" -gt "$before" ]
}

@test "the socket of a server that lives is never taken: not of this command, not of another one" {
    serve rules="$DIR/rules"
    run --separate-stderr -2 "$SEALMEM" serve --socket "$SOCKET" rules="$DIR/rules"
    assert_error serve "cannot make the socket '$SOCKET': another sealmem serve has it"
    rm "$SOCKET.lock"
    run --separate-stderr -2 "$SEALMEM" serve --socket "$SOCKET" rules="$DIR/rules"
    assert_error serve "cannot make the socket '$SOCKET': another server has it"
    run -0 subscribe rules
    stop
    python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.bind(sys.argv[1]); s.listen(); time.sleep(20)' "$SOCKET" 3>&- &
    OTHER=$!
    until [ -S "$SOCKET" ]; do sleep 0.1; done
    run --separate-stderr -2 "$SEALMEM" serve --socket "$SOCKET" rules="$DIR/rules"
    assert_error serve "cannot make the socket '$SOCKET': another server has it"
    [ -S "$SOCKET" ]
}

@test "a file that is no socket is not removed" {
    printf 'precious' >"$SOCKET"
    run --separate-stderr -2 "$SEALMEM" serve --socket "$SOCKET" rules="$DIR/rules"
    assert_error serve "cannot make the socket '$SOCKET': another file is there"
    [ "$(cat "$SOCKET")" = precious ]
}

@test "a socket that somebody else has put in its place is not removed at the end" {
    serve rules="$DIR/rules"
    mv "$SOCKET" "$DIR/moved"
    printf 'precious' >"$SOCKET"
    stop
    [ "$(cat "$SOCKET")" = precious ]
}

@test "a path that is too long, or in no directory, is an error" {
    run --separate-stderr -2 "$SEALMEM" serve --socket "$DIR/$(printf %0108d 0)" rules="$DIR/rules"
    assert_error serve "File name too long"
    run --separate-stderr -2 "$SEALMEM" serve --socket "$DIR/none/socket" rules="$DIR/rules"
    assert_error serve "No such file or directory"
}

@test "the usual socket is in RUNTIME_DIRECTORY, and of a plain user in XDG_RUNTIME_DIR" {
    mkdir "$DIR/a"
    RUNTIME_DIRECTORY=$DIR/a:$DIR/b "$SEALMEM" serve rules="$DIR/rules" 2>"$LOG" 3>&- &
    SERVER=$!
    logged "ready: $DIR/a/sealmem-serve.sock"
    [ -S "$DIR/a/sealmem-serve.sock" ]
    stop
    place=$(as_plain_user mktemp -d)
    printf 'x' >"$SHARED/x"
    as_plain_user env XDG_RUNTIME_DIR="$place" "$SEALMEM" serve x="$SHARED/x" 2>"$LOG" 3>&- &
    SERVER=$!
    logged "ready: $place/sealmem-serve.sock"
    pkill -TERM -P "$SERVER"
    wait "$SERVER"
    rm -r "$place"
    XDG_RUNTIME_DIR='' run --separate-stderr -2 as_plain_user "$SEALMEM" serve x="$SHARED/x"
    assert_usage serve "there is no \$XDG_RUNTIME_DIR: use --socket"
}

@test "the socket has mode 600, that of --mode, or 666 where users or groups are admitted" {
    serve rules="$DIR/rules"
    [ "$(stat -c %a "$SOCKET")" = 600 ]
    stop
    serve --mode 660 rules="$DIR/rules"
    [ "$(stat -c %a "$SOCKET")" = 660 ]
    stop
    (
        umask 077
        serve --allow-user root rules="$DIR/rules"
        stat -c %a "$SOCKET" >"$DIR/mode"
        stop
    )
    [ "$(cat "$DIR/mode")" = 666 ]
}

# Runs the client as another user: as_ids USER GROUP SUPPLEMENTARY|none NAME
as_ids() {
    local groups=(--clear-groups)

    [ "$3" = none ] || groups=(--groups "$3")
    setpriv --reuid="$1" --regid="$2" "${groups[@]}" env PATH=/usr/bin:/bin python3 "$SHARED/subscriber.py" "$SOCKET" "$4"
}

@test "--allow-user and --allow-group admit by user, group and supplementary group, and nobody else" {
    need_root
    SOCKET=$SHARED/socket
    serve --allow-user 4001 --allow-group 4002 rules="$DIR/rules"
    run -0 as_ids 4001 4000 none rules
    run -0 as_ids 4000 4002 none rules
    run -0 as_ids 4000 4000 4003,4002,4004 rules
    run -0 subscribe rules
    run -1 as_ids 4000 4000 none rules
    [ "$output" = "refused 2" ]
    run -1 as_ids 4002 4001 4001,4003 rules
    [ "$output" = "refused 2" ]
    grep -q '^sealmem: serve: refused: process [0-9]* of user 400[02] is not admitted$' "$LOG"
}

@test "whoever is not admitted is not told whether a name exists, and gets no list" {
    need_root
    SOCKET=$SHARED/socket
    serve --allow-user root rules="$DIR/rules"
    for name in rules none; do
        run -1 as_ids 4000 4000 none "$name"
        [ "$output" = "refused 2" ]
    done
    run --separate-stderr -2 as_plain_user "$SEALMEM" serve --list "$SOCKET"
    assert_error serve "this user is not admitted"
}

@test "a user or a group that does not exist is an error" {
    run --separate-stderr -2 "$SEALMEM" serve --allow-user nobody-here x=x
    assert_error serve "--allow-user: there is no user 'nobody-here'"
    run --separate-stderr -2 "$SEALMEM" serve --allow-group nobody-here x=x
    assert_error serve "--allow-group: there is no group 'nobody-here'"
}

@test "--max-clients and --max-clients-of-user refuse those that are too many, and the others go on" {
    for option in --max-clients --max-clients-of-user; do
        serve "$option" 1 rules="$DIR/rules"
        rm -f "$DIR/got"
        subscribe rules 2 >"$DIR/got" &
        OTHER=$!
        until grep -qs first "$DIR/got"; do sleep 0.1; done
        run -1 subscribe rules
        [ "$output" = "refused 3" ]
        replace "$DIR/rules" "for $option"
        reload published
        wait "$OTHER"
        grep -q "for $option" "$DIR/got"
        printf 'first rules\n' >"$DIR/rules"
        stop
    done
}

# Serves under a manager of services until the test ends: managed TYPE ARGUMENT...
managed() {
    start_managed "$@"
    logged ready
}

start_managed() {
    : >"$LOG"
    python3 "$BATS_TEST_DIRNAME/manager.py" "$SOCKET" "$1" "$SEALMEM" serve "${@:2}" >"$DIR/told" 2>>"$LOG" 3>&- &
    SERVER=$!
}

told() {
    local i

    for ((i = 0; i < 100; i++)); do
        ! grep -q "$1" "$DIR/told" || return 0
        sleep 0.1
    done
    return 1
}

@test "a socket that a manager of services has made is served, and stays" {
    managed seqpacket rules="$DIR/rules"
    run -0 subscribe rules
    [[ $output == *" first rules" ]]
    stop
    [ -S "$SOCKET" ]
    [ ! -e "$SOCKET.lock" ]
}

@test "the manager is told when it is ready, when it reads files again, and when it stops" {
    managed seqpacket rules="$DIR/rules"
    told '^READY=1$'
    told '^STATUS=Serving 1 names$'
    replace "$DIR/rules" second
    kill -HUP "$SERVER"
    told '^RELOADING=1$'
    told '^MONOTONIC_USEC=[0-9]*$'
    logged "published rules.* 6 bytes"
    for i in {1..50}; do [ "$(grep -c READY "$DIR/told")" = 2 ] || sleep 0.1; done
    [ "$(grep -E 'READY|RELOADING' "$DIR/told" | tr '\n' ' ')" = "READY=1 RELOADING=1 READY=1 " ]
    stop
    told '^STOPPING=1$' || grep -q stopping "$LOG"
}

@test "a socket of another type, one beside --socket, and several are refused" {
    run --separate-stderr -2 python3 "$BATS_TEST_DIRNAME/manager.py" "$SOCKET" stream "$SEALMEM" serve \
        rules="$DIR/rules"
    [[ $stderr == "sealmem: serve: LISTEN_FDS: descriptor 3 is no Unix socket that listens for messages"* ]]
    rm "$SOCKET"
    run --separate-stderr -2 python3 "$BATS_TEST_DIRNAME/manager.py" "$SOCKET" seqpacket "$SEALMEM" serve \
        --socket "$SOCKET.other" rules="$DIR/rules"
    [[ $stderr == *"the manager of services has made a socket: do without --socket" ]]
    rm "$SOCKET"
    run --separate-stderr -2 python3 "$BATS_TEST_DIRNAME/manager.py" "$SOCKET" two "$SEALMEM" serve \
        rules="$DIR/rules"
    [ "$stderr" = "sealmem: serve: LISTEN_FDS is '2': one socket is served, and no more" ]
    run --separate-stderr -2 sh -c 'LISTEN_PID=$$ LISTEN_FDS=x exec "$@"' sh "$SEALMEM" serve rules="$DIR/rules"
    assert_error serve "LISTEN_FDS is 'x', which is no number"
}

# Kills the server as nothing else does, and waits until the manager has started the next one.
kill_server() {
    local before

    before=$(grep -c ^started "$DIR/told")
    : >"$LOG"
    kill -KILL "$(sed -n 's/^started //p' "$DIR/told" | tail -n1)"
    until [ "$(grep -c ^started "$DIR/told")" -gt "$before" ]; do sleep 0.1; done
}

# Prints what the manager keeps.
store() {
    local before

    before=$(grep -c ^store "$DIR/told") || true
    kill -USR1 "$SERVER"
    until [ "$(grep -c ^store "$DIR/told")" -gt "$before" ]; do sleep 0.1; done
    grep ^store "$DIR/told" | tail -n1
}

# The title of a generation: title NAME NUMBER
title() {
    python3 -c 'import sys
number, digits = int(sys.argv[2]), ""
while number: number, digit = divmod(number, 36); digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
print(sys.argv[1] + "=" + digits)' "$1" "$2"
}

number_of() {
    subscribe "$1" | cut -d' ' -f1
}

@test "FDSTORE: the manager keeps the newest generation of each name, sealed" {
    managed seqpacket rules="$DIR/rules" table="$DIR/table"
    rules=$(number_of rules)
    table=$(number_of table)
    [ "$(store)" = "store $(title rules "$rules") $(title table "$table")" ]
    replace "$DIR/rules" second
    reload "published rules.* 6 bytes"
    [ "$(store)" = "store $(title rules "$(number_of rules)") $(title table "$table")" ]
}

@test "FDSTORE: a generation survives kill -9, the loss of its file, and a file that does not verify" {
    digest=$(sha256 "$DIR/rules")
    managed seqpacket rules="$DIR/rules,sha256=$digest" table="$DIR/table"
    numbers=("$(number_of rules)")
    file=$(subscribe rules | cut -d' ' -f2)
    for change in true "rm $DIR/rules" "cp $DIR/table $DIR/rules" "rm $DIR/table"; do
        $change
        kill_server
        logged ready
        numbers+=("$(number_of rules)")
        [[ "$(subscribe rules)" == "${numbers[-1]} $file first rules" ]]
        [ "${numbers[-1]}" -gt "${numbers[-2]}" ]
        [ "$(store)" = "store $(title rules "${numbers[-1]}") $(title table "$(number_of table)")" ]
    done
    grep -q "^sealmem: serve: restored rules: generation ${numbers[-1]}, 12 bytes, sha256 $digest$" "$LOG"
    grep -q "^sealmem: serve: kept rules: generation ${numbers[-1]}: .* has a different SHA-256" "$LOG"
    grep -q "^sealmem: serve: kept table: generation [0-9]*: cannot open" "$LOG"
}

@test "FDSTORE: a file that has changed meanwhile replaces what was stored" {
    managed seqpacket rules="$DIR/rules"
    first=$(number_of rules)
    replace "$DIR/rules" second
    kill_server
    logged ready
    [[ "$(subscribe rules)" == *" second" ]]
    last=$(number_of rules)
    [ "$last" -gt "$first" ]
    [ "$(grep -oE '(restored|published|unchanged) rules' "$LOG" | tr '\n' ' ')" = "restored rules published rules " ]
    [ "$(store)" = "store $(title rules "$last")" ]
}

@test "FDSTORE: what was stored is served before the files are read" {
    managed seqpacket rules="$DIR/rules" table="$DIR/table" --verify \
        '[ "$SEALMEM_NAME:$(cat)" != "table:slow" ] || until [ -e "$OUT.go" ]; do sleep 0.1; done'
    replace "$DIR/table" slow
    kill_server
    logged "restored table"
    [[ "$(subscribe rules)" == *" first rules" ]]
    [[ "$(subscribe table)" == *" a table" ]]
    ! grep -q ready "$LOG"
    touch "$OUT.go"
    logged ready
    [[ "$(subscribe table)" == *" slow" ]]
}

@test "FDSTORE: a client of a name that was not stored waits for its file" {
    export STORED
    STORED="sealed:$(title table 5)"
    start_managed seqpacket rules="$DIR/rules" table="$DIR/table" --verify \
        '[ "$SEALMEM_NAME" = table ] || until [ -e "$OUT.go" ]; do sleep 0.1; done'
    logged "restored table"
    subscribe rules >"$DIR/got" &
    OTHER=$!
    sleep 0.3
    touch "$OUT.go"
    wait "$OTHER"
    [[ "$(cat "$DIR/got")" == *" first rules" ]]
}

@test "FDSTORE: numbers go on from the greatest that was stored, whatever the clock says" {
    future=8000000000000000000
    export STORED="sealed:$(title rules $future) sealed:$(title gone $((future + 5)))"
    managed seqpacket rules="$DIR/none" table="$DIR/table"
    [[ "$(subscribe rules)" == "$((future + 6)) "*" sealed bytes" ]]
    [ "$(number_of table)" = $((future + 7)) ]
    kill_server
    logged ready
    [ "$(number_of rules)" = $((future + 8)) ]
}

@test "FDSTORE: what was stored is verified again: by the digest, by --verify, by --max-size" {
    export STORED
    STORED="sealed:$(title rules 7)"
    for option in "rules=$DIR/rules,sha256=$(sha256 "$DIR/rules")" --max-size=12 '--verify=grep -q first'; do
        [ "$option" != --max-size=12 ] || STORED+=" sealed:$(title rules 8)"
        managed seqpacket "$option" $([[ $option == rules* ]] || echo rules="$DIR/rules")
        if [ "$option" = --max-size=12 ]; then
            grep -q "restored rules" "$LOG"
        else
            grep -q "^sealmem: serve: dropped $(title rules 7): " "$LOG"
        fi
        [[ "$(subscribe rules)" == *" first rules" ]]
        [ "$(store)" = "store $(title rules "$(number_of rules)")" ]
        stop
        rm "$SOCKET"
    done
    managed seqpacket --max-size=11 rules="$DIR/table"
    [ "$(grep -c "^sealmem: serve: dropped rules=.: what was stored cannot be served" "$LOG")" = 2 ]
}

@test "FDSTORE: what is not sealed, no memory, doubled or of another name is refused, and the file is served" {
    long=$(printf 'n%.0s' {1..240})
    export STORED="sealed:$(title rules 3) sealed:$(title rules 3) sealed:$(title rules 2)"
    for kind in part open empty pipe file socket; do STORED+=" $kind:$(title table 9)"; done
    STORED+=" sealed:$(title other 9) sealed:rules= sealed:rules=- sealed:=1 sealed:table=zzzzzzzzzzzzzz pipe:strange sealed:stored"
    STORED+=" sealed:table=3w5e11264sgsf"
    managed seqpacket rules="$DIR/none" table="$DIR/table" "$long=$DIR/table"
    [[ "$(subscribe rules)" == *" sealed bytes" ]]
    [[ "$(subscribe table)" == *" a table" ]]
    [ "$(grep -c "^sealmem: serve: dropped " "$LOG")" = 16 ]
    [ "$(grep -c "^sealmem: serve: dropped rules=[32]: a newer one was stored too$" "$LOG")" = 2 ]
    [ "$(grep -c "^sealmem: serve: dropped table=9: what was stored " "$LOG")" = 6 ]
    [ "$(grep -c "no name that is served was stored as this$" "$LOG")" = 8 ]
    [ "$(grep -c restored "$LOG")" = 1 ]
    titles=$(for name in rules table "$long"; do title "$name" "$(number_of "$name")"; done | sort | tr '\n' ' ')
    [ "$(store | tr ' ' '\n' | tail -n +2 | sort | tr '\n' ' ')" = "$titles" ]
    [ "$(find "/proc/$(sed -n 's/^started //p' "$DIR/told")/fd" -lname '*memfd:stored*' | wc -l)" = 1 ]
    kill_server
    logged ready
    [ "$(grep -c restored "$LOG")" = 3 ]
    ! grep -q dropped "$LOG"
}

@test "FDSTORE: with too little room nothing is stored, and what is there stays" {
    export STORED FDSTORE=2
    STORED="sealed:$(title rules 3)"
    managed seqpacket rules="$DIR/none" table="$DIR/table"
    grep -q "^sealmem: serve: unstored: the manager stores 2 descriptors, and 3 are needed: raise " "$LOG"
    [[ "$(subscribe rules)" == *" sealed bytes" ]]
    [ "$(store)" = "store $(title rules 3)" ]
    stop
    rm "$SOCKET"
    FDSTORE=3
    managed seqpacket rules="$DIR/none" table="$DIR/table"
    ! grep -q unstored "$LOG"
    [ "$(store)" = "store $(title rules "$(number_of rules)") $(title table "$(number_of table)")" ]
}

@test "FDSTORE: a manager without a store, or none, changes nothing" {
    managed none --socket "$SOCKET" rules="$DIR/rules"
    stop
    NOTIFY_SOCKET=/nowhere serve rules="$DIR/rules"
    logged "unstored rules: generation [0-9]*: No such file or directory"
    [[ "$(subscribe rules)" == *" first rules" ]]
    stop
    serve rules="$DIR/rules"
    ! grep -q unstored "$LOG"
}

@test "LISTEN_FDS that is meant for another process says nothing, and no child gets it" {
    export LISTEN_PID=1 LISTEN_FDS=1 NOTIFY_SOCKET=/nowhere
    serve --verify 'env | grep -E "^(LISTEN|NOTIFY)" >"$OUT"; true' rules="$DIR/rules"
    [ ! -s "$OUT" ]
    run -0 subscribe rules
    [[ $output == *" first rules" ]]
}

@test "--list shows names, generations, sizes, holders and digests, in 80 columns" {
    long=$(printf 'n%.0s' {1..100})
    serve rules="$DIR/rules" "$long=$DIR/table"
    subscribe rules 2 >"$DIR/got" &
    OTHER=$!
    until grep -q first "$DIR/got"; do sleep 0.1; done
    COLUMNS=80 run --separate-stderr -0 "$SEALMEM" serve --list "$SOCKET"
    [[ ${lines[0]} =~ ^NAME\ +GENERATION\ +SIZE\ +HOLDERS\ +DIGEST$ ]]
    [[ ${lines[1]} =~ ^rules\ +[0-9]{19}\ +12\ +1\ of\ 1\ +sha256: ]]
    for line in "${lines[@]}"; do [ "${#line}" -le 80 ]; done
    [ "${#lines[@]}" = 3 ]
}

@test "--list --json has all of it" {
    serve rules="$DIR/rules" table="$DIR/table"
    run -0 "$SEALMEM" serve --list "$SOCKET" --json
    [ "$(jq -r '.published[] | [.name, .size, .sha256, .subscribers, .holders] | @tsv' <<<"$output")" = \
        "rules	12	$(sha256 "$DIR/rules")	0	0
table	7	$(sha256 "$DIR/table")	0	0" ]
    [ "$(jq -r '.published[0].generation' <<<"$output")" = "$(subscribe rules | cut -d' ' -f1)" ]
    [ "$(jq -r '[.version, .command, .socket] | @tsv' <<<"$output")" = "1	serve	$SOCKET" ]
}

@test "--list: no server, one that does not speak the protocol, and one without end are errors" {
    run --separate-stderr -2 "$SEALMEM" serve --list "$SOCKET"
    assert_error serve "cannot connect to '$SOCKET': No such file or directory"
    python3 -c 'import socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.bind(sys.argv[1]); s.listen()
c = s.accept()[0]; c.recv(384); c.send(b"no"); c.close()
c = s.accept()[0]; c.recv(384)
try:
    for _ in range(200000): c.send(struct.pack("<8sIIQQII248s96s", b"sealgen\x01", 18, 0, 1, 1, 0, 0, b"n", b""))
except OSError: pass' "$SOCKET" 3>&- &
    OTHER=$!
    until [ -S "$SOCKET" ]; do sleep 0.1; done
    run --separate-stderr -2 "$SEALMEM" serve --list "$SOCKET"
    assert_error serve "cannot list what '$SOCKET' serves"
    run --separate-stderr -2 "$SEALMEM" serve --list "$SOCKET"
    assert_error serve "the list has no end"
}

@test "--json: each line of the log is an object with the same members" {
    serve --json rules="$DIR/rules"
    replace "$DIR/rules" "second"
    kill -HUP "$SERVER"
    logged "$(sha256 "$DIR/rules")"
    stop
    [ "$(jq -r .event "$LOG" | tr '\n' ' ')" = "published ready reloading published stopping " ]
    [ "$(jq -rc keys_unsorted "$LOG" | sort -u | wc -l)" = 1 ]
    [ "$(jq -r 'select(.event == "published").sha256' "$LOG" | tail -n1)" = "$(sha256 "$DIR/rules")" ]
    jq -r .time "$LOG" | grep -qE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$'
}

@test "a path with control characters does not split a line of the log" {
    name=$DIR/$'a\nb\e'
    cp "$DIR/rules" "$name"
    serve rules="$name"
    rm "$name"
    reload 'kept rules: .*a\\nb\\x1b'
    [ "$(wc -l <"$LOG")" = 4 ]
}

@test "a log that nobody reads any more does not end the server" {
    mkfifo "$DIR/log-pipe"
    "$SEALMEM" serve --socket "$SOCKET" rules="$DIR/rules" 2>"$DIR/log-pipe" 3>&- &
    SERVER=$!
    grep -m1 ready "$DIR/log-pipe"
    replace "$DIR/rules" "second"
    kill -HUP "$SERVER"
    until subscribe rules | grep -q second; do sleep 0.1; done
    stop
}

@test "run --from: the program finds what is served, sealed, by each way that finds a secret" {
    serve rules="$DIR/rules" table="$DIR/table"
    run -0 "$SEALMEM" run --from "$SOCKET:rules" --from "$SOCKET:table=words" --env-file -- sh -c \
        'cat "$1" "$2"; echo; cat "$CREDENTIALS_DIRECTORY/words" "$rules_FILE"; echo $words_FILE' sh {rules} {words}
    [ "${lines[0]}" = "first rules" ]
    [ "${lines[1]}" = "a table" ]
    [ "${lines[2]}" = "a tablefirst rules" ]
    [[ ${lines[3]} == /proc/*/fd/* ]]
    run -0 "$SEALMEM" run --from "$SOCKET:rules" -- python3 -c 'import fcntl, sys
f = open(sys.argv[1], "rb"); print(fcntl.fcntl(f, 1034) & 14); print(f.read(5)); f.seek(0); print(f.read(5))' {rules}
    [ "$output" = $'14\nb\'first\'\nb\'first\'' ]
}

@test "run --from: programs share one copy, and another user opens it too" {
    need_root
    SOCKET=$SHARED/socket
    serve --allow-user 65534 rules="$DIR/rules"
    first=$("$SEALMEM" run --from "$SOCKET:rules" -- stat -Lc %i {rules})
    [ "$(as_plain_user "$SEALMEM" run --from "$SOCKET:rules" -- stat -Lc %i {rules})" = "$first" ]
    [ "$(as_plain_user "$SEALMEM" run --from "$SOCKET:rules" -- cat {rules})" = "first rules" ]
}

@test "run --from: a program keeps its generation, and the next program gets the newer one" {
    serve rules="$DIR/rules"
    "$SEALMEM" run --from "$SOCKET:rules" -- sh -c 'cat "$1"; read -r go <"$2"; cat "$1"' sh {rules} <(
        logged "published rules.* 6 bytes"
        echo go
    ) >"$DIR/got" 3>&- &
    OTHER=$!
    until grep -q first "$DIR/got"; do sleep 0.1; done
    replace "$DIR/rules" second
    reload "published rules.* 6 bytes"
    wait "$OTHER"
    [ "$(cat "$DIR/got")" = $'first rules\nfirst rules' ]
    run -0 "$SEALMEM" run --from "$SOCKET:rules" -- cat {rules}
    [ "$output" = second ]
}

@test "run --from: an error is one line, and the program does not start" {
    serve rules="$DIR/rules"
    while read -r from why; do
        run --separate-stderr -125 "$SEALMEM" run --max-size 5 --from "$from" -- echo started
        assert_error run "--from: $why"
    done <<END
$DIR/none:rules cannot connect to '$DIR/none': No such file or directory
$SOCKET:other cannot get 'other' from '$SOCKET': it does not serve this name
$SOCKET:rules 'rules' is larger than 5 bytes: raise --max-size
END
    while read -r from why; do
        run --separate-stderr -125 "$SEALMEM" run --from "$from" -- echo started
        assert_usage run "$why"
    done <<END
rules --from takes SOCKET:NAME[=ALIAS], not 'rules'
:rules --from takes SOCKET:NAME[=ALIAS], not ':rules'
x: --from 'x:': the name is empty
x:a= --from 'x:a=': the name is empty
x:a=b/c --from 'x:a=b/c': a name consists of letters, digits and the characters _ . @ -
END
    run --separate-stderr -125 "$SEALMEM" run --from x:a --secret a=env:HOME -- true
    assert_usage run "two secrets have the name 'a'"
}

@test "run --from: memory that is not sealed is refused, whoever sends it" {
    python3 -c 'import array, os, socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.bind(sys.argv[1]); s.listen()
c = s.accept()[0]; c.recv(384)
fd = os.memfd_create("open", os.MFD_ALLOW_SEALING); os.write(fd, b"changes")
c.sendmsg([struct.pack("<8sIIQQII248s96s", b"sealgen\x01", 16, 0, 1, 7, 0, 0, b"rules", b"")],
          [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
c.recv(384)' "$SOCKET" 3>&- &
    OTHER=$!
    until [ -S "$SOCKET" ]; do sleep 0.1; done
    run --separate-stderr -125 "$SEALMEM" run --from "$SOCKET:rules" -- echo started
    assert_error run "--from: cannot get 'rules' from '$SOCKET'"
}

@test "a path may have = and , in it, and the last ,sha256= is the digest" {
    cp "$DIR/rules" "$DIR/a=b,sha256=c,d"
    serve x="$DIR/a=b,sha256=c,d,sha256=$(sha256 "$DIR/rules")"
    run -0 subscribe x
    [[ $output == *" first rules" ]]
}

@test "what is wrong on every machine points to the help" {
    run --separate-stderr -2 "$SEALMEM" serve
    assert_usage serve "there is no NAME=FILE to serve"
    while read -r argument why; do
        run --separate-stderr -2 "$SEALMEM" serve "$argument"
        assert_usage serve "$why"
    done <<END
rules 'rules' is not NAME=FILE
=x '': the name is empty
a/b=x 'a/b': a name consists of letters, digits and the characters _ . @ -
a= 'a' has no file
a=x,sha256=12 'a': sha256= takes 64 hexadecimal digits
--mode=8 --mode takes an octal number of permissions, not '8'
--mode=7777 --mode takes an octal number of permissions, not '7777'
--max-size=x --max-size takes a size, not 'x'
--max-size=0 --max-size takes a size, not '0'
--max-clients=0 --max-clients takes a number from 1 on, not '0'
--max-clients-of-user=-1 --max-clients-of-user takes a number from 1 on, not '-1'
--nonesuch unknown option '--nonesuch'
END
    run --separate-stderr -2 "$SEALMEM" serve a=x a=y
    assert_usage serve "two files have the name 'a'"
    run --separate-stderr -2 "$SEALMEM" serve --list x a=y
    assert_usage serve "unexpected argument 'a=y'"
}

@test "--help prints a summary" {
    run --separate-stderr -0 "$SEALMEM" serve --help
    [[ $output == "Usage: sealmem serve"* ]]
    [ -z "$stderr" ]
    for line in "${lines[@]}"; do [ "${#line}" -le 80 ]; done
}
