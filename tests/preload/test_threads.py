#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Threads that come and go, and stacks of every kind. No block is lost, and no walk reads memory
that is not a stack."""
import math

from preload import environment, program, run_quietly
from strict_dump import Counts, dumps_in, last_dump
from tap import check, equal, main, test

THREADS = program('threads')

UNWINDERS = ['libunwind', 'frame-pointer']


def dump_of(folder, *arguments, **variables):
    run_quietly([THREADS, *arguments], environment(folder, **variables))
    return last_dump(folder)


def stacks_from(dump, leaf):
    stacks = [names for _, names in dump.stacks() if names[0] == leaf]
    check(stacks, f'no stack from {leaf}')
    return stacks


@test
def test_destructors_allocate(folder):
    """Each thread has four rounds of destructors. The profiler's own destructor may run in any of
    them."""
    dump = dump_of(folder, 'destructors', '50')
    equal(dump.by_leaf()['allocate_in_destructor'],
          Counts(200, 200 * 111, 400, 200 * 333), 'in destructors')
    equal(dump.by_leaf()['set_key'], Counts(50, 500, 50, 500), 'in threads')


@test
def test_destructors_sampled(folder):
    """A thread that is ending has no countdown left. Whether a block is sampled is drawn for each
    block."""
    n = 20000
    dump = dump_of(folder, 'destructors', str(n), HEAP_PROFILE_SAMPLE_INTERVAL='4K',
                   HEAP_PROFILE_SEED='7')
    got = dump.by_leaf()['allocate_in_destructor']
    blocks = 4 * n  # of each size
    expected = sum(blocks * -math.expm1(-size / 4096) for size in (111, 222))
    check(abs(got.alloc_objects - expected) < 5 * math.sqrt(expected),
          f'{got.alloc_objects} samples, not about {expected}')


@test
def test_storm(folder):
    dump = dump_of(folder, 'storm', '1600')
    equal(dump.by_leaf()['allocate_in_thread'], Counts(16000, 1600000, 16000, 1600000),
          'in threads')
    check(dump.number('profiler_bytes') < 16 << 20, 'memory of threads is used again')


@test
def test_detached(folder):
    dump = dump_of(folder, 'detached')
    equal(dump.by_leaf()['allocate_in_thread'], Counts(1000, 100000, 1000, 100000),
          'in threads')


@test(unwinder=UNWINDERS)
def test_small_stacks(folder, unwinder):
    dump = dump_of(folder, 'small-stacks', HEAP_PROFILE_UNWINDER=unwinder)
    equal(dump.by_leaf()['allocate_in_thread'], Counts(200, 20000, 200, 20000), 'in threads')


@test
def test_alternate_stack(folder):
    """A walk from a handler on an alternate stack continues on the interrupted stack."""
    dump = dump_of(folder, 'alternate-stack')
    for names in stacks_from(dump, 'allocate_in_handler'):
        check('raise_signal' in names and 'main' in names, f'a stack ends early: {names}')
    equal(dump.by_leaf()['allocate_in_handler'], Counts(100, 10000, 100, 10000), 'in it')
    equal(dump.by_leaf()['allocate_in_thread'], Counts(10, 1000, 10, 1000), 'after it')


@test
def test_signal_storm(folder):
    dump = dump_of(folder, 'signal-storm')
    equal(dump.by_leaf()['do_signal_storm'].alloc_objects, 300000, 'objects')


@test(unwinder=UNWINDERS)
def test_coroutines(folder, unwinder):
    dump = dump_of(folder, 'coroutines', HEAP_PROFILE_UNWINDER=unwinder)
    for names in stacks_from(dump, 'allocate_in_coroutine'):
        equal(names[1], 'run_coroutine', 'caller')
    equal(dump.by_leaf()['allocate_in_coroutine'], Counts(2500, 250000, 2500, 250000), 'sum')
    equal(dump.by_leaf()['allocate_in_thread'], Counts(2500, 250000, 2500, 250000), 'sum')


@test(unwinder=UNWINDERS)
def test_coroutines_in_a_thread(folder, unwinder):
    dump = dump_of(folder, 'coroutines-in-thread', HEAP_PROFILE_UNWINDER=unwinder)
    equal(dump.by_leaf()['allocate_in_coroutine'], Counts(2500, 250000, 2500, 250000), 'sum')
    for names in stacks_from(dump, 'allocate_in_thread'):
        check('coroutines_in_thread' in names, f'a stack ends early: {names}')


@test(unwinder=UNWINDERS)
def test_deep_frames(folder, unwinder):
    dump = dump_of(folder, 'deep-frames', HEAP_PROFILE_UNWINDER=unwinder)
    for names in stacks_from(dump, 'allocate_in_thread'):
        equal(names[1:4], ['allocate_below', 'do_deep_frames', 'main'], 'callers')


@test(unwinder=UNWINDERS)
def test_longjmp(folder, unwinder):
    dump = dump_of(folder, 'longjmp', HEAP_PROFILE_UNWINDER=unwinder)
    for names in stacks_from(dump, 'jump_from'):
        equal(names[names.count('jump_from'):][:2], ['do_longjmp', 'main'], 'callers')


@test(unwinder=UNWINDERS)
def test_wild_frame_pointers(folder, unwinder):
    dump = dump_of(folder, 'wild-frame-pointers', HEAP_PROFILE_UNWINDER=unwinder)
    equal(dump.by_leaf()['allocate_with_wild_frame_pointer'], Counts(11, 1100, 11, 1100),
          'in it')


@test
def test_many_keys_before_the_profiler(folder):
    """A library uses up those thread-specific keys that need no memory, before the profiler gets
    one."""
    n = 3000
    run_quietly([program('many_keys'), str(n)],
                environment(folder, exact=False, HEAP_PROFILE_SAMPLE_INTERVAL='4K',
                            HEAP_PROFILE_SEED='3'))
    dump = last_dump(folder)
    expected = n * -math.expm1(-1000 / 4096)
    got = dump.by_leaf()['allocate_here'].alloc_objects
    check(abs(got - expected) < 5 * math.sqrt(expected), f'{got} samples, not about {expected}')


@test
def test_first_allocation_inside_setenv(folder):
    """The profiler starts while the C library holds its lock on the environment."""
    run_quietly([program('early_setenv')], environment(folder))
    equal(last_dump(folder).by_leaf()['allocate_here'], Counts(10, 10000, 10, 10000), 'in it')


@test(profile=['p', None])
def test_clearenv_in_a_constructor_before_us(folder, profile):
    """The program runs on, unprofiled, because a process without an environment has not asked for
    profiling."""
    run_quietly([program('early_clearenv'), '1000'],
                environment(folder, HEAPPROFILE=profile and f'{folder}/p'))


INTERVALS = {'HEAP_PROFILE_ALLOCATION_INTERVAL': 'leak', 'HEAP_PROFILE_INUSE_INTERVAL': 'leak',
             'HEAP_PROFILE_DEALLOCATION_INTERVAL': 'free'}


@test(interval=INTERVALS)
def test_threads_that_end_before_they_report(folder, interval):
    """Each thread ends before it has allocated or freed so much that it must report to the
    triggers."""
    intervals = {**dict.fromkeys(INTERVALS, '0'), interval: '10M'}
    run_quietly([THREADS, 'requests', INTERVALS[interval], '105'],
                environment(folder, HEAP_PROFILE_MAX_DUMPS='0', **intervals))
    n = len(dumps_in(folder)) - 1
    check(9 <= n <= 10, f'{n} dumps for ten intervals and a half')


@test
def test_thread_that_only_frees(folder):
    """The frees of a thread that only frees count, so the memory in use stays at a block or two."""
    run_quietly([THREADS, 'hand-over', '1000'],
                environment(folder, HEAP_PROFILE_INUSE_INTERVAL='10M',
                            HEAP_PROFILE_ALLOCATION_INTERVAL='0'))
    equal([d.metadata['reason'] for d in dumps_in(folder)], ['exit'], 'reasons')


main()
