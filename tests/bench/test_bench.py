#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""That scripts/bench runs, and prints every row that it announces, with a figure or with what is
missing. Nothing is said of the figures: they are a machine's at that moment."""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = os.path.join(ROOT, 'scripts', 'bench')
N_ROWS_MIN = 200
KNOWN = ('pairs to 256 B, 1000 live, depth 8, 2 threads: exact', 'pgbench, reading: sampled 512K',
         'dump of 100 stacks: gperftools exact')


def run(*arguments):
    env = dict(os.environ, HEAPPROF_SKIP_SETUP='1', HEAPPROF_BUILD=os.environ['BUILD'])
    done = subprocess.run([BENCH, '--short', *arguments], env=env, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f'exit {done.returncode}: {done.stderr[-2000:]}')
    return done.stdout


def printed_rows(report):
    """name -> (best, remark), of the table of all figures."""
    rows, load = {}, ''
    for line in report.split('## All figures')[1].splitlines():
        cells = [cell.strip() for cell in line.strip('|').split(' | ')]
        if len(cells) != 6 or cells[0] == 'load':
            continue
        load = cells[0] or load
        rows[f'{load}: {cells[1]}'] = cells[2], cells[5]
    return rows


def main():
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
