#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs in a sandbox: filters of system calls, another root, no /proc, fewer privileges."""
import os

from faults import (NOBODY, VICTIM, check_told, for_all_users, in_namespace, needs_namespaces,
                    profiled)
from preload import LIB
from strict_dump import dumps_in
from tap import check, equal, main, skip, test


@test(interval=['1', '4K'])
def test_filter_refuses_open(folder, interval):
    outcome = profiled([VICTIM, 'forbid-open'], folder, HEAP_PROFILE_SAMPLE_INTERVAL=interval)
    check_told(outcome, 'Operation not permitted')
    equal(len(dumps_in(outcome.folder)), 1, 'dumps, from before the filter')


@test(interval=['1', '4K'])
def test_filter_refuses_all(folder, interval):
    """Not even fstat works. The library therefore cannot check standard error and prints no
    line."""
    outcome = profiled([VICTIM, 'forbid-all'], folder, HEAP_PROFILE_SAMPLE_INTERVAL=interval)
    check_told(outcome)
    equal(os.listdir(outcome.folder), [], 'files')


@test
def test_filter_kills_at_open(folder):
    """Recording opens no file. A dump opens one, for which the program's filter would kill the
    program, because the library cannot know about the filter. So no dump is due here."""
    outcome = profiled([VICTIM, 'deadly-open'], folder, HEAP_PROFILE_EXIT_DUMP=0)
    check_told(outcome, 'HEAP_PROFILE_EXIT_DUMP=0')
    equal(os.listdir(outcome.folder), [], 'files')


@test
def test_chroot(folder):
    """The library looks for the prefix below the new root, where there is no such folder."""
    wrap = in_namespace('mkdir jail')
    needs_namespaces()
    outcome = profiled([VICTIM, 'chroot', 'jail'], folder, wrap=wrap)
    check_told(outcome, 'No such file or directory')
    equal(len(dumps_in(outcome.folder)), 1, 'dumps from before')
    equal(os.listdir(f'{outcome.folder}/jail'), [], 'files in the new root')


@test
def test_chroot_with_the_folder_in_it(folder):
    """There is no /proc in the new root, so the names in dumps come from what was known at the
    start."""
    needs_namespaces()
    outcome = profiled([VICTIM, 'chroot', 'jail'], folder, wrap=in_namespace('mkdir -p "jail$PWD"'))
    check_told(outcome)
    inside = f'{outcome.folder}/jail{outcome.folder}'
    dumps = dumps_in(outcome.folder) + dumps_in(inside)
    equal([d.metadata['reason'] for d in dumps], ['victim', 'victim', 'victim', 'exit'],
          'dumps')
    check('make_block' in dumps[-1].by_leaf(), f'{dumps[-1].by_leaf()}')


@test(interval=['1', '4K'])
def test_no_proc(folder, interval):
    needs_namespaces()
    outcome = profiled([VICTIM, 'work'], folder, wrap=in_namespace('mount -t tmpfs none /proc'),
                       HEAP_PROFILE_SAMPLE_INTERVAL=interval)
    check_told(outcome)
    dumps = dumps_in(outcome.folder)
    equal(len(dumps), 3, 'dumps')
    for key in ('rss_bytes', 'anonymous_bytes'):
        equal(dumps[-1].metadata[key], '0', 'what is not known')
    check(dumps[-1].records, 'records')


@test
def test_privileges_dropped(folder):
    """The program calls setuid() after its start, and its folder belongs to root."""
    if os.geteuid() != 0:
        skip('needs root')
    library, victim = for_all_users(folder, LIB, VICTIM)
    os.mkdir(f'{folder}/d')
    os.chmod(f'{folder}/d', 0o755)
    outcome = profiled([victim, 'drop-privileges', NOBODY], folder, preload=library,
                       HEAPPROFILE=f'{folder}/d/p')
    check_told(outcome, 'Permission denied')
    equal([d.metadata['reason'] for d in dumps_in(f'{folder}/d')], ['victim'], 'dumps')


@test(mask=['0', '022', '077', '0777'])
def test_modes(folder, mask):
    outcome = profiled([VICTIM, 'umask', mask], folder)
    check_told(outcome)
    mode = os.stat(f'{outcome.folder}/p.0001.heap').st_mode & 0o7777
    equal(oct(mode), oct(0o600 & ~int(mask, 8)), 'mode')


main()
