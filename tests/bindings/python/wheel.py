# SPDX-License-Identifier: MIT
"""
The wheel of the Python package, as a user makes it with pip and without the network: what is in it, that it is the same
each time, and that it works in a virtual environment, with the library that is installed and without one.

    wheel.py SOURCE LIBRARY
"""

import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

import tap

NEEDED = "import setuptools, ensurepip, pip, venv, wheel"
FILES = {"__init__.py", "__init__.pyi", "_sealmem.abi3.so", "py.typed"}


def python_with_pip():
    """This Python, or that of the system, if it can make wheels. None otherwise."""
    for program in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([program, "-c", NEEDED], capture_output=True, check=False).returncode == 0:
            return program
    return None


class Workshop:
    """Makes wheels in a folder of its own, with a sealmem.pc that names the library of the build."""

    def __init__(self, source, library, place):
        self.python = python_with_pip()
        self.source, self.library, self.place = source, library, place
        text = f"Name: sealmem\nDescription: the library\nVersion: 0\nLibs: -L{library.parent} -lsealmem\n"
        (place / "sealmem.pc").write_text(f"{text}Cflags: -I{source / 'include'}\n", encoding="utf-8")

    def run(self, *command, **settings):
        if self.python is None:
            raise tap.Skip("pip, setuptools, wheel and venv are not installed together")
        environment = {**os.environ, "PKG_CONFIG_PATH": str(self.place), "SOURCE_DATE_EPOCH": "1700000000", **settings}
        environment.pop("PYTHONPATH", None)
        ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.place, env=environment)
        assert ran.returncode == 0, f"{ran.stdout[-4000:]}{ran.stderr[-4000:]}exit status {ran.returncode}"
        return ran.stdout

    def copy(self, name):
        """The folder alone, without the tree around it, because pip writes into it."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.place)) / name
        shutil.copytree(self.source / "bindings" / "python", folder, ignore=shutil.ignore_patterns("build", "*.egg-info"))
        return folder

    def made_of(self, source, name, **settings):
        """The wheel that pip makes of a folder or of an archive."""
        options = ["--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", self.place / name]
        self.run(self.python, "-m", "pip", "wheel", *options, source, **settings)
        (wheel,) = (self.place / name).iterdir()
        return wheel

    @functools.cached_property
    def wheel(self):
        return self.made_of(self.copy("folder"), "linked")

    @functools.cached_property
    def static(self):
        if not self.library.with_name("libsealmem.a").exists():
            raise tap.Skip("this build has no static library")
        return self.made_of(self.copy("carries"), "static", SEALMEM_STATIC="1")

    def extension(self, wheel):
        with zipfile.ZipFile(wheel) as archive:
            return archive.extract("sealmem/_sealmem.abi3.so", self.place / f"of-{wheel.parent.name}")

    def try_installed(self, wheel, **settings):
        """Seals a buffer and sees the refusal, in a virtual environment that has the wheel."""
        environment = self.place / f"env-{wheel.parent.name}"
        self.run(self.python, "-m", "venv", environment)
        self.run(environment / "bin" / "pip", "install", "--no-index", wheel)
        path = f"{environment / 'bin'}:{os.environ['PATH']}"
        test = self.source / "packaging" / "debian" / "tests" / "python"
        self.run("sh", test, PATH=path, AUTOPKGTEST_TMP=str(self.place), **settings)


def test_it_is_for_every_python_from_3_11_on_and_has_the_types(workshop):
    assert re.fullmatch(r"sealmem-[0-9.]+-cp311-abi3-linux_\w+\.whl", workshop.wheel.name), workshop.wheel.name
    names = zipfile.ZipFile(workshop.wheel).namelist()
    assert {name.removeprefix("sealmem/") for name in names if ".dist-info/" not in name} == FILES, names


def test_made_of_its_source_archive_it_is_the_same_to_the_byte(workshop):
    make = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    folder = workshop.copy("another-folder")
    workshop.run("sh", "-c", 'cd "$1" && exec "$2" -c "$3" "$4"', "sh", folder, workshop.python, make, workshop.place)
    (archive,) = workshop.place.glob("sealmem-*.tar.gz")
    again = workshop.made_of(archive, "again")
    assert again.name == workshop.wheel.name and again.read_bytes() == workshop.wheel.read_bytes()


def test_it_works_in_a_virtual_environment_with_the_library_that_is_installed(workshop):
    assert "[libsealmem.so.0]" in workshop.run("readelf", "-d", workshop.extension(workshop.wheel))
    workshop.try_installed(workshop.wheel, LD_LIBRARY_PATH=str(workshop.library.parent))


def test_one_that_carries_the_library_works_without_it(workshop):
    assert "libsealmem" not in workshop.run("readelf", "-d", workshop.extension(workshop.static))
    workshop.try_installed(workshop.static)


def test_one_that_carries_the_library_shows_nobody_its_functions(workshop):
    shown = workshop.run("nm", "-D", "--defined-only", workshop.extension(workshop.static))
    assert shown.split()[2::3] == ["PyInit__sealmem"], shown


def main():
    source, library = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    with tempfile.TemporaryDirectory() as place:
        return tap.run(sys.modules[__name__], Workshop(source, library, pathlib.Path(place)))


sys.exit(main())
