#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154

# The example that shares a directory of models: how much memory its workers take together, and what it refuses.

load live

setup() {
    cd "$DIR" || return
    PATH=$(dirname "$SEALMEM"):$PATH
    # What it starts has this directory on its command line.
    export TMPDIR=$DIR
    rm -rf models
    mkdir models
}

# The last line says it, in KiB.
taken_together() {
    [[ ${lines[-1]} =~ ^all\ together\ take\ ([0-9]+)\ KiB$ ]] && echo "${BASH_REMATCH[1]}"
}

@test "four workers that have read all models take the memory of one copy" {
    head -c 30000000 /dev/urandom >models/large
    head -c 5000000 /dev/urandom >models/small
    run -0 "$MODELS" models 4
    [ "${#lines[@]}" -eq 5 ]
    for i in 0 1 2 3; do
        [[ ${lines[i]} =~ ^worker\ $((i + 1))\ sees\ ([0-9]+)\ KiB ]]
        [ "${BASH_REMATCH[1]}" -ge $((35000000 / 1024)) ]
    done
    [ "$(taken_together)" -le $((35000000 / 1024 * 101 / 100)) ]
}

@test "while the workers run, they and the server are there, and when it ends, none of them" {
    head -c 100000 /dev/urandom >models/one
    "$MODELS" models 2 >out 2>&1 3>&- &
    timeout 60 sh -c 'until pgrep -f "$0/tmp[.].*/socket" >/dev/null; do sleep 0.01; done' "$DIR"
    wait $!
    run ! pgrep -f "$DIR/tmp[.].*/socket"
}

@test "a directory without models, and one whose names would be taken apart, are refused with one line" {
    run -2 "$MODELS" models
    [ "$output" = "models: there is no file in models" ]
    echo x >"models/a b"
    run -2 "$MODELS" models
    [ "$output" = "models: the name of a model has letters, digits and ._- only, unlike models/a b" ]
}

@test "a model that cannot be served ends it with the reason, and leaves no process" {
    : >models/empty
    run -2 "$MODELS" models
    [[ $output == "models: "*empty* ]]
    run ! pgrep -f "$DIR/tmp[.].*/socket"
}
