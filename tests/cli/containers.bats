#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154
#
# docs/CONTAINERS.md says which system calls a container has to allow for which guarantee. Each row of its table is tried
# under a filter that refuses the call.

bats_require_minimum_version 1.5.0

rows() {
    sed -n 's/^| `\([a-z0-9_]*\)` | `\([A-Z]*\)`.*/\1 \2/p' "$SOURCE/docs/CONTAINERS.md"
}

given() {
    "$@" "$SEALMEM" probe --json | jq -r '.guarantees[] | select(.given) | .name' | sort
}

@test "each system call of the table in docs/CONTAINERS.md is needed for the guarantee that it names" {
    [ "$(rows | wc -l)" -ge 6 ]
    before=$(given env)
    while read -r call guarantee; do
        grep -qx "$guarantee" <<<"$before" || continue
        run -1 grep -x "$guarantee" <<<"$(given "$FORBID" "$call=EPERM" --)"
    done < <(rows)
}

@test "without the call of one guarantee, the others stay" {
    before=$(given env)
    while read -r call guarantee; do
        [ "$guarantee" != CONTENT ] || continue
        diff <(grep -vx "$guarantee" <<<"$before") <(given "$FORBID" "$call=EPERM" --)
    done < <(rows)
}
