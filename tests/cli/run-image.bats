#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016,SC2314

# What `sealmem run --image` says, refuses and passes on. What holds inside of the sealed program is in the tests
# of the library and, for real programs, in tests/live.

load helper
load started

sealmem_run() {
    alone "$SEALMEM" run "$@"
}

setup() {
    need_no_sanitizer
    DIR=$BATS_TEST_TMPDIR
    # Beside the command is where it looks first.
    # shellcheck disable=SC2086 # a list
    install -m 755 $IMAGE_OBJECTS "$SHARED/"
    need_mseal
}

need_mseal() {
    alone "$SEALMEM" run --image -- true || skip "this kernel has no mseal"
}

# Of a /proc/PID/smaps on standard input, the mappings of objects and of what took their place that are not
# writable: "sealed N" and "open N", of the memfds "memfd N".
count_mappings() {
    awk '/^[0-9a-f]+-[0-9a-f]+ / { object = $2 ~ /^r-/ && ($6 ~ /\.so/ || $6 ~ /bin\// || $6 ~ /memfd:sealmem:image/)
                                   memfd += $6 ~ /memfd:sealmem:image/ }
        /^VmFlags:/ && object { if (/ sl/) sealed++; else open++ }
        END { printf "sealed %d, open %d, memfd %d\n", sealed, open, memfd }'
}

@test "--image seals every object that the program was linked with" {
    run -0 sealmem_run --image -- cat /proc/self/smaps
    smaps=$output
    run -0 count_mappings <<<"$smaps"
    [[ $output == "sealed "[1-9]*", open 0, memfd "[1-9]* ]]
    run -0 cat /proc/self/smaps
    smaps=$output
    run -0 count_mappings <<<"$smaps"
    [[ $output == "sealed 0, open "[1-9]*", memfd 0" ]]
}

@test "--image prints nothing, and input, output and status are the program's" {
    run --separate-stderr -7 sealmem_run --image -- sh -c 'cat; exit 7' <<<"typed"
    [ "$output" = typed ]
    [ -z "$stderr" ]
}

@test "--image=report says on standard error what was sealed" {
    run --separate-stderr -0 sealmem_run --image=report -- true
    [ -z "$output" ]
    [[ $stderr =~ ^"sealmem: true["[0-9]+"]: "[0-9]+" objects: relro CONTENT+ADDRESS "[0-9]+", text ADDRESS "[0-9]+", read-only ADDRESS "[0-9]+", vdso nothing 0; "[0-9]+" lazy, 0 excluding, 0 left"$ ]]
}

@test "--image=deep seals the bytes of code and constants, --image=vdso the pages of the kernel" {
    run --separate-stderr -0 sealmem_run --image=report,deep,vdso -- true
    [[ $stderr == *"text CONTENT+ADDRESS "*"read-only CONTENT+ADDRESS "*"vdso ADDRESS "[1-9]* ]]
    run -0 sealmem_run --image=deep -- grep -c 'r-xs.*memfd:sealmem:image' /proc/self/maps
    [ "$output" -ge 3 ]
}

@test "children are sealed, and their children" {
    run -0 --separate-stderr sealmem_run --image=report -- sh -c 'sh -c "true; env true"; true'
    [ "$(grep -c 'CONTENT+ADDRESS' <<<"$stderr")" -ge 3 ]
    [[ $stderr == *"sealmem: env["* ]]
}

@test "--image=once seals the program and not its children, and leaves no variable behind" {
    run -0 --separate-stderr sealmem_run --image=once,report -- sh -c 'env; true'
    [ "$(grep -c . <<<"$stderr")" = 1 ]
    [[ $output != *LD_PRELOAD* ]]
    [[ $output != *SEALMEM_IMAGE* ]]
    LD_PRELOAD=$PRETEND_SEALED run -0 --separate-stderr sealmem_run --image=once -- env
    [[ $'\n'$output$'\n' == *$'\n'"LD_PRELOAD=$PRETEND_SEALED"$'\n'* ]]
}

@test "what else is preloaded stays so" {
    LD_PRELOAD=$PRETEND_SEALED run -0 --separate-stderr sealmem_run --image -- env
    [[ $'\n'$output$'\n' == *$'\n'"LD_PRELOAD=$SHARED/libsealmem-image.so:$PRETEND_SEALED"$'\n'* ]]
    [ -z "$stderr" ]
}

@test "--image goes with secrets and with every hardening" {
    run -0 --separate-stderr sealmem_run --image=report --secret key=- --no-new-privs --no-dump -- cat {key} <<<"secret"
    [ "$output" = secret ]
    [[ $stderr == *"relro CONTENT+ADDRESS"* ]]
    if sealmem_run --deny-write-execute -- true; then
        run -0 --separate-stderr sealmem_run --image=report,deep --deny-write-execute -- true
        [[ $stderr == *"text CONTENT+ADDRESS"* ]]
    fi
}

@test "as a plain user" {
    cd /
    run -0 --separate-stderr as_plain_user "$SEALMEM" run --image=report,deep,vdso -- true
    [[ $stderr == *"relro CONTENT+ADDRESS"*"text CONTENT+ADDRESS"* ]]
}

# A program without dependencies, to be linked in more than one way.
compile() {
    printf 'int main(void) { return 9; }\n' >"$DIR/program.c"
    "$CC" -o "$DIR/program" "$@" "$DIR/program.c"
}

# Refused with 125, and executed unsealed with try.
assert_not_sealed() {
    local program=$1 reason=$2 own_status=$3
    shift 3

    run --separate-stderr -125 "$@" "$SEALMEM" run --image -- "$program"
    assert_refused run "'$program' cannot be sealed: $reason"
    run --separate-stderr "-$own_status" "$@" "$SEALMEM" run --image=try -- "$program"
    [ -z "$stderr" ]
}

@test "a program that is linked statically is refused, unless it is a try" {
    compile -static
    assert_not_sealed "$DIR/program" "it is linked statically" 9
    compile -static-pie
    assert_not_sealed "$DIR/program" "it is linked statically" 9
}

@test "a program with another loader is refused, unless it is a try" {
    compile
    loader=$(readelf -l "$DIR/program" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
    ln -s "$loader" "$DIR/loader"
    compile "-Wl,--dynamic-linker=$DIR/loader"
    assert_not_sealed "$DIR/program" "it has another loader than sealmem" 9
}

@test "a program for another processor is refused" {
    compile
    printf '\377\377' | dd of="$DIR/program" bs=1 seek=18 conv=notrunc status=none
    run --separate-stderr -125 sealmem_run --image -- "$DIR/program"
    assert_refused run "it is for another kind of processor than sealmem"
}

@test "a file that is no program is refused" {
    printf 'exit 9\n' >"$DIR/program"
    chmod +x "$DIR/program"
    run --separate-stderr -125 sealmem_run --image -- "$DIR/program"
    assert_refused run "it is not an ELF program"
}

@test "a set-user-ID program is refused as a plain user, unless it is a try, and sealed as its user" {
    need_root
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_SUITE_TMPDIR" "$BATS_TEST_TMPDIR" || true
    cp /bin/true "$SHARED/set-user-id"
    chmod 4755 "$SHARED/set-user-id"
    cd /
    assert_not_sealed "$SHARED/set-user-id" "it gains privileges" 0 as_plain_user
    run --separate-stderr -0 as_plain_user "$SEALMEM" run --no-new-privs --image=report -- "$SHARED/set-user-id"
    [[ $stderr == *"relro CONTENT+ADDRESS"* ]]
    run --separate-stderr -0 sealmem_run --image=report -- "$SHARED/set-user-id"
    [[ $stderr == *"relro CONTENT+ADDRESS"* ]]
}

@test "a program with file capabilities is refused as a plain user" {
    need_root
    cp /bin/true "$SHARED/capable"
    python3 -c 'import os, struct, sys
os.setxattr(sys.argv[1], "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))' "$SHARED/capable" ||
        skip "no file capabilities here"
    cd /
    assert_not_sealed "$SHARED/capable" "it gains privileges" 0 as_plain_user
}

@test "a script is judged by its interpreter" {
    printf '#!/bin/sh\nexit 9\n' >"$DIR/script"
    chmod +x "$DIR/script"
    run --separate-stderr -9 sealmem_run --image=report -- "$DIR/script"
    [[ $stderr == *"relro CONTENT+ADDRESS"* ]]
    compile -static
    printf '#! %s\n' "$DIR/program" >"$DIR/script"
    assert_not_sealed "$DIR/script" "it is linked statically" 9
    printf '#!%s\n' "$DIR/script" >"$DIR/script"
    run --separate-stderr -125 sealmem_run --image -- "$DIR/script"
    assert_refused run "it is a script of scripts"
}

@test "a program that is not there is 127, one that may not be executed 126" {
    run --separate-stderr -127 sealmem_run --image -- "$DIR/nothing"
    assert_refused run "No such file"
    : >"$DIR/file"
    run --separate-stderr -126 sealmem_run --image -- "$DIR/file"
    assert_refused run "Permission denied"
}

@test "a word that --image does not know is an error" {
    run --separate-stderr -125 sealmem_run --image=deep,deeper -- true
    assert_refused run "--image does not know 'deeper'"
    run --separate-stderr -125 sealmem_run --image=, -- true
    assert_refused run "--image does not know ''"
}

@test "without mseal it is an error that says what to do" {
    run --separate-stderr -125 "$FORBID" mseal=ENOSYS -- "$SEALMEM" run --image -- true
    assert_refused run "--image: this kernel has no mseal(2)"
    [[ $stderr == *"--image=filter"*"--image=try"* ]]
}

@test "without mseal --image=try seals the contents of RELRO, and the report says what is lacking" {
    run --separate-stderr -0 "$FORBID" mseal=ENOSYS -- "$SEALMEM" run --image=try,report -- true
    [[ $stderr == *"relro CONTENT "*"text nothing "*"read-only nothing "* ]]
}

@test "without mseal --image=filter seals addresses by seccomp" {
    run --separate-stderr -0 "$FORBID" mseal=ENOSYS -- "$SEALMEM" run --image=filter,report -- true
    [[ $stderr == *"relro CONTENT+ADDRESS "*"text ADDRESS "*"read-only ADDRESS "* ]]
}

@test "a program that cannot be sealed does not begin, unless it is a try" {
    run --separate-stderr -125 "$FORBID" memfd_create=ENOSYS -- "$SEALMEM" run --image -- echo begun
    [ "$stderr" = "sealmem: echo: the image is not sealed: Operation not supported" ]
    [ -z "$output" ]
    run --separate-stderr -0 "$FORBID" memfd_create=ENOSYS -- "$SEALMEM" run --image=try -- echo begun
    [ "$output" = begun ]
    [ -z "$stderr" ]
    run --separate-stderr -0 "$FORBID" memfd_create=ENOSYS -- "$SEALMEM" run --image=try,report -- echo begun
    [ "$stderr" = "sealmem: echo: the image is not sealed: Operation not supported" ]
}

# Whether the code of an object that python loads is sealed: load MODE.
load_in_python() {
    python3 -c 'import ctypes, re, sys
ctypes.CDLL(sys.argv[2], mode=int(sys.argv[1]))
smaps = open("/proc/self/smaps").read()
for part in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", smaps):
    if "libsmartcols" in part.split("\n")[0] and " r-xp " in part:
        print("sealed" if re.search(r"^VmFlags:.* sl", part, re.M) else "open")' "$1" "$library"
}

@test "--image=later seals what is loaded never to be unloaded, and nothing else" {
    command -v python3 >/dev/null || skip "no python3"
    library=$(ldd "$SEALMEM" | sed -n 's/.*libsmartcols.* => \([^ ]*\).*/\1/p')
    export library
    export -f load_in_python
    nodelete=4098 now=2
    run -0 sealmem_run --image=later -- bash -c 'load_in_python "$1"' bash $nodelete
    [ "$output" = sealed ]
    run -0 sealmem_run --image=later -- bash -c 'load_in_python "$1"' bash $now
    [ "$output" = open ]
    run -0 sealmem_run --image -- bash -c 'load_in_python "$1"' bash $nodelete
    [ "$output" = open ]
}

@test "the objects are found where they are installed, and missed where they are not" {
    mkdir "$DIR/bin"
    cp "$SEALMEM" "$DIR/bin/sealmem"
    run --separate-stderr -125 "$DIR/bin/sealmem" run --image -- true
    assert_refused run "libsealmem-image.so is not installed"
    mkdir "$DIR/preload"
    cp "$SHARED/libsealmem-image.so" "$DIR/preload/"
    run --separate-stderr -0 "$DIR/bin/sealmem" run --image=report -- true
    [[ $stderr == *"relro CONTENT+ADDRESS"* ]]
    mkdir "$DIR/a b"
    cp "$SEALMEM" "$SHARED/libsealmem-image.so" "$DIR/a b/"
    run --separate-stderr -125 "$DIR/a b/sealmem" run --image -- true
    assert_refused run "the loader takes no path with blanks or colons"
}
