#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two pull requests. The job of the one that leaks is red and names the function; the job of the
other is green."""

import json
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))

import cases  # noqa: E402: after the path to it
import tap  # noqa: E402

LEAKED = 2000  # orders


def status(run, nth):
    return run.output('echo $?', nth).splitlines()[-1]


def report(run, branch):
    return json.loads(pathlib.Path(run.path(f'artifacts/{branch}/diff.json')).read_text())


@tap.test
def the_leak_is_red(run):
    assert status(run, 0) == '1'
    assert 'gate failed: inuse_space total: ' in run.output('job avoid-a-move')


@tap.test
def the_function_stands_first(run):
    lines = run.output('job avoid-a-move').splitlines()
    heading = next(n for n, line in enumerate(lines) if 'cum%' in line)
    assert '  parse_order  ' in lines[heading + 1], lines
    row = report(run, 'avoid-a-move')['rows'][0]
    assert row['name'] == 'parse_order', row
    # an order holds 72 bytes and two strings of 27 bytes or more
    assert row['flat']['difference'] > LEAKED * (72 + 2 * 27), row
    markdown = run.output('cat').replace('&#95;', '_').splitlines()
    first = next(line for line in markdown if line.startswith('| **'))
    assert 'parse_order' in first, markdown


@tap.test
def moved_code_is_green(run):
    assert status(run, 1) == '0'
    assert report(run, 'split-parser')['total']['difference'] == 0
    assert 'parser.cc' in run.output('job split-parser')


@tap.test
def a_gate_on_each_function_is_not_for_moves(run):
    assert status(run, 2) == '1'


cases.main(__file__, needs=['g++', 'git', 'make'], extra=['scripts/ci'])
