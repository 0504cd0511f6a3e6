# SPDX-License-Identifier: MIT
"""
What holds where, in words: the tables of README.md and sealmem(7), from the data that record.py keeps. A series is one
line with the architectures on which it gives the same.
"""

import re

ARCHES = {
    "amd64": "x86-64",
    "i386": "i386",
    "arm64": "arm64",
    "armhf": "arm",
    "ppc64el": "ppc64el",
    "s390x": "s390x",
    "riscv64": "riscv64",
    "loong64": "loong64",
}
GUARANTEES = ("CONTENT", "ADDRESS", "SECRECY", "NOSWAP", "NODUMP", "NOFORK", "GUARDS")
REST = GUARANTEES[3:]
EMULATED = "ADDRESS-if-emulation-is-allowed"
ENABLE = "secretmem.enable=1"


def gives(kernel, name):
    """Whether root and a plain user both get it."""
    users = kernel.get("users", {})
    return len(users) == 2 and all(user["gives"].get(name) == "yes" for user in users.values())


def answer(kernel, guarantee):
    """How one kernel answers: yes, enabled (by a setting), filter, or no."""
    if gives(kernel, guarantee):
        return "enabled" if guarantee == "SECRECY" and ENABLE in kernel["settings"] else "yes"
    return "filter" if guarantee == "ADDRESS" and gives(kernel, EMULATED) else "no"


def of_series(kernels, guarantee):
    """How the kernels of a series answer. A setting without which one gives less is named."""
    answers = {answer(kernel, guarantee) for kernel in kernels}
    if "enabled" in answers:
        return "yes" if "yes" in answers else "enabled"
    assert len(answers) == 1, f"{kernels[0]['series']}: {guarantee} is {answers}"
    return answers.pop()


def version(series):
    return [int(part) for part in series.split(".")]


def cells_of(kernels):
    """CONTENT, ADDRESS, SECRECY and all others together."""
    answers = [of_series(kernels, guarantee) for guarantee in GUARANTEES]
    rest = set(answers[3:])
    return (*answers[:3], rest.pop() if len(rest) == 1 else "some")


def rows(kernels):
    """(series, architectures, cells), the oldest first."""
    groups = {}
    for kernel in kernels:
        if kernel["status"] == "ran":
            groups.setdefault((kernel["arch"], kernel["series"]), []).append(kernel)
    lists = {}
    for (arch, series), group in groups.items():
        lists.setdefault((cells_of(group), arch), []).append(series)
    merged = {}
    for (cells, arch), series in lists.items():
        merged.setdefault((tuple(sorted(series, key=version)), cells), []).append(arch)
    order = list(ARCHES)
    found = [(series, sorted(arches, key=order.index), cells) for (series, cells), arches in merged.items()]
    return sorted(found, key=lambda row: ([version(each) for each in row[0]], order.index(row[1][0])))


def first_words(series, arches):
    return ", ".join(series), ", ".join(ARCHES[arch] for arch in arches)


MARKDOWN = {
    "yes": "yes",
    "no": "no",
    "filter": "by a filter, if the program allows it",
    "enabled": f"if booted with `{ENABLE}`",
    "some": "some",
}
MANUAL = {"yes": "yes", "no": "no", "filter": "filter", "enabled": "if enabled", "some": "some"}


def markdown(kernels):
    rest = " ".join(f"`{name}`" for name in REST)
    yield f"| Linux | on | `CONTENT` | `ADDRESS` | `SECRECY` | {rest} |"
    yield "|---|---|---|---|---|---|"
    for series, arches, cells in rows(kernels):
        yield "| " + " | ".join((*first_words(series, arches), *(MARKDOWN[cell] for cell in cells))) + " |"


def manual(kernels):
    head = ("*Linux*", "on", "*CONTENT*", "*ADDRESS*", "*SECRECY*")
    yield "\n:- ".join(f"[[ {text}" if text == head[0] else text for text in head)
    for series, arches, cells in rows(kernels):
        texts = (*first_words(series, arches), *(MANUAL[cell] for cell in cells[:3]))
        yield "|  " + "\n:  ".join(texts)


def forced_writes(kernels):
    """The last series of x86-64 that lets a write through /proc/self/mem change read-only memory, and the first that refuses."""
    plain = [kernel for kernel in kernels if kernel["arch"] == "amd64" and "proc_mem" not in kernel["settings"]]
    found = {}
    for kernel in plain:
        for user in kernel.get("users", {}).values():
            found.setdefault(kernel["series"], set()).add(user["found"]["mem-write-private-readonly"])
    through = [series for series, answers in found.items() if answers == {"changed"}]
    refused = [series for series, answers in found.items() if answers.isdisjoint({"changed"})]
    return max(through, key=version), min(refused, key=version)


def insert_markdown(text, kernels):
    """README.md with the table."""
    return re.sub(r"^\| Linux \|.*?\n(?=\n)", "\n".join(markdown(kernels)) + "\n", text, count=1, flags=re.MULTILINE | re.DOTALL)


def insert_manual(text, kernels):
    """sealmem(7) with the table, and the sentence about forced writes."""
    table = "\n".join(manual(kernels)) + "\n"
    text = re.sub(r"^\[\[ \*Linux\*\n.*?\n(?=\n)", lambda _: table, text, count=1, flags=re.MULTILINE | re.DOTALL)
    last, first = forced_writes(kernels)
    return re.sub(r"(?<=on kernels up to )[\d.]+; [\d.]+(?= refuses it)", f"{last}; {first}", text, count=1)


TEXTS = {"README.md": insert_markdown, "man/sealmem.7.scd": insert_manual}
