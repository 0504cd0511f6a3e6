#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

load live

# Programs that do not take a link to a descriptor, with the regular files of --files.

setup() {
    cd "$DIR"
    PLACE=$DIR/files-$BATS_TEST_NUMBER
    mkdir -p "$PLACE"
    chmod 755 "$DIR" "$PLACE"
    KEY=x "${PLAIN[@]}" "$SEALMEM" run --files="$PLACE" --secret key=env:KEY -- true 2>/dev/null ||
        skip "no user namespaces here"
}

with_config() {
    CONFIG='{"port":443}' "${PLAIN[@]}" "$SEALMEM" run "$@"
}

@test "node requires a JSON file, which it does not with a link to a descriptor" {
    run -0 with_config --files="$PLACE" --secret config.json=env:CONFIG -- \
        node -p 'require(process.env.CREDENTIALS_DIRECTORY + "/config.json").port'
    [ "$output" = 443 ]
    run ! with_config --secret config.json=env:CONFIG -- \
        node -p 'require(process.env.CREDENTIALS_DIRECTORY + "/config.json").port'
}

@test "a program with O_NOFOLLOW opens a file, and no link" {
    OPEN='import os; os.read(os.open(os.environ["CREDENTIALS_DIRECTORY"] + "/key", os.O_RDONLY | os.O_NOFOLLOW), 9)'
    run -0 with_config --files="$PLACE" --secret key=env:CONFIG -- python3 -c "$OPEN"
    run -1 with_config --secret key=env:CONFIG -- python3 -c "$OPEN"
    [[ $output == *"Too many levels of symbolic links"* ]]
}

@test "bwrap mounts a file into its own root" {
    command -v bwrap >/dev/null || skip "no bwrap"
    bwrap --ro-bind / / true 2>/dev/null || skip "bwrap does not work here"
    run -0 with_config --files="$PLACE" --secret key=env:CONFIG -- \
        bwrap --ro-bind /usr /usr --symlink usr/lib /lib --symlink usr/lib64 /lib64 --symlink usr/bin /bin \
        --ro-bind {key} /key cat /key
    [ "$output" = '{"port":443}' ]
}
