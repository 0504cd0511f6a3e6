# SPDX-License-Identifier: MIT
"""
The commands of README.md are what people type first, so they run here as they stand. tests/man builds the
C texts, and tests/packages/newcomer installs.

    readme.py SOURCE                       with what is installed
    readme.py SOURCE BUILD COMPILER...     with what is in a build directory
"""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import tap
import tree

# It takes most of a minute, and tests/cli/attack.bats runs it.
ELSEWHERE = {"sealmem attack"}

# Exit status 3 of the command: the kernel does not support it.
UNSUPPORTED = 3


class Readme:
    """The text, and a folder with what its commands expect."""

    def __init__(self, source, place, build, compiler):
        self.text = tree.read(source / "README.md")
        self.place = place
        self.compiler = "cc"
        self.environment = dict(os.environ)
        if build is not None:
            self.compiler = shlex.join([*compiler, f"-I{source / 'include'}", f"-Wl,-rpath,{build / 'lib'}"])
            self.environment["PATH"] = f"{build / 'tools'}:{os.environ['PATH']}"
            self.environment["PKG_CONFIG_PATH"] = str(build / "meson-uninstalled")
        program = next(block for block in re.findall(r"```c\n(.*?)```", self.text, re.DOTALL) if '"policy"' in block)
        (place / "program.c").write_text(program, encoding="utf-8")
        self.built = self.run(next(command for command in self.commands("In your program") if command.startswith("cc ")))

    def section(self, heading):
        return self.text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]

    def commands(self, heading):
        return re.findall(r"^    \$ (.*)$", self.section(heading), re.MULTILINE)

    def run(self, command):
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", re.sub("^cc(?= )", lambda _: self.compiler, command)],
            cwd=self.place,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def test_the_program_is_built_as_the_README_says(readme):
    assert readme.built.returncode == 0, readme.built.stderr


def test_the_program_prints_what_the_README_shows(readme):
    shown = re.search(r"^    \$ \./program\n((?:    [^$].*\n)+)", readme.text, re.MULTILINE)[1]
    done = readme.run("./program")
    assert done.returncode == 0, done.stderr
    assert done.stdout == re.sub("^    ", "", shown, flags=re.MULTILINE), done.stdout


def test_every_command_of_the_five_tasks_works(readme):
    missing = [name for name in ("jq", "openssl") if shutil.which(name) is None]
    if missing:
        raise tap.Skip(f"{' and '.join(missing)}: not installed")

    def faults():
        for command in readme.commands("What can I do with it"):
            if command not in ELSEWHERE:
                done = readme.run(command)
                if done.returncode not in (0, UNSUPPORTED) or done.stdout.strip() == "null":
                    yield f"{command}: exit status {done.returncode}: {done.stderr or done.stdout}"

    tap.expect_none(faults())


def test_the_rule_of_the_README_is_broken_by_another_program(readme):
    rule = next(command for command in readme.commands("What can I do with it") if "--require" in command)
    done = readme.run(rule.replace("./program", "true"))
    assert done.returncode == 1, done.stderr


def test_there_are_five_tasks(readme):
    tasks = re.findall(r"^\*\*(.*?)\*\*", readme.section("What can I do with it"), re.MULTILINE)
    assert len(tasks) == 5, tasks


def test_the_README_shows_every_subcommand(readme):
    shown = set(re.findall(r"^    sealmem (\w+) ", readme.section("The command"), re.MULTILINE))
    named = set(re.findall(r"^  (\w+) ", readme.run("sealmem --help").stdout, re.MULTILINE)) - {"help"}
    assert shown == named, (shown, named)


def main():
    source, *rest = sys.argv[1:]
    build = pathlib.Path(rest[0]).resolve() if rest else None
    with tempfile.TemporaryDirectory() as place:
        readme = Readme(pathlib.Path(source), pathlib.Path(place), build, rest[1:])
        return tap.run(sys.modules[__name__], readme)


sys.exit(main())
