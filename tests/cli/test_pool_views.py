#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Dumps with pools: two views of one heap, which have the same sum."""
import collections
import json
import math
import os
import random

import cli
import runs
import tap

GOOD = cli.data('good-pools.heap')
SLACK = '(pool slack)'


def exact(pools=('0 toy Top/a',), **records):
    """Returns the text of an exact dump. `records` are lists of (bytes, function, ID of a pool)."""
    lines, sums = [], [0, 0, 0, 0]
    for kind in ('malloc', 'block', 'object'):
        for size, function, pool in records.get(kind, ()):
            if kind != 'object':
                sums = [a + b for a, b in zip(sums, (1, size, 1, size))]
            lines.append(f'{"# object: " * (kind == "object")}1: {size} [1: {size}] @ '
                         f'0x{runs.BASE + 256 * function:x}')
            lines += {'malloc': [], 'block': [f'# block: {pool}'], 'object': [f'# pool: {pool}']}[kind]
    return runs.whole_dump(lines, sums, 1, 2, '7', extra=[f'pools: {p}' for p in pools])


def flat(path, view):
    """Returns the flat value of each stack in a view, by the names of functions or addresses."""
    lines = cli.succeed('convert', '-n', '-q', '-t', 'folded', '-s', view, path, '-o', '-').splitlines()
    sums = collections.Counter()
    for line in lines:
        stack, _, value = line.rpartition(' ')
        sums[stack] += int(value)
    return sums


def samples(path):
    return json.loads(cli.succeed('convert', '-n', '-q', '-t', 'json', path, '-o', '-'))


@tap.test
def both_views_have_the_same_sum(folder):
    path = runs.write(os.path.join(folder, 'x'), exact(
        malloc=[(100, 1, None)], block=[(8192, 2, 0), (8192, 2, 0)],
        object=[(1000, 3, 0), (500, 4, 0)]))
    objects, blocks = flat(path, 'inuse_space'), flat(path, 'malloc_inuse_space')
    tap.equal(sum(objects.values()), sum(blocks.values()))
    tap.equal(sorted(objects.values()), [100, 500, 1000, 2 * 8192 - 1500])
    tap.equal(sorted(blocks.values()), [100, 2 * 8192])
    tap.equal(objects[SLACK], 2 * 8192 - 1500)
    tap.is_in(f'{SLACK}', cli.succeed('top', '-n', '-q', path))
    for view, n in (('alloc_objects', 3), ('malloc_alloc_objects', 3), ('inuse_objects', 3)):
        tap.equal(sum(flat(path, view).values()), n)


def rows(command, *args):
    """Returns the flat and cumulative values of the rows of a report, by their names."""
    lines = cli.succeed(command, '-n', '-q', *args).splitlines()
    return {line.split('  ')[-1].strip(): line for line in lines[2:]}


NESTED = ['0 toy Top', '1 toy Top/a', '2 toy Top/a/b', '3 toy Other']


@tap.test
def rows_are_pools(folder):
    """A pool holds what is in it, and with --cum also what is in the pools that it contains."""
    path = runs.write(os.path.join(folder, 'x'), exact(
        NESTED, malloc=[(7, 1, None)], block=[(8192, 2, 0)],
        object=[(1000, 3, 0), (300, 3, 1), (20, 3, 2), (4, 4, 2)]))
    found = rows('top', '--by', 'pool', path)
    tap.equal(sorted(found), sorted(['Top', 'Top/a', 'Top/a/b', '(no pool)', SLACK]))
    for name, flat, cum in (('Top', '1000 B', '1.29 KiB'), ('Top/a', '300 B', '324 B'),
                            ('Top/a/b', '24 B', '24 B'), ('(no pool)', '7 B', '7 B')):
        tap.is_in(f' {flat} ', found[name])
        tap.is_in(f' {cum} ', found[name])
    blocks = rows('top', '--by', 'pool', '-s', 'malloc_inuse_space', path)
    tap.equal(sorted(blocks), ['(no pool)', 'Top'])


@tap.test
def rows_are_functions_in_a_pool(folder):
    path = runs.write(os.path.join(folder, 'x'), exact(
        NESTED, malloc=[(7, 3, None)], object=[(1000, 3, 0), (20, 3, 2), (4, 4, 2)], block=[(8192, 2, 0)]))
    found = rows('top', '--by', 'pool-function', path)
    tap.equal(sorted(found), sorted(['app+0x12ff [Top]', 'app+0x12ff [b]', 'app+0x13ff [b]', 'app+0x12ff', SLACK]))
    tap.equal(sorted(rows('top', '--tag', 'pool=^b$', path)), ['app+0x12ff', 'app+0x13ff'])
    tap.equal(sorted(rows('top', '--tag', 'pool=^b$', '--tag', 'bytes=^4$', path)), ['app+0x13ff'])
    tap.equal(sorted(rows('top', '--tag', 'memory=slack', path)), [SLACK])
    tap.is_in('and matches --tag', cli.succeed('top', '-n', '-q', '--tag', 'pool=^c$', path))


@tap.test
def folded_stacks_end_in_a_pool(folder):
    path = runs.write(os.path.join(folder, 'x'), exact(
        NESTED, malloc=[(7, 3, None)], block=[(8192, 2, 3)], object=[(1000, 3, 0), (20, 3, 2)]))
    tap.equal(flat(path, 'inuse_space'), {'app+0x12ff': 7, 'app+0x12ff [Top]': 1000, 'app+0x12ff [b]': 20,
                                          SLACK: 8192 - 1020})
    tap.equal(flat(path, 'malloc_inuse_space'), {'app+0x12ff': 7, 'app+0x11ff [Other]': 8192})


@tap.test
def bad_tags(folder):
    for tag, message in (('pool', "invalid tag 'pool'; expected KEY=REGEX"), ('=x', "invalid tag '=x'"),
                         ('pool=(', "--tag: '('")):
        done = cli.pprofconv('top', '--tag', tag, GOOD)
        tap.equal((done.returncode, done.stdout), (2, ''))
        tap.is_in(message, done.stderr)
    done = cli.pprofconv('top', '--by', 'colour', GOOD)
    tap.equal(done.returncode, 2)
    tap.is_in('pool or pool-function', done.stderr)


@tap.test
def diffs_gates_and_trends_of_pools(folder):
    """The function grows in one pool and shrinks in another: only a gate of pools can see it."""
    paths = [runs.write(os.path.join(folder, str(i)), exact(
        NESTED, block=[(1 << 20, 2, 0)], object=[(1000, 3, 1)] * 10 * i + [(1000, 3, 3)] * 10 * (10 - i)))
             for i in range(1, 9)]
    diff = [paths[0], paths[-1], '-n', '-q']
    gate = ['--max-growth-per-function', 'inuse_space=10K']
    tap.equal(cli.pprofconv('diff', *diff, *gate).returncode, 0)
    for by, name in (('pool', 'Top/a'), ('pool-function', 'app+0x12ff [a]')):
        report = json.loads(cli.pprofconv('diff', *diff, *gate, '-F', 'json', '--by', by).stdout)
        change = {row['name']: row['flat']['difference'] for row in report['rows']}
        tap.equal(change[name], 70000)
        failed = cli.pprofconv('diff', *diff, *gate, '--by', by)
        tap.equal(failed.returncode, 1)
        tap.is_in(f'gate failed: inuse_space of {name}: ', failed.stderr)
        passed = cli.succeed('diff', *diff, '--by', by, '-G', 'inuse_space=1M')
        tap.is_in(f'gate passed: inuse_space=1M per {by}', passed)
    tap.equal(cli.succeed('diff', *diff, '-F', 'folded', '--by', 'pool', '--tag', 'pool=a'),
              'Top;Top/a 10000 80000\n')
    tap.is_in('+68.36 KiB', rows('diff', *diff, '--tag', 'pool=^a$')['app+0x12ff'])
    trend = cli.pprofconv('trend', '-n', '-q', '--by', 'pool', '--max-slope', 'inuse_space=1', *paths)
    tap.equal(trend.returncode, 1, trend.stdout + trend.stderr)
    tap.is_in('Top/a', trend.stderr)
    tap.is_in('app+0x12ff', cli.succeed('trend', '-n', '-q', '--tag', 'pool=^a$', *paths))


@tap.test
def what_two_dumps_of_a_run_share(folder):
    """All objects of a function in one pool came after the base: their growth has the error of a pool
    that was empty, though in another pool the same stack has objects that stay."""
    old, lines = '60: 6000 [60: 6000]', []
    for objects in ([old, None], [old, old]):
        dump = []
        for pool, counts in enumerate(objects):
            dump += [f'# object: {counts} @ 0x{runs.BASE:x}', f'# pool: {pool}'] if counts else []
        lines.append(dump)
    paths = [runs.write(os.path.join(folder, str(i)), runs.whole_dump(
        dump, [0] * 4, 4096, 2, '7', extra=['pools: 0 toy a', 'pools: 1 toy b'])) for i, dump in enumerate(lines)]
    report = json.loads(cli.pprofconv('diff', '-n', '-q', '-F', 'json', '--by', 'pool', *paths).stdout)
    change = {row['name']: row['flat'] for row in report['rows']}
    tap.check(change['a']['interval'][1] < 3 * 4096, change['a'])  # a block may have been missed
    low, high = change['b']['interval']
    error = 1.96 * change['b']['new'] / math.sqrt(60)
    tap.check(0.8 * error < (high - low) / 2 < 1.4 * error, change['b'])


@tap.test
def a_negative_slack(folder):
    """pprof shows it; flame graphs can't, and a note says so."""
    path = runs.write(os.path.join(folder, 'x'), exact(block=[(8192, 2, 0)], object=[(10000, 3, 0)]))
    done = cli.pprofconv('convert', '-n', '-t', 'folded', path, '-o', '-')
    tap.equal(done.stdout.splitlines(), ['app+0x12ff [a] 10000'])
    tap.is_in("hold 1.77 KiB more than their blocks: some blocks were not reported, or are "
                 "older than the recording; so '(pool slack)' is negative",
              done.stderr)
    tap.is_in('-1808', json.dumps(samples(path)))


@tap.test
def labels_say_what_a_sample_is(folder):
    out = os.path.join(folder, 'x.pb')
    cli.succeed('convert', '-n', '-q', GOOD, '-o', out)
    text = json.dumps(samples(out))
    for label in ('pool object', 'pool block', 'pool slack', 'malloc', 'CacheMemoryContext/rel info',
                  '"rel info"', '(unnamed)', 'malloc_inuse_space'):
        tap.is_in(label, text)


@tap.test
def other_readers_see_malloc(folder):
    """A reader that skips comments reads a profile of malloc, whose counts add up."""
    path = os.path.join(folder, 'x')
    with open(GOOD, encoding='utf-8') as file:
        text = file.read()
    runs.write(path, ''.join(line for line in text.splitlines(True) if not line.startswith('#') or
                             line.startswith(('# end', '# heapprof', '# interval_mode', '# sample_i',
                                              '# level', '# buildid'))))
    pools = collections.Counter()
    for stack, value in flat(GOOD, 'malloc_inuse_space').items():
        pools[stack.partition(' [')[0]] += value
    tap.equal(flat(path, 'inuse_space'), pools)
    tap.need('go')
    runs.write(path, exact(malloc=[(100, 1, None)], block=[(8192, 2, 0)], object=[(1000, 3, 0)]))
    tap.is_in('% of 8292B total', cli.go_pprof('-top', '-sample_index=inuse_space', '-unit=bytes', path))


SIZES = (40, 300, 2000)
CHUNK = 8192
INTERVAL = 64 << 10


def sampled(rng, n_objects, n_chunks):
    """Returns the text of a sampled dump of a pool with n_objects of each size."""
    lines, sums = [], [0, 0, 0, 0]
    for i, size in enumerate(SIZES):
        n = runs.binomial(rng, n_objects, runs.chance(size, INTERVAL))
        lines += [f'# object: {n}: {n * size} [{n}: {n * size}] @ 0x{runs.BASE + 256 * i:x}',
                  '# pool: 0'] if n else []
    n = runs.binomial(rng, n_chunks, runs.chance(CHUNK, INTERVAL))
    if n:
        lines += [f'{n}: {n * CHUNK} [{n}: {n * CHUNK}] @ 0x{runs.BASE + 4096:x}', '# block: 0']
        sums = [n, n * CHUNK, n, n * CHUNK]
    return runs.whole_dump(lines, sums, INTERVAL, 2, str(rng.random()), extra=['pools: 0 toy a'])


@tap.test
def slack_has_the_error_of_both(folder):
    """In many sampled runs the intervals of a diff against an empty base hold as often as they
    say, and the slack may be negative."""
    rng, n_objects = random.Random(3), 3000
    used = n_objects * sum(SIZES)
    n_chunks = math.ceil(used * 1.02 / CHUNK)
    truth = n_chunks * CHUNK - used
    empty = runs.write(os.path.join(folder, 'empty'),
                       runs.whole_dump([], [0] * 4, INTERVAL, 2, '0', extra=['pools: 0 toy a']))
    n_runs, n_held, n_negative, values = 150, 0, 0, []
    for i in range(n_runs):
        path = runs.write(os.path.join(folder, str(i)), sampled(rng, n_objects, n_chunks))
        report = json.loads(cli.pprofconv('diff', '-n', '-q', '-F', 'json', '--top=0', empty, path).stdout)
        row = next(r for r in report['rows'] if r['name'] == SLACK)
        low, high = row['flat']['interval']  # of the difference from nothing
        n_held += low <= truth <= high
        n_negative += row['flat']['new'] < 0
        values.append(row['flat']['new'])
    mean = sum(values) / n_runs
    error = math.sqrt(sum((v - mean)**2 for v in values) / (n_runs - 1) / n_runs)
    assert abs(mean - truth) < 4 * error, (mean, truth, error)
    assert n_held >= 0.95 * n_runs - 4 * math.sqrt(n_runs * 0.05 * 0.95), n_held
    assert n_held < n_runs, 'the intervals are too wide'
    assert n_negative > 10, n_negative


tap.main()
