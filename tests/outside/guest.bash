# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
#
# For the tests of programs that are sealed from outside: a directory for each file of tests, and a guest, which is
# guest.c or another program that answers lines.

make_place() {
    export LC_ALL=C.UTF-8
    DIR=$(mktemp -d)
    chmod 755 "$DIR"
    export DIR
}

setup_file() {
    make_place
}

teardown_file() {
    rm -rf "$DIR"
}

need() {
    type -P "$1" >/dev/null || skip "no $1"
}

# build NAME SOURCE... -- COMPILER OPTION...: of files in this directory.
build() {
    local name=$1 sources=()

    shift
    while [ "$1" != -- ]; do
        sources+=("$SOURCE/tests/outside/$1")
        shift
    done
    shift
    "$@" -D_GNU_SOURCE -O1 "-I$SOURCE" "${sources[@]}" -o "$name" 2>build.log || skip "$* builds no program here"
}

# build_guest NAME COMPILER OPTION...
build_guest() {
    build "$1" guest.c acts.c -- "${@:2}"
}

# Until a child of this shell has executed its program, it is another shell.
await_program() {
    local tries=3000

    while [ /proc/"$1"/exe -ef /proc/self/exe ] && ((tries--)); do
        sleep 0.01
    done
}

# open_guest COMMAND...: starts it; $guest is its PID. Lines go to descriptor 5 and come from 6.
open_guest() {
    rm -f to from
    mkfifo to from
    "$@" <to >from 3>&- 4>&- &
    guest=$!
    exec 5>to 6<from
    await_program "$guest"
}

close_guest() {
    exec 5>&- 6<&-
}

# ask LINE: the lines of the answer until a number.
ask() {
    local line

    echo "$1" >&5
    while read -r -t 60 line <&6; do
        echo "$line"
        [[ ! $line =~ ^[0-9]+$ ]] || return 0
    done
    return 1
}
