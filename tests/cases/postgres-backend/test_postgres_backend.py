#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Of several sessions of PostgreSQL one grows, by the stack of the function of the extension."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))

import cases  # noqa: E402: after the path to it
import tap  # noqa: E402

NOTE_BYTES = 4096
N_NOTES = 4 * 4000
LARGEST_BLOCK = 8 << 20  # the largest block that PostgreSQL allocates for small pieces


def first_row(report):
    """Returns the bytes and the function of the first row of a diff, the largest growth."""
    row = re.search(r'^ *\+([\d.]+) MiB\*.* (\S+)  (\S+)$', report.splitlines()[2])
    assert row, report
    return float(row[1]) * (1 << 20), row[2]


@tap.test
def one_session_grows(run):
    for kind in ('sampled', 'exact'):
        lines = run.output(f'trends {kind} | tee').splitlines()
        assert len(lines) >= 5, lines
        assert sum(' grows ' in line for line in lines) == 1, lines


@tap.test
def the_function_stands_first(run):
    for nth in (0, 1):
        grown, function = first_row(run.output('--hide', nth))
        assert function == 'audit_note', function
        # From the second dump to the last: all notes except the first ones, in whole blocks.
        assert 0 <= N_NOTES * NOTE_BYTES - grown + LARGEST_BLOCK < 3 * LARGEST_BLOCK, grown


@tap.test
def palloc_stands_under_it(run):
    lines = run.output('-peek').splitlines()
    at = next(i for i, line in enumerate(lines) if line.endswith('| audit_note'))
    assert lines[at + 1].endswith('100% |   palloc'), lines


@tap.test
def a_neighbour_is_clean(run):
    report = run.output('--hide', 2)
    assert '*' not in report, report


@tap.test
def the_context_is_named(run):
    """In a session that was started without the library."""
    assert 'audit_note [TopMemoryContext]' in run.output('heapprof $session'), run.output('heapprof $session')
    rows = run.output('--by=pool').splitlines()
    assert any(line.endswith('  TopMemoryContext') for line in rows[2:]), rows


def server_files():
    """Returns the full paths of the files of PostgreSQL that the case needs."""
    if not shutil.which('pg_config'):
        return ['pg_config']
    folders = [subprocess.run(['pg_config', option], stdout=subprocess.PIPE, text=True,
                              check=True).stdout.strip()
               for option in ('--bindir', '--includedir-server')]
    programs = ('initdb', 'pg_ctl', 'postgres', 'psql', 'pgbench')
    return [os.path.join(folders[0], name) for name in programs] + [folders[1] + '/postgres.h']


if __name__ == '__main__':
    cases.main(__file__, is_unprivileged=True, socket='.s.PGSQL.5432', needs=[
        *server_files(), 'cc', 'valgrind', 'go', '/usr/lib/x86_64-linux-gnu/liblsan.so.0'])
