#!/bin/sh
# SPDX-License-Identifier: MIT
#
# plain-user.sh BUILD PLACE: runs the tests of a build as a user without privileges, from copies in
# PLACE. Much behaves differently as root: limits do not bind it, and files open that should not.

set -u
build=$1
place=$2
status=0

# Already a plain user: the tests have run as one.
[ "$(id -u)" -eq 0 ] || exit 0

as_plain_user() {
    setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
        env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$place/tmp" TMPDIR="$place/tmp" "$@"
}

mkdir "$place/unit" "$place/bin" &&
    find "$build/tests/unit" "$build/tests/promises" "$build/tests/faults" "$build/tests/filter" "$build/tests/audit" \
        "$build/tests/attack" \
        -maxdepth 1 -type f -perm -u+x -exec cp {} "$place/unit" \; &&
    cp "$build/tools/sealmem" "$build/tests/cli/forbid" "$build/tests/cli/mapped" "$build/tests/cli/pretend-sealed.so" \
        "$build/tests/cli/stalled" "$build/tests/cli/marked" "$build/tests/cli/unmarked" "$build/tests/cli/marked_static" \
        "$build/tests/cli/written" "$build/tests/cli/written-plain" \
        "$build/tests/examples/witness" "$build/examples/policy" "$build/examples/tls" "$build/examples/keyring" \
        examples/models "$place/bin" &&
    find "$build/lib" -maxdepth 1 -type f -name 'libsealmem.so.*' -exec cp {} "$place/bin" \; &&
    find "$build/tests/live" "$build/preload" -maxdepth 1 -type f -perm -u+x -exec cp {} "$place/bin" \; &&
    cp -R completions docs man tests/audit tests/cli tests/examples tests/live "$place" && cd "$place" || exit 1
bin=$place/bin
image_objects="$bin/libsealmem-image.so $bin/libsealmem-image-later.so"

# Beside the others, because both mostly wait.
as_plain_user SEALMEM_TEST_SCALE=20 SEALMEM="$bin/sealmem" LISTEN="$bin/listen" FORBID="$bin/forbid" \
    UNDER_FILTER="$bin/under-filter" OPENER="$bin/opener" MSEAL_LIBRARY="$bin/libsealmem-mseal.so" MSEAL_LINKED="$bin/mseal-linked" \
    MSEAL_NEWER="$bin/mseal-newer" IMAGE_OBJECTS="$image_objects" INTRUDER="$bin/intruder.so" \
    SODIUM_LIBRARY="$bin/libsealmem-sodium.so" SODIUM_USER="$bin/sodium-user" \
    OPENSSL_LIBRARY="$bin/libsealmem-openssl.so" OPENSSL_USER="$bin/openssl-user" SYMBOLIC="$bin/symbolic.so" \
    GCRYPT_LIBRARY="$bin/libsealmem-gcrypt.so" GCRYPT_USER="$bin/gcrypt-user" THREE_USER="$bin/three-user" \
    MODELS="$bin/models" \
    bats --tap live >live.tap 2>&1 &
live=$!

# Two on each processor. What one says is shown when it has ended, in one piece.
# shellcheck disable=SC2016 # the inner shell expands it
find unit -type f ! -name '*.so' ! -name record ! -name filter-dump | sort |
    as_plain_user SEALMEM_TEST_SCALE=5 xargs -P "$(($(nproc) * 2))" -I '{}' sh -c '
        said=tmp/$(basename "$1").said
        echo "== $1" >"$said"
        "$1" >>"$said" 2>&1
        ended=$?
        cat "$said"
        [ "$ended" -eq 0 ] || [ "$ended" -eq 77 ]' - '{}' || status=1
as_plain_user SEALMEM="$bin/sealmem" FORBID="$bin/forbid" PRETEND_SEALED="$bin/pretend-sealed.so" \
    MAPPED="$bin/mapped" STALLED="$bin/stalled" MARKED="$bin/marked" MARKED_STATIC="$bin/marked_static" \
    UNMARKED="$bin/unmarked" WRITTEN="$bin/written" WRITTEN_PLAIN="$bin/written-plain" \
    IMAGE_OBJECTS="$image_objects" CC=cc SOURCE="$place" bats --tap cli || status=1
for example in policy tls keyring; do
    as_plain_user PROGRAM="$bin/$example" WITNESS="$bin/witness" LIBRARY="$(ls "$bin"/libsealmem.so.*)" \
        bats --tap "examples/$example.bats" || status=1
done
wait "$live" || status=1
cat live.tap
exit "$status"
