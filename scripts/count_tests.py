#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the test functions in meson's testlog.json.

usage: count_tests.py TESTLOG

Prints the ten slowest tests, then one line, "N passed, N failed", followed by ", N skipped" if there
were any. A test that does not print TAP counts as one function. The exit status is 1 if any failed
or none ran.
"""

import collections
import json
import re
import sys

PLAN = re.compile(r"^1\.\.\d+", re.MULTILINE)
RESULT = re.compile(r"^(ok|not ok)\b([^\n]*)", re.MULTILINE)
SKIP = re.compile(r"# *skip", re.IGNORECASE)

N_SLOWEST = 10
WHOLE = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}


def outcome(result, rest):
    if result == "not ok":
        return "failed"
    return "skipped" if SKIP.search(rest) else "passed"


def count(test):
    """Returns a count of each outcome in one entry of the log."""
    whole = WHOLE.get(test["result"], "failed")
    output = test.get("stdout", "")
    found = RESULT.findall(output) if PLAN.search(output) else []
    counts = collections.Counter(outcome(*line) for line in found)
    # After a crash, a timeout or a missing line, all lines may say ok although the test failed.
    if not counts or (whole == "failed" and not counts["failed"]):
        counts[whole] += 1
    return counts


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            return [json.loads(line) for line in log]
    except FileNotFoundError:
        return []


def print_slowest(tests):
    slowest = sorted(tests, key=lambda test: -test["duration"])[:N_SLOWEST]
    if slowest:
        print("slowest: " + ", ".join(f"{test['name'].split(' / ')[-1]} {test['duration']:.0f} s"
                                      for test in slowest))


def main():
    tests = read(sys.argv[1])
    total = collections.Counter()
    for test in tests:
        total += count(test)
    if not tests:
        print("count_tests: no test ran", file=sys.stderr)
    else:
        print_slowest(test for test in tests if test.get("duration"))
    line = f"{total['passed']} passed, {total['failed']} failed"
    if total["skipped"]:
        line += f", {total['skipped']} skipped"
    print(line)
    sys.exit(1 if total["failed"] or not tests else 0)


if __name__ == "__main__":
    main()
