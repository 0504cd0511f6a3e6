#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016,SC2314

load helper
load started

setup() {
    DIR=$BATS_TEST_TMPDIR
    if [ "$(cat /proc/sys/vm/memfd_noexec 2>/dev/null || echo 0)" = 2 ]; then
        skip "vm.memfd_noexec is 2"
    fi
}

sum_of() {
    sha256sum "$1" | cut -d' ' -f1
}

# Starts a program that waits, so that a test can examine it: $pid.
start_waiting() {
    "$@" 60 3>&- 4>&- &
    pid=$!
    until [[ $(readlink "/proc/$pid/exe") == /memfd:* ]]; do sleep 0.05; done
}

@test "the program gets its arguments and its input, and its status is kept" {
    run -7 "$SEALMEM" exec sh -c 'read -r line; echo "$line $*"; exit 7' sh a b <<<typed
    [ "$output" = "typed a b" ]
}

@test "the program runs from a sealed copy, and nobody can write to it" {
    start_waiting "$SEALMEM" exec sleep
    exe=/proc/$pid/exe
    run assert_sealed "$exe"
    sealed=$status
    run cmp "$exe" "$(type -P sleep)"
    same=$status
    run sh -c 'printf X | dd of="$0" conv=notrunc bs=1 2>&1' "$exe"
    written=$status
    kill "$pid"
    [ "$sealed" = 0 ]
    [ "$same" = 0 ]
    [ "$written" != 0 ]
}

@test "the check for seals fails for a program that runs from its file" {
    run ! assert_sealed /proc/self/exe
}

@test "--sha256 runs a program with that digest, in upper or lower case" {
    need_digests
    sum=$(sum_of "$(type -P echo)")
    run -0 "$SEALMEM" exec --sha256 "$sum" echo yes
    [ "$output" = yes ]
    run -0 "$SEALMEM" exec --sha256 "${sum^^}" echo yes
}

@test "--sha256 refuses a program with a different digest, and prints the digest" {
    need_digests
    sum=$(sum_of "$(type -P echo)")
    wrong=$(tr '0-9a-f' '1-9a-f0' <<<"$sum")
    run --separate-stderr -126 "$SEALMEM" exec --sha256 "$wrong" echo yes
    assert_refused exec "'echo' has a different SHA-256: $sum"
}

@test "--sha256 refuses a text that is not a digest" {
    for hex in '' x "$(printf %063d 0)" "$(printf %065d 0)" "$(printf %062d 0)-1" "$(printf %062d 0) 1"; do
        run --separate-stderr -125 "$SEALMEM" exec --sha256 "$hex" true
        assert_usage exec "--sha256 takes 64 hexadecimal digits"
    done
}

@test "--like runs a program with the same bytes, and refuses any other" {
    need_digests
    cp "$(type -P echo)" "$DIR/copy"
    run -0 "$SEALMEM" exec --like "$DIR/copy" echo yes
    [ "$output" = yes ]
    printf x >>"$DIR/copy"
    run --separate-stderr -126 "$SEALMEM" exec --like "$DIR/copy" echo yes
    assert_refused exec "'echo' and '$DIR/copy' have different bytes"
    run --separate-stderr -125 "$SEALMEM" exec --like "$DIR/missing" echo yes
    assert_refused exec "cannot read '$DIR/missing': No such file or directory"
}

@test "a file of more than 1 GiB is refused before anything is copied" {
    truncate -s 1G "$DIR/most"
    truncate -s $(((1 << 30) + 1)) "$DIR/large"
    chmod +x "$DIR/most" "$DIR/large"
    # Without memfds, the first step of a copy fails.
    run --separate-stderr -126 "$FORBID" memfd_create=ENOSYS -- "$SEALMEM" exec "$DIR/large"
    assert_refused exec "cannot copy '$DIR/large': File too large: the limit is 1 GiB"
    run --separate-stderr -126 "$SEALMEM" exec --sha256 "$(printf %064d 0)" "$DIR/large"
    assert_refused exec "cannot copy '$DIR/large': File too large"
    run --separate-stderr -125 "$FORBID" memfd_create=ENOSYS -- "$SEALMEM" exec "$DIR/most"
    assert_refused exec "cannot create an executable memfd for '$DIR/most'"
    run --separate-stderr -125 timeout 10 "$SEALMEM" exec --like "$DIR/large" true
    assert_refused exec "cannot read '$DIR/large': File too large"
}

@test "RLIMIT_FSIZE limits the copy, and causes no signal" {
    run --separate-stderr -125 sh -c 'ulimit -f 1; exec "$@"' sh "$SEALMEM" exec true
    assert_refused exec "cannot copy 'true': File too large"
}

@test "--like refuses a file that has no end" {
    mkfifo "$DIR/pipe"
    for file in "$DIR" "$DIR/pipe" /dev/zero; do
        run --separate-stderr -125 timeout 10 "$SEALMEM" exec --like "$file" echo yes
        assert_refused exec "cannot read '$file': it is not a regular file"
    done
}

@test "the file can be replaced while the program runs" {
    cp "$(type -P sleep)" "$DIR/program"
    start_waiting "$SEALMEM" exec "$DIR/program"
    cp "$(type -P false)" "$DIR/program"
    run cmp "/proc/$pid/exe" "$(type -P sleep)"
    kill "$pid"
    [ "$status" = 0 ]
}

@test "a program that is a symbolic link is executed under the name given" {
    ln -s "$(type -P sh)" "$DIR/linked"
    run -0 "$SEALMEM" exec "$DIR/linked" -c 'echo "$0"; tr "\0" " " </proc/$$/cmdline'
    [ "${lines[0]}" = "$DIR/linked" ]
}

@test "the interpreter reads a script from the sealed copy, and can read it again" {
    need_digests
    printf '#!/bin/sh\necho "$0 $1"; cat "$0"\n' >"$DIR/script"
    chmod +x "$DIR/script"
    run -0 "$SEALMEM" exec --sha256 "$(sum_of "$DIR/script")" "$DIR/script" word
    [[ ${lines[0]} =~ ^/dev/fd/[0-9]+\ word$ ]]
    [ "${lines[1]}" = '#!/bin/sh' ]
    printf '#!/bin/sh\nsleep 60\n' >"$DIR/script"
    "$SEALMEM" exec "$DIR/script" 3>&- 4>&- &
    pid=$!
    until [[ $(tr '\0' ' ' <"/proc/$pid/cmdline") == *"/dev/fd/"* ]]; do sleep 0.05; done
    number=$(tr '\0' '\n' <"/proc/$pid/cmdline" | sed -n 's,^/dev/fd/,,p')
    run assert_sealed "/proc/$pid/fd/$number"
    kill "$pid"
    pkill -P "$pid" || true
    [ "$status" = 0 ]
}

@test "the status is 126 if the interpreter of a script does not exist" {
    printf '#!/no/such\n' >"$DIR/script"
    chmod +x "$DIR/script"
    run --separate-stderr -126 "$SEALMEM" exec "$DIR/script"
    assert_refused exec "its interpreter was not found"
}

@test "a text without #! is refused, not given to a shell" {
    echo echo started >"$DIR/text"
    chmod +x "$DIR/text"
    run --separate-stderr -126 "$SEALMEM" exec "$DIR/text"
    assert_refused exec "Exec format error"
}

@test "the program has no descriptor of the copy" {
    run -0 "$SEALMEM" exec sh -c 'ls -l /proc/$$/fd; :'
    [[ $output != *memfd* ]]
}

@test "a file that may not be executed is not executed from a copy either" {
    cp "$(type -P true)" "$DIR/program"
    chmod 644 "$DIR/program"
    run --separate-stderr -126 "$SEALMEM" exec "$DIR/program"
    assert_refused exec "cannot execute '$DIR/program': Permission denied"
    run --separate-stderr -126 "$SEALMEM" exec /
    assert_refused exec "cannot execute '/': Permission denied"
    mkfifo -m 755 "$DIR/fifo"
    run --separate-stderr -126 timeout 5 "$SEALMEM" exec "$DIR/fifo"
    assert_refused exec "Permission denied"
}

@test "a program on a file system without execution is refused" {
    need_mounts
    run --separate-stderr -126 with_mounts 'mkdir "$0/m"; mount -t tmpfs -o noexec none "$0/m"
        cp "$1" "$0/m/program"; shift; exec "$@" "$0/m/program"' "$DIR" "$(type -P true)" "$SEALMEM" exec
    assert_refused exec "Permission denied"
}

@test "a set-user-ID program is refused for a user whose privileges it would change" {
    need_root
    install -m 4755 "$(type -P id)" "$SHARED/setuid"
    run --separate-stderr -126 as_plain_user "$SEALMEM" exec "$SHARED/setuid"
    assert_refused exec "'$SHARED/setuid' is set-user-ID, set-group-ID or has capabilities, which a copy cannot have"
    run -0 "$SEALMEM" exec "$SHARED/setuid" -u
    [ "$output" = 0 ]
}

@test "a program with file capabilities is refused for a plain user" {
    need_root
    command -v setcap >/dev/null || skip "no setcap"
    install -m 755 "$(type -P id)" "$SHARED/capable"
    setcap cap_net_raw+ep "$SHARED/capable" || skip "no file capabilities here"
    run --separate-stderr -126 as_plain_user "$SEALMEM" exec "$SHARED/capable"
    assert_refused exec "has capabilities"
}

@test "a program that a plain user may execute and not read is refused" {
    need_root
    install -m 711 "$(type -P true)" "$SHARED/unreadable"
    run --separate-stderr -126 as_plain_user "$SEALMEM" exec "$SHARED/unreadable"
    assert_refused exec "Permission denied"
}

@test "a plain user can use it" {
    need_digests
    run -0 as_plain_user "$SEALMEM" exec --like "$(type -P id)" id -u
    [ "$output" = "$(as_plain_user id -u)" ]
}

# Rewrites the whole file again and again, each time with another letter.
start_writing() {
    perl -e '$| = 1; for (;;) { for my $c ("a".."z") { open(my $f, "+<", $ARGV[0]) or exit;
        print $f "#!/bin/echo\n", $c x 2000000; close $f; } }' "$1" 3>&- 4>&- &
    writer=$!
}

@test "a file that changes while it is copied is refused, or the copy is from one moment" {
    printf '#!/bin/echo\n' >"$DIR/script"
    head -c 2000000 /dev/zero | tr '\0' z >>"$DIR/script"
    chmod +x "$DIR/script"
    start_writing "$DIR/script"
    refused=0
    for i in $(seq 4000); do
        [ "$i" -le 40 ] || [ "$refused" = 0 ] || break
        run "$SEALMEM" exec "$DIR/script" ok
        case $status in
        126) refused=$((refused + 1)); [[ $output == *"changed while it was copied"* || $output == *"Exec format"* || $output == *busy* ]] ;;
        0) [[ $output == *ok ]] ;;
        *) kill "$writer"; false ;;
        esac
    done
    kill "$writer"
    [ "$refused" -gt 0 ]
}

@test "with a digest, a file that changes while it is copied runs with the right bytes or not at all" {
    need_digests
    printf '#!/bin/sh\necho right\n' >"$DIR/right"
    chmod +x "$DIR/right"
    cp -p "$DIR/right" "$DIR/script"
    sum=$(sum_of "$DIR/right")
    printf '#!/bin/sh\necho wrong\n' >"$DIR/wrong"
    chmod +x "$DIR/wrong"
    perl -e 'for (;;) { for my $c ("right", "wrong") { link("$ARGV[0]/$c", "$ARGV[0]/new");
        rename("$ARGV[0]/new", "$ARGV[0]/script"); unlink("$ARGV[0]/new"); select undef, undef, undef, 0.0002 } }' \
        "$DIR" 3>&- 4>&- &
    swapper=$!
    ran=0
    # At least a hundred times, and until the program has run once. Chance decides how often the swapper interferes.
    for i in $(seq 10000); do
        [ "$i" -le 100 ] || [ "$ran" = 0 ] || break
        run "$SEALMEM" exec --sha256 "$sum" "$DIR/script"
        [ "$status" != 0 ] || ran=$((ran + 1))
        [[ $output != wrong ]] || { kill "$swapper"; false; }
    done
    kill "$swapper"
    [ "$ran" -gt 0 ]
}

@test "if executable memfds are refused, the status is 125 and the error says why" {
    need_mounts
    [ -e /proc/sys/vm/memfd_noexec ] || skip "no vm.memfd_noexec"
    run --separate-stderr -125 unshare --pid --fork --mount-proc \
        sh -c 'echo 2 >/proc/sys/vm/memfd_noexec; exec "$@"' sh "$SEALMEM" exec true
    assert_refused exec "vm.memfd_noexec is 2"
    run -0 unshare --pid --fork --mount-proc \
        sh -c 'echo 1 >/proc/sys/vm/memfd_noexec; exec "$@"' sh "$SEALMEM" exec true
}

@test "if memfds or seals are forbidden, nothing is executed" {
    run --separate-stderr -125 "$FORBID" memfd_create=ENOSYS -- "$SEALMEM" exec echo started
    assert_refused exec "cannot create an executable memfd for 'echo'"
    run --separate-stderr -125 "$FORBID" add_seals=EPERM -- "$SEALMEM" exec echo started
    assert_refused exec "cannot create an executable memfd for 'echo'"
}

@test "the status is 127 if the program is not found" {
    run --separate-stderr -127 "$SEALMEM" exec no-such-program
    assert_refused exec "cannot execute 'no-such-program': No such file or directory"
    run --separate-stderr -127 env PATH= "$SEALMEM" exec no-such-program
    assert_refused exec "No such file or directory"
    run --separate-stderr -127 "$SEALMEM" exec ""
    assert_refused exec "cannot execute '': No such file or directory"
}

@test "PATH is searched, an empty part of it means the current directory, and without it there is a default" {
    cp "$(type -P echo)" "$DIR/mine"
    cd "$DIR"
    run -0 env PATH=/nowhere: "$SEALMEM" exec mine yes
    [ "$output" = yes ]
    run -0 env -u PATH "$SEALMEM" exec echo yes
    [ "$output" = yes ]
}

@test "the status of wrong use is 125" {
    run --separate-stderr -125 "$SEALMEM" exec
    assert_usage exec "there is no program to execute"
    run --separate-stderr -125 "$SEALMEM" exec --like a --sha256 b true
    assert_usage exec "--sha256 and --like cannot be used together"
    run --separate-stderr -125 "$SEALMEM" exec --nonsense true
    assert_usage exec "unknown option '--nonsense'"
}

@test "run passes a secret to a program that exec has verified" {
    need_digests
    run -0 "$SEALMEM" run --secret key='exec:echo hush' -- \
        "$SEALMEM" exec --like "$(type -P cat)" cat {key}
    [ "$output" = hush ]
}

@test "--help prints on standard output and exits 0" {
    run --separate-stderr -0 "$SEALMEM" exec --help
    [[ $output == "Usage: sealmem exec"* ]]
    [ "$(grep -c '.\{81\}' <<<"$output")" = 0 ]
}
