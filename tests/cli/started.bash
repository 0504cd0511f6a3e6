# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154

# For the tests of the commands that start programs: run and exec.

# bats has descriptors of its own open; a program that is started here has three.
alone() {
    local close=() fd

    for fd in /proc/"$BASHPID"/fd/*; do
        fd=${fd##*/}
        [ "$fd" -lt 3 ] || close+=("$fd")
    done
    (
        for fd in "${close[@]}"; do eval "exec $fd>&-"; done
        exec "$@"
    )
}

# Fails unless the bytes and the size of the file are final. What a write seal does is in the tests of the
# library; that a descriptor which is not sealed does not pass is in run.bats.
assert_sealed() {
    perl -e 'open(my $f, "<", $ARGV[0]) or die "$ARGV[0]: $!\n";
        my $seals = fcntl($f, 1034, 0) or die "$ARGV[0]: not a memfd\n";
        exit(($seals & 0xf) == 0xf ? 0 : 1)' "$1"
}

# Every error of run and exec is one line, and none of their statuses is the program's.
assert_refused() {
    local command=$1 expected=$2

    [ -z "$output" ]
    [[ $stderr != *$'\n'* ]]
    [[ $stderr == "sealmem: $command: "*"$expected"*"; see 'sealmem $command --help'" ]]
}
