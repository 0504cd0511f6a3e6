# SPDX-License-Identifier: MIT
"""
Runs the tests of a module and prints TAP, the form in which bats prints its own, so that ./check counts
both in one way. A test is a function whose name begins with test_; it fails by raising AssertionError,
which holds every fault it found and not the first one only.
"""

import traceback


class Skip(Exception):
    """Says why a test has nothing to look at on this machine."""


def expect_none(faults):
    """Fails with the list of faults, unless it is empty."""
    faults = list(faults)
    assert not faults, "\n".join(faults)


def run(module, context):
    """Runs every test of `module` with `context`. Returns an exit status."""
    tests = {name: test for name, test in vars(module).items() if name.startswith("test_")}
    failed = 0
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests.items(), 1):
        title = getattr(test, "title", name.removeprefix("test_").replace("_", " "))
        try:
            test(context)
            print(f"ok {number} - {title}", flush=True)
        except Skip as reason:
            print(f"ok {number} {title} # skip {reason}", flush=True)
        except AssertionError as fault:
            failed += 1
            text = str(fault) or traceback.format_exc()
            print(f"not ok {number} - {title}")
            print("\n".join("# " + line for line in text.splitlines()), flush=True)
    return 1 if failed else 0
