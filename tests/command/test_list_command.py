#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`heapprof list`: the processes that have the library."""

import contextlib
import os
import re
import shutil

import command
import tap
from command import LIBRARY, SUBJECT


def listed(folder):
    """Returns {pid: columns} of the processes whose programs are in the folder."""
    done = command.heapprof(folder, 'list')
    tap.equal((done.returncode, done.stderr), (0, ''))
    lines = done.stdout.splitlines()
    tap.equal(lines[0].split(), ['PID', 'PROGRAM', 'R', 'IN', 'USE', 'RSS', 'RECORDS', 'SINCE', 'DUMPS'])
    rows = [re.split(r'  +| (?=[^ ]+$)', line.strip()) for line in lines[1:]]
    return {int(row[0].split()[0]): ' '.join(row) for row in rows}


def start(stack, folder, name, **settings):
    path = f'{folder}/{name}'
    shutil.copy(SUBJECT, path)
    env = command.environment(folder, **settings)
    return stack.enter_context(command.Waiting(path, 'wait', env=env))


@tap.test
def ten_processes(folder):
    with contextlib.ExitStack() as stack:
        exact = [start(stack, folder, f'exact{i}', LD_PRELOAD=LIBRARY, HEAPPROFILE=f'{folder}/e{i}',
                       HEAP_PROFILE_SAMPLE_INTERVAL=1) for i in range(4)]
        sampled = [start(stack, folder, f'sampled{i}', LD_PRELOAD=LIBRARY, HEAPPROFILE=f'{folder}/s{i}')
                   for i in range(2)]
        idle = [start(stack, folder, f'idle{i}', LD_PRELOAD=LIBRARY) for i in range(2)]
        bare = [start(stack, folder, f'bare{i}') for i in range(2)]
        rows = listed(folder)
    for i, pid in enumerate(exact):
        found = re.fullmatch(r'\d+ exact\d exact 24\.00 MiB (\d+\.\d+ MiB) \d{4}-\d\d-\d\d \d\d:\d\d:\d\d (.*)',
                             ' '.join(rows[pid].split()))
        tap.check(found, rows[pid])
        tap.equal(found[2], f'{folder}/e{i}')
    for pid in sampled:
        tap.is_in(' 512K ', rows[pid])
    for pid in idle:
        tap.is_in('heapprof 0.1.0 is in it, but does not record', rows[pid])
    tap.check(not set(bare) & set(rows), rows)


@tap.test
def a_name_with_control_characters(folder):
    name = 'ev\033[31mil\nx\u202e'
    with contextlib.ExitStack() as stack:
        start(stack, folder, name, LD_PRELOAD=LIBRARY, HEAPPROFILE=f'{folder}/x')
        done = command.heapprof(folder, 'list')
    tap.is_in(' ev?[31mil?x???', done.stdout)
    tap.check('\033' not in done.stdout and '\u202e' not in done.stdout, done.stdout)


@tap.test
def no_arguments(folder):
    done = command.heapprof(folder, 'list', '4711')
    tap.equal((done.returncode, done.stderr),
              (2, "heapprof: expected no arguments; see 'heapprof list --help'\n"))


@tap.test
def another_user_sees_his_own(folder):
    if os.geteuid():
        tap.skip('root is needed')
    with contextlib.ExitStack() as stack:
        pid = start(stack, folder, 'subject', LD_PRELOAD=LIBRARY, HEAPPROFILE=f'{folder}/x')
        tap.is_in('subject', listed(folder)[pid])
        done = command.heapprof(folder, 'list', user=65534, group=65534, extra_groups=[])
        tap.check(str(pid) not in done.stdout.split(), done.stdout)


tap.main()
