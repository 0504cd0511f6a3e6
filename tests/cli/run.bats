#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016,SC2314

load helper
load started

# Runs the command as a shell would that has nothing open but the standard descriptors.
sealmem_run() {
    alone "$SEALMEM" run "$@"
}

setup() {
    DIR=$BATS_TEST_TMPDIR
    printf 'a secret\n' >"$DIR/secret"
    printf 'another' >"$DIR/other"
}

# bats removes what is here, and a directory of credentials may not be written to.
teardown() {
    chmod -R u+w "$DIR"
}

@test "a file's bytes are read through {NAME}" {
    run --separate-stderr -0 sealmem_run --secret key="$DIR/secret" -- cat {key}
    [ "$output" = "a secret" ]
    [ -z "$stderr" ]
}

@test "{NAME} in the middle of an argument, twice, and next to other braces" {
    run -0 sealmem_run --secret key="$DIR/secret" --secret k="$DIR/other" -- \
        echo 'a={key},{k};{key}' '{unknown}' '{}' '{key' 'key}' '{{key}}' '${key}' '{ key }'
    [ "$output" = 'a=/dev/fd/3,/dev/fd/4;/dev/fd/3 {unknown} {} {key key} {/dev/fd/3} $/dev/fd/3 { key }' ]
}

@test "standard input is a source, and is at its end for the program" {
    run -0 alone sh -c 'printf typed | "$@"' sh "$SEALMEM" run --secret key=- -- sh -c 'cat {key}; cat'
    [ "$output" = typed ]
}

@test "standard input that is no source is the program's" {
    run -0 alone sh -c 'printf typed | "$@"' sh "$SEALMEM" run --secret key="$DIR/other" -- cat {key} -
    [ "$output" = anothertyped ]
}

@test "a variable is a source, and is not in the environment of the program" {
    KEY=value OTHER=kept run -0 sealmem_run --secret key=env:KEY -- sh -c 'cat {key}; env'
    [[ $output == value* ]]
    [[ $output == *OTHER=kept* ]]
    [[ $output != *KEY=* ]]
}

@test "a variable can be the source of two secrets" {
    KEY=value run -0 sealmem_run --secret a=env:KEY --secret b=env:KEY -- sh -c 'cat {a} {b}; echo ${KEY-gone}'
    [ "$output" = valuevaluegone ]
}

@test "an empty variable is a secret of 0 bytes" {
    KEY='' run -0 sealmem_run --secret key=env:KEY -- sh -c 'stat -Lc %s {key}; env'
    [[ $output == 0* ]]
    [[ $output != *KEY=* ]]
}

@test "a descriptor is a source, and is closed for the program" {
    run -0 alone sh -c 'exec 7<"$0"; exec "$@"' "$DIR/secret" "$SEALMEM" run --secret key=fd:7 -- \
        sh -c 'cat {key}; ls /proc/$$/fd'
    [ "${lines[0]}" = "a secret" ]
    [[ " ${lines[*]} " != *" 7 "* ]]
}

@test "descriptors that are sources where secrets go are not in the way" {
    run -0 alone sh -c 'exec 3<"$0" 4<"$1"; shift; exec "$@"' "$DIR/secret" "$DIR/other" \
        "$SEALMEM" run --secret first=- --secret a=fd:4 --secret b=fd:3 -- sh -c 'cat {b} {a}; echo {b} {a}' </dev/null
    [ "$output" = "a secret"$'\n'"another/dev/fd/5 /dev/fd/4" ]
}

@test "the output of a command is a source" {
    run -0 sealmem_run --secret key='exec:printf %s "$((6 * 7))"' -- cat {key}
    [ "$output" = 42 ]
}

@test "a command that is a source has no standard input of ours and sees no other secret" {
    run -0 alone sh -c 'echo typed | "$@"' sh "$SEALMEM" run --secret a="$DIR/secret" \
        --secret b='exec:cat; ls -l /proc/self/fd' -- sh -c 'cat {b}; cat'
    [[ $output != *memfd* ]]
    [[ $output == *typed ]]
    [ "$(grep -c typed <<<"$output")" = 1 ]
}

@test "a command that is a source sees the variable that is the source of another" {
    TOKEN=t run -0 sealmem_run --secret token=env:TOKEN --secret key='exec:printf "got $TOKEN"' -- cat {key}
    [ "$output" = "got t" ]
}

@test "a command that fails is an error, whatever it printed" {
    run --separate-stderr -125 sealmem_run --secret key='exec:echo half; exit 3' -- echo started
    assert_refused run "secret 'key': its command ended with status 3"
    run --separate-stderr -125 sealmem_run --secret key='exec:kill -9 $$' -- echo started
    assert_refused run "secret 'key': its command was killed by signal 9"
}

@test "a command's status counts where the parent left SIGCHLD ignored, which the program still has" {
    run --separate-stderr -125 env --ignore-signal=CHLD "$SEALMEM" run --no-listen-fds \
        --secret key='exec:exit 3' -- echo started
    assert_refused run "ended with status 3"
    run -0 env --ignore-signal=CHLD "$SEALMEM" run --no-listen-fds --secret key='exec:echo x' -- \
        sed -n 's/^SigIgn:\t//p' /proc/self/status
    [ $((0x$output & 0x10000)) != 0 ]
}

@test "the program has no child and no zombie that it did not make" {
    run -0 sealmem_run --secret key='exec:echo x' -- \
        perl -e 'my $got = wait; print "$got\n"; print join ",", glob("/proc/$$/task/$$/child")'
    [ "${lines[0]}" = -1 ]
}

@test "a fifo is a source that is read to its end" {
    mkfifo "$DIR/fifo"
    (printf one; sleep 0.1; printf two) >"$DIR/fifo" &
    run -0 sealmem_run --secret key="$DIR/fifo" -- cat {key} {key}
    [ "$output" = onetwoonetwo ]
}

@test "standard input that does not block is waited for" {
    run -0 perl -e 'pipe(my $r, my $w); if (!fork) { close $r; sleep 1; syswrite $w, "late"; exit }
        close $w; fcntl($r, 4, 2048); open(STDIN, "<&", $r); close $r; exec @ARGV' \
        "$SEALMEM" run --no-listen-fds --secret key=- -- cat {key}
    [ "$output" = late ]
}

@test "every secret is sealed, and cannot be written, resized or mapped writable by the program" {
    run -0 sealmem_run --secret key="$DIR/secret" -- perl -e '
        chmod(0600, $ARGV[0]) or die; open(my $f, "<", $ARGV[0]) or die; printf "%x\n", fcntl($f, 1034, 0) & 0xf;
        my $w; print open($w, "+<", $ARGV[0]) && syswrite($w, "X") ? "written\n" : "$!\n";
        print truncate($ARGV[0], 0) ? "cut\n" : "$!\n"; print <$f>' {key}
    [ "${lines[0]}" = f ]
    [ "${lines[1]}" = "Operation not permitted" ]
    [ "${lines[2]}" = "Operation not permitted" ]
    [ "${lines[3]}" = "a secret" ]
}

@test "the check for seals fails for a memfd without them and for a file" {
    run ! assert_sealed "$DIR/secret"
    run -0 python3 -c 'import os, subprocess, sys
fd = os.memfd_create("x", os.MFD_ALLOW_SEALING)
sys.exit(subprocess.run(sys.argv[1:] + [f"/proc/{os.getpid()}/fd/{fd}"]).returncode == 0)' \
        bash -c 'source "$0"; assert_sealed "$1"' "$BATS_TEST_DIRNAME/started.bash"
}

@test "a secret can be read again and again from its beginning, by children as well" {
    run -0 sealmem_run --secret key="$DIR/other" -- sh -c 'cat {key}; cat {key}; (cat {key}); cat <&3'
    [ "$output" = anotheranotheranotheranother ]
}

@test "the mode is 400, unless another is asked for" {
    run -0 sealmem_run --secret key="$DIR/secret" -- stat -Lc '%a %u' {key}
    [ "$output" = "400 $(id -u)" ]
    run -0 sealmem_run --mode 0444 --secret key="$DIR/secret" -- stat -Lc %a {key}
    [ "$output" = 444 ]
}

@test "a mode that lets its user open nothing leaves the descriptor" {
    KEY=value run -0 as_plain_user "$SEALMEM" run --no-listen-fds --mode 0 --secret key=env:KEY -- \
        bash -c 'stat -Lc %a {key}; cat <&"$(basename {key})"; ! cat {key}'
    [[ $output == "0"$'\n'"value"*"Permission denied" ]]
}

@test "a mode that is not of reading is an error" {
    for mode in 600 8 x '' -1 777 0x1; do
        run --separate-stderr -125 sealmem_run --mode "$mode" -- echo started
        assert_refused run "--mode takes an octal number of read permissions, not '$mode'"
    done
}

@test "after a change of user the secret is read if its mode allows it, and not otherwise" {
    need_root
    run -0 sealmem_run --mode 444 --secret key="$DIR/other" -- \
        setpriv --reuid=65534 --regid=65534 --clear-groups cat {key}
    [ "$output" = another ]
    run -1 sealmem_run --secret key="$DIR/other" -- \
        setpriv --reuid=65534 --regid=65534 --clear-groups cat {key}
    [[ $output == *"Permission denied" ]]
}

@test "LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES are set as systemd does, from descriptor 3 on" {
    run -0 sealmem_run --secret one="$DIR/secret" --secret two="$DIR/other" -- \
        sh -c 'echo "$LISTEN_FDS $LISTEN_FDNAMES"; [ "$LISTEN_PID" = $$ ] && cat <&3 && cat <&4'
    [ "$output" = "2 one:two"$'\n'"a secret"$'\n'another ]
}

@test "descriptors passed by socket activation stay first, and the secrets follow" {
    run -0 alone sh -c 'exec 3<"$0"; LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=web exec "$@"' \
        "$DIR/other" "$SEALMEM" run --secret key="$DIR/secret" -- \
        sh -c 'echo "$LISTEN_FDS $LISTEN_FDNAMES"; cat <&4; cat <&3'
    [ "$output" = "2 web:key"$'\n'"a secret"$'\n'another ]
}

@test "socket activation without names gets the name that systemd gives" {
    run -0 alone sh -c 'exec 3<"$0" 4<"$0"; LISTEN_FDS=2 LISTEN_PID=$$ exec "$@"' \
        "$DIR/other" "$SEALMEM" run --secret key="$DIR/secret" -- sh -c 'echo "$LISTEN_FDS $LISTEN_FDNAMES {key}"'
    [ "$output" = "3 unknown:unknown:key /dev/fd/5" ]
}

@test "socket activation of another process is replaced" {
    LISTEN_FDS=1 LISTEN_PID=1 LISTEN_FDNAMES=web LISTEN_PIDFDID=7 run -0 sealmem_run \
        --secret key="$DIR/secret" -- sh -c 'echo "$LISTEN_FDS $LISTEN_FDNAMES ${LISTEN_PIDFDID-none}"'
    [ "$output" = "1 key none" ]
}

@test "a run within a run adds its secrets to those that are there" {
    run -0 sealmem_run --no-credentials --secret a="$DIR/secret" -- \
        "$SEALMEM" run --secret b="$DIR/other" -- sh -c 'echo "$LISTEN_FDNAMES"; cat <&3; cat {b}'
    [ "$output" = "a:b"$'\n'"a secret"$'\n'another ]
}

@test "--env-file sets NAME_FILE for each secret" {
    run -0 sealmem_run --env-file --secret PASSWORD="$DIR/other" -- sh -c 'echo "$PASSWORD_FILE"; cat "$PASSWORD_FILE"'
    [ "$output" = "/dev/fd/3"$'\n'another ]
    run -0 sealmem_run --secret PASSWORD="$DIR/other" -- sh -c 'echo "${PASSWORD_FILE-none}"'
    [ "$output" = none ]
}

@test "--env-file refuses a name that is none for a variable" {
    run --separate-stderr -125 sealmem_run --env-file --secret a.b="$DIR/other" -- echo started
    assert_refused run "--env-file: 'a.b' is not the name of a variable"
    run --separate-stderr -125 sealmem_run --secret 1a="$DIR/other" --env-file -- echo started
    assert_refused run "--env-file: '1a' is not the name of a variable"
}

@test "\$CREDENTIALS_DIRECTORY has an entry for each secret and no other" {
    run -0 sealmem_run --secret one="$DIR/secret" --secret two="$DIR/other" -- \
        sh -c 'ls "$CREDENTIALS_DIRECTORY/"; cat "$CREDENTIALS_DIRECTORY/one" "$CREDENTIALS_DIRECTORY/one"'
    [ "$output" = "one"$'\n'two$'\n'"a secret"$'\n'"a secret" ]
}

@test "\$CREDENTIALS_DIRECTORY cannot be changed by a plain user's program" {
    run -0 as_plain_user sh -c 'for fd in 3 4 5 6 7 8 9; do eval "exec $fd>&-"; done; exec "$@"' sh \
        "$SEALMEM" run --no-listen-fds --secret key=env:HOME -- \
        sh -c 'rm -f "$CREDENTIALS_DIRECTORY/key" 2>/dev/null; touch "$CREDENTIALS_DIRECTORY/new" 2>/dev/null; ls "$CREDENTIALS_DIRECTORY/"'
    [ "${lines[-1]}" = key ]
}

@test "\$CREDENTIALS_DIRECTORY serves a plain user, and children" {
    KEY=value run -0 as_plain_user "$SEALMEM" run --no-listen-fds --secret key=env:KEY -- \
        sh -c 'cat "$CREDENTIALS_DIRECTORY/key"; (sh -c "cat \$CREDENTIALS_DIRECTORY/key")'
    [ "$output" = valuevalue ]
}

@test "\$CREDENTIALS_DIRECTORY shows what the one before it had, the nearer of two namesakes" {
    mkdir "$DIR/credentials"
    echo old >"$DIR/credentials/old"
    echo farther >"$DIR/credentials/key"
    CREDENTIALS_DIRECTORY=$DIR/credentials run -0 sealmem_run --secret key="$DIR/secret" -- \
        sh -c 'cd "$CREDENTIALS_DIRECTORY/"; ls; cat old key'
    [ "$output" = key$'\n'old$'\n'old$'\n'"a secret" ]
}

@test "\$CREDENTIALS_DIRECTORY is mounted nowhere and leaves nothing behind" {
    mkdir "$DIR/runtime"
    mounts=$(cat /proc/self/mounts)
    XDG_RUNTIME_DIR=$DIR/runtime run -0 sealmem_run --secret key="$DIR/secret" -- cat /proc/self/mounts
    [ "$output" = "$mounts" ]
    [ -z "$(ls -A "$DIR/runtime")" ]
}

# Where neither a file system may be made nor a namespace to make it in.
confined() {
    unshare --user --map-root-user sh -euc 'echo 0 >/proc/sys/user/max_user_namespaces
        exec setpriv --bounding-set -all --inh-caps -all "$@"' sh "$@"
}

can_be_confined() {
    confined true 2>/dev/null || skip "no user namespaces here"
}

@test "where nothing may be mounted \$CREDENTIALS_DIRECTORY is a directory that works" {
    can_be_confined
    mkdir "$DIR/runtime"
    chmod 777 "$DIR/runtime"
    XDG_RUNTIME_DIR=$DIR/runtime run -0 confined "$SEALMEM" run --no-listen-fds --secret key="$DIR/secret" -- \
        sh -c 'cat "$CREDENTIALS_DIRECTORY/key"; readlink "$CREDENTIALS_DIRECTORY"'
    [ "${lines[0]}" = "a secret" ]
    [[ ${lines[1]} == "$DIR/runtime/sealmem-run-"* ]]
    ! grep -rq "a secret" "$DIR/runtime"
}

@test "such a directory is removed by a later run, once its program and all children are gone" {
    can_be_confined
    mkdir "$DIR/runtime"
    export XDG_RUNTIME_DIR=$DIR/runtime
    confined "$SEALMEM" run --no-listen-fds --secret key="$DIR/secret" -- \
        sh -c 'echo $$ >"$0"; exec sleep 60' "$DIR/sleeper" 3>&- 4>&- &
    until [ -s "$DIR/sleeper" ]; do sleep 0.05; done
    touch -d '1 hour ago' "$DIR"/runtime/*
    run -0 confined "$SEALMEM" run --no-listen-fds --secret key="$DIR/secret" -- true
    [ "$(ls "$DIR/runtime" | wc -l)" = 2 ]
    kill "$(cat "$DIR/sleeper")"
    wait || true
    touch -d '1 hour ago' "$DIR"/runtime/*
    run -0 confined "$SEALMEM" run --no-listen-fds --secret key="$DIR/secret" -- true
    [ "$(ls "$DIR/runtime" | wc -l)" = 1 ]
}

@test "--no-credentials leaves \$CREDENTIALS_DIRECTORY as it was" {
    run -0 sealmem_run --no-credentials --secret key="$DIR/secret" -- sh -c 'echo "${CREDENTIALS_DIRECTORY-none}"'
    [ "$output" = none ]
    CREDENTIALS_DIRECTORY=/there run -0 sealmem_run --no-credentials --secret key="$DIR/secret" -- \
        sh -c 'echo "$CREDENTIALS_DIRECTORY"'
    [ "$output" = /there ]
}

@test "without secrets the environment and the descriptors are as they were" {
    plain=$(alone env -u _ sh -c 'env; ls /proc/$$/fd')
    run -0 alone env -u _ "$SEALMEM" run -- sh -c 'env; ls /proc/$$/fd'
    [ "$output" = "$plain" ]
}

@test "the program has the secrets, the directory and what it would have without, and nothing else open" {
    run -0 sealmem_run --secret a="$DIR/secret" --secret b='exec:echo x' -- sh -c 'ls /proc/$$/fd; :'
    [ "${lines[*]}" = "0 1 2 3 4 5" ]
}

@test "a descriptor that is open where a secret goes is refused, by its number" {
    run --separate-stderr -125 alone sh -c 'exec 4</dev/null; exec "$@"' sh \
        "$SEALMEM" run --secret a="$DIR/secret" --secret b="$DIR/other" -- echo started
    assert_refused run "descriptor 4 is open, where LISTEN_FDS has secret 'b': close it (4>&-), or use --no-listen-fds"
}

@test "descriptors 3 to 9 that are open are kept, with --no-listen-fds" {
    run -0 alone sh -c 'exec 3<"$0" 4<"$0" 5<"$0" 6<"$0" 7<"$0" 8<"$0" 9<"$0"; exec "$@"' "$DIR/other" \
        "$SEALMEM" run --no-listen-fds --secret key="$DIR/secret" -- \
        sh -c 'cat <&3; cat <&9; echo "${LISTEN_FDS-none}"; cat {key}'
    [ "$output" = "anothernone"$'\n'"a secret" ] || [ "$output" = "anotheranothernone"$'\n'"a secret" ]
}

@test "a descriptor that is open behind the secrets is kept" {
    run -0 alone sh -c 'exec 9<"$0"; exec "$@"' "$DIR/other" \
        "$SEALMEM" run --secret key="$DIR/secret" -- sh -c 'cat {key}; cat <&9'
    [ "$output" = "a secret"$'\n'another ]
}

@test "with RLIMIT_NOFILE of 8 three secrets fit" {
    run -0 with_descriptors 8 "$SEALMEM" run --secret a="$DIR/other" --secret b="$DIR/other" \
        --secret c="$DIR/other" -- cat {a} {b} {c}
    [ "$output" = anotheranotheranother ]
}

@test "with RLIMIT_NOFILE of 8 six secrets do not fit, and the limit is named" {
    secrets=()
    for name in a b c d e f; do secrets+=(--secret $name="$DIR/other"); done
    run --separate-stderr -125 with_descriptors 8 "$SEALMEM" run --no-credentials "${secrets[@]}" -- echo started
    assert_refused run "RLIMIT_NOFILE"
    run --separate-stderr -125 with_descriptors 8 "$SEALMEM" run "${secrets[@]}" -- echo started
    assert_refused run ""
}

@test "a closed standard input, output and error are closed for the program" {
    for fd in 0 1 2; do
        run -1 alone sh -c "exec $fd>&-; "'exec "$@"' sh "$SEALMEM" run --secret key="$DIR/secret" -- \
            test -e /proc/self/fd/$fd
    done
    run -0 sealmem_run --secret key="$DIR/secret" -- test -e /proc/self/fd/0
}

@test "a closed standard input as a source is an error" {
    run --separate-stderr -125 alone sh -c 'exec "$@" <&-' sh "$SEALMEM" run --secret key=- -- echo started
    assert_refused run "secret 'key': cannot read '-': Bad file descriptor"
}

@test "without any environment it works" {
    run -0 alone env -i "$SEALMEM" run --secret key="$DIR/secret" -- cat {key}
    [ "$output" = "a secret" ]
    run -0 alone env -i "$SEALMEM" run --secret key="$DIR/secret" -- env
    [ "${#lines[@]}" = 4 ]
}

@test "a secret of 0 bytes is an empty, sealed file" {
    : >"$DIR/empty"
    run -0 sealmem_run --secret key="$DIR/empty" -- perl -e 'chmod(0600, $ARGV[0]) or die; open(my $f, "<", $ARGV[0]) or die;
        printf "%x %d\n", fcntl($f, 1034, 0) & 0xf, -s $f; open(my $w, "+<", $ARGV[0]); print syswrite($w, "x") ? "written" : $!' {key}
    [ "$output" = "f 0"$'\n'"Operation not permitted" ]
}

@test "a secret of 100 MiB is refused, unless that size is allowed" {
    truncate -s 100M "$DIR/large"
    printf end >>"$DIR/large"
    run --separate-stderr -125 sealmem_run --secret key="$DIR/large" -- echo started
    assert_refused run "secret 'key' is larger than 67108864 bytes: raise --max-size, or RLIMIT_FSIZE"
    run -0 sealmem_run --max-size 101M --secret key="$DIR/large" -- sh -c 'stat -Lc %s {key}; tail -c 3 {key}'
    [ "$output" = "$(((100 << 20) + 3))"$'\n'end ]
}

@test "--max-size is a limit to the byte" {
    run --separate-stderr -125 sealmem_run --max-size 6 --secret key="$DIR/other" -- echo started
    assert_refused run "is larger than 6 bytes"
    run -0 sealmem_run --max-size 7 --secret key="$DIR/other" -- cat {key}
    KEY=1234567 run --separate-stderr -125 sealmem_run --max-size 6 --secret key=env:KEY -- echo started
    assert_refused run "is larger than 6 bytes"
}

@test "a source without end is refused at the limit" {
    run --separate-stderr -125 sealmem_run --max-size 1M --secret key=/dev/zero -- echo started
    assert_refused run "is larger than 1048576 bytes"
    run --separate-stderr -125 sealmem_run --max-size 1M --secret key='exec:yes 2>/dev/null' -- echo started
    assert_refused run "is larger than 1048576 bytes"
}

@test "a size that is none is an error" {
    for size in x '' -1 1X 1KK 99999999999G; do
        run --separate-stderr -125 sealmem_run --max-size "$size" -- echo started
        assert_refused run "--max-size takes a size, not '$size'"
    done
}

@test "a file size limit is an error and no signal" {
    run --separate-stderr -125 alone sh -c 'ulimit -f 1; exec "$@"' sh "$SEALMEM" run --secret key=/dev/zero -- echo started
    assert_refused run "RLIMIT_FSIZE"
}

@test "a NAME ends at the first =" {
    echo equal >"$DIR/x=y"
    cd "$DIR"
    run -0 sealmem_run --secret key=x=y -- cat {key}
    [ "$output" = equal ]
}

@test "a NAME with / or :, an empty one, . and .., and one with a space are refused" {
    for name in a/b /a a:b '' . .. 'a b' 'a{' $'a\nb' ä; do
        run --separate-stderr -125 sealmem_run --secret "$name=$DIR/secret" -- echo started
        assert_refused run "--secret '"
    done
}

@test "a NAME of 240 bytes is taken and one of 300 refused" {
    name=$(printf %0240d 0)
    run -0 sealmem_run --secret "$name=$DIR/other" -- sh -c 'cat "$CREDENTIALS_DIRECTORY/$LISTEN_FDNAMES"'
    [ "$output" = another ]
    run --separate-stderr -125 sealmem_run --secret "$(printf %0300d 0)=$DIR/other" -- echo started
    assert_refused run "the name is too long"
}

@test "two secrets of one name are refused" {
    run --separate-stderr -125 sealmem_run --secret a="$DIR/secret" --secret a="$DIR/other" -- echo started
    assert_refused run "two secrets have the name 'a'"
}

@test "two secrets from one stream are refused" {
    run --separate-stderr -125 sealmem_run --secret a=- --secret b=- -- echo started
    assert_refused run "secrets 'a' and 'b' are from one source, which can be read once only"
    run --separate-stderr -125 alone sh -c 'exec "$@" 7</dev/null' sh "$SEALMEM" run --secret a=fd:7 --secret b=fd:7 -- echo started
    assert_refused run "are from one source"
}

@test "a source that cannot be had is an error" {
    run --separate-stderr -125 sealmem_run --secret key -- echo started
    assert_refused run "--secret takes NAME=SOURCE, not 'key'"
    run --separate-stderr -125 sealmem_run --secret key= -- echo started
    assert_refused run "secret 'key': the source is empty"
    run --separate-stderr -125 sealmem_run --secret key="$DIR/missing" -- echo started
    assert_refused run "/missing': No such file or directory"
    run --separate-stderr -125 sealmem_run --secret key="$DIR" -- echo started
    assert_refused run "Is a directory"
    run --separate-stderr -125 sealmem_run --secret key=env:NO_SUCH -- echo started
    assert_refused run "secret 'key': 'NO_SUCH' is not in the environment"
    run --separate-stderr -125 sealmem_run --secret key=fd:99 -- echo started
    assert_refused run "secret 'key': descriptor 99 is not open"
    run --separate-stderr -125 sealmem_run --secret key=fd:x -- echo started
    assert_refused run "fd: takes the number of a descriptor"
    run --separate-stderr -125 sealmem_run --secret key=fd:0 -- echo started
    assert_refused run "fd: takes none of the standard descriptors"
}

@test "./env:X is a file" {
    cd "$DIR"
    echo file >env:X
    run -0 sealmem_run --secret key=./env:X -- cat {key}
    [ "$output" = file ]
}

@test "a secret in a variable is not to be found in /proc of the program" {
    KEY=only-once-secret run -0 sealmem_run --secret key=env:KEY -- \
        sh -c 'cat /proc/$$/environ /proc/$$/cmdline; printf / ; cat {key}'
    [ "$(tr -d '\0' <<<"$output" | grep -ao only-once-secret | wc -l)" = 1 ]
}

@test "the exit status is the program's, and death by a signal is the program's too" {
    run -7 sealmem_run --secret key="$DIR/secret" -- sh -c 'exit 7'
    run -143 sealmem_run --secret key="$DIR/secret" -- sh -c 'kill $$'
}

@test "the process stays the same one" {
    run -0 alone sh -c 'echo $$; exec "$@"' sh "$SEALMEM" run --secret key="$DIR/secret" -- sh -c 'echo $$'
    [ "${lines[0]}" = "${lines[1]}" ]
}

@test "a signal reaches the program, and its answer is the status" {
    alone "$SEALMEM" run --secret key="$DIR/secret" -- \
        sh -c 'trap "echo got; exit 5" TERM; echo $$ >"$0"; while :; do sleep 0.1; done' "$DIR/pid" >"$DIR/out" &
    started=$!
    until [ -s "$DIR/pid" ]; do sleep 0.05; done
    kill -TERM "$(cat "$DIR/pid")"
    wait "$started" || ended=$?
    [ "$ended" = 5 ]
    [ "$(cat "$DIR/out")" = got ]
}

@test "signals that were ignored or blocked stay so" {
    plain=$(env --ignore-signal=INT --block-signal=USR1 grep -E '^Sig(Blk|Ign)' /proc/self/status)
    run -0 env --ignore-signal=INT --block-signal=USR1 "$SEALMEM" run --no-listen-fds --secret key='exec:echo x' -- \
        grep -E '^Sig(Blk|Ign)' /proc/self/status
    [ "$output" = "$plain" ]
}

@test "a command that is not found is 127, one that cannot be executed 126" {
    run --separate-stderr -127 sealmem_run -- no-such-command
    assert_refused run "cannot execute 'no-such-command': No such file or directory"
    run --separate-stderr -126 sealmem_run -- "$DIR/secret"
    assert_refused run "/secret': Permission denied"
    run --separate-stderr -126 sealmem_run -- /
    assert_refused run "Permission denied"
}

@test "wrong use is 125" {
    run --separate-stderr -125 sealmem_run
    assert_refused run "there is no command to execute"
    run --separate-stderr -125 sealmem_run --nonsense -- true
    assert_refused run "unknown option '--nonsense'"
    run --separate-stderr -125 sealmem_run --secret
    assert_refused run "option '--secret' needs a value"
    run --separate-stderr -125 sealmem_run --env-file=x -- true
    assert_refused run "takes no value"
}

@test "options behind the command are the command's" {
    run -0 sealmem_run echo --secret --help
    [ "$output" = "--secret --help" ]
}

@test "without /proc it says what is missing" {
    need_mounts
    need_no_sanitizer
    run --separate-stderr -125 without_proc "$SEALMEM" run --no-listen-fds --no-credentials \
        --secret key="$DIR/secret" -- echo started
    assert_refused run "secret 'key': cannot seal it: opening /proc/self/fd/N: No such file or directory; mount /proc"
}

@test "where memfds are forbidden it says so" {
    run --separate-stderr -125 "$FORBID" memfd_create=EPERM -- "$SEALMEM" run --no-listen-fds \
        --secret key="$DIR/secret" -- echo started
    assert_refused run "memfd_create(2): Operation not permitted"
}

@test "where seals are forbidden the program is not started" {
    run --separate-stderr -125 "$FORBID" add_seals=EPERM -- "$SEALMEM" run --no-listen-fds \
        --secret key="$DIR/secret" -- echo started
    assert_refused run "F_ADD_SEALS: Operation not permitted"
}

@test "it works where executable memfds are refused" {
    need_mounts
    [ -e /proc/sys/vm/memfd_noexec ] || skip "no vm.memfd_noexec"
    run -0 unshare --pid --fork --mount-proc sh -c 'echo 2 >/proc/sys/vm/memfd_noexec; exec "$@"' sh \
        "$SEALMEM" run --no-listen-fds --secret key="$DIR/secret" -- cat {key}
    [ "$output" = "a secret" ]
}

@test "--no-new-privs is in force, and is not without it" {
    run -0 sealmem_run --no-new-privs -- grep NoNewPrivs /proc/self/status
    [ "$output" = "NoNewPrivs:"$'\t'1 ]
    [ "$(sed -n 's/^NoNewPrivs:\t//p' /proc/self/status)" = 0 ] || skip "it is in force here already"
    run -0 sealmem_run -- grep NoNewPrivs /proc/self/status
    [ "$output" = "NoNewPrivs:"$'\t'0 ]
}

# Maps memory writable and executable.
WRITE_EXECUTE='import mmap
try:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    print("mapped")
except PermissionError:
    print("refused")'

@test "--deny-write-execute is in force, and is not without it; or the kernel is said to lack it" {
    run -0 sealmem_run -- python3 -c "$WRITE_EXECUTE"
    [ "$output" = mapped ]
    # PR_GET_MDWE
    if perl -e 'require "syscall.ph"; exit(syscall(&SYS_prctl, 66, 0, 0, 0, 0) < 0)' 2>/dev/null; then
        run -0 sealmem_run --deny-write-execute -- python3 -c "$WRITE_EXECUTE"
        [ "$output" = refused ]
        run -0 sealmem_run --deny-write-execute -- "$SEALMEM" run --deny-write-execute -- python3 -c "$WRITE_EXECUTE"
        [ "$output" = refused ]
    else
        run --separate-stderr -125 sealmem_run --deny-write-execute -- python3 -c "$WRITE_EXECUTE"
        assert_refused run "PR_SET_MDWE needs Linux 6.3 or later"
    fi
}

# Starts it in the background, in the shell that calls: $pid.
start_sleeping() {
    setpriv --reuid=65534 --regid=65534 --clear-groups "$@" sleep 60 3>&- 4>&- &
    pid=$!
    for _ in $(seq 100); do
        [ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" != "sleep 60 " ] || return 0
        sleep 0.05
    done
    return 1
}

@test "--no-dump closes /proc/PID/mem, the environment and the descriptors to the same user" {
    need_root
    can_no_dump
    for option in "" --no-dump; do
        start_sleeping "$SEALMEM" run --no-listen-fds --secret key=env:HOME $option --
        run as_plain_user sh -c ': <"/proc/$0/mem"' "$pid"
        mem=$status
        run as_plain_user sh -c 'cat "/proc/$0/environ" >/dev/null' "$pid"
        environ=$status
        run as_plain_user ls "/proc/$pid/fd/"
        fds=$status
        kill "$pid"
        if [ -z "$option" ]; then
            [ "$mem$environ$fds" = 000 ]
        else
            [ "$mem" != 0 ] && [ "$environ" != 0 ] && [ "$fds" != 0 ]
        fi
    done
}

can_no_dump() {
    grep -q '[02]' /proc/sys/fs/suid_dumpable || skip "fs.suid_dumpable is 1"
    [ "$(cat /proc/sys/vm/memfd_noexec 2>/dev/null || echo 0)" != 2 ] || skip "vm.memfd_noexec is 2"
}

@test "--no-dump forbids tracing to the same user" {
    need_root
    can_no_dump
    for option in "" --no-dump; do
        start_sleeping "$SEALMEM" run $option --
        # PTRACE_SEIZE
        run as_plain_user perl -e 'require "syscall.ph"; exit(syscall(&SYS_ptrace, 0x4206, $ARGV[0] + 0, 0, 0) < 0 ? 1 : 0)' "$pid"
        kill "$pid"
        [ "$status" = "$([ -z "$option" ] && echo 0 || echo 1)" ]
    done
}

@test "--no-dump holds for root's programs too, which keep their capabilities" {
    need_root
    can_no_dump
    run -0 sealmem_run --no-dump -- bash -c 'stat -c %u /proc/$$/mem; cat /proc/$$/status'
    expected=$(grep CapEff /proc/self/status)
    [[ $output == *"$expected"* ]]
    # prctl(PR_GET_DUMPABLE)
    run -0 sealmem_run --no-dump -- perl -e 'require "syscall.ph"; print syscall(&SYS_prctl, 3, 0, 0, 0, 0)'
    [ "$output" != 1 ]
    run -0 sealmem_run -- perl -e 'require "syscall.ph"; print syscall(&SYS_prctl, 3, 0, 0, 0, 0)'
    [ "$output" = 1 ]
}

@test "a plain user's undumpable program reads its own secrets in every way" {
    can_no_dump
    KEY=value run -0 as_plain_user "$SEALMEM" run --no-dump --no-listen-fds --secret key=env:KEY -- \
        bash -c 'cat {key}; read -r line <{key}; echo "$line"; cat "$CREDENTIALS_DIRECTORY/key"'
    [ "$output" = valuevaluevalue ] || [ "$output" = "valuevalue"$'\n'"value" ]
}

@test "--no-dump refuses a script and says what to do" {
    can_no_dump
    printf '#!/bin/sh\necho started\n' >"$DIR/script"
    chmod +x "$DIR/script"
    run --separate-stderr -126 sealmem_run --no-dump -- "$DIR/script"
    assert_refused run "is a script: name its interpreter"
}

@test "--no-dump refuses a set-user-ID program" {
    need_root
    can_no_dump
    install -m 4755 "$(type -P sleep)" "$SHARED/setuid"
    run --separate-stderr -126 as_plain_user "$SEALMEM" run --no-dump -- "$SHARED/setuid" 0
    assert_refused run "is set-user-ID"
}

@test "--no-dump says why where executable memfds are refused" {
    need_mounts
    [ -e /proc/sys/vm/memfd_noexec ] || skip "no vm.memfd_noexec"
    run --separate-stderr -125 unshare --pid --fork --mount-proc \
        sh -c 'echo 2 >/proc/sys/vm/memfd_noexec; exec "$@"' sh "$SEALMEM" run --no-dump -- true
    assert_refused run "vm.memfd_noexec is 2"
}

@test "--no-dump reports a command that is not found, and the status of one that is" {
    can_no_dump
    run --separate-stderr -127 sealmem_run --no-dump -- no-such-command
    assert_refused run "cannot execute 'no-such-command'"
    run -7 sealmem_run --no-dump -- bash -c 'exit 7'
}

@test "--help is on standard output with exit 0" {
    run --separate-stderr -0 "$SEALMEM" run --help
    [[ $output == "Usage: sealmem run"* ]]
    [ "$(grep -c '.\{81\}' <<<"$output")" = 0 ]
}
