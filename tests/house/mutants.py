# SPDX-License-Identifier: MIT
"""
The survivors of scripts/mutate that are explained: each is still a mutant of a line of the source, and has a reason.
The script itself runs for hours, and not here.

    mutants.py SOURCE
"""

import pathlib
import re
import sys

import tap
import tree

TABLE = "tests/house/mutants"


def parse(text):
    """The mutants of the table, each with its reason."""
    rows = {}
    for line in text.splitlines():
        if line.startswith("\t") and rows:
            last = next(reversed(rows))
            rows[last] = f"{rows[last]} {line.strip()}".strip()
        elif line.strip() and not line.startswith("#"):
            rows[line] = ""
    return rows


def faults(root, rows):
    for mutant, reason in rows.items():
        match = re.fullmatch(r"([\w/-]+\.c): (.+) => (.+)", mutant)
        if not match:
            yield f"{TABLE}: no mutant: {mutant}"
            continue
        file, before, _ = match.groups()
        lines = {line.strip() for line in tree.read(root / file).splitlines()} if (root / file).is_file() else set()
        if before not in lines:
            yield f"{file} no longer has: {before}"
        if not reason:
            yield f"{TABLE}: no reason: {mutant}"


class Table:
    def __init__(self, root):
        self.root = root
        self.rows = parse(tree.read(root / TABLE))


def test_each_survivor_is_of_a_line_that_is_there_and_has_a_reason(table):
    assert table.rows
    tap.expect_none(faults(table.root, table.rows))


def test_a_survivor_without_a_reason_or_a_line_is_noticed(table):
    first = next(iter(table.rows))
    wrong = {first: "", "lib/heap.c: no such line; => ;": "It is so.", "lib/heap.c": "It is so."}
    found = list(faults(table.root, wrong))
    assert len(found) == 3, found


def main():
    return tap.run(sys.modules[__name__], Table(pathlib.Path(sys.argv[1])))


if __name__ == "__main__":
    sys.exit(main())
