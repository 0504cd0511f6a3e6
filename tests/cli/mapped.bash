# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154

# Processes to look at, for the tests of the audit. MAPPED is the path of mapped.c, which lists the scenes.

# mapped SCENE...: a process to look at; its PID is $target, what it printed is in $places.
mapped() {
    places=$BATS_TEST_TMPDIR/places
    mkfifo "$BATS_TEST_TMPDIR/stay"
    "${AS[@]}" "$MAPPED" "$@" <"$BATS_TEST_TMPDIR/stay" >"$places" 3>&- &
    target=$!
    exec 9>"$BATS_TEST_TMPDIR/stay"
    until [ "$(wc -l <"$places")" -ge $# ]; do
        kill -0 $target || return
        sleep 0.02
    done
    if grep -q ' -$' "$places"; then
        skip "this kernel does not give $(sed -n 's/ -$//p' "$places" | head -n 1)"
    fi
}

teardown() {
    exec 9>&-
    [ -z "$target" ] || wait "$target" || true
}

# of SCENE FILTER: what the audit says of a scene, in JSON, through a jq filter. The answer of the audit is in $output.
of() {
    local place
    place=$(sed -n "s/^$1 //p" "$places")
    case $place in
    fd*) jq -r --argjson fd "${place#fd }" \
        ".processes[0].mappings[] | select(.descriptor == \$fd) | $2" <<<"$output" ;;
    *) jq -r --arg at "0x$place" ".processes[0].mappings[] | select(.start == \$at) | $2" <<<"$output" ;;
    esac
}

guarantees() {
    of "$1" '.guarantees | join(" ")'
}

flags() {
    of "$1" '.flags | join(" ")'
}

# In a process namespace of its own, with a /proc that hides what others own.
with_hidden_processes() {
    # shellcheck disable=SC2016
    unshare --pid --fork --mount --propagation private sh -c '
        mount -t proc -o hidepid=2 none /proc || exit 3
        "$@"' sh "$@"
}
