#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

# `sealmem run --image` for programs that nothing can be preloaded into: linked in every way, they are sealed by the time
# that they do something, and find everything else as without.

bats_require_minimum_version 1.5.0

load guest

setup() {
    [ -z "$SANITIZED" ] || skip "not with a sanitizer"
    cd "$DIR"
    # Another user may not be allowed to enter the build directory. The objects are looked for beside the command.
    # shellcheck disable=SC2086 # a list
    [ -e sealmem ] || install -m 755 "$SEALMEM" $IMAGE_OBJECTS .
    SEALMEM=$DIR/sealmem
    "$SEALMEM" run --image=outside -- true 2>err || skip "$(cat err)"
}

need_root() {
    [ "$(id -u)" = 0 ] || skip "needs root"
}

as_plain_user() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
    else
        "$@"
    fi
}

# starts_sealed NAME WORD...: what an intruder could do without the seal is refused with it, and the program answers as
# without.
starts_sealed() {
    local program=$1 words=$2 before after

    before=$("./$program" <<<$'try\nanswer')
    # Some kernels refuse to write through /proc/PID/mem where the process may not write itself.
    [ "$(grep -c ': done$' <<<"$before")" -ge 12 ]
    run --separate-stderr -0 "$SEALMEM" run --image="report$words" -- "./$program" <<<$'try\nanswer'
    [[ $stderr == "sealmem: $program["*"relro CONTENT+ADDRESS "[1-9]*"; sealed from outside" ]]
    after=$output
    [ "$(grep -c 'of RELRO: refused$' <<<"$after")" = 5 ]
    [ "$(grep -c 'of text: refused$' <<<"$after")" -ge "${3-4}" ]
    [ "$(grep -c 'of constants: refused$' <<<"$after")" -ge "${3-4}" ]
    [ "$(grep -c ': \(changed\|lost\)$' <<<"$after")" = 0 ]
    [ "$(grep -v : <<<"$after")" = "$(grep -v : <<<"$before")" ]
}

@test "a static program of glibc starts sealed" {
    build_guest static "$CC" -static -no-pie -fno-pie
    starts_sealed static
}

@test "a static program of glibc, position-independent, starts sealed" {
    build_guest static-pie "$CC" -static-pie -fPIE
    starts_sealed static-pie
}

@test "a static program of musl starts sealed, with its RELRO, which it would leave writable" {
    need musl-gcc
    build_guest musl musl-gcc -static -no-pie -fno-pie
    starts_sealed musl
}

@test "a static program of musl, position-independent, starts sealed" {
    local files

    need musl-gcc
    files=$(musl-gcc -v 2>&1 | sed -n 's:^Reading specs from \(.*\)/[^/]*$:\1:p')
    [ -e "$files/rcrt1.o" ] || skip "no rcrt1.o of musl"
    build_guest musl-pie musl-gcc -static -fPIE -nostartfiles -Wl,-pie,--no-dynamic-linker "$files/rcrt1.o" "$files/crti.o" "$files/crtn.o"
    starts_sealed musl-pie
    starts_sealed musl-pie ,deep 5
}

@test "programs that are linked in each way start sealed, deep" {
    build_guest static "$CC" -static -no-pie -fno-pie
    starts_sealed static ,deep 5
    build_guest static-pie "$CC" -static-pie -fPIE
    starts_sealed static-pie ,deep 5
    need musl-gcc
    build_guest musl musl-gcc -static -no-pie -fno-pie
    starts_sealed musl ,deep 5
}

@test "a program with a loader starts sealed from outside, if it is told so" {
    build_guest dynamic "$CC" -fPIE -pie
    starts_sealed dynamic ,outside
    starts_sealed dynamic ,outside,deep 5
    run --separate-stderr -0 "$SEALMEM" run --image=report -- ./dynamic <<<answer
    [[ $stderr == "sealmem: dynamic["*"; preloaded" ]]
}

@test "busybox starts sealed" {
    need busybox
    run --separate-stderr -3 "$SEALMEM" run --image=report,outside -- busybox sh -c 'echo $((6 * 7)); exit 3'
    [ "$output" = 42 ]
    [[ $stderr == "sealmem: busybox["*"text ADDRESS "[1-9]*"; sealed from outside" ]]
}

# go_builds NAME OPTION...
go_builds() {
    local name=$1

    need go
    shift
    printf 'package main\nimport "os"\nfunc main() { println(len(os.Args)); os.Exit(5) }\n' >main.go
    HOME=$DIR GOCACHE=$DIR/cache GOFLAGS=-mod=mod GO111MODULE=off CGO_ENABLED=0 go build "$@" -o "$name" main.go ||
        skip "go builds no such program here"
    run --separate-stderr -5 "$SEALMEM" run --image=report -- "./$name"
    [[ $stderr == *"sealmem: $name["*"text ADDRESS "[1-9]*"; sealed from outside"* ]]
}

@test "a program of Go starts sealed" {
    go_builds go-static
}

@test "a position-independent program of Go starts sealed" {
    go_builds go-pie -buildmode=pie
}

@test "a static program of Rust starts sealed" {
    need rustc
    echo 'fn main() { println!("rust"); std::process::exit(6) }' >main.rs
    rustc -C target-feature=+crt-static -o rust main.rs 2>build.log || skip "rustc builds no such program here"
    run --separate-stderr -6 "$SEALMEM" run --image=report -- ./rust
    [ "$output" = rust ]
    [[ $stderr == "sealmem: rust["*"relro CONTENT+ADDRESS "*"; sealed from outside" ]]
}

@test "a script with a static interpreter starts sealed" {
    build_guest static "$CC" -static -no-pie -fno-pie
    printf '#!%s\n' "$DIR/static" >script
    chmod +x script
    run --separate-stderr -0 "$SEALMEM" run --image=report -- ./script <<<answer
    [[ $stderr == "sealmem: script["*"; sealed from outside" ]]
}

@test "the program keeps its process id, its parent and its signals, and has no child" {
    local program

    build look-static look.c -- "$CC" -static
    build look look.c -- "$CC"
    for program in look-static look; do
        python3 - "$SEALMEM" "./$program" <<'END' || return 1
import os, signal, subprocess, sys

def start(*command):
    def prepare():
        signal.signal(signal.SIGTRAP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTRAP, signal.SIGCHLD])
        os.kill(os.getpid(), signal.SIGUSR1)
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=prepare,
                             env={"ONE": "1", "TWO": "2"}, text=True)
    output = child.communicate("typed")[0]
    assert f"process {child.pid} of {os.getpid()}" in output, output
    return output.split("\n", 1)[1], child.returncode

bare = start(sys.argv[2])
assert "pending: 1 child: 0 trap: 0" in bare[0], bare
assert bare == start(sys.argv[1], "run", "--image=outside", "--", sys.argv[2])
END
    done
}

@test "a plain user starts a static program sealed, also with a secret" {
    build_guest static "$CC" -static -no-pie -fno-pie
    run --separate-stderr -0 as_plain_user "$SEALMEM" run --image=report -- ./static <<<answer
    [[ $stderr == "sealmem: static["*"; sealed from outside" ]]
    run --separate-stderr -0 as_plain_user "$SEALMEM" run --image=report,outside --secret key='exec:echo hush' -- cat {key}
    [ "$output" = hush ]
    [[ $stderr == "sealmem: cat["*"; sealed from outside" ]]
}

# refused REASON COMMAND...: one line, 125, and the program has done nothing.
refused() {
    local reason=$1

    shift
    run --separate-stderr -125 "$@"
    [ -z "$output" ]
    [[ $stderr == "sealmem: run: --image: "*"$reason"* ]]
    [[ $stderr != *$'\n'* ]]
}

@test "a program that cannot be sealed does not start, unless try is set" {
    local rule program

    build_guest static "$CC" -static -no-pie -fno-pie
    for rule in memfd_create=ENOSYS add_seals=EPERM; do
        refused "'./static' cannot be sealed: " "$FORBID" $rule -- "$SEALMEM" run --image -- ./static <<<answer
        refused "'true' cannot be sealed: " "$FORBID" $rule -- "$SEALMEM" run --image=outside -- true
        run --separate-stderr -0 "$FORBID" $rule -- "$SEALMEM" run --image=try -- ./static <<<answer
        [[ $output =~ ^[0-9]+$ ]]
        [ -z "$stderr" ]
    done
    refused "this kernel has no mseal(2), or a sandbox forbids it" "$FORBID" mseal=ENOSYS -- "$SEALMEM" run --image -- ./static <<<answer
    refused "it may not be traced: " "$FORBID" ptrace=EPERM -- "$SEALMEM" run --image -- ./static <<<answer
    run --separate-stderr -0 "$FORBID" ptrace=EPERM -- "$SEALMEM" run --image=try,report -- ./static <<<answer
    [[ $output =~ ^[0-9]+$ ]]
    [[ $stderr == *"it may not be traced: "* ]]
}

@test "a filter that does not concern the seal does not hinder it" {
    build_guest static "$CC" -static -no-pie -fno-pie
    run --separate-stderr -0 "$FORBID" mount=KILL kcmp=EPERM -- "$SEALMEM" run --image=report -- ./static <<<answer
    [[ $stderr == "sealmem: static["*"; sealed from outside" ]]
}

@test "a filter that kills at the seal kills the program before it does anything" {
    build_guest static "$CC" -static -no-pie -fno-pie
    run "$FORBID" memfd_create=KILL -- "$SEALMEM" run --image -- ./static <<<answer
    [ "$status" -gt 128 ]
    ! [[ $output =~ ^[0-9]+$ ]]
}

@test "what only an object inside can do is refused, and so is --no-dump" {
    local word

    build_guest static "$CC" -static -no-pie -fno-pie
    for word in vdso later filter; do
        refused "and without '$word'" "$SEALMEM" run --image=$word -- ./static
    done
    refused "--no-dump forbids that" "$SEALMEM" run --no-dump --image -- ./static
    refused "it is linked statically" "$SEALMEM" run --image=preload -- ./static
}

# keeps_privileges PROGRAM: its owner is user 65533, and it is set-user-ID.
keeps_privileges() {
    chown 65533 "$1"
    chmod 4755 "$1"
    run -0 "./$1" </dev/null
    [[ $output == *"user 0 as 65533"* ]]
    run --separate-stderr -0 "$SEALMEM" run --image=report -- "./$1" </dev/null
    [[ $output == *"user 0 as 65533"* ]]
    [[ $stderr == "sealmem: $1["*"relro CONTENT+ADDRESS "*"; sealed from outside" ]]
    refused "which it would lose: run this as root" as_plain_user "$SEALMEM" run --image -- "./$1" </dev/null
    run -0 as_plain_user "$SEALMEM" run --image=try -- "./$1" </dev/null
    [[ $output == *"user 65534 as 65533"* ]]
    run --separate-stderr -0 as_plain_user "$SEALMEM" run --image=report --no-new-privs -- "./$1" </dev/null
    [[ $output == *"user 65534 as 65534"* ]]
    [[ $stderr == "sealmem: $1["* ]]
}

@test "a set-user-ID program keeps its privileges if root starts it sealed, and is refused for a user" {
    need_root
    build look look.c -- "$CC"
    keeps_privileges look
    build look-static look.c -- "$CC" -static
    keeps_privileges look-static
    need musl-gcc
    build look-musl look.c -- musl-gcc -static
    keeps_privileges look-musl
}

@test "a program that another one traces is refused" {
    need strace
    build_guest static "$CC" -static -no-pie -fno-pie
    run -125 strace -f -o strace.log "$SEALMEM" run --image -- ./static <<<answer
    [[ $output == *"another process traces this one"* ]]
}

@test "a program that does not exist, or cannot be executed, is an error as without" {
    run --separate-stderr -127 "$SEALMEM" run --image=outside -- ./nothing
    printf '\177ELF' >broken
    chmod +x broken
    run -125 "$SEALMEM" run --image=outside -- ./broken
}

# build_early: a program with a library whose constructor does what EARLY says.
build_early() {
    build early.so early.c -- "$CC" -shared -fPIC -pthread
    build_guest early "$CC" -fPIE -pie -Wl,--no-as-needed "$DIR/early.so"
}

@test "threads and signals before the first instruction of a program do no harm" {
    local word

    build_early
    for word in threads signals; do
        EARLY=$word run --separate-stderr -0 "$SEALMEM" run --image=outside,report -- ./early <<<$'try\nanswer'
        [ "$(grep -c 'of RELRO: refused$' <<<"$output")" = 5 ]
        [[ $stderr == "sealmem: early["*"relro CONTENT+ADDRESS "*"; sealed from outside" ]]
    done
}

@test "a program that another one executes before its first instruction is sealed in its place" {
    build_guest static "$CC" -static -no-pie -fno-pie
    build_early
    EARLY=execute EARLY_PROGRAM=./static run --separate-stderr -0 "$SEALMEM" run --image=outside,report -- ./early \
        <<<$'try\nanswer'
    [ "$(grep -c 'of RELRO: refused$' <<<"$output")" = 5 ]
    [[ $stderr == "sealmem: static["*"relro CONTENT+ADDRESS "*"; sealed from outside" ]]
}

@test "a program that is stopped before its first instruction can be continued" {
    build_early
    python3 - "$SEALMEM" <<'END'
import os, signal, subprocess, sys

child = subprocess.Popen([sys.argv[1], "run", "--image=outside", "--", "./early"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True, env=dict(os.environ, EARLY="stop"))
child.stdin.write("try\n")
child.stdin.close()
pid, status = os.waitpid(child.pid, os.WUNTRACED)
assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGSTOP, status
os.kill(pid, signal.SIGCONT)
assert child.stdout.read().count("of RELRO: refused") == 5
pid, status = os.waitpid(child.pid, 0)
assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0, status
END
}

@test "a program that has a loader of its own is sealed" {
    build_guest dynamic "$CC" -fPIE -pie
    loader=$(readelf -l dynamic | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
    ln -sf "$loader" loader
    build_guest other "$CC" -fPIE -pie "-Wl,--dynamic-linker=$DIR/loader"
    starts_sealed other
}

@test "a loader that is executed by its name is refused" {
    build_guest dynamic "$CC" -fPIE -pie
    loader=$(readelf -l dynamic | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
    refused "it is a library or loader" "$SEALMEM" run --image -- "$loader" ./dynamic <<<answer
    run -0 "$SEALMEM" run --image=try -- "$loader" ./dynamic <<<answer
}

@test "a loader of musl that is executed by its name is refused" {
    need musl-gcc
    build_guest dynamic musl-gcc -fPIE -pie
    loader=$(readelf -l dynamic | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
    [ -e "$loader" ] || skip "no loader of musl"
    refused "it is a library or loader" "$SEALMEM" run --image -- "$loader" ./dynamic <<<answer
    run --separate-stderr -0 "$SEALMEM" run --image=report -- ./dynamic <<<answer
    [[ $stderr == "sealmem: dynamic["*"relro CONTENT+ADDRESS "*"; sealed from outside" ]]
}
