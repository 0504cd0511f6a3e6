#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

# Programs under the filters of a process that sealed regions by the emulation and then executed them: filters
# stay, over addresses that are the next program's. Each program is started without them and with them,
# several times, because addresses are random, and has to say the same. At the end something is sealed where
# programs do want to map, and there they must fail, or all of this shows nothing.

load live

SOURCES=$BATS_TEST_DIRNAME

# How often each program is started.
TIMES=$(((${SEALMEM_TEST_SCALE:-100} + 9) / 10))

under_filter() {
    "$FORBID" mseal=ENOSYS -- "$UNDER_FILTER" "$@"
}

# runs_under_filter COMMAND...
runs_under_filter() {
    local expected found

    expected=$("$@" 2>&1) || skip "${1##*/} does not run without a filter either: ${expected%%$'\n'*}"
    for _ in $(seq "$TIMES"); do
        found=$(under_filter "$@" 2>&1) || { echo "status $?: $found"; return 1; }
        [ "$found" = "$expected" ] || { echo "$found"; return 1; }
    done
}

# does_not_run_over ADDRESS COMMAND...
does_not_run_over() {
    "${@:2}" >/dev/null 2>&1 || skip "${2##*/} does not run without a filter either"
    runs_under_filter "${@:2}"
    ! under_filter --at="$1" "${@:2}" >/dev/null 2>&1
}

# built NAME COMPILER OPTION...: a program in $DIR, from the source that is named last.
built() {
    local name=$1 compiler=$2

    need "$compiler"
    "$compiler" -O1 -pthread "${@:3}" -o "$DIR/$name" 2>"$DIR/$name.log" ||
        skip "$compiler cannot build it: $(head -n 1 "$DIR/$name.log")"
}

# hello_runs COMPILER OPTION...
hello_runs() {
    built hello "$@" "$SOURCES/hello.c"
    runs_under_filter "$DIR/hello"
    runs_under_filter setarch -R "$DIR/hello"
}

@test "a position-independent program runs under the filter" {
    hello_runs gcc -pie -fPIE
}

@test "a program at fixed addresses runs under the filter" {
    hello_runs gcc -no-pie -fno-pie
}

@test "a static program runs under the filter" {
    hello_runs gcc -static -no-pie -fno-pie
}

@test "a static position-independent program runs under the filter" {
    hello_runs gcc -static-pie -fPIE
}

@test "a program with an executable stack runs under the filter" {
    hello_runs gcc -Wl,-z,execstack
}

@test "a program with AddressSanitizer runs under the filter" {
    hello_runs gcc -fsanitize=address
}

@test "a program with ThreadSanitizer runs under the filter" {
    hello_runs gcc -fsanitize=thread
}

@test "a program with AddressSanitizer by clang runs under the filter" {
    hello_runs clang -fsanitize=address
}

@test "a program with ThreadSanitizer by clang runs under the filter" {
    hello_runs clang -fsanitize=thread
}

@test "a program with MemorySanitizer by clang runs under the filter" {
    hello_runs clang -fsanitize=memory
}

@test "a program with LeakSanitizer runs under the filter" {
    hello_runs gcc -fsanitize=leak
}

@test "a 32-bit program runs under the filter" {
    built hello gcc -m32 -nostdlib -static "$SOURCES/hello32.S"
    runs_under_filter "$DIR/hello"
}

@test "a 32-bit program with a C library runs under the filter" {
    hello_runs gcc -m32
}

@test "a 32-bit program with AddressSanitizer runs under the filter" {
    hello_runs gcc -m32 -fsanitize=address
}

@test "a Go-like program runs under the filter" {
    built go-like gcc "$SOURCES/go-like.c"
    runs_under_filter "$DIR/go-like"
}

BASH_PROGRAM='
a=()
for i in {1..2000}; do a+=("$i$i$i"); done
echo "${#a[@]}" "$(echo nested)"'

@test "bash runs under the filter" {
    runs_under_filter bash -c "$BASH_PROGRAM"
    runs_under_filter setarch -R bash -c "$BASH_PROGRAM"
}

@test "bash with its mappings from below runs under the filter" {
    runs_under_filter bash -c "ulimit -s unlimited; exec bash -c '$BASH_PROGRAM'"
}

@test "perl runs under the filter" {
    need perl
    runs_under_filter perl -e 'my @a = map { "x" x $_ } 1 .. 2000; print scalar(@a), `echo nested`'
}

@test "python3 runs under the filter, with threads, mappings and children" {
    need python3
    runs_under_filter python3 -c '
import ctypes, mmap, subprocess, threading
m = mmap.mmap(-1, 1 << 24)
m[:5] = b"hello"
m.resize(1 << 25)
threads = [threading.Thread(target=lambda: bytearray(1 << 22)) for _ in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(m[:5], subprocess.run(["true"]).returncode, ctypes.CDLL(None).abs(-7))'
}

@test "the loader runs as a program under the filter" {
    local loader=

    for loader in /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1; do
        [ ! -x "$loader" ] || break
    done
    runs_under_filter "$loader" /bin/echo hello
}

@test "a program that seals regions itself runs under the filter, and the next one too" {
    runs_under_filter "$UNDER_FILTER" "$UNDER_FILTER" "$UNDER_FILTER" echo hello
}

@test "sealmem demo runs under the filter" {
    run -0 under_filter "$SEALMEM" demo
}

# As the header says.
@test "a library that wants an executable stack cannot be loaded under the filter" {
    need python3
    built library.so gcc -shared -fPIC -Wl,-z,execstack "$SOURCES/hello.c"
    python3 -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$DIR/library.so" ||
        skip "this C library does not load it anyway"
    run -1 under_filter python3 -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$DIR/library.so"
    [[ $output == *"executable stack"* ]]
}

# As many as lie across a multiple of 2 MiB, wherever the kernel puts them: libraries of five pages or more.
LIBRARIES=160

@test "libraries are loaded thousands of times below an image that is sealed by the filter" {
    local i

    # shellcheck disable=SC2086 # a list; the command looks for them in its own directory
    install -m 755 $IMAGE_OBJECTS "$DIR/"
    built library.so gcc -shared -fPIC "$SOURCES/hello.c"
    for i in $(seq "$LIBRARIES"); do
        cp "$DIR/library.so" "$DIR/library-$i.so"
    done
    for _ in $(seq $((TIMES * 4))); do
        run -0 --separate-stderr "$FORBID" mseal=ENOSYS -- "$SEALMEM" run --image=filter -- \
            "$OPENER" "$DIR"/library-*.so
        [ "$output" = "$LIBRARIES libraries" ] && [ -z "$stderr" ]
    done
}

# A program that cannot destroy a ring does not end: it waits for what is under way in it.
@test "a program with rings runs under the filter" {
    "$RINGS" <"$RINGS" >/dev/null || skip "no io_setup(2) here"
    runs_under_filter sh -c "exec '$RINGS' <'$RINGS'"
}

@test "a program whose image is sealed by the filter destroys its rings" {
    "$RINGS" <"$RINGS" >/dev/null || skip "no io_setup(2) here"
    # shellcheck disable=SC2086 # a list; the command looks for them in its own directory
    install -m 755 $IMAGE_OBJECTS "$DIR/"
    for _ in $(seq "$TIMES"); do
        run -0 --separate-stderr "$FORBID" mseal=ENOSYS -- "$SEALMEM" run --image=filter -- "$RINGS" <"$RINGS"
        [ "$output" = "80 rings destroyed" ] && [ -z "$stderr" ]
    done
}

@test "a Go-like program does not run with a seal where its arena is" {
    built go-like gcc "$SOURCES/go-like.c"
    does_not_run_over 0xc000000000 "$DIR/go-like"
}

@test "a program with AddressSanitizer does not run with a seal where its shadow is" {
    [ "$(uname -m)" = x86_64 ] || skip "its shadow is elsewhere on $(uname -m)"
    built hello gcc -fsanitize=address "$SOURCES/hello.c"
    does_not_run_over 0x100000000 "$DIR/hello"
}
