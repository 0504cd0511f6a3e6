# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154

# For tests of an object that stands in for the secret memory of a library: a program of that library, with the object
# and without.

# use_program PROGRAM OBJECT WHAT: skips the test if there is no program, because WHAT is not installed.
use_program() {
    [ -n "$1" ] || skip "no $3, or a build with a sanitizer"
    # Where a plain user may read them.
    install -m 755 "$1" "$2" "$DIR/"
    user=$DIR/${1##*/}
    library=$DIR/${2##*/}
}

# says TEXT WORDS ARGUMENT...: what the program prints, with these words in the environment; "none" preloads nothing.
says() {
    local expected=$1 words=$2 preload=(env LD_PRELOAD="$library" SEALMEM_SECRET_HEAP="$2")

    shift 2
    [ "$words" != none ] || preload=()
    run -0 --separate-stderr "${preload[@]}" "$user" "$@"
    [ "$output" = "$expected" ] || { echo "$words $*: $output" && return 1; }
}

need_secrecy() {
    "$SEALMEM" probe --require SECRECY >/dev/null 2>&1 || skip "this kernel has no memfd_secret"
}
