#!/bin/sh
# SPDX-License-Identifier: MIT
#
# installed.sh DESTDIR: checks that `meson install` put everything there, and that other projects build with it by
# pkg-config, CMake and Meson, and with the source inside them.

set -eu
dest=$1
pc=$(find "$dest" -name sealmem.pc)
lib=$(dirname "$(dirname "$pc")")
prefix=${lib%/lib*}

for file in include/sealmem.h include/sealmem.hpp bin/sealmem share/man/man1/sealmem.1 share/man/man3/sealmem_region_new.3 \
    share/man/man7/sealmem.7 share/bash-completion/completions/sealmem \
    ${lib#"$prefix/"}/sealmem/libsealmem-image.so ${lib#"$prefix/"}/sealmem/libsealmem-sodium.so \
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

tests/packages/build-systems "$prefix" "$dest/consumers"
echo "installed: everything is there, and programs build with it"
