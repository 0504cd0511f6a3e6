#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Checks the form of what git tracks: the format of C and of shell, shellcheck, and that each file names its licence.
# Outside a checkout it exits with 77, and says so.

set -u
status=0

if ! git rev-parse --git-dir >/dev/null 2>&1; then
    echo "style: this is no git checkout, and git knows which files to check"
    exit 77
fi

# The files whose first line says that sh or bash runs them, and the ones that another script reads.
shell_files() {
    git ls-files | while read -r file; do
        case $file in
        *.sh | *.bash) echo "$file" ;;
        *) if head -n 1 "$file" 2>/dev/null | grep -aq '^#!/bin/sh\|^#!.*bash$'; then echo "$file"; fi ;;
        esac
    done
}

git ls-files '*.c' '*.h' '*.cpp' '*.hpp' | xargs clang-format --dry-run -Werror || status=1
shell_files | xargs shellcheck -x || status=1
shell_files | xargs shfmt -i 4 -d || status=1
scripts/reuse.py || status=1
exit "$status"
