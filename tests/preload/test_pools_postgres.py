#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The adaptor for PostgreSQL: memory contexts are pools, and the server need not be rebuilt."""
import collections
import math
import os
import shutil

from postgres import BIN, Cluster, library_for_all, own
from preload import ROOT, environment, run_quietly
from strict_dump import Counts, add, dumps_in
from tap import check, equal, main, need, skip, test

ADAPTOR = os.path.join(ROOT, 'profiler/adaptors/postgresql')
N_TOP, N_CACHE = 300, 500

LEAKS = """
#include <postgres.h>
#include <fmgr.h>
#include <utils/memutils.h>
PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(leak_top);
PG_FUNCTION_INFO_V1(leak_cache);

static __attribute__((noinline)) void remember_note(Size size)
{
	memset(palloc(size), 1, size);
}

static __attribute__((noinline)) void cache_entry(int n)
{
	*(volatile char *)MemoryContextAllocZero(CacheMemoryContext, 1000 + n % 90) = 1;
}

Datum leak_top(PG_FUNCTION_ARGS)
{
	MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
	remember_note(4000);
	MemoryContextSwitchTo(before);
	PG_RETURN_VOID();
}

Datum leak_cache(PG_FUNCTION_ARGS)
{
	cache_entry(PG_GETARG_INT32(0));
	PG_RETURN_VOID();
}
"""

FUNCTIONS = """
CREATE FUNCTION leak_top() RETURNS void LANGUAGE C AS '{folder}/leaks';
CREATE FUNCTION leak_cache(int) RETURNS void LANGUAGE C AS '{folder}/leaks';
CREATE FUNCTION inner_f(i int) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM leak_cache(i); END';
CREATE FUNCTION middle_f(i int) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM inner_f(i); END';
CREATE FUNCTION outer_f(i int) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM middle_f(i); END';
"""

LEAK = f"""
SELECT count(leak_top()) FROM generate_series(1, {N_TOP});
SELECT count(outer_f(g)) FROM generate_series(1, {N_CACHE}) g;
"""


def build(folder):
    """Builds the extension by PostgreSQL's own rules, and two functions that leak."""
    need('make', 'cc')
    config = f'{BIN}/pg_config'
    headers = run_quietly([config, '--includedir-server'], environment(folder, preload=None)).stdout.strip()
    if not os.path.exists(f'{headers}/postgres.h'):
        skip('the headers of the server are not installed')
    env = environment(folder, preload=None, HEAPPROFILE=None)
    shutil.copytree(ADAPTOR, f'{folder}/adaptor')
    run_quietly(['make', '-s', '-C', f'{folder}/adaptor', f'PG_CONFIG={config}', 'with_llvm=no',
                 f'PG_CPPFLAGS=-I{os.path.abspath(ROOT)}/profiler/control -Werror'], env)
    shutil.copy(f'{folder}/adaptor/heapprof_pg.so', folder)
    with open(f'{folder}/leaks.c', 'w', encoding='utf-8') as file:
        file.write(LEAKS)
    run_quietly(['cc', '-O2', '-g', '-shared', '-fPIC', '-I', headers, '-o', f'{folder}/leaks.so',
                 f'{folder}/leaks.c'], env)
    with open(f'{folder}/adaptor/heapprof_pg--1.0.sql', encoding='utf-8') as file:
        return FUNCTIONS.format(folder=folder) + file.read().replace(
            'MODULE_PATHNAME', f'{folder}/heapprof_pg')


def serve(folder, cluster, functions, interval):
    """Runs the server with the adaptor, lets a session leak, and returns the session's dump."""
    os.mkdir(f'{folder}/dumps')
    own(f'{folder}/dumps')
    cluster.start(dict(cluster.plain, LD_PRELOAD=library_for_all(folder),
                       HEAPPROFILE=f'{folder}/dumps/p', HEAP_PROFILE_SAMPLE_INTERVAL=interval,
                       HEAP_PROFILE_ALLOCATION_INTERVAL='0'),
                  '-c', f'shared_preload_libraries={folder}/heapprof_pg')
    cluster.query(functions)
    cluster.query(LEAK + "SELECT heapprof_dump('leaked')")
    return next(d for d in dumps_in(f'{folder}/dumps', r'p_\d+\.\d+\.heap')
                if d.metadata['reason'] == 'leaked')


def leaf(dump, stack):
    """Returns the name of the innermost function, without what the compiler adds to it."""
    return dump.name(stack[0]).partition('.')[0]


def objects_of(dump):
    sums = collections.defaultdict(lambda: Counts(0, 0, 0, 0))
    for c, stack, pool in dump.objects:
        key = leaf(dump, stack), dump.pools[pool][1]
        sums[key] = add(sums[key], c)
    return sums


@test
def test_two_leaks_are_exact(folder):
    own(folder)
    functions = build(folder)
    with Cluster(folder) as cluster:
        dump = serve(folder, cluster, functions, '1')
        equal(cluster.stop(), (0, []), 'exit status, and lines of the profiler')
    objects = objects_of(dump)
    top = objects['remember_note', 'TopMemoryContext']
    cache = objects['cache_entry', 'TopMemoryContext/CacheMemoryContext']
    size = sum(1000 + n % 90 for n in range(1, N_CACHE + 1))
    equal(top, Counts(N_TOP, N_TOP * 4000, N_TOP, N_TOP * 4000), 'palloc')
    equal(cache, Counts(N_CACHE, size, N_CACHE, size), 'MemoryContextAllocZero')
    # What malloc was asked for by contexts is known as theirs, and larger than the objects.
    blocks = sum(dump.records[i][0].inuse_bytes for i in dump.blocks)
    used = sum(c.inuse_bytes for c, _, _ in dump.objects)
    check(used < blocks < 3 * used, f'{blocks} bytes of blocks for {used} bytes of objects')
    names = {path for kind, path in dump.pools.values() if kind == 'postgres' and path}
    check('TopMemoryContext/TopPortalContext/PortalContext/ExecutorState' in names, names)


@test
def test_sampled_leaks_are_estimated(folder):
    own(folder)
    functions = build(folder)
    with Cluster(folder) as cluster:
        dump = serve(folder, cluster, functions, '16K')
        cluster.bench()
        equal(cluster.stop(), (0, []), 'exit status, and lines of the profiler')
        check('PANIC' not in cluster.log and 'terminated by signal' not in cluster.log, 'a crash')
    total = variance = 0
    for c, stack, _ in dump.objects:
        if c.inuse_objects and leaf(dump, stack) == 'remember_note':
            size = c.inuse_bytes / c.inuse_objects
            p = -math.expm1(-size / dump.interval)
            total += c.inuse_bytes / p
            variance += c.inuse_objects * (1 - p) * (size / p)**2
    check(abs(total - N_TOP * 4000) < 5 * math.sqrt(variance), f'{total} +- {math.sqrt(variance)}')


@test
def test_functions_of_the_extension(folder):
    own(folder)
    functions = build(folder)
    with Cluster(folder) as cluster:
        serve(folder, cluster, functions, '1')
        cluster.query(LEAK + "SELECT heapprof_reset(); SELECT count(leak_top()) FROM "
                      "generate_series(1, 7); SELECT heapprof_dump('afterwards')")
        refused = cluster.query("CREATE ROLE other; GRANT EXECUTE ON FUNCTION heapprof_dump TO other; SET ROLE "
                                "other; DO $$ BEGIN PERFORM heapprof_dump(); EXCEPTION WHEN "
                                "insufficient_privilege THEN SET application_name = 'refused'; END "
                                "$$; SHOW application_name")
        equal(refused.strip(), 'refused', 'a user without privileges')
        cluster.stop()
    dump = next(d for d in dumps_in(f'{folder}/dumps', r'p.*\.heap')
                if d.metadata['reason'] == 'afterwards')
    equal(objects_of(dump)['remember_note', 'TopMemoryContext'].alloc_objects, 7, 'after the reset')


main()
