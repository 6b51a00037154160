#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What dumps are called, and what a user hears of a typing error."""
import os
import shutil

from preload import case, check_equal, each, environment, main, program, run, run_quietly
from strict_dump import names_of_dumps

PROCESSES = program('processes')


# --- folders ---------------------------------------------------------------------------------------

@each('prefix', ['{}', '{}/', '{}/.', '{}/new/..', '.', './', '{}/../{base}'])
def test_folder_as_prefix(folder, prefix):
    os.mkdir(f'{folder}/new')
    prefix = prefix.format(folder, base=os.path.basename(folder))
    run_quietly([PROCESSES, 'leaf'], environment(folder, HEAPPROFILE=prefix), cwd=folder)
    check_equal(sorted(os.listdir(folder)), ['new', 'processes.0001.heap'], 'files')


@case
def test_folder_for_several_programs(folder):
    """Each under its name, also where that begins with a dot or has a percent sign."""
    os.mkdir(f'{folder}/d')
    for name in ('.hidden', '100%p', '..'):
        shutil.copy(PROCESSES, f'{folder}/{name}x')
        run_quietly([f'{folder}/{name}x', 'leaf'], environment(folder, HEAPPROFILE=f'{folder}/d'))
    check_equal(names_of_dumps(f'{folder}/d'),
                ['100%px.0001.heap', 'hiddenx.0001.heap', 'x.0001.heap'], 'files')


@case
def test_folder_that_is_not_there(folder):
    result = run([PROCESSES, 'leaf'], environment(folder, HEAPPROFILE=f'{folder}/none/'))
    check_equal((result.status, os.listdir(folder)), (0, []), 'result')
    check_equal(result.stderr, f"heapprof: can't write {folder}/none/processes.0001.heap: "
                'No such file or directory\n', 'line')


@case
def test_folder_in_a_call(folder):
    os.mkdir(f'{folder}/p')
    env = environment(folder, preload=None, HEAPPROFILE=None)
    run_quietly([program('api'), 'sessions', f'{folder}/p'], env)
    check_equal(names_of_dumps(f'{folder}/p'), [f'api.000{i}.heap' for i in (1, 2, 3)], 'files')


# --- typing errors ---------------------------------------------------------------------------------

TYPO = ('heapprof: HEAP_PROFILE_SAMPEL_INTERVAL: no such variable; did you mean '
        'HEAP_PROFILE_SAMPLE_INTERVAL?\n')


@each('kind', ['leaf', 'fork', 'exec', 'vfork', 'exec-in-place'])
def test_typing_error_is_named_once(folder, kind):
    """By the first process, whatever comes of it."""
    env = environment(folder, HEAP_PROFILE_SAMPEL_INTERVAL='secret')
    result = run([PROCESSES, kind], env)
    check_equal((result.status, result.stdout, result.stderr), (0, '', TYPO), 'result')


@case
def test_nobody_hears_of_a_typing_error_without_a_prefix(folder):
    env = environment(folder, HEAP_PROFILE_SAMPEL_INTERVAL='1', HEAPPROFILE=None)
    run_quietly([PROCESSES, 'leaf'], env)


@case
def test_names_of_others_are_not_named(folder):
    """Of gperftools, of tcmalloc, of scripts."""
    run_quietly([PROCESSES, 'leaf'],
                environment(folder, HEAP_PROFILE_MMAP_LOG='1', HEAPCHECK='', HEAPPROF_BUILD='build',
                            HEAPPROF_SKIP_SETUP='1', TCMALLOC_SAMPLE_PARAMETER='1'))


main()
