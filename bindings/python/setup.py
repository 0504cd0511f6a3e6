# SPDX-License-Identifier: MIT
"""
Builds the extension for pip and its kin; pyproject.toml has the rest. pkg-config finds the library that is installed. With
SEALMEM_STATIC=1 the extension carries the library, and needs none where it runs.

The same sources make the same wheel, if SOURCE_DATE_EPOCH is set: neither the folder of the build nor the time is in it.
What an earlier build has left is made again, because it may be linked in the other way.
"""

import os
import shlex
import subprocess

from setuptools import Extension, setup

SOURCES = ["heap.c", "module.c", "publish.c", "region.c"]
STATIC = os.environ.get("SEALMEM_STATIC") == "1"


def pkg_config(*question):
    command = [os.environ.get("PKG_CONFIG", "pkg-config"), *question, "sealmem"]
    return shlex.split(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def linked():
    """What links the library. The linker takes the archive by its name, because it would prefer the shared object."""
    options = pkg_config("--libs")
    if not STATIC:
        return options
    options = ["-l:libsealmem.a" if option == "-lsealmem" else option for option in options]
    return [*options, "-Wl,--exclude-libs,ALL"]


setup(
    ext_modules=[
        Extension(
            "sealmem._sealmem",
            SOURCES,
            depends=["common.h"],
            py_limited_api=True,
            extra_compile_args=[*pkg_config("--cflags"), "-fvisibility=hidden", "-g0"],
            extra_link_args=linked(),
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}, "build_ext": {"force": True}},
)
