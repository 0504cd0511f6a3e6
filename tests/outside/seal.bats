#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

# `sealmem seal`, with programs that are linked in every way: what an intruder inside can do before the seal is refused
# after it, and the program answers as before.

bats_require_minimum_version 1.5.0

load guest

setup() {
    [ -z "$SANITIZED" ] || skip "not with a sanitizer"
    guest=
    cd "$DIR"
}

teardown() {
    [ -z "$guest" ] || kill "$guest" 2>/dev/null || true
    close_guest
}

need_mseal() {
    "$SEALMEM" run --image -- true 2>/dev/null || skip "this kernel has no mseal"
}

# start COMMAND...: a guest; what it says on standard error is in a file.
start() {
    open_guest "$@" 2>err
}

# The acts on a part that are refused in a list of answers.
refused() {
    grep -c "of $1: refused\$" <<<"$2" || true
}

# works_sealed RELRO OPTION...: whether the program loader has made its RELRO read-only.
works_sealed() {
    local protected=$1 answer before after

    need_mseal
    shift
    answer=$(ask answer)
    before=$(ask try)
    # Some kernels refuse to write through /proc/PID/mem where the process may not write itself.
    [ "$(grep -c ': done$' <<<"$before")" -ge 12 ]
    run --separate-stderr -0 "$SEALMEM" seal "$@" "$guest"
    [ -z "$stderr" ]
    grep -qE "^ *$guest .* sealed " <<<"$output"
    after=$(ask try)
    [ "$(refused RELRO "$after")" = "$protected" ]
    [ "$(refused text "$after")" -ge 4 ]
    [ "$(refused constants "$after")" -ge 4 ]
    [ "$(ask answer)" = "$answer" ]
    ! grep -q ': changed$' <<<"$after"
}

@test "a program with a dynamic loader" {
    build_guest dynamic "$CC" -fPIE -pie
    start ./dynamic
    works_sealed 5
}

@test "a static program of glibc" {
    build_guest static "$CC" -static -no-pie -fno-pie
    start ./static
    works_sealed 5
}

@test "a static program of glibc, position-independent" {
    build_guest static-pie "$CC" -static-pie -fPIE
    start ./static-pie
    works_sealed 5
}

@test "a static program of musl, whose RELRO can be written and is left" {
    need musl-gcc
    build_guest musl musl-gcc -static -no-pie -fno-pie
    start ./musl
    works_sealed 0
    run -0 "$SEALMEM" seal --json "$guest"
    [ "$(jq '.processes[0].objects | any(.relro_writable)' <<<"$output")" = true ]
}

@test "a program with a dynamic loader, deep" {
    build_guest dynamic "$CC" -fPIE -pie
    start ./dynamic
    works_sealed 5 --deep
    [ "$(refused text "$(ask try)")" = 5 ]
    [ "$(refused constants "$(ask try)")" = 5 ]
}

@test "a static program of musl, deep" {
    need musl-gcc
    build_guest musl musl-gcc -static -no-pie -fno-pie
    start ./musl
    works_sealed 0 --deep
    [ "$(refused text "$(ask try)")" = 5 ]
}

@test "busybox, linked statically" {
    need_mseal
    busybox=$(type -P busybox) || skip "no busybox"
    ! ldd "$busybox" >/dev/null 2>&1 || skip "busybox is not static"
    start busybox sh
    echo 'echo $((6 * 7))' >&5
    read -r -t 60 answer <&6
    run -0 "$SEALMEM" seal "$guest"
    "$SEALMEM" audit --quiet --require text:ADDRESS "$guest"
    echo 'for i in 1 2 3; do busybox true; done; echo $((6 * 7))' >&5
    read -r -t 60 after <&6
    [ "$answer" = 42 ]
    [ "$after" = 42 ]
}

@test "python3" {
    need_mseal
    python=$(readlink -f "$(type -P python3)")
    start python3 -u -c 'import hashlib, sys
for line in sys.stdin: print(int(hashlib.sha256(line.encode()).hexdigest(), 16))'
    answer=$(ask some)
    run -0 "$SEALMEM" seal "$guest"
    "$SEALMEM" audit --quiet --require relro:CONTENT,ADDRESS --require text:ADDRESS "$guest" || {
        "$SEALMEM" audit --require relro:CONTENT,ADDRESS --require text:ADDRESS "$guest" && false
    }
    [ "$(ask some)" = "$answer" ]
    : "$python"
}

@test "a program of 32 bits is refused and goes on" {
    need_mseal
    "$CC" -m32 -nostdlib -static "$SOURCE/tests/outside/wait32.S" -o wait32 2>/dev/null || skip "no 32-bit programs here"
    ./wait32 2>/dev/null || skip "this kernel runs no 32-bit programs"
    start ./wait32 wait
    run --separate-stderr -1 "$SEALMEM" seal "$guest"
    [ "$stderr" = "sealmem: seal: process $guest (wait32): it is a program of another word size or architecture" ]
    [ -z "$output" ]
    kill -0 "$guest"
}

@test "what would be sealed is what is sealed" {
    need_mseal
    build_guest dynamic "$CC" -fPIE -pie
    start ./dynamic
    # Then its loader is done.
    [ -n "$(ask answer)" ]
    plan=$("$SEALMEM" seal --dry-run "$guest")
    [ "$(ask try | grep -c ': done$')" -ge 12 ]
    diff <(echo "$plan") <("$SEALMEM" seal --report "$guest") >&2
    # Only root may ask again for the seals of a file that is open nowhere.
    again=$("$SEALMEM" seal --report "$guest")
    [ "$(id -u)" != 0 ] || [ "$again" = "$plan" ]
}

@test "JSON has the process and its ranges" {
    need_mseal
    need jq
    build_guest dynamic "$CC" -fPIE -pie
    start ./dynamic
    run -0 "$SEALMEM" seal --json "$guest"
    jq -e --argjson pid "$guest" '.version == 1 and .command == "seal" and .dry_run == false and
        (.processes | length) == 1 and .processes[0].pid == $pid and .processes[0].state == "sealed" and
        .processes[0].reason == null and .processes[0].threads_held == 1 and
        (.processes[0].ranges | all(.guarantees == .planned and (.guarantees | index("ADDRESS")))) and
        (.processes[0].ranges | any(.kind == "relro" and .guarantees == ["CONTENT", "ADDRESS"]))' <<<"$output"
    run -0 "$SEALMEM" seal --json --dry-run "$guest"
    jq -e '.dry_run and .processes[0].state == "planned"' <<<"$output"
}

@test "a pattern takes every process of that name, and no other" {
    need_mseal
    build_guest only-these "$CC" -fPIE -pie
    start ./only-these
    sleep 60 | ./only-these >/dev/null 3>&- &
    other=$!
    sleep 0.2
    run -0 "$SEALMEM" seal --json --all-matching '^only-th[e]se$'
    kill "$other"
    [ "$(jq -c '[.processes[].pid] | sort' <<<"$output")" = "[$guest,$other]" ]
    run --separate-stderr -1 "$SEALMEM" seal --all-matching '^no-such-process$'
    [ "$stderr" = "sealmem: seal: there is no such process" ]
}

@test "a process that is gone, and one of the kernel" {
    need_mseal
    run --separate-stderr -1 "$SEALMEM" seal 999999999
    [ "$stderr" = "sealmem: seal: process 999999999: it has exited, or there is no such process" ]
    run --separate-stderr -1 "$SEALMEM" seal $$ 999999999
    [[ $output == *"$$ "*" sealed "* ]]
}

@test "errors of the command line" {
    for arguments in "" "x" "0" "-1" "1 --unit u" "--unit u --report --json" "--all-matching (" "--nonsense"; do
        # shellcheck disable=SC2086
        run --separate-stderr -2 "$SEALMEM" seal $arguments
        [ -z "$output" ]
        [[ $stderr == "sealmem: seal: "*"; see 'sealmem seal --help'" ]]
        [[ $stderr != *$'\n'* ]]
    done
}

@test "where the kernel has no mseal the status is 3" {
    build_guest dynamic "$CC" -fPIE -pie
    start ./dynamic
    run --separate-stderr -3 "$FORBID" mseal=ENOSYS -- "$SEALMEM" seal "$guest"
    [ "$stderr" = "sealmem: seal: process $guest (dynamic): this kernel has no mseal(2), or a sandbox forbids it; --content-only does without" ]
    [ "$(ask try | grep -c ': done$')" -ge 12 ]
}

# seals_content OPTION...: on a kernel without mseal. Prints what can be tried afterwards.
seals_content() {
    build_guest dynamic "$CC" -fPIE -pie
    start ./dynamic
    answer=$(ask answer)
    run --separate-stderr -0 "$FORBID" mseal=ENOSYS -- "$SEALMEM" seal --json --content-only "$@" "$guest"
    jq -e '.processes[0].state == "sealed" and
        (.processes[0].ranges | all(.guarantees == ["CONTENT"]) and any(.kind == "relro"))' <<<"$output"
    after=$(ask try)
    [ "$(ask answer)" = "$answer" ]
    grep -qx 'mprotect of RELRO: refused' <<<"$after"
    grep -qx 'write to /proc/self/mem of RELRO: refused' <<<"$after"
    grep -qx 'munmap of RELRO: done' <<<"$after"
}

@test "where the kernel has no mseal the bytes of RELRO can be sealed" {
    need jq
    seals_content
    grep -qx 'mprotect of text: done' <<<"$after"
}

@test "where the kernel has no mseal the bytes of code can be sealed" {
    need jq
    seals_content --deep
    grep -qx 'mprotect of text: refused' <<<"$after"
    grep -qx 'write to /proc/self/mem of text: refused' <<<"$after"
    grep -qx 'munmap of text: done' <<<"$after"
}

@test "addresses can be sealed after the bytes" {
    need_mseal
    build_guest dynamic "$CC" -fPIE -pie
    start ./dynamic
    run -0 "$SEALMEM" seal --content-only "$guest"
    works_sealed 5
}
