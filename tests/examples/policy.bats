#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The policy example on the real files of this machine and on 100,000 rules. The answers are compared
# with those of other programs, all of them: a table whose pointers were off by a little would still
# answer some.

# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load common

setup() {
    make_directory
}

teardown() {
    remove_directory
}

policy() {
    run --separate-stderr "$RUN" "$@"
}

# NAME/PROTOCOL PORT, the first of each name, as the C library finds it.
services_by_libc() {
    getent services | awk '{
        split($2, port, "/")
        print $1 "/" port[2], port[1]
        for (i = 3; i <= NF; i++)
            print $i "/" port[2], port[1]
    }' | awk '!seen[$1]++'
}

protocols_by_libc() {
    getent protocols | awk '{
        print $1, $2
        for (i = 3; i <= NF; i++)
            print $i, $2
    }' | awk '!seen[$1]++'
}

@test "answers every service of this machine as the C library does" {
    services_by_libc >expected
    [ "$(wc -l <expected)" -gt 100 ]
    cut -d' ' -f1 expected | "$RUN" --services /etc/services >got
    diff expected got
    echo "# $(wc -l <got) services compared" >&3
}

@test "answers every protocol of this machine as the C library does" {
    protocols_by_libc >expected
    [ "$(wc -l <expected)" -gt 20 ]
    cut -d' ' -f1 expected | "$RUN" --protocols /etc/protocols >got
    diff expected got
    echo "# $(wc -l <got) protocols compared" >&3
}

@test "loads services and protocols by default" {
    policy ssh/tcp www/tcp udp UDP
    [ "$status" -eq 0 ]
    [ "$output" = $'ssh/tcp 22\nwww/tcp 80\nudp 17\nUDP 17' ]
}

@test "says how many entries and bytes are under the seal, and what is in force" {
    policy ssh/tcp
    [[ $stderr =~ ^policy:\ [0-9]+\ entries\ in\ [0-9]+\ bytes\ under\ one\ seal,\ in\ force:\ CONTENT\ (ADDRESS\ )?GUARDS$ ]]
    echo "# $stderr" >&3
}

@test "answers each of 100,000 rules that it made" {
    "$RUN" --make-rules 100000 rules
    [ "$(cut -d' ' -f1 rules | sort -u | wc -l)" -eq 100000 ]
    cut -d' ' -f1 rules | "$RUN" --rules rules >got 2>summary
    diff -q rules got
    grep -q '^policy: 100000 entries' summary
    echo "# $(cat summary)" >&3
}

@test "a store to each part of the table is done before the seal and refused after it" {
    policy --prove ssh/tcp
    [ "$status" -eq 0 ]
    [ "$output" = "ssh/tcp 22" ]
    for part in bucket entry string; do
        [[ $stderr =~ before\ the\ seal,\ a\ store\ to\ the\ $part\ at\ (0x[0-9a-f]+):\ got\ through ]]
        [[ $stderr =~ after\ the\ seal,\ a\ store\ to\ the\ $part\ at\ ${BASH_REMATCH[1]}:\ Bad\ address ]]
    done
}

@test "answers the same before and after an attack on the table" {
    "$RUN" --make-rules 1000 rules
    cut -d' ' -f1 rules | xargs "$RUN" --rules rules --prove >got
    diff rules got
}

@test "exits with 1 if a name is not there, and answers the others" {
    policy ssh/tcp no-such-service/tcp www/tcp
    [ "$status" -eq 1 ]
    [ "$output" = $'ssh/tcp 22\nwww/tcp 80' ]
    [ "${stderr_lines[1]}" = "policy: no-such-service/tcp: not in the policy" ]
}

@test "finds the first of two entries with one name" {
    printf 'a first\na second\n' >rules
    policy --rules rules a
    [ "$output" = "a first" ]
}

@test "takes comments, blank lines, carriage returns, a megabyte in one line, and no last newline" {
    {
        printf '# comment\n\n   \t\na  one  # why\nb two words \r\n'
        printf 'c %01048576d\n' 7
        printf 'd four'
    } >rules
    policy --rules rules a b d
    [ "$status" -eq 0 ]
    [ "$output" = $'a one\nb two words\nd four' ]
    [ "$("$RUN" --rules rules c 2>/dev/null | wc -c)" -eq $((1048576 + 3)) ]
}

@test "runs as nobody" {
    run --separate-stderr "${NOBODY[@]}" "$RUN" --prove ssh/tcp
    [ "$status" -eq 0 ]
    [ "$output" = "ssh/tcp 22" ]
}

refuses() {
    local message=$1
    shift
    policy "$@"
    [ "$status" -eq 2 ]
    [ "$output" = "" ]
    complained "policy: $message"
}

@test "refuses a file that is not there" {
    refuses "nowhere: No such file or directory" --rules nowhere a
}

@test "names the package if the system's own file is not there" {
    unshare --mount true || skip "needs root"
    mkdir empty
    run --separate-stderr unshare --mount sh -c '
        mkdir etc && mount --bind empty /etc && exec "$0" ssh/tcp' "$RUN"
    [ "$status" -eq 2 ]
    complained "policy: /etc/services: No such file or directory (Debian has it in the package netbase)"
}

@test "refuses an empty file" {
    : >rules
    refuses "rules: nothing in it" --rules rules a
}

@test "refuses a file of comments alone" {
    echo '# nothing' >rules
    refuses "rules: nothing in it" --rules rules a
}

@test "refuses a directory" {
    mkdir rules
    refuses "rules: Is a directory" --rules rules a
}

@test "refuses a program given as rules" {
    refuses "$RUN:1: not a text file" --rules "$RUN" a
}

@test "refuses a zero byte in the middle of a text" {
    printf 'a b\nc \0d\n' >rules
    refuses "rules:2: not a text file" --rules rules a
}

@test "refuses a rule without a value, by line" {
    printf 'a b\n\nlonely\n' >rules
    refuses "rules:3: expected NAME VALUE" --rules rules a
}

@test "refuses a service without a protocol, by line" {
    printf 'ssh 22\n' >services
    refuses "services:1: expected NAME PORT/PROTOCOL [ALIAS]..." --services services ssh/tcp
}

@test "refuses a protocol without a number, by line" {
    printf 'ip zero\n' >protocols
    refuses "protocols:1: expected NAME NUMBER [ALIAS]..." --protocols protocols ip
}

@test "refuses a file it may not read" {
    [ "$(id -u)" -ne 0 ] || chmod 711 "$DIR"
    echo 'a b' >rules
    chmod 0 rules
    run --separate-stderr "${NOBODY[@]}" "$RUN" --rules rules a
    [ "$status" -eq 2 ]
    complained "policy: rules: Permission denied"
}

@test "refuses an unknown option and points to --help" {
    refuses "--rulez: see policy --help" --rulez
}

@test "refuses numbers of rules that are none" {
    for number in 0 -1 x 1x '' 99999999 18446744073709551617; do
        refuses "--make-rules takes a number from 1 to 16777216, not \"$number\"" --make-rules "$number" rules
    done
}

@test "says when the rules cannot be written" {
    refuses "/dev/full: No space left on device" --make-rules 10 /dev/full
}

@test "says when the answers cannot be written" {
    run --separate-stderr sh -c '"$0" ssh/tcp >/dev/full' "$RUN"
    [ "$status" -eq 2 ]
    [ "${stderr_lines[1]}" = "policy: standard output: No space left on device" ]
}

@test "says when there is no address space for the region" {
    # A sanitizer needs terabytes of it for itself.
    with_limit -v 200000 "$RUN" --help >/dev/null || skip "the program itself needs more"
    run --separate-stderr with_limit -v 200000 "$RUN" ssh/tcp
    [ "$status" -eq 2 ]
    complained "policy: cannot make a region: Memory, address space or mappings (the sysctl vm.max_map_count) are used up."
}

@test "says when the limit for files is too low, and dies of no signal" {
    run --separate-stderr with_limit -f 1000 "$RUN" ssh/tcp
    [ "$status" -eq 2 ]
    complained "policy: cannot make a region: RLIMIT_FSIZE is below this size."
}
