#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016,SC2314

# The forms of the answer of the audit.

load helper

# shellcheck source=tests/cli/mapped.bash
. "$BATS_TEST_DIRNAME/mapped.bash"

OPENMETRICS=$BATS_TEST_DIRNAME/openmetrics.py
FORMS="table summary json svg openmetrics sarif junit"

# check_form FORM TEXT: whether a strict reader of that form accepts the text.
check_form() {
    case $1 in
    table | summary) [ -n "$2" ] ;;
    json | sarif) jq -e . <<<"$2" >/dev/null ;;
    svg | junit) xmllint --noout - <<<"$2" ;;
    openmetrics) python3 -B "$OPENMETRICS" <<<"$2" ;;
    esac
}

# The value of a metric in $output: metric NAME [LABEL VALUE]
metric() {
    awk -v sample="$1${2:+{$2=\"$3\"\}}" '$1 == sample { print $2 }' <<<"$output"
}

@test "--format gives every form that the help names, and each is accepted by a strict reader" {
    mapped write-execute
    run -0 "$SEALMEM" audit --help
    [ "$(sed -n '/^Forms:/,/^Rules:/s/^  \([a-z]*\) .*/\1/p' <<<"$output" | tr '\n' ' ' | sed 's/ $//')" = "$FORMS" ]
    for form in $FORMS; do
        run --separate-stderr -1 "$SEALMEM" audit --format "$form" --require no-write-execute "$target"
        check_form "$form" "$output"
        [ -z "$stderr" ]
    done
    run --separate-stderr -2 "$SEALMEM" audit --format nonsense "$target"
    assert_usage audit "there is no form 'nonsense': choose one of table, summary, json, svg, openmetrics, sarif, junit"
}

@test "every form answers about all processes, and about those that the audit could not read" {
    need_mounts
    for form in $FORMS; do
        run --separate-stderr -1 as_plain_user "$SEALMEM" audit --all --format "$form" --require no-secret-dumpable
        check_form "$form" "$output"
        [[ $stderr == *" may not be read"*"the rules are not met"* ]]
        case $form in
        json) jq -e '.skipped.denied > 0 and .rules[0].met == false' <<<"$output" ;;
        openmetrics) [ "$(metric sealmem_audit_processes state denied)" -gt 0 ] && [ "$(metric sealmem_audit_met)" = 0 ] ;;
        sarif) [[ $(jq -r '.runs[0].invocations[0].toolExecutionNotifications[0].message.text' <<<"$output") == *"may not be read"* ]] ;;
        junit) [ "$(xmllint --xpath 'string(//testsuites/@errors)' - <<<"$output")" = 1 ] ;;
        esac
    done
}

@test "every form says that /proc hides processes" {
    need_mounts
    for form in json openmetrics sarif junit; do
        run --separate-stderr with_hidden_processes \
            setpriv --reuid=65534 --regid=65534 --clear-groups "$SEALMEM" audit --all --format "$form" --require no-secret-dumpable
        [ "$status" != 3 ] || skip "no /proc with hidepid can be mounted here"
        [ "$status" = 1 ]
        check_form "$form" "$output"
        case $form in
        json) jq -e .skipped.hidden <<<"$output" ;;
        openmetrics) [ "$(metric sealmem_audit_hidden)" = 1 ] && [ "$(metric sealmem_audit_rule_met rule no-secret-dumpable)" = 0 ] ;;
        *) [[ $output == *"others are hidden"* ]] ;;
        esac
    done
}

@test "where no process can be read there is no answer in any form" {
    mkdir "$BATS_TEST_TMPDIR/empty"
    for form in $FORMS; do
        run --separate-stderr -2 "$SEALMEM" audit --all --procfs "$BATS_TEST_TMPDIR/empty" --format "$form" --require any:CONTENT
        assert_error audit "no process could be read"
    done
}

# 2,000 processes with 20 mappings each, every tenth of them with one that is writable and executable.
crowd() {
    python3 - "$1" <<'END'
import os, sys
for pid in range(1, 2001):
    os.makedirs(f"{sys.argv[1]}/{pid}/fd")
    with open(f"{sys.argv[1]}/{pid}/status", "w") as file:
        file.write(f"Name:\tp{pid}\nPid:\t{pid}\nPPid:\t1\nUid:\t0\t0\t0\t0\nVmSize:\t1 kB\n")
    with open(f"{sys.argv[1]}/{pid}/maps", "w") as file:
        for row in range(20):
            write = "w" if pid % 10 == 0 and row == 0 else "-"
            file.write(f"{0x100000 + row * 0x20000:x}-{0x110000 + row * 0x20000:x} r{write}xp 00000000 00:00 0\n")
END
}

@test "every form answers about 2,000 processes" {
    need_no_sanitizer
    crowd "$BATS_TEST_TMPDIR/crowd"
    for form in $FORMS; do
        run --separate-stderr -1 timeout 60 "$SEALMEM" audit --all --procfs "$BATS_TEST_TMPDIR/crowd" --format "$form" --require no-write-execute
        check_form "$form" "$output"
        case $form in
        table | summary) [ "$(grep -c ' no-write-execute' <<<"$output")" = 200 ] ;;
        json) [ "$(jq '[.processes[].mappings[]] | length' <<<"$output")" = 200 ] ;;
        openmetrics) [ "$(metric sealmem_audit_rule_broken_processes rule no-write-execute)" = 200 ] ;;
        sarif) [ "$(jq '.runs[0].results | length' <<<"$output")" = 200 ] ;;
        junit) [ "$(xmllint --xpath 'count(//failure)' - <<<"$output")" = 200 ] ;;
        esac
    done
    # Series do not grow with the processes.
    run -0 "$SEALMEM" audit --all --procfs "$BATS_TEST_TMPDIR/crowd" --format openmetrics
    [ "$(grep -vc '^#' <<<"$output")" -lt 60 ]
    COLUMNS=80 run -0 timeout 60 "$SEALMEM" audit --all --procfs "$BATS_TEST_TMPDIR/crowd"
    [ "$(grep -c '.\{81\}' <<<"$output")" = 0 ]
}

@test "names and rules that nobody expects break no form" {
    mapped hostile
    rule=$'memfd=/\e[2J\xff"<&>\\*]]>\u202e:CONTENT'
    for form in $FORMS; do
        run --separate-stderr -1 "$SEALMEM" audit --format "$form" --require "$rule" --require no-seals-unknown --require any:GUARDS "$target"
        check_form "$form" "$output"
        [[ $output != *$'\e'* && $output != *$'\xff'* && $output != *$'\u202e'* ]]
        [[ $output == *'\x1b[2J'* || $output == *'\\x1b[2J'* ]]
    done
}

@test "a rule that is given twice is one rule" {
    mapped write-execute
    run -1 "$SEALMEM" audit --format sarif --require no-write-execute --require no-write-execute "$target"
    [ "$(jq '.runs[0].tool.driver.rules | length' <<<"$output")" = 1 ]
}

@test "--summary is a line for each process" {
    mapped --fork write-execute
    child=$(sed -n 's/^--fork //p' "$places")
    run -0 "$SEALMEM" audit --summary "$target" "$child"
    [[ ${lines[0]} == *PID*PROCESS*FLAGGED*FLAGS ]]
    [ "$(grep -cE "^ *($target|$child) .*write-execute" <<<"$output")" = 2 ]
    [[ $output == *"2 processes, "* ]]
    run -0 "$SEALMEM" audit --format summary --raw "$target"
    [ "${#lines[@]}" = 2 ]
    run -0 "$SEALMEM" audit --json "$target"
    bytes=$(jq '.processes[0].summary.bytes' <<<"$output")
    flagged=$(jq '.processes[0].summary.flagged' <<<"$output")
    run -0 "$SEALMEM" audit --summary --raw "$target"
    [ "$(awk 'NR == 2 { print $5, $11 }' <<<"$output")" = "$bytes $flagged" ]
}

@test "--summary with a rule shows the processes that break it" {
    mapped write-execute
    run -1 "$SEALMEM" audit --summary --require no-write-execute "$target" $$
    [[ $output == *"$target "*" mapped "*" 1 no-write-execute"* ]]
    [ "$(grep -cE "^ *$$ " <<<"$output")" = 0 ]
    run -0 "$SEALMEM" audit --summary --require no-secret-dumpable "$target"
    [ "$(grep -cE "^ *$target " <<<"$output")" = 0 ]
}

@test "the numbers for a monitor are those of the JSON" {
    mapped write-execute sealed-writable
    run -1 "$SEALMEM" audit --json --require no-write-execute --require memfd:ADDRESS "$target"
    json=$output
    run -1 "$SEALMEM" audit --format openmetrics --require no-write-execute --require memfd:ADDRESS "$target"
    [ "$(metric sealmem_audit_mappings)" = "$(jq .summary.mappings <<<"$json")" ]
    [ "$(metric sealmem_audit_mapped_bytes)" = "$(jq .summary.bytes <<<"$json")" ]
    [ "$(metric sealmem_audit_guaranteed_bytes guarantee ADDRESS)" = "$(jq .summary.ADDRESS <<<"$json")" ]
    [ "$(metric sealmem_audit_flagged flag write-execute)" = 1 ]
    [ "$(metric sealmem_audit_flagged_processes flag sealed-writable)" = 1 ]
    [ "$(metric sealmem_audit_rule_met rule no-write-execute)" = 0 ]
    [ "$(metric sealmem_audit_rule_met rule memfd:ADDRESS)" = 1 ]
    [ "$(metric sealmem_audit_processes state read)" = 1 ]
    [ "$(metric sealmem_audit_met)" = 0 ]
    [[ $output != *"$target"* && $output == *$'\n# EOF' ]]
}

@test "a finding has its rule, its level, its place and a fingerprint without addresses" {
    mapped write-execute
    run -1 "$SEALMEM" audit --format sarif --require no-write-execute --require 'memfd=/memfd:missing*:CONTENT' "$target"
    jq -e --arg pid "$target" '.version == "2.1.0" and (.runs | length) == 1 and (.runs[0] |
        (.tool.driver.rules as $rules | all(.results[]; $rules[.ruleIndex].id == .ruleId and .level == "error" and .message.text != "")) and
        all(.tool.driver.rules[]; .help.text != "" and .shortDescription.text != "" and .defaultConfiguration.level == "error") and
        (.results | length) == 2 and
        (.results[0].locations[0] | .logicalLocations[0].fullyQualifiedName | startswith("mapped[" + $pid + "]/")) and
        (.results[0].locations[0].physicalLocation.address.absoluteAddress | type) == "number" and
        .results[0].partialFingerprints["sealmemMapping/v1"] == "mapped anon rwxp " and
        .results[1].message.text == "nothing matches the pattern of the rule memfd=/memfd:missing*:CONTENT, so it is not met")' <<<"$output"
    run -0 "$SEALMEM" audit --format sarif "$target"
    jq -e '.runs[0] | [.results[].ruleId] | index("write-execute") and index("relro-unsealed")' <<<"$output"
    jq -e '.runs[0] | all(.results[]; .level == "warning")' <<<"$output"
    jq -e '.runs[0] | any(.results[]; .locations[0].physicalLocation.artifactLocation.uri | (. != null and test("^file:///.*libc.so")))' <<<"$output"
}

@test "JUnit has a test case for each rule and process, and the text of each failure" {
    mapped --fork write-execute
    child=$(sed -n 's/^--fork //p' "$places")
    run -1 "$SEALMEM" audit --format junit --require no-write-execute --require no-secret-dumpable \
        --require 'memfd=/memfd:missing*:CONTENT' "$target" "$child"
    xpath() { xmllint --xpath "$1" - <<<"$output"; }
    [ "$(xpath 'count(//testsuite[starts-with(@name, "'"$target"' ") or starts-with(@name, "'"$child"' ")]/testcase)')" = 6 ]
    [ "$(xpath 'count(//testcase)')" = "$(xpath 'string(/testsuites/@tests)')" ]
    [ "$(xpath 'count(//failure)')" = "$(xpath 'string(/testsuites/@failures)')" ]
    [ "$(xpath 'count(//failure)')" = 3 ]
    [[ $(xpath 'string(//testcase[@name="no-write-execute"]/failure)') == "rwxp anon "* ]]
    run --separate-stderr -2 "$SEALMEM" audit --format junit "$target"
    assert_usage audit "junit needs a rule: give --require"
}

@test "a picture goes to standard output, too" {
    mapped write-execute
    run -0 "$SEALMEM" audit --format svg "$target"
    [ "$(xmllint --xpath 'count(//*[local-name()="g"][*[@class="flagged"]][contains(., "write-execute")])' - <<<"$output")" = 1 ]
}

# too_wide COLUMNS: the lines of $output that are wider, without their colours.
too_wide() {
    sed 's/\x1b\[[0-9;]*[a-zA-Z]//g; s/.*\r//' <<<"$output" | grep -c ".\{$(($1 + 1))\}" || true
}

@test "on a terminal no line of a table is wider than the terminal" {
    mapped whole-region write-execute held-open relro-undoable
    for columns in 80 120 60; do
        for option in "" --summary "--require any:ADDRESS" "--columns pid,process,address,end,size,inode,holders,name,seals"; do
            run_on_terminal "$columns" "$SEALMEM" audit "$option" "$target"
            [ "$(too_wide "$columns")" = 0 ]
            [[ $output == *PID* || $output == *ADDRESS* ]]
        done
    done
    run_on_terminal 80 "$SEALMEM" audit "$target"
    [[ $output == *FLAGS*NAME* && $output == *write-execute* && $output == *"…"*libc.so.6* ]]
}

@test "elsewhere a table is as wide as it is, unless COLUMNS says otherwise" {
    mapped write-execute
    name=$(readlink -f "$MAPPED")
    run -0 "$SEALMEM" audit "$target"
    [[ $output == *" $name"* && $output == *SEALS*GUARANTEES*FLAGS*NAME* ]]
    COLUMNS=70 run -0 "$SEALMEM" audit "$target"
    [ "$(too_wide 70)" = 0 ]
    COLUMNS=70 LC_ALL=C run -0 "$SEALMEM" audit "$target"
    [[ $output == *+*libc.so.6* && $output != *…* ]]
    COLUMNS=nonsense run -0 "$SEALMEM" audit "$target"
    [[ $output == *" $name"* ]]
}

@test "--quiet prints nothing, and the status tells" {
    mapped write-execute
    run -1 "$SEALMEM" audit --quiet --require no-write-execute "$target"
    [ -z "$output" ]
    run -0 "$SEALMEM" audit --quiet --require no-secret-dumpable "$target"
    [ -z "$output" ]
    run -0 "$SEALMEM" audit --quiet "$target"
    [ -z "$output" ]
    run --separate-stderr -2 "$SEALMEM" audit --quiet 4194305
    assert_error audit "process 4194305: there is no such process"
    run --separate-stderr -2 "$SEALMEM" audit --quiet --json "$target"
    assert_usage audit "--quiet excludes a form of the answer"
    need_root
    run -1 as_plain_user "$SEALMEM" audit --all --quiet --require no-secret-dumpable
    [ -z "$output" ]
}

@test "there is one form of the answer" {
    run --separate-stderr -2 "$SEALMEM" audit --json --summary --self
    assert_usage audit "json and summary exclude each other: choose one form of the answer"
    run -0 "$SEALMEM" audit --json --format json --self
    for form in summary json svg openmetrics sarif; do
        run --separate-stderr -2 "$SEALMEM" audit --format "$form" --columns pid --self
        assert_usage audit "$form excludes --columns"
    done
    run --separate-stderr -2 "$SEALMEM" audit --json --raw --self
    assert_usage audit "json excludes --raw"
    for options in "--format svg" "--format openmetrics" --raw --quiet "--svg x.svg"; do
        # shellcheck disable=SC2086
        run --separate-stderr -2 "$SEALMEM" audit $options --watch 1 --self
        assert_usage audit "--watch is for table, summary and json"
    done
    run --separate-stderr -2 "$SEALMEM" audit --watch 1 -- true
    assert_usage audit "--watch is for processes that run already"
    for interval in 0 -1 x 1x nan; do
        run --separate-stderr -2 "$SEALMEM" audit --watch "$interval" --self
        assert_usage audit "'$interval' is no interval"
    done
}

# changing: a process that maps memory that is writable and executable when it reads a line, and unmaps it at the next.
changing() {
    mkfifo "$BATS_TEST_TMPDIR/lines"
    python3 -c 'import mmap, sys
print("ready", flush=True)
sys.stdin.readline()
memory = mmap.mmap(-1, 65536, prot=7)
print("mapped", flush=True)
sys.stdin.readline()
memory.close()
print("unmapped", flush=True)
sys.stdin.readline()' <"$BATS_TEST_TMPDIR/lines" >"$BATS_TEST_TMPDIR/said" 3>&- &
    target=$!
    exec 9>"$BATS_TEST_TMPDIR/lines"
    wait_for ready "$BATS_TEST_TMPDIR/said"
}

# wait_for PATTERN FILE
wait_for() {
    for _ in $(seq 1000); do
        ! grep -q -- "$1" "$2" || return 0
        sleep 0.02
    done
    return 1
}

@test "--watch prints what has changed, and ends with the status of the last audit" {
    changing
    log=$BATS_TEST_TMPDIR/log
    : >"$log"
    "$SEALMEM" audit --watch 0.1 --require no-write-execute "$target" >"$log" 3>&- 9>&- &
    watch=$!
    wait_for "^1 process" "$log"
    head -n 1 "$log" | grep -qE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$'
    sleep 0.5
    [ "$(grep -c '^1 process' "$log")" = 1 ]
    echo >&9
    wait_for '^+ .* rwx. .*no-write-execute' "$log"
    kill -TERM "$watch"
    status=0
    wait "$watch" || status=$?
    [ "$status" = 1 ]
    "$SEALMEM" audit --watch 0.1 --summary --require no-write-execute "$target" >"$log" 3>&- 9>&- &
    watch=$!
    wait_for "^1 process" "$log"
    echo >&9
    wait_for "^- *$target .* 1 broken" "$log"
    kill -TERM "$watch"
    wait "$watch"
    [ "$(grep -c $'\e' "$log")" = 0 ]
}

@test "--watch ends when the processes have exited, and at an interrupt" {
    changing
    log=$BATS_TEST_TMPDIR/log
    : >"$log"
    "$SEALMEM" audit --watch 0.1 --require no-write-execute "$target" >"$log" 2>"$log.errors" 3>&- 9>&- &
    watch=$!
    wait_for "^1 process" "$log"
    kill "$target"
    wait "$watch"
    [ ! -s "$log.errors" ]
    run --separate-stderr timeout --preserve-status -s INT 2 "$SEALMEM" audit --watch 0.1 --summary $$
    [ "$status" = 0 ]
    [[ $output == *"1 process, "* ]]
}

@test "--watch with JSON prints a document on each line" {
    mapped write-execute
    run --separate-stderr timeout --preserve-status -s INT 3 "$SEALMEM" audit --watch 0.1 --json --require no-write-execute "$target"
    [ "$status" = 1 ]
    [ "${#lines[@]}" -gt 1 ]
    jq -es 'all(.[]; .met == false and (.time | test("^[0-9-]{10}T[0-9:]{8}Z$")))' <<<"$output"
}

@test "every form and a watch end with an error where the output is lost" {
    mapped file
    for options in "--format table" --summary --json "--format svg" "--format openmetrics" "--format sarif" \
        "--format junit --require no-seals-unknown" "--watch 0.1" "--watch 0.1 --json"; do
        # shellcheck disable=SC2016,SC2086
        run -2 timeout 60 sh -c 'exec "$@" >/dev/full' sh "$SEALMEM" audit $options $$
        [[ $output == *"cannot write to standard output: No space left on device"* ]]
    done
}

@test "a watch ends where nobody reads" {
    mapped file
    timeout 60 "$SEALMEM" audit --watch 0.1 --json "$target" | head -n 1 | jq -e .met
}
