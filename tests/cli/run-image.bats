#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016,SC2314

# These tests check the messages, the refusals and the environment of `sealmem run --image`. The tests of the library,
# and tests/live for real programs, check what holds inside the sealed program.

load helper
load started

sealmem_run() {
    alone "$SEALMEM" run "$@"
}

setup() {
    need_no_sanitizer
    DIR=$BATS_TEST_TMPDIR
    # The command first looks for the objects in its own directory.
    # shellcheck disable=SC2086 # a list
    install -m 755 $IMAGE_OBJECTS "$SHARED/"
    need_mseal
}

need_mseal() {
    [[ $(alone "$SEALMEM" run --image -- true 2>&1) != *"no mseal"* ]] || skip "this kernel has no mseal"
}

# Counts the mappings of objects, and of the memfds that replace them, that are not writable. It reads a
# /proc/PID/smaps and prints how many are sealed, how many are open and how many are memfds.
count_mappings() {
    awk '/^[0-9a-f]+-[0-9a-f]+ / { object = $2 ~ /^r-/ && ($6 ~ /\.so/ || $6 ~ /bin\// || $6 ~ /memfd:sealmem:image/)
                                   memfd += $6 ~ /memfd:sealmem:image/ }
        /^VmFlags:/ && object { if (/ sl/) sealed++; else open++ }
        END { printf "sealed %d, open %d, memfd %d\n", sealed, open, memfd }'
}

@test "--image seals every object that the program is linked with" {
    run -0 sealmem_run --image -- cat /proc/self/smaps
    smaps=$output
    run -0 count_mappings <<<"$smaps"
    [[ $output == "sealed "[1-9]*", open 0, memfd "[1-9]* ]]
    run -0 cat /proc/self/smaps
    smaps=$output
    run -0 count_mappings <<<"$smaps"
    [[ $output == "sealed 0, open "[1-9]*", memfd 0" ]]
}

@test "--image prints nothing, and input, output and status are those of the program" {
    run --separate-stderr -7 sealmem_run --image -- sh -c 'cat; exit 7' <<<"typed"
    [ "$output" = typed ]
    [ -z "$stderr" ]
}

@test "--image=report prints on standard error what was sealed" {
    run --separate-stderr -0 sealmem_run --image=report -- true
    [ -z "$output" ]
    [[ $stderr =~ ^"sealmem: true["[0-9]+"]: "[0-9]+" objects: relro CONTENT+ADDRESS "[0-9]+", text ADDRESS "[0-9]+", read-only ADDRESS "[0-9]+", vdso nothing 0; "[0-9]+" lazy, 0 excluding, 0 left; preloaded"$ ]]
}

@test "--image=deep seals the bytes of code and constants, --image=vdso the pages of the kernel" {
    run --separate-stderr -0 sealmem_run --image=report,deep,vdso -- true
    [[ $stderr == *"text CONTENT+ADDRESS "*"read-only CONTENT+ADDRESS "*"vdso ADDRESS "[1-9]* ]]
    run -0 sealmem_run --image=deep -- grep -c 'r-xs.*memfd:sealmem:image' /proc/self/maps
    [ "$output" -ge 3 ]
}

@test "children and their children are sealed" {
    run -0 --separate-stderr sealmem_run --image=report -- sh -c 'sh -c "true; env true"; true'
    [ "$(grep -c 'CONTENT+ADDRESS' <<<"$stderr")" -ge 3 ]
    [[ $stderr == *"sealmem: env["* ]]
}

@test "--image=once seals the program and not its children, and leaves no variable" {
    run -0 --separate-stderr sealmem_run --image=once,report -- sh -c 'env; true'
    [ "$(grep -c . <<<"$stderr")" = 1 ]
    [[ $output != *LD_PRELOAD* ]]
    [[ $output != *SEALMEM_IMAGE* ]]
    LD_PRELOAD=libm.so.6 run -0 --separate-stderr sealmem_run --image=once -- env
    [[ $'\n'$output$'\n' == *$'\n'"LD_PRELOAD=libm.so.6"$'\n'* ]]
}

@test "other objects that are preloaded stay so" {
    LD_PRELOAD=libm.so.6 run -0 --separate-stderr sealmem_run --image -- env
    [[ $'\n'$output$'\n' == *$'\n'"LD_PRELOAD=$SHARED/libsealmem-image.so:libm.so.6"$'\n'* ]]
    [ -z "$stderr" ]
}

@test "--image works with secrets and with every hardening option" {
    run -0 --separate-stderr sealmem_run --image=report --secret key=- --no-new-privs --no-dump -- cat {key} <<<"secret"
    [ "$output" = secret ]
    [[ $stderr == *"relro CONTENT+ADDRESS"* ]]
    if sealmem_run --deny-write-execute -- true; then
        run -0 --separate-stderr sealmem_run --image=report,deep --deny-write-execute -- true
        [[ $stderr == *"text CONTENT+ADDRESS"* ]]
    fi
}

@test "--image works with a sealmem that its user may execute and not read" {
    need_root
    install -m 711 "$SEALMEM" "$SHARED/unreadable"
    cd /
    run -0 --separate-stderr as_plain_user "$SHARED/unreadable" run --image=report -- true
    [[ $stderr == *"relro CONTENT+ADDRESS"* ]]
}

@test "--image works for a plain user" {
    cd /
    run -0 --separate-stderr as_plain_user "$SEALMEM" run --image=report,deep,vdso -- true
    [[ $stderr == *"relro CONTENT+ADDRESS"*"text CONTENT+ADDRESS"* ]]
}

# A program without dependencies, which the tests link in several ways.
compile() {
    printf 'int main(void) { return 9; }\n' >"$DIR/program.c"
    "$CC" -o "$DIR/program" "$@" "$DIR/program.c"
}

# The object cannot be preloaded: the program is refused with 125, and executed unsealed with try.
assert_not_sealed() {
    local program=$1 reason=$2 own_status=$3
    shift 3

    run --separate-stderr -125 "$@" "$SEALMEM" run --image=preload -- "$program"
    assert_refused run "'$program' cannot be sealed: $reason"
    run --separate-stderr "-$own_status" "$@" "$SEALMEM" run --image=preload,try -- "$program"
    [ -z "$stderr" ]
}

@test "a program that is linked statically is refused with preload, unless try is set" {
    compile -static
    assert_not_sealed "$DIR/program" "it is linked statically" 9
    compile -static-pie
    assert_not_sealed "$DIR/program" "it is linked statically" 9
}

@test "a program with a different loader is refused with preload, unless try is set" {
    compile
    loader=$(readelf -l "$DIR/program" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
    ln -s "$loader" "$DIR/loader"
    compile "-Wl,--dynamic-linker=$DIR/loader"
    assert_not_sealed "$DIR/program" "its loader is not that of sealmem" 9
}

@test "a program for a different processor is refused" {
    compile
    printf '\377\377' | dd of="$DIR/program" bs=1 seek=18 conv=notrunc status=none
    run --separate-stderr -125 sealmem_run --image -- "$DIR/program"
    assert_refused run "it is built for a different processor than sealmem"
}

@test "a file that is not a program is refused" {
    printf 'exit 9\n' >"$DIR/program"
    chmod +x "$DIR/program"
    run --separate-stderr -125 sealmem_run --image -- "$DIR/program"
    assert_refused run "it is not an ELF program"
}

@test "a set-user-ID program is refused for a plain user, unless try is set, and sealed for its owner" {
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

@test "a program with file capabilities is refused for a plain user" {
    need_root
    cp /bin/true "$SHARED/capable"
    python3 -c 'import os, struct, sys
os.setxattr(sys.argv[1], "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))' "$SHARED/capable" ||
        skip "no file capabilities here"
    cd /
    assert_not_sealed "$SHARED/capable" "it gains privileges" 0 as_plain_user
}

@test "the interpreter decides whether a script can be sealed" {
    printf '#!/bin/sh\nexit 9\n' >"$DIR/script"
    chmod +x "$DIR/script"
    run --separate-stderr -9 sealmem_run --image=report -- "$DIR/script"
    [[ $stderr == *"relro CONTENT+ADDRESS"* ]]
    compile -static
    printf '#! %s\n' "$DIR/program" >"$DIR/script"
    assert_not_sealed "$DIR/script" "it is linked statically" 9
    printf '#!%s\n' "$DIR/script" >"$DIR/script"
    run --separate-stderr -125 sealmem_run --image -- "$DIR/script"
    assert_refused run "it has too many interpreters that are scripts"
}

@test "the status is 127 if the program does not exist, and 126 if it may not be executed" {
    run --separate-stderr -127 sealmem_run --image -- "$DIR/nothing"
    assert_refused run "No such file"
    : >"$DIR/file"
    run --separate-stderr -126 sealmem_run --image -- "$DIR/file"
    assert_refused run "Permission denied"
}

@test "an unknown word for --image is an error" {
    run --separate-stderr -125 sealmem_run --image=deep,deeper -- true
    assert_usage run "--image does not know 'deeper'"
    run --separate-stderr -125 sealmem_run --image=preload,outside -- true
    assert_usage run "--image takes either preload or outside"
    run --separate-stderr -125 sealmem_run --image=, -- true
    assert_usage run "--image does not know ''"
}

@test "without mseal the error says what to do" {
    run --separate-stderr -125 "$FORBID" mseal=ENOSYS -- "$SEALMEM" run --image -- true
    assert_refused run "--image: this kernel has no mseal(2)"
    [[ $stderr == *"--image=filter"*"--image=try"* ]]
}

@test "without mseal --image=try seals the contents of RELRO, and the report says what is missing" {
    run --separate-stderr -0 "$FORBID" mseal=ENOSYS -- "$SEALMEM" run --image=try,report -- true
    [[ $stderr == *"relro CONTENT "*"text nothing "*"read-only nothing "* ]]
}

@test "without mseal --image=filter seals addresses by seccomp" {
    run --separate-stderr -0 "$FORBID" mseal=ENOSYS -- "$SEALMEM" run --image=filter,report -- true
    [[ $stderr == *"relro CONTENT+ADDRESS "*"text ADDRESS "*"read-only ADDRESS "* ]]
}

@test "a filter that kills at mseal is like a kernel without it" {
    run --separate-stderr -125 "$FORBID" mseal=KILL -- "$SEALMEM" run --image -- true
    assert_refused run "--image: this kernel has no mseal(2), or a sandbox forbids it"
    run --separate-stderr -0 "$FORBID" mseal=KILL -- "$SEALMEM" run --image=filter,report -- true
    [[ $stderr == *"relro CONTENT+ADDRESS "* ]]
    run --separate-stderr -0 "$FORBID" mseal=KILL -- "$SEALMEM" run --image=try,report -- true
    [[ $stderr == *"relro CONTENT "* ]]
    run --separate-stderr -125 "$FORBID" mseal=KILL seccomp=KILL -- "$SEALMEM" run --image=filter -- echo begun
    [ -z "$output" ]
}

@test "a program that cannot be sealed does not start, unless try is set" {
    local line="sealmem: echo: the image is not sealed: The kernel or a sandbox refuses memfd_create(2), on which CONTENT rests"

    run --separate-stderr -125 "$FORBID" memfd_create=ENOSYS -- "$SEALMEM" run --image -- echo begun
    [ "$stderr" = "$line: use --image=once to seal the first program alone, or --image=try to run this one all the same" ]
    [ -z "$output" ]
    run --separate-stderr -125 "$FORBID" memfd_create=ENOSYS -- "$SEALMEM" run --image=once -- echo begun
    [ "$stderr" = "$line: use --image=try to run it all the same" ]
    run --separate-stderr -0 "$FORBID" memfd_create=ENOSYS -- "$SEALMEM" run --image=try -- echo begun
    [ "$output" = begun ]
    [ -z "$stderr" ]
    run --separate-stderr -0 "$FORBID" memfd_create=ENOSYS -- "$SEALMEM" run --image=try,report -- echo begun
    [ "$stderr" = "$line" ]
}

@test "a program with AddressSanitizer is sealed, and so is one that a sealed program executes" {
    unset ASAN_OPTIONS
    compile -fsanitize=address 2>/dev/null || skip "no AddressSanitizer"
    run -9 "$DIR/program"
    run --separate-stderr -9 "$SEALMEM" run --image=report -- "$DIR/program"
    [[ $stderr == "sealmem: program["*"relro CONTENT+ADDRESS"* ]]
    run --separate-stderr -9 "$SEALMEM" run --image=report,deep,later -- sh -c "$DIR/program"
    [[ $stderr == *"sealmem: program["*"text CONTENT+ADDRESS"* ]]
}

@test "--image leaves what ASAN_OPTIONS says, and --image=once restores it" {
    ASAN_OPTIONS=color=never run -0 "$SEALMEM" run --image -- env
    [[ $'\n'$output$'\n' == *$'\n'"ASAN_OPTIONS=verify_asan_link_order=0:color=never"$'\n'* ]]
    ASAN_OPTIONS=color=never run -0 "$SEALMEM" run --image=once -- env
    [[ $'\n'$output$'\n' == *$'\n'"ASAN_OPTIONS=color=never"$'\n'* ]]
    unset ASAN_OPTIONS
    run -0 "$SEALMEM" run --image=once -- env
    [[ $'\n'$output != *$'\n'ASAN_OPTIONS=* ]]
}

# compile_executor: a program that executes true(1) with a function, and with another value of LD_PRELOAD if there is one.
compile_executor() {
    cat >"$DIR/executor.c" <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static int spawned(int error, pid_t pid)
{
	int status = 99;
	errno = error;
	if (error != 0)
		return -1;
	waitpid(pid, &status, 0);
	exit(status);
}
int main(int argc, char **argv)
{
	static char path[] = "/bin/true", file[] = "true";
	char *arguments[] = { file, NULL };
	pid_t pid = 0;
	if (argc > 2)
		setenv("LD_PRELOAD", argv[2], 1);
#define TRY(name, call) if (strcmp(argv[1], name) == 0) (void)(call)
	TRY("execve", execve(path, arguments, environ));
	TRY("execv", execv(path, arguments));
	TRY("execvp", execvp(file, arguments));
	TRY("execvpe", execvpe(file, arguments, environ));
	TRY("execl", execl(path, file, NULL));
	TRY("execlp", execlp(file, file, NULL));
	TRY("execle", execle(path, file, NULL, environ));
	TRY("fexecve", fexecve(open(path, O_RDONLY), arguments, environ));
	TRY("execveat", execveat(AT_FDCWD, path, arguments, environ, 0));
	TRY("posix_spawn", spawned(posix_spawn(&pid, path, NULL, NULL, arguments, environ), pid));
	TRY("posix_spawnp", spawned(posix_spawnp(&pid, file, NULL, NULL, arguments, environ), pid));
	return errno == ELIBACC ? 9 : 8;
}
END
    "$CC" -o "$DIR/executor" "$DIR/executor.c"
}

@test "a program that would run unsealed is not executed, by whatever function, unless try is set" {
    local hidden=/nowhere/libsealmem-image.so function

    compile_executor
    for function in execve execv execvp execvpe execl execlp execle fexecve execveat posix_spawn posix_spawnp; do
        echo "$function"
        run --separate-stderr -0 sealmem_run --image=report -- "$DIR/executor" $function
        [[ $stderr == *"sealmem: true["*"relro CONTENT+ADDRESS"* ]]
        run --separate-stderr -9 sealmem_run --image -- "$DIR/executor" $function "$hidden"
        [[ $stderr == "sealmem: executor: "*" is not executed, because it would run unsealed: $hidden cannot be read here: "*"--image=once or --image=try" ]]
        run --separate-stderr -0 sealmem_run --image=try -- "$DIR/executor" $function "$hidden"
        [[ $stderr != *"is not executed"* ]]
        run -0 "$DIR/executor" $function "$hidden"
    done
}

@test "a program that removes the object from LD_PRELOAD, or has other objects in it, executes what it likes" {
    compile_executor
    run --separate-stderr -0 sealmem_run --image -- "$DIR/executor" execv ""
    [ -z "$stderr" ]
    run --separate-stderr -0 sealmem_run --image -- "$DIR/executor" execv libm.so.6:/nowhere/other.so
    [[ $stderr != *"is not executed"* ]]
}

@test "--image=report counts the objects of LD_AUDIT, which are not sealed" {
    printf 'unsigned la_version(unsigned version) { return version; }\n' >"$DIR/audit.c"
    "$CC" -shared -fPIC -nostdlib -o "$DIR/audit.so" "$DIR/audit.c"
    run --separate-stderr -0 sealmem_run --image=report -- env LD_AUDIT="$DIR/audit.so" true
    [[ ${stderr_lines[0]} == "sealmem: env["*", 0 left; preloaded" ]]
    if ! [[ ${stderr_lines[1]} == "sealmem: true["*", 1 left; preloaded" ]]; then
        getconf GNU_LIBC_VERSION | grep -Eq ' 2\.([0-2]|3[0-4])' && skip "this loader hides its namespaces"
        false
    fi
}

# Prints whether the code of an object that python loads is sealed: load MODE.
load_in_python() {
    python3 -c 'import ctypes, re, sys
ctypes.CDLL(sys.argv[2], mode=int(sys.argv[1]))
smaps = open("/proc/self/smaps").read()
for part in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", smaps):
    if "libsmartcols" in part.split("\n")[0] and " r-xp " in part:
        print("sealed" if re.search(r"^VmFlags:.* sl", part, re.M) else "open")' "$1" "$library"
}

@test "--image=later seals only the later objects that can never be unloaded" {
    command -v python3 >/dev/null || skip "no python3"
    library=$(PATH=$PATH:/usr/sbin:/sbin ldconfig -p | sed -n 's/.*libsmartcols.so.1 .* => //p' | head -n 1)
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

# compile_loader LINK-ARGUMENT...: a program that loads the objects in its arguments and prints which mappings it has.
# It never unloads an object after a "+".
compile_loader() {
    cat >"$DIR/loader.c" <<'END'
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
	char line[4096];
	for (int i = 1; i < argc; i++)
		if (!dlopen(argv[i] + (argv[i][0] == '+'), RTLD_NOW | (argv[i][0] == '+' ? RTLD_NODELETE : 0)))
			return fprintf(stderr, "%s\n", dlerror()), 1;
	FILE *smaps = fopen("/proc/self/smaps", "r");
	while (fgets(line, sizeof(line), smaps))
		fputs(line, stdout);
	return 0;
}
END
    "$CC" -o "$DIR/loader" "$DIR/loader.c" "$@"
}

# compile_object PATH LINK-ARGUMENT...: a small object.
compile_object() {
    local path=$1
    shift

    mkdir -p "${path%/*}"
    printf 'int answer(void) { return 42; }\n' | "$CC" -shared -fPIC -x c -o "$path" - -x none "$@"
}

# Which code of the objects in $DIR is sealed, from a /proc/PID/smaps.
list_code() {
    awk -v "directory=$DIR/" '/^[0-9a-f]+-[0-9a-f]+ / { code = $2 ~ /x/ && index($6, directory) == 1 && $6 ~ /\.so$/
                                  name = substr($6, length(directory) + 1) }
        /^VmFlags:/ && code { print name, (/ sl/ ? "sealed" : "open") }' | sort
}

# The two objects of one name that a path tells apart, and one that needs the second.
compile_twins() {
    compile_object "$DIR/a/libtwin.so"
    compile_object "$DIR/b/libtwin.so"
    compile_object "$DIR/$1" -Wl,--no-as-needed "${@:2}"
}

@test "of two objects with one name, --image=later seals the one that the loader takes for the needed one" {
    compile_loader
    compile_twins plugin.so -L"$DIR/b" -ltwin -Wl,-rpath,"$DIR/b"
    run -0 sealmem_run --image=later -- "$DIR/loader" "$DIR/a/libtwin.so" "+$DIR/plugin.so"
    run -0 list_code <<<"$output"
    [ "$output" = $'a/libtwin.so open\nb/libtwin.so sealed\nplugin.so sealed' ]
}

@test "an object that is needed by its path is sealed, and not another one with its name" {
    compile_loader
    compile_twins plugin.so "$DIR/b/libtwin.so"
    run -0 sealmem_run --image=later -- "$DIR/loader" "$DIR/a/libtwin.so" "+$DIR/plugin.so"
    run -0 list_code <<<"$output"
    [ "$output" = $'a/libtwin.so open\nb/libtwin.so sealed\nplugin.so sealed' ]
}

@test "an object that is needed by \$ORIGIN is sealed" {
    compile_object "$DIR/b/libtwin.so" -Wl,-soname,'$ORIGIN/b/libtwin.so'
    compile_loader -Wl,--no-as-needed "$DIR/b/libtwin.so"
    run -0 sealmem_run --image -- "$DIR/loader"
    run -0 list_code <<<"$output"
    [ "$output" = "b/libtwin.so sealed" ]
    compile_loader
    compile_object "$DIR/plugin.so" -Wl,--no-as-needed "$DIR/b/libtwin.so"
    run -0 sealmem_run --image=later -- "$DIR/loader" "+$DIR/plugin.so"
    run -0 list_code <<<"$output"
    [ "$output" = $'b/libtwin.so sealed\nplugin.so sealed' ]
}

@test "an object that is loaded later under a name that the program needs is not sealed" {
    # The needed object has a new DT_SONAME, so the loader knows it by the name of its file.
    compile_object "$DIR/b/libtwin.so" -Wl,-soname,libtwin.so
    cat >"$DIR/early.c" <<'END'
#include <dlfcn.h>
void *plugin;
__attribute__((constructor)) static void early(void) { plugin = dlopen(PLUGIN, RTLD_NOW); }
END
    "$CC" -shared -fPIC -DPLUGIN="\"$DIR/a/libtwin.so\"" -o "$DIR/b/libearly.so" "$DIR/early.c"
    compile_loader -Wl,--no-as-needed -L"$DIR/b" -ltwin -learly -Wl,-rpath,"$DIR/b"
    compile_object "$DIR/b/libtwin.so" -Wl,-soname,libother.so
    compile_object "$DIR/a/libtwin.so" -Wl,-soname,libtwin.so
    run -0 sealmem_run --image -- "$DIR/loader"
    run -0 list_code <<<"$output"
    [ "$output" = $'a/libtwin.so open\nb/libearly.so sealed\nb/libtwin.so sealed' ]
}

# Objects that load another one in their constructor, and a program in which threads load and unload them.
compile_crowd() {
    local i

    cat >"$DIR/nested.c" <<'END'
#include <dlfcn.h>
#include <stdlib.h>
__attribute__((constructor)) static void nested(void)
{
	if (!dlopen(NEXT, RTLD_NOW | RTLD_NODELETE))
		abort();
}
END
    cat >"$DIR/crowd.c" <<'END'
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static void *load(void *prefix)
{
	char path[4096];
	for (int i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "%s%d.so", (char *)prefix, i);
		void *handle = dlopen(path, RTLD_NOW | RTLD_NODELETE);
		if (!handle)
			return fprintf(stderr, "%s\n", dlerror()), prefix;
		dlclose(handle);
	}
	return NULL;
}
static void *load_and_unload(void *path)
{
	for (int i = 0; i < 500; i++) {
		void *handle = dlopen(path, RTLD_NOW);
		if (!handle || dlclose(handle) != 0)
			return path;
	}
	return NULL;
}
int main(int argc, char **argv)
{
	pthread_t threads[5];
	void *failed, *any = NULL;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, load, argv[1 + i % 2]);
	pthread_create(&threads[4], NULL, load_and_unload, argv[3]);
	for (int i = 0; i < 5; i++) {
		pthread_join(threads[i], &failed);
		any = failed ? failed : any;
	}
	return any ? 1 : argc == 4 ? 0 : 2;
}
END
    "$CC" -o "$DIR/crowd" "$DIR/crowd.c" -pthread
    compile_object "$DIR/object.so"
    for i in 0 1 2 3 4 5 6 7; do
        cp "$DIR/object.so" "$DIR/inner$i.so"
        "$CC" -shared -fPIC -DNEXT="\"$DIR/inner$i.so\"" -o "$DIR/outer$i.so" "$DIR/nested.c"
    done
}

@test "--image=later holds for threads that load and unload at once, and for constructors that load" {
    compile_crowd
    for _ in 1 2 3 4 5 6 7 8; do
        run --separate-stderr -0 timeout 60 "$SEALMEM" run --image=later -- "$DIR/crowd" "$DIR/outer" "$DIR/inner" \
            "$DIR/object.so"
        [ -z "$stderr" ]
    done
}

@test "the command finds the installed objects, and reports one that is not installed" {
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
    assert_refused run "the loader does not accept a path with blanks or colons"
}

# A program that executes its arguments with LD_PRELOAD in the environment twice.
compile_twice() {
    cat >"$DIR/twice.c" <<'END'
#include <stdlib.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv)
{
	char *twice[] = { "LD_PRELOAD=", getenv("KEPT"), "SEALMEM_IMAGE=try", "SEALMEM_IMAGE=try", NULL };
	(void)argc;
	execve(argv[1], argv + 1, twice);
	return 99;
}
END
    "$CC" -o "$DIR/twice" "$DIR/twice.c"
}

@test "a variable of the loader that is in the environment twice does not stop the seal" {
    compile_twice
    KEPT=LD_PRELOAD= run --separate-stderr -0 alone "$DIR/twice" "$SEALMEM" run --image -- /bin/cat /proc/self/maps
    [[ $output == *memfd:sealmem:image* ]]
    printf 'int other;\n' >"$DIR/other.c"
    "$CC" -shared -fPIC -o "$DIR/other.so" "$DIR/other.c"
    KEPT=LD_PRELOAD=$DIR/other.so run --separate-stderr alone "$DIR/twice" "$SEALMEM" run --image -- \
        /bin/sh -c 'tr "\0" "\n" </proc/$$/environ'
    [ -z "$stderr" ] || { echo "$stderr"; false; }
    [ "$(grep -c ^LD_PRELOAD= <<<"$output")" = 1 ]
    [ "$(grep -c ^SEALMEM_IMAGE= <<<"$output")" = 1 ]
    [[ $'\n'$output$'\n' == *$'\n'"LD_PRELOAD=$SHARED/libsealmem-image.so:$DIR/other.so"$'\n'* ]]
}

# A copy of the command, with its object beside it.
install_apart() {
    mkdir -p "$DIR/apart"
    cp "$SEALMEM" "$DIR/apart/sealmem"
    cp "${1:-$SHARED/libsealmem-image.so}" "$DIR/apart/libsealmem-image.so"
}

# The program is not executed without the object.
assert_needs_object() {
    run --separate-stderr -125 "$@" run --image -- echo begun
    assert_refused run "$reason"
}

@test "an object that is not the right one is not preloaded, and the program is not executed" {
    reason="is not the object of this version of sealmem"
    install_apart /dev/null
    assert_needs_object "$DIR/apart/sealmem"
    install_apart "$PRETEND_SEALED"
    assert_needs_object "$DIR/apart/sealmem"
}

@test "if the loader does not preload the object, the program is not executed, unless try is set" {
    install_apart
    # The class of an object for 32 bits.
    printf '\1' | dd of="$DIR/apart/libsealmem-image.so" bs=1 seek=4 conv=notrunc status=none
    reason="its loader does not preload $DIR/apart/libsealmem-image.so: wrong ELF class"
    assert_needs_object "$DIR/apart/sealmem"
    run -0 "$DIR/apart/sealmem" run --image=try -- echo begun
    [[ $output == *begun ]]
    install_apart
    truncate -s 3000 "$DIR/apart/libsealmem-image.so"
    run --separate-stderr -125 "$DIR/apart/sealmem" run --image -- echo begun
    [ -z "$output" ]
}

@test "a program of 32 bits is not executed, unless try is set" {
    need_mseal
    echo 'int main(void) { return 7; }' >"$DIR/narrow.c"
    for how in -pie -static; do
        "$CC" -m32 "$how" -o "$DIR/narrow$how" "$DIR/narrow.c" 2>/dev/null || skip "no 32-bit programs here"
        run "$DIR/narrow$how"
        [ "$status" = 7 ] || skip "this kernel runs no 32-bit programs"
        run --separate-stderr -125 sealmem_run --image -- "$DIR/narrow$how"
        [ -z "$output" ]
        [[ $stderr == *"cannot be sealed: it is built for a different processor than sealmem" ]]
        run -7 sealmem_run --image=try -- "$DIR/narrow$how"
    done
}

@test "a program that finds its libraries by \$ORIGIN is sealed" {
    need_mseal
    mkdir -p "$DIR/origin/lib"
    echo 'int answer(void) { return 42; }' >"$DIR/origin/library.c"
    echo 'int answer(void); int main(void) { return answer() != 42; }' >"$DIR/origin/program.c"
    "$CC" -shared -fPIC -o "$DIR/origin/lib/libanswer.so" "$DIR/origin/library.c"
    "$CC" -o "$DIR/origin/program" "$DIR/origin/program.c" -L"$DIR/origin/lib" -lanswer -Wl,-rpath,'$ORIGIN/lib'
    run -0 "$SEALMEM" run --image=report -- "$DIR/origin/program"
    rm "$DIR/origin/lib/libanswer.so"
    run --separate-stderr -125 "$SEALMEM" run --image -- "$DIR/origin/program"
    [[ $stderr == *libanswer.so* ]]
}

@test "on a file system without execution the object is not preloaded, and the program is not executed" {
    need_mounts
    mkdir "$DIR/noexec"
    install_apart
    run --separate-stderr -125 with_mounts 'mount -t tmpfs -o noexec none "$1"; cp "$2/libsealmem-image.so" "$1"
        mount --bind "$1/libsealmem-image.so" "$2/libsealmem-image.so"; exec "$2/sealmem" run --image -- echo begun' \
        sh "$DIR/noexec" "$DIR/apart"
    assert_refused run "its loader does not preload $DIR/apart/libsealmem-image.so: failed to map segment"
}

@test "the program that is judged is the one that is executed" {
    mkdir "$DIR/first" "$DIR/second"
    compile -static
    cp "$DIR/program" "$DIR/first/program"
    compile
    cp "$DIR/program" "$DIR/second/program"
    chmod 111 "$DIR/first/program"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_SUITE_TMPDIR" "$BATS_TEST_TMPDIR" || true
    cd /
    PATH=$DIR/first:$DIR/second:$PATH run --separate-stderr -125 as_plain_user "$SEALMEM" run --image -- program
    assert_refused run "it may be executed, but not read"
    PATH=$DIR/second:$DIR/first:$PATH run --separate-stderr -9 as_plain_user "$SEALMEM" run --image=report -- program
    [[ $stderr == *"relro CONTENT+ADDRESS"* ]]
    cd "$DIR/second"
    PATH=:$PATH run --separate-stderr -9 as_plain_user "$SEALMEM" run --image=report -- program
    [[ $stderr == *"relro CONTENT+ADDRESS"* ]]
}

@test "an interpreter without a slash is not searched for" {
    mkdir "$DIR/static" "$DIR/dynamic"
    compile -static
    cp "$DIR/program" "$DIR/static/"
    compile
    cp "$DIR/program" "$DIR/dynamic/"
    printf '#!program\n' >"$DIR/script"
    chmod +x "$DIR/script"
    cd "$DIR/static"
    PATH=$DIR/dynamic:$PATH run --separate-stderr -125 "$SEALMEM" run --image=preload -- "$DIR/script"
    assert_refused run "it is linked statically"
}

@test "of two loaders that a program names, the first counts" {
    command -v python3 >/dev/null || skip "no python3"
    compile
    loader=$(readelf -l "$DIR/program" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
    ln -s "$loader" "$DIR/loader"
    compile "-Wl,--dynamic-linker=$DIR/loader"
    python3 -c 'import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
at, count = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
notes = [at + i * 56 for i in range(count) if struct.unpack_from("<I", data, at + i * 56)[0] == 4]
path = sys.argv[2].encode() + bytes(1)
struct.pack_into("<IIQQQQQQ", data, notes[-1], 3, 4, len(data), 0, 0, len(path), len(path), 1)
open(sys.argv[1], "wb").write(data + path)' "$DIR/program" "$loader"
    assert_not_sealed "$DIR/program" "its loader is not that of sealmem" 9
}

@test "--image=try executes a program that its user may execute and not read" {
    compile
    chmod 711 "$DIR/program"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_SUITE_TMPDIR" "$BATS_TEST_TMPDIR" || true
    need_root
    cd /
    assert_not_sealed "$DIR/program" "it may be executed, but not read" 9 as_plain_user
}
