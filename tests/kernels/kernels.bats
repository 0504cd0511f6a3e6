# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What judges the kernels: a table that finds everything in order may have looked at nothing. So it is given records
# of boots that went wrong in one way each, and a machine that hangs. No kernel is booted here.

bats_require_minimum_version 1.5.0

here=${BATS_TEST_DIRNAME}

setup() {
    work=$(mktemp -d)
    mkdir -p "$work/amd64/tests" "$work/arm64/tests"
    printf '%s\n' unit/first unit/second attack >"$work/programs"
    for user in root plain; do
        printf "$user 60 %s /tests/x\n" unit/first unit/second attack
    done >"$work/amd64/tests/list.all"
    grep -v unit/second "$work/amd64/tests/list.all" >"$work/amd64/tests/list.core"
    : >"$work/arm64/tests/list.all" >"$work/arm64/tests/list.core" >"$work/plan"
}

teardown() {
    rm -rf "$work"
}

# program NAME USER EXIT LINE...: what the console shows of one.
program() {
    local name=$1 user=$2 ending=$3

    shift 3
    [ $# -eq 0 ] || printf "$name.$user| %s\n" "$@"
    echo "SEALMEM-RESULT $name $user $ending 0.1"
}

good_log() {
    echo "SEALMEM-KERNEL $1-cloud x86_64 4096 #1 SMP Debian $1 (then)"
    for user in root plain; do
        program unit/first $user exit:0 "5 passed, 0 failed"
        program unit/second $user exit:0 "SKIP no such thing here" "7 passed, 0 failed"
        program attack $user exit:0 "30 passed, 0 failed, 4 skipped"
    done
    echo SEALMEM-DONE
}

# record NAME [STATUS...]: a row of the matrix and how it went; its log is what comes in. $tests is what it runs.
record() {
    local name=$1

    shift
    echo "$name amd64 suite 1.0 flavour ${tests:-all}" >>"$work/plan"
    echo "${*:-ran 10 9 1 }" >"$work/$name.status"
    cat >"$work/$name.log"
}

good_kernels() {
    local i

    for i in $(seq "$1"); do
        good_log "1.$i" | record "k$i"
    done
}

judge() {
    awk -v work="$work" -v least=10 -v seconds=1 -f "$here/table.awk" "$work/plan"
}

@test "ten kernels on which everything passed are enough" {
    good_kernels 10
    run -0 judge
    [[ $output == *"10 different kernels ran in 10 rows; 0 crashed, 0 programs failed, 0 not available"* ]]
}

@test "nine kernels are not enough" {
    good_kernels 9
    run -1 judge
    [[ $output == *"fewer than 10 different kernels ran"* ]]
}

@test "the same kernel with other settings does not count as another" {
    good_kernels 9
    good_log 1.9 | record other-settings
    run -1 judge
    [[ $output == *"9 different kernels ran in 10 rows"* ]]
}

@test "a column adds up its programs and counts apart what they skipped" {
    good_kernels 10
    run -0 judge
    [ "$(awk '$1 == "kernel" { print $6, $7 }' <<<"$output")" = "unit attack" ]
    [ "$(awk '$1 == "k1" { print $6, $7, $8, $9 }' <<<"$output")" = "11 (1) 30 (4)" ]
    [[ $output == *"unit: SKIP no such thing here (20 times, on 10 kernels)"* ]]
}

@test "the rows of the table are as long as its columns" {
    good_kernels 10
    run -0 judge
    column=$(awk '/^kernel/ { print index($0, "seconds") }' <<<"$output")
    [ "$(awk -v c="$column" '/^k[0-9]/ && substr($0, c) == "10"' <<<"$output" | wc -l)" = 10 ]
}

@test "both users are shown where they differ" {
    good_kernels 9
    good_log 1.10 | sed 's/^attack.plain| .*/attack.plain| 20 passed, 0 failed, 14 skipped/' | record k10
    run -0 judge
    [[ $output == *"30 (4) | 20 (14)"* ]]
}

@test "a broken promise fails, and is shown" {
    good_kernels 10
    { good_log 1.11 | grep -v 'attack root'; program attack root exit:1 "store: CHANGED!" "29 passed, 1 failed, 4 skipped"; } |
        record k11
    run -1 judge
    [[ $output == *"1 FAIL | 30 (4)"* ]]
    [[ $output == *"k11, attack, root: FAIL"*"store: CHANGED!"* ]]
}

@test "a failure that is counted fails, whatever the exit status" {
    good_kernels 10
    { good_log 1.11; program unit/first root exit:0 "4 passed, 1 failed"; } | record k11
    run -1 judge
    [[ $output == *"k11, unit/first, root: FAIL"* ]]
}

@test "a program that did not report is missing" {
    good_kernels 10
    good_log 1.11 | grep -v 'unit/second plain' | record k11
    run -1 judge
    [[ $output == *"k11, unit/second, plain: missing"* ]]
}

@test "a row of the core misses nothing but the core" {
    good_kernels 10
    good_log 1.11 | grep -v 'unit.second' | tests=core record k11
    run -0 judge
    [ "$(awk '$1 == "k11" { print $5, $6, $7, $8 }' <<<"$output")" = "core 5 30 (4)" ]
    good_log 1.12 | grep -v 'unit/first plain' | tests=core record k12
    run -1 judge
    [[ $output == *"k12, unit/first, plain: missing"* ]]
}

@test "with --all each row runs everything" {
    run -0 "$here/run" --list
    [[ $output == *" core"* ]]
    run -0 "$here/run" --all --list
    [[ $output != *" core"* ]]
}

@test "a row that takes long is planned if --all or its name asks for it" {
    cp -R "$here" "$work/kernels"
    echo "slow s390x trixie 6.12 s390x rare" >>"$work/kernels/matrix"
    run -0 "$work/kernels/run" --list
    [[ $output != *slow* ]]
    run -0 "$work/kernels/run" --all --list
    [[ $output == *"slow s390x trixie 6.12 s390x all"* ]]
    run -0 "$work/kernels/run" --only slow --list
    [ "$output" = "slow s390x trixie 6.12 s390x core" ]
}

@test "a survey is planned for each row, also one that takes long, and asks the same of each" {
    run -0 "$here/run" --survey --list
    [ "$(grep -c ' survey' <<<"$output")" = "$(grep -c '^[0-9]' "$here/matrix")" ]
    [[ $output != *" core"* && $output != *" all"* ]]
    run -2 "$here/run" --survey --all --list
    run -2 "$here/run" --survey --list program
}

@test "what programs say of guarantees and attacks is kept for the picture, and what does not run too" {
    { good_log 1.1 | grep -v SEALMEM-DONE
      program probe/guarantees root exit:0 "FACT CONTENT yes"
      program facts plain exit:0 "FACT mem-write-msealed changed"
      program attack plain exit:0 "AGAINST content held 3 open 1"
      program unit/first root exit:0 "AGAINST content held 9 open 9"; } | record k1
    record k2 "gone 1 0 0 there is no suite of that name" </dev/null
    run judge
    run -0 sort "$work/record"
    [ "$output" = "$(printf '%s\n' "k1 plain attacked content held 3 open 1" "k1 plain found mem-write-msealed changed" \
        "k1 ran 1.1 4096" "k1 root gives CONTENT yes" "k2 gone there is no suite of that name")" ]
}

@test "a program cannot report for itself" {
    good_kernels 10
    good_log 1.11 | sed 's/^SEALMEM-RESULT unit.first root/unit\/first.root| &/' | record k11
    run -1 judge
    [[ $output == *"k11, unit/first, root: missing"* ]]
}

@test "a program that a signal or the time limit ended fails" {
    good_kernels 10
    good_log 1.11 | sed 's/^SEALMEM-RESULT attack root exit:0/SEALMEM-RESULT attack root signal:11/' | record k11
    good_log 1.12 | sed 's/^SEALMEM-RESULT attack root exit:0/SEALMEM-RESULT attack root limit:60/' | record k12
    run -1 judge
    [[ $output == *"signal 11 | 30 (4)"*"limit 60 | 30 (4)"* ]]
}

@test "a kernel that crashed fails" {
    good_kernels 10
    good_log 1.11 | record k11 "crash 10 9 1 Kernel panic - not syncing"
    run -1 judge
    [[ $output == *"k11: crash: Kernel panic - not syncing"* ]]
}

@test "a kernel that wrote nothing fails" {
    good_kernels 10
    echo "k11 amd64 suite 1.0 flavour all" >>"$work/plan"
    run -1 judge
    [[ $output == *"k11: crash: nothing is known of it"* ]]
}

@test "a kernel that is not available is named, with the reason" {
    good_kernels 10
    record k11 "gone 1 0 0 there is no suite of that name" </dev/null
    run -0 judge
    [[ $output == *"k11"*"not available: there is no suite of that name"* ]]
}

@test "a kernel that took two boots says so" {
    good_kernels 9
    good_log 1.10 | record k10 "ran 30 9 2 "
    run -0 judge
    [[ $output == *"30 (2 boots)"* ]]
}

# A machine whose console shows, at its first, second ... boot, what is in the files "1", "2" ...; it ends
# after that, but hangs after a last line "HANG".
imitate_qemu() {
    mkdir "$work/bin"
    cp "$here/boot" "$work/bin"
    printf '#!/bin/sh\necho /dev/null\n' >"$work/bin/debian"
    cat >"$work/bin/qemu-system-x86_64" <<-'EOF'
	#!/bin/sh
	cd "$(dirname "$0")/.." || exit
	echo boot >>boots
	for word; do
	    case $word in file:*) grep -v HANG "$(wc -l <boots)" >"${word#file:}" ;; esac
	done
	if grep -q HANG "$(wc -l <boots)"; then exec sleep 60; fi
	EOF
    chmod +x "$work"/bin/*
    echo "k amd64 suite 1.0 flavour all" >"$work/plan"
    echo "checksum ./tests/first" >"$work/amd64.files"
}

boot() {
    imitate_qemu
    boot_again
}

boot_again() {
    PATH=$work/bin:$PATH SEALMEM_BOOT_SILENCE=1 SEALMEM_SILENCE=2 SEALMEM_MOST_OUTPUT=10000 \
        "$work/bin/boot" "$work" k
    read -r state _ _ boots reason <"$work/k.status"
}

@test "a kernel that hangs at boot is booted again" {
    echo HANG >"$work/1"
    good_log 1.1 >"$work/2"
    boot
    [ "$state $boots" = "ran 2" ]
}

@test "a kernel that hangs under the tests is booted again" {
    good_log 1.1 | sed 's/SEALMEM-DONE/HANG/' >"$work/1"
    good_log 1.1 >"$work/2"
    boot
    [ "$state $boots" = "ran 2" ]
    grep -q SEALMEM-KERNEL "$work/k.first.log"
}

@test "a kernel that hangs twice has crashed" {
    echo HANG | tee "$work/1" >"$work/2"
    boot
    [ "$state $boots $reason" = "crash 2 it said nothing for 1 s" ]
}

@test "a kernel that crashes before the tests is booted again" {
    echo "Kernel panic - not syncing: no timer" >"$work/1"
    good_log 1.1 >"$work/2"
    boot
    [ "$state $boots" = "ran 2" ]
}

@test "a kernel that crashes under the tests is not booted again" {
    good_log 1.1 | sed 's/SEALMEM-DONE/Kernel panic - not syncing: bad/' >"$work/1"
    good_log 1.1 >"$work/2"
    boot
    [ "$state $boots $reason" = "crash 1 Kernel panic - not syncing: bad" ]
}

@test "a program that prints the word panic has not crashed the kernel" {
    good_log 1.1 | sed 's/^unit.first.root| /&Kernel panic: /' >"$work/1"
    boot
    [ "$state $boots" = "ran 1" ]
}

@test "with --resume a kernel that ran is not booted again" {
    export SEALMEM_RESUME=$work/kept
    mkdir "$work/kept"
    good_log 1.1 >"$work/1"
    boot
    boot_again
    [ "$state $boots" = "ran 0" ]
    cmp "$work/1" "$work/k.log"
}

@test "with --resume a kernel is booted again if a program is another" {
    export SEALMEM_RESUME=$work/kept
    mkdir "$work/kept"
    good_log 1.1 | tee "$work/1" >"$work/2"
    boot
    echo "another ./tests/first" >"$work/amd64.files"
    boot_again
    [ "$state $boots" = "ran 1" ]
}

@test "with --resume a kernel that crashed is booted again" {
    export SEALMEM_RESUME=$work/kept
    mkdir "$work/kept"
    good_log 1.1 | sed 's/SEALMEM-DONE/Kernel panic - not syncing: bad/' >"$work/1"
    good_log 1.1 >"$work/2"
    boot
    boot_again
    [ "$state $boots" = "ran 1" ]
}

@test "a kernel whose architecture this Debian does not build for is named, with the reason" {
    imitate_qemu
    echo "could not install a compiler" >"$work/amd64.why"
    boot_again
    [ "$state $boots $reason" = "gone 0 could not install a compiler" ]
}

@test "one more line is one more kernel" {
    cp -R "$here" "$work/kernels"
    before=$("$work/kernels/run" --list | wc -l)
    echo "next amd64 trixie 6.12 cloud-amd64 all" >>"$work/kernels/matrix"
    [ "$("$work/kernels/run" --list | wc -l)" = $((before + 1)) ]
}

# probe: a command that says SEDSCRIPT otherwise than the real one, and exits with STATUS.
liar() {
    printf '#!/bin/sh\n"%s" "$@" | sed "%s"\nexit %s\n' "$SEALMEM" "$1" "$2" >"$work/liar"
    chmod +x "$work/liar"
}

honest_status() {
    "$SEALMEM" probe >"$work/said" && status=0 || status=$?
    echo "$status"
}

@test "probe: the command says what the kernel gives" {
    run -0 "$PROBE" "$SEALMEM"
    [[ $output == *" passed, 0 failed, "* ]]
}

@test "probe: it is wrong to deny what the kernel gives" {
    liar 's/^CONTENT   yes/CONTENT   no /' 1
    run -1 "$PROBE" "$work/liar"
    [[ $output == *"FAIL CONTENT: it says no, and that is wrong"* ]]
}

@test "probe: to advise an emulation that nobody needs is wrong" {
    liar '/^GUARDS/s/$/ or sealmem_allow_emulation()/' "$(honest_status)"
    run -1 "$PROBE" "$work/liar"
    [[ $output == *"FAIL it advises to allow the emulation of mseal(2)"* ]]
}

@test "probe: a missing row is wrong" {
    liar '/^GUARDS/d' "$(honest_status)"
    run -1 "$PROBE" "$work/liar"
    [[ $output == *"FAIL not every guarantee has a row"* ]]
}

@test "probe: an exit status that contradicts the rows is wrong" {
    liar '' $((1 - $(honest_status)))
    run -1 "$PROBE" "$work/liar"
    [[ $output == *"FAIL the wait status"* ]]
}

@test "no kernel is booted when the time is over" {
    echo "k1 amd64 suite 1.0 flavour all" >"$work/plan"
    SEALMEM_BOOT_UNTIL=1 run -0 "$here/boot" "$work" k1
    [[ $(cat "$work/k1.status") == "gone "*" no time was left" ]]
}
