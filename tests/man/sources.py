# SPDX-License-Identifier: MIT
"""
The manual pages, the public header and the list of exported symbols, read into one form, in which they
can be held against each other. All three say what the interface is, and only one of them is compiled:
the others drift unless somebody compares.
"""

import errno
import re

ERRNO = re.compile(r"\bE[A-Z0-9]+\b")


def errnos(text):
    """The error names in a text. Two names can have one number, of which errno.errorcode knows one."""
    return {word for word in ERRNO.findall(text) if hasattr(errno, word)}


def plain(text):
    """scdoc or Markdown without its markup, on one line."""
    text = re.sub(r"\\(.)", r"\1", text)
    text = re.sub(r"[*`]|(?<!\w)_|_(?!\w)", "", text)
    return " ".join(text.split())


class Header:
    """sealmem.h: the functions with what their comments promise, and the macros that look like them."""

    def __init__(self, path):
        text = path.read_text(encoding="utf-8")
        self.macros = set(re.findall(r"^#define (sealmem_\w+)\(", text, re.MULTILINE))
        self.errors = {}
        code = re.sub(r"^#(?:.*\\\n)*.*$", "", text, flags=re.MULTILINE)
        for comment, declarations in re.findall(r"/\*(.*?)\*/([^/]*)", code, re.DOTALL):
            for function in re.findall(r"(sealmem_\w+)\(", declarations):
                self.errors[function] = errnos(comment)


def exported(path):
    """The functions that the version script names."""
    return set(re.findall(r"^\t(sealmem_\w+);$", path.read_text(encoding="utf-8"), re.MULTILINE))


class Reasons:
    """The sentences of sealmem_strerror(), and what its tests provoke."""

    def __init__(self, root):
        def read(path):
            return re.sub(r'"\s*\\?\s*"', "", (root / path).read_text(encoding="utf-8"))

        pair = r'(E[A-Z0-9]+),\s*(?:\\\s*)?"([^"]*)"'
        self.specific = set(re.findall(rf"X\(\w+, {pair}\)", read("lib/reason.h")))
        self.general = set(re.findall(rf"{{ {pair} }}", read("lib/reason.c")))
        tests = read("tests/unit/test-reason.c")
        names = dict(re.findall(r'^#define (\w+)\s+(?:\\\s+)?"([^"]*)"$', tests, re.MULTILINE))
        rows = re.findall(r'{ "(sealmem_\w+)", (E\w+), \w+, (?:"([^"]*)"|(\w+)) }', tests)
        self.rows = [(function, error, text or names[name]) for function, error, text, name in rows]


class Page:
    """One manual page in scdoc's form."""

    def __init__(self, path):
        self.path = path
        self.file = path.name.removesuffix(".scd")
        self.name, self.section = self.file.split(".")
        self.text = path.read_text(encoding="utf-8")
        parts = re.split(r"^# (.*)\n", self.text, flags=re.MULTILINE)[1:]
        self.sections = dict(zip(parts[::2], parts[1::2]))

    def names(self):
        """What the page says that it is about."""
        head = self.sections["NAME"].split(" - ")[0]
        return {name.strip() for name in head.split(",")}

    def blocks(self, section):
        """The literal blocks of a section, as a reader sees them."""
        found = re.findall(r"^```\n(.*?)^```$", self.sections.get(section, ""), re.MULTILINE | re.DOTALL)
        return [re.sub(r"\\(.)", r"\1", block) for block in found]

    def errors(self):
        """The error names under the heading of each function."""
        parts = re.split(r"^## (.*)\n", self.sections.get("ERRORS", ""), flags=re.MULTILINE)[1:]
        return {
            name: errnos(text)
            for heading, text in zip(parts[::2], parts[1::2])
            for name in re.findall(r"(\w+)\(\)", heading)
        }

    def references(self):
        """The manual pages that the text refers to, as (name, section)."""
        return set(re.findall(r"([a-z_][\w-]*)\*?\(([1-8])\)", self.text))


def pages(directory):
    """All manual pages of a directory."""
    return [Page(path) for path in sorted(directory.glob("*.scd"))]


def chapter(markdown, title):
    """The text under a heading of a Markdown document."""
    parts = re.split(r"^## (.*)\n", markdown, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2]))[title]


def c_blocks(markdown):
    """The C examples of a Markdown document."""
    return re.findall(r"^```c\n(.*?)^```$", markdown, re.MULTILINE | re.DOTALL)
