#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016,SC2314

load helper

# The names of the attacks in the table of $output.
rows() {
    sed -n '2,/^$/p' <<<"$output" | awk 'NF { print $1 }'
}

# The counts at the end, which may take two lines.
summary() {
    tail -n 2 <<<"$output"
}

# The rows of the brief form, with the words of its legend in the place of letters. Columns that do not fit are in
# another table, which starts with the attack and the control again.
spell_out() {
    awk '/^ATTACK / { inside = 1; from = parts++ ? 3 : 2; next }
        /^$/ { inside = 0 }
        inside && !($1 in cells) { names[++rows] = $1 }
        inside { for (i = from; i <= NF; i++) cells[$1] = cells[$1] " " $i }
        /^  [^ ]    [A-Za-z]/ { word[$1] = $2 }
        END { for (n = 1; n <= rows; n++) {
            line = names[n]
            count = split(cells[line], letters)
            for (i = 1; i <= count; i++) line = line " " word[letters[i]]
            print line } }'
}

# The answer about everything; one run serves all tests.
everything() {
    local answer=$BATS_FILE_TMPDIR/everything.json

    [ -e "$answer" ] || "$SEALMEM" attack --json >"$answer" || [ $? = 1 ]
    run -0 cat "$answer"
}

# The outcome in the JSON of $output: outcome ATTACK COLUMN.
outcome() {
    jq -r --arg attack "$1" --arg column "$2" '.attacks[] | select(.name == $attack) |
        .results[] | select(.column == $column).outcome' <<<"$output"
}

# What a sandbox has to forbid, so that no column of ours is available: regions need a memfd, heaps need secret or locked
# memory.
NOTHING_OF_OURS=(memfd_create=ENOSYS memfd_secret=ENOSYS mlock=ENOSYS mlock2=ENOSYS)

@test "every promise holds on this machine" {
    run --separate-stderr -0 "$SEALMEM" attack
    [ -z "$stderr" ]
    [[ $(summary) == *" 0 promises broken, "* ]]
    [[ $output != *"Broken promises"* ]]
}

@test "every promise holds for a plain user, without the attacks that need root" {
    run --separate-stderr -0 as_plain_user "$SEALMEM" attack
    [ -z "$stderr" ]
    [[ $(summary) == *" 0 promises broken, "* ]]
    grep -q '^  needs root (' <<<"$output"
}

@test "there are at least forty attacks, each in one row with the control" {
    run "$SEALMEM" attack --column mprotect
    [ "$(rows | wc -l)" -ge 40 ]
    [ "$(rows | sort | uniq -d)" = "" ]
    [[ ${lines[0]} == "ATTACK "*" unsealed "* ]]
    [ "$(rows)" = "$("$SEALMEM" attack --list --json | jq -r '.attacks[].name')" ]
}

@test "no line is wider than 80 columns where there is no terminal" {
    run -0 "$SEALMEM" attack
    [ "$(awk 'length($0) > 80' <<<"$output")" = "" ]
    # With all that is told about columns that are not available.
    run -3 "$FORBID" "${NOTHING_OF_OURS[@]}" -- "$SEALMEM" attack --only 'm*'
    [ "$(awk 'length($0) > 80' <<<"$output")" = "" ]
}

@test "where the words do not fit each cell is a letter, and the legend has its word" {
    run -0 "$SEALMEM" attack --only proc-self-mem --only munmap
    brief=$output
    [[ ${lines[0]} =~ ^ATTACK\ +none\ mpr\ .*\ CONT\  ]]
    [[ $brief =~ $'\n'"With COLUMNS="([0-9]+)" each cell is a word, with its errno:" ]]
    wide=${BASH_REMATCH[1]}
    run -0 env COLUMNS="$((wide - 1))" "$SEALMEM" attack --only proc-self-mem --only munmap
    [[ ${lines[0]} =~ ^ATTACK\ +none\  ]]
    run -0 env COLUMNS="$wide" "$SEALMEM" attack --only proc-self-mem --only munmap
    [[ ${lines[0]} =~ ^ATTACK\ +unsealed\ +mprotect\  ]]
    [ "$(spell_out <<<"$brief")" = "$(grep -o '^proc-self-mem .*\|^munmap .*' <<<"$output" | sed 's/ E[A-Z]*//g' | tr -s ' ')" ]
}

@test "where the letters do not fit the last columns follow in a table of their own" {
    run -0 env COLUMNS=40 "$SEALMEM" attack --only store --only munmap
    parts=$(grep '^ATTACK ' <<<"$output")
    [ "$(wc -l <<<"$parts")" -gt 1 ]
    [ "$(awk 'length($0) > 40' <<<"$parts")" = "" ]
    [ "$(grep -c '^munmap ' <<<"$output")" = "$(wc -l <<<"$parts")" ]
    # Each column is there once.
    shown=$(awk '{ for (i = 3; i <= NF; i++) print $i }' <<<"$parts")
    [ "$(sort <<<"$shown" | uniq -d)" = "" ]
    run -0 "$SEALMEM" attack --only store --only munmap --json
    [ "$(wc -l <<<"$shown")" = "$(jq '[.columns[] | select(.given)] | length' <<<"$output")" ]
}

@test "on a terminal the table is as wide as that" {
    run_on_terminal 70 "$SEALMEM" attack --only store --no-progress
    output=$(sed 's/\x1b\[[0-9;]*m//g' <<<"$output")
    [[ $output == *"ATTACK none mpr "* ]]
    [ "$(awk 'length($0) > 70' <<<"$output")" = "" ]
    run_on_terminal 200 "$SEALMEM" attack --only store --no-progress
    [[ $output == *"ATTACK unsealed mprotect "* ]]
}

@test "the table shows attacks that nobody promised to stop, and they are no failure" {
    run -0 "$SEALMEM" attack --only mprotect --only munmap --json
    [ "$(outcome mprotect mprotect)" = CHANGED ]
    [ "$(outcome mprotect private-memfd)" = CHANGED ]
    [ "$(outcome munmap content)" = DESTROYED ]
    [ "$(jq '.summary.not_promised > 0' <<<"$output")" = true ]
}

@test "a heap finds its objects' neighbours overrun, and keeps what it closed or freed" {
    everything
    for column in heap-open heap-closed heap-freed; do
        jq -e --arg column "$column" '.columns[] | select(.name == $column).given' <<<"$output" ||
            skip "no column $column here"
    done
    for attack in overflow-byte overflow-page underflow-byte underflow-page bookkeeping-after free-twice; do
        [ "$(jq -r --arg attack "$attack" '.attacks[] | select(.name == $attack).unsealed.outcome' <<<"$output")" = CHANGED ]
        [ "$(outcome "$attack" heap-open)" = found ]
        [ "$(outcome "$attack" content)" = n/a ]
    done
    [ "$(outcome store heap-open)" = CHANGED ]
    [ "$(outcome store heap-closed)" = held ]
    [ "$(outcome load heap-closed)" = held ]
    [ "$(outcome mprotect heap-closed)" = CHANGED ]
    [ "$(outcome freed-store heap-freed)" = found ]
    [ "$(outcome freed-scan heap-freed)" = held ]
    [ "$(outcome munmap heap-open)" = held ]
}

@test "a heap with ADDRESS can be closed with protection keys, and is not tried without" {
    run "$SEALMEM" attack --json --only load --only wrpkru --column heap-key
    column=$(jq -r '.columns[] | select(.name == "heap-key") | "\(.given) \(.error)"' <<<"$output")
    if grep -qw ospke /proc/cpuinfo; then
        [ "$column" = "true null" ] || skip "no column heap-key here"
        [ "$(outcome load heap-key)" = held ]
        [ "$(outcome wrpkru heap-key)" = LEAKED ]
    else
        [ "$column" = "false EOPNOTSUPP" ]
        [ "$(jq -r '.attacks[] | select(.name == "wrpkru").unsealed.reason' <<<"$output")" = "no protection keys" ]
    fi
}

@test "a false seal is a broken promise and exits 1" {
    need_no_sanitizer
    run --separate-stderr -1 env LD_PRELOAD="$PRETEND_SEALED" "$SEALMEM" attack --only store \
        --column content
    [[ $(grep '^store ' <<<"$output") == *" CHANGED!" ]]
    grep -qx "  store, CONTENT: CHANGED!.*" <<<"$output"
    [[ $(summary) == *" 1 promises broken, "* ]]
    [ -z "$stderr" ]
}

@test "it exits 3 and says why if no column of ours is available" {
    run --separate-stderr -3 "$FORBID" "${NOTHING_OF_OURS[@]}" -- "$SEALMEM" attack --only store
    [[ $output == *"not here: cannot open the memory: Operation not supported"* ]]
    [ -z "$stderr" ]
}

@test "a column of others that is unavailable is no failure" {
    run --separate-stderr -0 "$FORBID" mseal=ENOSYS -- "$SEALMEM" attack --only store \
        --column mseal --column content
    [[ $output == *"not here: the seal is refused: Function not implemented"* ]]
    [[ ${lines[0]} != *mseal* ]]
}

# One column is sealed in place, the other is mapped where everything is sealed.
@test "emulated addresses keep every promise" {
    run --separate-stderr -0 "$FORBID" mseal=ENOSYS -- "$SEALMEM" attack --json --no-progress \
        --column address --column bytes
    [ "$(grep -c '"emulated": true' <<<"$output")" -eq 2 ]
    [ -z "$stderr" ]
    run -0 "$FORBID" mseal=ENOSYS -- "$SEALMEM" attack --no-progress --column address --column bytes
    [[ $(summary) == *" 0 promises broken, "* ]]
}

@test "without a column of ours there is nothing to break" {
    run -0 "$SEALMEM" attack --only store --column mprotect
    [[ $(summary) == *" 0 held, 0 promises broken, "* ]]
}

@test "an attack that a sandbox refuses on unsealed memory is not applicable" {
    run -0 "$FORBID" madvise=EPERM -- "$SEALMEM" attack --only madvise-dontneed --column private-memfd
    [[ $(grep '^madvise-dontneed ' <<<"$output") =~ "held EPERM" ]]
    [[ $(grep '^madvise-dontneed ' <<<"$output") =~ "n/a"$ ]]
    [[ $output == *"does nothing to unsealed memory here either"* ]]
}

@test "--list shows every attack and column and tries none" {
    run --separate-stderr -0 "$SEALMEM" attack --list
    [ -z "$stderr" ]
    [[ ${lines[0]} =~ ^ATTACK\ +AGAINST\ +FROM\ +WHAT\ +SYSTEM\ CALLS$ ]]
    [ "$(rows | wc -l)" -ge 40 ]
    grep -qE '^munmap +address +self +unmap it +munmap$' <<<"$output"
    grep -qE '^content +CONTENT +a region with CONTENT +content$' <<<"$output"
    [[ $output != *held* ]]
}

@test "--list --json has the same as the table, for programs" {
    run -0 "$SEALMEM" attack --list --json
    [ "$(jq -r '[.version, .command] | join(" ")' <<<"$output")" = "1 attack" ]
    jq -e '.attacks | all(
        keys == ["against", "from", "known_gap", "name", "summary", "system_calls"] and
        (.against | IN("content", "address", "secrecy", "availability", "access", "heap")))' <<<"$output"
    jq -e '.columns | all(keys == ["name", "promises", "summary", "title"])' <<<"$output"
    expected=$(jq -r '.attacks[].name' <<<"$output")
    run -0 "$SEALMEM" attack --list
    [ "$(rows)" = "$expected" ]
}

@test "--only NAME tries that attack alone" {
    run -0 "$SEALMEM" attack --only munmap
    [ "$(rows)" = munmap ]
}

@test "--only takes a pattern, and may be repeated" {
    run -0 "$SEALMEM" attack --only 'mremap-*' --only store --column content
    [ "$(rows | wc -l)" -gt 4 ]
    [ "$(rows | grep -vc '^mremap-')" = 1 ]
    rows | grep -qx store
}

@test "--column NAME tries that column alone" {
    run -0 "$SEALMEM" attack --only store --column content
    [[ ${lines[0]} =~ ^ATTACK\ +unsealed\ +CONTENT$ ]]
}

@test "a name that matches no attack is an error" {
    run --separate-stderr -2 "$SEALMEM" attack --only nonsense
    assert_usage attack "no attack is called 'nonsense': --list shows them"
    run --separate-stderr -2 "$SEALMEM" attack --only store --only ''
    assert_usage attack "no attack is called ''"
}

@test "a name that matches no column is an error" {
    run --separate-stderr -2 "$SEALMEM" attack --column CONTENT
    assert_usage attack "no column is called 'CONTENT': --list shows them"
}

@test "unknown options and arguments are errors" {
    run --separate-stderr -2 "$SEALMEM" attack --nonsense
    assert_usage attack "unknown option '--nonsense'"
    run --separate-stderr -2 "$SEALMEM" attack store
    assert_usage attack "unexpected argument 'store'"
    run --separate-stderr -2 "$SEALMEM" attack --only
    assert_usage attack "option '--only' needs a value"
}

@test "--json is one JSON document that names its version and command" {
    run --separate-stderr -0 "$SEALMEM" attack --json --only store --column content
    [ -z "$stderr" ]
    [ "$(jq -s length <<<"$output")" = 1 ]
    [ "$(jq -c keys <<<"$output")" = \
        '["attacks","columns","command","sealmem","summary","version"]' ]
    [ "$(jq -c '[.version, .command]' <<<"$output")" = '[1,"attack"]' ]
}

@test "--json has a result for each attack and column" {
    everything
    jq -e '([.columns[] | select(.given)] | length) as $n | .attacks | all(
        (.results | length) == $n and
        (.unsealed | keys == ["error", "outcome", "reason"]) and
        (.results | all(keys == ["column", "error", "judgement", "outcome", "reason"])))' <<<"$output"
}

@test "--json: outcomes and judgements are known words, and errors names of errno" {
    everything
    jq -e '.attacks | all(.results | all(
        (.outcome | IN("held", "no seal", "found", "CHANGED", "DESTROYED", "HIDDEN", "LEAKED", "n/a")) and
        (.judgement | IN("passed", "not promised", "left open by design", "broken")) and
        (.error == null or (.error | test("^E[A-Z0-9]+$"))) and
        ((.outcome == "n/a") <= (.reason != null))))' <<<"$output"
}

@test "--json: the summary counts the results of columns that promise something" {
    everything
    jq -e '[.columns[] | select(.given and (.promises | length) > 0).name] as $ours |
        [.attacks[].results[] | select(.column | IN($ours[]))] as $results |
        .summary.held == ([$results[] | select(.judgement == "passed" and .outcome != "n/a")] | length) and
        .summary.not_tried == ([$results[] | select(.outcome == "n/a")] | length) and
        .summary.not_promised == ([$results[] | select(.judgement == "not promised")] | length) and
        .summary.broken == ([$results[] | select(.judgement == "broken")] | length)' <<<"$output"
}

@test "--json: content holds in every column that promises it" {
    everything
    jq -e '[.columns[] | select(.promises | index("content")).name] as $ours |
        [.attacks[] | .results[] | select(.column | IN($ours[])).outcome] |
        index("CHANGED") == null' <<<"$output"
    [ "$(outcome proc-self-mem content)" = held ]
}

@test "--json: an attack that holds in a column of ours did succeed where nothing is sealed" {
    everything
    jq -e '.attacks | all(
        (.unsealed.outcome | IN("CHANGED", "DESTROYED", "HIDDEN", "LEAKED")) or
        (.results | all(.outcome == "n/a" or .outcome == "LEAKED")))' <<<"$output"
}

@test "--markdown has a row for each attack and shows in bold each cell that did not hold" {
    run --separate-stderr -0 "$SEALMEM" attack --markdown --only mprotect --only munmap --column content
    [ -z "$stderr" ]
    [ "${lines[0]}" = "| attack | against | from | unsealed | CONTENT |" ]
    [ "${lines[1]}" = "|---|---|---|---|---|" ]
    [ "${lines[2]}" = '| `mprotect` | content | self | CHANGED | held EACCES |' ]
    [ "${lines[3]}" = '| `munmap` | address | self | DESTROYED | **DESTROYED** |' ]
    [ "${#lines[@]}" = 4 ]
}

@test "on a terminal a cell that held is green and one that did not is red" {
    run_on_terminal 200 "$SEALMEM" attack --only munmap --column mprotect --column content --no-progress
    [[ $output == *$'\e[31mDESTROYED'* ]]
    run_on_terminal 200 "$SEALMEM" attack --only store --column content --no-progress
    [[ $output == *$'\e[32mheld EFAULT'* ]]
    run_on_terminal 200 env NO_COLOR=1 "$SEALMEM" attack --only store --column content --no-progress
    [[ $output != *$'\e[3'* ]]
}

# A process for each processor, or none but the command itself.
@test "attacks that are tried at the same time give what those tried one after the other give" {
    command -v taskset >/dev/null || skip "no taskset"
    run -0 "$SEALMEM" attack --only "mprotect*" --only munmap --only store --json --no-progress
    together=$output
    run -0 taskset -c "$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')" \
        "$SEALMEM" attack --only "mprotect*" --only munmap --only store --json --no-progress
    [ "$output" = "$together" ]
    [[ $output == *'"held"'* ]]
}

@test "on a terminal it shows its progress, unless --no-progress" {
    run_on_terminal 200 "$SEALMEM" attack --only munmap --only store --column content
    [[ $output == *"1 of 2: store"*"2 of 2: munmap"* ]]
    run_on_terminal 200 "$SEALMEM" attack --only munmap --only store --column content --no-progress
    [[ $output != *"1 of 2"* ]]
}

@test "on a dumb terminal it shows neither progress nor colour" {
    for term in dumb ''; do
        TERM=$term run_on_terminal 200 "$SEALMEM" attack --only store --column content
        [[ $output == *ATTACK* && $output != *$'\e'* ]]
    done
}

@test "the attack that marks the machine needs an option" {
    need_root
    run -3 "$SEALMEM" attack --only madvise-hwpoison --column content
    [[ $output == *"leaves a mark on the machine; needs --with-hwpoison"* ]]
}

@test "it leaves no process, no file and no shared segment behind" {
    place=$BATS_TEST_TMPDIR/place
    mkdir -m 777 "$place"
    segments=$(wc -l </proc/sysvipc/shm)
    run -0 env TMPDIR="$place" setsid --wait "$SEALMEM" attack --column content
    [ -z "$(ls -A "$place")" ]
    [ "$(wc -l </proc/sysvipc/shm)" = "$segments" ]
    ! pgrep -f "^$SEALMEM attack" >&2
}

@test "no process of a run survives if the run is killed" {
    "$SEALMEM" attack --json >/dev/null 3>&- &
    pid=$!
    sleep 0.3
    kill -KILL $pid
    sleep 0.5
    ! pgrep -f "^$SEALMEM attack" >&2
}

@test "what a process of the run that dies has not finished has no verdict, and the rest has" {
    [ "$(nproc)" -ge 2 ] || skip "a machine with one processor has one process for all rows"
    "$SEALMEM" attack --json >"$BATS_TEST_TMPDIR/report" 3>&- &
    pid=$!
    for _ in {1..50}; do
        worker=$(pgrep -P $pid | head -n 1)
        [ -z "$worker" ] || break
        sleep 0.01
    done
    sleep 0.2
    kill -KILL "$worker"
    status=0
    wait $pid || status=$?
    [ "$status" = 1 ]
    reasons=$(jq -r '[.. | .reason? // empty | select(. == "the process that tried it has died")] | length' "$BATS_TEST_TMPDIR/report")
    rows=$(jq '.attacks | length' "$BATS_TEST_TMPDIR/report")
    columns=$(jq '.columns | length' "$BATS_TEST_TMPDIR/report")
    [ "$reasons" -ge 1 ]
    [ "$reasons" -le "$columns" ]
    [ "$rows" -ge 100 ]
}

@test "no line of the help is wider than 80 columns, and every option is in it" {
    run -0 "$SEALMEM" attack --help
    [ "$(grep -c '.\{81\}' <<<"$output")" = 0 ]
    for option in only column list json markdown no-progress with-hwpoison help; do
        [[ $output == *"--$option"* ]]
    done
}
