# SPDX-License-Identifier: MIT
"""
What the documents show compiles and runs: an example is what people copy first. Every C text in a
manual page and in README.md is built as a stranger would build it, against the public header and the
shared library, in strict C11 with every warning an error, and run if it is a whole program.

    examples.py SOURCE LIBRARY COMPILER...
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import sources
import tap

STRICT = ["-std=c11", "-pedantic", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror"]

EMPTY_MAIN = """
int main(void)
{
	return 0;
}
"""

CALLS_NOTHING_THAT_EXISTS = """
int sealmem_nonesuch(void);
int call(void);

int call(void)
{
	return sealmem_nonesuch();
}
"""


# A compiler drops and renames more, the more it optimises.
LEVELS = (["-O0"], ["-O1"], ["-O2"], ["-O3"], ["-O2", "-flto"], ["-O2", "-fPIC", "-flto"])
COMPILERS_OF_C = (["gcc", *STRICT], ["clang", *STRICT])
CPLUSPLUS = ["-x", "c++", "-std=c++20", "-Wall", "-Wextra", "-Wshadow", "-Wno-missing-field-initializers", "-Werror"]
COMPILERS_OF_CPLUSPLUS = (["g++", *CPLUSPLUS], ["clang++", *CPLUSPLUS])


def is_program(text):
    return "int main(" in text


def uses_macro(text):
    return is_program(text) and ("SEALMEM_IMAGE_EXCLUDE" in text or "sealmem_seal_object" in text)


def all_examples(source):
    """Each C text with a name to speak of it by."""
    for page in sources.pages(source / "man"):
        for section in page.sections:
            for number, block in enumerate(page.blocks(section), 1):
                # A library page shows nothing else in this form but tables, whose first line is indented.
                if (page.section == "3" and not block.startswith(" ")) or "#include" in block:
                    yield f"{page.file}, {section} {number}", block
    for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"):
        text = (source / name).read_text(encoding="utf-8")
        for number, block in enumerate(sources.c_blocks(text), 1):
            yield f"{name} {number}", block


class Workshop:
    """Builds and runs C texts."""

    def __init__(self, source, library, compiler, place):
        self.source = source
        self.library = library
        self.compiler = compiler
        self.place = place
        self.examples = list(all_examples(source))

    def other_builds(self, compilers):
        """The compilers of this machine with their options, at each level that they and the linker have."""
        if any(option.startswith("-fsanitize") for option in self.compiler):
            return []
        builds = [[*compiler, *level] for compiler in compilers for level in LEVELS]
        return [build for build in builds if shutil.which(build[0]) and not self.build("", build)]

    def build(self, text, command=None):
        """What the compiler says about it: nothing, if it is right."""
        path = self.place / "example.c"
        # One that is no program is linked all the same: what it calls has to exist.
        path.write_text(text + ("" if is_program(text) else EMPTY_MAIN), encoding="utf-8")
        options = ["-I", self.source / "include", f"-Wl,-rpath,{self.library.parent}"]
        library = ["-x", "none", self.library]
        command = command or [*self.compiler, *STRICT]
        built = subprocess.run(
            [*command, *options, "-o", self.place / "example", path, *library],
            capture_output=True,
            text=True,
            check=False,
        )
        return built.stderr or (f"exit status {built.returncode}" if built.returncode != 0 else "")

    def start(self):
        """Runs the example just built."""
        return subprocess.run(
            [self.place / "example"],
            cwd=self.place,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def run(self):
        """What went wrong in running it."""
        ran = self.start()
        return ran.stderr or (f"exit status {ran.returncode}" if ran.returncode != 0 else "")


def test_every_example_builds_and_every_program_runs(workshop):
    def faults():
        for name, text in workshop.examples:
            said = workshop.build(text) or (workshop.run() if is_program(text) else "")
            if said:
                yield f"{name}: {said}"

    tap.expect_none(faults())


def test_every_program_builds_at_every_level_with_every_compiler_that_is_here(workshop):
    programs = [(name, text) for name, text in workshop.examples if is_program(text)]
    tap.expect_none(
        f"{name}, {' '.join(options)}: {said}"
        for options in workshop.other_builds(COMPILERS_OF_C)
        for name, text in programs
        if (said := workshop.build(text, options))
    )


def test_what_the_macros_make_builds_in_cplusplus_too(workshop):
    programs = [(name, text) for name, text in workshop.examples if uses_macro(text)]
    assert programs
    tap.expect_none(
        f"{name}, {' '.join(options)}: {said}"
        for options in workshop.other_builds(COMPILERS_OF_CPLUSPLUS)
        for name, text in programs
        if (said := workshop.build(text, options))
    )


def test_an_object_without_whole_pages_is_refused_with_a_reason(workshop):
    text = """
#include <sealmem.h>

static struct %s config { int port; } config;

int main(void)
{
	return sealmem_seal_object(&config, SEALMEM_CONTENT) < 0;
}
"""
    builds = [None, *workshop.other_builds([[*COMPILERS_OF_CPLUSPLUS[0]]])[:1]]
    for build in builds:
        assert not workshop.build(text % "SEALMEM_PAGE_ALIGNED", build)
        assert "the type of the object needs SEALMEM_PAGE_ALIGNED" in workshop.build(text % "", build)


def test_every_library_page_and_the_README_has_a_program(workshop):
    having = {name.split(",")[0].split(" ")[0] for name, text in workshop.examples if is_program(text)}
    wanted = {page.file for page in sources.pages(workshop.source / "man") if page.section == "3"}
    tap.expect_none(sorted((wanted | {"README.md"}) - having))


def test_the_program_of_the_README_prints_what_is_shown_there(workshop):
    text = (workshop.source / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"^    \$ \./program\n((?:    (?!\$).*\n)+)", text, re.MULTILINE).group(1)
    assert not workshop.build(sources.c_blocks(text)[-1])
    assert workshop.start().stdout == shown.replace("    ", "")


def test_the_walk_of_sealmem_7_prints_what_is_shown_there(workshop):
    page = next(page for page in sources.pages(workshop.source / "man") if page.file == "sealmem.7")
    program, shown = page.blocks("DESCRIPTION")
    assert not workshop.build(program)
    assert workshop.start().stdout == shown


def test_a_declaration_that_differs_from_the_header_is_noticed(workshop):
    assert workshop.build("#include <sealmem.h>\n\nunsigned long sealmem_supported(void);\n")
    assert not workshop.build("#include <sealmem.h>\n\nunsigned sealmem_supported(void);\n")


def test_a_function_that_does_not_exist_is_noticed(workshop):
    assert "sealmem_nonesuch" in workshop.build(CALLS_NOTHING_THAT_EXISTS)


def test_a_program_that_fails_is_noticed(workshop):
    assert not workshop.build("int main(void)\n{\n\treturn 1;\n}\n")
    assert workshop.run()


def main():
    source, library, *compiler = sys.argv[1:]
    with tempfile.TemporaryDirectory() as place:
        workshop = Workshop(
            pathlib.Path(source), pathlib.Path(library).resolve(), compiler, pathlib.Path(place)
        )
        return tap.run(sys.modules[__name__], workshop)


sys.exit(main())
