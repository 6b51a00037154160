#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A dump is a whole file under its name, or there is no file, however its process ends."""
import os
import random
import shutil
import signal
import subprocess
import tempfile

from preload import environment, program, run, wait_until
from strict_dump import dumps_in, last_dump, names_of_dumps
from tap import check, equal, main, skip, test

N_DEATHS = 20


def run_sealed(folder, seals, *command, **variables):
    """Runs a command whose kernel lacks something. The program that seals the kernel off must not
    write a dump, so only the command gets the library."""
    env = environment(folder, **variables)
    argv = ['/usr/bin/env', f'LD_PRELOAD={env.pop("LD_PRELOAD")}', *command]
    result = run([program('sealed'), seals, *argv], env)
    if result.returncode == 97:
        skip(f'no seccomp filters: {result.stderr.strip()}')
    return result


@test(seals=['no-tmpfile', 'no-proc', 'no-tmpfile,no-proc'])
def test_without_files_without_names(folder, seals):
    """If a file can't be created without a name, or can't be given its name later, it is created
    with a temporary name."""
    victim = os.path.join(folder, 'p.0001.heap')
    with open(victim, 'w') as f:
        f.write('somebody else\'s')
    result = run_sealed(folder, seals, program('mappings'), 'map')
    equal((result.returncode, result.stderr), (0, ''), 'the program')
    equal(names_of_dumps(folder), ['p.0001.heap', 'p.0002.heap'], 'files')
    with open(victim) as f:
        equal(f.read(), 'somebody else\'s', 'the other file')
    os.unlink(victim)
    last_dump(folder)


def need_nameless_files(folder):
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY))
    except OSError as error:
        skip(f'no files without names in {folder}: {error.strerror}')


@test
def test_death_while_writing(folder):
    need_nameless_files(folder)
    result = run_sealed(folder, 'die', program('mappings'), 'map')
    equal((result.returncode, result.stderr), (-signal.SIGSYS, ''), 'the program')
    equal(os.listdir(folder), [], 'files')


@test
def test_cleanup_after_death_while_writing(folder):
    """A temporary file outlives its process. With HEAP_PROFILE_CLEANUP=1 the next process that owns
    the prefix removes it."""
    run_sealed(folder, 'no-tmpfile,die', program('mappings'), 'map')
    names = os.listdir(folder)
    check(len(names) == 1 and names[0].startswith('p.0001.heap.tmp.'), names)
    run_sealed(folder, 'no-tmpfile', program('mappings'), 'map')
    check(names[0] in os.listdir(folder), 'without being asked to')
    result = run_sealed(folder, 'no-tmpfile', program('mappings'), 'map',
                        HEAP_PROFILE_CLEANUP='1')
    equal((result.returncode, result.stderr), (0, ''), 'the program')
    equal(os.listdir(folder), ['p.0001.heap'], 'files')


@test
def test_odd_characters_in_paths(folder):
    """The kernel writes a newline in a path as four characters, and other characters as they are.
    The reader of dumps checks that the build ID has the same path as the mapping."""
    with tempfile.TemporaryDirectory() as other:
        copy = os.path.join(other, 'a\nb\\c \x1b')
        shutil.copy(program('mappings'), copy)
        result = run([copy, 'map'], environment(folder, HEAP_PROFILE_ALLOCATION_INTERVAL='64K'))
    equal((result.returncode, result.stderr), (0, ''), 'the program')
    paths = last_dump(folder).build_ids
    check(any(path.endswith('/a\\012b\\c \x1b') for path in paths), f'{list(paths)}')


def kill_at_random(folder):
    """Kills a program while it writes one dump after another."""
    env = environment(folder, HEAP_PROFILE_ALLOCATION_INTERVAL='64K', HEAP_PROFILE_MAX_DUMPS='0')
    before = len(names_of_dumps(folder))
    with subprocess.Popen([program('triggers'), 'threads'], env=env, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            wait_until(lambda: len(names_of_dumps(folder)) >= before + 2, 'two dumps')
            for _ in range(random.randrange(20000)):
                pass
        finally:
            process.kill()


@test
def test_kill(folder):
    need_nameless_files(folder)
    for _ in range(N_DEATHS):
        kill_at_random(folder)
    dumps = dumps_in(folder)  # fails if one is not whole, or if there is another file
    check(len(dumps) >= 2 * N_DEATHS, f'{len(dumps)} dumps')


main()
