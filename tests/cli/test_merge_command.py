#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Merging many dumps: lists of inputs, bad inputs, dumps that are there twice, and sums of sums."""

import os
import random

import cli
import runs
import tap


def write(folder, number, run=None, dump=1, interval=524288, extra=()):
    """Writes a dump of the run `number`, which shares some stacks with the others; returns its
    path."""
    rng = random.Random(number)
    blocks = {((rng.randrange(20), rng.randrange(5)), 1000 << rng.randrange(6)): rng.randrange(1, 9)
              for _ in range(20)}
    text = runs.dump(blocks, blocks, interval, run=run or f'{number:016x}', time=number,
                     extra=[f'dump: {dump}', f'pid: {number}', 'samples_dropped: 1', *extra],
                     program='/opt/app' if number % 3 else '/opt/other')
    return runs.write(os.path.join(folder, f'{number}-{dump}.heap'), text)


def write_list(folder, paths, end='\n'):
    return runs.write(os.path.join(folder, 'list'), ''.join(path + end for path in paths))


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def merge(*args, **options):
    return cli.pprofconv('merge', '-n', *args, **options)


def comments(path):
    text = cli.succeed('info', path)
    return [line.strip() for line in text[text.index('comments:'):].splitlines()[1:]]


@tap.test
def a_list_of_inputs(folder):
    """A list is separated by newlines or by NUL bytes, and comes from a file or from standard input.
    The sum is that of the same inputs on the command line."""
    paths = [write(folder, i) for i in range(5)]
    expected, out = os.path.join(folder, 'expected'), os.path.join(folder, 'out')
    cli.succeed('merge', '-n', *paths, '-o', expected)
    for end in '\n', '\0', '\n\n':
        listed = write_list(folder, paths, end)
        cli.succeed('merge', '-n', f'--files-from={listed}', '-o', out)
        tap.equal(read(out), read(expected))
    for text in '\n'.join(paths[2:]), '\0'.join(paths[2:]):  # without a separator at the end
        done = merge('--files-from=-', paths[1], paths[0], '-o', out, input=text.encode())
        tap.equal((done.returncode, done.stderr), (0, ''))
        tap.equal(read(out), read(expected))


@tap.test
def lists_that_are_wrong(folder):
    path = write(folder, 1)
    out = os.path.join(folder, 'out')
    empty = runs.write(os.path.join(folder, 'empty'), '\n\n')
    for listed, text, said in ((folder + '/none', b'', 'none: No such file or directory'),
                               (empty, b'', 'empty: the list names no input'),
                               ('-', b'', 'standard input: the list names no input'),
                               ('-', b'-\n', 'standard input is the list of inputs; it can'),
                               ('-', b'nothing\n', 'nothing: No such file or directory')):
        done = merge(f'--files-from={listed}', '-o', out, path, input=text)
        tap.equal(done.returncode, 2, listed)
        tap.is_in(said, done.stderr)
        tap.equal(done.stderr.count('\n'), 1)
    listed = write_list(folder, [path])
    before = read(listed)
    done = merge(f'--files-from={listed}', '-o', listed)
    tap.equal((done.returncode, done.stderr),
              (2, f'pprofconv: {listed}: input and output are the same file\n'))
    tap.equal(read(listed), before)
    assert not os.path.exists(out)


def bad_inputs(folder):
    """Returns inputs that can't be merged, with a part of the message about each."""
    good = write(folder, 90)
    text = open(good, encoding='ascii').read()
    bad = {'cut': (text[:len(text) // 2], 'cut:'), 'foreign': ('hello\n', 'foreign:'),
           'version': (text.replace('# heapprof: 1', '# heapprof: 99'), 'dump version 99'),
           'types': ('main;work 5\n', 'sample types differ')}
    paths = [(runs.write(os.path.join(folder, name), content), said)
             for name, (content, said) in bad.items()]
    return [*paths, (os.path.join(folder, 'missing'), 'missing: No such file')]


@tap.test
def bad_inputs_are_left_out(folder):
    """Without --keep-going the first bad input ends the merge, and nothing is written. With it, all
    are named and counted, and the sum is that of the others."""
    good = [write(folder, i) for i in range(3)]
    bad = bad_inputs(folder)
    expected, out = os.path.join(folder, 'expected'), os.path.join(folder, 'out')
    cli.succeed('merge', '-n', *good, '-o', expected)
    for path, said in bad:
        done = merge(*good, path, '-o', out)
        tap.equal(done.returncode, 2)
        tap.is_in(said, done.stderr)
        assert not os.path.exists(out)
    without_types = [(path, said) for path, said in bad if said != 'sample types differ']
    for option, given in ((), bad), (('-q',), bad), (('--at=exit',), without_types):
        mixed = [good[0], *(path for path, _ in given), *good[1:], good[0]]
        done = merge('--keep-going', *option, *mixed, '-o', out)
        tap.equal(done.returncode, 0)
        for _, said in given:
            tap.is_in(said, done.stderr)
        tap.is_in(f'{good[0]}: the same dump as {good[0]}; give it once', done.stderr)
        tap.is_in(f'pprofconv: {len(given) + 1} of {len(mixed)} inputs are left out\n', done.stderr)
        tap.equal(read(out), read(expected))
        os.unlink(out)
    done = merge('--keep-going', *(path for path, _ in bad[:3]), '-o', out)
    tap.equal(done.returncode, 2)
    tap.is_in('pprofconv: no input can be merged\n', done.stderr)


@tap.test
def wrong_options_are_not_bad_inputs(folder):
    paths = [write(folder, i) for i in range(3)]
    done = cli.pprofconv('merge', '--keep-going', '--demangle=x', *paths, '-o', folder + '/out')
    tap.equal((done.returncode, done.stderr), (2, (
        "pprofconv: --demangle: unknown style 'x'; expected short, full or none\n")))


@tap.test
def the_same_dump_twice(folder):
    """A dump is refused the second time, even under another name or as a profile."""
    path, out = write(folder, 1), os.path.join(folder, 'out')
    other = os.path.join(folder, 'other')
    os.link(path, other)
    converted = os.path.join(folder, 'converted')
    cli.succeed('convert', '-n', path, '-o', converted)
    for twice in (path, path), (path, other), (path, converted), (converted, path):
        for option in (), ('--at=exit',):
            done = merge(*option, *twice, '-o', out)
            tap.equal((done.returncode, done.stderr), (
                2, f'pprofconv: {twice[1]}: the same dump as {twice[0]}; give it once\n'))
    assert not os.path.exists(out)


@tap.test
def two_dumps_of_one_run(folder):
    """They are added up, with a warning: --at is for them."""
    paths = [write(folder, 1, run='a'), write(folder, 2, run='b'), write(folder, 3, run='a', dump=2),
             write(folder, 4, run='a', dump=3)]
    out, sums = os.path.join(folder, 'out'), os.path.join(folder, 'sums')
    done = merge(*paths, '-o', out)
    said = f'{paths[2]}: of the same run as {paths[0]}; what both hold is counted twice; '
    tap.equal(done.returncode, 0)
    tap.is_in(said, done.stderr)
    tap.is_in('pprofconv: 2 inputs are of the same run as another\n', done.stderr)
    tap.equal(merge('-q', *paths, '-o', out).stderr, '')
    cli.succeed('merge', '-n', *paths[:2], '-o', sums)
    tap.is_in(f'{sums}: of the same run as {paths[2]}', merge(paths[2], sums, '-o', out).stderr)
    cli.succeed('merge', '-n', '--at=exit', *paths, '-o', out)


@tap.test
def many_comments_are_folded(folder):
    """A sum of many dumps has few comments, and is not taken for a dump of one run."""
    out = os.path.join(folder, 'out')
    paths = [write(folder, i, extra=[f'cmdline: app --host={i}']) for i in range(30)]
    cli.succeed('merge', '-n', *paths, '-o', out)
    tap.equal(comments(out), [
        'program: /opt/app', 'program: /opt/other', 'pid: 0 to 29', 'dump: 1',
        'cmdline: more than 8 different', 'run: 30 different', 'samples_dropped: 30',
        'time: 2026-01-01T00:00:00Z to 2026-01-01T00:00:29Z'])
    assert 'process:' not in cli.succeed('info', out)
    cli.succeed('merge', '-n', out, out, '-o', os.path.join(folder, 'twice'))
    tap.is_in('run: 60 different', comments(os.path.join(folder, 'twice')))


def merge_tree(rng, folder, paths):
    """Merges the paths in a random order and in random groups, groups of groups included; returns
    the path of the sum."""
    paths = rng.sample(paths, len(paths))
    n = 0
    while len(paths) > 1:
        group = [paths.pop(rng.randrange(len(paths))) for _ in range(rng.randrange(1, len(paths) + 1))]
        n += 1
        out = os.path.join(folder, f'tree-{n}')
        cli.succeed('merge', '-n', *group, '-o', out)
        paths.append(out)
    return paths[0]


@tap.test
def random_trees_give_the_same_bytes(folder):
    rng = random.Random(4)
    paths = [write(folder, i, interval=rng.choice((1, 4096, 524288))) for i in range(24)]
    expected = os.path.join(folder, 'expected')
    cli.succeed('merge', '-n', *paths, '-o', expected)
    for _ in range(int(os.environ.get('HEAPPROF_MERGE_TREES', '12'))):
        tree = merge_tree(rng, folder, paths)
        tap.equal(read(tree), read(expected), 'a tree')


tap.main()
