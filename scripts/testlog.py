#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Prints what each test of the last `meson test` said, one test after the other, because the tests run in
parallel and their output would mix on the terminal.

    testlog.py BUILD

A test that ends badly and reports no failure of its own (it crashed, or ran out of time) gets a line
"not ok", so that whoever counts the lines counts it.
"""

import json
import pathlib
import re
import sys

# TAP, and the last line of a test program.
FAILURE = re.compile(r"^not ok \d|^\d+ passed, [1-9]\d* failed", re.MULTILINE)
GOOD = ("OK", "EXPECTEDFAIL", "SKIP")


def main():
    log = pathlib.Path(sys.argv[1]) / "meson-logs" / "testlog.json"
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        test = json.loads(line)
        said = test.get("stdout", "") + test.get("stderr", "")
        print(f"== {test['name']}: {test['result']} after {test['duration']:.1f} s")
        print(said, end="" if said.endswith("\n") or not said else "\n")
        if test["result"] not in GOOD and not FAILURE.search(said):
            print(f"not ok 1 {test['name']}: {test['result']}, exit status {test['returncode']}")


main()
