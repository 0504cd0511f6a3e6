#!/bin/sh
# SPDX-License-Identifier: MIT
#
# installed.sh DESTDIR: checks that `meson install` put everything there, and that a program which knows only pkg-config
# builds against the shared and the static library and runs. Then another project builds with this one inside it.

set -eu
dest=$1
pc=$(find "$dest" -name sealmem.pc)
lib=$(dirname "$(dirname "$pc")")
prefix=${lib%/lib*}
program=tests/packages/subproject/program.c

for file in include/sealmem.h bin/sealmem share/man/man1/sealmem.1 share/man/man3/sealmem_region_new.3 \
    share/man/man7/sealmem.7 share/bash-completion/completions/sealmem \
    share/zsh/site-functions/_sealmem share/fish/vendor_completions.d/sealmem.fish; do
    [ -e "$prefix/$file" ] || [ -e "$prefix/$file.gz" ] || {
        echo "missing: $file"
        exit 1
    }
done

# What is exported is what the version script names, no less and no more.
sed -n 's/^\t\(sealmem_[a-z_]*\);$/\1/p' lib/libsealmem.sym | sort >"$dest/named"
nm -D --defined-only "$lib/libsealmem.so" | sed -n 's/.* T \([a-z_]*\)@@.*/\1/p' | sort >"$dest/exported"
diff "$dest/named" "$dest/exported"

export PKG_CONFIG_PATH="$lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$dest"
# shellcheck disable=SC2046 # lists of options
for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || continue
    $compiler -Wall -Wextra -Werror -pedantic -std=c11 -o "$dest/shared" "$program" \
        $(pkg-config --cflags --libs sealmem)
    LD_LIBRARY_PATH="$lib" "$dest/shared"
    $compiler -static -Werror -o "$dest/static" "$program" $(pkg-config --static --cflags --libs sealmem)
    "$dest/static"
done

# Without pkg-config's file, so that the other project takes the subproject.
unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
cp -R tests/packages/subproject "$dest/consumer"
mkdir "$dest/consumer/subprojects"
ln -s "$PWD" "$dest/consumer/subprojects/sealmem"
meson setup "$dest/consumer/build" "$dest/consumer" --force-fallback-for=sealmem
ninja -C "$dest/consumer/build"
"$dest/consumer/build/consumer"
[ ! -e "$dest/consumer/build/subprojects/sealmem/tools/sealmem" ] || {
    echo "the subproject builds the command"
    exit 1
}
echo "installed: everything is there, and programs build with it"
