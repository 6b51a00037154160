#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The table of faults in tests/README.md and the tests refer to each other."""
import os
import re

from tap import check, equal, main, test

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
ROW = re.compile(r'^\|.*\| *`(\w+)/(\w+)` *\|$', re.M)
FUNCTION = re.compile(r'^def (test_\w+)\(', re.M)


def functions_in(folder):
    """Returns the names of the tests in a folder, such as faults/test_disk_full."""
    found = set()
    for name in os.listdir(f'{TESTS}/{folder}'):
        if re.fullmatch(r'test_\w+\.py', name):
            with open(f'{TESTS}/{folder}/{name}', encoding='utf-8') as f:
                found |= {f'{folder}/{function}' for function in FUNCTION.findall(f.read())}
    return found


@test
def test_every_fault_has_a_row(folder):
    with open(f'{TESTS}/README.md', encoding='utf-8') as f:
        rows = ['/'.join(row) for row in ROW.findall(f.read())]
    check(len(rows) > 30, f'{len(rows)} rows')
    equal(sorted({r for r in rows if rows.count(r) > 1}), [], 'rows that come twice')
    there = functions_in('faults') | functions_in('preload')
    equal(sorted(set(rows) - there), [], 'rows without a test')
    here = functions_in('faults') - {'faults/test_every_fault_has_a_row'}
    equal(sorted(here - set(rows)), [], 'tests without a row')


main()
