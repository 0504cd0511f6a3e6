#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016
#
# ./check counts, and tells what failed: when it does that wrong, nobody notices. So it runs here on a project of two
# tests. Programs that take notes stand in for dpkg-query, apt-get and id, so that nothing is installed.

bats_require_minimum_version 1.5.0

setup() {
    work=$(mktemp -d)
    mkdir "$work/bin" "$work/tmp" "$work/tree"
    cp -R "$SOURCE/check" "$SOURCE/scripts" "$SOURCE/meson_options.txt" "$work/tree"
    cd "$work/tree" || return
    user=0
    installed=installed
    instead id 'echo "$user"'
    instead dpkg-query 'echo "$installed"'
    instead apt-cache true
    instead apt-get 'echo "$*" >>"$work/apt-get"'
    # Where the tree lies in another checkout, git finds that one.
    export work user installed TMPDIR=$work/tmp GIT_CEILING_DIRECTORIES=$work SEALMEM_CACHE=$work/cache PATH=$work/bin:$PATH
    unset SEALMEM_TEST_SCALE
}

teardown() {
    cd / && rm -rf "$work"
}

# instead PROGRAM TEXT: a shell script in its place.
instead() {
    printf '#!/bin/sh\n%s\n' "$2" >"$work/bin/$1"
    chmod 755 "$work/bin/$1"
}

# project SUITE TEXT...: the tests are shell scripts, and print TAP.
project() {
    local suite=$1 number=0

    shift
    echo "project('two-tests')" >meson.build
    for text in "$@"; do
        number=$((number + 1))
        printf '#!/bin/sh\n%s\n' "$text" >"test-$number"
        chmod 755 "test-$number"
        echo "test('test-$number', files('test-$number'), protocol: 'tap', suite: '$suite')" >>meson.build
    done
}

good='echo "1..1"; echo "ok 1 - it holds"'
bad='echo "1..2"; echo "ok 1 - it holds"; echo "not ok 2 - it falls"; echo "# because 1 is not 2"; exit 1'

@test "tests that pass are counted" {
    project unit "$good" "$good"
    run -0 ./check unit
    [[ $output =~ unit\ +ok ]]
    [ "${lines[-1]}" = "2 passed, 0 failed, 0 skipped" ]
}

@test "a test that fails beside others is counted, and its reason is shown" {
    project unit "$good" "$bad"
    run -1 ./check unit
    [[ $output =~ unit\ +FAIL ]]
    [[ $output == *"not ok 2 - it falls"*"# because 1 is not 2"* ]]
    [ "${lines[-1]}" = "2 passed, 1 failed, 0 skipped" ]
}

@test "a test that fails and exits with 0 is counted" {
    project unit "$good" "${bad%; exit 1}"
    run -1 ./check unit
    [ "${lines[-1]}" = "2 passed, 1 failed, 0 skipped" ]
}

@test "a test that a signal ends is counted" {
    project unit "$good" 'kill -SEGV $$'
    run -1 ./check unit
    [[ $output == *"not ok 1 test-2"* ]]
    [ "${lines[-1]}" = "1 passed, 1 failed, 0 skipped" ]
}

@test "beside a test that a signal ends, what others say is not shown" {
    project unit 'kill -SEGV $$' "sleep 1; echo chatter; $good"
    run -1 ./check unit
    [[ $output == *"not ok 1 test-1"* ]]
    [[ $output != *chatter* ]]
}

@test "a skipped test is counted" {
    project unit "$good" 'echo "1..1"; echo "ok 1 it holds # skip no such machine"'
    run -0 ./check unit
    [ "${lines[-1]}" = "1 passed, 0 failed, 1 skipped" ]
}

@test "after a stage that fails no other runs, unless --keep-going says so" {
    project unit "$good" "$bad"
    run -1 ./check unit attack
    [[ $output == *"Not run to the end, because a stage failed: attack"* ]]
    run -1 ./check --keep-going unit attack
    [[ $output =~ attack\ +ok ]]
}

@test "after the minutes of --within no stage begins, and those are named" {
    project unit "$good"
    run -0 ./check --within=0 unit attack
    [[ $output == *"Not run, because 0 minutes were over: unit attack"* ]]
    run -0 ./check --within=5 unit
    [[ $output =~ unit\ +ok ]]
    [[ $output != *"Not run"* ]]
    run -2 ./check --within=soon unit
}

# beside TEXT: a shell script in place of what makes a fresh Debian.
beside() {
    mkdir -p tests/packages
    printf '#!/bin/sh\n%s\n' "$1" >tests/packages/fresh
    chmod 755 tests/packages/fresh
}

@test "a fresh Debian is tried at the same time as other stages" {
    project unit 'timeout 60 sh -c "until [ -e $work/began ]; do sleep 0.1; done" && touch "$work/met"; echo 1..0'
    beside 'touch "$work/began"; timeout 60 sh -c "until [ -e $work/met ]; do sleep 0.1; done" && echo "5 passed, 0 failed"'
    run -0 ./check unit debian-12
    [[ $output =~ unit\ +ok ]]
    [[ $output =~ debian-12\ +ok ]]
    [ "${lines[-1]}" = "5 passed, 0 failed, 0 skipped" ]
}

@test "a stage that fails beside others fails the check" {
    project unit "$good"
    beside 'echo "5 passed, 1 failed"; exit 1'
    run -1 ./check --keep-going unit debian-12
    [[ $output =~ unit\ +ok ]]
    [[ $output =~ debian-12\ +FAIL ]]
    [[ $output == *"Failed after "*" s: debian-12;"* ]]
}

@test "what runs beside a stage that fails ends with it, and is named" {
    project unit 'timeout 60 sh -c "until [ -s $work/busy ]; do sleep 0.1; done"; exit 1'
    beside 'sh -c "echo \$\$ >$work/busy; exec sleep 300"'
    run -1 ./check unit debian-12
    [[ $output == *"Not run to the end, because a stage failed: debian-12"* ]]
    timeout 60 sh -c "while kill -0 $(cat "$work/busy"); do sleep 0.1; done" 2>/dev/null
}

@test "outside a git checkout the stage for style is skipped, and says why" {
    run -0 ./check style
    [[ $output =~ style\ +skip ]]
    [[ $output == *"this is no git checkout"* ]]
    [[ $output == *"Skipped: style"* ]]
    run -77 scripts/style.sh
}

@test "the stages in a fresh Debian are skipped if it is not possible here, and say why" {
    mkdir tests
    cp -R "$SOURCE/tests/packages" "$SOURCE/tests/kernels" tests
    instead debootstrap 'exit 1'
    instead unshare true
    run -0 ./check debian-12
    [[ $output =~ debian-12\ +skip ]]
    [[ $output == *"a fresh Debian bookworm: apt on this machine names no mirror"* ]]
    user=1000
    run -0 ./check debian-13
    [[ $output == *"a fresh Debian trixie: needs root"* ]]
}

@test "the stages in a fresh Debian are skipped where mounts are refused, and say why" {
    mkdir tests
    cp -R "$SOURCE/tests/packages" "$SOURCE/tests/kernels" tests
    instead debootstrap 'exit 1'
    instead unshare 'echo "unshare: unshare failed: Operation not permitted" >&2; exit 1'
    run -0 ./check debian-12
    [[ $output =~ debian-12\ +skip ]]
    [[ $output == *"mounts and chroot are not possible here: unshare: unshare failed: Operation not permitted"* ]]
}

# An empty release, and a program that begins to fill it and never ends, stand in for Debian's.
@test "a fresh Debian that is interrupted leaves neither files nor processes" {
    [ -x /usr/lib/apt/apt-helper ] || skip "this is no Debian"
    . /etc/os-release
    mkdir -p "$work/mirror/dists/bookworm"
    touch "$work/mirror/dists/bookworm/Release"
    instead apt-get "echo \"'file:$work/mirror/dists/$VERSION_CODENAME/main/binary-amd64/Packages'\""
    instead debootstrap true
    instead unshare 'case $* in *debootstrap*) mkdir "$SEALMEM_CACHE/fresh/bookworm/tree"; echo $$ >"$work/busy"; exec sleep 300 ;; esac'
    "$SOURCE/tests/packages/fresh" bookworm gcc true 3>&- &
    timeout 60 sh -c 'until [ -s "$work/busy" ]; do sleep 0.1; done'
    kill -s TERM $!
    status=0
    wait $! || status=$?
    [ "$status" -eq 143 ]
    [ ! -e "$SEALMEM_CACHE/fresh/bookworm/tree" ]
    run -1 kill -0 "$(cat "$work/busy")"
}

@test "a named stage installs its own packages only" {
    installed=not-installed
    run -0 ./check style
    grep -q '^install .* shellcheck' "$work/apt-get"
    run -1 grep -E ' (gcc|bats|clang|qemu-system-x86)( |$)' "$work/apt-get"
}

@test "packages are installed after another apt has finished" {
    installed=not-installed
    run -0 ./check style
    for act in update install; do
        grep -q "^$act .*-o DPkg::Lock::Timeout=[0-9]" "$work/apt-get"
    done
}

# Those in a Debian of their own, such as debian-12, build nothing here.
@test "every stage installs the packages of the build, if it builds" {
    installed=not-installed
    instead apt-get 'echo "$*" >>"$work/apt-get"; [ "$1" = update ]'
    for stage in $(./check --list | sed -n 's/ .*//; /^style$/d; /-1[0-9]$/d; p'); do
        : >"$work/apt-get"
        run -2 ./check "$stage"
        grep -q '^install .* meson .*ninja-build' "$work/apt-get" || echo "$stage: $(cat "$work/apt-get")" >>"$work/wrong"
    done
    [ ! -e "$work/wrong" ] || {
        cat "$work/wrong"
        false
    }
}

@test "a plain user is told which packages are missing, and nothing runs" {
    user=1000
    installed=not-installed
    run -2 ./check unit
    [[ $output == *"sudo apt-get install -y"*" meson"* ]]
    [ ! -e "$work/apt-get" ]
    [ ! -e build-check ]
}

@test "a stage that does not exist is an error" {
    run -2 ./check no-such-stage
    [[ $output == *"./check --list"* ]]
}

@test "./demo says what it does before it does it" {
    cp "$SOURCE/demo" .
    installed=
    instead meson 'echo "meson runs"; exit 1'
    run --separate-stderr -2 ./demo
    [ -z "$output" ]
    [[ ${stderr_lines[0]} == "Packages are missing. Updating the list"* ]]
    [[ ${stderr_lines[1]} == "Installing "* ]]
    [[ ${stderr_lines[2]} == "Building sealmem in build/."* ]]
    [ "${stderr_lines[3]}" = "meson runs" ]
}
