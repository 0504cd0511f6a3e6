#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The models are of the code: an inline of a model that says "Steps of FILE" has a function of its name in one of these
files, and both call the others in the same order. A step that the code gains, loses or moves is noticed here; whether
a step does what its inline says is for a reader.

    steps.py SOURCE
"""

import pathlib
import re
import sys

import tap


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)


def bodies(text, pattern):
    """The name and the body of each definition: up to the brace in the first column."""
    return dict(re.findall(pattern + r"[^\n{]*\n?[^{};]*\n\{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL))


def functions(code):
    return bodies(code, r"^(?:static |EXPORT )?[a-z][\w ]*[ *](\w+)\((?=[^;]*\n\{)")


def calls(body, names):
    """The calls of a body that are among `names`, in order. A call in both branches counts once."""
    found = re.findall(rf"(?:->|\b)({'|'.join(sorted(names, key=len, reverse=True))})\(", body)
    return [name for i, name in enumerate(found) if i == 0 or found[i - 1] != name]


class Model:
    """One model: its inlines, and the functions of the files that it names."""

    def __init__(self, root, path):
        text = path.read_text(encoding="utf-8")
        self.name = path.name
        said = re.search(r"Steps of ((?:[\w/-]+\.c(?:,\s+(?:\*\s+)?)?)+)", text)
        self.files = re.findall(r"[\w/-]+\.c", said.group(1)) if said else []
        self.left_out = dict(re.findall(r"(\w+): (\w+)", "".join(re.findall(r"Left out: ([^.]*)\.", text))))
        branches = r"^#ifn?def \w+\n(.*?)(?:^#else\n(.*?))?^#endif\n"
        own = re.sub(branches, r"\1\2", without_comments(text), flags=re.MULTILINE | re.DOTALL)
        self.inlines = bodies(own, r"^inline (\w+)\(")
        self.functions, self.table = {}, {}
        for file in self.files:
            self.add(without_comments((root / file).read_text(encoding="utf-8")))

    def add(self, code):
        """The functions of a file. A call by a table of operations is one of the function in it."""
        found = functions(code)
        self.table.update(re.findall(r"^\t\.(\w+) = (\w+),$", code, re.MULTILINE))
        hidden = set(found) & set(self.functions)
        for name in set(found) - hidden:
            body = re.sub(r"\w+->operations->(\w+)\(", lambda call: f"{self.table.get(call[1], '')}(", found[name])
            # What has the name of a step in another file is something else.
            self.functions[name] = re.sub(rf"\b({'|'.join(hidden)})\(", r"own_\1(", body) if hidden else body


# What a model has for itself: what the kernel does, or a choice.
OWN = {"may_fail", "take_seal", "or_dies", "copy_now", "wipe", "zeroes_seen", "hand_out", "let_go"}


def faults_of(model):
    steps = set(model.inlines) - OWN
    for name in sorted(steps - set(model.functions)):
        yield f"{model.name}: {name}() is in none of {', '.join(model.files)}"
    for name in sorted(steps & set(model.functions)):
        here = calls(model.inlines[name], steps - {name})
        left_out = {model.left_out.get(name)}
        there = calls(model.functions[name], steps - {name} - left_out)
        if here != there:
            said, done = ", ".join(here) or "nothing", ", ".join(there) or "nothing"
            yield f"{model.name}: {name}() calls {said}; the code calls {done}"


class Models:
    def __init__(self, root):
        self.all = [Model(root, path) for path in sorted((root / "tests/models").glob("*.pml"))]
        self.tied = [model for model in self.all if model.files]


def test_each_step_of_a_model_is_a_function_that_calls_the_others_in_the_same_order(models):
    assert len(models.tied) >= 2
    tap.expect_none(fault for model in models.tied for fault in faults_of(model))


def test_a_step_that_the_code_loses_is_noticed(models):
    model = models.tied[0]
    name = next(name for name in model.inlines if calls(model.inlines[name], set(model.inlines) - OWN - {name}))
    before, kept = set(faults_of(model)), model.functions[name]
    model.functions[name] = "\n"
    found = set(faults_of(model)) - before
    model.functions[name] = kept
    assert len(found) == 1 and found.pop().endswith("the code calls nothing")


def main():
    return tap.run(sys.modules[__name__], Models(pathlib.Path(sys.argv[1])))


sys.exit(main())
