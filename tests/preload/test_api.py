#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The API that a program calls itself, when it is linked with the shared library and with the
archive."""
import re

from preload import environment, program, run, run_quietly
from strict_dump import Counts, Dump, dumps_in, names_of_dumps
from tap import check, equal, main, test

WAYS = ['api', 'api_static']


def start(folder, way, command, *arguments, **variables):
    env = environment(folder, preload=None, HEAPPROFILE=None, exact=False, **variables)
    return run_quietly([program(way), command, f'{folder}/p', *arguments], env)


@test(way=WAYS)
def test_calls(folder, way):
    out = start(folder, way, 'calls').stdout
    in_memory = Dump('GetHeapProfile', out)
    first, second = dumps_in(folder)
    for dump in (in_memory, first, second):
        leaves = dump.by_leaf()
        equal(leaves['allocate_while_running'], Counts(1, 2000, 1, 2000), 'while running')
        check('allocate_before' not in leaves and 'allocate_after' not in leaves, 'only then')
    equal((first.metadata['reason'], second.metadata['reason']), ('first', 'second'),
          'reasons')


@test(way=WAYS)
def test_sessions(folder, way):
    """The numbers of the dumps continue from one session to the next. The records
    do not, so each session is a run."""
    start(folder, way, 'sessions')
    dumps = dumps_in(folder)
    equal(names_of_dumps(folder), [f'p.000{i}.heap' for i in (1, 2, 3)], 'files')
    for dump in dumps:
        equal(dump.by_leaf()['allocate_while_running'], Counts(1, 2000, 1, 2000), 'in it')
    equal([d.number('dump') for d in dumps], [1, 2, 3], 'which dumps of the run')
    equal(len({d.metadata['run'] for d in dumps}), 3, 'runs')


@test
def test_expired_dump_that_was_replaced(folder):
    start(folder, 'api', 'replaced-dump', HEAP_PROFILE_MAX_DUMPS='3')
    equal(names_of_dumps(folder), [f'p.000{i}.heap' for i in (1, 2, 4, 5)], 'files')
    with open(f'{folder}/p.0002.heap') as f:
        equal(f.read(), 'mine', 'the file of another')


@test(way=WAYS)
def test_dump_called_by_the_c_library(folder, way):
    start(folder, way, 'callback')
    equal([d.metadata['reason'] for d in dumps_in(folder)], ['callback'], 'dumps')


@test
def test_message_of_a_dump_without_memory(folder):
    env = environment(folder, preload=None, HEAPPROFILE=None)
    result = run([program('api'), 'no-memory', f'{folder}/p'], env)
    equal((result.returncode, result.stderr),
          (0, f"heapprof: can't write {folder}/p: Cannot allocate memory\n"), 'result')


@test
def test_fork_in_a_handler_at_the_end_of_a_dump(folder):
    start(folder, 'api', 'fork-in-handler')
    equal(len(dumps_in(folder)), 20, 'dumps')


@test(way=WAYS)
def test_statistics(folder, way):
    start(folder, way, 'statistics')


@test
def test_environment_and_calls(folder):
    """If the environment has already started a session, the program's own first start does
    nothing."""
    env = environment(folder, preload=None, HEAPPROFILE=f'{folder}/env')
    run_quietly([program('api'), 'sessions', f'{folder}/p'], env)
    equal(names_of_dumps(folder), ['env.0001.heap', 'p.0001.heap', 'p.0002.heap'], 'files')


@test
def test_stopped_without_a_dump_of_the_last_session(folder):
    """There are dumps of an earlier session, so no message says that none was written."""
    run_quietly([program('api'), 'stop-twice', f'{folder}/p'], environment(folder, preload=None))
    equal(names_of_dumps(folder), ['p.0001.heap'], 'files')


@test(way=WAYS)
def test_stopped_before_any_dump(folder, way):
    """If HEAPPROFILE is set and there is no dump, a message gives the reason, whatever
    HEAP_PROFILE_EXIT_DUMP is."""
    env = environment(folder, preload=None)
    result = run([program(way), 'stop', f'{folder}/p'], env)
    equal((result.returncode, names_of_dumps(folder)), (0, []), 'result')
    check(re.fullmatch(r'heapprof: no dump written: the program allocated .*, reached no interval, '
                       r'and called HeapProfilerStop\(\)\n', result.stderr), result.stderr)


@test(interval=['1', '4K', '512K'])
def test_storm(folder, interval):
    start(folder, 'api', 'storm', '100', HEAP_PROFILE_SAMPLE_INTERVAL=interval,
          HEAP_PROFILE_ALLOCATION_INTERVAL='0', HEAP_PROFILE_INUSE_INTERVAL='0')
    equal(len(dumps_in(folder)), 10, 'dumps of every tenth session')


main()
