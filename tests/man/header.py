# SPDX-License-Identifier: MIT
"""
The header is clean in every C and C++ that a caller may write, and tells the compiler what it tells the reader:
a caller who ignores a result, or passes a buffer that is too small, is warned.

    header.py SOURCE LIBRARY [SANITIZER]
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import types

import tap

C = ["c99", "c11", "c17", "c2x"]
CXX = ["c++11", "c++14", "c++17", "c++20"]
COMPILERS = {"gcc": C, "clang": C, "g++": CXX, "clang++": CXX}
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wunused-macros", "-Werror"]

# Each has one fault, and the warning that a compiler gives for it.
FAULTS = {
    "a seal whose result is ignored": (
        "unused-result",
        ["gcc", "clang", "g++", "clang++"],
        "void f(struct sealmem_region *r);\nvoid f(struct sealmem_region *r)\n{\n\tsealmem_region_seal(r);\n}\n",
    ),
    "a copy from NULL": (
        "nonnull",
        ["gcc", "g++"],
        "int f(struct sealmem_region **r);\nint f(struct sealmem_region **r)\n{\n"
        '\treturn sealmem_region_new_from(r, "f", 0, 8, SEALMEM_CONTENT);\n}\n',
    ),
    "a wipe past the end": (
        "stringop-overflow",
        ["gcc", "g++"],
        "void f(void);\nvoid f(void)\n{\n\tchar key[16] = \"\";\n\n\tsealmem_wipe(key, 32);\n}\n",
    ),
}

# Nobody reads the number by the pointer that it was stored by. It must be there all the same.
STORE = """
#include <sealmem.h>

__attribute__((noinline)) static int store_and_seal(struct sealmem_region *r)
{
	int *number = sealmem_region_alloc(r, sizeof(*number), 0);

	if (!number)
		return -1;
	*number = 443;
	return sealmem_region_seal(r);
}

int main(void)
{
	struct sealmem_region *r;

	if (sealmem_region_new(&r, "store", 64, SEALMEM_CONTENT) < 0 || store_and_seal(r) < 0)
		return 1;
	return *(const int *)sealmem_region_data(r) == 443 ? 0 : 2;
}
"""


class Workshop:
    def __init__(self, source, library, sanitizer, place):
        self.sanitizer = sanitizer
        self.include = source / "include"
        self.library = library
        self.place = place

    def compile(self, compiler, standard, text, *options):
        """Compiles a text to an object. Returns what the compiler says."""
        path = self.place / ("text.cpp" if "++" in compiler else "text.c")
        path.write_text("#include <sealmem.h>\n\n" + text, encoding="utf-8")
        return self.run(compiler, f"-std={standard}", *STRICT, *options, "-c", "-o", "/dev/null", path)

    def run(self, compiler, *arguments):
        built = subprocess.run(
            [compiler, *arguments, "-I", self.include], capture_output=True, text=True, check=False
        )
        return built.stderr or ("" if built.returncode == 0 else f"exit status {built.returncode}")


def need(compiler):
    if not shutil.which(compiler):
        raise tap.Skip(f"{compiler} is not installed")


def clean(compiler, standard):
    def test(workshop):
        need(compiler)
        said = workshop.compile(compiler, standard, "int sealmem_is_included = SEALMEM_GUARANTEES;\n")
        assert not said, said

    test.title = f"{compiler} -std={standard} takes the header without a warning"
    return test


def warned(name, warning, compiler, text):
    def test(workshop):
        need(compiler)
        standard = COMPILERS[compiler][-1]
        said = workshop.compile(compiler, standard, text, "-O1")
        assert f"-W{warning}" in said or f"-Werror={warning}" in said, said or "no warning"
        said = workshop.compile(compiler, standard, text, "-O1", f"-Wno-{warning}")
        assert not said, said

    test.title = f"{compiler} warns of {name}"
    return test


def kept(compiler):
    """What alloc returns is read by everybody who has the region: stores to it are not dead."""

    def test(workshop):
        need(compiler)
        if workshop.sanitizer:
            raise tap.Skip("a library with a sanitizer in it belongs to the compiler that built it")
        program = workshop.place / "store"
        path = workshop.place / "store.c"
        path.write_text(STORE, encoding="utf-8")
        linked = [workshop.library, f"-Wl,-rpath,{workshop.library.parent}"]
        said = workshop.run(compiler, "-O2", "-o", program, path, *linked)
        assert not said, said
        assert subprocess.run([program], check=False).returncode == 0

    test.title = f"{compiler} keeps a store to the memory of a region"
    return test


def without_extensions(workshop):
    """A compiler that knows no attributes gets none."""
    need("gcc")
    path = workshop.place / "plain.c"
    path.write_text("#undef __has_attribute\n#include <sealmem.h>\n", encoding="utf-8")
    said = workshop.run("gcc", "-std=c99", "-w", "-E", "-P", "-o", workshop.place / "plain.i", path)
    assert not said, said
    text = (workshop.place / "plain.i").read_text(encoding="utf-8")
    assert "sealmem_region_seal" in text
    tap.expect_none(word for word in ("warn_unused_result", "alloc_size", "access") if word in text)


def tests():
    found = [clean(compiler, standard) for compiler, known in COMPILERS.items() for standard in known]
    found += [
        warned(name, warning, compiler, text)
        for name, (warning, compilers, text) in FAULTS.items()
        for compiler in compilers
    ]
    found += [kept("gcc"), kept("clang")]
    without_extensions.title = "a compiler without attributes gets none"
    return {f"test_{number}": test for number, test in enumerate([*found, without_extensions])}


def main():
    source, library = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    with tempfile.TemporaryDirectory() as place:
        workshop = Workshop(source, library, sys.argv[3:], pathlib.Path(place))
        return tap.run(types.SimpleNamespace(**tests()), workshop)


sys.exit(main())
