# SPDX-License-Identifier: MIT
"""
Each sentence of SECURITY.md, of the guarantees in sealmem(7), and of what heaps, subscriptions and sealmem-seal(1)
promise, stands in the file `proof` beside what holds it, or why nothing does. Each attack, proof and model, and each
test of the files in WHOLE, belongs to a sentence. The file `proof` says how a row is written.

    proof.py SOURCE            the tests
    proof.py SOURCE --write    adds new sentences to `proof`, drops those that are gone, and makes docs/PROOF.md
"""

import collections
import dataclasses
import pathlib
import re
import sys
import textwrap

import sources
import tap
import tree

TABLE = "tests/house/proof"
PAGE = "docs/PROOF.md"

# The chapters that are read, in order. SECURITY.md has some of sealmem(7) in the same words: tests/man compares.
CHAPTERS = (
    ("SECURITY.md", "Threat model"),
    ("SECURITY.md", "Not a boundary"),
    ("SECURITY.md", "Left open"),
    ("SECURITY.md", "What follows for a program"),
    ("man/sealmem.7.scd", "GUARANTEES"),
    ("man/sealmem.7.scd", "LIFETIME"),
    ("man/sealmem_heap.3.scd", "Objects and mistakes"),
    ("man/sealmem_heap.3.scd", "Closed and open"),
    ("man/sealmem_publish.3.scd", "The subscription"),
    ("man/sealmem-seal.1.scd", "DESCRIPTION"),
)

# Files in which each test is there for a sentence.
WHOLE = (
    "tests/man/left-open.c",
    "tests/promises/test-forks.c",
    "tests/promises/test-refusals.c",
    "tests/promises/test-tamper.c",
    "tests/promises/test-traces.c",
)

KINDS = ("attack", "test", "proof", "model", "none")

# What a new sentence has until somebody writes what holds it.
UNKNOWN = "?"

HEAD = """# What holds each sentence

[SECURITY.md](../SECURITY.md), sealmem(7), sealmem_heap(3), sealmem_publish(3) and sealmem-seal(1) say what you can
expect, and what you cannot. Below each sentence stands what shows that it is true: an attack of sealmem-attack(1), a
test, a proof or a model. A sentence that promises nothing says why in place of it. `tests/house/proof.py` fails if a
sentence has neither, if a test does not exist, or if an attack, a proof or a model belongs to no sentence. It makes
this page of the file `tests/house/proof`:

    PYTHONPATH=tests/man:tests/house python3 -B tests/house/proof.py . --write

Where it was tried:

- **on each kernel**: on {each}, whenever `tests/kernels/run` runs.
- **on all tests' kernels**: on {all}, for which it runs all tests.
- **here**: on the kernel of the machine on which `./check` runs.

An attack is tried on each kernel. A proof is about each architecture in brackets. A model is of no kernel.
"""


@dataclasses.dataclass
class Row:
    """Sentences that say one thing, and what holds them: pairs of a kind and a text."""

    chapter: str
    sentences: list
    held: list

    def named(self, kind):
        return [text for one, text in self.held if one == kind]


def sentences(text):
    """The sentences of a chapter, each on one line. Less than five words, as "Pointers.", belong to a neighbour."""
    found = []
    for block in re.split(r"\n\s*\n|\n(?=- )", re.sub(r"^## .*$", "", text, flags=re.MULTILINE)):
        joined = []
        for part in re.split(r"(?<=\.)\s+(?=[A-Z$(]|sealmem|execve)", sources.plain(block).removeprefix("- ")):
            is_short = len(part.split()) < 5 or (len(joined) == 1 and len(joined[0].split()) < 5)
            if joined and is_short:
                joined[-1] += " " + part
            else:
                joined.append(part)
        found += filter(None, joined)
    return found


def unfolded(text):
    """The lines, each with those that go on with it: they start with two blanks more."""
    return re.sub(r"\n\t?  +", " ", text).splitlines()


def folded(line, more):
    return textwrap.fill(line, 116, subsequent_indent=more, break_on_hyphens=False, break_long_words=False) + "\n"


def parse(text):
    """The rows of the table, and the lines that are none."""
    rows, wrong, chapter, row = [], [], "", None
    for line in unfolded(text):
        if not line.strip() or line.startswith("#"):
            row = None
        elif line.startswith("== "):
            chapter, row = line.removeprefix("== "), None
        elif not line.startswith("\t"):
            if row is None or row.held:
                row = Row(chapter, [], [])
                rows.append(row)
            row.sentences.append(line)
        elif row is not None:
            kind, _, text = line.strip().partition(" ")
            row.held.append((kind, text.strip()))
            if line.strip() != UNKNOWN and (kind not in KINDS or not text.strip()):
                wrong.append(f"{TABLE}: not one of {', '.join(KINDS)}, with a text: {line.strip()}")
        else:
            wrong.append(f"{TABLE}: below no sentence: {line.strip()}")
    return rows, wrong


def head(text):
    """The comment at the top of the table."""
    return "".join(line + "\n" for line in text.splitlines() if line.startswith("#"))


class Tests:
    """The names of the tests in a file, in C, for bats or in Python."""

    FORMS = {
        ".c": r"START_TEST\((\w+)\)",
        ".bats": r'^@test "(.*)" \{$',
        ".py": r"^def (?:test_)?(\w+)\(",
    }

    def __init__(self, root):
        self.root = root
        self.found = {}

    def names(self, path):
        if path not in self.found:
            form = self.FORMS.get(pathlib.Path(path).suffix)
            there = form and (self.root / path).is_file()
            text = tree.read(self.root / path) if there else ""
            self.found[path] = [name.replace("\\$", "$") for name in re.findall(form or "$^", text, re.MULTILINE)]
        return self.found[path]

    def split(self, text):
        """`FILE NAME NAME` in C, and `FILE TITLE` for bats. Without a name it is the whole file."""
        path, _, rest = text.partition(" ")
        names = rest.split() if not path.endswith(".bats") else [rest] if rest else []
        return path, names


class Kernels:
    """Which programs tests/kernels tries on which kernels."""

    def __init__(self, root):
        self.core = set(tree.read(root / "tests/kernels/core").splitlines())
        rows = [line.split() for line in tree.read(root / "tests/kernels/matrix").splitlines()]
        rows = [row for row in rows if row and not row[0].startswith("#")]
        # Those that are rare are booted when somebody asks for them.
        self.each = ", ".join(row[0] for row in rows if row[5] != "rare")
        self.all = ", ".join(row[0] for row in rows if row[5] == "all")

    def where(self, path):
        """tests/kernels/programs builds what is in these folders."""
        place = pathlib.PurePath(path)
        booted = place.parent.name in ("unit", "promises", "outside", "filter") and place.stem.startswith("test-")
        if place.stem == "test-stress" or place.suffix != ".c" or not booted:
            return "here"
        is_core = f"unit/{place.stem}" in self.core or place.stem == "test-image"
        return "on each kernel" if is_core else "on all tests' kernels"


def attacks(root):
    """The names of the rows in attack/attacks/."""
    text = "".join(tree.read(path) for path in sorted((root / "attack/attacks").glob("*.c")))
    return re.findall(r'^\t\t\.name = "([^"]+)"|^\tROW\("([^"]+)"', text, re.MULTILINE)


def proofs(root):
    """The scopes of the filter that overlap.py proves, each with its machines, and the lists that calls.py compares."""
    text = tree.read(root / "tests/filter/overlap.py")
    scopes = re.findall(r'^    \("(\w+)", 1 << \d+, "([^"]+)"', text, re.MULTILINE)
    found = {}
    for machine, scope in scopes:
        found.setdefault(f"filter: {scope}", set()).add(machine)
    found["each call of the kernel"] = {"x86_64", "x32", "i386", "aarch64"}
    return found


def models(root):
    return set(re.findall(r"^expect 0 (\S+)$", tree.read(root / "tests/models/run"), re.MULTILINE))


class House:
    """The documents, the table and the tree."""

    def __init__(self, root):
        self.root = root
        self.text = tree.read(root / TABLE)
        self.rows, self.wrong = parse(self.text)
        self.chapters = {f"{file}: {title}": self.read_chapter(file, title) for file, title in CHAPTERS}
        self.tests = Tests(root)
        self.kernels = Kernels(root)
        self.attacks = {one or other for one, other in attacks(root)}
        self.proofs = proofs(root)
        self.models = models(root)
        self.whole = {(path, name) for path in WHOLE for name in self.tests.names(path)}

    def read_chapter(self, file, title):
        if file.endswith(".md"):
            return sentences(sources.chapter(tree.read(self.root / file), title))
        page = sources.Page(self.root / file)
        parts = page.sections.get(title) or sources.chapter(page.sections["DESCRIPTION"], title)
        # What is shown below a colon is no sentence.
        return sentences(re.sub(r"(?<=:\n)\n(?:\t.*\n)+", "\n", parts))


def sentence_faults(chapters, rows):
    """The sentences that differ between the documents and the table. Two of them may be alike."""
    for chapter, said in chapters.items():
        listed = [sentence for row in rows if row.chapter == chapter for sentence in row.sentences]
        for sentence in collections.Counter(said) - collections.Counter(listed):
            yield f"{chapter}: nothing holds: {sentence}"
        for sentence in collections.Counter(listed) - collections.Counter(said):
            yield f"{chapter}: {TABLE} has a sentence that is not there: {sentence}"
        if sorted(said) == sorted(listed) and said != listed:
            yield f"{chapter}: {TABLE} has another order"
    for row in rows:
        if row.chapter not in chapters:
            yield f"{TABLE}: no such chapter: {row.chapter}"


def holding_faults(rows):
    """The sentences below which nothing stands, or both a reason and something that holds."""
    for row in rows:
        kinds = {kind for kind, _ in row.held}
        if not kinds or UNKNOWN in kinds:
            yield f"{row.chapter}: nothing holds: {row.sentences[0]}"
        elif "none" in kinds and len(row.held) > 1:
            yield f"{row.chapter}: something and nothing holds: {row.sentences[0]}"


def name_faults(house, rows):
    """The names for which there is nothing."""
    for row in rows:
        for name in (name for text in row.named("attack") for name in text.split()):
            if name not in house.attacks:
                yield f"no such attack: {name}"
        for name in row.named("proof"):
            if name not in house.proofs:
                yield f"no such proof: {name}"
        for name in row.named("model"):
            if name not in house.models:
                yield f"no such model: {name}"
        for path, names in map(house.tests.split, row.named("test")):
            known = house.tests.names(path)
            if not (house.root / path).is_file():
                yield f"no such file: {path}"
            yield from (f"{path}: no such test: {name}" for name in names if name not in known)


def belonging_faults(house, rows):
    """What belongs to no sentence."""
    used = {kind: {text for row in rows for text in row.named(kind)} for kind in KINDS}
    in_rows = {name for text in used["attack"] for name in text.split()}
    tests = {(path, name) for path, names in map(house.tests.split, used["test"]) for name in names}
    yield from (f"the attack {name} belongs to no sentence" for name in sorted(house.attacks - in_rows))
    yield from (f"the proof {name} belongs to no sentence" for name in sorted(set(house.proofs) - used["proof"]))
    yield from (f"the model {name} belongs to no sentence" for name in sorted(house.models - used["model"]))
    yield from (f"{path}: the test {name} belongs to no sentence" for path, name in sorted(house.whole - tests))


# The page.


def wrapped(text, indent):
    first, next_ = " " * indent + "- ", " " * (indent + 2)
    return textwrap.fill(text, 118, initial_indent=first, subsequent_indent=next_, break_on_hyphens=False)


def shown(house, kind, text):
    """One line of what holds a sentence."""
    if kind == "attack":
        return f"attacks, on each kernel: {', '.join(f'`{name}`' for name in text.split())}"
    if kind == "proof":
        script = "overlap.py" if text.startswith("filter: ") else "calls.py"
        return f"proof by `tests/filter/{script}`: {text} ({', '.join(sorted(house.proofs[text]))})"
    if kind == "model":
        return f"model, in all orders: `tests/models/{text}.pml`"
    if kind == "none":
        return f"_{text}_"
    path, names = house.tests.split(text)
    titles = "; ".join(name.replace("_", " ") for name in names) if path.endswith(".c") else "; ".join(names)
    return f"`{path}`, {house.kernels.where(path)}: {titles or 'all of it'}"


def page(house):
    top = HEAD.format(each=house.kernels.each, all=house.kernels.all).rstrip()
    lines = [wrap_item(line) for line in top.splitlines()]
    chapter = None
    for row in house.rows:
        if row.chapter != chapter:
            chapter = row.chapter
            lines.append(f"\n## {chapter}\n")
        said = " ".join(row.sentences).replace("*", "\\*").replace("_", "\\_").replace("<", "\\<")
        lines.append(wrapped(said, 0))
        lines += [wrapped(shown(house, kind, text), 2) for kind, text in row.held]
    return "\n".join(lines) + "\n"


def wrap_item(line):
    return wrapped(line.removeprefix("- "), 0) if line.startswith("- ") else line


def counts(house):
    """How many sentences have what."""
    held = [row for row in house.rows if not row.named("none")]
    return (
        f"{sum(len(row.sentences) for row in house.rows)} sentences: "
        f"{sum(len(row.sentences) for row in held)} are held by {len(house.attacks)} attacks, "
        f"{len({text for row in held for text in row.named('test')})} lists of tests, "
        f"{len(house.proofs)} proofs and {len(house.models)} models; the others promise nothing"
    )


def write(house):
    """The table with the sentences of today, and the page."""
    known = collections.defaultdict(list)
    for row in house.rows:
        for sentence in row.sentences:
            known[row.chapter, sentence].append(row)
    out = [head(house.text)]
    for chapter, said in house.chapters.items():
        out.append(f"\n== {chapter}\n")
        last = None
        for sentence in said:
            rows = known[chapter, sentence]
            row = rows.pop(0) if rows else Row(chapter, [sentence], [(UNKNOWN, "")])
            if row is not last:
                out.append("\n" + "".join(folded(one, "  ") for one in row.sentences if one in said))
                out += ["\t" + folded(f"{kind} {text}".rstrip(), "\t  ") for kind, text in row.held]
            last = row
    (house.root / TABLE).write_text("".join(out), encoding="utf-8")
    again = House(house.root)
    faults = [*name_faults(again, again.rows)]
    if not faults:
        (house.root / PAGE).write_text(page(again), encoding="utf-8")
    print("\n".join(faults) or counts(again))


# The tests.


def test_the_table_has_each_sentence_of_the_documents_and_no_other(house):
    assert len(house.rows) > 100
    tap.expect_none([*house.wrong, *sentence_faults(house.chapters, house.rows)])


def test_something_holds_each_sentence_or_the_table_says_why_nothing_does(house):
    tap.expect_none(holding_faults(house.rows))


def test_what_holds_a_sentence_exists(house):
    tap.expect_none(name_faults(house, house.rows))


def test_each_attack_proof_and_model_belongs_to_a_sentence(house):
    assert len(house.attacks) > 100 and house.proofs and house.models and len(house.whole) > 50
    tap.expect_none(belonging_faults(house, house.rows))


def test_the_page_is_made_of_the_table(house):
    assert tree.read(house.root / PAGE) == page(house), f"{PAGE} is older than {TABLE}"


def new_faults(before, after):
    """Those that the tree does not have by itself."""
    return sorted(set(after) - set(before))


def test_a_sentence_that_is_added_is_noticed(house):
    chapter, said = next(iter(house.chapters.items()))
    more = {**house.chapters, chapter: [*said, "Nobody reads it."]}
    found = new_faults(sentence_faults(house.chapters, house.rows), sentence_faults(more, house.rows))
    assert found == [f"{chapter}: nothing holds: Nobody reads it."], found


def test_a_sentence_that_is_gone_is_noticed(house):
    chapter, said = next(iter(house.chapters.items()))
    less = {**house.chapters, chapter: said[1:]}
    found = new_faults(sentence_faults(house.chapters, house.rows), sentence_faults(less, house.rows))
    assert found == [f"{chapter}: {TABLE} has a sentence that is not there: {said[0]}"], found


def test_a_sentence_with_nothing_below_it_is_noticed(house):
    rows = [*house.rows, Row("SECURITY.md: Left open", ["It is so."], []), Row("", ["It is."], [(UNKNOWN, "")])]
    assert len(list(holding_faults(rows))) == 2


def test_a_test_that_is_renamed_is_noticed(house):
    row = Row("", [], [("test", "tests/promises/test-refusals.c mprotect_cannot_make_it_readable")])
    assert list(name_faults(house, [row])) == [
        "tests/promises/test-refusals.c: no such test: mprotect_cannot_make_it_readable"
    ]
    assert len(list(belonging_faults(house, [row]))) > len(house.attacks)


def without(rows, kind, name):
    """The rows, and the name in none of them."""
    pattern = rf"(?<!\S){re.escape(name)}(?!\S)"

    def rest(row):
        return [(one, re.sub(pattern, "", text) if one == kind else text) for one, text in row.held]

    return [dataclasses.replace(row, held=rest(row)) for row in rows]


def test_an_attack_a_proof_or_a_model_without_a_sentence_is_noticed(house):
    for kind, names in (("attack", house.attacks), ("proof", set(house.proofs)), ("model", house.models)):
        name = min(names)
        less = without(house.rows, kind, name)
        found = new_faults(belonging_faults(house, house.rows), belonging_faults(house, less))
        assert found == [f"the {kind} {name} belongs to no sentence"], found


def main():
    root, *options = sys.argv[1:]
    house = House(pathlib.Path(root))
    if options == ["--write"]:
        return write(house)
    return tap.run(sys.modules[__name__], house)


if __name__ == "__main__":
    sys.exit(main())
