#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which processes record, the names of their dumps, and the messages about typing errors."""
import os
import shutil

from preload import environment, program, run, run_quietly
from strict_dump import Counts, dumps_in, last_dump, names_of_dumps
from tap import equal, main, skip, test

PROCESSES = program('processes')
CHILD = r'p_\d+\.\d+\.heap'
IN_LEAF = Counts(10, 5000, 10, 5000)


def write_script(path, text):
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, 0o755)
    return path


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            skip(f'{tool} is not installed')


# --- the programs that record ----------------------------------------------------------------------

WRAPPERS = {
    'timeout': ['timeout', '60'],
    'sh': ['sh', '-c', '"$@"; exit $?', 'sh'],
    'subshell': ['bash', '-c', '("$@"; exit $?); exit $?', 'bash'],
    'nested': ['timeout', '60', 'sh', '-c', 'env "$@"; exit $?', 'sh'],
    'exec': ['sh', '-c', 'exec "$@"', 'sh'],
}


@test(wrapper=WRAPPERS)
def test_program_in_a_wrapper(folder, wrapper):
    """The program in the wrapper owns the plain names. The wrapper neither writes nor prints
    anything."""
    command = WRAPPERS[wrapper]
    need(command[0])
    run_quietly([*command, PROCESSES, 'leaf'], environment(folder, HEAP_PROFILE_PROGRAM='processes'))
    equal(os.listdir(folder), ['p.0001.heap'], 'files')
    equal(last_dump(folder).by_leaf()['allocate_in_child'], IN_LEAF, 'in it')


@test
def test_program_under_make(folder):
    need('make')
    with open(f'{folder}/makefile', 'w') as f:
        f.write(f'run:\n\t@{PROCESSES} leaf && {PROCESSES} leaf\n')
    run_quietly(['make', '-C', folder, '--no-print-directory', 'run'],
                environment(folder, HEAP_PROFILE_PROGRAM='processes'))
    equal(names_of_dumps(folder), ['p.0001.heap', 'p.0002.heap'], 'files')


@test
def test_program_behind_a_shim(folder):
    """A shim is a script with the name of the program, as pyenv has one for python. It executes a
    second script, which runs helpers and then executes the program. Until then the process has the
    name of the interpreter."""
    need('bash')
    os.mkdir(f'{folder}/shims')
    write_script(f'{folder}/shims/manager',
                 f'#!/usr/bin/env bash\nv=$(echo 3; {PROCESSES} leaf >&2)\nexec {PROCESSES} "$@"\n')
    shim = write_script(f'{folder}/shims/processes',
                        f'#!/usr/bin/env bash\nexec {folder}/shims/manager "$@"\n')
    run_quietly([shim, 'exec-in-place'],
                environment(folder, HEAP_PROFILE_PROGRAM='processes', HEAP_PROFILE_CLEANUP='1',
                            HEAP_PROFILE_ALLOCATION_INTERVAL='60K'))
    equal(names_of_dumps(folder), ['p.0001.heap', 'p.0002.heap'], 'files')


@test
def test_children_of_the_program(folder):
    """The first process that matches owns the plain names. The children that it forks or starts
    have names of their own, as usual."""
    env = environment(folder, HEAP_PROFILE_PROGRAM='processes')
    for kind in ('fork', 'exec'):
        run_quietly(['timeout', '60', PROCESSES, kind], env)
    equal((len(dumps_in(folder)), len(dumps_in(folder, CHILD))), (2, 2), 'files')


@test(pattern=['processes', 'proc*', 'p?ocess[a-f]s', 'x,processes', './processes', 'renamed', '!x', '!x,y',
               '!'])
def test_patterns(folder, pattern):
    """The pattern is compared with the name of the executable and with that of argv[0]."""
    env = environment(folder, HEAP_PROFILE_PROGRAM=pattern)
    run_quietly(['/somewhere/renamed', 'leaf'], env, executable=PROCESSES)
    equal(names_of_dumps(folder), ['p.0001.heap'], 'files')


@test(pattern=['processe', 'rename', 'Processes', 'x,y', '?', 'leaf', 'tests', '[', ',', '!processes',
               '!renamed', '!x,proc*', '!*', 'x,!y'])
def test_patterns_of_others(folder, pattern):
    env = environment(folder, HEAP_PROFILE_PROGRAM=pattern)
    run_quietly(['/somewhere/renamed', 'fork'], env, executable=PROCESSES)
    equal(os.listdir(folder), [], 'files')


@test
def test_bad_value_is_not_repeated_by_wrappers(folder):
    need('timeout')
    env = environment(folder, HEAP_PROFILE_PROGRAM='processes', HEAP_PROFILE_MAX_DUMPS='many')
    result = run(['timeout', '60', PROCESSES, 'leaf'], env)
    equal((result.returncode, result.stderr.count('\n')), (0, 1), f'lines: {result.stderr}')


@test
def test_empty_pattern_is_none(folder):
    run_quietly([PROCESSES, 'leaf'], environment(folder, HEAP_PROFILE_PROGRAM=''))
    equal(names_of_dumps(folder), ['p.0001.heap'], 'files')


@test(way=['api', 'api_static'])
def test_calls_in_a_program_that_is_left_out(folder, way):
    env = environment(folder, preload=None, HEAPPROFILE=f'{folder}/env', HEAP_PROFILE_PROGRAM='x')
    run_quietly([program(way), 'sessions', f'{folder}/p'], env)
    equal(names_of_dumps(folder), [f'p.000{i}.heap' for i in (1, 2, 3)], 'files')


@test
def test_without_the_variable_the_wrapper_is_first(folder):
    need('timeout')
    run_quietly(['timeout', '60', PROCESSES, 'leaf'], environment(folder))
    equal((len(dumps_in(folder)), len(dumps_in(folder, CHILD))), (1, 1), 'files')
    equal(last_dump(folder, CHILD).by_leaf()['allocate_in_child'], IN_LEAF, 'in the child')


# --- folders ---------------------------------------------------------------------------------------

@test(prefix=['{}', '{}/', '{}/.', '{}/new/..', '.', './', '{}/../{base}'])
def test_folder_as_prefix(folder, prefix):
    os.mkdir(f'{folder}/new')
    prefix = prefix.format(folder, base=os.path.basename(folder))
    run_quietly([PROCESSES, 'leaf'], environment(folder, HEAPPROFILE=prefix), cwd=folder)
    equal(sorted(os.listdir(folder)), ['new', 'processes.0001.heap'], 'files')


@test
def test_folder_for_several_programs(folder):
    """The dumps of each program begin with its name, also if that name begins with a dot or has a
    percent sign."""
    os.mkdir(f'{folder}/d')
    for name in ('.hidden', '100%p', '..'):
        shutil.copy(PROCESSES, f'{folder}/{name}x')
        run_quietly([f'{folder}/{name}x', 'leaf'], environment(folder, HEAPPROFILE=f'{folder}/d'))
    equal(names_of_dumps(f'{folder}/d'),
          ['100%px.0001.heap', 'hiddenx.0001.heap', 'x.0001.heap'], 'files')


@test
def test_folder_that_is_not_there(folder):
    result = run([PROCESSES, 'leaf'], environment(folder, HEAPPROFILE=f'{folder}/none/'))
    equal((result.returncode, os.listdir(folder)), (0, []), 'result')
    equal(result.stderr, f"heapprof: can't write {folder}/none/processes.0001.heap: "
          'No such file or directory\n', 'line')


@test
def test_folder_in_a_call(folder):
    os.mkdir(f'{folder}/p')
    env = environment(folder, preload=None, HEAPPROFILE=None)
    run_quietly([program('api'), 'sessions', f'{folder}/p'], env)
    equal(names_of_dumps(f'{folder}/p'), [f'api.000{i}.heap' for i in (1, 2, 3)], 'files')


# --- typing errors ---------------------------------------------------------------------------------

TYPO = ('heapprof: HEAP_PROFILE_SAMPEL_INTERVAL: no such variable; did you mean '
        'HEAP_PROFILE_SAMPLE_INTERVAL?\n')


@test(kind=['leaf', 'fork', 'exec', 'vfork', 'exec-in-place'])
def test_typing_error_is_named_once(folder, kind):
    """The first process names the typing error, whatever it does later."""
    env = environment(folder, HEAP_PROFILE_SAMPEL_INTERVAL='secret')
    result = run([PROCESSES, kind], env)
    equal((result.returncode, result.stdout, result.stderr), (0, '', TYPO), 'result')


@test
def test_typing_error_is_named_by_the_program_that_records(folder):
    need('timeout')
    env = environment(folder, HEAP_PROFILE_SAMPEL_INTERVAL='1', HEAP_PROFILE_PROGRAM='processes')
    result = run(['timeout', '60', 'sh', '-c', '"$@" && "$@"', 'sh', PROCESSES, 'exec'], env)
    equal((result.returncode, result.stdout, result.stderr), (0, '', 2 * TYPO), 'result')
    result = run(['timeout', '60', 'sh', '-c', 'exit 3'], env)
    equal((result.returncode, result.stdout, result.stderr), (3, '', ''), 'nobody records')


@test
def test_nobody_hears_of_a_typing_error_without_a_prefix(folder):
    env = environment(folder, HEAP_PROFILE_SAMPEL_INTERVAL='1', HEAPPROFILE=None)
    run_quietly([PROCESSES, 'leaf'], env)


@test(kind=['leaf', 'fork', 'exec', 'exec-in-place'])
def test_prefix_under_another_name(folder, kind):
    """Nothing is recorded, and the first process prints the reason."""
    env = environment(folder, HEAPPROFILE=None, HEAP_PROFILE=f'{folder}/x')
    result = run([PROCESSES, kind], env)
    equal((result.returncode, result.stdout, result.stderr), (0, '', (
        'heapprof: HEAP_PROFILE: no such variable; did you mean HEAPPROFILE?\n')), 'result')
    equal(os.listdir(folder), [], 'files')


@test
def test_names_of_others_are_not_named(folder):
    """Variables of gperftools, of tcmalloc and of scripts cause no message."""
    run_quietly([PROCESSES, 'leaf'],
                environment(folder, HEAP_PROFILE_MMAP_LOG='1', HEAPCHECK='', HEAPPROF_BUILD='build',
                            HEAPPROF_SKIP_SETUP='1', TCMALLOC_SAMPLE_PARAMETER='1'))


main()
