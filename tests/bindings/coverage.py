# SPDX-License-Identifier: MIT
"""
Each binding has each function of sealmem.h, or says why not, in the file `coverage` of its folder:

    sealmem_region_seal = Region.seal()
    sealmem_mseal       : takes an address, which this language does not have

docs/BINDINGS.md is made of these files. `coverage.py SOURCE --write` writes it; without --write this is a test. A new
binding is a row of BINDINGS.
"""

import fnmatch
import pathlib
import re
import sys

import sources
import tap
import tree

# What says the version of a package.
VERSIONED = [
    "bindings/node/package.json",
    "bindings/python/pyproject.toml",
    "bindings/rust/sealmem/Cargo.toml",
    "bindings/rust/sealmem-sys/Cargo.toml",
]

# The folder of a binding, its language, and the files that call the library.
BINDINGS = {
    "cpp": ("C++", ["include/sealmem.hpp"]),
    "go": ("Go", ["bindings/go/*.go", "bindings/go/*.h"]),
    "node": ("Node", ["bindings/node/*.c"]),
    "python": ("Python", ["bindings/python/*.c"]),
    "rust": ("Rust", ["bindings/rust/sealmem/src/*.rs"]),
}

HEAD = """# What each binding covers

A row is a function of [sealmem.h](../include/sealmem.h), which says what it does. A cell is its name in that language, or a
number: why that language does not have it is below the table. `tests/bindings/coverage.py` fails when a function is missing,
and makes this page of the files `bindings/*/coverage`:

    PYTHONPATH=tests/man:tests/house python3 tests/bindings/coverage.py . --write

"""

FOOT = """
## What a binding costs

The time to make a sealed region of 64 KiB from a buffer, to read a byte of it and to free it, over that in C. It is that
of the fastest batch, on one machine with Linux 6.18:

| C | C++ | Go | Node | Python | Rust |
|---|---|---|---|---|---|
| 1.00 | 0.99 | 1.06 | 1.24 | 1.07 | 0.99 |

This measures it again, after a build in BUILD:

    NODE_PATH=BUILD/bindings/node python3 tests/bindings/cost.py BUILD/bindings/python BUILD/lib/libsealmem.so
"""


class Binding:
    """One binding: what its file claims, and what its sources call."""

    def __init__(self, root, folder):
        self.language, patterns = BINDINGS[folder]
        self.folder = folder
        self.place = f"bindings/{folder}/coverage"
        self.names, self.reasons, self.wrong = {}, {}, []
        self.parse(tree.read(root / self.place))
        paths = [path for path in tree.files(root) if any(fnmatch.fnmatch(str(path), one) for one in patterns)]
        code = "\n".join(tree.read(root / path) for path in paths)
        self.calls = set(re.findall(r"\b(sealmem_\w+)\b", re.sub(r"/\*.*?\*/|//[^\n]*", "", code, flags=re.DOTALL)))

    def parse(self, text):
        for line in text.splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            match = re.fullmatch(r"(sealmem_\w+)\s*([=:])\s*(\S.*)", line)
            if not match:
                self.wrong.append(f"{self.place}: not a row: {line}")
            elif match[1] in self.names or match[1] in self.reasons:
                self.wrong.append(f"{self.place}: {match[1]} has two rows")
            else:
                (self.names if match[2] == "=" else self.reasons)[match[1]] = match[3]

    def faults(self, functions):
        yield from self.wrong
        for function in sorted(functions):
            if function not in self.names and function not in self.reasons:
                yield f"{self.place}: no row for {function}: a name, or why {self.language} does not have it"
            elif function in self.names and function not in self.calls:
                yield f"{self.place}: {function} has a name, and no source calls it"
            elif function in self.reasons and function in self.calls:
                yield f"{self.place}: {function} has a reason to be missing, and a source calls it"
        for function in sorted((self.names.keys() | self.reasons.keys()) - functions):
            yield f"{self.place}: {function} is no function of the header"


class Coverage:
    def __init__(self, root):
        self.root = root
        self.header = sources.Header(root / "include" / "sealmem.h")
        self.functions = sources.exported(root / "lib" / "libsealmem.sym")
        self.bindings = [Binding(root, folder) for folder in BINDINGS]

    def page(self):
        notes = []

        def cell(binding, function):
            if function in binding.names:
                return f"`{binding.names[function]}`"
            reason = binding.reasons.get(function, "?")
            if reason not in notes:
                notes.append(reason)
            return str(notes.index(reason) + 1)

        rows = ["| C | " + " | ".join(binding.language for binding in self.bindings) + " |"]
        rows.append("|---" * (len(self.bindings) + 1) + "|")
        for function in sorted(self.functions):
            cells = " | ".join(cell(binding, function) for binding in self.bindings)
            rows.append(f"| `{function}()` | {cells} |")
        said = "".join(f"\n{number}. {note}" for number, note in enumerate(notes, 1))
        return HEAD + "\n".join(rows) + "\n" + said + ("\n" if said else "") + FOOT


def numbers_of_header(root):
    """Every macro that is a number."""
    text = tree.read(root / "include" / "sealmem.h")
    found = set(re.findall(r"^# ?define SEALMEM_(\w+[^_\W])\s+(?:\d|\(1u)", text, re.MULTILINE))
    return found | set(re.findall(r"^#define SEALMEM_(VERSION_NUMBER)\b", text, re.MULTILINE))


def test_each_binding_has_each_function_or_says_why_not(coverage):
    assert coverage.functions
    tap.expect_none(fault for binding in coverage.bindings for fault in binding.faults(coverage.functions))


def test_the_page_says_what_the_bindings_say(coverage):
    page = tree.read(coverage.root / "docs" / "BINDINGS.md")
    assert page == coverage.page(), "docs/BINDINGS.md is not what coverage.py --write makes"


def test_each_folder_of_bindings_has_a_row(coverage):
    folders = {path.parent.name for path in (coverage.root / "bindings").glob("*/coverage")}
    assert folders == set(BINDINGS), folders ^ set(BINDINGS)


def test_each_number_of_the_header_is_in_the_table_of_the_library(coverage):
    listed = set(re.findall(r"CONSTANT\((\w+)\)[,}\s]", tree.read(coverage.root / "lib" / "constants.c"))) - {"name"}
    assert len(listed) > 10
    assert listed == numbers_of_header(coverage.root), listed ^ numbers_of_header(coverage.root)


def test_each_package_has_the_version_of_the_library(coverage):
    (wanted,) = re.findall(r'^#define SEALMEM_VERSION "(.*)"$', tree.read(coverage.root / "include" / "sealmem.h"), re.M)
    for path in VERSIONED:
        said = re.findall(r'^ *"?version"?(?: =|:) "(.*)"', tree.read(coverage.root / path), re.M)
        assert said == [wanted], f"{path}: {said}, and the library is {wanted}"


def test_a_new_function_is_noticed(coverage):
    for binding in coverage.bindings:
        said = list(binding.faults(coverage.functions | {"sealmem_nonesuch"}))
        assert len(said) == 1 and "no row for sealmem_nonesuch" in said[0], said


def test_a_name_that_nothing_calls_is_noticed(coverage):
    for binding in coverage.bindings:
        calls, binding.calls = binding.calls, binding.calls - {"sealmem_region_new"}
        said = list(binding.faults(coverage.functions))
        binding.calls = calls
        assert len(said) == 1 and "no source calls it" in said[0], said


def main():
    coverage = Coverage(pathlib.Path(sys.argv[1]))
    if sys.argv[2:] == ["--write"]:
        (coverage.root / "docs" / "BINDINGS.md").write_text(coverage.page(), encoding="utf-8")
        return 0
    return tap.run(sys.modules[__name__], coverage)


sys.exit(main())
