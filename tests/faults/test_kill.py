#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Killed or stopped in the middle of a dump, at each of its system calls."""
import os

from faults import UNHARMED, VICTIM, check_unharmed, for_each_call, inject, whole_dumps
from preload import case, check, check_equal, dumps_in, environment, main, run

KILLED = 128 + 9


@case
def test_kill_in_the_middle_of_a_dump(folder):
    """No torn file under a final name, ever; the next run goes on with the numbers."""
    most = 0
    for done in for_each_call(folder, 'any', 'kill', [VICTIM, 'work-alone']):
        check_equal(done.result.status, KILLED, f'status at {done.name}')
        n = len(whole_dumps(done.folder))
        most = max(most, n)
        check(os.listdir(done.folder) == [] or n > 0 or
              all('.heap.tmp.' in name for name in os.listdir(done.folder)), 'names of files')
    check(most > 0, 'none was killed after a dump')


@case
def test_run_after_a_kill(folder):
    """What a killed process left does not hinder the next one."""
    n_before = inject(folder, 'any', 0, 'none', [VICTIM, 'umask', '0'],
                      HEAP_PROFILE_EXIT_DUMP=0).n_seen
    done = inject(folder, 'any', n_before + 8, 'kill', [VICTIM, 'work-alone'])
    check_equal(done.result.status, KILLED, 'status')
    result = run([VICTIM, 'umask', '0'], environment(done.folder))
    check_equal((result.status, result.stderr), (UNHARMED, ''), 'the next one')
    check_equal(len(whole_dumps(done.folder)), 1, 'dumps')


@case
def test_stop_in_the_middle_of_a_dump(folder):
    """SIGSTOP, and SIGCONT when the process stands: it goes on as if nothing had been."""
    for done in for_each_call(folder, 'any', 'stop', [VICTIM, 'work-alone']):
        check_unharmed(done)
        check_equal(done.result.stderr, '', 'standard error')
        check_equal(len(dumps_in(done.folder)), 2, 'dumps')


main()
