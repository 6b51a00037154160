#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Usage: count_tests.py TESTLOG

Counts the test functions in a testlog.json of meson's and prints one line, "N passed, N failed",
with ", N skipped" behind it if there were any; above it the ten tests that took longest. A test that doesn't print TAP is one function.
Status 1 if one failed, or if nothing ran at all.
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
    """The outcomes of one entry of the log."""
    whole = WHOLE.get(test["result"], "failed")
    output = test.get("stdout", "")
    found = RESULT.findall(output) if PLAN.search(output) else []
    counts = collections.Counter(outcome(*line) for line in found)
    # A crash, a timeout, a missing line: failed, though each line that came says ok.
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
        print("no test ran", file=sys.stderr)
    else:
        print_slowest(test for test in tests if test.get("duration"))
    line = f"{total['passed']} passed, {total['failed']} failed"
    if total["skipped"]:
        line += f", {total['skipped']} skipped"
    print(line)
    sys.exit(1 if total["failed"] or not tests else 0)


if __name__ == "__main__":
    main()
