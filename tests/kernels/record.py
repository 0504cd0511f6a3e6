# SPDX-License-Identifier: MIT
"""
Keeps what `run --record` saw in docs/kernels.json, and makes from it what people read: docs/kernels.svg, and the tables
of README.md and sealmem(7). So a kernel that was booted yesterday stays in them when another is booted today, and each
can be made again without a boot:

    record.py SOURCE           makes them from the data
    record.py SOURCE LINES     takes in what table.awk wrote, and makes them
"""

import datetime
import json
import pathlib
import sys

import holds
import picture

DATA = "docs/kernels.json"

# What the manual says of kernels besides the guarantees.
FOUND = ("mem-write-private-readonly", "mem-write-msealed")


# What "run" and "boot" say of a kernel that this machine did not try: nothing new is known of it.
UNTRIED = ("no time was left", "could not install")


def matrix(source):
    """The rows of the matrix: name, architecture, series, and the settings of the kernel."""
    text = (source / "tests/kernels/matrix").read_text(encoding="utf-8")
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return [{"name": row[0], "arch": row[1], "series": row[3], "settings": " ".join(row[6:])} for row in rows]


def load(source):
    path = source / DATA
    return json.loads(path.read_text(encoding="utf-8"))["kernels"] if path.exists() else []


def save(source, kernels):
    data = {"made by": "tests/kernels/run --survey --record", "kernels": kernels}
    (source / DATA).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def user_of(kernel, name):
    return kernel.setdefault("users", {}).setdefault(name, {"gives": {}, "found": {}, "attacked": {}})


def take_line(kernel, words, today):
    """A line of table.awk without the row: how the boot went, or what a program saw as a user."""
    what, *rest = words
    if what in ("root", "plain"):
        kind, name, *values = rest
        if kind == "attacked":
            counts = dict(zip(values[::2], map(int, values[1::2]), strict=True))
            user_of(kernel, what)["attacked"][name] = counts
        elif kind == "gives" or name in FOUND:
            user_of(kernel, what)[kind][name] = values[0]
    elif what == "gone":
        kernel.update(status=what, date=today, reason=" ".join(rest))
    else:
        # A kernel that crashed before its first line has neither.
        release, page = rest or ("", 0)
        kernel.update(status=what, date=today, release=release, page=int(page))


def fresh(lines, rows):
    """The kernels of this run, by name."""
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    kernels = {}
    for words in (line.split() for line in lines):
        take_line(kernels.setdefault(words[0], dict(rows[words[0]])), words[1:], today)
    return kernels


def keep_attacks(kernel, before):
    """A run without attacks says nothing about them, if the kernel is the same."""
    if any(before.get(key) != kernel.get(key) for key in ("release", "page", "settings")):
        return
    for name, user in kernel.get("users", {}).items():
        user["attacked"] = user["attacked"] or before.get("users", {}).get(name, {}).get("attacked", {})


def merge(source, lines):
    """What is known, in the order of the matrix. A row that left the matrix leaves the data; a new one says that it is new."""
    rows = {row["name"]: row for row in matrix(source)}
    known = {kernel["name"]: kernel for kernel in load(source)}
    for name, kernel in fresh(lines, rows).items():
        if kernel.get("reason", "").startswith(UNTRIED) and name in known:
            continue
        keep_attacks(kernel, known.get(name, {}))
        known[name] = kernel
    save(source, [known.get(name, {**row, "status": "new"}) for name, row in rows.items()])


def make(source):
    """Path and text of everything that is made from the data."""
    kernels = load(source)
    yield source / picture.PATH, picture.draw(kernels)
    for path, insert in holds.TEXTS.items():
        yield source / path, insert((source / path).read_text(encoding="utf-8"), kernels)


def main():
    source = pathlib.Path(sys.argv[1]).resolve()
    if len(sys.argv) > 2:
        merge(source, pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").splitlines())
    for path, text in list(make(source)):
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
