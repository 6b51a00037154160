#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A process is killed or stopped during a dump, at each system call of the dump."""
import os

from faults import UNHARMED, VICTIM, WAYS, check_unharmed, for_each_call, inject, whole_dumps
from preload import environment, run
from strict_dump import dumps_in
from tap import check, equal, main, test

KILLED = 128 + 9


@test(way=WAYS)
def test_kill_in_the_middle_of_a_dump(folder, way):
    """There is never a torn file under the name of a dump, and the next run continues the
    numbers."""
    most = 0
    for done in for_each_call(folder, 'any', 'kill', [VICTIM, 'work-alone'],
                              refused=WAYS[way]):
        equal(done.result.returncode, KILLED, f'status at {done.name}')
        n = len(whole_dumps(done.folder))
        most = max(most, n)
        others = [name for name in os.listdir(done.folder) if not name.endswith('.heap')]
        check(not others or (way == 'named' and len(others) == 1 and '.heap.tmp.' in others[0]),
              f'{others} after {done.name}')
    check(most > 0, 'none was killed after a dump')


@test
def test_run_after_a_kill(folder):
    """Files that a killed process left do not hinder the next process."""
    done = inject(folder, 'write', 1, 'kill', [VICTIM, 'work-alone'], refused='linkat')
    equal(done.result.returncode, KILLED, 'status')
    result = run([VICTIM, 'umask', '0'], environment(done.folder))
    equal((result.returncode, result.stderr), (UNHARMED, ''), 'the next one')
    equal(len(whole_dumps(done.folder)), 1, 'dumps')


@test(way=WAYS)
def test_stop_in_the_middle_of_a_dump(folder, way):
    """After SIGSTOP, and SIGCONT once it has stopped, the process goes on as if nothing had
    happened."""
    for done in for_each_call(folder, 'any', 'stop', [VICTIM, 'work-alone'],
                              refused=WAYS[way]):
        check_unharmed(done)
        equal(done.result.stderr, '', 'standard error')
        equal(len(dumps_in(done.folder)), 2, 'dumps')


main()
