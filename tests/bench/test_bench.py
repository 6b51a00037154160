#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests that scripts/bench runs, and that it prints every row that it announces, with a figure or
with the name of what is missing. Does not test the figures, which depend on the machine and the
moment."""

import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = os.path.join(ROOT, 'scripts', 'bench')
N_ROWS_MIN = 140
KNOWN = ('pairs to 256 B, 1000 live, depth 8, 2 threads: exact', 'pgbench, reading: bare again',
         'dump of 100 stacks: gperftools exact')


def run(*arguments, path='', status=0):
    env = dict(os.environ, HEAPPROF_SKIP_SETUP='1', HEAPPROF_BUILD=os.environ['BUILD'])
    env['PATH'] = path + os.pathsep + env['PATH'] if path else env['PATH']
    done = subprocess.run([BENCH, '--short', *arguments], env=env, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != status:
        sys.exit(f'exit {done.returncode}: {done.stderr[-2000:]}')
    return done.stdout


def printed_rows(report):
    """Returns {name: (best, remark)} from the table of all figures."""
    rows, load = {}, ''
    for line in report.split('## All figures')[1].splitlines():
        cells = [cell.strip() for cell in line.strip('|').split(' | ')]
        if len(cells) != 7 or cells[0] == 'load':
            continue
        load = cells[0] or load
        rows[f'{load}: {cells[1]}'] = cells[3], cells[6]
    return rows


def check_a_server_that_fails():
    """Checks that the rows of a server that fails say so, and that other rows keep their
    figures."""
    with tempfile.TemporaryDirectory() as folder:
        server = os.path.join(folder, 'redis-server')
        with open(server, 'w', encoding='utf-8') as file:
            file.write('#!/bin/sh\nexit 3\n')
        os.chmod(server, 0o755)
        rows = printed_rows(run('--only', 'one at a time', '--only', 'untouched', path=folder,
                                status=1))
    best, remark = rows['redis-benchmark SET, one at a time: bare']
    assert (best, remark) == ('-', 'redis-server does not start: exit 3'), (best, remark)
    assert rows['8 x calloc(1 GiB), untouched: bare'][0] != '-', rows


def check_the_automatic_interval():
    """Checks that scripts/bench-auto prints a row with a figure for each mode."""
    env = dict(os.environ, HEAPPROF_SKIP_SETUP='1', HEAPPROF_BUILD=os.environ['BUILD'])
    done = subprocess.run([BENCH + '-auto', '--short', '--only', "python's start"], env=env, text=True,
                          check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [[cell.strip() for cell in line.strip('|').split(' | ')]
            for line in done.stdout.splitlines()[2:] if line.startswith('|')]
    assert [row[1] for row in rows] == ['bare', '512K', 'auto', 'bare again'], done.stdout
    assert all(float(row[3]) > 0 for row in rows), done.stdout


def check_the_objects_of_pools():
    """Checks that scripts/bench-pools prints a row with figures for each mode."""
    env = dict(os.environ, HEAPPROF_SKIP_SETUP='1', HEAPPROF_BUILD=os.environ['BUILD'])
    done = subprocess.run([BENCH + '-pools', '--short', '--objects'], env=env, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [[cell.strip() for cell in line.strip('|').split(' | ')] for line in done.stdout.splitlines()[2:]]
    assert [row[0] for row in rows] == ['absent', 'idle', 'sampled 512K', 'exact'], done.stdout
    assert all(row[i].endswith(' ns') for row in rows for i in range(1, 5)), done.stdout
    assert all(cell.endswith(' us') for cell in rows[3][5:]), done.stdout


def main():
    check_the_objects_of_pools()
    check_the_automatic_interval()
    check_a_server_that_fails()
    announced = run('--list').splitlines()
    assert len(announced) >= N_ROWS_MIN, f'only {len(announced)} rows'
    assert not set(KNOWN) - set(announced), f'not announced: {set(KNOWN) - set(announced)}'
    rows = printed_rows(run())
    missing = [name for name in announced if name not in rows]
    assert not missing, f'not printed: {missing}'
    empty = [name for name, (best, remark) in rows.items()
             if best == '-' and not remark.endswith('is not installed')]
    assert not empty, f'failed: {[(name, rows[name][1]) for name in empty]}'
    print(f'{len(rows)} rows')


main()
