# SPDX-License-Identifier: MIT
"""
The manual for a browser is whole: each link leads somewhere, and each page and function can be found from the first
page. The site is built here, as `meson compile site` builds it, and read by a strict reader.

    site.py SOURCE PROGRAM SCDOC MANDOC MARKDOWN
"""

import html.parser
import pathlib
import re
import subprocess
import sys
import tempfile

import sources
import tap

# Elements without an end.
EMPTY = {"br", "img", "link", "meta", "hr", "input"}

# What would need a network, or a program in the browser.
FOREIGN = {"script", "iframe", "object", "embed", "form"}


class Reader(html.parser.HTMLParser):
    """A page: its anchors, its links, its literal blocks, its text outside of links, and its mistakes."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.loads, self.faults = [], [], [], [], []
        self.blocks, self.text = [], []
        self.feed(text)
        self.faults += [f"<{tag}> has no end" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag not in EMPTY:
            self.open.append(tag)
        if tag in FOREIGN or any(name.startswith("on") for name in attributes):
            self.faults.append(f"<{tag}> is a program")
        if tag == "pre":
            self.blocks.append("")
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        self.loads += [attributes[name] for name in ("src", "srcset") if name in attributes]
        if tag == "link":
            self.loads.append(attributes["href"])

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in EMPTY:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> ends what is not open")

    def handle_data(self, data):
        if "pre" in self.open:
            self.blocks[-1] += data
        elif "a" not in self.open and not {"h1", "title"} & set(self.open):
            self.text.append(data)


class Site:
    """The site as it was built, and what it was built of."""

    def __init__(self, source, programs, place):
        self.source = source
        self.programs = programs
        self.place = self.build(place / "site")
        self.texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(self.place.glob("*.html"))}
        self.pages = {name: Reader(text) for name, text in self.texts.items()}
        self.manual = sources.pages(source / "man")
        header = sources.Header(source / "include/sealmem.h")
        self.functions = sources.exported(source / "lib/libsealmem.sym") | header.macros

    def build(self, place):
        program, *others = self.programs
        command = [sys.executable, "-B", program, self.source, place, "1.2.3", *others]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return place


def is_foreign(address):
    return re.match("[a-z]+:|//", address) is not None


def broken(pages, files):
    """The links that lead nowhere, as texts."""
    for name, page in pages.items():
        for address in page.links + page.loads:
            file, _, anchor = address.partition("#")
            if is_foreign(address):
                continue
            if (file or name) not in files:
                yield f"{name}: {address}: no such file"
            elif anchor and anchor not in pages[file or name].ids:
                yield f"{name}: {address}: no such anchor"


def reached(pages, first):
    """The pages, and the anchors, that links lead to."""
    found, waiting = set(), [first]
    while waiting:
        page = waiting.pop().split("#")[0]
        for address in pages[page].links if page in pages else ():
            address = page + address if address.startswith("#") else address
            if address not in found and not is_foreign(address):
                found.add(address)
                waiting.append(address)
    return found


def test_every_page_is_well_formed_and_needs_no_program(site):
    tap.expect_none(f"{name}: {fault}" for name, page in site.pages.items() for fault in page.faults)


def test_every_anchor_is_there_once(site):
    tap.expect_none(
        f"{name}: {anchor}"
        for name, page in site.pages.items()
        for anchor in sorted(set(page.ids))
        if page.ids.count(anchor) > 1
    )


def test_every_link_leads_to_a_file_and_an_anchor_of_the_site(site):
    tap.expect_none(broken(site.pages, {path.name for path in site.place.iterdir()}))


def test_a_link_that_leads_nowhere_is_noticed(_):
    pages = {"a.html": Reader('<a href="b.html">b</a><a href="#c">c</a><a id="d" href="a.html#d">d</a>')}
    said = list(broken(pages, {"a.html"}))
    assert said == ["a.html: b.html: no such file", "a.html: #c: no such anchor"], said


def test_a_browser_loads_nothing_from_elsewhere(site):
    style = (site.place / "style.css").read_text(encoding="utf-8")
    assert "url(" not in style and "@import" not in style
    tap.expect_none(f"{name}: {it}" for name, page in site.pages.items() for it in page.loads if is_foreign(it))


def test_every_document_and_every_page_of_the_manual_is_in_the_site(site):
    texts = [path.relative_to(site.source) for path in site.source.glob("docs/*.md")]
    wanted = {f"{page.file}.html" for page in site.manual} | {f"{path.stem.lower()}.html" for path in texts}
    assert len(wanted) > 25
    tap.expect_none(sorted((wanted | {"index.html"}) - set(site.pages)))


def test_every_page_is_reached_from_the_first_and_leads_back(site):
    found = {address.split("#")[0] for address in reached(site.pages, "index.html")}
    tap.expect_none(sorted(set(site.pages) - found))
    tap.expect_none(name for name, page in site.pages.items() if "index.html" not in page.links)


def test_every_public_function_is_reached_where_its_page_describes_it(site):
    found = reached(site.pages, "index.html")
    where = {name: f"{page.file}.html#{name}" for page in site.manual if page.section == "3" for name in page.names()}
    listed = site.pages["functions.html"].links
    assert len(site.functions) > 50
    tap.expect_none(name for name in sorted(site.functions) if where.get(name) not in found)
    tap.expect_none(name for name in sorted(site.functions) if where.get(name) not in listed)


def test_every_reference_to_a_page_of_sealmem_is_a_link(site):
    """Text outside of links has none left. Literal blocks, and so NEWS, are shown as they are."""
    tap.expect_none(
        f"{name}: {left}"
        for name, page in site.pages.items()
        for left in re.findall(r"\b(?:lib)?sealmem[\w-]*\([1-8]\)", "".join(page.text))
    )


def test_the_references_of_a_page_are_those_of_its_source(site):
    def faults():
        for page in site.manual:
            links = {link.split("#")[0] for link in site.pages[f"{page.file}.html"].links}
            names = {(name, other.section): other for other in site.manual for name in page_names(other)}
            for reference in sorted(page.references() & set(names)):
                if f"{names[reference].file}.html" not in links:
                    yield f"{page.file}: {reference}"

    tap.expect_none(faults())


def page_names(page):
    return page.names() | {page.name}


def test_a_reference_to_a_page_of_others_is_text(site):
    text = "".join(site.pages["sealmem.7.html"].text)
    assert "mprotect(2)" in text


def test_a_literal_block_is_shown_as_it_was_written(site):
    """Empty lines, and blanks at the begin of a line, too."""

    def faults():
        for page in site.manual:
            shown = [block.strip("\n") for block in site.pages[f"{page.file}.html"].blocks]
            for section in page.sections:
                for block in page.blocks(section):
                    if block.strip("\n") not in shown:
                        yield f"{page.file}: {section}: {block}"

    tap.expect_none(faults())


def test_the_tables_of_the_documents_are_tables(site):
    tap.expect_none(name for name, text in site.texts.items() if re.search(r"\|-{3,}\|", text))
    assert "<table>" in site.texts["bindings.html"]


def test_a_table_is_never_wider_than_the_window(site):
    """It is in an element that moves it, because on a phone the whole page would move."""
    style = (site.place / "style.css").read_text(encoding="utf-8")
    assert re.search(r"^\.wide \{\n    overflow-x: auto;", style, re.MULTILINE)
    tap.expect_none(
        f"{name}: {before}"
        for name, text in site.texts.items()
        for before in re.findall(r"([^\n]*)<table", text)
        if not before.endswith('<div class="wide">')
    )


def test_pages_are_for_phones_and_for_dark_rooms(site):
    style = (site.place / "style.css").read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in style
    viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    tap.expect_none(name for name, text in site.texts.items() if viewport not in text)


def test_a_second_build_has_the_same_bytes_and_removes_what_is_gone(site):
    before = {path.name: path.read_bytes() for path in site.place.iterdir()}
    (site.place / "gone.html").touch()
    site.build(site.place)
    assert before == {path.name: path.read_bytes() for path in site.place.iterdir()}


def main():
    source, *programs = sys.argv[1:]
    with tempfile.TemporaryDirectory() as place:
        return tap.run(sys.modules[__name__], Site(pathlib.Path(source), programs, pathlib.Path(place)))


sys.exit(main())
