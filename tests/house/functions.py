# SPDX-License-Identifier: MIT
"""
How long functions are. One of forty lines is still read in one look; the tests are exempt, because a
scene that is told in order may take longer.

    functions.py SOURCE
"""

import pathlib
import statistics
import sys

import tap
import tree

MOST = 40
EXEMPT = ("tests", "fuzz")


def head(lines, brace):
    """The first line of the function whose body opens at `brace`."""
    first = brace
    while first > 0 and lines[first - 1].strip() and not lines[first - 1].rstrip().endswith(("*/", "}", ";")):
        first -= 1
    return first


def functions(text):
    """(first line, lines, declaration) for each function: clang-format puts both of its braces in column 0."""
    lines, begin = text.splitlines(), None
    for number, line in enumerate(lines):
        if line.startswith("{"):
            begin = head(lines, number)
        elif line.startswith("}") and begin is not None:
            yield begin + 1, number - begin + 1, lines[begin]
            begin = None


def measured(root):
    """(path, first line, lines, declaration) of every function that is not exempt."""
    for path in tree.sources(root):
        if path.parts[0] not in EXEMPT:
            for found in functions(tree.read(root / path)):
                yield path, *found


def too_long(found):
    return [
        f"{path}:{line}: {count} lines: {declaration}" for path, line, count, declaration in found if count > MOST
    ]


def test_no_function_is_longer_than_forty_lines(root):
    found = list(measured(root))
    counts = [count for _, _, count, _ in found]
    print(f"# {len(counts)} functions: median {statistics.median(counts):g} lines, longest {max(counts)}")
    tap.expect_none(too_long(found))


def test_a_long_function_is_noticed(_):
    text = "int f(void)\n{\n" + "\tg();\n" * (MOST - 2) + "}\n"
    assert too_long([("f.c", *found) for found in functions(text)])
    assert not too_long([("f.c", *found) for found in functions(text.replace("\tg();\n", "", 1))])


def main():
    return tap.run(sys.modules[__name__], pathlib.Path(sys.argv[1]))


sys.exit(main())
