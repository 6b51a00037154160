#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""HEAP_PROFILE_SAMPLE_INTERVAL=auto: small programs are exact, and each dump has one interval.

HEAPPROF_STORM_DUMPS is the number of dumps of the storm."""
import math
import os

from preload import environment, program, run_quietly
from strict_dump import Counts, dumps_in, last_dump
from tap import check, equal, main, test

N_DUMPS = os.environ.get('HEAPPROF_STORM_DUMPS', '2000')
STORM_PATIENCE = 60 + int(N_DUMPS) // 4  # seconds; 15 ms of CPU a dump, on a machine that is busy


def auto(folder, **variables):
    return environment(folder, exact=False, HEAP_PROFILE_SAMPLE_INTERVAL='auto', **variables)


@test
def test_small_leaks_are_exact(folder):
    run_quietly([program('auto'), 'leaks'], auto(folder))
    dump = last_dump(folder)
    equal(dump.interval, 1, 'the interval')
    leaves = dump.by_leaf()
    equal(leaves['leak_pages'], Counts(30, 30 * 4096, 30, 30 * 4096), 'pages')
    equal(leaves['leak_words'], Counts(345, 345 * 32, 345, 345 * 32), 'words')
    equal(leaves['work'].inuse_objects, 0, 'what was freed')
    equal(leaves['work'].alloc_objects, 3000, 'what was allocated')


@test
def test_the_interval_rises_where_memory_is_short(folder):
    """A sample for which there is no room raises the interval, and is not lost."""
    n_blocks = 100000
    run_quietly([program('auto'), 'stacks', str(n_blocks)],
                auto(folder, HEAP_PROFILE_MEMORY_LIMIT='4M'))
    dump = last_dump(folder)
    equal(dump.number('samples_dropped'), 0, 'dropped samples')
    check(dump.interval > 16, f'an interval of {dump.interval}')
    p = -math.expm1(-100 / dump.interval)
    found = sum(c.inuse_objects for c, _ in dump.records)
    check(abs(found - n_blocks * p) < 6 * math.sqrt(n_blocks * p),
          f'{found} samples of {n_blocks} at {dump.interval}')


@test
def test_sessions_are_runs(folder):
    """Samples of two sessions are not the same ones. The second one's dumps don't replace those of
    the first one."""
    run_quietly([program('auto'), 'sessions', f'{folder}/p'], auto(folder, HEAPPROFILE=None))
    runs = [dump.metadata['run'] for dump in dumps_in(folder, r'p.*\.heap')]
    equal(len(runs), 4, 'dumps')
    equal((runs[0] == runs[1], runs[2] == runs[3], runs[0] == runs[2]), (True, True, False), f'{runs}')


@test
def test_equal_seeds_give_equal_dumps(folder):
    """With one thread the interval depends on the seed only."""
    dumps = []
    for name in 'ab':
        os.mkdir(f'{folder}/{name}')
        run_quietly([program('sampled'), '1'], auto(f'{folder}/{name}', HEAP_PROFILE_SEED=7))
        dumps.append(last_dump(f'{folder}/{name}'))
    equal(dumps[0].interval, dumps[1].interval, 'interval')
    a, b = [sorted((level or 0, c) for level, (c, _) in zip(d.levels, d.records)) for d in dumps]
    equal(a, b, 'levels and counts')


@test
def test_the_whole_is_estimated(folder):
    """The records estimate what the program has allocated, at the interval that it ended with."""
    run_quietly([program('sampled'), '1'], auto(folder))
    dump = last_dump(folder)
    check(dump.interval > 1, 'nothing was sampled')
    total = variance = 0
    for c, _ in dump.records:
        size = c.alloc_bytes / c.alloc_objects
        p = -math.expm1(-size / dump.interval)
        total += c.alloc_bytes / p
        variance += c.alloc_objects * (1 - p) * (size / p)**2
    check(abs(total - dump.number('allocated_bytes')) < 5 * math.sqrt(variance),
          f'{total} +- {math.sqrt(variance)}, and not {dump.number("allocated_bytes")}')


@test
def test_mappings_have_the_default_interval(folder):
    run_quietly([program('auto'), 'leaks'], auto(folder, HEAP_PROFILE_MMAP=1))
    dump = last_dump(folder)
    equal(dump.interval, 512 << 10, 'the interval')
    check(not dump.is_automatic(), 'interval_mode')


@test
def test_dumps_and_forks_while_the_interval_grows(folder):
    env = auto(folder, HEAPPROFILE=None, HEAP_PROFILE_ALLOCATION_INTERVAL=0,
               HEAP_PROFILE_INUSE_INTERVAL=0)
    out = run_quietly([program('auto'), 'storm', '8', N_DUMPS, f'{folder}/p'], env,
                      patience=STORM_PATIENCE)
    n_sessions, n_intervals = map(int, out.stdout.split())
    for dump in dumps_in(folder, r'p.*\.heap'):
        check(dump.is_automatic(), 'the exit dump of the program or a child')
    check(n_sessions > 1 and n_intervals > 3, f'{n_sessions} sessions, {n_intervals} intervals')


main()
