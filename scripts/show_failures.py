#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Usage: show_failures.py TESTLOG

Prints the end of what each failed test of a testlog.json of meson's said, on stdout and stderr.
meson itself leaves out what a TAP test prints on stdout: the reasons, after "#".
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
