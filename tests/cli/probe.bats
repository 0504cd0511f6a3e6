#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016,SC2314

load helper

GUARANTEES="CONTENT ADDRESS SECRECY NOSWAP NODUMP NOFORK GUARDS"

# The row of a guarantee or setting in $output.
row() {
    grep "^$1 " <<<"$output" | sed 's/  */ /g; s/ $//'
}

# A member of a guarantee or setting in the JSON in $output.
get() {
    jq -r --arg name "$2" ".$1[] | select(.name == \$name) | $3" <<<"$output"
}

assert_unsupported() {
    local guarantee=$1 why=$2 todo=$3

    [[ $(row "$guarantee") == "$guarantee no $why"*"$todo"* ]]
}

@test "each guarantee has one row that says yes or no" {
    run --separate-stderr "$SEALMEM" probe
    [ -z "$stderr" ]
    for guarantee in $GUARANTEES; do
        [ "$(grep -cE "^$guarantee +(yes|no) " <<<"$output")" = 1 ]
    done
}

@test "the row of a supported guarantee names its mechanism" {
    run "$SEALMEM" probe
    [[ $(row CONTENT) == "CONTENT yes memfd + F_SEAL_WRITE" ]]
    [[ $(row NODUMP) == "NODUMP yes MADV_DONTDUMP" ]]
    [[ $(row NOFORK) == "NOFORK yes MADV_DONTFORK" ]]
    [[ $(row GUARDS) == "GUARDS yes PROT_NONE pages" ]]
}

@test "exits 0 if every guarantee is supported, and 1 if one is not" {
    run "$SEALMEM" probe --json
    [ "$(jq '[.guarantees[].given] | all' <<<"$output")" = "$([ "$status" = 0 ] && echo true || echo false)" ]
    run -1 "$FORBID" mseal=ENOSYS -- "$SEALMEM" probe
    grep -qE '^ADDRESS +no ' <<<"$output"
}

@test "SECRECY is supported if the kernel has memfd_secret" {
    run "$SEALMEM" probe
    if grep -qE '^memfd_secret\(2\) +works' <<<"$output"; then
        [ "$(row SECRECY)" = "SECRECY yes memfd_secret(2)" ]
    else
        assert_unsupported SECRECY "memfd_secret(2): " ""
    fi
}

@test "SECRECY on a kernel without memfd_secret names the boot parameter" {
    run -1 "$FORBID" memfd_secret=ENOSYS -- "$SEALMEM" probe
    assert_unsupported SECRECY "memfd_secret(2): Function not implemented" "secretmem.enable=1"
    [[ $(row "memfd_secret(2)") == "memfd_secret(2) Function not implemented"* ]]
}

@test "ADDRESS is supported if the kernel has mseal" {
    run "$SEALMEM" probe
    # mseal(2) has this number on every architecture. With length 0 it does nothing.
    if perl -e 'exit(syscall(462, 0, 0, 0) == 0 ? 0 : 1)'; then
        [ "$(row ADDRESS)" = "ADDRESS yes mseal(2)" ]
    else
        assert_unsupported ADDRESS "mseal(2): Function not implemented" "needs Linux 6.10 or later"
    fi
}

@test "ADDRESS on a kernel without mseal names the version that has it" {
    run -1 "$FORBID" mseal=ENOSYS -- "$SEALMEM" probe
    assert_unsupported ADDRESS "mseal(2): Function not implemented" "needs Linux 6.10 or later"
    [[ $(row CONTENT) == "CONTENT yes "* ]]
}

@test "ADDRESS in a sandbox names the sandbox" {
    run -1 "$FORBID" mseal=EPERM -- "$SEALMEM" probe
    assert_unsupported ADDRESS "mseal(2): Operation not permitted" "allow mseal(2) in its profile"
}

@test "without memfd_create the guarantees that rest on CONTENT say so" {
    run -1 "$FORBID" memfd_create=ENOSYS -- "$SEALMEM" probe
    assert_unsupported CONTENT "memfd_create(2): Function not implemented" "needs Linux 3.17"
    assert_unsupported GUARDS "rests on CONTENT" "see CONTENT"
    assert_unsupported NODUMP "rests on CONTENT" "see CONTENT"
}

@test "a forbidden madvise makes CONTENT unsupported, because a child must not inherit an open region" {
    run -1 "$FORBID" madvise=EPERM -- "$SEALMEM" probe
    assert_unsupported CONTENT "MADV_DONTFORK: Operation not permitted" "allow MADV_DONTFORK in its profile"
    assert_unsupported NODUMP "MADV_DONTDUMP: Operation not permitted" "allow MADV_DONTDUMP in its profile"
    assert_unsupported NOFORK "MADV_DONTFORK: Operation not permitted" "allow MADV_DONTFORK in its profile"
    assert_unsupported GUARDS "rests on CONTENT" "see CONTENT"
}

@test "forbidden seals make CONTENT unsupported" {
    run -1 "$FORBID" add_seals=EPERM -- "$SEALMEM" probe
    assert_unsupported CONTENT "F_ADD_SEALS: Operation not permitted" "allow F_ADD_SEALS in its profile"
}

@test "a forbidden mlock makes NOSWAP unsupported" {
    run -1 "$FORBID" mlock=ENOSYS -- "$SEALMEM" probe
    assert_unsupported NOSWAP "mlock(2): Function not implemented" ""
}

@test "a lack of memory is told apart from a missing feature" {
    run -1 "$FORBID" memfd_create=ENOMEM -- "$SEALMEM" probe
    assert_unsupported CONTENT "out of memory" "vm.max_map_count"
}

@test "a lack of descriptors names the limit" {
    run -1 with_descriptors 4 "$SEALMEM" probe
    assert_unsupported CONTENT "too many open files: RLIMIT_NOFILE" "ulimit -n"
    run with_descriptors 5 "$SEALMEM" probe
    [[ $(row CONTENT) == "CONTENT yes "* ]]
}

@test "RLIMIT_MEMLOCK of 0 makes NOSWAP unsupported for a plain user, and the row says what to raise" {
    run -1 as_plain_user bash -c 'ulimit -l 0; exec "$@"' bash "$SEALMEM" probe
    assert_unsupported NOSWAP "RLIMIT_MEMLOCK is too low" "ulimit -l"
    [[ $(row RLIMIT_MEMLOCK) == "RLIMIT_MEMLOCK 0 bytes NOSWAP is unsupported"* ]]
}

@test "RLIMIT_MEMLOCK of one page is too little for NOSWAP, of two it is enough" {
    page=$(($(getconf PAGESIZE) / 1024))
    run -1 as_plain_user bash -c "ulimit -l $page;"' exec "$@"' bash "$SEALMEM" probe
    assert_unsupported NOSWAP "RLIMIT_MEMLOCK is too low" "ulimit -l"
    [[ $(row RLIMIT_MEMLOCK) == *"NOSWAP is unsupported"* ]]
    run as_plain_user bash -c "ulimit -l $((2 * page));"' exec "$@"' bash "$SEALMEM" probe
    [ "$(row NOSWAP)" = "NOSWAP yes mlock(2)" ]
    [[ $(row RLIMIT_MEMLOCK) == *"NOSWAP for $page KiB"* ]]
}

@test "RLIMIT_MEMLOCK does not bind root with CAP_IPC_LOCK" {
    need_root
    setpriv --bounding-set +ipc_lock true 2>/dev/null || skip "no CAP_IPC_LOCK"
    run bash -c 'ulimit -l 0; exec "$@"' bash "$SEALMEM" probe
    [ "$(row NOSWAP)" = "NOSWAP yes mlock(2)" ]
    [[ $(row RLIMIT_MEMLOCK) == "RLIMIT_MEMLOCK 0 bytes no limit on NOSWAP for this process" ]]
}

@test "RLIMIT_MEMLOCK binds root without CAP_IPC_LOCK" {
    need_root
    run setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock \
        bash -c 'ulimit -l 0; exec "$@"' bash "$SEALMEM" probe
    assert_unsupported NOSWAP "RLIMIT_MEMLOCK is too low" ""
    [[ $(row RLIMIT_MEMLOCK) == *"NOSWAP is unsupported"* ]]
}

@test "settings show what the kernel shows" {
    run "$SEALMEM" probe --json
    [ "$(get settings kernel .value)" = "$(uname -r)" ]
    [ "$(get settings machine .value)" = "$(uname -m)" ]
    [ "$(get settings "page size" .value)" = "$(getconf PAGESIZE)" ]
    [ "$(get settings RLIMIT_NOFILE .value)" = "$(ulimit -n)" ]
    [ "$(get settings vm.max_map_count .value)" = "$(cat /proc/sys/vm/max_map_count)" ]
    [ "$(get settings no_new_privs .value)" = "$(sed -n 's/^NoNewPrivs:\t//p' /proc/self/status)" ]
}

@test "an unlimited limit is called unlimited" {
    bash -c 'ulimit -l unlimited' 2>/dev/null || skip "limits cannot be raised here"
    run bash -c 'ulimit -l unlimited; exec "$@"' bash "$SEALMEM" probe
    [[ $(row RLIMIT_MEMLOCK) == "RLIMIT_MEMLOCK unlimited no limit on NOSWAP"* ]]
    run bash -c 'ulimit -l unlimited; exec "$@"' bash "$SEALMEM" probe --json
    [ "$(get settings RLIMIT_MEMLOCK .value)" = unlimited ]
}

@test "vm.memfd_noexec is shown with its effect" {
    need_mounts
    [ -e /proc/sys/vm/memfd_noexec ] || skip "no vm.memfd_noexec"
    for value in 1 2; do
        run unshare --pid --fork --mount-proc \
            sh -c 'echo '$value' >/proc/sys/vm/memfd_noexec; exec "$@"' sh "$SEALMEM" probe
        [[ $(row vm.memfd_noexec) == "vm.memfd_noexec $value "*executable* ]]
        [[ $(row CONTENT) == "CONTENT yes "* ]]
    done
}

# Runs the command with a different kernel command line.
with_command_line() {
    printf '%s\n' "$1" >"$BATS_TEST_TMPDIR/cmdline"
    shift
    with_mounts 'mount --bind "$0" /proc/cmdline; exec "$@"' "$BATS_TEST_TMPDIR/cmdline" "$@"
}

@test "proc_mem.force_override is not set if the kernel command line does not have it" {
    need_mounts
    run with_command_line "quiet xproc_mem.force_override=never" "$SEALMEM" probe
    [[ $(row proc_mem.force_override) == *" not set the kernel's default"* ]]
    run with_command_line "quiet" "$SEALMEM" probe --json
    [ "$(get settings proc_mem.force_override .state)" = unset ]
    [ "$(get settings proc_mem.force_override .value)" = null ]
}

@test "proc_mem.force_override comes from the kernel command line, and the last one counts" {
    need_mounts
    run with_command_line "a proc_mem.force_override=always b proc_mem.force_override=never" \
        "$SEALMEM" probe
    [[ $(row proc_mem.force_override) == *" never /proc/PID/mem honours page protection" ]]
}

@test "proc_mem.force_override after -- is for the init process" {
    need_mounts
    run with_command_line "quiet -- proc_mem.force_override=never" "$SEALMEM" probe
    [[ $(row proc_mem.force_override) == *" not set "* ]]
}

@test "a seccomp filter is shown" {
    run -1 "$FORBID" mseal=ENOSYS -- "$SEALMEM" probe
    [[ $(row seccomp) == "seccomp filter "* ]]
    [[ $(row no_new_privs) == "no_new_privs 1 "* ]]
}

@test "no_new_privs is shown" {
    run setpriv --no-new-privs "$SEALMEM" probe
    [[ $(row no_new_privs) == "no_new_privs 1 execve(2) grants no privileges" ]]
}

@test "swap is shown with its size" {
    run "$SEALMEM" probe --json
    [ "$(get settings swap .value)" = $(($(sed -n 's/^SwapTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) * 1024)) ]
}

@test "swap that is there names NOSWAP, and none says that nothing is swapped" {
    need_mounts
    sed 's/^SwapTotal: .*/SwapTotal:       2097152 kB/' /proc/meminfo >"$BATS_TEST_TMPDIR/meminfo"
    run with_mounts 'mount --bind "$0" /proc/meminfo; exec "$@"' "$BATS_TEST_TMPDIR/meminfo" "$SEALMEM" probe
    [[ $(row swap) == "swap 2 GiB NOSWAP keeps memory out of it; root can write the device" ]]
    sed 's/^SwapTotal: .*/SwapTotal:             0 kB/' /proc/meminfo >"$BATS_TEST_TMPDIR/meminfo"
    run with_mounts 'mount --bind "$0" /proc/meminfo; exec "$@"' "$BATS_TEST_TMPDIR/meminfo" "$SEALMEM" probe
    [[ $(row swap) == "swap 0 bytes nothing is swapped" ]]
}

@test "perf_event_paranoid is shown with its effect" {
    need_mounts
    [ -e /proc/sys/kernel/perf_event_paranoid ] || skip "no kernel.perf_event_paranoid"
    for value in -1 2; do
        echo "$value" >"$BATS_TEST_TMPDIR/paranoid"
        run with_mounts 'mount --bind "$0" /proc/sys/kernel/perf_event_paranoid; exec "$@"' \
            "$BATS_TEST_TMPDIR/paranoid" "$SEALMEM" probe
        [[ $(row perf_event_paranoid) == "perf_event_paranoid $value a user may watch "* ]]
    done
    echo 3 >"$BATS_TEST_TMPDIR/paranoid"
    run with_mounts 'mount --bind "$0" /proc/sys/kernel/perf_event_paranoid; exec "$@"' \
        "$BATS_TEST_TMPDIR/paranoid" "$SEALMEM" probe
    [[ $(row perf_event_paranoid) == "perf_event_paranoid 3 kernels of Debian and Ubuntu "* ]]
}

@test "AF_ALG follows the kernel, and the sandbox" {
    run "$SEALMEM" probe
    # The number of the family; packets in sequence.
    if perl -e 'exit(socket(my $socket, 38, 5, 0) ? 0 : 1)'; then
        [[ $(row AF_ALG) == "AF_ALG works pages can be passed "* ]]
    else
        [[ $(row AF_ALG) == "AF_ALG "*" no page gets to the kernel's cryptography that way" ]]
    fi
    run "$FORBID" socket=EPERM -- "$SEALMEM" probe
    [[ $(row AF_ALG) == "AF_ALG Operation not permitted no page "* ]]
}

@test "user namespaces are tried as a plain user" {
    run "$SEALMEM" probe
    if as_plain_user unshare --user --mount true 2>/dev/null; then
        [[ $(row "user namespaces") == "user namespaces works a plain user can reach "* ]]
    else
        [[ $(row "user namespaces") != "user namespaces works "* ]]
    fi
    run "$FORBID" unshare=EPERM -- "$SEALMEM" probe
    [[ $(row "user namespaces") == "user namespaces Operation not permitted parts of the kernel "* ]]
}

@test "a setting that a plain user may not read says so" {
    need_root
    [ -e /sys/module/secretmem/parameters/enable ] || skip "no such setting here"
    run as_plain_user "$SEALMEM" probe
    [[ $(row secretmem.enable) == "secretmem.enable not readable "* ]]
    run as_plain_user "$SEALMEM" probe --json
    [ "$(get settings secretmem.enable .state)" = unreadable ]
    [ "$(get settings secretmem.enable .value)" = null ]
}

@test "without /proc CONTENT is unsupported, and the row says to mount it" {
    need_mounts
    need_no_sanitizer
    run -1 without_proc "$SEALMEM" probe
    assert_unsupported CONTENT "opening /proc/self/fd/N: No such file" "mount -t proc proc /proc"
}

@test "without /proc settings are not readable, instead of not present" {
    need_mounts
    need_no_sanitizer
    run --separate-stderr -1 without_proc "$SEALMEM" probe
    [ -z "$stderr" ]
    for setting in vm.memfd_noexec vm.max_map_count proc_mem.force_override seccomp no_new_privs swap \
        perf_event_paranoid; do
        [[ $(row $setting) == "$setting not readable"* ]]
    done
    [[ $(row /proc/self/fd) == "/proc/self/fd No such file or directory "* ]]
    [[ $(row /proc/self/maps) == "/proc/self/maps No such file or directory "* ]]
}

@test "probe says how a heap guards its objects, and for whom it closes" {
    run --separate-stderr "$SEALMEM" probe --json
    [[ $(get settings MADV_GUARD_INSTALL .effect) == "a guard page of a large object "* ]]
    [[ $(get settings "protection keys" .effect) == "a heap is closed for the "* ]]
    run "$FORBID" guard=EINVAL -- "$SEALMEM" probe --json
    [ "$(get settings MADV_GUARD_INSTALL .effect)" = "a guard page of a large object is a mapping" ]
}

@test "a plain user gets the same guarantees, apart from limits" {
    run "$SEALMEM" probe --json
    expected=$(jq -c '[.guarantees[] | select(.name != "NOSWAP")]' <<<"$output")
    run as_plain_user "$SEALMEM" probe --json
    [ "$(jq -c '[.guarantees[] | select(.name != "NOSWAP")]' <<<"$output")" = "$expected" ]
}

@test "--json is one JSON document that names its version and command" {
    run --separate-stderr "$SEALMEM" probe --json
    [ -z "$stderr" ]
    [ "$(jq -s length <<<"$output")" = 1 ]
    [ "$(jq -c '[.version, .command]' <<<"$output")" = '[1,"probe"]' ]
    [ "sealmem $(jq -r .sealmem <<<"$output")" = "$("$SEALMEM" --version)" ]
    [ "$(jq -c keys <<<"$output")" = '["command","guarantees","met","required","sealmem","settings","version"]' ]
}

@test "--json names every guarantee once, in order" {
    run "$SEALMEM" probe --json
    [ "$(jq -r '[.guarantees[].name] | join(" ")' <<<"$output")" = "$GUARANTEES" ]
}

@test "--json gives every guarantee the same members with the same types" {
    run "$SEALMEM" probe --json
    jq -e '.guarantees | all(
        keys == ["by", "error", "given", "name", "what_to_do", "why_not"] and
        if .given == true
        then (.by | type) == "string" and .error == null and .why_not == null
        else .given == false and .by == null and (.error | test("^E[A-Z0-9]+$"))
             and (.why_not | length) > 0 end)' <<<"$output"
}

@test "--json gives every setting the same members with the same types" {
    run "$SEALMEM" probe --json
    jq -e '.settings | all(
        keys == ["effect", "name", "state", "value"] and
        (.state | IN("found", "absent", "unset", "unreadable")) and
        ((.state == "found") == (.value != null)))' <<<"$output"
    jq -e '.settings[] | select(.name == "page size").value | type == "number"' <<<"$output"
}

@test "--json names the error of an unsupported guarantee" {
    run -1 as_plain_user bash -c 'ulimit -l 0; exec "$@"' bash "$SEALMEM" probe --json
    [ "$(get guarantees NOSWAP .error)" = EAGAIN ]
    run -1 "$FORBID" mseal=EPERM -- "$SEALMEM" probe --json
    [ "$(get guarantees ADDRESS .error)" = EOPNOTSUPP ]
}

@test "--json and the table agree" {
    run "$SEALMEM" probe --json
    json=$(jq -r '.guarantees[] | .name + " " + if .given then "yes" else "no" end' <<<"$output")
    run "$SEALMEM" probe
    [ "$(grep -E '^[A-Z]+ +(yes|no) ' <<<"$output" | awk '{ print $1, $2 }')" = "$json" ]
}

@test "the line in --help that asks for some guarantees works" {
    line=$("$SEALMEM" probe --help | sed -n 's/^  \(sealmem probe --require.*\)/\1/p')
    [ -n "$line" ]
    PATH=$SHARED:$PATH run -1 "$FORBID" mseal=ENOSYS -- bash -c "$line"
    [[ $output == "missing: ADDRESS "* ]]
    line=${line/ADDRESS/NODUMP}
    PATH=$SHARED:$PATH run -0 bash -c "$line"
    [ "$output" = "available: CONTENT, NODUMP" ]
}

@test "there is no colour if standard output is not a terminal" {
    run "$SEALMEM" probe
    [[ $output != *$'\e'* ]]
}

@test "a terminal shows yes in green and no in red" {
    run_on_terminal 200 "$FORBID" mseal=ENOSYS -- "$SEALMEM" probe
    [[ $output == *$'\e[32myes'* ]]
    [[ $output == *$'\e[31mno'* ]]
}

@test "there is no colour with NO_COLOR, or on a dumb terminal" {
    NO_COLOR=1 run_on_terminal 200 "$SEALMEM" probe
    [[ $output == *GUARANTEE* && $output != *$'\e'* ]]
    TERM=dumb run_on_terminal 200 "$SEALMEM" probe
    [[ $output == *GUARANTEE* && $output != *$'\e'* ]]
}

@test "an empty NO_COLOR has no effect" {
    NO_COLOR='' run_on_terminal 200 "$SEALMEM" probe
    [[ $output == *$'\e[32myes'* ]]
}

@test "on a narrow terminal the lines fit, and break between words" {
    run "$SEALMEM" probe
    words=$(tr -s ' ' '\n' <<<"$output" | sort -u)
    for columns in 120 80 60; do
        NO_COLOR=1 run_on_terminal $columns "$SEALMEM" probe
        [ "$(grep -c ".\{$((columns + 1))\}" <<<"$output")" = 0 ]
        [ "$(tr -s ' ' '\n' <<<"$output" | sort -u)" = "$words" ]
    done
}

@test "a terminal that is too narrow for the table shows the same rows as a pipe" {
    run "$SEALMEM" probe
    expected=$output
    for columns in 30 1; do
        NO_COLOR=1 run_on_terminal $columns "$SEALMEM" probe
        [ "$output" = "$expected" ]
    done
}

@test "in a pipe each row is one line" {
    run "$SEALMEM" probe
    [ "$(sed -n '/^GUARANTEE/,/^$/p' <<<"$output" | grep -c .)" = 8 ]
}

@test "wrong options and arguments are errors" {
    run --separate-stderr -2 "$SEALMEM" probe --nonsense
    assert_usage probe "unknown option '--nonsense'"
    run --separate-stderr -2 "$SEALMEM" probe --json=1
    assert_usage probe "option '--json=1' takes no value"
    run --separate-stderr -2 "$SEALMEM" probe word
    assert_usage probe "unexpected argument 'word'"
}

@test "a filter that kills is an answer, not the end of the command" {
    need_no_sanitizer
    run --separate-stderr -1 "$FORBID" mseal=KILL memfd_secret=KILL seccomp=KILL unshare=KILL socket=KILL -- "$SEALMEM" probe
    [[ $output == *$'\n'"ADDRESS   no        mseal(2): Operation not permitted"* ]]
    [[ $output == *$'\n'"SECRECY   no        memfd_secret(2): Operation not permitted"* ]]
    [[ $output == *"CONTENT   yes"* ]]
    [ -z "$stderr" ]
}

@test "--require answers in one line for the guarantees that are asked for" {
    for guarantees in "CONTENT NODUMP" "CONTENT,NODUMP" "NODUMP --require CONTENT"; do
        # shellcheck disable=SC2086
        run --separate-stderr -0 "$FORBID" mseal=ENOSYS -- "$SEALMEM" probe --require $guarantees
        [ "$output" = "available: CONTENT, NODUMP" ]
        [ -z "$stderr" ]
    done
    run --separate-stderr -1 "$FORBID" mseal=ENOSYS memfd_secret=EPERM -- "$SEALMEM" probe --require CONTENT ADDRESS SECRECY
    [ "${#lines[@]}" = 1 ]
    [[ $output == "missing: ADDRESS (mseal(2): Function not implemented): needs Linux 6.10 or later"*"; SECRECY (memfd_secret(2): Operation not permitted): a sandbox"* ]]
    [[ $output != *CONTENT* ]]
}

@test "--require says which limit is too low" {
    need_root
    run -1 alone sh -c 'ulimit -l 0; exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all "$0" probe --require NOSWAP' "$SEALMEM"
    [[ $output == "missing: NOSWAP (RLIMIT_MEMLOCK is too low): raise it: ulimit -l"* ]]
}

@test "--require with JSON says what is required, and whether it is met" {
    run -1 "$FORBID" mseal=ENOSYS -- "$SEALMEM" probe --json --require ADDRESS,CONTENT
    [ "$(jq -c '[.required, .met]' <<<"$output")" = '[["CONTENT","ADDRESS"],false]' ]
    run -0 "$FORBID" mseal=ENOSYS -- "$SEALMEM" probe --json --require GUARDS
    [ "$(jq -c '[.required, .met]' <<<"$output")" = '[["GUARDS"],true]' ]
    run "$SEALMEM" probe --json
    [ "$(jq -c .required <<<"$output")" = "[]" ]
    [ "$(jq .met <<<"$output")" = "$(jq '[.guarantees[].given] | all' <<<"$output")" ]
}

# The address is tried in a child. Only a region that has all of them is sealed in the process itself.
@test "--require demands its guarantees at once" {
    need_no_sanitizer
    "$SEALMEM" probe --quiet --require ADDRESS || skip "this kernel does not give ADDRESS"
    strace -o "$BATS_TEST_TMPDIR/apart" "$SEALMEM" probe --quiet || true
    strace -o "$BATS_TEST_TMPDIR/together" "$SEALMEM" probe --quiet --require ADDRESS GUARDS
    seals() { grep -cE '^(mseal|syscall_0x1ce)\(0x[0-9a-f]*[1-9a-f]' "$1" || true; }
    [ "$(seals "$BATS_TEST_TMPDIR/together")" -gt "$(seals "$BATS_TEST_TMPDIR/apart")" ]
}

@test "--quiet prints nothing, and the status tells" {
    run -1 "$FORBID" mseal=ENOSYS -- "$SEALMEM" probe --quiet
    [ -z "$output" ]
    run -0 "$FORBID" mseal=ENOSYS -- "$SEALMEM" probe --quiet --require CONTENT
    [ -z "$output" ]
    run -1 "$FORBID" mseal=ENOSYS -- "$SEALMEM" probe --quiet --require ADDRESS
    [ -z "$output" ]
    run --separate-stderr -2 "$SEALMEM" probe --quiet --json
    assert_usage probe "--quiet excludes --json"
}

@test "what is no guarantee is an error" {
    for word in nonsense content CONTENT,x "" ,; do
        run --separate-stderr -2 "$SEALMEM" probe --require "$word"
        assert_usage probe "is no guarantee: they are CONTENT, ADDRESS"
    done
    run --separate-stderr -2 "$SEALMEM" probe --require CONTENT nonsense
    assert_usage probe "'nonsense' is no guarantee"
    run --separate-stderr -2 "$SEALMEM" probe CONTENT
    assert_usage probe "unexpected argument 'CONTENT'"
}
