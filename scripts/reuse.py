#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Checks the rule of REUSE: each file that git tracks names its licence, in itself or in REUSE.toml, and each licence that
is named is in LICENSES/. It reads of REUSE.toml what ours uses: lists of paths.
"""

import fnmatch
import pathlib
import re
import subprocess
import sys

# The text of a licence needs none.
FREE = ("LICENSE", "LICENSES/*", "REUSE.toml")
TAG = re.compile(r"SPDX-License-Identifier" + r": *([A-Za-z0-9.-]+)")


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True).stdout
    return [name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name]


def covered_paths(text):
    for block in re.findall(r"^path = \[(.*?)\]", text, re.MULTILINE | re.DOTALL):
        yield from re.findall(r'"([^"]*)"', block)


def licences_in(path):
    if not path.is_file() or path.is_symlink():
        return []
    with path.open("rb") as file:
        return TAG.findall(file.read(2000).decode("utf-8", "replace"))


def main():
    text = pathlib.Path("REUSE.toml").read_text(encoding="utf-8")
    covered = [*FREE, *covered_paths(text)]
    named = set(TAG.findall(text))
    wrong = []
    for name in tracked():
        licences = licences_in(pathlib.Path(name))
        named.update(licences)
        if not licences and not any(fnmatch.fnmatchcase(name, pattern) for pattern in covered):
            wrong.append(f"{name}: names no licence")
    for licence in sorted(named):
        if not pathlib.Path("LICENSES", licence + ".txt").exists():
            wrong.append(f"LICENSES/{licence}.txt: is missing")
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


sys.exit(main())
