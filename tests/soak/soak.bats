# SPDX-License-Identifier: MIT
# shellcheck shell=bash

# That everything can go on at once for some seconds, and that the soak says so when it cannot.

setup() {
    bats_require_minimum_version 1.5.0
}

@test "everything at once, for some seconds" {
    run -0 "$SOAK" "$SEALMEM" 8
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == "soak: 0.1 minutes, "*"; nothing grew, and nothing was lost" ]]
}

@test "a worker that loses something ends the soak" {
    run -1 "$SOAK" /nonexistent/sealmem 8
    [[ $output == *"audit: sealmem audit exited with 127"*"soak: FAILED" ]]
}

@test "a worker that gives nothing back fails the soak" {
    run -1 "$SOAK" "$SEALMEM" 8 leak
    [[ $output == *"leak: descriptors grew from "* ]]
    [[ $output == *"leak: mappings grew from "* ]]
}

@test "the soak needs a command and a time" {
    run -2 "$SOAK" "$SEALMEM"
    run -2 "$SOAK" "$SEALMEM" 1
}
