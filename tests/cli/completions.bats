#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

# These tests check that --help, the manual and the completions name the same commands and options. They ask the
# shells instead of reading the files, because a file that a shell cannot parse completes nothing.

bats_require_minimum_version 1.5.0

setup_file() {
    export LC_ALL=C.UTF-8
    export COMPLETIONS=$SOURCE/completions HOME=$BATS_FILE_TMPDIR
}

commands() {
    "$SEALMEM" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# The long options in a text, one a line.
options_in() {
    grep -oE '(^|[^a-z-])--[a-z][a-z0-9-]*' | grep -oE -- '--.*' | sort -u
}

options_of() {
    "$SEALMEM" ${1:+"$1"} --help | sed -n 's/^  \(-.*\)/\1/p' | sed 's/   .*//' | options_in
}

# Prints what bash offers for a command line: complete_bash WORD...
complete_bash() {
    bash --norc -c 'source "$COMPLETIONS/sealmem.bash"; compopt() { :; }
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sealmem; printf "%s\n" "${COMPREPLY[@]}"' bash sealmem "$@"
}

complete_fish() {
    fish --no-config -c 'source $COMPLETIONS/sealmem.fish; complete --do-complete "'"sealmem $*"'"' | cut -f1
}

# zsh completes only on a terminal, so it gets one.
complete_zsh() {
    python3 - "$COMPLETIONS" "sealmem $*" <<'END'
import os, pty, re, select, sys, time
directory, line = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(TERM="dumb", PS1="", COLUMNS="200", LINES="100")
    os.execvp("zsh", ["zsh", "-f", "-i"])
def read_until(mark):
    got = ""
    deadline = time.time() + 20
    while mark not in got and select.select([terminal], [], [], max(0, deadline - time.time()))[0]:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        got += part.decode(errors="replace")
    return got
def say(text):
    os.write(terminal, text.encode())
# Control-X after the line prints a mark, which shows that the list is complete.
say(f"stty cols 200 rows 100; fpath=({directory} $fpath); autoload -Uz compinit; compinit -u -D; "
    "zstyle ':completion:*' list-prompt ''; setopt nobeep auto_list list_rows_first; LISTMAX=1000; "
    "mark() { print lis''ted }; zle -N mark; bindkey '^X' mark; print rea''dy\n")
read_until("ready")
say(line + "\t\t\x18")
shown = read_until("listed").replace("listed", "")
os.close(terminal)
print(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", shown))
END
}

need() {
    type -P "$1" >/dev/null || skip "no $1"
}

same() {
    diff <(printf '%s\n' "$1") <(printf '%s\n' "$2")
}

@test "the manual names the options that --help names" {
    for command in $(commands | grep -v help); do
        page=$SOURCE/man/sealmem-$command.1.scd
        same "$(options_of "$command")" "$(sed -n '/^# OPTIONS/,/^# /{/^\*-/p}' "$page" | options_in)"
    done
}

@test "bash completes the commands and options that --help names" {
    same "$(commands | sort)" "$(complete_bash '' | sort)"
    same "$(options_of)" "$(complete_bash -- -- | sort)" || same "$(options_of)" "$(complete_bash -- | sort)"
    for command in $(commands | grep -v help); do
        same "$(options_of "$command")" "$(complete_bash "$command" -- | sort)"
    done
}

@test "bash knows which options take a value" {
    for command in $(commands | grep -v help); do
        for option in $(options_of "$command"); do
            if "$SEALMEM" "$command" --help | grep -qE -- "^ +(-., )?$option [A-Z]"; then
                [ -z "$(complete_bash "$command" "$option" --)" ]
            else
                [ -n "$(complete_bash "$command" "$option" --)" ]
            fi
        done
    done
}

@test "bash completes files for the options that take one" {
    cd "$BATS_TEST_TMPDIR"
    touch only-file
    [ "$(complete_bash demo --file only)" = only-file ]
    [ "$(complete_bash exec --like only)" = only-file ]
    [ "$(complete_bash run --secret NAME = only)" = only-file ]
    [ "$(complete_bash run --secret NAME = env)" = env: ]
}

# audit prints these lists from its tables.
@test "every shell knows the columns and flags that audit --help names" {
    help=$("$SEALMEM" audit --help)
    for word in $(sed -n '/^Columns:/,/^$/{/^Columns:/!p}' <<<"$help") \
        $(sed -n '/^Flags:/,/^Columns:/s/^  \([a-z-][a-z-]*\) .*/\1/p' <<<"$help"); do
        for file in sealmem.bash _sealmem sealmem.fish; do
            grep -qw -- "$word" "$COMPLETIONS/$file"
        done
    done
    [ "$(complete_bash audit --columns GUAR)" = GUARANTEES ]
    [ "$(complete_bash audit --require no-write)" = no-write-execute ]
    complete_bash audit '' | grep -qx $$
}

@test "bash completes the command that is started, with and without --" {
    [[ $(complete_bash run ca) == *cat* ]]
    [[ $(complete_bash run --env-file -- ca) == *cat* ]]
    [[ $(complete_bash run --secret NAME = file ca) == *cat* ]]
    [[ $(complete_bash exec ca) == *cat* ]]
    [[ $(complete_bash audit --json -- ca) == *cat* ]]
}

@test "fish completes the commands and options that --help names" {
    need fish
    same "$(commands | sort)" "$(complete_fish '' | sort)"
    same "$(options_of)" "$(complete_fish -- | options_in)"
    for command in $(commands | grep -v help); do
        same "$(options_of "$command")" "$(complete_fish "$command" -- | options_in)"
    done
}

@test "zsh completes the commands and options that --help names" {
    need zsh
    shown=$(complete_zsh '')
    for command in $(commands); do
        grep -qE "(^|  )$command +-- " <<<"$shown"
    done
    for command in $(commands | grep -v help); do
        same "$(options_of "$command")" "$(complete_zsh "$command" -- | sed '1d' | options_in)"
    done
}
