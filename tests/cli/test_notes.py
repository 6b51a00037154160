#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Notes about data that are missing in the records of a dump: stacks that were cut, memory that was
not recorded."""

import os
import re

import cli
import tap

CUT = cli.data('good-cut.heap')
UNSEEN = cli.data('good-unseen.heap')
MAPPED = cli.data('good-unseen-mapped.heap')
MIB = 1 << 20


def notes(*args):
    """Runs a command that must succeed; returns its messages without the name of the program."""
    done = cli.pprofconv(*args)
    tap.equal(done.returncode, 0)
    return [line.removeprefix('pprofconv: ') for line in done.stderr.splitlines()]


def changed(folder, path, name='x.heap', **values):
    """Writes the dump with other numbers in its metadata; returns the path."""
    with open(path) as file:
        text = file.read()
    for key, value in values.items():
        text, n = re.subn(f'^# {key}: .*$', f'# {key}: {value}', text, flags=re.MULTILINE)
        tap.equal(n, 1)
    path = os.path.join(folder, name)
    with open(path, 'w') as file:
        file.write(text)
    return path


def cut_note(path, n, of, percent, depth):
    return (f'{path}: warning: the stacks of {n} of {of} samples ({percent} %) were cut: '
            f'their callers are missing; set HEAP_PROFILE_STACK_DEPTH={depth} when you record')


@tap.test
def stacks_that_were_cut(folder):
    out = os.path.join(folder, 'out')
    for command in (['top', '-n'], ['convert', '-n', '-o', out], ['info']):
        tap.equal(notes(*command, CUT), [cut_note(CUT, 50, 400, '12.5', 8)])
        tap.equal(notes(*command, '-q', CUT), [])
    tap.is_in('\nstacks cut: 50 of 400 samples (12.5 %)\n', cli.succeed('info', '-q', CUT))
    tap.is_in('\nstacks cut: 50 of 400 samples (12.5 %)\n', cli.succeed('info', out))


@tap.test
def from_one_percent_on(folder):
    path = changed(folder, CUT, stacks_cut=4)
    tap.equal(notes('top', '-n', path), [cut_note(path, 4, 400, '1.0', 8)])
    for values in ({'stacks_cut': 3}, {'stacks_cut': 0}, {'samples': 0}, {'samples': 'many'},
                   {'stacks_cut': '50x'}, {'stacks_cut': -5}, {'stacks_cut': '9' * 30}):
        tap.equal(notes('top', '-n', changed(folder, CUT, **values)), [])


@tap.test
def the_depth_to_set(folder):
    with open(CUT) as file:
        text = file.read()
    for n, depth in ((64, 128), (65, 256), (256, 512), (400, 512), (512, None)):
        path = os.path.join(folder, f'{n}')
        stack = ' '.join(f'0x{0x401100 + i:x}' for i in range(n))
        with open(path, 'w') as file:
            file.write(text.replace('0x401100 0x401200 0x401300', stack))
        if depth:
            tap.equal(notes('info', path), [cut_note(path, 50, 400, '12.5', depth)])
        else:
            tap.is_in('more than HEAP_PROFILE_STACK_DEPTH=512 frames are not recorded',
                      notes('info', path)[0])


@tap.test
def memory_that_nobody_saw(folder):
    begin = 'warning: 20.00 MiB in use, but the process has 300.00 MiB of anonymous memory: '
    without, = notes('top', '-n', UNSEEN)
    tap.is_in(f'{UNSEEN}: {begin}HEAP_PROFILE_MMAP=1 records what the program maps', without)
    tap.equal(notes('top', '-q', '-n', UNSEEN), [])
    mapped, = notes('top', '-n', MAPPED)
    tap.is_in(f'{MAPPED}: {begin}the rest may be stacks, freed memory that the allocator', mapped)
    assert 'HEAP_PROFILE_MMAP' not in mapped, mapped
    text = cli.succeed('info', '-q', MAPPED)
    tap.is_in('\nanonymous memory: 314572800 bytes (300.00 MiB)\n'
              'reserved by mappings: 1073741824 bytes (1.00 GiB)\n', text)
    assert 'reserved by' not in cli.succeed('info', '-q', UNSEEN)


@tap.test
def memory_that_is_accounted_for(folder):
    """There is no note if enough memory is accounted for. In this dump 20 MiB are in use, and the
    profiler has 4 MiB."""
    for anonymous, n in ((87, 0), (88, 1), (48, 0), (20, 0), (0, 0)):
        path = changed(folder, UNSEEN, anonymous_bytes=anonymous * MIB)
        tap.equal(len(notes('top', '-n', path)), n)
    for profiler, n in ((129, 1), (130, 0), (300, 0)):
        path = changed(folder, UNSEEN, profiler_bytes=profiler * MIB)
        tap.equal(len(notes('top', '-n', path)), n)
    path = changed(folder, UNSEEN, anonymous_bytes='none')
    tap.equal(notes('top', '-n', path), [])


@tap.test
def a_gap_that_is_chance(folder):
    """About 273 MiB are missing. If that is 16 intervals or more and nothing was sampled of them,
    this is not due to chance. If it is less, there is no note."""
    with open(UNSEEN) as file:
        text = file.read()
    for interval, n in ((17 * MIB, 1), (18 * MIB, 0)):
        path = os.path.join(folder, 'x.heap')
        with open(path, 'w') as file:
            file.write(text.replace('524288', str(interval)).replace(
                '2: 20971520', '1: 10485760'))
        tap.equal(len(notes('top', '-n', path)), n)


@tap.test
def once_in_a_series(folder):
    paths = [changed(folder, UNSEEN, name=f'{i}.heap', time=f'2026-01-02T03:04:0{i}Z')
             for i in range(4)]
    found = notes('trend', '-n', *paths, changed(folder, CUT, time='2026-01-02T03:05:05Z'))
    tap.equal(len([line for line in found if 'anonymous memory' in line]), 1)
    tap.equal(len([line for line in found if 'were cut' in line]), 1)


@tap.test
def of_dumps_only(folder):
    """A profile causes no notes, because the conversion that made it has printed them. Samples
    that --reproducible keeps unscaled are not estimates, so no note says that memory is missing."""
    for path in (CUT, UNSEEN):
        out = os.path.join(folder, 'out')
        cli.succeed('convert', '-q', '-n', path, '-o', out)
        cli.succeed('top', '-n', out)
    cli.succeed('convert', '--reproducible', '-n', UNSEEN, '-o', out)
    with open(CUT) as file:
        text = file.read()
    path = os.path.join(folder, 'other.heap')
    with open(path, 'w') as file:
        file.write(text.replace('# heapprof: 1\n', '').replace('# end\n', ''))
    cli.succeed('top', '-n', path)


tap.main()
