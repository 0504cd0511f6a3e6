# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# A command that was built without json-c writes what json-c writes.

bats_require_minimum_version 1.5.0

# Some versions of json-c break the line in what is empty.
join_empty() {
    sed -z 's/{\n *}/{}/g;s/\[\n *\]/[]/g'
}

@test "JSON without json-c is that of json-c, in both forms" {
    [ -n "$WRITTEN" ] || skip "built without json-c"
    run -0 cmp <("$WRITTEN" | join_empty) <("$WRITTEN_PLAIN")
    [ "$("$WRITTEN_PLAIN" | wc -l)" -gt 15 ]
}

@test "what is written without json-c can be read" {
    "$WRITTEN_PLAIN" | LC_ALL=C sed 's/[\x80-\xff]//g' >"$BATS_TEST_TMPDIR/written"
    run -0 jq -c '[.number, .great > 1e19, ."a \"name\"/\n", .list[1]]' "$BATS_TEST_TMPDIR/written"
    [ "${lines[0]}" = "[-1,true,true,null]" ]
    [ "${lines[1]}" = "${lines[0]}" ]
}
