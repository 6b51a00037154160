#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A leak in C under Go, and one in Go: the profile of each half names its leak first."""

import pathlib
import re
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))

import cases  # noqa: E402: after the path to it
import tap  # noqa: E402


def first_row(output):
    """Returns the first line under the column headings."""
    lines = output.splitlines()
    heading = next(n for n, line in enumerate(lines) if 'cum%' in line)
    return lines[heading + 1]


@tap.test
def go_does_not_see_c(run):
    assert 'askMirror' in first_row(run.output('go tool pprof -top'))
    assert run.output('-raw') == '0'


@tap.test
def the_c_function_stands_first(run):
    assert ' index_find ' in first_row(run.output('diff -q --top=3 sampled'))


@tap.test
def half_is_in_use(run):
    rows = [first_row(run.output(f'-s {kind}_objects')) for kind in ('alloc', 'inuse')]
    allocated, used = (int(row.split()[0]) for row in rows)
    assert ' index_find ' in rows[0] and ' index_find ' in rows[1], rows
    # a dump may come between an allocation and its free, or before a count is reported
    assert allocated > 500000 and abs(2 * used - allocated) <= 2, (allocated, used)


@tap.test
def the_goroutine_stands_first(run):
    row = first_row(run.output('diff --top=3 go.1'))
    assert ' main.askMirror ' in row and re.match(r' *\+[0-9.]+ MiB\*', row), row
    assert run.output('echo $?', 1).endswith('1')
    assert 'gate failed: inuse_space' in run.output('--max-growth')


cases.main(__file__, needs=['go', 'heaptrack', 'valgrind'])
