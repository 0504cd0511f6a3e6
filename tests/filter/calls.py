#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
No system call that changes a mapping is missing from the filter. The file `calls` has each call of the kernel's own
tables, with its numbers and whether the filter looks at it, or why it need not. A call that the headers have and the
file has not is one that a newer kernel brought: somebody has to say what it does to a mapping.

    calls.py SOURCE [HEADERS]          the tests, against HEADERS too, or the headers that are installed
    calls.py SOURCE HEADERS --write    adds the calls of HEADERS to `calls`, and gives each its numbers

HEADERS is what linux-libc-dev of Debian 13 has in usr/lib/linux/uapi: `tests/kernels/debian headers` gets the newest.
"""

import ast
import pathlib
import re
import sys

import tap

TABLE = "tests/filter/calls"
ABIS = ("x86_64", "x32", "i386", "arm64", "ppc64", "arm")
X32_BIT = 1 << 30

# Where HEADERS has the table of each, and where headers that are installed may have it.
IN_HEADERS = {
    "x86_64": "x86/asm/unistd_64.h",
    "x32": "x86/asm/unistd_x32.h",
    "i386": "x86/asm/unistd_32.h",
    "arm64": "arm64/asm/unistd_64.h",
    "riscv64": "riscv/asm/unistd_64.h",
    "loong64": "loongarch/asm/unistd_64.h",
    "ppc64": "powerpc/asm/unistd_64.h",
    "arm": "arm/asm/unistd-eabi.h",
}
INSTALLED = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "x32": ("/usr/include/x86_64-linux-gnu/asm/unistd_x32.h", "/usr/include/asm/unistd_x32.h"),
    "i386": ("/usr/include/x86_64-linux-gnu/asm/unistd_32.h", "/usr/include/asm/unistd_32.h"),
    "arm64": ("/usr/aarch64-linux-gnu/include/asm/unistd_64.h", "/usr/include/aarch64-linux-gnu/asm/unistd_64.h"),
}

# riscv64 and loong64 have numbers of arm64: all of its calls but a few, and some of their own.
COLUMN = {"riscv64": "arm64", "loong64": "arm64"}

# The columns of lib/filter-calls.c: the column of the file that each has its numbers of, and the words of its calls.
IN_FILTER = {
    "x86_64": ("x86_64", {"filtered", "filtered64"}),
    "i386_far": ("i386", {"filtered", "filtered32"}),
    "i386": ("i386", {"filtered", "filtered64", "filtered32", "reach32"}),
    "generic": ("arm64", {"filtered", "filtered64"}),
    "ppc64": ("ppc64", {"filtered", "filtered64", "filtered32"}),
    "arm": ("arm", {"filtered", "filtered64", "filtered32", "reach32"}),
}

# The words of the file, as the file explains them. The first four are about the filter.
WORDS = {"filtered", "filtered64", "filtered32", "reach32"} | {
    "plain", "file", "keeps", "places", "seals", "process", "tracer", "kernel", "through", "gone"
}
UNKNOWN = "?"


class Call:
    """One line of the file: a name, its numbers and its word."""

    def __init__(self, name, numbers, word):
        self.name, self.numbers, self.word = name, numbers, word

    def line(self):
        numbers = " ".join(f"{self.numbers.get(abi, '-'):>6}" for abi in ABIS)
        return f"{self.name:<26} {numbers}  {self.word}"


def parse(text):
    calls = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, *numbers, word = line.split()
            found = {abi: int(number) for abi, number in zip(ABIS, numbers) if number != "-"}
            calls[name] = Call(name, found, word)
    return calls


def read_header(path):
    """The calls of a header. x32 has a bit in its numbers, of which the file has none."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    lines = re.findall(r"^#define __NR_(\w+)\s+(?:\(__(?:X32_SYSCALL_BIT|NR_SYSCALL_BASE) \+ ?)?(\d+)\)?\s*$", text, re.MULTILINE)
    return {name: int(number) for name, number in lines}


def read_headers(place):
    """The tables that are there."""
    if place:
        paths = {abi: [pathlib.Path(place) / name] for abi, name in IN_HEADERS.items()}
    else:
        paths = {abi: [pathlib.Path(path) for path in names] for abi, names in INSTALLED.items()}
    found = {abi: next((path for path in names if path.is_file()), None) for abi, names in paths.items()}
    return {abi: read_header(path) for abi, path in found.items() if path}


def read_filter(root):
    """The numbers of lib/filter-calls.c, for each of its columns."""
    text = (root / "lib/filter-calls.c").read_text(encoding="utf-8")
    rows = re.findall(r"\{\s*TO_\w+,\s*[\w| \n]+,\s*\{([\w,\s]+)\}\s*\}", text)
    cells = [[cell.strip() for cell in row.split(",")] for row in rows]
    assert all(len(row) == len(IN_FILTER) for row in cells), cells
    columns = zip(*cells)
    return {name: {int(cell) for cell in column if cell != "NONE"} for name, column in zip(IN_FILTER, columns)}


def read_proof(root):
    """The numbers of CALLS in overlap.py, which cannot be imported where there is no z3."""
    tree = ast.parse((root / "tests/filter/overlap.py").read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    calls = next(ast.literal_eval(node.value) for node in assigned if ast.unparse(node.targets[0]) == "CALLS")
    return {column: set(numbers.values()) for column, numbers in calls.items()}


def word_faults(calls):
    for call in calls.values():
        if call.word not in WORDS:
            yield f"{TABLE}: {call.name}: {call.word}: what does it do to a mapping?"


def header_faults(calls, headers):
    """What the headers have, and the file has not or has otherwise. The file may be newer than they are."""
    for abi, table in headers.items():
        for name, number in table.items():
            if name not in calls:
                yield f"{abi}: {name} ({number}) is new: what does it do to a mapping? See {TABLE}"
            elif calls[name].numbers.get(COLUMN.get(abi, abi)) != number:
                listed = calls[name].numbers.get(COLUMN.get(abi, abi), "that there is none")
                yield f"{abi}: {name} is {number}, and {TABLE} says {listed}"


def filter_faults(calls, numbers, where):
    """The calls that should be in a list and are not, and those in it that should not be."""
    for column, there in numbers.items():
        abi, words = IN_FILTER[column]
        tables = [abi] + (["x32"] if abi == "x86_64" else [])
        should = {
            call.numbers[table]: call.name
            for call in calls.values()
            for table in tables
            if table in call.numbers and call.word in words
        }
        yield from (f"{where}: {column}: {should[number]} ({number}) is missing" for number in sorted(set(should) - there))
        yield from (f"{where}: {column}: {TABLE} has {number} otherwise" for number in sorted(there - set(should)))


class Lists:
    """The file, the filter, the proof, and the headers that are there."""

    def __init__(self, root, headers):
        self.root = root
        self.text = (root / TABLE).read_text(encoding="utf-8")
        self.calls = parse(self.text)
        self.filter = read_filter(root)
        self.proof = read_proof(root)
        self.headers = read_headers(headers)


def write(lists):
    """The file, with the calls and the numbers of the headers."""
    for abi, table in lists.headers.items():
        for name, number in table.items():
            lists.calls.setdefault(name, Call(name, {}, UNKNOWN)).numbers[COLUMN.get(abi, abi)] = number
    top = "".join(line + "\n" for line in lists.text.splitlines() if line.startswith("#"))
    lines = [call.line() for _, call in sorted(lists.calls.items())]
    (lists.root / TABLE).write_text(top + "\n" + "\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(word_faults(lists.calls)) or f"{len(lines)} calls")


def test_each_call_has_a_word_that_says_what_it_does_to_a_mapping(lists):
    assert len(lists.calls) > 400
    tap.expect_none(word_faults(lists.calls))


def test_each_call_of_the_headers_is_known(lists):
    if not lists.headers:
        raise tap.Skip("no headers of the kernel are installed where they are looked for")
    assert all(len(table) > 250 for table in lists.headers.values())
    tap.expect_none(header_faults(lists.calls, lists.headers))


def test_the_filter_looks_at_each_call_that_changes_a_mapping(lists):
    assert all(lists.filter.values())
    tap.expect_none(filter_faults(lists.calls, lists.filter, "lib/filter-calls.c"))


def test_the_proof_is_about_each_of_them(lists):
    tap.expect_none(filter_faults(lists.calls, lists.proof, "tests/filter/overlap.py"))


def test_a_call_that_a_kernel_brings_is_noticed(lists):
    found = list(header_faults(lists.calls, {"arm64": {"mremap_twice": 999, "munmap": 215}}))
    assert found == [f"arm64: mremap_twice (999) is new: what does it do to a mapping? See {TABLE}"], found


def test_a_call_with_another_number_is_noticed(lists):
    assert len(list(header_faults(lists.calls, {"x86_64": {"munmap": 12}}))) == 1


def test_a_call_that_the_filter_lost_is_noticed(lists):
    less = {column: lists.filter[column] - {25, 216} for column in ("x86_64", "i386_far", "generic")}
    found = list(filter_faults(lists.calls, less, "filter"))
    missing = ["x86_64: mremap (25)", "x86_64: remap_file_pages (216)", "generic: mremap (216)"]
    assert found == [f"filter: {call} is missing" for call in missing], found


def test_a_call_without_a_word_is_noticed(lists):
    assert len(list(word_faults({**lists.calls, "new": Call("new", {}, UNKNOWN)}))) == 1


def main():
    root, *rest = sys.argv[1:]
    headers = next((one for one in rest if not one.startswith("-")), None)
    lists = Lists(pathlib.Path(root), headers)
    if rest[-1:] == ["--write"]:
        return write(lists)
    return tap.run(sys.modules[__name__], lists)


if __name__ == "__main__":
    sys.exit(main())
