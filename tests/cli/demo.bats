#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016,SC2314

load helper

# The six lines of the walkthrough, with these contents before and after.
assert_walkthrough() {
    local before=$1 after=${2-$1}

    [ "${#lines[@]}" = 6 ]
    [[ ${lines[0]} =~ ^Memory\ allocated\ at\ 0x[0-9a-f]+$ ]]
    [ "${lines[1]}" = "Original memory contents: $before" ]
    [ "${lines[2]}" = "Memory sealed." ]
    [ "${lines[3]}" = "Attempting to modify sealed memory..." ]
    [ "${lines[4]}" = "Memory contents after modification attempt: $after" ]
    [ "${lines[5]}" = "Memory unmapped." ]
}

# A file of that many bytes.
make_file() {
    head -c "$1" /dev/zero | tr '\0' a >"$BATS_TEST_TMPDIR/file"
}

@test "prints the six lines of the walkthrough, exits 0, and says nothing else" {
    run --separate-stderr -0 "$SEALMEM" demo
    assert_walkthrough "Sensitive Data"
    [ -z "$stderr" ]
    [ "$(printf '%s\n' "$output" | wc -c)" = "$("$SEALMEM" demo | wc -c)" ]
}

@test "the address is page-aligned and not always the same" {
    addresses=
    for _ in 1 2 3 4 5; do
        run -0 "$SEALMEM" demo
        address=${lines[0]##* }
        [ $((address % $(getconf PAGESIZE))) = 0 ]
        addresses+="$address"$'\n'
    done
    [ "$(sort -u <<<"$addresses" | wc -l)" -gt 2 ] || grep -qx 0 /proc/sys/kernel/randomize_va_space
}

@test "works for a plain user" {
    run --separate-stderr -0 as_plain_user "$SEALMEM" demo
    assert_walkthrough "Sensitive Data"
    [ -z "$stderr" ]
}

@test "works if the parent blocks or ignores SIGSEGV" {
    run -0 env --block-signal=SEGV "$SEALMEM" demo
    assert_walkthrough "Sensitive Data"
    run -0 env --ignore-signal=SEGV "$SEALMEM" demo
    assert_walkthrough "Sensitive Data"
}

@test "works if executable memfds are refused" {
    need_mounts
    [ -e /proc/sys/vm/memfd_noexec ] || skip "no vm.memfd_noexec"
    run -0 unshare --pid --fork --mount-proc \
        sh -c 'echo 2 >/proc/sys/vm/memfd_noexec; exec "$@"' sh "$SEALMEM" demo
    assert_walkthrough "Sensitive Data"
}

@test "exits 1 and says so if the store succeeds" {
    run --separate-stderr -1 env LD_PRELOAD="$PRETEND_SEALED" "$SEALMEM" demo
    assert_walkthrough "Sensitive Data" "Modified Data\\x00"
    [[ $stderr == "sealmem: demo: NOT SEALED: the store succeeded" ]]
    [[ $stderr != *$'\n'* ]]
}

@test "exits 1 if the store succeeds and writes the same bytes again" {
    run --separate-stderr -1 env LD_PRELOAD="$PRETEND_SEALED" "$SEALMEM" demo --data "Modified Data"
    assert_walkthrough "Modified Data"
    [[ $stderr == *"the store succeeded"* ]]
}

@test "exits 1 if the store is refused but the bytes change" {
    run --separate-stderr -1 env PRETEND_READ_ONLY=1 LD_PRELOAD="$PRETEND_SEALED" "$SEALMEM" demo
    assert_walkthrough "Sensitive Data" "changedve Data"
    [[ $stderr == "sealmem: demo: NOT SEALED: the store was refused, but the bytes changed" ]]
}

@test "--explain shows that a pretended seal is not one" {
    run -1 env LD_PRELOAD="$PRETEND_SEALED" "$SEALMEM" demo --explain
    [[ $output != *"--- SIGSEGV"* ]]
    run -0 "$SEALMEM" demo --explain
    [[ $output == *"--- SIGSEGV"* ]]
}

@test "--explain keeps the six lines and indents what it adds" {
    run -0 "$SEALMEM" demo --explain
    [ "$(grep -vc '^ ' <<<"$output")" = 6 ]
    mapfile -t lines < <(grep -v '^ ' <<<"$output")
    assert_walkthrough "Sensitive Data"
    [ "$(grep -c '^    ' <<<"$output")" -gt 6 ]
}

@test "--explain says that the published program includes a header that does not exist" {
    run -0 "$SEALMEM" demo --explain
    sed '/^Original/,$d' <<<"$output" | grep -q 'As published: .*header that does not exist'
}

@test "--explain says that the published seal fails with EBUSY" {
    run -0 "$SEALMEM" demo --explain
    sed '1,/^Memory sealed/d; /^Attempting/,$d' <<<"$output" |
        grep -q 'As published: F_SEAL_WRITE fails with EBUSY'
}

@test "--explain says that the published store would kill the process" {
    run -0 "$SEALMEM" demo --explain
    sed '1,/^Attempting/d; /^Memory contents/,$d' <<<"$output" | tr -s '\n ' ' ' |
        grep -q 'As published: .*would kill the process with SIGSEGV'
}

# strace(1) writes some details that the demo does not, and older versions do not know some names. This makes
# both forms equal. It leaves out the calls before the first step, after the last step, and for printing.
traced_calls() {
    local trace=$1 address=$2

    sed -n '/^getpid()/,$p' "$trace" | sed "/^munmap($address,/q" |
        grep -Ev '^(write\(1|brk\(|newfstatat\(1|fstat\(1|ioctl\(1)' |
        sed -E '/^(getrlimit|rt_sigaction|fstat)/s/\{[^}]*\}/{...}/g; s/ +=/ =/
            /^rt_sigprocmask/s/~?\[[^]]*\]/[...]/g
            s/^(pwrite(64|v)\([0-9]+, ).*, ([0-9]+, [0-9]+\))/\1..., \3/
            /^madvise/s/0x16/MADV_POPULATE_READ/
            /^memfd_create/s/\|0x8\)/|MFD_NOEXEC_SEAL)/; /seals/s/\|0x20\)/|F_SEAL_EXEC)/'
}

assert_traced() {
    need_no_sanitizer
    command -v strace >/dev/null || skip "no strace"
    strace -o "$BATS_TEST_TMPDIR/trace" "$@" >"$BATS_TEST_TMPDIR/explained" ||
        skip "tracing is not allowed here"
    sed -nE 's/^    (([a-z0-9_]+\(|---).*)/\1/p' "$BATS_TEST_TMPDIR/explained" \
        >"$BATS_TEST_TMPDIR/listed"
    grep -q '^fcntl(.*F_ADD_SEALS, .*F_SEAL_WRITE' "$BATS_TEST_TMPDIR/listed"
    grep -q '^--- SIGSEGV' "$BATS_TEST_TMPDIR/listed"
    address=$(sed -n 's/^Memory allocated at //p' "$BATS_TEST_TMPDIR/explained")
    diff "$BATS_TEST_TMPDIR/listed" <(traced_calls "$BATS_TEST_TMPDIR/trace" "$address")
}

@test "--explain lists the system calls that strace sees, in order, with arguments and results" {
    assert_traced "$SEALMEM" demo --explain
}

@test "--explain also lists what strace sees if the bytes come from a file" {
    make_file 100000
    assert_traced "$SEALMEM" demo --explain --file "$BATS_TEST_TMPDIR/file"
}

@test "--explain lists no line that is wider than the terminal, if the words allow it" {
    run_on_terminal 80 "$SEALMEM" demo --explain
    [ "$(grep -c '.\{81\}' <<<"$output")" = 0 ]
}

@test "--data seals a text of the user" {
    run -0 "$SEALMEM" demo --data "my own words"
    assert_walkthrough "my own words"
}

@test "--data shows printable characters of the locale as they are" {
    run -0 "$SEALMEM" demo --data "Grüße 世界"
    assert_walkthrough "Grüße 世界"
}

@test "--data shows bytes that are not characters of the locale as escapes" {
    run -0 env LC_ALL=C "$SEALMEM" demo --data "ü"
    assert_walkthrough '\xc3\xbc'
    run -0 "$SEALMEM" demo --data $'\xff'
    assert_walkthrough '\xff'
}

@test "--data shows characters that are invisible or move the cursor as escapes" {
    run -0 "$SEALMEM" demo --data $'a\nb\tc\rd\\e\e[31mf\x7f\u202eg'
    assert_walkthrough 'a\nb\tc\rd\\e\x1b[31mf\x7f\xe2\x80\xaeg'
}

@test "64 bytes are shown whole" {
    run -0 "$SEALMEM" demo --data "$(printf '%064d' 1)"
    assert_walkthrough "$(printf '%064d' 1)"
}

@test "if there are more than 64 bytes, the first of them and the count are shown" {
    run -0 "$SEALMEM" demo --data "$(printf '%065d' 1)"
    assert_walkthrough "$(printf '%064d' 0)... (64 of 65 bytes)"
}

@test "a character is not cut in two" {
    run -0 "$SEALMEM" demo --data "$(printf '%063d' 0)ü!"
    assert_walkthrough "$(printf '%063d' 0)ü... (65 of 66 bytes)"
}

@test "--file seals the bytes of a file" {
    printf 'from a file' >"$BATS_TEST_TMPDIR/file"
    run -0 "$SEALMEM" demo --file "$BATS_TEST_TMPDIR/file"
    assert_walkthrough "from a file"
}

@test "--file accepts any bytes" {
    printf 'a\0b\377\n' >"$BATS_TEST_TMPDIR/file"
    run -0 "$SEALMEM" demo --file "$BATS_TEST_TMPDIR/file"
    assert_walkthrough 'a\x00b\xff\n'
}

@test "--file accepts a program" {
    run -0 "$SEALMEM" demo --file "$(readlink -f /bin/sh)"
    [ "${#lines[@]}" = 6 ]
    [[ ${lines[1]} == "Original memory contents: \\x7fELF"* ]]
}

@test "--file - reads standard input, also in pieces" {
    run -0 sh -c '{ printf one; sleep 0.1; printf two; } | "$@"' sh "$SEALMEM" demo --file -
    assert_walkthrough onetwo
}

@test "--file accepts a file of exactly one page" {
    make_file "$(getconf PAGESIZE)"
    run -0 "$SEALMEM" demo --file "$BATS_TEST_TMPDIR/file"
    assert_walkthrough "$(printf '%064d' 0 | tr 0 a)... (64 of $(getconf PAGESIZE) bytes)"
}

@test "--file accepts 16 MiB and not one byte more" {
    make_file $((16 << 20))
    run -0 "$SEALMEM" demo --file "$BATS_TEST_TMPDIR/file"
    printf b >>"$BATS_TEST_TMPDIR/file"
    run --separate-stderr -2 "$SEALMEM" demo --file "$BATS_TEST_TMPDIR/file"
    assert_error demo "/file' holds more than 16 MiB"
}

@test "--file refuses an endless file" {
    run --separate-stderr -2 "$SEALMEM" demo --file /dev/zero
    assert_error demo "'/dev/zero' holds more than 16 MiB"
}

@test "having nothing to seal is an error" {
    run --separate-stderr -2 "$SEALMEM" demo --data ""
    assert_error demo "there is nothing to seal: '--data' is empty"
    run --separate-stderr -2 "$SEALMEM" demo --file /dev/null
    assert_error demo "there is nothing to seal: '/dev/null' is empty"
    run --separate-stderr -2 sh -c ': | "$@"' sh "$SEALMEM" demo --file -
    assert_error demo "there is nothing to seal: '-' is empty"
}

@test "a file that cannot be read is an error" {
    run --separate-stderr -2 "$SEALMEM" demo --file "$BATS_TEST_TMPDIR/missing"
    assert_error demo "/missing': No such file or directory"
    run --separate-stderr -2 "$SEALMEM" demo --file /
    assert_error demo "cannot read '/': Is a directory"
    run --separate-stderr -2 sh -c '"$@" <&-' sh "$SEALMEM" demo --file -
    assert_error demo "cannot read '-': Bad file descriptor"
}

@test "a file that a plain user may not read is an error" {
    need_root
    install -m 600 /dev/null "$SHARED/private"
    run --separate-stderr -2 as_plain_user "$SEALMEM" demo --file "$SHARED/private"
    assert_error demo "/private': Permission denied"
}

@test "the error for a file name with a line break is one line" {
    run --separate-stderr -2 "$SEALMEM" demo --file $'no\nsuch'
    assert_error demo "cannot read 'no\\nsuch': No such file or directory"
}

@test "--data and --file together are an error" {
    run --separate-stderr -2 "$SEALMEM" demo --data a --file /dev/null
    assert_usage demo "--data and --file cannot be used together"
}

@test "wrong options and arguments are errors" {
    run --separate-stderr -2 "$SEALMEM" demo --nonsense
    assert_usage demo "unknown option '--nonsense'"
    run --separate-stderr -2 "$SEALMEM" demo -x
    assert_usage demo "unknown option '-x'"
    run --separate-stderr -2 "$SEALMEM" demo --data
    assert_usage demo "option '--data' needs a value"
    run --separate-stderr -2 "$SEALMEM" demo --explain=yes
    assert_usage demo "option '--explain=yes' takes no value"
    run --separate-stderr -2 "$SEALMEM" demo word
    assert_usage demo "unexpected argument 'word'"
}

@test "exits 3 without /proc and says to mount it" {
    need_mounts
    need_no_sanitizer
    run --separate-stderr -3 without_proc "$SEALMEM" demo
    assert_error demo "No such file or directory; mount /proc: mount -t proc proc /proc"
}

@test "exits 3 on a kernel without memfd_create and says which one has it" {
    run --separate-stderr -3 "$FORBID" memfd_create=ENOSYS -- "$SEALMEM" demo
    assert_error demo "memfd_create(2): Function not implemented; needs Linux 3.17"
}

@test "exits 3 in a sandbox without memfd_create and says what to allow" {
    run --separate-stderr -3 "$FORBID" memfd_create=EPERM -- "$SEALMEM" demo
    assert_error demo "memfd_create(2): Operation not permitted; a sandbox"
}

@test "exits 3 in a sandbox that forbids seals, after it has allocated the memory" {
    run --separate-stderr -3 "$FORBID" add_seals=EPERM -- "$SEALMEM" demo
    [ "${#lines[@]}" = 2 ]
    [[ $stderr == "sealmem: demo: cannot seal the memory: F_ADD_SEALS: Operation not permitted;"* ]]
}

@test "exits 2 without descriptors and names the limit" {
    run --separate-stderr -2 with_descriptors 4 "$SEALMEM" demo
    assert_error demo "RLIMIT_NOFILE"
    run --separate-stderr -0 with_descriptors 5 "$SEALMEM" demo
    assert_walkthrough "Sensitive Data"
}

@test "exits 2 under a file size limit and names it, without a signal" {
    run -2 sh -c 'ulimit -f 0; exec "$@"' sh "$SEALMEM" demo
    [[ $output == "sealmem: demo: cannot allocate the memory: RLIMIT_FSIZE is too low; "* ]]
}

@test "exits 2 without memory for the mapping" {
    run --separate-stderr -2 "$FORBID" memfd_create=ENOMEM -- "$SEALMEM" demo
    assert_error demo "out of memory"
}
