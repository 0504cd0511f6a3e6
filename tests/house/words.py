# SPDX-License-Identifier: MIT
"""
The words of every text that people read: documents, pages, messages, comments, names of tests. codespell
knows how words are spelled; the file `words` beside this one lists those that make a reader stop.

    words.py SOURCE
"""

import pathlib
import re
import shutil
import subprocess
import sys

import tap
import tree

HERE = pathlib.Path(__file__).parent

# Recorded machines, inputs of fuzzers, figures, the licence, and the list itself.
NOT_READ = re.compile(
    r"tests/audit/machines/|fuzz/[^/]*\.corpus|bench/results\.|LICENSE|tests/house/words$|.*\.(png|svgz|xz|gz)$"
)

# The end of a line, with the mark of a comment that goes on in the next.
BLANK = r"(?:[ \t]+|[ \t]*\n[ \t]*(?:/?\*+|//+|#+|--|\.\\\")?[ \t]*)"

# What codespell takes for a slip: a name and half a word in test data, an extension of arm64, a package of Rust,
# a word of Promela.
SPELLED_RIGHT = "nd,caf,sme,crate,nempty"


class Word:
    """One row of the list."""

    def __init__(self, expression, instead):
        self.instead = instead
        self.pattern = re.compile(expression.replace(" | ", "|").replace(" ", BLANK), re.IGNORECASE)


def parse(text):
    rows = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [Word(*row.split(" => ", 1)) for row in rows]


def found(words, name, text):
    for word in words:
        for match in word.pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            said = " ".join(match.group().split())
            yield f'{name}:{line}: "{said}": write: {word.instead}'


class Texts:
    """What is read, and the list."""

    def __init__(self, root):
        self.root = root
        self.paths = [path for path in tree.files(root) if not NOT_READ.match(str(path))]
        self.words = parse(tree.read(HERE / "words"))


def test_no_text_has_a_word_of_the_list(texts):
    def faults():
        for path in texts.paths:
            yield from found(texts.words, path, tree.read(texts.root / path))

    tap.expect_none(faults())


def test_every_word_is_spelled_right(texts):
    if shutil.which("codespell") is None:
        raise tap.Skip("codespell is not installed")
    done = subprocess.run(
        ["codespell", "-L", SPELLED_RIGHT, *map(str, texts.paths)],
        cwd=texts.root,
        capture_output=True,
        text=True,
        check=False,
    )
    tap.expect_none(done.stdout.splitlines())


def test_a_word_of_the_list_is_noticed(texts):
    said = list(found(texts.words, "a.c", "/* It is here\n * once\n * more. */"))
    assert said == ['a.c:2: "once * more": write: again'], said


def test_the_same_word_elsewhere_is_not(texts):
    assert not list(found(texts.words, "a.c", "/* Once. More than once, behind you. */"))


def main():
    return tap.run(sys.modules[__name__], Texts(pathlib.Path(sys.argv[1])))


sys.exit(main())
