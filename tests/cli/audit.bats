#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016,SC2314

load helper

# shellcheck source=tests/cli/mapped.bash
. "$BATS_TEST_DIRNAME/mapped.bash"

audit() {
    run --separate-stderr -0 "$SEALMEM" audit --json "$target"
    [ -z "$stderr" ]
}

# audit_until_known SCENE [OPTION]...: while any program of the machine may keep a file where nobody can list it, CONTENT of a secret
# is unknown, and other tests are such programs for a while.
audit_until_known() {
    local end=$((SECONDS + 60))

    run --separate-stderr "$SEALMEM" audit --json "${@:2}" "$target"
    while [[ $(of "$1" '.unknown | join(" ")') == *CONTENT* ]] && [ "$SECONDS" -lt "$end" ]; do
        sleep 0.2
        run --separate-stderr "$SEALMEM" audit --json "${@:2}" "$target"
    done
    [ -z "$stderr" ]
}

@test "a sealed memfd has CONTENT, one that lacks a seal has not" {
    need_root
    mapped sealed half-sealed future-sealed unsealed
    audit
    [ "$(guarantees sealed)" = CONTENT ]
    [ "$(of sealed '.seals | join(" ")')" = "write grow shrink" ]
    [ "$(guarantees half-sealed)" = "" ]
    [ "$(guarantees future-sealed)" = "" ]
    [ "$(of unsealed '.seals')" = "[]" ]
    [ "$(guarantees unsealed)" = "" ]
}

# Built with the options, as NAME: what the audit finds in it, in $found, but for the page that only programs of 64 bits
# have.
found_in() {
    local program=$BATS_TEST_TMPDIR/$1

    "$CC" "${@:2}" -D_GNU_SOURCE -o "$program" "$program.c" 2>/dev/null || skip "no 32-bit programs here"
    "$program" >"$program.said" 2>/dev/null 3>&- &
    target=$!
    for _ in {1..100}; do
        [ ! -s "$program.said" ] || break
        kill -0 "$target" 2>/dev/null || skip "this kernel runs no 32-bit programs"
        sleep 0.1
    done
    audit
    kill "$target"
    found=$(jq -c '[.processes[0].mappings[] | select(.name != "[vsyscall]") |
        [.kind, .permissions, .seals, .guarantees, .flags, .mseal]]' <<<"$output")
}

@test "a process of 32 bits has the kinds, guarantees and flags of one of 64 bits" {
    cat >"$BATS_TEST_TMPDIR/narrow.c" <<-'EOF'
	#include <fcntl.h>
	#include <stdio.h>
	#include <sys/mman.h>
	#include <unistd.h>

	int main(void)
	{
	    int fd = memfd_create("mine", MFD_ALLOW_SEALING), size = 1 << 16;

	    if (ftruncate(fd, size) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) != 0)
	        return 1;
	    mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	    syscall(462, mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0), size, 0);
	    puts("ready");
	    fflush(stdout);
	    return pause();
	}
	EOF
    cp "$BATS_TEST_TMPDIR/narrow.c" "$BATS_TEST_TMPDIR/wide.c"
    found_in narrow -m32 -static
    narrow=$found
    found_in wide -static
    wide=$found
    [[ $narrow == *memfd*sealed-private* ]]
    [ "$(jq -c 'map([.[0], .[2], .[3], .[4]]) | unique' <<<"$narrow")" = "$(jq -c 'map([.[0], .[2], .[3], .[4]]) | unique' <<<"$wide")" ]
}

@test "CONTENT by a seal against execution is unknown where the kernel looks for no writers" {
    need_root
    mapped exec-sealed
    audit
    [ "$(of exec-sealed '.seals | join(" ")')" = "write future-write grow shrink exec" ]
    inode=$(of exec-sealed .inode)
    if [ "$(jq "[.processes[0].mappings[] | select(.inode == $inode and (.permissions | contains(\"w\")))] | length" <<<"$output")" = 0 ]; then
        [ "$(guarantees exec-sealed)" = CONTENT ]
    else
        [ "$(guarantees exec-sealed)" = "" ]
        [ "$(of exec-sealed '.unknown | join(" ")')" = CONTENT ]
    fi
}

@test "a private mapping of a sealed memfd has no CONTENT and is flagged" {
    need_root
    mapped private sealed
    audit
    [ "$(guarantees private)" = "" ]
    [ "$(flags private)" = sealed-private ]
    [ "$(flags sealed)" = "" ]
}

@test "the audit sees every guarantee of a region" {
    need_root
    mapped whole-region content-region
    audit
    [ "$(guarantees whole-region)" = "CONTENT ADDRESS NOSWAP NODUMP NOFORK GUARDS" ]
    [ "$(of whole-region .mseal)" = true ]
    [ "$(guarantees content-region)" = CONTENT ]
    [ "$(of content-region .name)" = "/memfd:sealmem:region (deleted)" ]
}

@test "a secret has SECRECY, and CONTENT when its address is sealed and its descriptor closed" {
    mapped secret-region open-secret
    audit_until_known secret-region
    [ "$(guarantees secret-region)" = "CONTENT ADDRESS SECRECY NOSWAP NODUMP NOFORK" ]
    [ "$(guarantees open-secret)" = "SECRECY NOSWAP NODUMP NOFORK" ]
    [ "$(of open-secret .kind)" = secret ]
    [ "$(flags open-secret)" = "" ]
}

@test "a secret that can be written in another way has no CONTENT" {
    mapped closed-secret secret-of-child secret-mapped-twice secret-mapped-to-read secret-of-thread
    audit_until_known closed-secret
    [[ $(guarantees closed-secret) == "CONTENT ADDRESS SECRECY"* ]]
    for scene in secret-mapped-twice secret-mapped-to-read secret-of-child secret-of-thread; do
        [[ $(guarantees "$scene") == "ADDRESS SECRECY"* ]]
        [ "$(of "$scene" '.unknown | length')" = 0 ]
    done
    [ "$(of secret-mapped-twice '.holders[].how | join(", ")')" = "mapping, writable mapping" ]
    [ "$(of secret-of-thread '.holders[].how | join(", ")')" = "mapping, descriptor, writable descriptor" ]
    [ "$(of secret-of-child '.holders | length')" = 2 ]
    run -1 "$SEALMEM" audit --require secret:CONTENT "$target"
}

@test "where a file may be open in a way that nobody can list, CONTENT of secrets is unknown" {
    mapped secret-on-the-way
    audit
    [[ $(guarantees secret-on-the-way) == "ADDRESS SECRECY"* ]]
    [ "$(of secret-on-the-way '.unknown | join(" ")')" = CONTENT ]
    [ "$(jq '.processes[0].descriptors_known' <<<"$output")" = false ]
    run -1 "$SEALMEM" audit --require secret:CONTENT "$target"
}

@test "where an io_uring may keep a file, CONTENT of secrets is unknown" {
    mapped secret-in-ring
    audit
    [[ $(guarantees secret-in-ring) == "ADDRESS SECRECY"* ]]
    [ "$(of secret-in-ring '.unknown | join(" ")')" = CONTENT ]
    run -1 "$SEALMEM" audit --require secret:CONTENT "$target"
}

@test "an io_uring that keeps no file leaves a secret its CONTENT" {
    mapped secret-beside-ring
    audit_until_known secret-beside-ring
    [[ $(guarantees secret-beside-ring) == "CONTENT ADDRESS SECRECY"* ]]
    audit_until_known secret-beside-ring --require secret:CONTENT
    [ "$status" -eq 0 ]
}

@test "a secret that may be dumped is flagged" {
    mapped dumpable-secret
    audit
    [ "$(flags dumpable-secret)" = secret-dumpable ]
    [ "$(guarantees dumpable-secret)" = "SECRECY NOSWAP NOFORK" ]
}

@test "memory that is writable and executable is flagged" {
    mapped write-execute named-heap
    audit
    [ "$(flags write-execute)" = write-execute ]
    [ "$(flags named-heap)" = "" ]
}

@test "code that can be written at another address is flagged, in this process and in another" {
    need_root
    mapped --fork written-code code-beside-data
    audit
    [ "$(flags written-code)" = "write-execute shared-unsealed exec-unsealed" ]
    [ "$(flags code-beside-data)" = "shared-unsealed exec-unsealed" ]
    run -1 "$SEALMEM" audit --require no-write-execute "$target"
    child=$(sed -n 's/^--fork //p' "$places")
    run --separate-stderr -0 "$SEALMEM" audit --json "$child"
    [ "$(flags written-code)" = "write-execute shared-unsealed exec-unsealed" ]
    [ "$(flags code-beside-data)" = "shared-unsealed exec-unsealed" ]
}

@test "an executable memfd without an exec seal is flagged" {
    need_root
    mapped executable sealed
    audit
    [ "$(flags executable)" = exec-unsealed ]
    [ "$(guarantees executable)" = CONTENT ]
}

@test "memory whose address is sealed while it can be written is flagged" {
    mapped sealed-writable
    audit
    [ "$(flags sealed-writable)" = sealed-writable ]
    [ "$(guarantees sealed-writable)" = ADDRESS ]
}

@test "RELRO of a program as it is started is flagged as unsealed" {
    mapped file
    audit
    [ "$(jq -r --arg name "$(readlink -f "$MAPPED")" '.processes[0].mappings[] |
        select(.kind == "relro" and .name == $name).flags | join(" ")' <<<"$output")" = relro-unsealed ]
}

@test "RELRO whose address alone is sealed is flagged as undoable" {
    mapped relro-undoable
    audit
    [ "$(flags relro-undoable)" = relro-undoable ]
    [ "$(guarantees relro-undoable)" = ADDRESS ]
    [ "$(of relro-undoable .kind)" = relro ]
}

# of_program FILTER: what the audit says of the mappings of the file of the program.
of_program() {
    jq -r --arg name "$(readlink -f "$MAPPED")" ".processes[0].mappings[] | select(.name == \$name) | $1" <<<"$output"
}

@test "RELRO of a program whose headers were replaced is unknown, and breaks a rule about RELRO" {
    mapped headers-replaced
    audit
    [[ $(of_program '.flags | join(" ")') == *relro-unknown* ]]
    [ "$(of_program 'select(.permissions == "r-xp").flags | join(" ")')" = relro-unknown ]
    run -1 "$SEALMEM" audit --require no-relro-unknown "$target"
    run -1 "$SEALMEM" audit --require no-relro-undoable "$target"
}

@test "RELRO of a program whose code was replaced too is unknown" {
    mapped code-replaced
    audit
    [ "$(flags code-replaced)" = relro-unknown ]
    [[ $(of_program '.flags | join(" ")') == *relro-unknown* ]]
    run -1 "$SEALMEM" audit --require no-relro-unknown "$target"
}

@test "a program that makes code in memory, or maps some code again, has no unknown RELRO" {
    mapped write-execute executable written-code code-again
    run -0 "$SEALMEM" audit --require no-relro-unknown "$target"
}

@test "RELRO that a sealed memfd has replaced is still RELRO, and not flagged" {
    need_root
    mapped relro-sealed
    audit
    [ "$(of relro-sealed .kind)" = relro ]
    [ "$(guarantees relro-sealed)" = "CONTENT ADDRESS" ]
    [ "$(flags relro-sealed)" = "" ]
}

@test "a memfd that is open and not mapped has a row of its own" {
    mapped held held-open
    audit
    [ "$(guarantees held)" = CONTENT ]
    [ "$(of held '.seals | join(" ")')" = "write grow shrink" ]
    [ "$(of held .size)" = "$(getconf PAGESIZE)" ]
    [ "$(of held-open '.seals | length')" = 0 ]
}

@test "a writable memfd that two processes have is flagged, and the answer says who has it" {
    need_root
    mapped --fork unsealed sealed
    child=$(sed -n 's/^--fork //p' "$places")
    audit
    [ "$(flags unsealed)" = shared-unsealed ]
    [ "$(flags sealed)" = "" ]
    [ "$(of unsealed '[.holders[].pid] | sort | join(" ")')" = "$(printf '%s\n' $target $child | sort -n | tr '\n' ' ' | sed 's/ $//')" ]
    [ "$(of unsealed '.holders[0].how | join(", ")')" = "mapping, writable mapping" ]
    run -0 "$SEALMEM" audit "$target"
    [[ $output == *"/memfd:unsealed (deleted): "*"$child mapped (writable mapping)"* ]]
}

@test "a memfd of one process is not shared" {
    need_root
    mapped unsealed held-open
    audit
    [ "$(flags unsealed)" = "" ]
    [ "$(flags held-open)" = "" ]
}

@test "without privilege the seals of a closed memfd are unknown, never assumed" {
    AS=()
    if am_root; then AS=(setpriv --reuid=65534 --regid=65534 --clear-groups); fi
    mapped sealed held
    run --separate-stderr -0 "${AS[@]}" "$SEALMEM" audit --json "$target"
    [ "$(of sealed .seals_known)" = false ]
    [ "$(of sealed .seals)" = null ]
    [ "$(guarantees sealed)" = "" ]
    [ "$(of sealed '.unknown | join(" ")')" = CONTENT ]
    [ "$(flags sealed)" = seals-unknown ]
    [ "$(guarantees held)" = CONTENT ]
    run -1 "${AS[@]}" "$SEALMEM" audit --require memfd:CONTENT "$target"
    run -1 "${AS[@]}" "$SEALMEM" audit --require no-exec-unsealed "$target"
}

@test "without privilege the audit still finds RELRO" {
    AS=()
    if am_root; then AS=(setpriv --reuid=65534 --regid=65534 --clear-groups); fi
    mapped relro-undoable
    run --separate-stderr -0 "${AS[@]}" "$SEALMEM" audit --json "$target"
    [ "$(flags relro-undoable)" = relro-undoable ]
    [[ $(jq -r '[.processes[0].mappings[] | select(.kind == "relro").name] | join(" ")' <<<"$output") == *libc.so* ]]
}

# stalled [NAME COUNT]: a process with code of a file system that does not answer, or with COUNT mappings of a file NAME.
stalled() {
    need_mounts
    places=$BATS_TEST_TMPDIR/places
    mkdir "$BATS_TEST_TMPDIR/mount"
    mkfifo "$BATS_TEST_TMPDIR/stay"
    "$STALLED" "$BATS_TEST_TMPDIR/mount" "$@" <"$BATS_TEST_TMPDIR/stay" >"$places" 3>&- &
    target=$!
    exec 9>"$BATS_TEST_TMPDIR/stay"
    until [ -s "$places" ]; do
        kill -0 $target || skip "no file system in user space can be mounted here"
        sleep 0.02
    done
}

@test "a file system that does not answer does not stop the audit, and what it holds is unknown" {
    stalled
    run --separate-stderr -0 timeout 10 "$SEALMEM" audit --json "$target"
    [ "$(flags stalled)" = relro-unknown ]
    [[ $(jq -r '[.processes[0].mappings[] | select(.kind == "relro").name] | join(" ")' <<<"$output") == *libc.so* ]]
    run -1 timeout 10 "$SEALMEM" audit --require no-relro-undoable "$target"
    # As long as the file system of the process does not end, the child of the audit does not either.
    seconds=$SECONDS
    run -1 timeout 10 "$SEALMEM" audit --require no-relro-unknown "$target"
    [ $((SECONDS - seconds)) -lt 5 ]
}

# All that such file systems take together has one limit. Where the audit cannot make a memfd, the name alone says which
# file may be one.
@test "many files that do not answer and are called memfds do not stop the audit, and their seals are unknown" {
    for name in "memfd:false (deleted)" "memfd:sealmem:false"; do
        stalled "$name" 12
        seconds=$SECONDS
        run --separate-stderr -0 timeout 30 "$FORBID" memfd_create=EPERM -- "$SEALMEM" audit --json "$target"
        [ $((SECONDS - seconds)) -lt 8 ]
        [ "$(jq '[.processes[0].mappings[] | select(.name | startswith("/memfd:")) | select(.seals_known == false and (.unknown | index("CONTENT")))] | length' <<<"$output")" = 12 ]
        run -1 timeout 30 "$FORBID" memfd_create=EPERM -- "$SEALMEM" audit --require no-seals-unknown "$target"
        exec 9>&-
        wait "$target"
        rm -r "$BATS_TEST_TMPDIR/mount" "$BATS_TEST_TMPDIR/stay" "$places"
    done
}

# In a mount namespace of its own, the user 65534 executes a program that another one replaces by mounting over it.
@test "RELRO of a file that another mount hides is unknown to a plain user" {
    need_mounts
    mkdir "$SHARED/mount"
    places=$BATS_TEST_TMPDIR/places
    mkfifo "$BATS_TEST_TMPDIR/stay"
    # shellcheck disable=SC2016
    with_mounts '
        mount -t tmpfs none "$0" && cp "$1" "$0/mapped"
        setpriv --reuid=65534 --regid=65534 --clear-groups "$0/mapped" file <"$2" >"$3" &
        until [ -s "$3" ]; do sleep 0.02; done
        mount -t tmpfs none "$0" && touch "$0/mapped"
        echo "pid $!" >>"$3"
        wait' "$SHARED/mount" "$MAPPED" "$BATS_TEST_TMPDIR/stay" "$places" 3>&- &
    exec 9>"$BATS_TEST_TMPDIR/stay"
    until grep -q ^pid "$places"; do sleep 0.02; done
    target=$(sed -n 's/^pid //p' "$places")
    run --separate-stderr -0 as_plain_user "$SEALMEM" audit --json "$target"
    [[ $(jq -r '[.processes[0].mappings[] | select(.name | endswith("/mapped")).flags[]] | join(" ")' <<<"$output") == *relro-unknown* ]]
    run -1 as_plain_user "$SEALMEM" audit --require no-relro-unknown "$target"
    # The link to the file itself, which root may follow, leads to the right one.
    run -0 "$SEALMEM" audit --require no-relro-unknown "$target"
}

@test "whatever its name is, one mapping is one line" {
    need_root
    mapped hostile
    run -0 "$SEALMEM" audit "$target"
    [ "$(grep -c 'fffffffff00' <<<"$output")" = 1 ]
    [[ $output == *'/memfd:a\nffffffff000-fffffffff00 r-xs 0 0:1 1 \x1b[2J\xff<&>'* ]]
    [[ $output != *$'\e'* && $output != *$'\xff'* && $output != *$'\u202e'* ]]
    audit
    [[ $(of hostile .name) == *'\x1b[2J\xff<&>"'"'"'"'* ]]
    run -0 "$SEALMEM" audit --raw "$target"
    [ "$(grep -c 'fffffffff00' <<<"$output")" = 1 ]
    "$SEALMEM" audit --svg "$BATS_TEST_TMPDIR/hostile.svg" "$target" >/dev/null
    xmllint --noout "$BATS_TEST_TMPDIR/hostile.svg"
}

@test "a backslash and a line end of a name are escaped once" {
    mapped backslash code-12 line-end
    audit
    [ "$(of backslash .name)" = '/memfd:C:\\x (deleted)' ]
    [ "$(of line-end .name)" = '/memfd:a\nb (deleted)' ]
    run -1 "$SEALMEM" audit --require 'memfd=/memfd:C:\\x*:NOSWAP' --require $'memfd=/memfd:a\nb*:NOSWAP' --json "$target"
    [ "$(jq '.missed_rules | length' <<<"$output")" = 0 ]
    run -0 "$SEALMEM" audit --raw --columns name "$target"
    [[ $output == *'/memfd:C:\x5cx\x20(deleted)'* && $output == *'/memfd:a\x0ab\x20(deleted)'* ]]
    need_root
    # In maps both are the same.
    audit
    [ "$(of code-12 .name)" = '/memfd:a\\012b (deleted)' ]
}

@test "a backslash and a line end in the name of a process are escaped once" {
    for name in 'C:\win' $'two\nlines'; do
        python3 -c 'import ctypes, signal, sys
ctypes.CDLL(None).prctl(15, sys.argv[1].encode(), 0, 0, 0)
print("named", flush=True)
signal.pause()' "$name" >"$BATS_TEST_TMPDIR/said" 3>&- &
        target=$!
        until [ -s "$BATS_TEST_TMPDIR/said" ]; do sleep 0.02; done
        shown=${name//\\/\\\\}
        shown=${shown//$'\n'/\\n}
        audit
        [ "$(jq -r '.processes[0].name' <<<"$output")" = "$shown" ]
        run -0 "$SEALMEM" audit "$target"
        [[ $output == *"$target $shown"* ]]
        kill "$target"
        : >"$BATS_TEST_TMPDIR/said"
    done
}

@test "the name of a mapping does not decide its kind" {
    mapped named-heap file
    audit
    [ "$(of named-heap .kind)" = anon ]
    [ "$(of file .kind)" = file ]
}

@test "memory without a file has the same kind in huge pages" {
    mapped huge huge-shared shared
    audit
    [ "$(of huge .kind)" = anon ]
    [ "$(of huge-shared .kind)" = shared ]
    [ "$(of shared .kind)" = shared ]
    run -1 "$SEALMEM" audit --require anon:ADDRESS --json "$target"
    [ "$(of huge '.broken_rules | join(" ")')" = anon:ADDRESS ]
    run -1 "$SEALMEM" audit --require shared:ADDRESS --json "$target"
    [ "$(of huge-shared '.broken_rules | join(" ")')" = shared:ADDRESS ]
}

@test "code in huge pages that can be written is flagged" {
    mapped huge-write-execute
    audit
    [ "$(of huge-write-execute '.kind + " " + .flags[0]')" = "anon write-execute" ]
    run -1 "$SEALMEM" audit --require no-write-execute "$target"
}

@test "System V shared memory has its kind, and code in it that can be written is flagged" {
    mapped shm-written-code
    audit
    [ "$(of shm-written-code '.kind + " " + .flags[0]')" = "shm write-execute" ]
}

@test "System V shared memory has the same kind and flag in huge pages" {
    need_root
    mapped shm-huge-written-code
    audit
    [ "$(of shm-huge-written-code '.kind + " " + .flags[0]')" = "shm write-execute" ]
}

# In a mount namespace of its own, a file of a tmpfs has the name that the kernel gives to memory.
@test "a file with the name of memory is a file" {
    need_mounts
    places=$BATS_TEST_TMPDIR/places
    mkfifo "$BATS_TEST_TMPDIR/stay"
    # shellcheck disable=SC2016
    with_mounts '
        mount -t tmpfs none /dev && truncate -s 65536 "/dev/zero (deleted)"
        exec python3 -c "
import mmap, os, sys
file = os.open(\"/dev/zero (deleted)\", os.O_RDWR)
memory = mmap.mmap(file, 65536, mmap.MAP_SHARED)
print(os.getpid(), flush=True)
sys.stdin.read()" <"$0" >"$1"' "$BATS_TEST_TMPDIR/stay" "$places" 3>&- &
    exec 9>"$BATS_TEST_TMPDIR/stay"
    until [ -s "$places" ]; do sleep 0.02; done
    target=$(cat "$places")
    run --separate-stderr -0 "$SEALMEM" audit --json "$target"
    [ "$(jq -r '.processes[0].mappings[] | select(.name == "/dev/zero (deleted)").kind' <<<"$output")" = file ]
}

@test "a table ends with the bytes by guarantee" {
    need_root
    mapped sealed content-region
    page=$(($(getconf PAGESIZE) / 1024))
    run -0 "$SEALMEM" audit "$target"
    grep -qE "^1 process, [0-9]+ mappings, .*: CONTENT $((2 * page))K, ADDRESS 0K, SECRECY 0K, .* none of them " <<<"$output"
}

@test "the totals do not depend on which columns are shown" {
    mapped write-execute
    run -0 "$SEALMEM" audit "$target"
    totals=$(grep '^1 process, ' <<<"$output")
    [[ $totals != *"; 0 flagged"* ]]
    run -0 "$SEALMEM" audit --columns address,name "$target"
    [ "$(grep '^1 process, ' <<<"$output")" = "$totals" ]
}

@test "the totals count a flag of a file that is only open" {
    mapped --fork held-open
    run -0 "$SEALMEM" audit --json "$target"
    [ "$(flags held-open)" = shared-unsealed ]
    [ "$(jq .summary.flagged <<<"$output")" = "$(jq '[.processes[].mappings[] | select(.flags != [])] | length' <<<"$output")" ]
}

@test "the totals count the rows with unknown guarantees" {
    AS=()
    if am_root; then AS=(setpriv --reuid=65534 --regid=65534 --clear-groups); fi
    mapped sealed
    run --separate-stderr -0 "${AS[@]}" "$SEALMEM" audit --json "$target"
    [ "$(jq .summary.unknown <<<"$output")" = 1 ]
    run -0 "${AS[@]}" "$SEALMEM" audit "$target"
    [[ $output == *" flagged, 1 with unknown guarantees"* ]]
}

@test "a table is a tree by process" {
    mapped --fork file
    child=$(sed -n 's/^--fork //p' "$places")
    run -0 "$SEALMEM" audit "$target" "$child"
    [ "$(grep -c "^$target mapped" <<<"$output")" = 1 ]
    [ "$(grep -c "^$child mapped" <<<"$output")" = 1 ]
    [ "$(grep -c '^└─' <<<"$output")" = 2 ]
    [[ $output == *"2 processes, "* ]]
}

@test "colour is for terminals" {
    mapped write-execute
    run_on_terminal 200 "$SEALMEM" audit "$target"
    [[ $output == *$'\e[31mwrite-execute'* ]]
    run_on_terminal 200 env NO_COLOR=1 "$SEALMEM" audit "$target"
    [[ $output != *$'\e[3'* ]]
    run -0 "$SEALMEM" audit "$target"
    [[ $output != *$'\e'* ]]
}

@test "--columns chooses, --raw is a line for each mapping" {
    mapped file
    run -0 "$SEALMEM" audit --raw --columns pid,address,SIZE "$target"
    [ "${lines[0]}" = "PID ADDRESS SIZE" ]
    [ "${#lines[@]}" = "$(($(wc -l <"/proc/$target/maps") + 1))" ]
    [ "$(cut -d' ' -f1 <<<"${lines[1]}")" = "$target" ]
    run --separate-stderr -2 "$SEALMEM" audit --columns pid,nonsense "$target"
    assert_usage audit "no column is called 'nonsense': choose from PID PROCESS ADDRESS"
}

@test "--flagged leaves out mappings without a flag" {
    mapped write-execute file
    run -0 "$SEALMEM" audit --json --flagged "$target"
    [ "$(jq '[.processes[].mappings[] | select(.flags == [])] | length' <<<"$output")" = 0 ]
    [ "$(flags write-execute)" = write-execute ]
}

@test "agrees with pmap -XX on every range" {
    need_root
    mapped sealed private write-execute whole-region open-secret sealed-writable relro-undoable
    for pid in $target $$ 1; do
        diff <(pmap -XX "$pid" | awk 'NR > 2 && $1 ~ /^[0-9a-f]+$/ && $2 ~ /^[-rwx]+[sp]$/ {
                sealed = $0 ~ / sl / ? "mseal" : ""
                print $1, $2, $3, substr("0" $4, length($4) - 3), $5, $6 * 1024, sealed }' | sed 's/ $//') \
            <("$SEALMEM" audit --raw --columns address,perm,offset,device,inode,size,seals "$pid" |
                awk 'NR > 1 { print $1, $2, $3, $4, $5, $6, $7 ~ /^mseal/ ? "mseal" : "" }' | sed 's/ $//')
    done
}

@test "--self is the command itself" {
    run -0 "$SEALMEM" audit --self --json
    [ "$(jq -r '.processes[0].name' <<<"$output")" = "${SEALMEM##*/}" ]
}

@test "a command is audited when it is about to exit" {
    run --separate-stderr -0 "$SEALMEM" audit --json -- sh -c 'echo told; echo more >&2; exit 7'
    [ "$(jq -r '.processes[0].name' <<<"$output")" = sh ]
    [ "$stderr" = $'told\nmore' ]
    run -0 "$SEALMEM" audit -- "$MAPPED" write-execute </dev/null
    [[ $output == *write-execute* ]]
    run --separate-stderr -2 "$SEALMEM" audit -- /no/such/program
    assert_error audit "cannot start '/no/such/program': No such file or directory"
}

@test "a process whose first thread has exited is audited by another thread" {
    mapped --leave write-execute
    until grep -q '^State:.Z' "/proc/$target/status"; do sleep 0.02; done
    audit
    [ "$(flags write-execute)" = write-execute ]
    run -1 "$SEALMEM" audit --require no-write-execute "$target"
    run --separate-stderr -1 "$SEALMEM" audit --all --require no-write-execute --json
    [ "$(jq --argjson pid "$target" '[.processes[] | select(.pid == $pid)] | length' <<<"$output")" = 1 ]
}

@test "a command that executes another program in a thread is audited when that one exits" {
    run -0 "$SEALMEM" audit --require no-write-execute -- true
    run -1 "$SEALMEM" audit --require no-write-execute -- "$MAPPED" --execute "$MAPPED"
    [[ $output == *write-execute* ]]
}

@test "a command whose first thread exits is audited when the last one does" {
    run -0 "$SEALMEM" audit --require no-write-execute -- "$MAPPED" --leave file </dev/null
    run -1 "$SEALMEM" audit --require no-write-execute -- "$MAPPED" --outlive
    [[ $output == *write-execute* ]]
}

@test "a command whose threads exit while one ends the process is audited at its end, every time" {
    for _ in $(seq 40); do
        run -1 "$SEALMEM" audit --require no-write-execute -- "$MAPPED" --end-together
        [[ $output == *write-execute* ]]
    done
}

@test "--all reads every process that it may, and says how many it may not" {
    mapped write-execute
    run --separate-stderr -0 "$SEALMEM" audit --all --json
    [ "$(jq --argjson pid "$target" '[.processes[] | select(.pid == $pid)] | length' <<<"$output")" = 1 ]
    need_root
    run --separate-stderr -0 as_plain_user "$SEALMEM" audit --all --json
    [ "$(jq '.skipped.denied > 0' <<<"$output")" = true ]
    [[ $stderr == *" may not be read"* ]]
}

@test "a rule is not met where --all may not read a process" {
    need_mounts
    run --separate-stderr -1 as_plain_user "$SEALMEM" audit --all --require no-secret-dumpable
    [[ $stderr == *" may not be read"*"the rules are not met"* ]]
    run --separate-stderr -0 as_plain_user "$SEALMEM" audit --all
    run --separate-stderr -0 unshare --pid --fork --mount-proc "$SEALMEM" audit --all --require no-secret-dumpable --json
    [ "$(jq .met <<<"$output")" = true ]
    [ "$(jq .skipped.hidden <<<"$output")" = false ]
}

@test "a rule is not met where /proc hides processes" {
    need_mounts
    run --separate-stderr with_hidden_processes \
        setpriv --reuid=65534 --regid=65534 --clear-groups "$SEALMEM" audit --all --require no-secret-dumpable
    [ "$status" != 3 ] || skip "no /proc with hidepid can be mounted here"
    [ "$status" = 1 ]
    [[ $stderr == *"others are hidden"*"the rules are not met"* ]]
    run --separate-stderr -0 with_hidden_processes "$SEALMEM" audit --all --require no-secret-dumpable
    [ -z "$stderr" ]
}

# Seconds of a processor that a command takes: the best of five runs, because others use this machine too.
best_time() {
    local TIMEFORMAT='%U %S'
    for _ in 1 2 3 4 5; do
        { time "$@" >/dev/null 2>&1; } 2>&1
    done | awk '{ print $1 + $2 }' | sort -n | head -n 1
}

@test "--all takes less than a second of a processor for two hundred processes" {
    need_no_sanitizer
    target=""
    for _ in $(seq 200); do
        sleep 60 3>&- &
        sleepers+=($!)
    done
    everything=$(best_time "$SEALMEM" audit --all --raw)
    maps=$(best_time "$SEALMEM" audit --all --raw --columns pid,address,perm,name)
    echo "# $(pgrep -c .) processes: $everything s; with the columns of maps alone: $maps s" >&3
    kill "${sleepers[@]}"
    awk -v time="$everything" 'BEGIN { exit !(time < 1) }'
}

@test "--raw does not read what no column needs" {
    need_no_sanitizer
    mapped large
    run -0 strace -f -e trace=open,openat -o "$BATS_TEST_TMPDIR/trace" \
        "$SEALMEM" audit --raw --columns address,size,perm,name "$target"
    [ "${#lines[@]}" -gt 10000 ]
    grep -q '"maps"' "$BATS_TEST_TMPDIR/trace"
    ! grep -E '"(smaps|map_files.*|fd)"' "$BATS_TEST_TMPDIR/trace"
    everything=$(best_time "$SEALMEM" audit --raw "$target")
    maps=$(best_time "$SEALMEM" audit --raw --columns address,size,perm,name "$target")
    echo "# 10,000 mappings, 128 MiB: $everything s; with the columns of maps alone: $maps s" >&3
}

@test "on a terminal --all shows its progress, unless --no-progress" {
    run_on_terminal 200 "$SEALMEM" audit --all --flagged
    [[ $output == *" processes"*$'\e[K'* ]]
    run_on_terminal 200 "$SEALMEM" audit --all --flagged --no-progress
    [[ $output != *$'\e[K'* ]]
    TERM=dumb run_on_terminal 200 "$SEALMEM" audit --all --flagged
    [[ $output != *$'\e'* ]]
}

@test "a rule that is met exits with 0, a broken one with 1 and shows what breaks it" {
    need_root
    mapped sealed content-region
    run -0 "$SEALMEM" audit --require memfd:CONTENT --require no-write-execute "$target"
    run -1 "$SEALMEM" audit --require memfd:CONTENT,ADDRESS "$target"
    [ "$(grep -c 'memfd:CONTENT,ADDRESS' <<<"$output")" = 2 ]
    [[ $output != *libc.so* ]]
    run -1 "$SEALMEM" audit --require relro:CONTENT "$target"
    [[ $output == *"relro:CONTENT"*libc.so* ]]
    run -1 "$SEALMEM" audit --json --require text:ADDRESS "$target"
    [ "$(jq '[.processes[].mappings[] | .broken_rules == ["text:ADDRESS"] and .kind == "text"] | all' <<<"$output")" = true ]
}

@test "a rule about a flag is broken by a mapping that has it" {
    mapped write-execute
    run -1 "$SEALMEM" audit --require no-write-execute "$target"
    [ "$(grep -c ' no-write-execute' <<<"$output")" = 1 ]
    run -0 "$SEALMEM" audit --require no-secret-dumpable "$target"
}

@test "a rule that names mappings is broken when there are none of that name" {
    need_root
    mapped sealed unsealed
    run -0 "$SEALMEM" audit --require 'memfd=/memfd:sealed*:CONTENT' "$target"
    run -1 "$SEALMEM" audit --require 'memfd=/memfd:unsealed*:CONTENT' "$target"
    run -1 "$SEALMEM" audit --require 'memfd=/memfd:missing*:CONTENT' "$target"
    [[ $output == *"nothing matches the pattern of the rule memfd=/memfd:missing*:CONTENT, so it is not met"* ]]
    run -1 "$SEALMEM" audit --json --require 'memfd=/memfd:missing*:CONTENT' "$target"
    [ "$(jq -r '.missed_rules[]' <<<"$output")" = "memfd=/memfd:missing*:CONTENT" ]
}

@test "a rule names secret memory by its kind, because all of it has the same name" {
    mapped secret-region named-secret
    audit
    [ "$(of secret-region .name)" = "/secretmem (deleted)" ]
    [ "$(of named-secret .name)" = "/secretmem (deleted)" ]
    run -0 "$SEALMEM" audit --require secret:SECRECY,NOSWAP,NODUMP --require 'secret=*:SECRECY' "$target"
    audit_until_known secret-region --require secret:CONTENT,ADDRESS
    [ "$status" -eq 1 ]
    [ "$(of named-secret '.broken_rules | join(" ")')" = secret:CONTENT,ADDRESS ]
    [ "$(of secret-region .start)" = "" ]
    run -1 "$SEALMEM" audit --json --require 'secret=/memfd:sealmem:*:SECRECY' "$target"
    [ "$(jq -c .missed_rules <<<"$output")" = '["secret=/memfd:sealmem:*:SECRECY"]' ]
}

@test "a rule can demand that there is secret memory at all" {
    mapped file
    run -0 "$SEALMEM" audit --require secret:CONTENT "$target"
    run -1 "$SEALMEM" audit --require 'secret=*:CONTENT' "$target"
    [[ $output == *"nothing matches the pattern of the rule secret=*:CONTENT, so it is not met"* ]]
}

@test "rules may come from a file" {
    mapped write-execute
    printf '# what we want\n\n  no-secret-dumpable  # always\nno-write-execute\n' >"$BATS_TEST_TMPDIR/rules"
    run -1 "$SEALMEM" audit --require "@$BATS_TEST_TMPDIR/rules" "$target"
    [[ $output == *no-write-execute* ]]
    run --separate-stderr -2 "$SEALMEM" audit --require "@/no/such/file" "$target"
    assert_error audit "cannot read '/no/such/file': No such file or directory"
    run --separate-stderr -2 "$SEALMEM" audit --require @/ "$target"
    assert_error audit "cannot read '/': Is a directory"
}

@test "a file of rules that requires nothing is an error" {
    printf '# nothing\n' >"$BATS_TEST_TMPDIR/rules"
    run --separate-stderr -2 "$SEALMEM" audit --require "@$BATS_TEST_TMPDIR/rules" --self
    assert_error audit "there is no rule in '$BATS_TEST_TMPDIR/rules': write one on each line"
    printf 'no-write-execute\0\nno-secret-dumpable\n' >"$BATS_TEST_TMPDIR/rules"
    run --separate-stderr -2 "$SEALMEM" audit --require "@$BATS_TEST_TMPDIR/rules" --self
    assert_error audit "rule 'no-write-execute': a zero byte follows"
    echo nonsense >"$BATS_TEST_TMPDIR/rules"
    run --separate-stderr -2 "$SEALMEM" audit --require "@$BATS_TEST_TMPDIR/rules" --self
    assert_error audit "rule 'nonsense': "
}

@test "a text that is no rule is an error" {
    for rule in nonsense memfd: memfd:NONSENSE nonsense:CONTENT no-nonsense memfd:CONTENT, :CONTENT memfd=x; do
        run --separate-stderr -2 "$SEALMEM" audit --require "$rule" 1
        assert_usage audit "rule '$rule': "
    done
}

@test "every kind, guarantee and flag can be required" {
    mapped file
    run -0 "$SEALMEM" audit --help
    kinds=$(sed -n '/^Kinds:/,/^Flags:/{/^Flags/!p}' <<<"$output" | tr -d ',\n' | sed 's/^Kinds: any//')
    flags=$(sed -n '/^Flags:/,/^Columns:/s/^  \([a-z-]*\) .*/\1/p' <<<"$output")
    [ "$(wc -w <<<"$kinds")" -ge 16 ]
    [ "$(wc -w <<<"$flags")" -ge 8 ]
    for rule in $(printf '%s:CONTENT ' $kinds) $(printf 'no-%s ' $flags) \
        any:CONTENT,ADDRESS,SECRECY,NOSWAP,NODUMP,NOFORK,GUARDS; do
        run "$SEALMEM" audit --require "$rule" "$target"
        [ "$status" -le 1 ]
    done
}

@test "--svg draws every mapping, with its name to hover over and a legend" {
    need_root
    mapped sealed whole-region write-execute
    picture=$BATS_TEST_TMPDIR/picture.svg
    run -0 "$SEALMEM" audit --svg "$picture" "$target"
    xmllint --noout "$picture"
    xpath() { xmllint --xpath "$1" "$picture"; }
    [ "$(xpath 'count(//*[local-name()="g"][*[@class="address"]])')" = "$(wc -l <"/proc/$target/maps")" ]
    [ "$(xpath 'count(//*[local-name()="title"][contains(., "/memfd:sealmem:region (deleted)")])')" = 1 ]
    [ "$(xpath 'count(//*[local-name()="g"][*[@class="flagged"]][contains(., "write-execute")])')" = 1 ]
    for word in text relro memfd CONTENT ADDRESS unknown; do
        [ "$(xpath "count(//*[local-name()='text'][. = '$word']) > 0")" = true ]
    done
    run --separate-stderr -2 "$SEALMEM" audit --svg /no/such/directory/x.svg "$target"
    assert_error audit "cannot write '/no/such/directory/x.svg'"
}

@test "--svg draws nothing over anything else" {
    mapped write-execute
    "$SEALMEM" audit --svg "$BATS_TEST_TMPDIR/picture.svg" "$target" >/dev/null
    # The boxes of mappings, top and bottom, in order.
    xmllint --xpath '//*[local-name()="g"][*[@class="address"]]/*[local-name()="rect"][1]' "$BATS_TEST_TMPDIR/picture.svg" |
        sed 's/.* y="\([0-9.]*\)".* height="\([0-9.]*\)".*/\1 \2/' |
        awk '$1 < end { exit 1 } { end = $1 + $2 } END { if (NR < 20) exit 1 }'
}

@test "the processes must be given, and in one way" {
    run --separate-stderr -2 "$SEALMEM" audit
    assert_usage audit "no process is given: name a PID, --all, --self, or -- COMMAND"
    run --separate-stderr -2 "$SEALMEM" audit --all 1
    assert_usage audit "exclude each other"
    run --separate-stderr -2 "$SEALMEM" audit --self -- true
    assert_usage audit "exclude each other"
    run --separate-stderr -2 "$SEALMEM" audit --
    assert_usage audit "no process is given"
    for word in x 0 1x 99999999999; do
        run --separate-stderr -2 "$SEALMEM" audit "$word"
        assert_usage audit "'$word' is not a PID: give a number, or write -- before a command"
    done
    run --separate-stderr -2 "$SEALMEM" audit 4194305
    assert_error audit "process 4194305: there is no such process"
}

@test "a process of another user is an error that says who may read it" {
    need_root
    run --separate-stderr -2 as_plain_user "$SEALMEM" audit $$
    assert_error audit "process $$: permission denied: run this as its user, or as root"
    run -0 "$SEALMEM" audit $$
}

@test "where no process can be read no rule is met" {
    mkdir "$BATS_TEST_TMPDIR/empty"
    run --separate-stderr -2 "$SEALMEM" audit --all --procfs "$BATS_TEST_TMPDIR/empty" --require any:CONTENT
    assert_error audit "no process could be read"
}

@test "without /proc there is no answer" {
    need_mounts
    need_no_sanitizer
    for target in --all --self $$; do
        run --separate-stderr -2 without_proc "$SEALMEM" audit "$target"
        assert_error audit "cannot read '/proc': it is not mounted: mount -t proc proc /proc"
    done
    target=
}

@test "with the /proc of another PID namespace the audit does not take a stranger for itself or for a command" {
    need_mounts
    run -0 unshare --pid --fork --mount-proc "$SEALMEM" audit --self
    run --separate-stderr -2 unshare --pid --fork "$SEALMEM" audit --self
    assert_error audit "/proc is that of another PID namespace: mount that of this one"
    run --separate-stderr -2 unshare --pid --fork "$SEALMEM" audit -- true
    assert_error audit "/proc is that of another PID namespace: mount that of this one"
}

@test "too few descriptors are an error, and no property of processes" {
    run --separate-stderr -2 with_descriptors 5 "$SEALMEM" audit --all --require no-write-execute
    assert_error audit "cannot go on: Too many open files: raise RLIMIT_NOFILE"
}

@test "a thread of the kernel has no memory" {
    need_root
    [ "$(cat /proc/2/comm 2>/dev/null)" = kthreadd ] || skip "no thread of the kernel to be seen"
    run --separate-stderr -2 "$SEALMEM" audit 2
    assert_error audit "process 2: it has no memory of its own"
}

@test "no line of the help is wider than 80 columns, and every option is in it" {
    run -0 "$SEALMEM" audit --help
    [ "$(grep -c '.\{81\}' <<<"$output")" = 0 ]
    for option in all self require flagged json raw columns svg procfs no-progress help; do
        [[ $output == *"--$option"* ]]
    done
}

@test "a filter that kills at calls of the audit does not end it" {
    need_no_sanitizer
    run --separate-stderr -0 "$FORBID" memfd_secret=KILL mseal=KILL kcmp=KILL -- "$SEALMEM" audit --self
    [ -z "$stderr" ]
}
