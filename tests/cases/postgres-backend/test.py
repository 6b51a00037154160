#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""PostgreSQL: of several sessions one grows, and of its stacks the extension's function."""

import pathlib
import re
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))

import cases  # noqa: E402: after the path to it

NOTE_BYTES = 4096
N_NOTES = 4 * 4000
LARGEST_BLOCK = 8 << 20  # that PostgreSQL asks malloc for, for small pieces of memory


def first_row(report):
    """What a diff says grew most: bytes and function."""
    row = re.search(r'^ *\+([\d.]+) MiB\*.* (\S+)  (\S+)$', report.splitlines()[2])
    assert row, report
    return float(row[1]) * (1 << 20), row[2]


@cases.check
def one_session_grows(run):
    lines = run.output('| tee trends.txt').splitlines()
    assert len(lines) >= 5, lines
    assert sum(' grows ' in line for line in lines) == 1, lines


@cases.check
def the_function_stands_first(run):
    for nth in (0, 1):
        grown, function = first_row(run.output('--hide', nth))
        assert function == 'audit_note', function
        # between the second dump and the last: all but the first notes, in whole blocks
        assert 0 <= N_NOTES * NOTE_BYTES - grown + LARGEST_BLOCK < 3 * LARGEST_BLOCK, grown


@cases.check
def palloc_stands_under_it(run):
    lines = run.output('-peek').splitlines()
    at = next(i for i, line in enumerate(lines) if line.endswith('| audit_note'))
    assert lines[at + 1].endswith('100% |   palloc'), lines


@cases.check
def a_neighbour_is_clean(run):
    report = run.output('--hide', 2)
    assert '*' not in report, report


cases.main(__file__, is_unprivileged=True, needs=[
    'pg_config', '/usr/include/postgresql/15/server/postgres.h', 'valgrind', 'go',
    '/usr/lib/x86_64-linux-gnu/liblsan.so.0'])
