#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Dumps that are triggered by bytes, time, resident memory and a signal."""
import os
import re
import signal
import subprocess

from preload import PATIENCE, environment, program, run, run_quietly, wait_until
from strict_dump import Counts, dumps_in, names_of_dumps
from tap import check, equal, main, test

TRIGGERS = program('triggers')
MIB = 1 << 20


class Waiting:
    """A program that has done its work and waits until its standard input is closed."""

    def __init__(self, folder, command, **variables):
        self.folder = folder
        self.process = subprocess.Popen(
            [TRIGGERS, command], env=environment(folder, **variables), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        equal(self.process.stdout.readline(), b'ready\n', 'what it says')

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def wait_for_dumps(self, n, prefix='p.'):
        wait_until(lambda: sum(name.startswith(prefix)
                               for name in names_of_dumps(self.folder)) >= n, f'{n} dumps')

    def end(self):
        out, err = self.process.communicate(timeout=PATIENCE)
        equal((self.process.returncode, out, err), (0, b'', b''), 'the end')


@test
def test_time_interval(folder):
    with Waiting(folder, 'work', HEAP_PROFILE_TIME_INTERVAL='1',
                 HEAP_PROFILE_ALLOCATION_INTERVAL='0') as program_:
        program_.wait_for_dumps(1)
        program_.end()
    first = dumps_in(folder)[0]
    check('1 s' in first.metadata['reason'], first.metadata['reason'])
    check(first.number('uptime_ms') >= 1000, 'not before its time')
    equal(first.by_leaf()['allocate_some'], Counts(10, 10000, 10, 10000), 'in it')


@test
def test_small_allocation_interval(folder):
    """The interval is smaller than what a thread usually allocates before it reports."""
    with Waiting(folder, 'wait', HEAP_PROFILE_ALLOCATION_INTERVAL='1000') as program_:
        program_.end()
    equal([d.total.alloc_objects for d in dumps_in(folder)], [*range(1, 11), 10], 'in dumps')


@test
def test_dumps_kept_spread(folder):
    """1,000 blocks are allocated in order. The distance of the dumps, in blocks, doubles until
    eight dumps are enough: 10, 20, 40, 80, 160."""
    with Waiting(folder, 'grow', HEAP_PROFILE_ALLOCATION_INTERVAL='10000', HEAP_PROFILE_KEEP='spread',
                 HEAP_PROFILE_MAX_DUMPS='8') as program_:
        program_.end()
    equal([d.total.alloc_objects for d in dumps_in(folder)],
          [10, 170, 330, 490, 650, 810, 970, 1000], 'in dumps')


@test(limit=['1', '2', '3'])
def test_few_dumps_kept_spread(folder, limit):
    """If only one dump is kept, it is the last one."""
    with Waiting(folder, 'grow', HEAP_PROFILE_ALLOCATION_INTERVAL='10000', HEAP_PROFILE_KEEP='spread',
                 HEAP_PROFILE_MAX_DUMPS=limit) as program_:
        program_.end()
    found = [d.total.alloc_objects for d in dumps_in(folder)]
    check(len(found) <= int(limit) and found[-1] == 1000, f'in dumps: {found}')
    check(limit == '1' or found[0] == 10, f'the first: {found}')


@test
def test_all_intervals_begin_anew_with_each_dump(folder):
    """As in gperftools, each dump restarts all intervals, because it shows the heap whatever
    triggered it."""
    run_quietly([TRIGGERS, 'grow-and-shrink'],
                environment(folder, HEAP_PROFILE_ALLOCATION_INTERVAL='10000',
                            HEAP_PROFILE_DEALLOCATION_INTERVAL='10000',
                            HEAP_PROFILE_INUSE_INTERVAL='10000'))
    kinds = [re.search('allocated|freed|exit|in use', d.metadata['reason']).group()
             for d in dumps_in(folder)]
    equal(kinds[:4], 4 * ['allocated'], 'reasons at first')
    equal(set(kinds[4:-1]), {'freed'}, 'and then')


@test(command=['touch', 'touch-without-main'])
def test_rss_interval(folder, command):
    """In /proc, the files of a process are those of its main thread, and report nothing after that
    thread has ended. The profiler then reads those of the calling thread."""
    with Waiting(folder, command, HEAP_PROFILE_RSS_INTERVAL='32M',
                 HEAP_PROFILE_ALLOCATION_INTERVAL='0') as program_:
        program_.wait_for_dumps(1)
        program_.end()
    first = dumps_in(folder)[0]
    check('resident' in first.metadata['reason'], first.metadata['reason'])
    check(first.number('rss_bytes') > 32 * MIB, 'resident bytes')
    equal(first.by_leaf()['allocate_some'], Counts(10, 10000, 10, 10000), 'in it')
    check(any(m.path.startswith('[') for m in first.mappings), 'the mappings are from /proc')


SIGNALS = {'USR2': signal.SIGUSR2, 'SIGUSR2': signal.SIGUSR2,
           str(int(signal.SIGUSR2)): signal.SIGUSR2, 'SIGRTMIN+3': signal.SIGRTMIN + 3}


@test(name=SIGNALS)
def test_signal(folder, name):
    with Waiting(folder, 'wait', HEAPPROFILESIGNAL=name) as program_:
        for n in (1, 2):
            program_.process.send_signal(SIGNALS[name])
            program_.wait_for_dumps(n)
        program_.end()
    dumps = dumps_in(folder)
    equal(len(dumps), 3, 'two by signal, one at exit')
    check(dumps[0].metadata['reason'].startswith('signal'), dumps[0].metadata['reason'])


@test
def test_signal_storm(folder):
    with Waiting(folder, 'threads', HEAPPROFILESIGNAL='USR2', HEAP_PROFILE_MAX_DUMPS='0',
                 HEAP_PROFILE_ALLOCATION_INTERVAL='0') as program_:
        for _ in range(2000):
            program_.process.send_signal(signal.SIGUSR2)
        program_.wait_for_dumps(1)
        program_.end()
    dumps = dumps_in(folder)
    equal([d.number('dump') for d in dumps], list(range(1, len(dumps) + 1)), 'numbers')


@test
def test_signal_that_the_program_ignores(folder):
    env = environment(folder, HEAPPROFILESIGNAL='USR2')
    result = run(['python3', '-c', 'import os, signal, sys; signal.signal(signal.SIGUSR2, '
                  'signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])', TRIGGERS, 'wait'],
                 env)
    equal(result.returncode, 0, 'status')
    check('has a handler already' in result.stderr, result.stderr)


@test
def test_signal_of_a_fault(folder):
    """A signal that reports a fault is refused. A handler of ours would return to the instruction
    that caused the fault, for ever."""
    result = run([TRIGGERS, 'crash'], environment(folder, HEAPPROFILESIGNAL='SEGV'))
    equal(result.returncode, -signal.SIGSEGV, 'status')
    equal(result.stderr, "heapprof: HEAPPROFILESIGNAL='SEGV': this signal can't be caught, "
                'or reports a fault; using the default, unset\n', 'stderr')


@test
def test_handler_runs_on_the_stack_for_signals(folder):
    run_quietly([TRIGGERS, 'signal-stack'], environment(folder, HEAPPROFILESIGNAL='USR2'))


@test(command=['fork', 'fork-and-wait'])
def test_in_a_fork_child(folder, command):
    with Waiting(folder, command, HEAPPROFILESIGNAL='USR2') as program_:
        with open(f'/proc/{program_.process.pid}/task/{program_.process.pid}/children') as f:
            child = int(f.read().split()[0])
        os.kill(child, signal.SIGUSR2)
        program_.wait_for_dumps(1, prefix=f'p_{child}.')
        program_.end()
    dumps = dumps_in(folder, r'p_\d+\.\d+\.heap')
    check(dumps[0].metadata['reason'].startswith('signal'), dumps[0].metadata['reason'])


@test
def test_signal_before_anything_else_in_a_fork_child(folder):
    with Waiting(folder, 'fork-and-raise', HEAPPROFILESIGNAL='USR2') as program_:
        program_.end()
    dumps = dumps_in(folder, r'p_\d+\.\d+\.heap')
    equal([d.metadata['reason'].split()[0] for d in dumps], ['signal', 'exit'], 'dumps')
    equal(dumps[0].by_leaf()['allocate_some'], Counts(10, 10000, 10, 10000), 'inherited')


@test(interval=['1', '64K'])
def test_signals_within_the_profiler(folder, interval):
    """A signal inside a hook causes a dump when the hook ends, so the dump has all that was
    recorded."""
    run_quietly([TRIGGERS, 'signals-within'],
                environment(folder, HEAPPROFILESIGNAL='USR2', HEAP_PROFILE_MAX_DUMPS='0',
                            HEAP_PROFILE_ALLOCATION_INTERVAL='0',
                            HEAP_PROFILE_SAMPLE_INTERVAL=interval))
    dumps = dumps_in(folder)
    check(len(dumps) > 200, f'{len(dumps)} dumps')
    for dump in dumps:
        check('incomplete' not in dump.metadata.get('note', ''), dump.path)
        equal(dump.number('samples_dropped'), 0, dump.path)


@test(interval=['1', '64'])
def test_a_thread_ends_first_in_a_fork_child(folder, interval):
    """When a thread ends in a fork child, the C library frees memory while it holds a lock. This
    must not trigger a dump."""
    for i in range(5):
        run_quietly([TRIGGERS, 'fork-and-join'],
                    environment(folder, HEAPPROFILESIGNAL='USR2',
                                HEAP_PROFILE_SAMPLE_INTERVAL=interval))


@test
def test_no_thread_of_the_profiler(folder):
    """The profiler has no thread of its own: such a thread would be affected by what the program
    does to its threads and its process."""
    with Waiting(folder, 'work', HEAPPROFILESIGNAL='USR2', HEAP_PROFILE_TIME_INTERVAL='1',
                 HEAP_PROFILE_RSS_INTERVAL='1M') as program_:
        program_.wait_for_dumps(1)
        equal(len(os.listdir(f'/proc/{program_.process.pid}/task')), 1, 'threads')
        program_.end()


main()
