# SPDX-License-Identifier: MIT
"""
The package of Go: its tests and examples, as a user builds them and without the network, and what gofmt, vet and the
documentation say.

    behaviour.py SOURCE LIBRARY PLACE

PLACE is a directory for what go builds.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import built
import tap
import tree


class Package:
    def __init__(self, source, library, place):
        self.library, self.place = library, place
        self.folder = source / "bindings" / "go"
        text = f"Name: sealmem\nDescription: the library of this build\nVersion: 0\nLibs: -L{library.parent} -lsealmem\n"
        (place / "sealmem.pc").write_text(f"{text}Cflags: -I{source / 'include'}\n", encoding="utf-8")

    def run(self, *command, folder=None):
        """What a program says. Go keeps everything in PLACE, and asks nobody for modules."""
        if not shutil.which(command[0]):
            raise tap.Skip(f"{command[0]} is not installed")
        environment = {
            **os.environ,
            "GOCACHE": str(self.place / "cache"),
            "GOPATH": str(self.place / "path"),
            "GOFLAGS": "-mod=mod -p=2",
            "GOPROXY": "off",
            "GOTOOLCHAIN": "local",
            "CGO_ENABLED": "1",
            "CGO_CFLAGS": "-O2 -g -Wall -Werror",
            "LD_LIBRARY_PATH": str(self.library.parent),
            "PKG_CONFIG_PATH": str(self.place),
        }
        place = folder or self.folder
        ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=place, env=environment)
        assert ran.returncode == 0, f"{ran.stdout[-6000:]}{ran.stderr[-6000:]}exit status {ran.returncode}"
        return ran.stdout + ran.stderr


def test_the_tests_and_the_examples_pass(package):
    said = package.run("go", "test", "-count=1", "-timeout=500s", "-v", ".")
    assert "--- PASS: ExampleNew" in said
    for line in re.findall(r"^ *(?:\w+_test.go:\d+: (.*)|--- SKIP: (.*))$", said, re.MULTILINE):
        print(f"# {' '.join(line).strip()}")
    print(f"# {said.count('--- PASS')} tests and examples passed")


def test_vet_finds_nothing(package):
    assert package.run("go", "vet", ".") == ""


def test_gofmt_changes_nothing(package):
    assert package.run("gofmt", "-l", ".") == ""


def test_each_public_name_is_documented(package):
    """In the manner of godoc: a comment right before that begins with the name."""
    for path in sorted(package.folder.glob("*.go")):
        if path.name.endswith("_test.go"):
            continue
        lines = tree.read(path).splitlines()
        for before, line in zip(lines, lines[1:]):
            public = re.match(r"(?:func(?: \(\w+ \*?[A-Z]\w*\))?|type|var) ([A-Z]\w*)", line)
            assert not public or before.startswith("//"), f"{path.name}: {line}"
    assert "Guarantees is a set of guarantees" in package.run("go", "doc", "-all", ".")


def test_another_module_uses_it_by_its_path(package):
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        module = f"module user\n\ngo 1.19\n\nrequire sealmem v0.0.0\n\nreplace sealmem => {package.folder}\n"
        (folder / "go.mod").write_text(module, encoding="utf-8")
        program = (
            'package main\n\nimport (\n\t"fmt"\n\n\t"sealmem"\n)\n\nfunc main() {\n'
            '\tr, err := sealmem.New("r", []byte("abc"), sealmem.Content)\n\tfmt.Println(string(r.Bytes()), err)\n}\n'
        )
        (folder / "main.go").write_text(program, encoding="utf-8")
        assert package.run("go", "run", ".", folder=folder) == "abc <nil>\n"


sys.exit(built.run(sys.modules[__name__], "go", Package, sys.argv[1:4]))
