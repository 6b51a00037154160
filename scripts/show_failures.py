#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the end of the output of each failed test in meson's testlog.json.

usage: show_failures.py TESTLOG

Prints both stdout and stderr. meson itself omits a TAP test's stdout, where the reasons are, after
"#".
"""

import sys

import count_tests

LINES = 100


def show(test):
    for stream in ("stdout", "stderr"):
        lines = test.get(stream, "").splitlines()
        if not lines:
            continue
        cut = f", last {LINES} of {len(lines)} lines" if len(lines) > LINES else ""
        print(f"--- {test['name']}: {test['result']}, {stream}{cut}")
        print("\n".join(lines[-LINES:]))


def main():
    for test in count_tests.read(sys.argv[1]):
        if count_tests.count(test)["failed"]:
            show(test)


if __name__ == "__main__":
    main()
