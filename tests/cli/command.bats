#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

load helper

@test "--help prints the commands on standard output and exits 0" {
    run --separate-stderr -0 "$SEALMEM" --help
    [ -z "$stderr" ]
    [[ $output == "Usage: sealmem COMMAND"* ]]
    grep -q '^  demo ' <<<"$output"
    grep -q '^  probe ' <<<"$output"
}

@test "-h and help print the same as --help" {
    run -0 "$SEALMEM" --help
    expected=$output
    run -0 "$SEALMEM" -h
    [ "$output" = "$expected" ]
    run -0 "$SEALMEM" help
    [ "$output" = "$expected" ]
}

@test "--version and -V print the version and exit 0" {
    run --separate-stderr -0 "$SEALMEM" --version
    [[ $output =~ ^sealmem\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    [ -z "$stderr" ]
    expected=$output
    run -0 "$SEALMEM" -V
    [ "$output" = "$expected" ]
}

@test "each command in the help has a --help of its own, on standard output with exit 0" {
    run -0 "$SEALMEM" --help
    commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$output" | grep -v '^help$')
    [ -n "$commands" ]
    for command in $commands; do
        run --separate-stderr -0 "$SEALMEM" "$command" --help
        [[ $output == "Usage: sealmem $command"* ]]
        [ -z "$stderr" ]
    done
}

@test "help COMMAND prints the help of that command" {
    run -0 "$SEALMEM" demo --help
    expected=$output
    run -0 "$SEALMEM" help demo
    [ "$output" = "$expected" ]
}

@test "no line of any help is wider than 80 columns" {
    for command in "" demo probe; do
        run -0 "$SEALMEM" $command --help
        [ "$(grep -c '.\{81\}' <<<"$output")" = 0 ]
    done
}

@test "help for an unknown command is an error" {
    run --separate-stderr -2 "$SEALMEM" help nonsense
    assert_usage "" "unknown command 'nonsense'"
}

@test "help with two commands is an error" {
    run --separate-stderr -2 "$SEALMEM" help demo probe
    assert_usage "" "unexpected argument 'probe'"
}

@test "without a command it is an error" {
    run --separate-stderr -2 "$SEALMEM"
    assert_usage "" "no command"
}

@test "an unknown command is an error" {
    run --separate-stderr -2 "$SEALMEM" nonsense
    assert_usage "" "unknown command 'nonsense'"
}

@test "an empty command is an error" {
    run --separate-stderr -2 "$SEALMEM" ""
    assert_usage "" "unknown command ''"
}

@test "an unknown option is an error" {
    run --separate-stderr -2 "$SEALMEM" --nonsense
    assert_usage "" "unknown option '--nonsense'"
    run --separate-stderr -2 "$SEALMEM" -x demo
    assert_usage "" "unknown option '-x'"
}

@test "a value for an option that takes no value is an error" {
    run --separate-stderr -2 "$SEALMEM" --version=1
    assert_usage "" "option '--version=1' takes no value"
}

@test "an error stays one line whatever it quotes" {
    run --separate-stderr -2 "$SEALMEM" $'a\nb\e[31m'
    assert_usage "" "unknown command 'a\\nb\\x1b[31m'"
}

@test "it is an error if standard output is on a full disk" {
    for arguments in --help --version "demo --help" demo probe "probe --json"; do
        # shellcheck disable=SC2086
        run --separate-stderr -2 sh -c '"$@" >/dev/full' sh "$SEALMEM" $arguments
        [[ $stderr == "sealmem: "*"cannot write to standard output: No space left on device" ]]
        [[ $stderr != *$'\n'* ]]
    done
}

@test "run and exec exit with 125 if standard output is on a full disk" {
    for command in run exec; do
        run --separate-stderr -125 sh -c '"$@" >/dev/full' sh "$SEALMEM" "$command" --help
        [[ $stderr == "sealmem: $command: cannot write to standard output: No space left on device" ]]
    done
}

@test "a closed standard output is an error" {
    for arguments in --help --version "demo --help" demo probe "probe --json"; do
        # shellcheck disable=SC2086
        run --separate-stderr -2 sh -c '"$@" >&-' sh "$SEALMEM" $arguments
        [[ $stderr == "sealmem: "*"cannot write to standard output: Bad file descriptor" ]]
        [[ $stderr != *$'\n'* ]]
    done
}

@test "closed standard input and error cause no failure" {
    run -0 sh -c '"$@" <&- 2>&-' sh "$SEALMEM" demo
    [ "${#lines[@]}" = 6 ]
}

@test "memory does not reuse closed standard descriptors" {
    for closed in '<&-' '2>&-' '<&- 2>&-'; do
        run -0 sh -c "\"\$@\" $closed" sh "$SEALMEM" demo --explain
        grep -qE 'memfd_create\(.*\) = ([3-9]|[1-9][0-9]+)$' <<<"$output"
    done
}

@test "the command ends silently if its reader exits" {
    run --separate-stderr bash -c '"$@" | true; exit ${PIPESTATUS[0]}' bash "$SEALMEM" probe
    [ -z "$stderr" ]
}

@test "the command runs without any environment" {
    run -0 env -i "$SEALMEM" demo
    [ "${#lines[@]}" = 6 ]
}

@test "a library that only some commands need is loaded by these alone" {
    ldd "$SEALMEM" >/dev/null 2>&1 || skip "linked statically"
    [[ $(ldd "$SEALMEM") != *libsmartcols* && $(ldd "$SEALMEM") != *libjson-c* ]]
    : >"$BATS_TEST_TMPDIR/libjson-c.so.5"
    LD_LIBRARY_PATH="$BATS_TEST_TMPDIR" run -2 --separate-stderr "$SEALMEM" probe --json
    [ "$output" = "" ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == "sealmem: libjson-c.so.5 cannot be loaded: install it: "* ]]
    LD_LIBRARY_PATH="$BATS_TEST_TMPDIR" run -0 "$SEALMEM" probe
    LD_LIBRARY_PATH="$BATS_TEST_TMPDIR" run -0 "$SEALMEM" run -- true
}

@test "an error of a command that needs no locale otherwise shows the characters of the locale" {
    LC_ALL=C.UTF-8 run -127 "$SEALMEM" run -- "$BATS_TEST_TMPDIR/ü"
    [[ $output == *"/ü': "* ]]
    LC_ALL=C run -127 "$SEALMEM" run -- "$BATS_TEST_TMPDIR/ü"
    [[ $output == *'/\xc3\xbc'* ]]
}
