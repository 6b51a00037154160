#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Libraries are opened and closed. Their frames keep their names, and nothing crashes."""
import os
import shutil

from preload import LIB, PROGRAMS, environment, program, run, run_quietly
from strict_dump import Counts, dumps_in, last_dump
from tap import check, equal, main, test

UNWINDERS = ['libunwind', 'frame-pointer']
LETTERS = 'abcd'
N_PLACES = 6000
STARTS = {'main', 'storm_thread', 'open_and_close', 'iterate'}  # functions in which threads start


def start(folder, what, way='plugins', **variables):
    preload = {} if way == 'plugins' else {'preload': None}
    run_quietly([program(way), what, PROGRAMS], environment(folder, **preload, **variables))
    return last_dump(folder)


def check_storm(dump, n_blocks):
    """Checks the stacks of all that was allocated through plugins and in callbacks of the
    loader."""
    sums = [c for name, c in dump.by_leaf().items() if name.endswith('_inner')]
    equal(sum(c.alloc_objects for c in sums), n_blocks, 'blocks')
    equal(sum(c.inuse_objects for c in sums), 0, 'blocks in use')
    for _, names in dump.stacks():
        check(STARTS & set(names), f'a stack ends early: {names}')
        if names[0].endswith('_inner'):
            check('storm_thread' in names, f'a stack ends elsewhere: {names}')


@test(unwinder=UNWINDERS)
def test_frames_of_closed_libraries(folder, unwinder):
    dump = start(folder, 'one-after-another', HEAP_PROFILE_UNWINDER=unwinder)
    leaves = dump.by_leaf()
    for i, letter in enumerate(LETTERS):
        n = 3 * 10 * (i + 1)
        equal(leaves[f'plugin_{letter}_inner'], Counts(n, n * 100, n, n * 100), letter)
    for _, names in dump.stacks():
        if names[0].endswith('_inner'):
            equal(names[1:5], ['plugin_allocate', 'allocate_through', 'do_one_after_another',
                               'main'], f'callers of {names[0]}')


def check_one_of_all_places(dump, library, n_blocks):
    """Checks that the blocks of a library are one record, and that the library is one mapping,
    although it was loaded at many addresses."""
    records = [(c, names) for c, names in dump.stacks() if names[0] == f'{library}_inner']
    equal([c for c, _ in records],
          [Counts(n_blocks, n_blocks * 100, n_blocks, n_blocks * 100)], 'records')
    equal(records[0][1][1:4], ['plugin_allocate', 'allocate_through', 'open_at_places'],
          'callers')
    path = os.path.realpath(f'{PROGRAMS}/lib{library}.so')
    equal([m.path for m in dump.mappings].count(path), 1, f'lines of {path}')


@test(library=['plugin_a', 'plugin_anonymous'])
def test_library_at_many_places(folder, library):
    """A library can be opened at any number of addresses, also in a forked child, with and without
    a build ID."""
    run_quietly([program('plugins'), 'many-places', PROGRAMS, library, str(N_PLACES)],
                environment(folder))
    check_one_of_all_places(last_dump(folder), library, N_PLACES)
    check_one_of_all_places(last_dump(folder, r'p_\d+\.\d+\.heap'), library, N_PLACES + 10)


@test
def test_library_that_is_replaced(folder):
    """Opens two files without a build ID that have the same path one after the other. The dump
    distinguishes them: the path of the first ends with " (deleted)"."""
    for name in ('x.so', 'y.so'):
        shutil.copy(f'{PROGRAMS}/libplugin_anonymous.so', f'{folder}/{name}')
    run_quietly([program('plugins'), 'replaced'], environment(folder), cwd=folder)
    dump = last_dump(folder)
    found = {}
    for counts, stack in dump.records:
        path = dump.mapping_of(stack[0]).path
        found[path] = found.get(path, 0) + counts.alloc_objects
    equal(found.get(os.path.realpath(f'{folder}/x.so') + ' (deleted)'), 10, 'the old one')
    equal(found.get(os.path.realpath(f'{folder}/x.so')), 20, 'the new one')


@test(unwinder=UNWINDERS)
def test_closed_libraries_have_lines_of_their_own(folder, unwinder):
    dump = start(folder, 'one-after-another', HEAP_PROFILE_UNWINDER=unwinder)
    for letter in LETTERS:
        path = os.path.realpath(f'{PROGRAMS}/libplugin_{letter}.so')
        mappings = [m for m in dump.mappings if m.path == path]
        is_open = letter == LETTERS[-1]  # the dump then also has the kernel's line
        equal(len(mappings), 1 + is_open, f'lines of {path}')
        check(path in dump.build_ids, f'no build ID of {path}')


@test(unwinder=UNWINDERS)
def test_storm(folder, unwinder):
    dump = start(folder, 'storm', HEAP_PROFILE_UNWINDER=unwinder)
    check_storm(dump, 4 * 400 * 10)


@test(way=['plugins', 'plugins_linked', 'plugins_static'])
def test_exceptions_in_a_c_program(folder, way):
    start(folder, 'throw', way)


@test(library=[LIB, f'{PROGRAMS}/libplugin_profiled.so'])
def test_the_profiler_is_opened_and_closed(folder, library):
    for arguments in ([], [f'{folder}/q']):
        result = run([program('plugins'), 'profiler', library, *arguments],
                     environment(folder, preload=None, HEAPPROFILE=None))
        equal((result.returncode, result.stdout), (0, ''), f'with {arguments}')


def check_unseen(folder, how, **variables):
    """Checks that the blocks of the program are recorded, and those of the library are not. Returns
    the messages."""
    result = run([program('plugins'), how, PROGRAMS], environment(folder, **variables))
    equal(result.returncode, 0, 'status')
    leaves = last_dump(folder).by_leaf()
    equal(leaves['allocate_three'], Counts(3, 3000, 3, 3000), 'of the program')
    check('plugin_a_inner' not in leaves, 'of the library')
    return result.stderr


@test
def test_library_in_a_namespace_of_its_own(folder):
    """The message appears once, with the first dump after dlmopen()."""
    line = ('heapprof: dlmopen() has opened libraries with a C library of their own; '
            'their allocations are not recorded\n')
    equal(check_unseen(folder, 'namespace', HEAP_PROFILE_ALLOCATION_INTERVAL='1000'), line,
                'said')
    check(len(dumps_in(folder)) > 1, 'dumps')


@test
def test_library_that_prefers_its_own_names(folder):
    """There is no message, because the profiler cannot find out how a library was opened."""
    equal(check_unseen(folder, 'deepbind'), '', 'said')


if __name__ == '__main__':
    main()
