# SPDX-License-Identifier: MIT
"""
The commands that the manual shows run, and exit as the manual says. Each command line under EXAMPLES on a
page of section 1 is given to a shell, in a directory that holds the files which the examples assume, with
the command that was built first in PATH.

An example exits with 0, unless the page says otherwise in a comment at the end of the line: `# exits 1`, or
`# until stopped` where the program goes on until a signal ends it.

    commands.py SOURCE SEALMEM SERVER
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import types

import sources
import tap

# How many examples a page has at least.
ENOUGH = 4

# What is not part of every system. An example that needs it is skipped where it is missing; any other program
# that is missing is a mistake on the page.
OPTIONAL = {"jq", "openssl"}

# The files that the examples assume, as text; one that begins with #! is a program. Two processes run beside them: the
# program server, and one that serves policy.json at policy.sock.
FILES = {
    "password": "open sesame\n",
    "policy.json": '{"allow": [443]}\n',
    "tool": "#!/bin/sh\necho version 1\n",
}

REMARK = re.compile(r"\s+# (exits (?P<status>\d+)|(?P<stopped>until stopped))$")


class Example:
    """A command that a page shows, and what the page says about its end."""

    def __init__(self, page, text):
        remark = REMARK.search(text)
        self.page = page
        self.text = REMARK.sub("", text)
        self.until_stopped = bool(remark and remark["stopped"])
        self.status = int((remark and remark["status"]) or 0)

    def missing(self, path):
        """The optional programs that it names and that this machine lacks; and mounts, as a chroot does."""
        words = set(re.findall(r"[\w-]+", self.text)) & OPTIONAL
        programs = sorted(word for word in words if not shutil.which(word, path=path))
        return programs + (["private mounts"] if "--files" in self.text and not can_mount() else [])


def can_mount():
    ways = (["unshare", "--mount", "true"], ["unshare", "--user", "--mount", "true"])
    return any(subprocess.run(way, capture_output=True, check=False).returncode == 0 for way in ways)


def is_complete(text):
    """Whether a shell would run this and not read on."""
    if text.endswith(("\\", "|", "&&")):
        return False
    return subprocess.run(["sh", "-n", "-c", text], capture_output=True, check=False).returncode == 0


def commands(block):
    """The commands of a literal block; one may be spread over several lines."""
    text = ""
    for line in block.splitlines():
        text = f"{text}\n{line}" if text else line
        if text.strip() and is_complete(text):
            yield text
            text = ""
    if text.strip():
        yield text


def examples(page):
    blocks = page.blocks("EXAMPLES")
    return [Example(page, text) for block in blocks for text in commands(block)]


class Place:
    """The directory that the examples run in."""

    def __init__(self, root, command, server):
        self.directory = root / "here"
        programs = root / "bin"
        self.directory.mkdir()
        programs.mkdir()
        for name, text in FILES.items():
            self.write(self.directory / name, text, text.startswith("#!"))
        self.path = f"{command.parent}:{programs}:{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": self.path, "HOME": str(self.directory)}
        shutil.copy(server, programs / "server")
        self.server = self.start("exec server")
        self.server.stdout.readline()  # it holds its policy now
        self.publisher = self.start("exec sealmem serve --socket policy.sock policy=policy.json")
        while "ready" not in self.publisher.stdout.readline():
            assert self.publisher.poll() is None, "sealmem serve does not start"
        # The machine may run other servers of that name.
        self.write(programs / "pidof", f"#!/bin/sh\necho {self.server.pid}\n", True)

    @staticmethod
    def write(path, text, is_program):
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755 if is_program else 0o600)

    def start(self, text):
        return subprocess.Popen(
            ["sh", "-c", text],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def expect_status(process, example):
    said, _ = process.communicate(timeout=120)
    assert process.returncode == example.status, (
        f"{example.text}\nexits {process.returncode}, and not {example.status}:\n{said}"
    )


def expect_running(process, example):
    try:
        said, _ = process.communicate(timeout=2)
    except subprocess.TimeoutExpired:
        return
    raise AssertionError(f"{example.text}\nexits {process.returncode} before it is stopped:\n{said}")


def end(process):
    """Ends what an example has started, which may be more than the shell."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    process.communicate(timeout=20)


def check(example):
    def test(place):
        missing = example.missing(place.path)
        if missing:
            raise tap.Skip(f"needs {', '.join(missing)}")
        process = place.start(example.text)
        try:
            (expect_running if example.until_stopped else expect_status)(process, example)
        finally:
            end(process)

    test.title = f"{example.page.file}: {' '.join(example.text.replace('#', '').split())}"
    return test


def tests(pages):
    """A test for each example, and those of the pages."""

    def test_every_page_has_enough_examples(_):
        short = {page.file for page in pages if sum("sealmem" in e.text for e in examples(page)) < ENOUGH}
        tap.expect_none(f"{file}: fewer than {ENOUGH}" for file in sorted(short))

    def test_another_exit_status_is_noticed(place):
        for text in ("sealmem nonesuch", "true # exits 1", "true # until stopped", "sealmme"):
            try:
                check(Example(pages[0], text))(place)
            except AssertionError:
                continue
            raise AssertionError(f"{text}: nothing was noticed")

    found = [example for page in pages for example in examples(page)]
    return {
        **{f"test_{number}": check(example) for number, example in enumerate(found)},
        "test_every_page_has_enough_examples": test_every_page_has_enough_examples,
        "test_another_exit_status_is_noticed": test_another_exit_status_is_noticed,
    }


def main():
    source, command, server = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    pages = [page for page in sources.pages(source / "man") if page.section == "1"]
    with tempfile.TemporaryDirectory() as directory:
        place = Place(pathlib.Path(directory), command, server)
        try:
            return tap.run(types.SimpleNamespace(**tests(pages)), place)
        finally:
            end(place.server)
            end(place.publisher)


sys.exit(main())
