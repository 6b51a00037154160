#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""If dumps cannot be written, the program goes on, the failure is reported once, and the files on
the disk are whole."""
import os

from faults import (NOBODY, VICTIM, WAYS, check_told, check_unharmed, for_all_users, for_each_call,
                    in_namespace, inject, needs_namespaces, profiled)
from preload import LIB
from strict_dump import dumps_in, names_of_dumps
from tap import check, equal, main, test

SMALL_DISK = 'mkdir d; mount -t tmpfs -o size=256k none d; chmod 777 d'
FILL = 'head -c 1M /dev/zero >d/ballast 2>/dev/null || :'
KEEP = 'cp -r d out'
MAKE_FOLDER = ['sh', '-c', 'mkdir d && exec "$@"', 'sh']


@test(interval=['1', '512K'])
def test_disk_full_for_a_while(folder, interval):
    needs_namespaces()
    outcome = profiled([VICTIM, 'make-room', 'd/ballast'], folder,
                       wrap=in_namespace(f'{SMALL_DISK}; {FILL}', KEEP),
                       HEAPPROFILE='d/p', HEAP_PROFILE_SAMPLE_INTERVAL=interval)
    check_told(outcome, 'No space left on device')
    dumps = dumps_in(f'{outcome.folder}/out')
    equal([os.path.basename(d.path) for d in dumps], ['p.0001.heap', 'p.0002.heap'],
          'dumps after there was room')
    equal([d.metadata['reason'] for d in dumps], ['victim', 'exit'], 'reasons')


@test
def test_disk_full(folder):
    needs_namespaces()
    outcome = profiled([VICTIM, 'work'], folder,
                       wrap=in_namespace(f'{SMALL_DISK}; {FILL}', KEEP), HEAPPROFILE='d/p')
    check_told(outcome, 'No space left on device')
    equal(os.listdir(f'{outcome.folder}/out'), ['ballast'], 'files')


@test
def test_read_only_root(folder):
    needs_namespaces()
    read_only = ('mkdir d; mount --bind d d; for m in d /; do mount -o remount,bind,ro $m; done; '
                 '! touch d/x 2>/dev/null')
    outcome = profiled([VICTIM, 'work'], folder, wrap=in_namespace(read_only), HEAPPROFILE='d/p')
    check_told(outcome, 'Read-only file system')
    equal(os.listdir(f'{outcome.folder}/d'), [], 'files')


@test
def test_folder_of_another_user(folder):
    """If root runs the test, the program gives up root before its start."""
    wrap = ()
    library, victim = LIB, VICTIM
    if os.geteuid() == 0:
        library, victim = for_all_users(folder, LIB, VICTIM)
        wrap = ['setpriv', '--reuid', NOBODY, '--clear-groups']
    os.mkdir(f'{folder}/d')
    os.chmod(f'{folder}/d', 0o555)
    outcome = profiled([victim, 'work'], folder, wrap=wrap, preload=library,
                       HEAPPROFILE=f'{folder}/d/p')
    check_told(outcome, 'Permission denied')
    equal(os.listdir(f'{folder}/d'), [], 'files')


@test
def test_folder_removed_meanwhile(folder):
    outcome = profiled([VICTIM, 'lose-folder', 'd'], folder, wrap=MAKE_FOLDER, HEAPPROFILE='d/p')
    check_told(outcome, 'No such file or directory')
    dumps = dumps_in(f'{outcome.folder}/d')
    equal([d.metadata['reason'] for d in dumps], ['victim', 'exit'],
          'dumps after the folder was there again')


@test(way=WAYS)
def test_folder_removed_in_the_middle_of_a_dump(folder, way):
    """Removes the folder at each system call that a dump makes."""
    for done in for_each_call(folder, 'openat,read,write,close,renameat2,linkat,link',
                              'run=rm -rf d', [VICTIM, 'work-alone'], wrap=MAKE_FOLDER,
                              refused=WAYS[way], HEAPPROFILE='d/p'):
        check_unharmed(done)
        check(len(done.result.stderr.splitlines()) <= 1, done.result.stderr)
        check(not os.path.exists(f'{done.folder}/d'), 'the folder is gone')


@test
def test_own_size_signal(folder):
    """A program that handles SIGXFSZ gets the signals of its own writes, and none because of the
    library."""
    outcome = profiled([VICTIM, 'own-size-signal'], folder)
    check_told(outcome, 'File too large')
    equal(os.listdir(outcome.folder), [], 'files')


@test(calls=['openat', 'write', 'renameat2,linkat'])
def test_disk_that_hangs(folder, calls):
    """The dump of one thread never ends, as on a network file system that is gone. All other
    threads go on, and at the end the program stops waiting for the dump."""
    n_before = 0
    if calls == 'openat':
        n_before = inject(folder, calls, 0, 'none', [VICTIM, 'umask', '0'],
                          HEAP_PROFILE_EXIT_DUMP=0).n_seen
    done = inject(folder, calls, n_before + 1, 'hold', [VICTIM, 'hang'],
                  HEAP_PROFILE_ALLOCATION_INTERVAL='50K')
    check(done.name in calls, f'no such call: {done}')
    check_unharmed(done, output='')
    equal(done.result.stderr.count('heapprof: '), 1, 'lines')
    check('another dump has not finished' in done.result.stderr, done.result.stderr)
    equal(names_of_dumps(done.folder), [], 'dumps')


def count_reads_of_folder(folder, *argv, **variables):
    """Returns how often the library reads a part of a folder."""
    done = inject(folder, 'getdents64', 0, 'none', argv, HEAPPROFILE=f'{folder}/d/p', **variables)
    equal((done.result.returncode, done.result.stdout), (0, ''), f'result ({done.result.stderr})')
    os.rmdir(done.folder)
    return done.n_seen


@test
def test_folder_of_many_dumps(folder):
    """If every process read the folder, which has dumps of all earlier ones, the total time would
    grow with the square of the number of processes. So a process does not read it if it writes no
    dump, or if its dumps have its process ID in their names."""
    processes = f'{os.environ["HEAPPROF_PRELOAD_PROGRAMS"]}/processes'
    os.mkdir(f'{folder}/d')
    for number in range(1, 2001):
        os.close(os.open(f'{folder}/d/p_1.{number:04}.heap', os.O_CREAT))
    n = count_reads_of_folder(folder, processes, 'leaf', HEAP_PROFILE_EXIT_DUMP='0')
    equal(n, 0, 'reads without a dump')
    n = count_reads_of_folder(folder, processes, 'fork', HEAP_PROFILE_EXIT_DUMP='0')
    equal(n, 0, 'reads without a dump, and of a child')
    n = count_reads_of_folder(folder, processes, 'fork', HEAPPROF_OWNER='1:1')
    equal(n, 0, 'reads of processes under another')
    n_of_owner = count_reads_of_folder(folder, processes, 'leaf')
    check(n_of_owner > 1, 'the first process reads it')
    n = count_reads_of_folder(folder, processes, 'fork')
    equal(n, n_of_owner, 'reads of a process and its child')
    n = count_reads_of_folder(folder, processes, 'leaf', HEAP_PROFILE_ALLOCATION_INTERVAL='1K')
    equal(n, n_of_owner, 'reads of a process with several dumps')
    equal(len(dumps_in(f'{folder}/d', r'p_(?!1\.)\d+\.0001\.heap')), 3, 'dumps of others')
    check(len(dumps_in(f'{folder}/d')) > 4, 'dumps of the first ones')


main()
