#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016,SC2314

load helper

# mapped SCENE...: a process to look at; its PID is $target, what it printed is in $places.
mapped() {
    places=$BATS_TEST_TMPDIR/places
    mkfifo "$BATS_TEST_TMPDIR/stay"
    "${AS[@]}" "$MAPPED" "$@" <"$BATS_TEST_TMPDIR/stay" >"$places" 3>&- &
    target=$!
    exec 9>"$BATS_TEST_TMPDIR/stay"
    until [ "$(wc -l <"$places")" -ge $# ]; do
        kill -0 $target || return
        sleep 0.02
    done
    if grep -q ' -$' "$places"; then
        skip "this kernel does not give $(sed -n 's/ -$//p' "$places" | head -n 1)"
    fi
}

teardown() {
    exec 9>&-
    [ -z "$target" ] || wait "$target" || true
}

# What the audit says of a scene, in JSON, put through a jq filter: of SCENE FILTER. The answer is in $output.
of() {
    local place
    place=$(sed -n "s/^$1 //p" "$places")
    case $place in
    fd*) jq -r --argjson fd "${place#fd }" \
        ".processes[0].mappings[] | select(.descriptor == \$fd) | $2" <<<"$output" ;;
    *) jq -r --arg at "0x$place" ".processes[0].mappings[] | select(.start == \$at) | $2" <<<"$output" ;;
    esac
}

guarantees() {
    of "$1" '.guarantees | join(" ")'
}

flags() {
    of "$1" '.flags | join(" ")'
}

audit() {
    run --separate-stderr -0 "$SEALMEM" audit --json "$target"
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

@test "a private mapping of a sealed memfd has no CONTENT and is flagged" {
    need_root
    mapped private sealed
    audit
    [ "$(guarantees private)" = "" ]
    [ "$(flags private)" = sealed-private ]
    [ "$(flags sealed)" = "" ]
}

@test "a region with every guarantee is seen to have them" {
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
    audit
    [ "$(guarantees secret-region)" = "CONTENT ADDRESS SECRECY NOSWAP NODUMP NOFORK" ]
    [ "$(guarantees open-secret)" = "SECRECY NOSWAP NODUMP NOFORK" ]
    [ "$(of open-secret .kind)" = secret ]
    [ "$(flags open-secret)" = "" ]
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

@test "a memfd that two processes have and that can be written to is flagged, and who has it is said" {
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

@test "without privilege RELRO is found all the same" {
    AS=()
    if am_root; then AS=(setpriv --reuid=65534 --regid=65534 --clear-groups); fi
    mapped relro-undoable
    run --separate-stderr -0 "${AS[@]}" "$SEALMEM" audit --json "$target"
    [ "$(flags relro-undoable)" = relro-undoable ]
    [[ $(jq -r '[.processes[0].mappings[] | select(.kind == "relro").name] | join(" ")' <<<"$output") == *libc.so* ]]
}

@test "a name does what it likes, and one mapping stays one line" {
    need_root
    mapped hostile
    run -0 "$SEALMEM" audit "$target"
    [ "$(grep -c 'fffffffff00' <<<"$output")" = 1 ]
    [[ $output == *'/memfd:a\\012ffffffff000-fffffffff00 r-xs 0 0:1 1 \x1b[2J\xff<&>'* ]]
    [[ $output != *$'\e'* && $output != *$'\xff'* && $output != *$'\u202e'* ]]
    audit
    [[ $(of hostile .name) == *'\x1b[2J\xff<&>"'"'"'"'* ]]
    run -0 "$SEALMEM" audit --raw "$target"
    [ "$(grep -c 'fffffffff00' <<<"$output")" = 1 ]
    "$SEALMEM" audit --svg "$BATS_TEST_TMPDIR/hostile.svg" "$target" >/dev/null
    xmllint --noout "$BATS_TEST_TMPDIR/hostile.svg"
}

@test "a mapping is not taken for what its name says" {
    mapped named-heap file
    audit
    [ "$(of named-heap .kind)" = anon ]
    [ "$(of file .kind)" = file ]
}

@test "a table ends with the bytes by guarantee" {
    need_root
    mapped sealed content-region
    page=$(($(getconf PAGESIZE) / 1024))
    run -0 "$SEALMEM" audit "$target"
    grep -qE "^1 process, [0-9]+ mappings, .*: CONTENT $((2 * page))K, ADDRESS 0K, SECRECY 0K, .* none of them " <<<"$output"
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
    assert_error audit "no column is called 'nonsense'"
}

@test "--flagged leaves out what does not deserve a look" {
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

@test "a command is audited when it is about to end" {
    run --separate-stderr -0 "$SEALMEM" audit --json -- sh -c 'echo told; echo more >&2; exit 7'
    [ "$(jq -r '.processes[0].name' <<<"$output")" = sh ]
    [ "$stderr" = $'told\nmore' ]
    run -0 "$SEALMEM" audit -- "$MAPPED" write-execute </dev/null
    [[ $output == *write-execute* ]]
    run --separate-stderr -2 "$SEALMEM" audit -- /no/such/program
    assert_error audit "cannot start '/no/such/program': No such file or directory"
}

@test "--all reads what may be read and says how much may not" {
    mapped write-execute
    run --separate-stderr -0 "$SEALMEM" audit --all --json
    [ "$(jq --argjson pid "$target" '[.processes[] | select(.pid == $pid)] | length' <<<"$output")" = 1 ]
    need_root
    run --separate-stderr -0 as_plain_user "$SEALMEM" audit --all --json
    [ "$(jq '.skipped.denied > 0' <<<"$output")" = true ]
    [[ $stderr == *" may not be read"* ]]
}

# Seconds that a command takes, the best of five: others use this machine too.
best_time() {
    local TIMEFORMAT=%R
    for _ in 1 2 3 4 5; do
        { time "$@" >/dev/null 2>&1; } 2>&1
    done | sort -n | head -n 1
}

@test "--all takes less than a second for two hundred processes" {
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

@test "what no column needs is not read" {
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

@test "on a terminal --all shows how far it is, unless --no-progress" {
    run_on_terminal 200 "$SEALMEM" audit --all --flagged
    [[ $output == *" processes"*$'\e[K'* ]]
    run_on_terminal 200 "$SEALMEM" audit --all --flagged --no-progress
    [[ $output != *$'\e[K'* ]]
    TERM=dumb run_on_terminal 200 "$SEALMEM" audit --all --flagged
    [[ $output != *$'\e'* ]]
}

@test "a rule that is met says yes, one that is not says no and shows what breaks it" {
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
    [[ $output == *"nothing matches the rule memfd=/memfd:missing*:CONTENT"* ]]
    run -1 "$SEALMEM" audit --json --require 'memfd=/memfd:missing*:CONTENT' "$target"
    [ "$(jq -r '.missed_rules[]' <<<"$output")" = "memfd=/memfd:missing*:CONTENT" ]
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
    assert_error audit "there is no rule in '$BATS_TEST_TMPDIR/rules'"
    printf 'no-write-execute\0\nno-secret-dumpable\n' >"$BATS_TEST_TMPDIR/rules"
    run --separate-stderr -2 "$SEALMEM" audit --require "@$BATS_TEST_TMPDIR/rules" --self
    assert_error audit "rule 'no-write-execute': a zero byte follows"
}

@test "what is no rule is an error" {
    for rule in nonsense memfd: memfd:NONSENSE nonsense:CONTENT no-nonsense memfd:CONTENT, :CONTENT memfd=x; do
        run --separate-stderr -2 "$SEALMEM" audit --require "$rule" 1
        assert_error audit "rule '$rule': "
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
    for word in text relro memfd CONTENT ADDRESS "cannot be told"; do
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

@test "which process has to be said, in one way" {
    run --separate-stderr -2 "$SEALMEM" audit
    assert_error audit "which process?"
    run --separate-stderr -2 "$SEALMEM" audit --all 1
    assert_error audit "exclude each other"
    run --separate-stderr -2 "$SEALMEM" audit --self -- true
    assert_error audit "exclude each other"
    run --separate-stderr -2 "$SEALMEM" audit --
    assert_error audit "which process?"
    for word in x 0 1x 99999999999; do
        run --separate-stderr -2 "$SEALMEM" audit "$word"
        assert_error audit "'$word' is not a PID"
    done
    run --separate-stderr -2 "$SEALMEM" audit 4194305
    assert_error audit "process 4194305: there is no such process"
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
        assert_error audit "cannot read '/proc': it is not mounted"
    done
    target=
}

@test "too few descriptors are an error, and no property of processes" {
    run --separate-stderr -2 with_descriptors 5 "$SEALMEM" audit --all --require no-write-execute
    assert_error audit "cannot go on: Too many open files"
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
