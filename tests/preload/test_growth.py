#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The profiler leaves large blocks where the allocator has put them. Growing a block copies nothing
that would not be copied without the profiler, and cleared memory that nobody touches stays
untouched. Both are measured in pages. Some allocators copy or clear by themselves; over these the
sizes are smaller, unless HEAPPROF_TEST_LARGE is set."""
import os

from preload import LIB, PATIENCE, environment, find_allocator, program, run_quietly
from strict_dump import last_dump
from tap import check, equal, main, test

LARGE = bool(os.environ.get('HEAPPROF_TEST_LARGE'))
GIB = 1024  # in MiB
SMALLER = {('realloc', 'jemalloc'): 64, ('realloc', 'tcmalloc_minimal'): 64,
           ('realloc', 'mimalloc'): 32, ('calloc', 'tcmalloc_minimal'): 32,
           ('calloc', 'mimalloc'): 32}
OWN_PAGES = 1024  # 4 MiB for the profiler: tables, filter, scratch stacks
# mimalloc returns pages to the system after some time; the count of pages would depend on speed.
NO_CLOCK = {'MIMALLOC_ALLOW_DECOMMIT': '0'}


def pages(folder, preload, *arguments, **variables):
    env = environment(folder, preload=preload, exact=False, HEAP_PROFILE_ALLOCATION_INTERVAL='0',
                      HEAP_PROFILE_INUSE_INTERVAL='0', **NO_CLOCK, **variables)
    out = run_quietly([program('growth'), *arguments], env, patience=600 if LARGE else PATIENCE)
    return int(out.stdout)


@test(case=[(call, allocator) for call in ('realloc', 'calloc')
            for allocator in ('glibc', 'jemalloc', 'tcmalloc_minimal', 'mimalloc')])
def test_pages(folder, case):
    call, allocator = case
    size = GIB if LARGE else SMALLER.get(case, GIB)
    behind = '' if allocator == 'glibc' else find_allocator(allocator)
    bare = pages(folder, behind, call, str(size))
    equal(os.listdir(folder), [], 'files of the program alone')
    for interval in ('512K', '1'):
        got = pages(folder, f'{LIB}:{behind}', call, str(size),
                    HEAP_PROFILE_SAMPLE_INTERVAL=interval)
        check(got <= bare * 1.01 + OWN_PAGES, f'{got} pages at {interval}, {bare} alone')
    check(last_dump(folder).total.alloc_objects >= 8, 'what was recorded')


main()
