# SPDX-License-Identifier: MIT
"""
The header of C++ in every way in which a program may compile it: by both compilers, in C++17 and C++20, with and without
exceptions, where warnings are errors. Half of them run test-cpp.cpp; the others would run the same code.

    behaviour.py SOURCE LIBRARY [SANITIZER]
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import types

import tap

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wnon-virtual-dtor", "-Werror"]
WAYS = [
    # compiler, standard, exceptions, runs
    ("g++", "c++17", True, True),
    ("g++", "c++17", False, False),
    ("g++", "c++20", True, False),
    ("g++", "c++20", False, True),
    ("clang++", "c++17", True, False),
    ("clang++", "c++17", False, True),
    ("clang++", "c++20", True, True),
    ("clang++", "c++20", False, False),
]

# Each has one fault, which the compiler must find, and a word that it must say.
FAULTS = {
    "a sealed object with a destructor": ("destructor", "#include <string>\nsealmem::sealed<std::string> text;\n"),
    "a copy of an owner": ("", "void f(sealmem::region &r)\n{\n\tsealmem::region copy(r);\n}\n"),
    "an admission that may throw": (
        "noexcept",
        "int decide(const sealmem_peer &, const char *);\n"
        "void f(sealmem::publisher &p, std::error_code &c)\n{\n\tp.set_admission(decide, c);\n}\n",
    ),
}
WITHOUT = "void f(sealmem::region &r)\n{\n\tr.seal();\n}\n"


class Workshop:
    def __init__(self, source, library, sanitizer, place):
        self.source, self.library, self.sanitizer, self.place = source, library, sanitizer, place

    def compile(self, compiler, *arguments):
        if not shutil.which(compiler):
            raise tap.Skip(f"{compiler} is not installed")
        return subprocess.run(
            [compiler, *STRICT, "-I", self.source / "include", *arguments], capture_output=True, text=True, check=False
        )

    def check(self, compiler, standard, text, *options):
        path = self.place / "text.cpp"
        path.write_text("#include <sealmem.hpp>\n" + text, encoding="utf-8")
        return self.compile(compiler, f"-std={standard}", *options, "-Wno-unused", "-fsyntax-only", path)


def runs(workshop, compiler, options):
    if workshop.sanitizer:
        raise tap.Skip("a library with a sanitizer in it belongs to the compiler that built it")
    program = workshop.place / "test-cpp"
    linked = [workshop.library, f"-Wl,-rpath,{workshop.library.parent}"]
    built = workshop.compile(compiler, *options, "-O1", "-o", program, workshop.source / "tests/bindings/cpp/test-cpp.cpp", *linked)
    assert built.returncode == 0 and not built.stderr, built.stderr
    ran = subprocess.run([program], capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, f"{ran.stdout}{ran.stderr}exit status {ran.returncode}"
    print(f"# {ran.stdout.strip()}")


def way(compiler, standard, exceptions, run):
    options = [f"-std={standard}", *([] if exceptions else ["-fno-exceptions"])]

    def test(workshop):
        if run:
            runs(workshop, compiler, options)
            return
        source = workshop.source / "tests/bindings/cpp/test-cpp.cpp"
        built = workshop.compile(compiler, *options, "-fsyntax-only", source)
        assert built.returncode == 0 and not built.stderr, built.stderr

    test.title = f"{compiler} -std={standard} {'with' if exceptions else 'without'} exceptions " + (
        "passes the tests of the header" if run else "takes the header without a warning"
    )
    return test


def refused(name, word, text):
    def test(workshop):
        said = workshop.check("g++", "c++17", text)
        assert said.returncode != 0, "it compiles"
        assert word in said.stderr, said.stderr

    test.title = f"the compiler refuses {name}"
    return test


def example(workshop):
    """In a function, and with the headers that a reader adds."""
    text = (workshop.source / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```cpp\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    said = workshop.check("g++", "c++17", "#include <map>\n#include <string>\nvoid f()\n{\n" + block + "}\n")
    assert said.returncode == 0, said.stderr


def needs_exceptions(workshop):
    assert workshop.check("g++", "c++17", WITHOUT).returncode == 0
    assert workshop.check("g++", "c++17", WITHOUT, "-fno-exceptions").returncode != 0


def tests():
    needs_exceptions.title = "the form that throws exists only where there are exceptions"
    example.title = "the example of README.md compiles"
    found = [way(*row) for row in WAYS]
    found += [refused(name, *row) for name, row in FAULTS.items()]
    return {f"test_{number}": test for number, test in enumerate([*found, needs_exceptions, example])}


def main():
    source, library = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    with tempfile.TemporaryDirectory() as place:
        workshop = Workshop(source, library, sys.argv[3:], pathlib.Path(place))
        return tap.run(types.SimpleNamespace(**tests()), workshop)


sys.exit(main())
