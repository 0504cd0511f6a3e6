#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

# `sealmem seal --watch`: what others start is sealed as it starts, in whatever way they start it, and what cannot be
# sealed runs or does not. Everything happens on a file system of its own, so that no other program of this machine waits
# for an answer.

bats_require_minimum_version 1.5.0

load guest

setup_file() {
    make_place
    export FS=$DIR/fs
    mkdir "$FS"
    mount -t tmpfs -o mode=755 sealmem-tests "$FS" 2>/dev/null || return 0
    touch "$DIR/mounted"
    cp "$STARTER" "$DIR/starter"
}

teardown_file() {
    [ ! -e "$DIR/mounted" ] || umount -l "$FS"
    rm -rf "$DIR"
}

setup() {
    [ -z "$SANITIZED" ] || skip "not with a sanitizer"
    [ "$(id -u)" = 0 ] || skip "needs root"
    [ -e "$DIR/mounted" ] || skip "mounts are not possible here"
    "$SEALMEM" run --image -- true 2>/dev/null || skip "this kernel has no mseal"
    watcher=
    guests=()
    cd "$DIR"
    rm -rf "${FS:?}"/*
    : >out
    : >err
}

teardown() {
    [ -z "$watcher" ] || kill -KILL "$watcher" 2>/dev/null || true
    for guest in "${guests[@]}"; do
        kill -KILL "$guest" 2>/dev/null || true
    done
    close_guest
}

# within COMMAND...: whether it succeeds in time.
within() {
    local end=$((SECONDS + 60))

    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

watch() {
    : >out
    : >err
    "$SEALMEM" seal --watch "$@" >>out 2>>err 3>&- 4>&- &
    watcher=$!
    within is_ready
}

is_ready() {
    grep -q ready out err || {
        kill -0 "$watcher" || skip "the watcher has ended: $(<err)"
        false
    }
}

unwatch() {
    kill "$watcher"
    wait "$watcher"
    watcher=
}

has() {
    [ "$(grep -cE "$2" "$1")" -ge "${3:-1}" ]
}

lacks() {
    ! has "$@"
}

# first NAME OPTION...: a program that exits with 0 if its code is sealed when main() begins, and else with 1.
first() {
    local name=$1

    shift
    "$CC" -x c - -o "$FS/$name" "$@" 2>build.log <<'END' || skip "the compiler builds no program here"
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void)
{
	uintptr_t page = (uintptr_t)main & ~((uintptr_t)getpagesize() - 1);

	return mprotect((void *)page, (size_t)getpagesize(), PROT_READ | PROT_WRITE | PROT_EXEC) == 0;
}
END
}

# start COMMAND...: one more guest.
start() {
    open_guest "$@"
    guests+=("$guest")
}

refused() {
    grep -c ': refused$' || true
}

@test "a program that others start is sealed, and one that no pattern matches is not" {
    build_guest "$FS/meant" "$CC" -fPIE -pie
    build_guest "$FS/other" "$CC" -fPIE -pie
    watch "$FS/mea*"
    start "$FS/meant"
    within has out "^sealed ${guests[0]} \($FS/meant\): "
    [ "$(ask try | refused)" -ge 13 ]
    start "$FS/other"
    [ "$(ask try | refused)" -le 3 ]
    has out ^sealed 1
    lacks out "$FS/other"
    lacks err process
}

@test "a static program" {
    build_guest "$FS/static" "$CC" -static -no-pie -fno-pie
    watch "$FS/static"
    start "$FS/static"
    within has out "^sealed ${guests[0]} "
    [ "$(ask try | refused)" -ge 13 ]
}

@test "a program is sealed before it begins" {
    first first -fPIE -pie
    first static -static -no-pie -fno-pie
    run -1 "$FS/first"
    run -1 "$FS/static"
    watch --enforce "$FS/first" "$FS/static"
    for i in {1..20}; do
        "$DIR/starter" fork "$FS/first"
        "$DIR/starter" spawn "$FS/static"
    done
    within has out ^sealed 40
    unwatch
    run -1 "$FS/first"
}

@test "with --deep the bytes of code are sealed too" {
    build_guest "$FS/meant" "$CC" -fPIE -pie
    watch --deep "$FS/meant"
    start "$FS/meant"
    within has out "^sealed ${guests[0]} .*text CONTENT\\+ADDRESS"
    [ "$(ask try | refused)" = 15 ]
}

@test "a program that its libraries replace by another one while it starts" {
    cp "$(type -P sleep)" "$FS/meant"
    "$CC" -x c - -shared -fPIC -o "$FS/library.so" 2>build.log <<'END' || skip "the compiler builds no library here"
#include <unistd.h>
__attribute__((constructor)) static void replace(void)
{
	(void)execl("./fs/meant", "meant", "1", (char *)NULL);
}
END
    "$CC" -x c - -x none -o "$FS/meant-first" -Wl,--no-as-needed "$FS/library.so" <<<'int main(void) { return 0; }'
    for option in "" --enforce; do
        # shellcheck disable=SC2086
        watch $option "$FS/meant*"
        run -0 timeout 60 "$DIR/starter" spawn "$FS/meant-first"
        within has out ^sealed 1
        unwatch
        lacks err process
        : >out
        : >err
    done
}

@test "a file that takes the place of another one, as an upgrade does" {
    watch "$FS/program"
    cp "$(type -P sleep)" "$FS/program"
    "$FS/program" 60 &
    guests+=($!)
    within has out ^sealed 1
    cp "$(type -P sleep)" "$FS/new"
    mv "$FS/new" "$FS/program"
    "$FS/program" 60 &
    guests+=($!)
    within has out ^sealed 2
}

@test "a pattern may lead through symbolic links" {
    mkdir "$FS/directory"
    cp "$(type -P sleep)" "$FS/target"
    cp "$(type -P sleep)" "$FS/directory/program"
    ln -s target "$FS/link"
    ln -s directory "$FS/other"
    watch "$FS/link" "$FS/other/*"
    "$FS/link" 60 &
    guests+=($!)
    within has out "^sealed $! \($FS/target\): "
    cp "$(type -P sleep)" "$FS/directory/new"
    "$FS/directory/new" 60 &
    guests+=($!)
    within has out "^sealed $! \($FS/directory/new\): "
}

@test "each way to start a program" {
    printf 'garbage' >"$FS/meant-bad"
    chmod +x "$FS/meant-bad"
    cp "$(type -P sleep)" "$FS/meant"
    watch "$FS/meant*"
    for way in exec fork spawn thread "failing $FS/meant-bad"; do
        : >out
        # shellcheck disable=SC2086
        run -0 timeout 60 "$DIR/starter" $way "$FS/meant" 1
        within has out "^sealed [0-9]+ \($FS/meant\)" 1
    done
    lacks err process
}

@test "a script is meant by its own path, and one whose interpreter is meant starts as well" {
    cp "$(type -P sleep)" "$FS/interpreter"
    echo "#!$FS/interpreter" >"$FS/script"
    echo "#!$FS/interpreter 1" >"$FS/other"
    chmod +x "$FS/script" "$FS/other"
    echo "#!/bin/sh
sleep 1" >"$FS/script"
    watch "$FS/script" "$FS/interpreter"
    run -0 timeout 60 "$FS/script"
    within has out "^sealed [0-9]+ \($FS/script\)" 1
    timeout 60 "$FS/other" || true
    [ "$(grep -c ^sealed out)" = 1 ]
    lacks err process
}

@test "a loader that a pattern matches hinders no program" {
    loader=$(ldd "$(type -P sleep)" | grep -oE '/lib[^ ]*/ld-[^ ]*')
    cp "$loader" "$FS/loader"
    build_guest "$FS/program" "$CC" "-Wl,--dynamic-linker=$FS/loader"
    for option in "" --enforce; do
        # shellcheck disable=SC2086
        watch $option "$FS/loader"
        start "$FS/program"
        ask answer
        unwatch
        lacks out ^sealed
        lacks err process
    done
    # Where the program is meant as well, it is sealed.
    watch --enforce "$FS/*"
    start "$FS/program"
    ask answer
    within has out "^sealed ${guests[2]} \($FS/program\)" 1
    lacks err process
}

@test "a set-uid program keeps its privileges" {
    "$CC" -x c - -o "$FS/who" <<<'#include <stdio.h>
#include <unistd.h>
int main(void) { printf("%d\n", (int)geteuid()); fflush(stdout); sleep(1); return 0; }' 2>/dev/null || skip "no compiler"
    chmod 4755 "$FS/who"
    [ "$(setpriv --reuid=65534 --regid=65534 --clear-groups "$FS/who")" = 0 ] || skip "set-uid has no effect here"
    watch "$FS/who"
    [ "$(setpriv --reuid=65534 --regid=65534 --clear-groups "$FS/who")" = 0 ]
    within has out ^sealed 1
}

@test "other namespaces of processes and mounts" {
    unshare --pid --fork --mount --propagation private true 2>/dev/null || skip "no namespaces here"
    cp "$(type -P sleep)" "$FS/meant"
    watch "$FS/meant"
    unshare --pid --fork --mount --propagation private sh -c '"$1" 1' sh "$FS/meant"
    within has out ^sealed 1
}

@test "a program that somebody traces runs and is told, or is denied with --enforce" {
    cp "$(type -P true)" "$FS/meant"
    watch "$FS/meant"
    run -0 timeout 60 "$DIR/starter" tracer "$FS/meant"
    within has err "^sealmem: seal: process [0-9]+ \($FS/meant\) runs unsealed: another process traces it already$"
    unwatch
    watch --enforce "$FS/meant"
    run -126 timeout 60 "$DIR/starter" tracer "$FS/meant"
    [[ $output == "Operation not permitted" ]]
    within has err "^sealmem: seal: process [0-9]+ \($FS/meant\) is not started: another process traces it already$"
    # The same program starts where it can be sealed, and anywhere when nobody watches.
    run -0 timeout 60 "$DIR/starter" spawn "$FS/meant"
    unwatch
    run -0 timeout 60 "$DIR/starter" tracer "$FS/meant"
}

@test "a program that cannot be sealed runs and is told, or is killed with --enforce" {
    "$CC" -m32 -nostdlib -static "$SOURCE/tests/outside/wait32.S" -o "$FS/wait32" 2>/dev/null || skip "no 32-bit programs here"
    "$FS/wait32" 2>/dev/null || skip "this kernel runs no 32-bit programs"
    watch "$FS/wait32"
    run -0 timeout 60 "$DIR/starter" spawn "$FS/wait32"
    within has err "^sealmem: seal: process [0-9]+ \($FS/wait32\) runs unsealed: it is a program of another"
    unwatch
    watch --enforce "$FS/wait32"
    run -137 timeout 60 "$DIR/starter" spawn "$FS/wait32"
    within has err "^sealmem: seal: process [0-9]+ \($FS/wait32\) is killed: it is a program of another"
}

# all_are_said COUNT: each program is sealed, or is told.
all_are_said() {
    [ "$(cat out err | grep -cE "^sealed|unsealed")" = "$1" ]
}

@test "many programs at the same time" {
    first meant
    watch "$FS/meant"
    pids=()
    sealed=0
    for i in {1..150}; do
        "$DIR/starter" spawn "$FS/meant" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        ! wait "$pid" || ((sealed += 1))
    done
    within all_are_said 150
    has out ^sealed "$sealed"
}

@test "when the watcher is killed, everything runs" {
    cp "$(type -P true)" "$FS/meant"
    for option in "" --enforce; do
        for pause in 0 0.01 0.02 0.03 0.05 0.1; do
            # shellcheck disable=SC2086
            watch $option "$FS/meant"
            pids=()
            for i in {1..20}; do
                "$DIR/starter" fork "$FS/meant" &
                pids+=($!)
            done
            sleep "$pause"
            kill -KILL "$watcher"
            for pid in "${pids[@]}"; do
                wait "$pid"
            done
            wait "$watcher" || true
            : >out
            : >err
        done
    done
}

@test "when a worker is killed, its program runs, and the next is sealed" {
    cp "$(type -P sleep)" "$FS/meant"
    watch "$FS/meant"
    run -0 timeout 60 "$FS/meant" 1
    within has out ^sealed 1
    pkill -KILL -P "$watcher"
    run -0 timeout 60 "$FS/meant" 1
    run -0 timeout 60 "$FS/meant" 1
    within has out ^sealed 2
}

@test "who waits for a worker that hangs has an answer in time, and the next is sealed" {
    cp "$(type -P sleep)" "$FS/meant"
    for option in "" --enforce; do
        # shellcheck disable=SC2086
        watch $option "$FS/meant"
        run -0 timeout 60 "$FS/meant" 0
        within has out ^sealed 1
        pkill -STOP -P "$watcher"
        if [ -z "$option" ]; then
            run -0 timeout 60 "$DIR/starter" fork "$FS/meant" 0
            within has err "^sealmem: seal: process [0-9]+ \($FS/meant\) runs unsealed: no answer within 5 seconds$"
        else
            run -126 timeout 60 "$DIR/starter" fork "$FS/meant" 0
            within has err "^sealmem: seal: process [0-9]+ \($FS/meant\) is not started: no answer within 5 seconds$"
        fi
        run -0 timeout 60 "$FS/meant" 0
        within has out ^sealed 2
        unwatch
        : >out
        : >err
    done
}

@test "nobody waits for a reader of the lines" {
    cp "$(type -P true)" "$FS/meant"
    mkfifo pipe
    sleep 600 <pipe 3>&- &
    guests+=($!)
    "$SEALMEM" seal --json --watch "$FS/meant" >pipe 2>>err 3>&- 4>&- &
    watcher=$!
    for i in {1..300}; do
        timeout 60 "$FS/meant"
    done
}

@test "JSON has one object a line" {
    cp "$(type -P sleep)" "$FS/meant"
    watch --json "$FS/meant"
    "$FS/meant" 60 &
    guests+=($!)
    "$DIR/starter" tracer "$FS/meant" 0
    within has out . 3
    jq -es --arg program "$FS/meant" --argjson pid "${guests[0]}" '(map(.event) | sort) == ["ready", "sealed", "unsealed"] and
        (map(select(.event == "sealed"))[0] | .pid == $pid and .program == $program and
            (.parts | any(.kind == "relro" and .guarantees == ["CONTENT", "ADDRESS"]))) and
        (map(select(.event == "unsealed"))[0].reason == "traced")' out
}

@test "SIGTERM ends it with status 0" {
    watch "$FS/meant"
    unwatch
}

@test "errors of the command line" {
    for arguments in "--watch" "--watch relative" "--watch /" "--watch --dry-run /x" "--watch --unit u /x" "--enforce 1"; do
        # shellcheck disable=SC2086
        run --separate-stderr -2 "$SEALMEM" seal $arguments
        [ -z "$output" ]
        [[ $stderr == "sealmem: seal: "*"; see 'sealmem seal --help'" ]]
        [[ $stderr != *$'\n'* ]]
    done
    run --separate-stderr -2 setpriv --reuid=65534 --regid=65534 --clear-groups "$SEALMEM" seal --watch "$FS/x"
    [ "$stderr" = "sealmem: seal: cannot watch: run this as root" ]
}
