#!/bin/bash -eu
# SPDX-License-Identifier: MIT
#
# Builds the fuzzers with the compiler, flags and engine that OSS-Fuzz sets, and packs their corpora.
# Anywhere else:
#     CC=clang CFLAGS="-O1 -fsanitize=fuzzer-no-link,address" LIB_FUZZING_ENGINE="-fsanitize=fuzzer,address" \
#         OUT=/tmp/fuzzers packaging/oss-fuzz/build.sh

cd "$(dirname "$0")/../.."
mkdir -p "$OUT"
directory=$PWD/build-oss-fuzz
rm -rf "$directory"
meson setup "$directory" -Dauto_features=disabled -Ddefault_library=static -Db_lundef=false \
    "-Dfuzz_engine=$LIB_FUZZING_ENGINE"

pack() {
    work=$(mktemp -d)
    fuzz/unpack "$1" "$work"
    (cd "$work" && python3 -m zipfile -c "$2" ./*)
    rm -rf "$work"
}

for corpus in fuzz/*.corpus; do
    fuzzer=fuzz-$(basename "$corpus" .corpus)
    ninja -C "$directory" "fuzz/$fuzzer"
    cp "$directory/fuzz/$fuzzer" "$OUT"
    pack "$corpus" "$(realpath "$OUT")/${fuzzer}_seed_corpus.zip"
done
