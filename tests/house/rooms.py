# SPDX-License-Identifier: MIT
"""
Who may include whom. docs/ARCHITECTURE.md says it in two tables, of rooms and of the floors of lib/; this
test reads both and every include of the tree, so that the document and the tree cannot differ.

    rooms.py SOURCE
"""

import fnmatch
import pathlib
import re
import shutil
import sys
import tempfile

import tap
import tree

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")


def table_after(text, heading):
    """The rows of the first table below a heading, as lists of cells."""
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


class House:
    """The tables of the document, and the tree that they are about."""

    def __init__(self, root):
        self.root = root
        self.text = text = tree.read(root / "docs" / "ARCHITECTURE.md")
        self.rooms = {
            CODE.findall(room)[0].rstrip("/"): {name.rstrip("/") for name in CODE.findall(allowed)}
            for room, allowed, *_ in table_after(text, "Rooms")
        }
        self.floors = [
            (int(number), pattern)
            for number, files, *_ in table_after(text, "The floors of the library")
            for pattern in CODE.findall(files)
        ]
        self.sources = tree.sources(root)

    def includes(self, path):
        """As paths from the root. A file of bindings/ writes them from its own folder, which is a package by itself."""
        start = path.parent if path.parts[0] == "bindings" else pathlib.PurePath()
        return [start / found for found in INCLUDE.findall(tree.read(self.root / path))]

    def floor(self, path):
        """The floor of a file of lib/, or None."""
        found = {number for number, pattern in self.floors if fnmatch.fnmatch(path.stem, pattern)}
        return found.pop() if len(found) == 1 else None

    def of_library(self):
        return [path for path in self.sources if path.parts[0] == "lib"]

    def missing_files(self):
        """Includes that do not name a file from the root of the tree."""
        for path in self.sources:
            for included in self.includes(path):
                if not (self.root / included).is_file():
                    yield f'{path}: "{included}" is not the path of a file from the root of the tree'

    def unknown_rooms(self):
        for room in sorted({path.parts[0] for path in self.sources} - self.rooms.keys()):
            yield f"{room}/ has no row in the table of rooms"

    def wrong_rooms(self):
        for path in self.sources:
            room = path.parts[0]
            for included in self.includes(path):
                other = included.parts[0]
                if other != room and other not in self.rooms.get(room, ()):
                    yield f'{path}: {room}/ may not include "{included}"'

    def without_floor(self):
        for path in self.of_library():
            if self.floor(path) is None:
                yield f"{path} has no floor, or two"
        stems = {path.stem for path in self.of_library()}
        for number, pattern in self.floors:
            if "*" not in pattern and not fnmatch.filter(stems, pattern):
                yield f"floor {number}: lib/ has no file {pattern}"

    def upward_includes(self):
        for path in self.of_library():
            for included in self.includes(path):
                if included.parts[0] == "lib" and (self.floor(included) or 0) > (self.floor(path) or 0):
                    yield (
                        f'{path} on floor {self.floor(path)} includes "{included}" '
                        f"of floor {self.floor(included)}"
                    )

    def stale_names(self):
        """Paths and functions of the document that the tree does not have."""
        code = "\n".join(tree.read(self.root / path) for path in self.sources)
        for name in sorted(set(CODE.findall(self.text))):
            if name.endswith("()") and not re.search(rf"\b{name[:-2]}\(", code):
                yield f"{name} is no function of the tree"
            elif re.fullmatch(r"[a-z/-]+\.(c|h|py|bats)", name) and not (self.root / name).is_file():
                yield f"{name} is no file of the tree"

    def faults(self):
        yield from self.missing_files()
        yield from self.unknown_rooms()
        yield from self.wrong_rooms()
        yield from self.without_floor()
        yield from self.upward_includes()


def broken(house, name, text):
    """What the test says about a copy of the tree in which one file has one line more, and not about the tree."""
    with tempfile.TemporaryDirectory() as place:
        root = pathlib.Path(place)
        for path in [*house.sources, pathlib.Path("docs/ARCHITECTURE.md")]:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(house.root / path, root / path)
        with open(root / name, "a", encoding="utf-8") as file:
            file.write(text)
        before = set(house.faults())
        return [fault for fault in House(root).faults() if fault not in before]


def test_every_include_is_written_from_the_root(house):
    tap.expect_none(house.missing_files())


def test_every_room_is_in_the_document(house):
    tap.expect_none(house.unknown_rooms())


def test_no_room_includes_one_that_it_may_not(house):
    tap.expect_none(house.wrong_rooms())


def test_every_file_of_the_library_is_on_one_floor(house):
    tap.expect_none(house.without_floor())


def test_no_floor_includes_a_higher_one(house):
    tap.expect_none(house.upward_includes())


def test_every_name_in_the_document_exists(house):
    tap.expect_none(house.stale_names())


def test_an_upward_include_between_rooms_is_noticed(house):
    said = broken(house, "lib/sys.c", '\n#include "attack/attack.h"\n')
    assert said == ['lib/sys.c: lib/ may not include "attack/attack.h"'], said


def test_an_upward_include_between_floors_is_noticed(house):
    said = broken(house, "lib/memfd.c", '\n#include "lib/region.h"\n')
    assert len(said) == 1 and said[0].startswith("lib/memfd.c on floor "), said


def test_a_file_of_the_library_without_a_floor_is_noticed(house):
    said = broken(house, "lib/nonesuch.c", "\n")
    assert said == ["lib/nonesuch.c has no floor, or two"], said


def test_a_room_that_is_not_in_the_document_is_noticed(house):
    house_with_shed = broken(house, "attack/shed.c", '\n#include "nonesuch/shed.h"\n')
    assert len(house_with_shed) == 2, house_with_shed


def main():
    return tap.run(sys.modules[__name__], House(pathlib.Path(sys.argv[1])))


sys.exit(main())
