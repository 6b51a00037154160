#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Memory is retained, not lost. The first row names the line of the template that retains it."""

import pathlib
import re
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))

import cases  # noqa: E402: after the path to it
import tap  # noqa: E402

CULPRIT = re.compile(r'ResultList<Hit>::resize  /tmp/retained-list/pool\.h:16$')


@tap.test
def valgrind_finds_nothing(run):
    assert 'no leaks are possible' in run.output('grep -A 6 SUMMARY')


@tap.test
def the_line_stands_first_in_the_trend(run):
    rows = run.output('trend -q --hide').splitlines()[2:]
    assert '(total)' in rows[0] and ' grows ' in rows[0], rows
    assert CULPRIT.search(rows[1]) and ' grows ' in rows[1], rows


@tap.test
def the_line_stands_first_in_the_diff(run):
    row = run.output('diff -q').splitlines()[2]
    assert CULPRIT.search(row) and re.match(r' *\+[0-9.]+ [KM]iB\*', row), row
    rows = run.output('diff -q').splitlines()[3:]
    assert any('Server::run ' in row for row in rows), rows


@tap.test
def the_line_is_the_one_and_inlined(run):
    assert 'the defect' in run.output('sed -n 16p')
    assert run.output('nm -C') == '0'


cases.main(__file__, needs=['g++', 'valgrind', 'wrk'])
