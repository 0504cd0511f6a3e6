#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Makes the manual for a browser: the pages of man/ and the documents in Markdown, as one folder of plain HTML that needs
no server and no script. A reference to a page or a function of sealmem is a link. One to a page of somebody else,
such as mmap(2), stays text, because the site has to be whole without a network.

    site.py SOURCE DESTINATION VERSION SCDOC MANDOC MARKDOWN

SCDOC, MANDOC and MARKDOWN are the programs; the last one is cmark-gfm, because the documents have tables.
"""

import dataclasses
import html
import pathlib
import posixpath
import re
import shutil
import string
import subprocess
import sys

HERE = pathlib.Path(__file__).parent

# Documents besides docs/*.md and bindings/*/README.md, in the order of the menu.
DOCUMENTS = ("README.md", "SECURITY.md", "ATTACKS.md", "bench/RESULTS.md", "CONTRIBUTING.md")
TEXTS = ("NEWS", "LICENSE")

# What the menu calls the groups, and the sections of the manual in them.
GROUPS = {"Start": "", "Guarantees": "7", "Command": "1", "Library": "3"}

# What a link must not be put into.
CLOSED = re.compile(r"(<(a|pre|h[1-6])\b.*?</\2>)", re.DOTALL)

# sealmem_send(3) and sealmem_send(), in bold or not.
REFERENCE = re.compile(r"(<b[^>]*>)?\b(sealmem[\w-]*|libsealmem)(</b>)?\(([1-8]?)\)")


@dataclasses.dataclass
class Page:
    """A page of the site. `source` is its path in the tree, by which other pages link to it."""

    source: str
    file: str
    title: str
    group: str
    body: str
    names: tuple = ()
    about: str = ""


def output_of(command, text=None):
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def mark_literal(roff):
    """mandoc drops the empty lines of a literal block, and breaks those that begin with a blank."""
    block = re.compile(r"^\.nf\n.*?^\.fi$", re.MULTILINE | re.DOTALL)
    return block.sub(lambda match: re.sub(r"^(?=[ \n])", r"\\[uE000]", match[0], flags=re.MULTILINE), roff)


def unmark_literal(made):
    return made.replace("&#xE000;", "")


def lower_headings(body):
    """The sections of a page come after its title."""
    return re.sub(r"(</?)h([1-5])\b", lambda match: f"{match[1]}h{int(match[2]) + 1}", body)


def with_wide_tables(body):
    """A table that is wider than the window is moved by itself, and not with the page. The style draws its lines."""
    table = re.compile(r"<table\b[^>]*>(.*?)</table>", re.DOTALL)
    return table.sub(lambda match: f'<div class="wide"><table>{match[1]}</table></div>', body)


def with_anchors(body, names):
    """Each function can be linked to: where the description first names it, or else where NAME does."""
    for name in names:
        start = max(body.find('id="DESCRIPTION"'), 0)
        first = body.find(f"<b>{name}</b>", start)
        if first < 0:
            body = re.sub(rf"\b{name}\b", f'<span id="{name}">{name}</span>', body, count=1)
        else:
            body = body[:first] + f'<b id="{name}">' + body[first + len("<b>") :]
    return body


def manual_page(path, programs):
    """A page of man/, from scdoc's form."""
    name, section = path.name.removesuffix(".scd").split(".")
    text = path.read_text(encoding="utf-8")
    names, about = re.search(r"^# NAME\n\n(.*?) - (.*?)\n\n", text, re.MULTILINE | re.DOTALL).groups()
    names = tuple(each.strip() for each in names.split(","))
    roff = mark_literal(output_of([programs["scdoc"]], text))
    made = unmark_literal(output_of([programs["mandoc"], "-T", "html", "-O", "fragment"], roff))
    body = re.search(r'<div class="manual-text".*</div>(?=\s*<(?:table|div) class="foot")', made, re.DOTALL)[0]
    body = with_wide_tables(lower_headings(with_anchors(body, names if section == "3" else ())))
    title = f"{name}({section})"
    return Page(f"man/{path.name}", f"{name}.{section}.html", title, section, f"<h1>{title}</h1>\n{body}", names, about)


def slug(heading, taken):
    """The anchor of a heading, as the hosts of Markdown make it."""
    words = html.unescape(re.sub(r"<[^>]*>", "", heading)).lower()
    plain = re.sub(r"[^\w -]", "", words).strip().replace(" ", "-")
    anchor, number = plain, 0
    while anchor in taken:
        number += 1
        anchor = f"{plain}-{number}"
    taken.add(anchor)
    return anchor


def document(root, source, programs):
    """A document in Markdown."""
    text = (root / source).read_text(encoding="utf-8")
    made = output_of([programs["markdown"], "-e", "table"], text)
    taken = set()
    body = re.sub(r"<(h[1-6])>(.*?)</\1>", lambda m: f'<{m[1]} id="{slug(m[2], taken)}">{m[2]}</{m[1]}>', made)
    title = html.unescape(re.sub(r"<[^>]*>", "", re.search(r"<h1[^>]*>(.*?)</h1>", body)[1]))
    stem = source.removesuffix(".md").lower().removeprefix("docs/").replace("/", "-")
    return Page(source, "index.html" if source == "README.md" else f"{stem}.html", title, "", with_wide_tables(body))


def plain_text(root, source):
    text = html.escape((root / source).read_text(encoding="utf-8"))
    return Page(source, f"{source.lower()}.html", source, "", f"<h1>{source}</h1>\n<pre>{text}</pre>")


def function_list(pages):
    """Every public function, and the page that has it."""
    found = {name: page for page in pages if page.group == "3" for name in page.names if name.startswith("sealmem_")}
    rows = [f"<tr><td>{name}(3)</td><td>{html.escape(found[name].about)}</td></tr>" for name in sorted(found)]
    table = "\n".join(["<tr><th>Function</th><th>Its page</th></tr>", *rows])
    body = f"<h1>Functions</h1>\n<table>\n{table}\n</table>"
    return Page("", "functions.html", "Functions", "3", with_wide_tables(body))


def documents(root):
    others = [*root.glob("docs/*.md"), *root.glob("bindings/*/README.md")]
    return [DOCUMENTS[0], *sorted(str(path.relative_to(root)) for path in others), *DOCUMENTS[1:]]


def from_page(page, path):
    """A path that is relative to a page, relative to the root."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page.source), path))


class Site:
    """All pages, and where each name of the manual is."""

    def __init__(self, root, programs):
        manual = [manual_page(path, programs) for path in sorted((root / "man").glob("*.scd"))]
        self.root = root
        self.pages = [document(root, source, programs) for source in documents(root)]
        self.pages += [plain_text(root, source) for source in TEXTS] + [function_list(manual)] + manual
        self.sources = {page.source: page for page in self.pages if page.source}
        self.names = {}
        for page in manual:
            for name in page.names:
                anchor = f"#{name}" if page.group == "3" else ""
                self.names[name, page.group] = page.file + anchor
            self.names.setdefault((page.file.split(".")[0], page.group), page.file)
        self.images = set()

    def link(self, page, match):
        """A reference, as a link if the site has what it names. Without a section it is a function, maybe of this page."""
        where = self.names.get((match[2], match[4] or "3"))
        is_here = where and not match[4] and where.startswith(page.file)
        return f'<a href="{where}">{match[0]}</a>' if where and not is_here else match[0]

    def references(self, page, body):
        """The body with its links. Each third part is what CLOSED matched, and then the name of its element."""
        parts = CLOSED.split(body)
        parts[::3] = [REFERENCE.sub(lambda match: self.link(page, match), part) for part in parts[::3]]
        del parts[2::3]
        return "".join(parts)

    def target(self, page, address):
        """What the site has at an address that a document gives relative to itself, or None."""
        path, _, anchor = address.partition("#")
        found = self.sources.get(from_page(page, path)) if path else page
        return found and found.file + (f"#{anchor}" if anchor else "")

    def address(self, page, match):
        """A link of a document. One to what the site does not have leaves its text."""
        if re.match("[a-z]+:", match[1]):
            return match[0]
        target = self.target(page, html.unescape(match[1]))
        return f'<a href="{html.escape(target)}">{match[2]}</a>' if target else match[2]

    def image(self, page, match):
        path = from_page(page, match[1])
        self.images.add(path)
        return f'<img src="{posixpath.basename(path)}"'

    def body(self, page):
        body = page.body
        if page.source.endswith(".md"):
            anchor = re.compile(r'<a href="([^"]*)">(.*?)</a>', re.DOTALL)
            body = anchor.sub(lambda match: self.address(page, match), body)
            body = re.sub(r'<img src="([^"]*)"', lambda match: self.image(page, match), body)
        return self.references(page, body)

    def menu(self, current):
        """The links to all pages, by group."""
        lines = []
        for group, section in GROUPS.items():
            lines.append(f"<h2>{group}</h2>\n<ul>")
            for page in (page for page in self.pages if page.group == section):
                here = ' aria-current="page"' if page is current else ""
                label = "Overview" if page.file == "index.html" else html.escape(page.title)
                lines.append(f'<li><a href="{page.file}"{here}>{label}</a></li>')
            lines.append("</ul>")
        return "\n".join(lines)

    def write(self, place, version):
        template = string.Template((HERE / "page.html").read_text(encoding="utf-8"))
        for page in self.pages:
            title = html.escape(page.title)
            text = template.substitute(title=title, menu=self.menu(page), body=self.body(page), version=version)
            (place / page.file).write_text(text, encoding="utf-8")
        for path in sorted(self.images):
            shutil.copyfile(self.root / path, place / posixpath.basename(path))
        shutil.copyfile(HERE / "style.css", place / "style.css")


def main():
    source, destination, version, *programs = sys.argv[1:]
    site = Site(pathlib.Path(source), dict(zip(("scdoc", "mandoc", "markdown"), programs, strict=True)))
    place = pathlib.Path(destination)
    # A page that is gone must not stay.
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    site.write(place, version)
    print(f"{len(site.pages)} pages: {place / 'index.html'}")


if __name__ == "__main__":
    main()
