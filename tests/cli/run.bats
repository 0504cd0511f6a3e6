#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016,SC2314

load helper
load started

# Runs the command from a shell that has only the standard descriptors open.
sealmem_run() {
    alone "$SEALMEM" run "$@"
}

setup() {
    DIR=$BATS_TEST_TMPDIR
    printf 'a secret\n' >"$DIR/secret"
    printf 'another' >"$DIR/other"
}

# bats removes this directory. A directory of credentials in it is read-only.
teardown() {
    chmod -R u+w "$DIR"
}

@test "a file's bytes are read through {NAME}" {
    run --separate-stderr -0 sealmem_run --secret key="$DIR/secret" -- cat {key}
    [ "$output" = "a secret" ]
    [ -z "$stderr" ]
}

@test "{NAME} is replaced in the middle of an argument, twice, and next to other braces" {
    run -0 sealmem_run --secret key="$DIR/secret" --secret k="$DIR/other" -- \
        echo 'a={key},{k};{key}' '{unknown}' '{}' '{key' 'key}' '{{key}}' '${key}' '{ key }'
    output=$(sed -E 's,/proc/[0-9]+/fd/,FD-,g' <<<"$output")
    [ "$output" = 'a=FD-10,FD-11;FD-10 {unknown} {} {key key} {key} $FD-10 { key }' ]
}

@test "{{NAME}} becomes {NAME}, and other doubled braces stay" {
    run -0 sealmem_run --secret key="$DIR/secret" -- echo '{"{{key}}":"{key}"}' '{{other}}' '{{key}' '{{key} }' '{{{key}}}'
    output=$(sed -E 's,/proc/[0-9]+/fd/,FD-,g' <<<"$output")
    [ "$output" = '{"{key}":"FD-10"} {{other}} {FD-10 {FD-10 } {{key}}' ]
}

@test "standard input can be a source, and the program finds it at its end" {
    run -0 alone sh -c 'printf typed | "$@"' sh "$SEALMEM" run --secret key=- -- sh -c 'cat {key}; cat'
    [ "$output" = typed ]
}

@test "the program gets standard input if it is not a source" {
    run -0 alone sh -c 'printf typed | "$@"' sh "$SEALMEM" run --secret key="$DIR/other" -- cat {key} -
    [ "$output" = anothertyped ]
}

@test "a variable can be a source, and is not in the environment of the program" {
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
    KEY='' run -0 sealmem_run --allow-empty --secret key=env:KEY -- sh -c 'stat -Lc %s {key}; env'
    [[ $output == 0* ]]
    [[ $output != *KEY=* ]]
}

@test "a descriptor can be a source, and is closed for the program" {
    run -0 alone sh -c 'exec 7<"$0"; exec "$@"' "$DIR/secret" "$SEALMEM" run --secret key=fd:7 -- \
        sh -c 'cat {key}; ls /proc/$$/fd'
    [ "${lines[0]}" = "a secret" ]
    [[ " ${lines[*]} " != *" 7 "* ]]
}

@test "a descriptor that is a source may have the number of a secret" {
    run -0 alone sh -c 'exec 3<"$0" 4<"$1"; shift; exec "$@"' "$DIR/secret" "$DIR/other" \
        "$SEALMEM" run --allow-empty --listen-fds --secret first=- --secret a=fd:4 --secret b=fd:3 -- \
        sh -c 'cat {b} {a}; basename -a {b} {a}' </dev/null
    [ "$output" = "a secret"$'\n'"another5"$'\n'4 ]
    run -0 alone bash -c 'exec 10<"$0" 11<"$1"; shift; exec "$@"' "$DIR/secret" "$DIR/other" \
        "$SEALMEM" run --allow-empty --secret first=- --secret a=fd:11 --secret b=fd:10 -- \
        sh -c 'cat {b} {a}; basename -a {b} {a}' </dev/null
    [ "$output" = "a secret"$'\n'"another12"$'\n'11 ]
}

@test "the output of a command can be a source" {
    run -0 sealmem_run --secret key='exec:printf %s "$((6 * 7))"' -- cat {key}
    [ "$output" = 42 ]
}

@test "a command that is a source gets no standard input of sealmem and sees no other secret" {
    run -0 alone sh -c 'echo typed | "$@"' sh "$SEALMEM" run --secret a="$DIR/secret" \
        --secret b='exec:cat; ls -l /proc/self/fd' -- sh -c 'cat {b}; cat'
    [[ $output != *memfd* ]]
    [[ $output == *typed ]]
    [ "$(grep -c typed <<<"$output")" = 1 ]
}

@test "a command that is a source gets the environment without the variables that are sources" {
    TOKEN=value OTHER=kept run -0 sealmem_run --secret token=env:TOKEN --secret key='exec:printf "${TOKEN-none} $OTHER "' -- \
        cat {key} {token}
    [ "$output" = "none kept value" ]
    TOKEN=t run -0 sealmem_run --secret key='exec:printf "got $TOKEN"' -- cat {key}
    [ "$output" = "got t" ]
}

@test "commands that are sources keep their places among the secrets" {
    for option in "" --listen-fds; do
        TOKEN=t run -0 sealmem_run $option --secret a=env:TOKEN --secret b='exec:printf b' --secret c="$DIR/other" \
            --secret d='exec:printf d' -- cat {a} {b} {c} {d}
        [ "$output" = tbanotherd ]
    done
    run -0 sealmem_run --listen-fds --secret b="$DIR/other" --secret d='exec:printf d' -- \
        sh -c 'basename -a {b} {d}; cat <&3; cat <&4'
    [ "$output" = 3$'\n'4$'\n'anotherd ]
}

# Creates a program that looks for secrets as a process of the same user can: at its own environment, and at the
# environment and the descriptors of process $1. It waits until somebody reads from $SHARED/door, and stores what it
# finds in $SHARED/found.
make_looker() {
    mkfifo "$SHARED/door"
    : >"$SHARED/found"
    cat >"$SHARED/look" <<'END'
exec 9>"$0/door"
for path in /proc/self/environ "/proc/$1/environ" "/proc/$1"/fd/*; do timeout 1 cat "$path"; done >"$0/found" 2>/dev/null
echo through >&9
END
    echo held-value >"$SHARED/held"
    chmod 600 "$SHARED/held"
    chmod 666 "$SHARED/door" "$SHARED/found"
}

@test "a process that a command leaves behind sees no other secret" {
    need_root
    make_looker
    # It finds them in a process that is not protected.
    TOKEN=token-value as_plain_user timeout 60 bash -c 'exec 3>&- 4>&- 8<<<held-value
        (exec 8<&-; . "$0/look" "$$") & cat "$0/door"; wait' "$SHARED"
    grep -q token-value "$SHARED/found"
    grep -q held-value "$SHARED/found"
    TOKEN=token-value run -0 as_plain_user timeout 60 bash -c 'exec 3>&- 4>&- 8<&"$1"; shift; exec "$@"' bash 8 \
        "$SEALMEM" run --secret token=env:TOKEN --secret held=fd:8 \
        --secret key="exec:bash -c '. \"\$0/look\" \"\$1\"' '$SHARED' \$PPID >/dev/null 2>&1 & echo first" \
        --secret second='exec:echo second' --secret last="$SHARED/door" -- \
        cat {token} {held} {key} {second} {last} 8<"$SHARED/held"
    [ "$output" = token-valueheld-value$'\n'first$'\n'second$'\n'through ]
    run ! grep -aE 'value|first|second' "$SHARED/found"
}

@test "a command that fails is an error, even if it printed something" {
    run --separate-stderr -125 sealmem_run --secret key='exec:echo half; exit 3' -- echo started
    assert_refused run "secret 'key': its command exited with status 3"
    run --separate-stderr -125 sealmem_run --secret key='exec:kill -9 $$' -- echo started
    assert_refused run "secret 'key': its command was killed by signal 9"
}

@test "the status of a command counts even if the parent ignores SIGCHLD, and the program still ignores it" {
    run --separate-stderr -125 env --ignore-signal=CHLD "$SEALMEM" run \
        --secret key='exec:exit 3' -- echo started
    assert_refused run "exited with status 3"
    run -0 env --ignore-signal=CHLD "$SEALMEM" run --secret key='exec:echo x' -- \
        sed -n 's/^SigIgn:\t//p' /proc/self/status
    [ $((0x$output & 0x10000)) != 0 ]
}

@test "the program has no child and no zombie that it did not create" {
    run -0 sealmem_run --secret key='exec:echo x' -- \
        perl -e 'my $got = wait; print "$got\n"; print join ",", glob("/proc/$$/task/$$/child")'
    [ "${lines[0]}" = -1 ]
}

@test "a fifo can be a source, and is read to its end" {
    mkfifo "$DIR/fifo"
    (printf one; sleep 0.1; printf two) >"$DIR/fifo" &
    run -0 sealmem_run --secret key="$DIR/fifo" -- cat {key} {key}
    [ "$output" = onetwoonetwo ]
}

@test "the command waits for standard input that is non-blocking" {
    run -0 perl -e 'pipe(my $r, my $w); if (!fork) { close $r; sleep 1; syswrite $w, "late"; exit }
        close $w; fcntl($r, 4, 2048); open(STDIN, "<&", $r); close $r; exec @ARGV' \
        "$SEALMEM" run --secret key=- -- cat {key}
    [ "$output" = late ]
}

@test "every secret is sealed, and the program cannot write, resize or map it writable" {
    run -0 sealmem_run --secret key="$DIR/secret" -- perl -e '
        chmod(0600, $ARGV[0]) or die; open(my $f, "<", $ARGV[0]) or die; printf "%x\n", fcntl($f, 1034, 0) & 0xf;
        my $w; print open($w, "+<", $ARGV[0]) && syswrite($w, "X") ? "written\n" : "$!\n";
        print truncate($ARGV[0], 0) ? "cut\n" : "$!\n"; print <$f>' {key}
    [ "${lines[0]}" = f ]
    [ "${lines[1]}" = "Operation not permitted" ]
    [ "${lines[2]}" = "Operation not permitted" ]
    [ "${lines[3]}" = "a secret" ]
}

@test "a secret stays as it was when its source changes" {
    run -0 sealmem_run --secret key="$DIR/other" -- \
        sh -c 'echo new >"$0"; cat "$0" {key} "$CREDENTIALS_DIRECTORY/key"' "$DIR/other"
    [ "$output" = new$'\n'anotheranother ]
}

@test "the check for seals fails for a memfd without seals and for a file" {
    run ! assert_sealed "$DIR/secret"
    run -0 python3 -c 'import os, subprocess, sys
fd = os.memfd_create("x", os.MFD_ALLOW_SEALING)
sys.exit(subprocess.run(sys.argv[1:] + [f"/proc/{os.getpid()}/fd/{fd}"]).returncode == 0)' \
        bash -c 'source "$0"; assert_sealed "$1"' "$BATS_TEST_DIRNAME/started.bash"
}

@test "the program and its children can read a secret again and again from its beginning" {
    run -0 sealmem_run --secret key="$DIR/other" -- bash -c 'cat {key}; cat {key}; (cat {key}); cat <&10'
    [ "$output" = anotheranotheranotheranother ]
}

# Starts a program without the descriptors that it does not know, as Python, Java and Node do.
CLOSING='import subprocess, sys
sys.exit(subprocess.run(sys.argv[1:], close_fds=True).returncode)'

@test "a child without the descriptors reads a secret by each path, again and again" {
    KEY=value run -0 as_plain_user "$SEALMEM" run --env-file --secret key=env:KEY -- python3 -c "$CLOSING" \
        sh -c '[ ! -e /proc/self/fd/10 ]; cat {key} {key} "$key_FILE" "$CREDENTIALS_DIRECTORY/key"'
    [ "$output" = valuevaluevaluevalue ]
    run -0 sealmem_run --env-file --secret key="$DIR/other" -- python3 -c "$CLOSING" \
        sh -c 'cat {key} "$key_FILE" "$CREDENTIALS_DIRECTORY/key"'
    [ "$output" = anotheranotheranother ]
}

@test "a child without the descriptors reads a secret where /proc hides other users" {
    need_mounts
    for option in hidepid=1 hidepid=2 hidepid=4 subset=pid; do
        KEY=value run -0 unshare --pid --fork --mount --propagation private \
            sh -euc 'mount -t proc -o "$0" proc /proc; exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' "$option" \
            "$SEALMEM" run --secret key=env:KEY -- python3 -c "$CLOSING" cat {key}
        [ "$output" = value ]
    done
}

@test "the paths lead to the program where /proc is that of another PID namespace" {
    need_root
    unshare --pid --fork true || skip "no PID namespaces here"
    run -0 unshare --pid --fork "$SEALMEM" run --secret key="$DIR/other" -- \
        sh -c 'cat {key} "$CREDENTIALS_DIRECTORY/key"; exit $?'
    [ "$output" = anotheranother ]
}

@test "with --self-paths each process opens its own descriptors" {
    run -0 sealmem_run --env-file --self-paths --secret key="$DIR/other" -- \
        sh -c 'echo {key} "$key_FILE" "$CREDENTIALS_DIRECTORY"; readlink "$CREDENTIALS_DIRECTORY/key"; cat {key}; exit $?'
    [ "$output" = "/proc/self/fd/10 /proc/self/fd/10 /proc/self/fd/11"$'\n'/proc/self/fd/10$'\n'another ]
    run -1 sealmem_run --self-paths --secret key="$DIR/other" -- python3 -c "$CLOSING" cat {key}
    [[ $output == *"No such file or directory" ]]
}

@test "with --self-paths a child of another user that has the descriptors reads a secret, and not without" {
    need_root
    for option in "" --self-paths; do
        run sealmem_run $option --mode 444 --secret key="$DIR/other" -- \
            sh -c 'setpriv --reuid=65534 --regid=65534 --clear-groups cat {key} "$CREDENTIALS_DIRECTORY/key"; exit $?'
        if [ -n "$option" ]; then
            [ "$status $output" = "0 anotheranother" ]
        else
            [ "$status" = 1 ] && [[ $output == *"Permission denied"* ]]
        fi
    done
}

@test "with --self-paths a child in a PID namespace of its own reads a secret, and not without" {
    need_mounts
    for option in "" --self-paths; do
        run sealmem_run $option --secret key="$DIR/other" -- unshare --pid --fork --mount-proc \
            sh -c 'cat {key} "$CREDENTIALS_DIRECTORY/key"'
        if [ -n "$option" ]; then
            [ "$status $output" = "0 anotheranother" ]
        else
            [ "$status" = 1 ] && [[ $output == *"No such file or directory"* ]]
        fi
    done
}

# Runs sealmem to its end, gives the process number of its program to another process, with another file as descriptor 10,
# and reads the path.
REUSE='import os, signal, subprocess, sys
directory, *command = sys.argv[1:]
path = subprocess.run([*command, "sh", "-c", "echo $1 $$", "sh", "{key}"], capture_output=True, text=True, check=True).stdout
path, pid = path.split()
open("/proc/sys/kernel/ns_last_pid", "w").write(str(int(pid) - 1))
file = os.open(directory + "/secret", os.O_RDONLY)
ready, go = os.pipe()
child = os.fork()
if child == 0:
    os.dup2(file, 10)
    os.write(go, b"x")
    signal.pause()
assert child == int(pid)
os.read(ready, 1)
try:
    print(open(path).read(), end="")
except OSError as error:
    print(error.strerror)
os.kill(child, 9)'

@test "a path of a program that has exited can lead to another process, and not with --self-paths" {
    need_mounts
    for option in "" --self-paths; do
        run -0 alone timeout 60 unshare --pid --fork --kill-child --mount-proc python3 -c "$REUSE" "$DIR" "$SEALMEM" run $option --secret key="$DIR/other" --
        [ "$output" = "$([ -n "$option" ] && echo "No such file or directory" || cat "$DIR/secret")" ]
    done
}

@test "without /dev/fd it works" {
    need_mounts
    for option in "" --self-paths; do
        run -0 alone unshare --mount --propagation private sh -euc 'mount -t tmpfs none /dev; exec "$@"' sh \
            "$SEALMEM" run --env-file $option --secret key="$DIR/other" -- \
            sh -c 'cat {key} "$key_FILE" "$CREDENTIALS_DIRECTORY/key"; exit $?'
        [ "$output" = anotheranotheranother ]
    done
}

@test "the mode is 400, unless --mode sets another" {
    run -0 sealmem_run --secret key="$DIR/secret" -- stat -Lc '%a %u' {key}
    [ "$output" = "400 $(id -u)" ]
    run -0 sealmem_run --mode 0444 --secret key="$DIR/secret" -- stat -Lc %a {key}
    [ "$output" = 444 ]
}

@test "with a mode that forbids its user to open a secret, the descriptor still works" {
    KEY=value run -0 as_plain_user "$SEALMEM" run --mode 0 --secret key=env:KEY -- \
        bash -c 'stat -Lc %a {key}; cat <&"$(basename {key})"; ! cat {key}'
    [[ $output == "0"$'\n'"value"*"Permission denied" ]]
}

@test "a mode with more than read permissions is an error" {
    for mode in 600 8 x '' -1 777 0x1; do
        run --separate-stderr -125 sealmem_run --mode "$mode" -- echo started
        assert_usage run "--mode takes an octal number of read permissions, not '$mode'"
    done
}

@test "after a change of user the program can read a secret only if its mode allows it" {
    need_root
    run -0 sealmem_run --mode 444 --secret key="$DIR/other" -- \
        setpriv --reuid=65534 --regid=65534 --clear-groups cat {key}
    [ "$output" = another ]
    run -1 sealmem_run --secret key="$DIR/other" -- \
        setpriv --reuid=65534 --regid=65534 --clear-groups cat {key}
    [[ $output == *"Permission denied" ]]
}

@test "--owner gives the secrets to a user that can read them with mode 400" {
    need_root
    become=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    run -0 sealmem_run --owner 65534 --env-file --secret key="$DIR/other" -- "${become[@]}" \
        sh -c 'stat -Lc "%a %u" {key}; cat {key} "$key_FILE" "$CREDENTIALS_DIRECTORY/key"'
    [ "$output" = "400 65534"$'\n'anotheranotheranother ]
    # A child with another user than the program.
    run -0 sealmem_run --owner 65534 --self-paths --secret key="$DIR/other" -- \
        sh -c '"$@"; exit $?' sh "${become[@]}" cat {key}
    [ "$output" = another ]
    run -1 sealmem_run --owner 12345 --secret key="$DIR/other" -- "${become[@]}" cat {key}
    [[ $output == *"Permission denied" ]]
    run ! sealmem_run --owner 65534 --mode 444 --secret key="$DIR/other" -- "${become[@]}" \
        sh -c 'chmod 600 {key} && echo changed >{key}; [ "$(cat {key})" != another ]'
}

@test "--owner takes names and numbers, and chooses the group of the user" {
    need_root
    while read -r owner expected; do
        run -0 sealmem_run --owner "$owner" --secret key="$DIR/other" -- stat -Lc %u:%g {key}
        [ "$output" = "$expected" ]
    done <<END
nobody $(id -u nobody):$(id -g nobody)
$(id -u nobody) $(id -u nobody):$(id -g nobody)
nobody:daemon $(id -u nobody):$(id -g daemon)
12345:daemon 12345:$(id -g daemon)
12345:54321 12345:54321
12345 12345:$(id -g)
END
}

@test "--owner refuses a user or a group that does not exist" {
    for user in '' no-such-user 4294967295 -1 99999999999 1x; do
        run --separate-stderr -125 sealmem_run --owner "$user" --secret key="$DIR/other" -- echo started
        assert_refused run "--owner: there is no user '$user'"
        run --separate-stderr -125 sealmem_run --owner "0:$user" --secret key="$DIR/other" -- echo started
        assert_refused run "--owner: there is no group '$user'"
    done
}

@test "a plain user can be the owner, and cannot give a secret away" {
    user=$(as_plain_user id -u)
    KEY=value run -0 as_plain_user "$SEALMEM" run --owner "$user:$(as_plain_user id -g)" --secret key=env:KEY -- cat {key}
    [ "$output" = value ]
    KEY=value run --separate-stderr -125 as_plain_user "$SEALMEM" run --owner 0 --secret key=env:KEY -- echo started
    assert_refused run "secret 'key': cannot give it to its owner: Operation not permitted"
}

@test "after a change of user a descriptor is the source of another run" {
    need_root
    run -0 sealmem_run --secret key="$DIR/other" -- setpriv --reuid=65534 --regid=65534 --clear-groups \
        "$SEALMEM" run --secret key=fd:10 -- sh -c 'stat -Lc "%a %u" {key}; cat {key} "$CREDENTIALS_DIRECTORY/key"'
    [ "$output" = "400 65534"$'\n'anotheranother ]
}

@test "LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES are set as systemd does, from descriptor 3 on" {
    run -0 sealmem_run --listen-fds --secret one="$DIR/secret" --secret two="$DIR/other" -- \
        sh -c 'echo "$LISTEN_FDS $LISTEN_FDNAMES"; [ "$LISTEN_PID" = $$ ] && cat <&3 && cat <&4'
    [ "$output" = "2 one:two"$'\n'"a secret"$'\n'another ]
}

@test "without --listen-fds the program receives the socket activation that sealmem received" {
    run -0 alone sh -c 'exec 3<"$0"; LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=web LISTEN_PIDFDID=7 exec "$@"' \
        "$DIR/other" "$SEALMEM" run --secret key="$DIR/secret" -- \
        sh -c 'echo "$LISTEN_FDS $LISTEN_FDNAMES $LISTEN_PIDFDID"; [ "$LISTEN_PID" = $$ ] && cat <&3; cat {key}'
    [ "$output" = "1 web 7"$'\n'"anothera secret" ]
    run -0 sealmem_run --secret key="$DIR/secret" -- sh -c 'echo "${LISTEN_FDS-none} ${LISTEN_PID-none} ${LISTEN_FDNAMES-none}"'
    [ "$output" = "none none none" ]
}

# As gunicorn does: it takes the descriptors that LISTEN_FDS announces for sockets, or makes one itself.
@test "with --listen-fds no source may be among the descriptors of LISTEN_FDS" {
    # shellcheck disable=SC2016
    run --separate-stderr -125 alone sh -c 'exec 3<"$0"; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"' "$DIR/other" \
        "$SEALMEM" run --listen-fds --secret a=fd:3 -- echo started
    assert_refused run "descriptor 3 is a source and one of those in LISTEN_FDS, which go to the program: do without --listen-fds"
    # shellcheck disable=SC2016
    run -0 alone sh -c 'exec 3<"$0"; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"' "$DIR/other" \
        "$SEALMEM" run --secret a=fd:3 -- cat {a}
    [ "$output" = another ]
}

@test "a server that takes its sockets from LISTEN_FDS starts" {
    run -0 sealmem_run --secret key="$DIR/secret" -- python3 -c 'import os, socket
count = int(os.environ.get("LISTEN_FDS", 0)) if os.environ.get("LISTEN_PID") == str(os.getpid()) else 0
server = socket.socket(fileno=3) if count else socket.create_server(("127.0.0.1", 0))
server.listen()
print("listening")'
    [ "$output" = listening ]
}

@test "a script that opens a file as descriptor 3 to 9 replaces no secret" {
    for fd in 3 4 5 6 7 8 9; do
        run -0 sealmem_run --env-file --secret key="$DIR/secret" -- \
            sh -c "exec $fd<\$0"'; cat {key} "$key_FILE" "$CREDENTIALS_DIRECTORY/key"' "$DIR/other"
        [ "$output" = "a secret"$'\n'"a secret"$'\n'"a secret" ]
    done
}

@test "secrets have the descriptors from 10 on, without those that are open" {
    run -0 alone bash -c 'exec 11<"$0"; exec "$@"' "$DIR/secret" \
        "$SEALMEM" run --secret a="$DIR/other" --secret b=exec:'printf b' -- bash -c 'basename -a {a} {b}; cat <&10 <&11 <&12'
    [ "$output" = 10$'\n'12$'\n'b ]
    run -0 alone bash -c 'exec 11<"$0"; exec "$@"' "$DIR/secret" \
        "$SEALMEM" run --secret a="$DIR/other" --secret b="$DIR/other" -- cat /proc/self/fd/11
    [ "$output" = "a secret" ]
}

@test "descriptors passed by socket activation stay first, and the secrets follow" {
    run -0 alone sh -c 'exec 3<"$0"; LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=web exec "$@"' \
        "$DIR/other" "$SEALMEM" run --listen-fds --secret key="$DIR/secret" -- \
        sh -c 'echo "$LISTEN_FDS $LISTEN_FDNAMES"; cat <&4; cat <&3'
    [ "$output" = "2 web:key"$'\n'"a secret"$'\n'another ]
}

@test "descriptors of socket activation without names get the name that systemd gives" {
    run -0 alone sh -c 'exec 3<"$0" 4<"$0"; LISTEN_FDS=2 LISTEN_PID=$$ exec "$@"' \
        "$DIR/other" "$SEALMEM" run --listen-fds --secret key="$DIR/secret" -- \
        sh -c 'echo "$LISTEN_FDS $LISTEN_FDNAMES $(basename {key})"'
    [ "$output" = "3 unknown:unknown:key 5" ]
}

@test "socket activation of another process is replaced" {
    LISTEN_FDS=1 LISTEN_PID=1 LISTEN_FDNAMES=web LISTEN_PIDFDID=7 run -0 sealmem_run \
        --listen-fds --secret key="$DIR/secret" -- sh -c 'echo "$LISTEN_FDS $LISTEN_FDNAMES ${LISTEN_PIDFDID-none}"'
    [ "$output" = "1 key none" ]
}

@test "a run within a run adds its secrets to the earlier ones" {
    run -0 sealmem_run --secret a="$DIR/secret" -- "$SEALMEM" run --secret b="$DIR/other" -- \
        sh -c 'cat {a} {b} "$CREDENTIALS_DIRECTORY/a" "$CREDENTIALS_DIRECTORY/b"'
    [ "$output" = "a secret"$'\n'"anothera secret"$'\n'another ]
    run -0 sealmem_run --listen-fds --secret a="$DIR/secret" -- \
        "$SEALMEM" run --listen-fds --secret b="$DIR/other" -- sh -c 'echo "$LISTEN_FDNAMES"; cat <&3; cat {b}'
    [ "$output" = "a:b"$'\n'"a secret"$'\n'another ]
}

@test "--env-file sets NAME_FILE for each secret" {
    run -0 sealmem_run --env-file --secret PASSWORD="$DIR/other" -- \
        sh -c '[ "$PASSWORD_FILE" = {PASSWORD} ]; cat "$PASSWORD_FILE"'
    [ "$output" = another ]
    run -0 sealmem_run --secret PASSWORD="$DIR/other" -- sh -c 'echo "${PASSWORD_FILE-none}"'
    [ "$output" = none ]
}

@test "--env-file refuses a name that is not valid for a variable" {
    run --separate-stderr -125 sealmem_run --env-file --secret a.b="$DIR/other" -- echo started
    assert_usage run "--env-file: 'a.b' is not the name of a variable"
    run --separate-stderr -125 sealmem_run --secret 1a="$DIR/other" --env-file -- echo started
    assert_usage run "--env-file: '1a' is not the name of a variable"
}

@test "\$CREDENTIALS_DIRECTORY has an entry for each secret and no other" {
    run -0 sealmem_run --secret one="$DIR/secret" --secret two="$DIR/other" -- \
        sh -c 'ls "$CREDENTIALS_DIRECTORY/"; cat "$CREDENTIALS_DIRECTORY/one" "$CREDENTIALS_DIRECTORY/one"'
    [ "$output" = "one"$'\n'two$'\n'"a secret"$'\n'"a secret" ]
}

@test "the program of a plain user cannot change \$CREDENTIALS_DIRECTORY" {
    run -0 as_plain_user sh -c 'for fd in 3 4 5 6 7 8 9; do eval "exec $fd>&-"; done; exec "$@"' sh \
        "$SEALMEM" run --secret key=env:HOME -- \
        sh -c 'rm -f "$CREDENTIALS_DIRECTORY/key" 2>/dev/null; touch "$CREDENTIALS_DIRECTORY/new" 2>/dev/null; ls "$CREDENTIALS_DIRECTORY/"'
    [ "${lines[-1]}" = key ]
}

@test "\$CREDENTIALS_DIRECTORY works for a plain user and for children" {
    KEY=value run -0 as_plain_user "$SEALMEM" run --secret key=env:KEY -- \
        sh -c 'cat "$CREDENTIALS_DIRECTORY/key"; (sh -c "cat \$CREDENTIALS_DIRECTORY/key")'
    [ "$output" = valuevalue ]
}

@test "\$CREDENTIALS_DIRECTORY shows the entries of the earlier one, and prefers its own of two with one name" {
    mkdir "$DIR/credentials"
    echo old >"$DIR/credentials/old"
    echo farther >"$DIR/credentials/key"
    CREDENTIALS_DIRECTORY=$DIR/credentials run -0 sealmem_run --secret key="$DIR/secret" -- \
        sh -c 'cd "$CREDENTIALS_DIRECTORY/"; ls; cat old key'
    [ "$output" = key$'\n'old$'\n'old$'\n'"a secret" ]
}

@test "\$CREDENTIALS_DIRECTORY shows the entries of an earlier one that is a relative path" {
    mkdir -p "$DIR/here/credentials"
    echo old >"$DIR/here/credentials/old"
    cd "$DIR/here"
    for path in credentials ./credentials ../here/credentials; do
        # Wherever the program goes.
        CREDENTIALS_DIRECTORY=$path run -0 sealmem_run --secret key="$DIR/secret" -- \
            sh -c 'cat "$CREDENTIALS_DIRECTORY/old"; cd /; cat "$CREDENTIALS_DIRECTORY/old"; readlink "$CREDENTIALS_DIRECTORY/old"'
        [ "$output" = old$'\n'old$'\n'"$DIR/here/$path/old" ]
    done
}

# Runs the command in a directory that was removed meanwhile.
in_removed_directory() {
    mkdir "$DIR/gone"
    alone sh -c 'cd "$0" && rmdir "$0" && exec "$@"' "$DIR/gone" "$SEALMEM" run "$@"
}

@test "a relative \$CREDENTIALS_DIRECTORY is an error where the current directory has no path" {
    mkdir "$DIR/credentials"
    echo old >"$DIR/credentials/old"
    CREDENTIALS_DIRECTORY=../credentials run --separate-stderr -125 in_removed_directory --secret key="$DIR/secret" -- echo started
    assert_refused run "cannot create \$CREDENTIALS_DIRECTORY: No such file or directory"
    CREDENTIALS_DIRECTORY=$DIR/credentials run --separate-stderr -0 in_removed_directory --secret key="$DIR/secret" -- \
        sh -c 'cat "$CREDENTIALS_DIRECTORY/old"'
    [ "$output" = old ]
}

@test "\$CREDENTIALS_DIRECTORY is mounted nowhere and leaves nothing when it ends" {
    mkdir "$DIR/runtime"
    mounts=$(cat /proc/self/mounts)
    XDG_RUNTIME_DIR=$DIR/runtime run -0 sealmem_run --secret key="$DIR/secret" -- cat /proc/self/mounts
    [ "$output" = "$mounts" ]
    [ -z "$(ls -A "$DIR/runtime")" ]
}

# Runs the command where it may create neither a file system nor a namespace for one.
confined() {
    unshare --user --map-root-user sh -euc 'echo 0 >/proc/sys/user/max_user_namespaces
        exec setpriv --bounding-set -all --inh-caps -all "$@"' sh "$@"
}

can_be_confined() {
    confined true 2>/dev/null || skip "no user namespaces here"
}

@test "if nothing may be mounted, \$CREDENTIALS_DIRECTORY is a directory that works" {
    can_be_confined
    mkdir "$DIR/runtime"
    chmod 777 "$DIR/runtime"
    XDG_RUNTIME_DIR=$DIR/runtime run -0 confined "$SEALMEM" run --secret key="$DIR/secret" -- \
        sh -c 'cat "$CREDENTIALS_DIRECTORY/key"; readlink "$CREDENTIALS_DIRECTORY"'
    [ "${lines[0]}" = "a secret" ]
    [[ ${lines[1]} == "$DIR/runtime/sealmem-run-"* ]]
    ! grep -rq "a secret" "$DIR/runtime"
}

@test "a later run removes such a directory after its program and all children have exited" {
    can_be_confined
    mkdir "$DIR/runtime"
    export XDG_RUNTIME_DIR=$DIR/runtime
    confined "$SEALMEM" run --secret key="$DIR/secret" -- \
        sh -c 'echo $$ >"$0"; exec sleep 60' "$DIR/sleeper" 3>&- 4>&- &
    until [ -s "$DIR/sleeper" ]; do sleep 0.05; done
    touch -d '1 hour ago' "$DIR"/runtime/*
    run -0 confined "$SEALMEM" run --secret key="$DIR/secret" -- true
    [ "$(ls "$DIR/runtime" | wc -l)" = 2 ]
    kill "$(cat "$DIR/sleeper")"
    wait || true
    touch -d '1 hour ago' "$DIR"/runtime/*
    run -0 confined "$SEALMEM" run --secret key="$DIR/secret" -- true
    [ "$(ls "$DIR/runtime" | wc -l)" = 1 ]
}

@test "--no-credentials leaves \$CREDENTIALS_DIRECTORY as it was" {
    run -0 sealmem_run --no-credentials --secret key="$DIR/secret" -- sh -c 'echo "${CREDENTIALS_DIRECTORY-none}"'
    [ "$output" = none ]
    CREDENTIALS_DIRECTORY=/there run -0 sealmem_run --no-credentials --secret key="$DIR/secret" -- \
        sh -c 'echo "$CREDENTIALS_DIRECTORY"'
    [ "$output" = /there ]
}

@test "without secrets the environment and the descriptors do not change" {
    plain=$(alone env -u _ sh -c 'env; ls /proc/$$/fd')
    run -0 alone env -u _ "$SEALMEM" run -- sh -c 'env; ls /proc/$$/fd'
    [ "$output" = "$plain" ]
}

@test "the program has no open descriptors but the secrets, the directory and those it would have anyway" {
    run -0 sealmem_run --secret a="$DIR/secret" --secret b='exec:echo x' -- sh -c 'ls /proc/$$/fd; :'
    [ "${lines[*]}" = "0 1 10 11 12 2" ]
    run -0 sealmem_run --listen-fds --secret a="$DIR/secret" --secret b='exec:echo x' -- sh -c 'ls /proc/$$/fd; :'
    [ "${lines[*]}" = "0 1 10 2 3 4" ]
}

@test "a descriptor that is open at the number of a secret is an error that names the number" {
    run --separate-stderr -125 alone sh -c 'exec 4</dev/null; exec "$@"' sh \
        "$SEALMEM" run --listen-fds --secret a="$DIR/secret" --secret b="$DIR/other" -- echo started
    assert_refused run "descriptor 4 is open, but LISTEN_FDS needs it for secret 'b': close it (4>&-), or do without --listen-fds"
}

@test "the open descriptors 3 to 9 are kept" {
    run -0 alone sh -c 'exec 3<"$0" 4<"$0" 5<"$0" 6<"$0" 7<"$0" 8<"$0" 9<"$0"; exec "$@"' "$DIR/other" \
        "$SEALMEM" run --secret key="$DIR/secret" -- \
        sh -c 'cat <&3; cat <&9; echo "${LISTEN_FDS-none}"; cat {key}'
    [ "$output" = "anothernone"$'\n'"a secret" ] || [ "$output" = "anotheranothernone"$'\n'"a secret" ]
}

@test "a descriptor that is open after the secrets is kept" {
    run -0 alone sh -c 'exec 9<"$0"; exec "$@"' "$DIR/other" \
        "$SEALMEM" run --secret key="$DIR/secret" -- sh -c 'cat {key}; cat <&9'
    [ "$output" = "a secret"$'\n'another ]
}

@test "with RLIMIT_NOFILE of 14 three secrets fit" {
    run -0 with_descriptors 14 "$SEALMEM" run --secret a="$DIR/other" --secret b="$DIR/other" \
        --secret c="$DIR/other" -- cat {a} {b} {c}
    [ "$output" = anotheranotheranother ]
    run -0 with_descriptors 8 "$SEALMEM" run --listen-fds --no-credentials --secret a="$DIR/other" \
        --secret b="$DIR/other" --secret c="$DIR/other" -- cat {a} {b} {c}
    [ "$output" = anotheranotheranother ]
}

@test "with RLIMIT_NOFILE of 14 six secrets do not fit, and the error names the limit" {
    secrets=()
    for name in a b c d e f; do secrets+=(--secret $name="$DIR/other"); done
    for option in "" --listen-fds; do
        limit=$([ -n "$option" ] && echo 8 || echo 14)
        run --separate-stderr -125 with_descriptors "$limit" "$SEALMEM" run $option --no-credentials "${secrets[@]}" -- echo started
        assert_refused run "RLIMIT_NOFILE"
        [[ $stderr == *"ulimit -n"* ]]
    done
    run --separate-stderr -125 with_descriptors 14 "$SEALMEM" run "${secrets[@]}" -- echo started
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
    [ "${#lines[@]}" = 1 ]
}

@test "a secret of 0 bytes is an empty, sealed file" {
    : >"$DIR/empty"
    run -0 sealmem_run --allow-empty --secret key="$DIR/empty" -- perl -e 'chmod(0600, $ARGV[0]) or die; open(my $f, "<", $ARGV[0]) or die;
        printf "%x %d\n", fcntl($f, 1034, 0) & 0xf, -s $f; open(my $w, "+<", $ARGV[0]); print syswrite($w, "x") ? "written" : $!' {key}
    [ "$output" = "f 0"$'\n'"Operation not permitted" ]
}

@test "a secret of 0 bytes from any source is refused without --allow-empty" {
    : >"$DIR/empty"
    for source in "$DIR/empty" - env:KEY fd:7 exec:true; do
        KEY='' run --separate-stderr -125 alone sh -c 'exec 7</dev/null; exec "$@" </dev/null' sh \
            "$SEALMEM" run --secret key="$source" -- echo started
        assert_refused run "secret 'key' is empty: use --allow-empty to pass it"
        KEY='' run -0 alone sh -c 'exec 7</dev/null; exec "$@" </dev/null' sh \
            "$SEALMEM" run --allow-empty --secret key="$source" -- cat {key}
        [ -z "$output" ]
    done
}

@test "--strip-newline removes the newlines at the end, and no other byte" {
    printf 'a\n\nb \r\n\n\n' >"$DIR/lines"
    run -0 sealmem_run --secret key="$DIR/lines" -- sha256sum {key}
    [[ $output == "$(printf 'a\n\nb \r\n\n\n' | sha256sum | cut -d' ' -f1)"* ]]
    run -0 sealmem_run --strip-newline --secret key="$DIR/lines" --secret other="$DIR/other" -- sha256sum {key} {other}
    [[ ${lines[0]} == "$(printf 'a\n\nb \r' | sha256sum | cut -d' ' -f1)"* ]]
    [[ ${lines[1]} == "$(sha256sum <"$DIR/other" | cut -d' ' -f1)"* ]]
    # More newlines than the command reads at a time.
    run -0 sealmem_run --strip-newline --secret key='exec:printf x; head -c 3000 /dev/zero | tr "\\0" "\\n"' -- stat -Lc %s {key}
    [ "$output" = 1 ]
    run --separate-stderr -125 sealmem_run --strip-newline --secret key='exec:echo' -- echo started
    assert_refused run "secret 'key' is empty"
    run -0 sealmem_run --strip-newline --allow-empty --secret key='exec:echo' -- stat -Lc %s {key}
    [ "$output" = 0 ]
    assert_sealed_in_child
}

# The bytes are cut before the seal, so the seal still holds.
assert_sealed_in_child() {
    run -0 sealmem_run --strip-newline --secret key="$DIR/secret" -- \
        bash -c 'source "$0"; assert_sealed "$1"' "$BATS_TEST_DIRNAME/started.bash" {key}
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

@test "a source without an end is refused at the limit" {
    run --separate-stderr -125 sealmem_run --max-size 1M --secret key=/dev/zero -- echo started
    assert_refused run "is larger than 1048576 bytes"
    run --separate-stderr -125 sealmem_run --max-size 1M --secret key='exec:yes 2>/dev/null' -- echo started
    assert_refused run "is larger than 1048576 bytes"
}

@test "a text that is not a size is an error" {
    for size in x '' -1 1X 1KK 99999999999G; do
        run --separate-stderr -125 sealmem_run --max-size "$size" -- echo started
        assert_usage run "--max-size takes a size, not '$size'"
    done
}

@test "a file size limit causes an error and no signal" {
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
        assert_usage run "--secret '"
    done
}

@test "a NAME of 240 bytes is accepted, and one of 300 is refused" {
    name=$(printf %0240d 0)
    run -0 sealmem_run --listen-fds --secret "$name=$DIR/other" -- sh -c 'cat "$CREDENTIALS_DIRECTORY/$LISTEN_FDNAMES"'
    [ "$output" = another ]
    run --separate-stderr -125 sealmem_run --secret "$(printf %0300d 0)=$DIR/other" -- echo started
    assert_usage run "the name is too long"
}

@test "a run within a run keeps credentials whose names begin with a dot" {
    run -0 sealmem_run --secret .hidden="$DIR/other" -- \
        "$SEALMEM" run --secret key="$DIR/secret" -- sh -c 'cat "$CREDENTIALS_DIRECTORY/.hidden"'
    [ "$output" = another ]
}

@test "names that do not fit into LISTEN_FDNAMES are an error that names the variable" {
    room=$((32 * $(getconf PAGESIZE)))
    [ "$room" -lt 1000000 ] || skip "with these pages, so many names are too long for the arguments"
    [ "$(ulimit -Hn)" -gt 4096 ] || skip "too few descriptors are allowed"
    ulimit -n 4096
    for option in "" --listen-fds; do
        secrets=()
        for i in $(seq $((room / 241 + 1))); do secrets+=(--secret "$(printf %0240d "$i")=$DIR/other"); done
        run --separate-stderr -125 sealmem_run $option "${secrets[@]}" -- echo started
        assert_refused run "the names of the secrets do not fit into LISTEN_FDNAMES, which has $room bytes at most"
        # One less fits.
        run -0 sealmem_run $option "${secrets[@]:2}" -- echo started
        [ "$output" = started ]
    done
}

@test "two secrets with one name are refused" {
    run --separate-stderr -125 sealmem_run --secret a="$DIR/secret" --secret a="$DIR/other" -- echo started
    assert_usage run "two secrets have the name 'a'"
}

@test "two secrets from one stream are refused" {
    run --separate-stderr -125 sealmem_run --secret a=- --secret b=- -- echo started
    assert_usage run "secrets 'a' and 'b' come from one source, which can be read only once"
    run --separate-stderr -125 alone sh -c 'exec "$@" 7</dev/null' sh "$SEALMEM" run --secret a=fd:7 --secret b=fd:7 -- echo started
    assert_usage run "come from one source"
}

@test "two secrets from one pipe are refused, whatever its names" {
    mkfifo "$DIR/pipe"
    ln -s pipe "$DIR/link"
    for sources in '- /dev/stdin' '/dev/stdin -' '- /proc/self/fd/0' '/dev/fd/0 /dev/stdin' 'fd:7 -' '/dev/fd/7 fd:7' \
        "$DIR/pipe $DIR/link"; do
        # shellcheck disable=SC2086
        run --separate-stderr -125 alone sh -c 'printf typed | { exec 7<&0; exec "$@"; }' sh \
            "$SEALMEM" run --secret a=${sources% *} --secret b=${sources#* } -- echo started
        assert_usage run "secrets 'a' and 'b' come from one source, which can be read only once"
    done
    # A file can be read again.
    run -0 alone sh -c 'exec "$@" <"$0"' "$DIR/other" "$SEALMEM" run --secret a=- --secret b=/dev/stdin -- cat {a} {b}
    [ "$output" = anotheranother ]
}

@test "a source that is not available is an error" {
    run --separate-stderr -125 sealmem_run --secret key -- echo started
    assert_usage run "--secret takes NAME=SOURCE, not 'key'"
    run --separate-stderr -125 sealmem_run --secret key= -- echo started
    assert_usage run "secret 'key': the source is empty"
    run --separate-stderr -125 sealmem_run --secret key="$DIR/missing" -- echo started
    assert_refused run "/missing': No such file or directory"
    run --separate-stderr -125 sealmem_run --secret key="$DIR" -- echo started
    assert_refused run "Is a directory"
    run --separate-stderr -125 sealmem_run --secret key=env:NO_SUCH -- echo started
    assert_refused run "secret 'key': 'NO_SUCH' is not in the environment: export it"
    run --separate-stderr -125 sealmem_run --secret key=fd:99 -- echo started
    assert_refused run "secret 'key': descriptor 99 is not open"
    run --separate-stderr -125 sealmem_run --secret key=fd:x -- echo started
    assert_usage run "fd: takes the number of a descriptor"
    run --separate-stderr -125 sealmem_run --secret key=fd:0 -- echo started
    assert_usage run "fd: does not take a standard descriptor"
}

@test "./env:X is a file" {
    cd "$DIR"
    echo file >env:X
    run -0 sealmem_run --secret key=./env:X -- cat {key}
    [ "$output" = file ]
}

@test "/proc of the program does not show a secret that was in a variable" {
    KEY=only-once-secret run -0 sealmem_run --secret key=env:KEY -- \
        sh -c 'cat /proc/$$/environ /proc/$$/cmdline; printf / ; cat {key}'
    [ "$(tr -d '\0' <<<"$output" | grep -ao only-once-secret | wc -l)" = 1 ]
}

@test "the exit status, or the signal that kills it, is that of the program" {
    run -7 sealmem_run --secret key="$DIR/secret" -- sh -c 'exit 7'
    run -143 sealmem_run --secret key="$DIR/secret" -- sh -c 'kill $$'
}

@test "the process stays the same" {
    run -0 alone sh -c 'echo $$; exec "$@"' sh "$SEALMEM" run --secret key="$DIR/secret" -- sh -c 'echo $$'
    [ "${lines[0]}" = "${lines[1]}" ]
}

@test "a signal reaches the program, and the program decides the status" {
    alone "$SEALMEM" run --secret key="$DIR/secret" -- \
        sh -c 'trap "echo got; exit 5" TERM; echo $$ >"$0"; while :; do sleep 0.1; done' "$DIR/pid" >"$DIR/out" &
    started=$!
    until [ -s "$DIR/pid" ]; do sleep 0.05; done
    kill -TERM "$(cat "$DIR/pid")"
    wait "$started" || ended=$?
    [ "$ended" = 5 ]
    [ "$(cat "$DIR/out")" = got ]
}

@test "signals that are ignored or blocked stay so" {
    plain=$(env --ignore-signal=INT --block-signal=USR1 grep -E '^Sig(Blk|Ign)' /proc/self/status)
    run -0 env --ignore-signal=INT --block-signal=USR1 "$SEALMEM" run --secret key='exec:echo x' -- \
        grep -E '^Sig(Blk|Ign)' /proc/self/status
    [ "$output" = "$plain" ]
}

@test "the status is 127 if the command is not found, and 126 if it cannot be executed" {
    run --separate-stderr -127 sealmem_run -- no-such-command
    assert_refused run "cannot execute 'no-such-command': No such file or directory"
    run --separate-stderr -126 sealmem_run -- "$DIR/secret"
    assert_refused run "/secret': Permission denied"
    run --separate-stderr -126 sealmem_run -- /
    assert_refused run "Permission denied"
}

@test "the status of wrong use is 125" {
    run --separate-stderr -125 sealmem_run
    assert_usage run "there is no command to execute"
    run --separate-stderr -125 sealmem_run --nonsense -- true
    assert_usage run "unknown option '--nonsense'"
    run --separate-stderr -125 sealmem_run --secret
    assert_usage run "option '--secret' needs a value"
    run --separate-stderr -125 sealmem_run --env-file=x -- true
    assert_usage run "takes no value"
}

@test "options after the command belong to the command" {
    run -0 sealmem_run echo --secret --help
    [ "$output" = "--secret --help" ]
}

@test "without /proc the error says what is missing" {
    need_mounts
    need_no_sanitizer
    run --separate-stderr -125 without_proc "$SEALMEM" run --no-credentials \
        --secret key="$DIR/secret" -- echo started
    assert_refused run "secret 'key': cannot seal it: opening /proc/self/fd/N: No such file or directory; mount /proc"
}

@test "if memfds are forbidden, the error says so" {
    run --separate-stderr -125 "$FORBID" memfd_create=EPERM -- "$SEALMEM" run \
        --secret key="$DIR/secret" -- echo started
    assert_refused run "memfd_create(2): Operation not permitted"
}

@test "if seals are forbidden, the program is not started" {
    run --separate-stderr -125 "$FORBID" add_seals=EPERM -- "$SEALMEM" run \
        --secret key="$DIR/secret" -- echo started
    assert_refused run "F_ADD_SEALS: Operation not permitted"
}

@test "it works if executable memfds are refused" {
    need_mounts
    [ -e /proc/sys/vm/memfd_noexec ] || skip "no vm.memfd_noexec"
    run -0 unshare --pid --fork --mount-proc sh -c 'echo 2 >/proc/sys/vm/memfd_noexec; exec "$@"' sh \
        "$SEALMEM" run --secret key="$DIR/secret" -- cat {key}
    [ "$output" = "a secret" ]
}

@test "--no-new-privs is in force, and not without the option" {
    run -0 sealmem_run --no-new-privs -- grep NoNewPrivs /proc/self/status
    [ "$output" = "NoNewPrivs:"$'\t'1 ]
    [ "$(sed -n 's/^NoNewPrivs:\t//p' /proc/self/status)" = 0 ] || skip "it is in force here already"
    run -0 sealmem_run -- grep NoNewPrivs /proc/self/status
    [ "$output" = "NoNewPrivs:"$'\t'0 ]
}

# A program that maps memory writable and executable.
WRITE_EXECUTE='import mmap
try:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    print("mapped")
except PermissionError:
    print("refused")'

@test "--deny-write-execute is in force, and not without the option, or the error says that the kernel lacks it" {
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

# What a program can try in order to execute what it wrote. Prints each try and whether the kernel allows it: a mapping
# that is both, one that becomes executable, code that becomes writable for a moment, and two mappings of a memfd.
EXECUTE_WRITTEN='import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
READ, WRITE, EXECUTE = 1, 2, 4
SHARED, PRIVATE, ANONYMOUS = 1, 2, 32
size = os.sysconf("SC_PAGESIZE")
def map(protection, flags, fd=-1):
    at = libc.mmap(None, size, protection, flags, fd, 0)
    if at == ctypes.c_void_p(-1).value:
        raise OSError
    return at
def protect(at, protection):
    if libc.mprotect(at, size, protection) < 0:
        raise OSError
def twice(how):
    fd = os.memfd_create("twice")
    os.ftruncate(fd, size)
    writable = map(READ | WRITE, SHARED, fd)
    executable = map(READ | EXECUTE, how, fd)
    ctypes.memmove(writable, b"code", 4)
    assert ctypes.string_at(executable, 4) == b"code"
def becoming():
    protect(map(READ | WRITE, PRIVATE | ANONYMOUS), READ | EXECUTE)
def code():
    at = map(READ | EXECUTE, PRIVATE | ANONYMOUS)
    protect(at, READ | WRITE)
    protect(at, READ | EXECUTE)
def attempt(name, act):
    try:
        act()
        print(name, "allowed")
    except OSError:
        print(name, "refused")
attempt("both", lambda: map(READ | WRITE | EXECUTE, PRIVATE | ANONYMOUS))
attempt("becoming", becoming)
attempt("code", code)
attempt("shared", lambda: twice(SHARED))
attempt("private", lambda: twice(PRIVATE))'

@test "--deny-write-execute refuses mappings that are or were writable, and leaves files" {
    sealmem_run --deny-write-execute -- true || skip "no PR_SET_MDWE"
    run -0 sealmem_run -- python3 -c "$EXECUTE_WRITTEN"
    [ "${lines[*]}" = "both allowed becoming allowed code allowed shared allowed private allowed" ]
    run -0 sealmem_run --deny-write-execute -- python3 -c "$EXECUTE_WRITTEN"
    [ "${lines[*]}" = "both refused becoming refused code refused shared allowed private allowed" ]
}

# Starts the command in the background, as a child of the calling shell: $pid.
start_sleeping() {
    setpriv --reuid=65534 --regid=65534 --clear-groups "$@" sleep 60 3>&- 4>&- &
    pid=$!
    for _ in $(seq 100); do
        [ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" != "sleep 60 " ] || return 0
        sleep 0.05
    done
    return 1
}

@test "--no-dump hides /proc/PID/mem, the environment and the descriptors from the same user" {
    need_root
    can_no_dump
    for option in "" --no-dump; do
        start_sleeping "$SEALMEM" run --secret key=env:HOME $option --
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

# As a plain user, stops the command at its very start, where the loader opens a fifo to preload it. Opens its memory then. Lets it
# go on until it reads the last of its secrets from another fifo. Prints whether the memory that was opened early
# can be read at the start and then, and whether it can be opened then.
EARLY='import os, re, signal, subprocess, sys
signal.alarm(60)
directory, *command = sys.argv[1:]
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
start, door = directory + "/start", directory + "/door"
child = subprocess.Popen(command, env={**os.environ, "LD_PRELOAD": start}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
def stack():
    return int(re.search(r"([0-9a-f]+) \S+ \S+ \S+ \S+ +\[stack\]", open(f"/proc/{child.pid}/maps").read())[1], 16) - 8
def try_to(act):
    try:
        return "yes" if act() else "no"
    except OSError as error:
        return error.strerror
def open_memory():
    return os.open(f"/proc/{child.pid}/mem", os.O_RDONLY)
def first():
    global at, memory
    memory = open_memory()
    at = stack()
    return os.pread(memory, 8, at)
go = os.open(start, os.O_WRONLY)
print("early:", try_to(first))
os.unlink(start)
os.close(go)
go = os.open(door, os.O_WRONLY)
if "memory" in globals():
    print("later:", try_to(lambda: os.pread(memory, 8, at)))
print("again:", try_to(open_memory))
os.close(go)
sys.exit(child.wait())'

prepare_early() {
    rm -rf "$SHARED/early"
    mkdir -m 777 "$SHARED/early"
    mkfifo -m 666 "$SHARED/early/start" "$SHARED/early/door"
}

@test "--no-dump hides the secrets from a process that opened the memory of sealmem at its start" {
    need_root
    need_no_sanitizer
    can_no_dump
    prepare_early
    run -0 python3 -c "$EARLY" "$SHARED/early" "$SEALMEM" run --allow-empty --secret key="$SHARED/early/door" -- true
    [ "$output" = "early: yes"$'\n'"later: yes"$'\n'"again: Permission denied" ]
    prepare_early
    run -0 python3 -c "$EARLY" "$SHARED/early" "$SEALMEM" run --no-dump --allow-empty --secret key="$SHARED/early/door" -- true
    [ "$output" = "early: yes"$'\n'"later: no"$'\n'"again: Permission denied" ]
}

@test "a sealmem that its user may execute and not read is undumpable from its first instruction" {
    need_root
    need_no_sanitizer
    can_no_dump
    install -m 711 "$SEALMEM" "$SHARED/unreadable"
    prepare_early
    run -0 python3 -c "$EARLY" "$SHARED/early" "$SHARED/unreadable" run --no-dump --allow-empty \
        --secret key="$SHARED/early/door" -- true
    [ "$output" = "early: Permission denied"$'\n'"again: Permission denied" ]
}

# Traces the command from its first instruction, and lets it run.
TRACE='import ctypes, os, sys
ptrace = ctypes.CDLL(None).ptrace
pid = os.fork()
if pid == 0:
    ptrace(0, 0, None, None) # PTRACE_TRACEME
    os.execvp(sys.argv[1], sys.argv[1:])
status = os.waitpid(pid, 0)[1]
while os.WIFSTOPPED(status):
    ptrace(7, pid, None, None) # PTRACE_CONT
    status = os.waitpid(pid, 0)[1]
sys.exit(os.waitstatus_to_exitcode(status))'

@test "--no-dump refuses if another process traces sealmem" {
    need_no_sanitizer
    can_no_dump
    for secret in "" --secret=key="$DIR/secret"; do
        run --separate-stderr -0 alone python3 -c "$TRACE" "$SEALMEM" run $secret -- echo started
        [ "$output" = started ]
        run --separate-stderr -125 alone python3 -c "$TRACE" "$SEALMEM" run --no-dump $secret -- echo started
        assert_refused run "--no-dump: another process traces sealmem: stop it, or do without --no-dump"
    done
}

@test "--no-dump keeps the arguments, the environment, the input, the descriptors and the process" {
    can_no_dump
    OTHER=kept run -0 alone sh -c 'echo $$; exec 9<"$0"; printf typed | (exec "$@")' "$DIR/other" \
        "$SEALMEM" run --no-dump --secret=a="$DIR/secret" --secret b='exec:printf "$OTHER"' -- \
        bash -c 'cat; echo; cat <&9; echo; echo "$OTHER $1"; cat {b} {a}' bash 'two words'
    [ "${lines[1]}" = typed ]
    [ "${lines[2]}" = another ]
    [ "${lines[3]}" = "kept two words" ]
    [ "${lines[4]}" = "kepta secret" ]
    run -0 alone sh -c 'echo $$; exec "$@"' sh "$SEALMEM" run --no-dump --secret key="$DIR/secret" -- bash -c 'echo $$'
    [ "${lines[0]}" = "${lines[1]}" ]
}

@test "--no-dump creates \$CREDENTIALS_DIRECTORY for a plain user in the same way as without it" {
    need_root
    can_no_dump
    for option in "" --no-dump; do
        KEY=value run -0 as_plain_user "$SEALMEM" run $option --secret key=env:KEY -- \
            bash -c 'readlink "$CREDENTIALS_DIRECTORY"; cat "$CREDENTIALS_DIRECTORY/key"; echo /proc/self/fd/*'
        # Without private mounts, the directory has a random name.
        output=$(sed 's/sealmem-run-......$/sealmem-run-XXXXXX/' <<<"$output")
        [ -n "$option" ] || plain=$output
    done
    [ "$output" = "$plain" ]
}

@test "--no-dump also works for programs of root, and they keep their capabilities" {
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

@test "an undumpable program of a plain user can read its own secrets in every way" {
    can_no_dump
    KEY=value run -0 as_plain_user "$SEALMEM" run --no-dump --secret key=env:KEY -- \
        bash -c 'cat {key}; read -r line <{key}; echo "$line"; cat "$CREDENTIALS_DIRECTORY/key"'
    [ "$output" = valuevaluevalue ] || [ "$output" = "valuevalue"$'\n'"value" ]
}

@test "--no-dump leaves the secrets to children that inherit the descriptors" {
    can_no_dump
    KEY=value run -0 as_plain_user "$SEALMEM" run --no-dump --secret key=env:KEY -- \
        bash -c 'echo {key}; cat {key}; exit $?'
    [[ $output == /proc/self/fd/*$'\n'value ]]
    KEY=value run -1 as_plain_user "$SEALMEM" run --no-dump --secret key=env:KEY -- python3 -c "$CLOSING" cat {key}
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

@test "--no-dump says why if executable memfds are refused" {
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

@test "--help prints on standard output and exits 0" {
    run --separate-stderr -0 "$SEALMEM" run --help
    [[ $output == "Usage: sealmem run"* ]]
    [ "$(grep -c '.\{81\}' <<<"$output")" = 0 ]
}

@test "if a filter kills at the calls that mount, the credentials are in a temporary directory" {
    need_no_sanitizer
    for call in fsopen unshare; do
        run --separate-stderr -0 alone "$FORBID" $call=KILL -- "$SEALMEM" run --secret key=- -- \
            sh -c 'cat "$CREDENTIALS_DIRECTORY/key"' <<<"secret"
        [ "$output" = secret ]
        [ -z "$stderr" ]
    done
}

# attack_file PATH: tries in each way to change a file or its mount, and prints the errno or "done". The ways with MOUNT
# follow if the second argument is "mount"; with "nested" they are tried in a namespace of its own.
ATTACK_FILE='
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
key, ways = sys.argv[1], sys.argv[2]
place = os.path.dirname(key)

def attempt(name, act):
    try:
        act()
        print(name, "done")
    except OSError as error:
        print(name, errno.errorcode[error.errno])

def call(function, *arguments):
    if getattr(libc, function)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), function)

RDONLY, REMOUNT, BIND = 1, 32, 4096
def mount(source, target, kind, flags):
    call("mount", source, target.encode(), kind, ctypes.c_ulong(flags), None)

def become_root_of_namespace():
    user = os.geteuid()
    call("unshare", 0x10020000)
    open("/proc/self/setgroups", "w").write("deny")
    open("/proc/self/uid_map", "w").write(f"0 {user} 1")

if ways == "nested":
    become_root_of_namespace()
if ways == "file":
    attempt("write", lambda: os.open(key, os.O_WRONLY))
    attempt("truncate", lambda: os.truncate(key, 0))
    attempt("chmod", lambda: os.chmod(key, 0o600))
    attempt("rename", lambda: os.rename(key, key + ".old"))
    attempt("create", lambda: os.open(place + "/new", os.O_WRONLY | os.O_CREAT))
    attempt("unlink", lambda: os.unlink(place + "/new"))
else:
    attempt("remount", lambda: mount(None, place, None, REMOUNT))
    attempt("bind-remount", lambda: mount(None, place, None, REMOUNT | BIND))
    attempt("over", lambda: mount(b"none", place, b"ramfs", 0) if ways == "mount" else None)
    attempt("umount", lambda: call("umount2", place.encode(), 2))
'

# In each form --files hands out: {NAME}, NAME_FILE, $CREDENTIALS_DIRECTORY/NAME.
FILES_SHOWN='echo {key} "$key_FILE" "$CREDENTIALS_DIRECTORY"; stat -c "%F %a %u" {key}; cat {key}'

# files_run [OPTION]...: a plain user, if root runs the tests; the secret is a-secret.
can_have_files() {
    PLACE=$SHARED/files-$BATS_TEST_NUMBER
    PLAIN=()
    am_root && PLAIN=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    mkdir -p "$PLACE"
    chmod 755 "$PLACE"
    KEY=x as_plain_user "$SEALMEM" run --files="$PLACE" --secret key=env:KEY -- true 2>/dev/null ||
        skip "no user namespaces here"
}

plain_files() {
    KEY=a-secret alone "${PLAIN[@]}" "$SEALMEM" run --files="$PLACE" --secret key=env:KEY "$@"
}

root_files() {
    KEY=a-secret alone "$SEALMEM" run --files="$PLACE" --secret key=env:KEY "$@"
}

@test "--files: every way to a secret leads to a regular file of mode 400 and of the right owner" {
    can_have_files
    run -0 plain_files --env-file -- sh -c "$FILES_SHOWN"
    [ "${lines[0]}" = "$PLACE/key $PLACE/key $PLACE" ]
    [ "${lines[1]}" = "regular file 400 $(as_plain_user id -u)" ]
    [ "${lines[2]}" = a-secret ]
}

@test "--files: the program keeps its user, its group and no descriptor" {
    can_have_files
    run -0 plain_files -- sh -c 'id -u; id -g; grep CapEff /proc/self/status; ls -l /proc/self/fd | grep -c memfd; :'
    [ "$output" = "$(as_plain_user id -u)"$'\n'"$(as_plain_user id -g)"$'\n'"CapEff:"$'\t'0000000000000000$'\n'0 ]
}

@test "--files with --listen-fds passes the sealed descriptors as well" {
    can_have_files
    run -0 plain_files --listen-fds -- sh -c 'cat {key}; cat <&3'
    [ "$output" = a-secreta-secret ]
}

@test "--files: children read the files, also after they have executed a program" {
    can_have_files
    run -0 plain_files -- sh -c 'sh -c "exec cat \"\$1\"" sh {key}; (cat "$CREDENTIALS_DIRECTORY/key")'
    [ "$output" = a-secreta-secret ]
}

@test "--files: no other process sees them" {
    can_have_files
    run -0 plain_files -- sleep 0
    [ -z "$(ls -A "$PLACE")" ]
    KEY=a-secret "${PLAIN[@]}" "$SEALMEM" run --files="$PLACE" --secret key=env:KEY -- sleep 60 3>&- 4>&- &
    for _ in {1..600}; do
        [ "$(ls "/proc/$!/root$PLACE" 2>/dev/null)" = key ] && break
        sleep 0.05
    done
    [ "$(ls "/proc/$!/root$PLACE")" = key ]
    [ -z "$(ls -A "$PLACE")" ]
    ! grep -q "$PLACE" /proc/self/mountinfo
    if am_root; then
        run -2 setpriv --reuid=65533 --regid=65533 --clear-groups ls "/proc/$!/root$PLACE"
        [[ $output == *"Permission denied"* ]]
    fi
    kill "$!"
}

@test "--files: a plain user's program can neither change them nor their mount" {
    can_have_files
    run -0 plain_files -- python3 -c "$ATTACK_FILE" {key} file
    [ "$output" = "write EROFS"$'\n'"truncate EROFS"$'\n'"chmod EROFS"$'\n'"rename EROFS"$'\n'"create EROFS"$'\n'"unlink EROFS" ]
    run -0 plain_files -- python3 -c "$ATTACK_FILE" {key} mount
    [ "$output" = "remount EPERM"$'\n'"bind-remount EPERM"$'\n'"over EPERM"$'\n'"umount EPERM" ]
    run -0 plain_files -- sh -c 'python3 -c "$0" "$1" file >/dev/null; cat "$1"' "$ATTACK_FILE" {key}
    [ "$output" = a-secret ]
}

@test "--files: in a namespace of the program's own, the mount is locked" {
    can_have_files
    run -0 plain_files -- python3 -c "$ATTACK_FILE" {key} nested
    [ "$output" = "remount EPERM"$'\n'"bind-remount EPERM"$'\n'"over done"$'\n'"umount EINVAL" ]
}

@test "--files: a program that root gives another user can neither change them nor their mount" {
    need_mounts
    can_have_files
    run -0 root_files --owner nobody -- setpriv --reuid=nobody --regid=nogroup --clear-groups \
        sh -c 'python3 -c "$0" "$1" file; python3 -c "$0" "$1" mount; cat "$1"' "$ATTACK_FILE" {key}
    [ "$output" = "write EROFS"$'\n'"truncate EROFS"$'\n'"chmod EROFS"$'\n'"rename EROFS"$'\n'"create EROFS"$'\n'"unlink EROFS
remount EPERM"$'\n'"bind-remount EPERM"$'\n'"over EPERM"$'\n'"umount EPERM"$'\n'a-secret ]
}

@test "--files: root's program cannot write to them, and needs CAP_SYS_ADMIN to change the mount" {
    need_mounts
    can_have_files
    run -0 root_files -- python3 -c "$ATTACK_FILE" {key} file
    [ "$output" = "write EROFS"$'\n'"truncate EROFS"$'\n'"chmod EROFS"$'\n'"rename EROFS"$'\n'"create EROFS"$'\n'"unlink EROFS" ]
    run -0 root_files -- setpriv --bounding-set -sys_admin python3 -c "$ATTACK_FILE" {key} mount
    [ "$output" = "remount EPERM"$'\n'"bind-remount EPERM"$'\n'"over EPERM"$'\n'"umount EPERM" ]
    run -0 root_files -- python3 -c "$ATTACK_FILE" {key} mount
    [ "$output" = "remount done"$'\n'"bind-remount done"$'\n'"over done"$'\n'"umount done" ]
}

@test "what --files refuses succeeds on an ordinary file and mount" {
    need_mounts
    can_have_files
    run -0 with_mounts 'mount -t ramfs none "$1"; echo a >"$1/key"; python3 -c "$0" "$1/key" file; rm -f "$1/key"
        python3 -c "$0" "$1/key" mount' "$ATTACK_FILE" "$PLACE"
    [ "$(grep -c ' done$' <<<"$output")" = 10 ]
}

@test "--files obeys --mode, --owner, --allow-empty and the entries of an earlier \$CREDENTIALS_DIRECTORY" {
    need_mounts
    can_have_files
    mkdir "$DIR/credentials"
    echo old >"$DIR/credentials/old"
    CREDENTIALS_DIRECTORY=$DIR/credentials run -0 root_files --mode 440 --owner nobody:daemon --allow-empty --secret none=exec:true -- \
        sh -c 'stat -c "%a %U:%G %s" {key} {none}; cat "$CREDENTIALS_DIRECTORY/old"'
    [ "$output" = "440 nobody:daemon 8"$'\n'"440 nobody:daemon 0"$'\n'old ]
}

@test "--files with --no-credentials leaves \$CREDENTIALS_DIRECTORY as it is" {
    can_have_files
    CREDENTIALS_DIRECTORY=/elsewhere run -0 plain_files --no-credentials -- sh -c 'cat {key}; echo " $CREDENTIALS_DIRECTORY"'
    [ "$output" = "a-secret /elsewhere" ]
}

@test "--files takes megabytes, and the bytes are those of the source" {
    can_have_files
    head -c 5000000 /dev/urandom >"$SHARED/large"
    run -0 plain_files --secret large="$SHARED/large" -- cmp {large} "$SHARED/large"
    rm "$SHARED/large"
}

@test "--files: a file cannot be opened through a symbolic link, and none is there" {
    can_have_files
    run -0 plain_files -- python3 -c '
import os, sys
os.close(os.open(sys.argv[1], os.O_RDONLY | os.O_NOFOLLOW))
print(os.path.realpath(sys.argv[1]) == sys.argv[1], os.lstat(sys.argv[1]).st_nlink)' {key}
    [ "$output" = "True 1" ]
}

@test "--files=DIR: a relative DIR works, and the program gets an absolute path" {
    can_have_files
    cd "$SHARED"
    KEY=a-secret run -0 alone "${PLAIN[@]}" "$SEALMEM" run --files="${PLACE##*/}" --secret key=env:KEY -- echo {key}
    [ "$output" = "$PLACE/key" ]
}

@test "--files refuses a DIR that is missing, no directory, a symbolic link, or not empty" {
    can_have_files
    ln -s "$PLACE" "$SHARED/link"
    mkdir -p "$SHARED/full/entry"
    for bad in missing link secret-file; do
        touch "$SHARED/secret-file"
        KEY=x run --separate-stderr -125 as_plain_user "$SEALMEM" run --files="$SHARED/$bad" --secret key=env:KEY -- echo started
        assert_refused run "--files: cannot open the directory '$SHARED/$bad'"
    done
    KEY=x run --separate-stderr -125 as_plain_user "$SEALMEM" run --files="$SHARED/full" --secret key=env:KEY -- echo started
    assert_refused run "--files: the directory '$SHARED/full' is not empty"
}

@test "--files without DIR uses a directory below \$XDG_RUNTIME_DIR, and names --files=DIR where there is none" {
    can_have_files
    mkdir "$SHARED/runtime"
    chmod 777 "$SHARED/runtime"
    KEY=x XDG_RUNTIME_DIR=$SHARED/runtime run -0 as_plain_user "$SEALMEM" run --files --secret key=env:KEY -- echo {key}
    [ "$output" = "$SHARED/runtime/sealmem/key" ]
    unset XDG_RUNTIME_DIR
    KEY=x run --separate-stderr -125 as_plain_user "$SEALMEM" run --files --secret key=env:KEY -- echo started
    am_root || assert_refused run "use --files=DIR"
}

@test "--files without a secret is refused" {
    run --separate-stderr -125 "$SEALMEM" run --files -- echo started
    assert_usage run "--files: there is no --secret to make a file of"
}

@test "--files: if namespaces or mounts are forbidden, the program does not start and gets no links instead" {
    need_no_sanitizer
    can_have_files
    KEY=x run --separate-stderr -125 as_plain_user "$FORBID" unshare=EPERM -- "$SEALMEM" run --files="$PLACE" --secret key=env:KEY -- echo started
    assert_refused run "--files: cannot make a mount namespace: Operation not permitted"
    KEY=x run --separate-stderr -125 as_plain_user "$FORBID" fsopen=EPERM -- "$SEALMEM" run --files="$PLACE" --secret key=env:KEY -- echo started
    assert_refused run "--files: cannot mount a file system: Operation not permitted"
    can_be_confined
    KEY=x run --separate-stderr -125 confined "$SEALMEM" run --files="$PLACE" --secret key=env:KEY -- echo started
    assert_refused run "--files: cannot make a mount namespace"
}

@test "--files: below a root directory that is no mount point, the program does not start and is told that" {
    need_no_sanitizer
    can_have_files
    KEY=x run --separate-stderr -125 as_plain_user "$FORBID" mount=EINVAL -- "$SEALMEM" run --files="$PLACE" --secret key=env:KEY -- echo started
    assert_refused run "--files: cannot make a mount namespace: Invalid argument: the root directory is no mount point"
}

@test "--files with --no-dump works for root, and a plain user is told to use one of them" {
    can_no_dump
    can_have_files
    am_root && KEY=x run -0 alone "$SEALMEM" run --no-dump --files="$PLACE" --secret key=env:KEY -- cat {key}
    KEY=x run --separate-stderr -125 as_plain_user "$SEALMEM" run --no-dump --files="$PLACE" --secret key=env:KEY -- echo started
    assert_refused run "--files together with --no-dump needs CAP_SYS_ADMIN"
}

@test "--files: commands that are sources see what the caller sees" {
    can_have_files
    run -0 plain_files --secret mounts='exec:cat /proc/self/mountinfo | wc -l' -- sh -c 'cat {mounts}'
    [ "$output" = "$(wc -l </proc/self/mountinfo)" ]
}
