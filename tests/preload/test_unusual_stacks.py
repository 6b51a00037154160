#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stacks that are large, deep or misleading. Walks have a bounded cost and are right. A walk
through all pages of such a stack would take minutes, and the test would fail because the program
hangs."""
import shutil

from preload import environment, program, run, run_quietly
from strict_dump import last_dump
from tap import check, equal, main, skip, test

UNWINDERS = ['libunwind', 'frame-pointer']


def dump_of(folder, what, *arguments, **variables):
    run_quietly([program('stacks'), what, *map(str, arguments)], environment(folder, **variables))
    return last_dump(folder)


def stacks_of(dump, leaf):
    """Returns the counts and names of the stacks in which `leaf` called allocate()."""
    return [(counts, names) for counts, names in dump.stacks()
            if names[:1] == ['allocate'] and names[1] == leaf]


@test(kib=[0, 400, 1000, 4000])
def test_large_frame(folder, kib):
    n = 1000000
    dump = dump_of(folder, 'large', kib, n)
    (counts, names), = stacks_of(dump, 'under_large_frame')
    equal(counts.alloc_objects, n, 'allocations')
    check('main' in names, f'the stack ends early: {names}')
    check('stacks_cut' not in dump.metadata, 'stacks_cut')


@test(unwinder=UNWINDERS)
def test_realigned_frame(folder, unwinder):
    dump = dump_of(folder, 'realigned', 1000, HEAP_PROFILE_UNWINDER=unwinder)
    (counts, names), = stacks_of(dump, 'in_realigned_frame')
    equal(counts.alloc_objects, 1000, 'allocations')
    equal(names[1:5], ['in_realigned_frame', 'above_realigned_frame', 'do_realigned', 'main'], 'callers')


@test(unwinder=UNWINDERS)
def test_deep_stack(folder, unwinder):
    dump = dump_of(folder, 'deep', 500, 1000, HEAP_PROFILE_UNWINDER=unwinder,
                   HEAP_PROFILE_STACK_DEPTH=512)
    (counts, names), = stacks_of(dump, 'deep')
    equal(counts.alloc_objects, 1000, 'allocations')
    equal(names[1:502], ['deep'] * 501, 'callers')
    check('main' in names, f'the stack ends early: {names[502:]}')
    check('stacks_cut' not in dump.metadata, 'stacks_cut')


@test(unwinder=UNWINDERS)
def test_stacks_that_are_cut_are_counted(folder, unwinder):
    dump = dump_of(folder, 'deep', 500, 1000, HEAP_PROFILE_UNWINDER=unwinder)
    (counts, names), = stacks_of(dump, 'deep')
    equal(names, ['allocate'] + ['deep'] * 63, 'stack')
    equal(dump.number('stacks_cut'), counts.alloc_objects, 'stacks_cut')
    equal(counts.alloc_objects, 1000, 'allocations')


@test
def test_sampled_stacks_that_are_cut_are_counted(folder):
    dump = dump_of(folder, 'deep', 500, 100000, exact=False,
                   HEAP_PROFILE_SAMPLE_INTERVAL=2400, HEAP_PROFILE_STACK_DEPTH=20)
    samples = sum(counts.alloc_objects for counts, _ in stacks_of(dump, 'deep'))
    check(samples > 500, f'{samples} samples')
    equal(dump.number('stacks_cut'), samples, 'stacks_cut')


@test
def test_stray_frame_pointer(folder):
    n = 2000
    dump = dump_of(folder, 'stray', 1024, n)
    (counts, _), = stacks_of(dump, 'allocate_once')
    equal(counts.alloc_objects, n, 'allocations')


@test
def test_erlang(folder):
    if not shutil.which('erl'):
        skip('erl is not installed')
    work = '[spawn(fun() -> lists:seq(1, 1000) end) || _ <- lists:seq(1, 20000)], halt(9).'
    result = run(['erl', '-noshell', '-eval', work], environment(folder))
    equal((result.returncode, result.stderr), (9, ''), 'erl')


if __name__ == '__main__':
    main()
