#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Calls that change a program's rights, namespaces and threads have the same result under the
profiler, whatever triggers the dumps. A dump is written with the rights that the program has at
the time. If root runs this test, all calls succeed; if another user runs it, the refusals are
compared."""
import os

from preload import environment, program, run, unprofiled
from strict_dump import dumps_in
from tap import equal, main, test

RIGHTS = program('rights')

SITUATIONS = ['plain', 'fork', 'threads', 'main-ended', 'daemon', 'capset', 'keepcaps', 'seccomp']
ACTIONS = ['setuid', 'setgid', 'setgroups', 'setresuid', 'initgroups', 'raw', 'setns', 'unshare',
           'SIGTERM']
TRIGGERS = {
    'signal': {'HEAPPROFILESIGNAL': '40'},
    'time': {'HEAP_PROFILE_TIME_INTERVAL': '1'},
    'RSS': {'HEAP_PROFILE_RSS_INTERVAL': '64K'},
}


def seen(result):
    return result.returncode, sorted(result.stdout.splitlines()), result.stderr


@test(situation=SITUATIONS)
def test_rights(folder, situation):
    for action in ACTIONS:
        argv = [RIGHTS, situation, action]
        bare = run(argv, unprofiled.environment())
        equal(bare.stderr, '', f'{argv}, bare')
        for name, settings in TRIGGERS.items():
            inside = f'{folder}/{action}-{name}'
            os.mkdir(inside)
            os.chmod(inside, 0o777)
            under = run(argv, environment(inside, **settings))
            equal(seen(under), seen(bare), f'{argv}, dumps by {name}')
            check_dumps(inside, action, name)


def check_dumps(folder, action, trigger):
    """Checks that all dumps are whole, and that the dump by signal belongs to the user that the
    program had become."""
    dumps = dumps_in(folder, '.*')
    by_signal = [d for d in dumps if d.metadata['reason'].startswith('signal')]
    equal(len(by_signal), int(trigger == 'signal' and action != 'SIGTERM'),
          f'dumps by signal after {action} in {os.listdir(folder)}')
    if os.geteuid() == 0 and action in ('setuid', 'setresuid', 'raw'):
        for dump in by_signal:
            equal(os.stat(dump.path).st_uid, 65534, f'owner after {action}')


main()
