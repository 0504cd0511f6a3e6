# SPDX-License-Identifier: MIT
"""
The files of the source tree, for the tests that read it: how the house is built, and how it speaks. A
builder's directory may lie inside the tree, so a build is recognised and left out.
"""

import os
import pathlib


def is_build(directory, names):
    return "meson-private" in names or directory.name.startswith("build-")


def files(root):
    """The path of every file of the tree, relative to its root and sorted."""
    found = []
    for place, directories, names in os.walk(root):
        here = pathlib.Path(place)
        if is_build(here, directories):
            directories.clear()
            continue
        directories[:] = [name for name in directories if name not in (".git", "__pycache__", ".mypy_cache")]
        found += [(here / name).relative_to(root) for name in names]
    return sorted(found)


def sources(root):
    """Those in C."""
    return [path for path in files(root) if path.suffix in (".c", ".h")]


def read(path):
    return path.read_text(encoding="utf-8", errors="replace")
