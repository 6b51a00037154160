#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The kernel refuses what the library asks for: memory, descriptors, threads, or any other system
call."""
import os
import resource

import unprofiled
from faults import (NOBODY, VICTIM, WAYS, check_told, check_unharmed, for_all_users, for_each_call,
                    inject, profiled, whole_dumps)
from preload import LIB, environment, program, run
from strict_dump import dumps_in, last_dump, names_of_dumps
from tap import check, equal, main, skip, test

FLAKY = program('libflaky.so')
# The calls whose failure may leave a temporary file: only that of its removal.
LEAVES_TEMPORARIES = ('unlink',)
OWN_LOCKED_KIB = 4096  # what the library locks in a program that locks all of its memory


def check_files(done):
    """Checks that there are whole dumps and no other files, and that each dump that could not be
    written was reported."""
    left = [n for n in os.listdir(done.folder) if not n.endswith('.heap')]
    check(not left or done.name in LEAVES_TEMPORARIES, f'{left} after {done.name}')
    dumps = whole_dumps(done.folder)
    lines = done.result.stderr.splitlines()
    check(len(lines) <= 2, f'after {done.name}: {lines}')
    if not dumps:
        check(lines, f'no dump and no line after {done.name}')
    return dumps


@test(action=['fail=ENOMEM', 'fail-on=ENOMEM'])
def test_no_memory_for_our_own_tables(folder, action):
    """The N-th mmap of the library fails, or that one and all after it."""
    for interval in ('1', '4K'):
        for done in for_each_call(folder, 'mmap', action, [VICTIM, 'work'],
                                  HEAP_PROFILE_SAMPLE_INTERVAL=interval):
            check_unharmed(done)
            check_files(done)


@test(way=WAYS)
def test_any_call_fails_once(folder, way):
    """Each system call that the library makes fails in a run of its own. openat, write and others
    fail with their usual errors."""
    for done in for_each_call(folder, 'any', 'fail=natural', [VICTIM, 'work-alone'],
                              refused=WAYS[way]):
        check_unharmed(done)
        check_files(done)


@test
def test_any_call_and_all_that_follow(folder):
    for done in for_each_call(folder, 'any', 'fail-on=natural', [VICTIM, 'work-alone']):
        check_unharmed(done)
        whole_dumps(done.folder)


@test
def test_error_without_a_name(folder):
    """The error number has no name, as those of some filters and of file systems in user space."""
    done = inject(folder, 'openat', 1, 'fail-on=4000', [VICTIM, 'work-alone'])
    check_unharmed(done)
    check('error 4000' in done.result.stderr, done.result.stderr)
    equal(names_of_dumps(done.folder), [], 'dumps')


@test
def test_calls_are_interrupted(folder):
    """Calls fail with EINTR. The library repeats them, and nothing is lost."""
    for done in for_each_call(folder, 'read,write', 'fail=EINTR', [VICTIM, 'work-alone']):
        check_unharmed(done)
        equal(done.result.stderr, '', done.name)
        equal(len(check_files(done)), 2, 'dumps')


@test(limit=[20, 64, 65, 200])
def test_no_descriptors(folder, limit):
    """The program uses all descriptors."""
    outcome = profiled([VICTIM, 'use-descriptors', '0', str(limit)], folder)
    check_told(outcome, 'Too many open files')
    equal([d.metadata['reason'] for d in dumps_in(outcome.folder)], ['exit'],
          'dumps, after it has closed two')


@test(limit=[20, 200])
def test_one_descriptor(folder, limit):
    """One descriptor is enough for a dump, whose memory map comes from what was known at the
    start."""
    outcome = profiled([VICTIM, 'use-descriptors', '1', str(limit)], folder)
    check_told(outcome)
    equal([d.metadata['reason'] for d in dumps_in(outcome.folder)],
          ['victim', 'victim', 'exit'], 'dumps')


@test(interval=['1', '4K'])
def test_allocator_without_memory(folder, interval):
    """Every seventh call of the allocator underneath fails. The same calls of the program fail as
    without the library, with the same errno, and the bytes in use stay exact."""
    outcome = profiled([VICTIM, 'bad-luck'], folder, preload=f'{LIB}:{FLAKY}',
                       HEAP_PROFILE_SAMPLE_INTERVAL=interval)
    check_told(outcome)
    dump = last_dump(outcome.folder)
    if interval == '1':
        inuse = dump.by_leaf()['do_bad_luck']
        equal(inuse.inuse_objects, 1, 'blocks that are left of realloc')
        check(2990 <= inuse.inuse_bytes <= 2999, f'bytes of it: {inuse.inuse_bytes}')


def as_user_who_may_lock(kib):
    """Returns what a child calls before it executes the program. It gives up root, because with
    CAP_IPC_LOCK the limit would not apply."""
    def become():
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (kib << 10, kib << 10))
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(int(NOBODY))
            os.setuid(int(NOBODY))
    return become


@test(interval=[None, '512K'])
def test_limit_of_locked_memory(folder, interval):
    """libheapprof(3) names this figure: the memory that the library locks, idle and while
    recording, with a dump at the end. The kernel counts whole mappings, whether touched or not."""
    library, locked = for_all_users(folder, LIB, program('locked'))
    os.chmod(folder, 0o777)
    bare = run([locked], unprofiled.environment(environment(folder)))
    if bare.returncode != 0:
        skip('may not lock memory here')
    limit = int(bare.stdout) + OWN_LOCKED_KIB
    hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    if hard != resource.RLIM_INFINITY and hard < limit << 10:
        skip(f'may lock only {hard >> 10} KiB here')
    recording = {'HEAP_PROFILE_SAMPLE_INTERVAL': interval} if interval else {'HEAPPROFILE': None}
    result = run([locked], environment(folder, preload=library, **recording),
                 preexec_fn=as_user_who_may_lock(limit))
    equal((result.returncode, result.stderr), (0, ''), f'status, message, with {limit} KiB')
    equal(len(dumps_in(folder)), 1 if interval else 0, 'dumps')
    equal(run([locked], unprofiled.environment(environment(folder)),
              preexec_fn=as_user_who_may_lock(int(bare.stdout) - 64)).returncode, 4,
          'status of the bare program with too little, for the limit holds')


main()
