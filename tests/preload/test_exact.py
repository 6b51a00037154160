#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs in C and C++ make a known set of allocations. An exact dump has exactly these bytes and
objects under their stacks; a sampled dump estimates them."""
import math

from preload import environment, program, run_quietly
from strict_dump import Counts, dumps_in, last_dump
from tap import check, equal, main, test


def expectations(text):
    sums = {}
    for line in text.splitlines():
        name, *numbers = line.split()
        sums[name] = Counts(*map(int, numbers))
    check(len(sums) > 8, f'the program says too little: {text!r}')
    return sums


def check_expected(dump, expected):
    leaves = dump.by_leaf()
    for name, wanted in expected.items():
        equal(leaves[name], wanted, name)
    unknown = {n: c for n, c in leaves.items() if n.startswith('do_') and n not in expected}
    check(not unknown, f'nobody said he would allocate: {unknown}')
    equal(dump.number('samples_dropped'), 0, 'samples_dropped')


def check_stacks_end(dump, outermost):
    """Checks that every stack of the program runs from a known leaf to `outermost`, and from there
    to one place in the C library, where the thread or the program began."""
    tails = set()
    for _, names in dump.stacks():
        if names[0].startswith('do_'):
            check(outermost in names, f'a stack ends early: {names}')
            tails.add(tuple(names[names.index(outermost) + 1:]))
    equal(len(tails), 1, f'ends of stacks: {tails}')
    tail = tails.pop()
    check(tail and tail[0].startswith(('libc.so', '__libc', 'start_thread')), f'stacks end {tail}')


def run_entries(folder, name, n_threads, **variables):
    out = run_quietly([program(name), str(n_threads)], environment(folder, **variables))
    dumps = dumps_in(folder)
    equal(len(dumps), 1, 'number of dumps')
    check_expected(dumps[0], expectations(out.stdout))
    check_stacks_end(dumps[0], 'main' if n_threads == 1 else 'thread_main')
    return dumps[0]


@test(n_threads=[1, 8])
def test_c(folder, n_threads):
    dump = run_entries(folder, 'entries', n_threads)
    deep = [n for _, n in dump.stacks() if n[0] == 'do_deep']
    equal([n.count('do_deep') for n in deep], [21], 'frames of the recursion')


@test(n_threads=[1, 8])
def test_cxx(folder, n_threads):
    run_entries(folder, 'entries_cxx', n_threads)


@test(n_threads=[1, 8])
def test_frame_pointers(folder, n_threads):
    run_entries(folder, 'entries', n_threads, HEAP_PROFILE_UNWINDER='frame-pointer')


@test(depth=[1, 3, 512])
def test_depth(folder, depth):
    out = run_quietly([program('entries'), '1'],
                      environment(folder, HEAP_PROFILE_STACK_DEPTH=depth))
    dump = last_dump(folder)
    check_expected(dump, expectations(out.stdout))
    longest = max(len(stack) for _, stack in dump.records)
    check(longest == depth if depth < 20 else 20 < longest < 40, f'{longest} frames')


@test(name=['entries', 'entries_cxx'])
def test_allocated_bytes_are_exact(folder, name):
    """Failed allocations count nothing, and each block counts once."""
    run_quietly([program(name), '8'], environment(folder))
    dump = last_dump(folder)
    # The program allocates before the profiler is ready to record, and stdio allocates after the
    # dump. The counted and the recorded bytes differ only by these.
    difference = dump.number('allocated_bytes') - dump.total.alloc_bytes
    check(0 <= difference < 100000, f'{difference} bytes counted and not recorded')


SIZES = {'allocate_small': (200000, 100), 'allocate_middle': (20000, 3000),
         'allocate_large': (100, 1000000)}


def check_estimate(dump, function, n_threads):
    """Checks the Horvitz-Thompson estimate within its standard error: n blocks of size s, each
    recorded with probability p, are estimated as (number recorded)/p with variance n (1-p)/p^2."""
    n, size = SIZES[function]
    p = -math.expm1(-size / dump.interval)
    recorded = Counts(0, 0, 0, 0)
    for counts, names in dump.stacks():
        if function in names:
            recorded = Counts(*(a + b for a, b in zip(recorded, counts)))
    equal(recorded.alloc_bytes, recorded.alloc_objects * size, function)
    for objects, truth in ((recorded.alloc_objects, n * n_threads),
                           (recorded.inuse_objects, n * n_threads / 2)):
        bound = 5 * math.sqrt(truth * (1 - p)) / p + 1e-6
        check(abs(objects / p - truth) <= bound,
              f'{function}: {objects / p} objects, not {truth} within {bound}')


@test(n_threads=[1, 8])
def test_sampled(folder, n_threads):
    run_quietly([program('sampled'), str(n_threads)],
                environment(folder, exact=False, HEAP_PROFILE_SAMPLE_INTERVAL='64K',
                            HEAP_PROFILE_SEED='1', HEAP_PROFILE_INUSE_INTERVAL='0',
                            HEAP_PROFILE_ALLOCATION_INTERVAL='0'))
    dump = last_dump(folder)
    equal(dump.interval, 65536, 'sample interval')
    for function in SIZES:
        check_estimate(dump, function, n_threads)
    total = sum(n * size for n, size in SIZES.values()) * n_threads
    counted = dump.number('allocated_bytes')
    check(total <= counted <= total + 200000, f'allocated_bytes {counted}, not {total}')
    equal(dump.number('samples'), dump.total.alloc_objects, 'samples')


@test(interval=['32K', '64K', '512K'])
def test_a_block_that_is_resized_is_counted_once_a_call(folder, interval):
    """With an interval below 64K, the filter by pages is off, so every realloc() takes the slow
    path: any of the blocks may be a recorded one."""
    run_quietly([program('sampled'), 'resize'],
                environment(folder, exact=False, HEAP_PROFILE_SAMPLE_INTERVAL=interval,
                            HEAP_PROFILE_ALLOCATION_INTERVAL='0'))
    total, counted = 200000 * 1500, last_dump(folder).number('allocated_bytes')
    check(total <= counted <= total + 200000, f'allocated_bytes {counted}, not {total}')


@test
def test_failing_calls_count_nothing(folder):
    """Calls that fail don't use up the countdown either. Otherwise later allocations would be
    sampled in their place."""
    run_quietly([program('sampled'), 'fail'],
                environment(folder, exact=False, HEAP_PROFILE_SAMPLE_INTERVAL='64K'))
    dump = last_dump(folder)
    check(dump.number('allocated_bytes') < 300000, dump.metadata['allocated_bytes'])
    check(dump.number('samples') < 20, dump.metadata['samples'])


main()
