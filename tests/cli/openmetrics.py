#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A strict reader of the OpenMetrics text format, for gauges: fails unless the text on standard input follows the grammar.

It also demands what makes the text valid in the older format of Prometheus: every metric is a gauge, and its samples have
its name.
"""

import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9]+(?:\.[0-9]+)?)")
COMMENT = re.compile(rf"# (TYPE|UNIT|HELP) ({NAME}) (.+)")


def read(text):
    assert text.endswith("\n# EOF\n"), "the text does not end with # EOF"
    families, samples, current = {}, set(), None
    for line in text.split("\n")[:-2]:
        comment, sample = COMMENT.fullmatch(line), SAMPLE.fullmatch(line)
        if comment:
            kind, name, value = comment.groups()
            if name != current:
                assert name not in families, f"the lines of {name} are not together"
                families[name] = {}
                current = name
            assert kind not in families[name], f"{kind} of {name} is there twice"
            assert kind != "TYPE" or value == "gauge", line
            assert kind != "UNIT" or name.endswith("_" + value), line
            families[name][kind] = value
        else:
            assert sample, f"no line of the format: {line}"
            assert sample[1] == current and "TYPE" in families[current], f"not of its family: {line}"
            assert line.rsplit(" ", 1)[0] not in samples, f"the sample is there twice: {line}"
            samples.add(line.rsplit(" ", 1)[0])
    assert samples


read(sys.stdin.read())
