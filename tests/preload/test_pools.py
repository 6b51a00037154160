#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Objects in pools: heapprof_pool.h and the comment lines of dumps.

HEAPPROF_POOLS is the number of pools of the largest program."""
import collections
import math
import os

from outsiders import read, running, stop
from preload import ROOT, environment, program, run, run_quietly, unprofiled
from strict_dump import Counts, add, dumps_in, last_dump
from tap import check, equal, main, need, skip, test

N_POOLS = int(os.environ.get('HEAPPROF_POOLS', '20000'))
ZERO = Counts(0, 0, 0, 0)


def objects_of(dump):
    """Returns for each leaf function and path of a pool the counts of the objects."""
    sums = collections.defaultdict(lambda: ZERO)
    for c, stack, pool in dump.objects:
        key = dump.name(stack[0]), dump.pools[pool][1]
        sums[key] = add(sums[key], c)
    return dict(sums)


def blocks_of(dump):
    sums = collections.defaultdict(lambda: ZERO)
    for i, pool in dump.blocks.items():
        sums[dump.pools[pool]] = add(sums[dump.pools[pool]], dump.records[i][0])
    return dict(sums)


def profile(folder, *argv, **variables):
    run_quietly([program('pools'), *map(str, argv)], environment(folder, **variables))
    return last_dump(folder)


@test
def test_without_the_library(folder):
    for command in ('arenas', 'wrong', 'threads'):
        result = run([program('pools'), command], unprofiled.environment())
        equal((result.returncode, result.stderr), (0, ''), command)


@test
def test_objects_are_exact(folder):
    dump = profile(folder, 'arenas')
    equal(objects_of(dump), {
        ('make_nodes', 'Top/scene'): Counts(1000, 100000, 1000, 100000),
        ('make_nodes', 'Top/frame'): Counts(0, 0, 2000, 200000),
        ('make_text', 'Top/scene'): Counts(1, 1000, 2, 2000),
    }, 'objects')
    equal({kind for kind, _ in dump.pools.values()}, {'toy'}, 'kinds')


@test
def test_the_records_are_those_of_malloc(folder):
    dump = profile(folder, 'arenas')
    leaves = dump.by_leaf()
    equal(leaves['grow'], Counts(2, 2 * 65536, 6, 6 * 65536), 'chunks')
    equal(leaves['plain'], Counts(1, 5000, 1, 5000), 'plain')
    check('make_nodes' not in leaves and 'arena_alloc' not in leaves, leaves)
    equal(blocks_of(dump), {('toy', 'Top/scene'): Counts(2, 2 * 65536, 2, 2 * 65536),
                            ('toy', 'Top/frame'): Counts(0, 0, 4, 4 * 65536)}, 'blocks')


@test(late=[[], ['late', program('libpools_late.so')]])
def test_blocks_are_known_by_their_code(folder, late):
    """Also by code of a library that was opened at run time, whose frames are offsets."""
    dump = profile(folder, *late, 'block_code')
    equal(blocks_of(dump), {('coded', 'Top/coded'): Counts(1, 2000, 1, 2000),
                            ('coded', None): Counts(2, 5000, 2, 5000)}, 'blocks')
    equal(dump.objects, [], 'objects')


@test
def test_a_fork_child(folder):
    run_quietly([program('pools'), 'fork'], environment(folder))
    dumps = dumps_in(folder, r'p.*\.heap')
    equal(sorted([*objects_of(d).items()] for d in dumps),
          [[(('make_nodes', 'after'), Counts(20, 2000, 20, 2000))],
           [(('make_nodes', 'before'), Counts(10, 1000, 10, 1000))]], 'objects')


@test
def test_wrong_use(folder):
    dump = profile(folder, 'wrong')
    by_size = {c.alloc_bytes: (c, dump.pools[i]) for c, _, i in dump.objects}
    name = 'a\\nb\\x1b[31m\udcff/c\\\\'
    equal(by_size.pop(10), (Counts(0, 0, 1, 10), ('toy', name)), 'an object that was replaced')
    equal(by_size.pop(11), (Counts(1, 11, 1, 11), ('toy', name)), 'the one in its place')
    equal(by_size.pop(12)[1], ('toy', 'x' * 500), 'a long name')
    equal(by_size.pop(13)[1], ('l_i_e', '\\x00' * 500), 'a describe that lies')
    equal(by_size.pop(14)[1], ('_', None), 'a describe that is silent')
    equal(by_size.pop(15)[1], ('_', None), 'a class of an older header')
    equal(by_size.pop(100)[0].inuse_bytes, 100, 'an object that outlives its block')
    equal(sorted(by_size), [0], 'other sizes')
    equal(blocks_of(dump), {('toy', 'block'): Counts(0, 0, 1, 100)}, 'blocks')
    check(dump.number('samples_dropped') >= 2, 'addresses and sizes that there are not')


@test
def test_pools_beyond_number_take_bounded_memory(folder):
    """Names that have no room are counted under one."""
    dump = profile(folder, 'many', N_POOLS, HEAP_PROFILE_MEMORY_LIMIT='32M')
    check(dump.number('profiler_bytes') <= 36 << 20, dump.metadata)
    equal(sum(path == '(others)' for _, path in dump.pools.values()), 1, 'others')
    equal(len(dump.pools), 4096, 'names')
    total = sum(c.inuse_objects for c, _, _ in dump.objects)
    equal(total + dump.number('samples_dropped'), N_POOLS + 40, 'objects and dropped ones')
    equal(dump.number('samples_dropped') > 20, True, 'classes without room')


@test
def test_threads(folder):
    dump = profile(folder, 'threads')
    sums = objects_of(dump)
    equal(sums['churn', 'own'].inuse_objects, 0, 'own objects')
    equal(sums['churn', 'own'].alloc_objects, 4 * 20000, 'own objects')
    equal(sums['churn', 'shared'].inuse_objects, 0, 'shared objects')
    equal(sums['churn', 'shared'].alloc_objects, 4 * 20000, 'shared objects')
    equal(dump.number('samples_dropped'), 0, 'dropped')


def estimate(dump):
    """Returns the estimate of the bytes of objects in use, and its standard error."""
    total = variance = 0
    for c, _, _ in dump.objects:
        if c.inuse_objects:
            size = c.inuse_bytes / c.inuse_objects
            p = -math.expm1(-size / dump.interval)
            total += c.inuse_bytes / p
            variance += c.inuse_objects * (1 - p) * (size / p)**2
    return total, math.sqrt(variance)


@test(interval=['4096', 'auto'])
def test_sampled_objects_are_estimated(folder, interval):
    n = 200000
    dump = profile(folder, 'growth', n, exact=False, HEAP_PROFILE_SAMPLE_INTERVAL=interval)
    truth = sum(16 + i % 50 * 8 for i in range(0, n, 2))
    total, error = estimate(dump)
    check(dump.interval > 1 and len(dump.objects) > 10, f'R = {dump.interval}')
    check(abs(total - truth) < 5 * error, f'{total} +- {error}, and not {truth}')
    check(sum(c.alloc_objects for c, _, _ in dump.objects) < n / 4, 'hidden samples are shown')


def example():
    """Returns the program of heapprof_pool(3)."""
    with open(os.path.join(ROOT, 'profiler/control/heapprof_pool.3.in'), encoding='utf-8') as page:
        text = page.read().partition('.SH EXAMPLE')[2]
    return text.partition('.EX\n')[2].partition('.EE\n')[0]


@test
def test_the_example_of_the_man_page(folder):
    need('cc')
    check('\\' not in example(), 'roff would read a backslash')
    path = os.path.join(folder, 'example')
    with open(f'{path}.c', 'w', encoding='utf-8') as file:
        file.write(example())
    run_quietly(['cc', '-Wall', '-Wextra', '-Werror', '-pedantic', '-O1', '-o', path, f'{path}.c', '-I',
                 os.path.join(ROOT, 'profiler/control')], unprofiled.environment())
    run_quietly([path], unprofiled.environment())
    run_quietly([path], environment(folder))
    dump = last_dump(folder)
    equal(objects_of(dump), {('answer', 'server'): Counts(1000, 80000, 1000, 80000),
                             ('answer', 'server/request'): Counts(0, 0, 1000, 80000)}, 'objects')
    equal(len(blocks_of(dump)), 2, 'blocks')


@test(compiler=['cc -std=c99', 'c++ -std=c++11', 'clang++'])
def test_the_header_compiles(folder, compiler):
    name, *options = compiler.split()
    need(name)
    suffix = 'cc' if '++' in name else 'c'
    for part in 'ab':  # two parts of one program: they share a variable
        with open(f'{folder}/{part}.{suffix}', 'w', encoding='utf-8') as file:
            file.write('#include <heapprof_pool.h>\nvoid f(void *p);\n' +
                       {'a': 'void f(void *p) { heapprof_pool_free(p); }\n',
                        'b': 'int main(void) { f(0); return heapprof_pool_is_seen(); }\n'}[part])
    run_quietly([name, *options, '-Wall', '-Wextra', '-Werror', '-pedantic', '-Wconversion', '-o', f'{folder}/x',
                 f'{folder}/a.{suffix}', f'{folder}/b.{suffix}', '-I',
                 os.path.join(ROOT, 'profiler/control')], unprofiled.environment())
    run_quietly([f'{folder}/x'], unprofiled.environment())


@test
def test_memory_resources(folder):
    run_quietly([program('pools_pmr')], unprofiled.environment())
    run_quietly([program('pools_pmr')], environment(folder))
    dump, sums = last_dump(folder), collections.Counter()
    for c, _, pool in dump.objects:
        sums[dump.pools[pool][1], 'inuse'] += c.inuse_bytes
        sums[dump.pools[pool][1], 'alloc'] += c.alloc_bytes
    equal(sums['server/request', 'inuse'], 0, 'what requests hold')
    equal(sums['server/request', 'alloc'], 100 * (4000 + 501), 'what requests allocated')
    strings = 100 * 300
    check(strings < sums['server/cache', 'inuse'] < strings + 10000, f'{sums}')


@test
def test_pools_of_valgrind(folder):
    if not os.path.exists(program('pools_mempool')):
        skip("valgrind's headers are not installed")
    run_quietly([program('pools_mempool')], unprofiled.environment())
    run_quietly([program('pools_mempool')], environment(folder))
    objects = objects_of(last_dump(folder))
    equal(objects['take', None], Counts(98, 98000, 100, 100000), 'objects')
    equal(objects['main', None], Counts(1, 900, 2, 964), 'a changed one, and one of a destroyed pool')


@test
def test_talloc(folder):
    if not os.path.exists(program('pools_talloc')):
        skip('libtalloc-dev is not installed')
    run_quietly([program('pools_talloc')], unprofiled.environment())
    run_quietly([program('pools_talloc')], environment(folder))
    dump, sums = last_dump(folder), collections.defaultdict(lambda: ZERO)
    for c, stack, pool in dump.objects:
        path = dump.pools[pool][1]
        if c.alloc_bytes and 'talloc_new' not in path:
            key = dump.name(stack[0]), path
            sums[key] = add(sums[key], c)
    equal(dict(sums), {
        ('remember', 'server'): Counts(100, 2000, 100, 2000),
        ('answer', 'server/request'): Counts(0, 0, 300, 401000),
        ('answer', 'server/request/char'): Counts(0, 0, 100, 400),
    }, 'objects')
    equal(sum(c.inuse_objects for c, _, _ in dump.objects), 102, 'objects in use')
    equal({kind for kind, _ in blocks_of(dump)}, {'talloc'}, 'blocks')
    equal(sum(c.inuse_objects for c in blocks_of(dump).values()), 102, 'blocks in use')


@test
def test_from_outside(folder):
    with running(folder, 'arenas', 'wait', name='pools') as process:
        stop(process)
        dump = read(process.pid)
    equal(objects_of(dump)['make_nodes', 'Top/scene'].inuse_bytes, 100000, 'objects')
    equal(blocks_of(dump)['toy', 'Top/scene'].inuse_bytes, 2 * 65536, 'blocks')


main()
