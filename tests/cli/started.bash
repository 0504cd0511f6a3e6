# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154

# Functions for the tests of the commands that start programs: run and exec.

# shellcheck source=tests/cli/alone.bash
. "${BASH_SOURCE[0]%/*}/alone.bash"

# Fails unless the bytes and the size of the file are final. The tests of the library check the effect of a write
# seal, and run.bats checks that this function refuses a descriptor that is not sealed.
assert_sealed() {
    perl -e 'open(my $f, "<", $ARGV[0]) or die "$ARGV[0]: $!\n";
        my $seals = fcntl($f, 1034, 0) or die "$ARGV[0]: not a memfd\n";
        exit(($seals & 0xf) == 0xf ? 0 : 1)' "$1"
}

# Every error of run and exec is one line, and the program was not started. An error of the command line is for
# assert_usage.
assert_refused() {
    local command=$1 expected=$2

    [ -z "$output" ]
    [[ $stderr != *$'\n'* ]]
    [[ $stderr == "sealmem: $command: "*"$expected"* ]]
    [[ $stderr != *--help* ]]
}
