#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same exact dumps over every allocator, preloaded behind the library or linked."""
import ctypes.util
import os
import subprocess

from preload import (LIB, Skip, case, check, check_equal, each, environment, last_dump, main,
                     program, run_quietly)

ALLOCATORS = ['jemalloc', 'tcmalloc_minimal', 'mimalloc']


# What these do not have, or do their own way with no profiler as well.
LIMITS = {'jemalloc': {'ENTRIES_NO_PVALLOC': '1'}, 'mimalloc': {'ENTRIES_NO_BAD_ALLOC': '1'}}


def path_of(allocator):
    name = ctypes.util.find_library(allocator)
    if not name:
        raise Skip(f'{allocator} is not installed')
    return name


def check_dump(folder, text):
    dump = last_dump(folder)
    leaves = dump.by_leaf()
    check_equal(dump.number('samples_dropped'), 0, 'samples_dropped')
    for line in text.splitlines():
        name, *numbers = line.split()
        check_equal(tuple(leaves[name]), tuple(map(int, numbers)), name)
    return len(text.splitlines())


@each('allocator', ALLOCATORS)
def test_preloaded_behind(folder, allocator):
    for name in ('entries', 'entries_cxx'):
        sub = f'{folder}/{name}'
        os.mkdir(sub)
        out = run_quietly([program(name), '8'],
                          environment(sub, preload=f'{LIB}:{path_of(allocator)}',
                                      **LIMITS.get(allocator, {})))
        check(check_dump(sub, out.stdout) > 6, 'lines')


@each('allocator', ALLOCATORS)
def test_linked(folder, allocator):
    """The program itself needs the allocator."""
    for name in ('entries', 'entries_cxx'):
        binary = program(f'{name}_{allocator}')
        if not os.path.exists(binary):
            raise Skip(f'no {allocator} to link with')
        sub = f'{folder}/{name}'
        os.mkdir(sub)
        out = run_quietly([binary, '8'], environment(sub, **LIMITS.get(allocator, {})))
        check(check_dump(sub, out.stdout) > 6, 'lines')


@each('allocator', ALLOCATORS)
def test_sampled(folder, allocator):
    run_quietly([program('sampled'), '2'],
                environment(folder, exact=False, preload=f'{LIB}:{path_of(allocator)}',
                            HEAP_PROFILE_SAMPLE_INTERVAL='64K'))
    check(last_dump(folder).total.alloc_objects > 1000, 'samples')


@each('allocator', ['glibc', *ALLOCATORS])
def test_jemallocs_own_interface(folder, allocator):
    """It is there where jemalloc is, and only there."""
    preload = LIB if allocator == 'glibc' else f'{LIB}:{path_of(allocator)}'
    env = environment(folder, preload=preload)
    out = run_quietly([program('jemalloc'), '4'], env)
    check_equal(check_dump(folder, out.stdout), 3 if allocator == 'jemalloc' else 0, 'lines')


@case
def test_archive_in_a_program(folder):
    for name in ('entries_static', 'entries_cxx_static'):
        sub = f'{folder}/{name}'
        os.mkdir(sub)
        out = run_quietly([program(name), '8'], environment(sub, preload=None))
        check(check_dump(sub, out.stdout) > 6, 'lines')


@case
def test_archive_needs_only_malloc(folder):
    """A program that names none of our functions gets them by -u malloc."""
    out = subprocess.run(['nm', program('entries_static')], capture_output=True, text=True).stdout
    check(' T malloc\n' in out or ' t malloc\n' in out, 'malloc is linked in')


main()
