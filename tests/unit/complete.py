# SPDX-License-Identifier: MIT
"""
Each file of lib/ has its tests in tests/unit, under the same name. A part of a file, such as region-secret.c, is tested
where the whole is: with region.c. What is tested elsewhere stands in the table below.

    complete.py SOURCE
"""

import pathlib
import re
import sys

import tap

ELSEWHERE = {
    "filter": "tests/filter/test-filter.c",  # with an oracle and an interpreter, in a room of its own
}


def place_of(name):
    return ELSEWHERE.get(name, f"tests/unit/test-{name}.c")


def untested(names, exists):
    """The files of lib/ without tests, by name. `exists` says whether the tree has a file."""
    return [
        f"lib/{name}.c: neither {place_of(name)} nor {place_of(name.split('-')[0])}"
        for name in names
        if not exists(place_of(name)) and not exists(place_of(name.split("-")[0]))
    ]


def test_each_file_of_the_library_has_its_tests(root):
    names = sorted(path.stem for path in (root / "lib").glob("*.c"))
    assert names
    tap.expect_none(untested(names, lambda path: (root / path).exists()))


def test_each_file_of_tests_is_for_a_file_of_the_library(root):
    names = {path.stem.removeprefix("test-") for path in (root / "tests" / "unit").glob("test-*.c")}
    tap.expect_none(
        f"tests/unit/test-{name}.c: there is no lib/{name}.c"
        for name in sorted(names)
        if not (root / "lib" / f"{name}.c").exists()
    )


def test_each_file_of_tests_is_built(root):
    unbuilt = []
    for room in ("unit", "promises"):
        build = (root / "tests" / room / "meson.build").read_text()
        for path in sorted((root / "tests" / room).glob("test-*.c")):
            name = path.stem.removeprefix("test-")
            if not re.search(rf"'(test-)?{re.escape(name)}'", build):
                unbuilt.append(str(path))
    tap.expect_none(unbuilt)


def test_a_file_without_tests_is_noticed(_):
    tests = {"tests/unit/test-region.c", "tests/filter/test-filter.c"}
    assert not untested(["region", "region-secret", "filter", "filter-calls"], tests.__contains__)
    assert len(untested(["new", "regional", "new-part"], tests.__contains__)) == 3


def main():
    return tap.run(sys.modules[__name__], pathlib.Path(sys.argv[1]))


sys.exit(main())
