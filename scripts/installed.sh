#!/bin/sh
# SPDX-License-Identifier: MIT
#
# installed.sh DESTDIR: what `meson install` put there is complete, and a program that knows nothing but
# pkg-config can be built with it, against the shared and the static library, and runs.

set -eu
dest=$1
pc=$(find "$dest" -name sealmem.pc)
lib=$(dirname "$(dirname "$pc")")
prefix=${lib%/lib*}

for file in include/sealmem.h bin/sealmem share/man/man1/sealmem.1 share/man/man3/sealmem_region_new.3 \
    share/man/man7/sealmem.7 share/bash-completion/completions/sealmem \
    share/zsh/site-functions/_sealmem share/fish/vendor_completions.d/sealmem.fish; do
    [ -e "$prefix/$file" ] || [ -e "$prefix/$file.gz" ] || { echo "missing: $file"; exit 1; }
done

# What is exported is what the version script names, no less and no more.
sed -n 's/^\t\(sealmem_[a-z_]*\);$/\1/p' lib/libsealmem.sym | sort >"$dest/named"
nm -D --defined-only "$lib/libsealmem.so" | sed -n 's/.* T \([a-z_]*\)@@.*/\1/p' | sort >"$dest/exported"
diff "$dest/named" "$dest/exported"

cat >"$dest/program.c" <<'C'
#include <sealmem.h>
#include <string.h>

int main(void)
{
	struct sealmem_region *region;

	if (sealmem_region_new_from(&region, "installed", "abc", 4, SEALMEM_CONTENT) < 0)
		return 1;
	if (strcmp(sealmem_region_data(region), "abc") != 0)
		return 1;
	return sealmem_region_free(region) != NULL;
}
C
export PKG_CONFIG_PATH="$lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$dest"
# shellcheck disable=SC2046 # lists of options
for compiler in gcc clang; do
    $compiler -Wall -Wextra -Werror -pedantic -std=c11 -o "$dest/shared" "$dest/program.c" \
        $(pkg-config --cflags --libs sealmem)
    LD_LIBRARY_PATH="$lib" "$dest/shared"
    $compiler -static -Werror -o "$dest/static" "$dest/program.c" $(pkg-config --static --cflags --libs sealmem)
    "$dest/static"
done
echo "installed: complete, and programs build with it"
