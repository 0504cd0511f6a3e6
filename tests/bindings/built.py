# SPDX-License-Identifier: MIT
"""
Runs the tests of a language whose compiler builds what they try: in a directory of the build that is kept, because a
second build is much shorter, and in another one if this user may not write there.
"""

import os
import pathlib
import tempfile

import tap


def run(module, language, make, arguments):
    """make(SOURCE, LIBRARY, PLACE) makes what the tests of the module get. Returns an exit status."""
    source, library, place = (pathlib.Path(argument).resolve() for argument in arguments)
    place = place / f"{language}-{os.getuid()}"
    with tempfile.TemporaryDirectory() as other:
        try:
            place.mkdir(exist_ok=True)
        except OSError:
            place = pathlib.Path(other)
        return tap.run(module, make(source, library, place))
