# SPDX-License-Identifier: MIT
"""
The manual is complete and says what the header says. It is read from an installation, by man(1) itself,
because an alias that was not installed, or a page that man cannot parse, is a page that nobody reads.

    pages.py SOURCE BUILD MESON [SEALMEM]
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import sources
import tap


# Whose errors a page refers to, and does not repeat.
REFERS_TO = {
    "sealmem_region_new_from": ["sealmem_region_new", "sealmem_region_seal"],
    "sealmem_region_new_from_file": ["sealmem_region_new", "sealmem_region_seal"],
    "sealmem_region_new_from_file_with": ["sealmem_region_new_from_file"],
    "sealmem_secret_restore": ["sealmem_region_seal"],
    "sealmem_send": ["sealmem_region_fd"],
}

# Functions that differ in an argument.
SAME_AS = {
    "sealmem_mseal_many": "sealmem_mseal",
    "sealmem_publish_labelled": "sealmem_publish",
    "sealmem_publish_named": "sealmem_publish",
    "sealmem_receive_limited": "sealmem_receive",
    "sealmem_region_accept_limited": "sealmem_region_accept",
    "sealmem_seal_loaded": "sealmem_seal_image",
    "sealmem_seal_range_named": "sealmem_seal_range",
}

# What a row cannot provoke, and why.
RACE = "it takes another process or thread that acts in the right moment; tests/promises has such ones"
HEAP = "tests/unit/test-heap.c or tests/faults provokes it; it has the general sentence"
PUBLISHED = "tests/unit/test-publish.c, tests/unit/test-subscribe.c or tests/faults provokes it"
UNPROVOKED = {
    "every function": {"ENFILE": "the whole machine would run out of files"},
    "sealmem_heap_alloc": dict.fromkeys(("EAGAIN", "EINVAL", "ESTALE"), HEAP),
    "sealmem_heap_close": dict.fromkeys(("EINVAL", "ENOMEM", "ENOTRECOVERABLE", "ESTALE"), HEAP),
    "sealmem_heap_new": dict.fromkeys(("EAGAIN", "EBUSY", "EFBIG", "EMFILE", "ENAMETOOLONG", "ENOSPC", "EOPNOTSUPP"), HEAP),
    "sealmem_load_verified": {"EBUSY": RACE},
    "sealmem_publish": dict.fromkeys(("EBUSY", "ENOMEM", "ESTALE"), PUBLISHED),
    "sealmem_publisher_announce": dict.fromkeys(("EBUSY", "ENOMEM", "ESTALE"), PUBLISHED),
    "sealmem_publisher_new": {"ENOMEM": PUBLISHED},
    "sealmem_publisher_set_limits": dict.fromkeys(("EBUSY", "ESTALE"), PUBLISHED),
    "sealmem_region_fd": {"EBUSY": RACE},
    "sealmem_region_new": {"EBUSY": RACE},
    "sealmem_region_new_from": {"EBUSY": RACE},
    "sealmem_region_new_from_file": {"EFAULT": "a filesystem on a device has to take O_DIRECT", "ENOMEM": "the whole machine would run out of memory"},
    "sealmem_seal_image": {
        "EBUSY": RACE,
        "ENOENT": "the loader has to lose an object",
        "ENOSPC": "the test of a range shows it, by the same functions",
        "ENOTRECOVERABLE": "the program would be damaged",
        "ETXTBSY": "another process has to trace the test",
    },
    "sealmem_secret_store": {"ENOMEM": "the whole machine would run out of memory"},
    "sealmem_seal_range": {"EADDRINUSE": RACE, "EBUSY": RACE},
    "sealmem_subscription_update": dict.fromkeys(
        (
            *("EACCES", "EAGAIN", "EBUSY", "ECONNRESET", "EFBIG", "EMFILE", "ENODATA", "ENODEV", "ENOENT", "ENOMEM"),
            *("EOPNOTSUPP", "EPERM", "EPIPE", "EPROTO", "ESTALE", "EUSERS"),
        ),
        PUBLISHED,
    ),
}


class Manual:
    """The sources, and the pages as they are installed."""

    def __init__(self, source, build, meson, command, place):
        self.source = source
        self.command = command
        self.pages = sources.pages(source / "man")
        self.header = sources.Header(source / "include/sealmem.h")
        self.reasons = sources.Reasons(source)
        self.exported = sources.exported(source / "lib/libsealmem.sym")
        install = [meson, "install", "-C", build, "--no-rebuild", "--quiet", "--tags", "man"]
        subprocess.run([*install, "--destdir", place], check=True, stdout=subprocess.DEVNULL)
        self.tree = next(pathlib.Path(place).rglob("man7/sealmem.7")).parent.parent

    def library_pages(self):
        return [page for page in self.pages if page.section == "3"]

    def where(self, name, section):
        """The installed file that `man SECTION NAME` shows, or None."""
        found = subprocess.run(
            ["man", "-M", self.tree, "-w", section, name], capture_output=True, text=True, check=False
        )
        return pathlib.Path(found.stdout.strip()) if found.returncode == 0 else None


def show(*arguments):
    """Lets man(1) show a page on 80 columns."""
    environment = dict(os.environ, LC_ALL="C.UTF-8", MANWIDTH="80")
    return subprocess.run(["man", *arguments], capture_output=True, text=True, env=environment, check=False)


def lint(path):
    """What man(1) has to say about a page, but not that a word fills a line of a narrow column, as newer groff does."""
    shown = show("--warnings", "-Tutf8", "-l", path)
    said = "".join(line for line in shown.stderr.splitlines(True) if not line.endswith(": cannot adjust line\n"))
    return said + ("" if shown.returncode == 0 else f"exit status {shown.returncode}")


def wide_lines(path):
    """The lines of a page that do not fit a terminal of 80 columns."""
    return [line for line in show("-l", path).stdout.splitlines() if len(line) > 80]


def options(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def test_every_public_function_has_a_page_under_its_own_name(manual):
    def faults():
        for name in sorted(manual.exported | manual.header.macros):
            file = manual.where(name, "3")
            page = file and manual.source / "man" / (file.resolve().name + ".scd")
            if not page or name not in sources.Page(page).names():
                yield f"man 3 {name}: {file or 'no such page'}"

    assert manual.exported
    tap.expect_none(faults())


def test_every_function_of_a_page_is_exported(manual):
    public = manual.exported | manual.header.macros
    tap.expect_none(
        f"{page.file}: {name}"
        for page in manual.library_pages()
        for name in sorted(page.names() - public - {"sealmem", "libsealmem"})
    )


def test_the_header_declares_what_is_exported(manual):
    tap.expect_none(sorted(manual.exported ^ set(manual.header.errors)))


def test_a_synopsis_declares_the_functions_of_its_page(manual):
    def faults():
        for page in manual.library_pages():
            declared = set(re.findall(r"(sealmem_\w+)\(", "".join(page.blocks("SYNOPSIS"))))
            for name in sorted(declared ^ (page.names() & manual.exported)):
                yield f"{page.file}: {name}"

    tap.expect_none(faults())


def test_header_and_page_name_the_same_errors_of_each_function(manual):
    def faults():
        for page in manual.library_pages():
            errors = page.errors()
            for name in sorted(page.names() & manual.exported | set(errors)):
                header = manual.header.errors.get(name, set())
                for error in sorted(header ^ errors.get(name, set())):
                    yield f"{name}: {error} only in {'the header' if error in header else page.file}"

    tap.expect_none(faults())


def test_a_page_speaks_only_of_errors_that_it_lists(manual):
    def faults():
        for page in manual.library_pages():
            listed = set().union(*page.errors().values())
            if listed:
                text = "".join(text for title, text in page.sections.items() if title != "ERRORS")
                for error in sorted(sources.errnos(text) - listed):
                    yield f"{page.file}: {error}"

    tap.expect_none(faults())


def sentences_of(page):
    """The sentences that the page lists, as pairs of an errno and a text: specific and general ones."""
    parts = re.split(r"^\*(E\w+)\*\n", page.sections["SENTENCES"].split("\nFor 0")[0], flags=re.MULTILINE)[1:]
    specific, general = set(), set()
    for error, text in zip(parts[::2], parts[1::2]):
        for line in filter(None, (sources.plain(line.strip().removeprefix("- ")) for line in text.splitlines())):
            (general if line.startswith("In general: ") else specific).add((error, line.removeprefix("In general: ")))
    return specific, general


def test_the_manual_has_the_sentences_of_the_library(manual):
    page = next(page for page in manual.pages if page.name == "sealmem_strerror")
    specific, general = sentences_of(page)
    assert len(manual.reasons.specific) > 50 and len(manual.reasons.general) > 10
    tap.expect_none(
        [f"{error}: {text}" for error, text in sorted(specific ^ manual.reasons.specific)]
        + [f"{error}, in general: {text}" for error, text in sorted(general ^ manual.reasons.general)]
    )


def test_every_provoked_sentence_is_in_the_manual(manual):
    page = next(page for page in manual.pages if page.name == "sealmem_strerror")
    known = set().union(*sentences_of(page))
    assert len(manual.reasons.rows) > 100
    tap.expect_none(
        f"{function}: {error}: {text}" for function, error, text in manual.reasons.rows if (error, text) not in known
    )


def test_every_provoked_errno_is_in_the_page_of_its_function(manual):
    """A page may refer to another one: "Its other errors are those of ..."."""

    def faults():
        errors = {name: found for page in manual.library_pages() for name, found in page.errors().items()}
        for function, error, _ in manual.reasons.rows:
            shared = set().union(*(errors[other] for other in REFERS_TO.get(function, [])))
            if error not in errors.get(function, set()) | shared:
                yield f"{function}: {error}"

    tap.expect_none(faults())


def test_every_errno_of_the_manual_is_provoked_or_cannot_be(manual):
    def faults():
        rows = {(SAME_AS.get(function, function), error) for function, error, _ in manual.reasons.rows}
        documented = {
            (SAME_AS.get(name, name), error)
            for page in manual.library_pages()
            for name, found in page.errors().items()
            for error in found
        }
        provoked = {function for function, _ in rows}
        for function, error in sorted(documented - rows):
            if function in provoked and error not in UNPROVOKED.get(function, {}) and error not in UNPROVOKED["every function"]:
                yield f"{function}: {error} has no row in tests/unit/test-reason.c"
        for function, errors in UNPROVOKED.items():
            for error in sorted(errors):
                if (function, error) in rows:
                    yield f"{function}: {error} has a row, and stands among those that cannot have one"

    tap.expect_none(faults())


def test_every_page_is_installed(manual):
    tap.expect_none(page.file for page in manual.pages if not manual.where(page.name, page.section))


def test_every_page_is_free_of_lint(manual):
    def faults():
        for page in manual.pages:
            said = lint(manual.where(page.name, page.section))
            if said:
                yield f"{page.file}: {said}"

    tap.expect_none(faults())


def test_lint_is_noticed(manual):
    path = manual.tree / "lint.7"
    path.write_text(".TH lint 7\n.SH NAME\nlint \\- a page\n.NOSUCH macro\n", encoding="utf-8")
    assert "NOSUCH" in lint(path)


def test_every_line_of_a_page_fits_80_columns(manual):
    tap.expect_none(
        f"{page.file}: {line.strip()}"
        for page in manual.pages
        for line in wide_lines(manual.where(page.name, page.section))
    )


def test_a_line_that_does_not_fit_is_noticed(manual):
    path = manual.tree / "wide.7"
    line = "x" * 81
    path.write_text(f".TH wide 7\n.SH NAME\nwide \\- a page\n.nf\n{line}\n.fi\n", encoding="utf-8")
    assert [line] == [wide.strip() for wide in wide_lines(path)]


def test_the_C_examples_keep_their_backslashes(manual):
    """scdoc takes one backslash away, and a format of printf() then ends with an n."""

    def faults():
        for page in manual.pages:
            for block in page.blocks("EXAMPLES"):
                for line in re.findall(r'^.*%[a-z]n".*$', block, re.MULTILINE):
                    yield f"{page.file}: {line.strip()}"

    tap.expect_none(faults())


def test_apropos_finds_every_name_of_a_page(manual):
    def faults():
        for page in manual.pages:
            file = manual.where(page.name, page.section)
            parsed = subprocess.run(["lexgrog", file], capture_output=True, text=True, check=False).stdout
            found = set(re.findall(r'"(\S+) - ', parsed))
            for name in sorted(page.names() - found):
                yield f"{page.file}: {name}"

    tap.expect_none(faults())


def test_references_lead_to_pages(manual):
    tap.expect_none(
        f"{page.file}: {name}({section})"
        for page in manual.pages
        for name, section in sorted(page.references())
        if "sealmem" in name and not manual.where(name, section)
    )


def test_see_also_is_in_order_and_does_not_name_the_page_itself(manual):
    def faults():
        for page in manual.pages:
            first = page.sections["SEE ALSO"].strip().split("\n\n")[0]
            listed = re.findall(r"\*([\w-]+)\*\((\d)\)", first)
            order = [(section, name) for name, section in listed]
            if not order or order != sorted(order) or (page.section, page.name) in order:
                yield f"{page.file}: {listed}"

    tap.expect_none(faults())


def test_SECURITY_says_what_can_and_cannot_be_expected_in_the_words_of_sealmem_7(manual):
    security = (manual.source / "SECURITY.md").read_text(encoding="utf-8")
    page = next(page for page in manual.pages if page.file == "sealmem.7")
    tap.expect_none(
        title
        for title in ("Threat model", "Not a boundary", "Left open")
        if sources.plain(sources.chapter(security, title)) != sources.plain(page.sections[title.upper()])
    )


def test_what_attacks_get_past_by_design_is_left_open_in_the_same_words(manual):
    if not manual.command:
        raise tap.Skip("the command was not built")
    shown = subprocess.run(
        [manual.command, "attack", "--list", "--json"], capture_output=True, text=True, check=True
    )
    gaps = {row["name"]: row["known_gap"] for row in json.loads(shown.stdout)["attacks"] if row["known_gap"]}
    page = next(page for page in manual.pages if page.file == "sealmem.7")
    bullets = [sources.plain(text).casefold() for text in page.sections["LEFT OPEN"].split("\n- ")]
    named = set(re.findall(r"\(([a-z]+(?:-[a-z]+)+)\)", page.sections["LEFT OPEN"]))
    assert gaps
    tap.expect_none(sorted(named - set(gaps)))
    tap.expect_none(
        name
        for name, reason in sorted(gaps.items())
        if not any(f"({name})" in text and reason.casefold() in text for text in bullets)
    )


def test_the_documents_speak_only_of_files_that_exist(manual):
    def faults():
        for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"):
            text = (manual.source / name).read_text(encoding="utf-8")
            for path in re.findall(r"`((?:\w[\w.-]*/)+[\w.-]*)`|\]\(([^)]+)\)", text):
                file = "".join(path)
                # What is built is there after the command that builds it.
                is_built = file.startswith("build/")
                if "NAME" not in file and not is_built and not (manual.source / file).exists():
                    yield f"{name}: {file}"

    tap.expect_none(faults())


def test_the_pages_of_the_command_name_the_options_that_its_help_names(manual):
    if not manual.command:
        raise tap.Skip("the command was not built")

    def faults():
        for page in (page for page in manual.pages if page.section == "1"):
            words = page.name.split("-")[1:]
            shown = subprocess.run(
                [manual.command, *words, "--help"], capture_output=True, text=True, check=False
            )
            if shown.returncode != 0:
                yield f"{page.file}: --help ended with {shown.returncode}"
            for option in sorted(options(shown.stdout) ^ options(page.sections["OPTIONS"])):
                yield f"{page.file}: {option}"

    tap.expect_none(faults())


def test_every_subcommand_has_a_page_and_is_named_on_that_of_the_command(manual):
    if not manual.command:
        raise tap.Skip("the command was not built")
    shown = subprocess.run([manual.command, "--help"], capture_output=True, text=True, check=True).stdout
    listed = re.search(r"^Commands:\n((?:  .*\n)+)", shown, re.MULTILINE).group(1)
    names = set(re.findall(r"^  (\w+)", listed, re.MULTILINE)) - {"help"}
    pages = {page.file: page for page in manual.pages}
    assert names
    tap.expect_none(name for name in sorted(names) if f"sealmem-{name}.1" not in pages)
    tap.expect_none(name for name in sorted(names) if f"*sealmem-{name}*(1)" not in pages["sealmem.1"].text)


def members(value):
    """The names of all members of an answer in JSON."""
    if isinstance(value, dict):
        return set(value).union(*map(members, value.values()))
    return set().union(*map(members, value)) if isinstance(value, list) else set()


def expect_members_of_page(manual, name, *arguments):
    if not manual.command:
        raise tap.Skip("the command was not built")
    shown = subprocess.run([manual.command, name, *arguments], capture_output=True, text=True, check=False)
    page = next(page for page in manual.pages if page.file == f"sealmem-{name}.1")
    named = set(re.findall(r"(?<!\w)_(\w+?)_(?!\w)", page.sections["JSON"]))
    tap.expect_none(sorted(named ^ members(json.loads(shown.stdout))))


def test_the_JSON_of_probe_has_the_members_that_its_page_names(manual):
    expect_members_of_page(manual, "probe", "--json")


def test_the_JSON_of_audit_has_the_members_that_its_page_names(manual):
    # Something that has holders, and a rule that it breaks.
    memfd = os.memfd_create("held")
    expect_members_of_page(manual, "audit", "--json", "--require", "any:GUARDS", str(os.getpid()))
    os.close(memfd)


def main():
    source, build, meson, *command = sys.argv[1:]
    with tempfile.TemporaryDirectory() as place:
        manual = Manual(pathlib.Path(source), build, meson, command[0] if command else None, place)
        return tap.run(sys.modules[__name__], manual)


sys.exit(main())
