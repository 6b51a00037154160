#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The files, descriptors, errno, signals, limits and exit status of the program stay as they were.
Each test also checks the dump, because a library that does nothing harms nothing."""
import os
import re
import resource
import shutil
import stat
import subprocess

from preload import PATIENCE, environment, program, run, run_quietly
from strict_dump import dumps_in, last_dump, names_of_dumps
from tap import check, equal, main, skip, test

HOST = program('host')


def only_line(result, *words):
    """Checks that standard error is one line of the profiler, and that the line contains all the
    words."""
    lines = result.stderr.splitlines()
    check(len(lines) == 1 and lines[0].startswith('heapprof: '), f'stderr: {result.stderr!r}')
    for word in words:
        check(word in lines[0], f'no {word!r} in {lines[0]!r}')


@test(target=['missing folder', 'a file in the way', 'too long'])
def test_unwritable(folder, target):
    prefix = {'missing folder': f'{folder}/nowhere/p', 'a file in the way': f'{HOST}/p',
              'too long': folder + '/' + 'n' * 300}[target]
    env = environment(folder, HEAPPROFILE=prefix, HEAP_PROFILE_ALLOCATION_INTERVAL='10K')
    result = run([HOST, 'allocate', '100', '1000', '5'], env)
    equal(result.returncode, 5, 'status')
    only_line(result, "can't write", prefix[:60])
    equal(os.listdir(folder), [], 'files')


@test
def test_read_only_folder(folder):
    if os.geteuid() == 0:
        skip('root writes everywhere')
    os.mkdir(f'{folder}/d', 0o500)
    result = run([HOST, 'allocate', '1', '1', '5'],
                 environment(folder, HEAPPROFILE=f'{folder}/d/p'))
    equal(result.returncode, 5, 'status')
    only_line(result, 'Permission denied')


@test
def test_prefix_longer_than_a_path(folder):
    result = run([HOST, 'allocate', '1', '1', '5'],
                 environment(folder, HEAPPROFILE='/' + 'x/' * 5000))
    equal(result.returncode, 5, 'status')
    only_line(result, 'longer than a path')


@test
def test_message_about_a_long_path(folder):
    """The message contains the reason even if the path is too long for it."""
    result = run([HOST, 'allocate', '1', '1', '5'],
                 environment(folder, HEAPPROFILE='/nowhere' + '/x' * 1500))
    equal(result.returncode, 5, 'status')
    only_line(result, 'No such file or directory')


@test
def test_relative_prefix_in_a_removed_folder(folder):
    gone = f'{folder}/gone'
    os.mkdir(gone)
    env = environment(folder, HEAPPROFILE='p')
    preload = env.pop('LD_PRELOAD')  # the shell runs without it
    result = run(['sh', '-c', 'cd "$0" && rmdir "$0" && exec env LD_PRELOAD="$1" "$2" allocate 1 1',
                  gone, preload, HOST], env)
    equal(result.returncode, 0, 'status')
    only_line(result, 'relative', 'current folder', 'No such file or directory')


@test
def test_bad_options(folder):
    env = environment(folder, HEAP_PROFILE_SAMPLE_INTERVAL='often', HEAP_PROFILE_STACK_DEPTH='0',
                      HEAP_PROFILE_ALLOCATION_INTERVAL='1M')
    result = run([HOST, 'allocate', '1000', '100', '3'], env)
    equal(result.returncode, 3, 'status')
    lines = sorted(result.stderr.splitlines())
    equal(len(lines), 2, 'lines on standard error')
    check(re.fullmatch(r"heapprof: HEAP_PROFILE_SAMPLE_INTERVAL='often'.*512K", lines[0]), lines[0])
    check(re.fullmatch(r"heapprof: HEAP_PROFILE_STACK_DEPTH='0'.*64", lines[1]), lines[1])
    equal(last_dump(folder).interval, 512 * 1024, 'sample interval')


@test
def test_without_heapprofile_it_is_idle(folder):
    run_quietly([HOST, 'allocate', '1000', '100'], environment(folder, HEAPPROFILE=None))
    equal(os.listdir(folder), [], 'files')


@test
def test_relative_prefix_and_chdir(folder):
    os.mkdir(f'{folder}/100%p')
    run_quietly([HOST, 'chdir'], environment(folder, HEAPPROFILE='p'), cwd=f'{folder}/100%p')
    equal(os.listdir(f'{folder}/100%p'), ['p.0001.heap'], 'files')
    last_dump(f'{folder}/100%p')


@test
def test_patterns(folder):
    run_quietly([HOST, 'allocate', '1', '1'],
                environment(folder, HEAPPROFILE=f'{folder}/%e-%h-%t-%%-%p'))
    name = os.listdir(folder)
    check(len(name) == 1, f'files: {name}')
    m = re.fullmatch(r'host-(.+)-(\d+)-%-(\d+)\.0001\.heap', name[0])
    check(m, name[0])
    equal(m.group(1), os.uname().nodename, '%h')
    dump = last_dump(folder, '.*')
    equal(m.group(3), dump.metadata['pid'], '%p')


@test
def test_dump_is_private(folder):
    run_quietly([HOST, 'allocate', '1', '1'], environment(folder))
    mode = stat.S_IMODE(os.stat(f'{folder}/p.0001.heap').st_mode)
    equal(oct(mode), oct(0o600), 'mode')


@test
def test_nothing_is_overwritten(folder):
    for name, content in (('p.0001.heap', 'mine'), ('p.0003.heap', 'mine too')):
        with open(f'{folder}/{name}', 'w') as f:
            f.write(content)
    os.symlink(f'{folder}/victim', f'{folder}/p.0004.heap')
    run_quietly([HOST, 'allocate', '1', '1'], environment(folder))
    with open(f'{folder}/p.0001.heap') as a, open(f'{folder}/p.0003.heap') as b:
        equal((a.read(), b.read()), ('mine', 'mine too'), 'files of others')
    check(not os.path.lexists(f'{folder}/victim'), 'a symbolic link was followed')
    check(os.path.islink(f'{folder}/p.0004.heap'), 'a symbolic link was replaced')
    dumps = [n for n in names_of_dumps(folder) if n not in
             ('p.0001.heap', 'p.0003.heap', 'p.0004.heap')]
    equal(dumps, ['p.0005.heap'], 'new dumps')


@test
def test_numbers_beyond_9999(folder):
    open(f'{folder}/p.9999.heap', 'w').close()
    run_quietly([HOST, 'churn', '40000'],
                environment(folder, HEAP_PROFILE_ALLOCATION_INTERVAL='10K'))
    names = names_of_dumps(folder)
    check('p.10000.heap' in names and 'p.10001.heap' in names, f'{names}')


@test
def test_allocation_interval(folder):
    run_quietly([HOST, 'churn', '1000000'],
                environment(folder, HEAP_PROFILE_ALLOCATION_INTERVAL='100K'))
    dumps = dumps_in(folder)
    check(9 <= len(dumps) <= 11, f'{len(dumps)} dumps of a program that allocates 10 x 100 K')
    counts = [d.total.alloc_bytes for d in dumps]
    equal(counts, sorted(counts), 'allocated bytes grow')
    check(all(b - a >= 100 * 1024 for a, b in zip(counts, counts[1:-1])), f'too early: {counts}')
    equal([d.number('dump') for d in dumps], list(range(1, len(dumps) + 1)), 'dump numbers')
    equal(len({d.metadata['run'] for d in dumps}), 1, 'runs')
    check('allocated cumulatively' in dumps[0].metadata['reason'], dumps[0].metadata['reason'])
    equal(dumps[-1].metadata['reason'], 'exit', 'last reason')


@test
def test_deallocation_interval(folder):
    run_quietly([HOST, 'churn', '1000000'],
                environment(folder, HEAP_PROFILE_ALLOCATION_INTERVAL='0',
                            HEAP_PROFILE_DEALLOCATION_INTERVAL='250K'))
    dumps = dumps_in(folder)
    check(4 <= len(dumps) <= 5, f'{len(dumps)} dumps')
    check('freed cumulatively' in dumps[0].metadata['reason'], dumps[0].metadata['reason'])


@test
def test_inuse_interval(folder):
    run_quietly([HOST, 'allocate', '1000', '1000'],
                environment(folder, HEAP_PROFILE_ALLOCATION_INTERVAL='0',
                            HEAP_PROFILE_INUSE_INTERVAL='200K'))
    dumps = dumps_in(folder)
    check(5 <= len(dumps) <= 6, f'{len(dumps)} dumps')
    check('in use' in dumps[0].metadata['reason'], dumps[0].metadata['reason'])


@test
def test_max_dumps(folder):
    run_quietly([HOST, 'churn', '1000000'],
                environment(folder, HEAP_PROFILE_ALLOCATION_INTERVAL='50K',
                            HEAP_PROFILE_MAX_DUMPS='4'))
    names = names_of_dumps(folder)
    numbers = [int(n.split('.')[1]) for n in names]
    newest = numbers[-1]
    check(newest > 8, f'{names}')
    equal(numbers, [1, newest - 2, newest - 1, newest], 'dumps that are kept')
    dumps_in(folder)


@test
def test_cleanup(folder):
    for _ in range(2):
        run_quietly([HOST, 'allocate', '1', '1'], environment(folder))
    with open(f'{folder}/p.0007.heap', 'w') as f:
        f.write('no dump')
    os.mkfifo(f'{folder}/p.0008.heap')
    run_quietly([HOST, 'allocate', '1', '1'], environment(folder, HEAP_PROFILE_CLEANUP='1'))
    equal(names_of_dumps(folder), ['p.0007.heap', 'p.0008.heap', 'p.0009.heap'], 'files')


@test
def test_no_exit_dump(folder):
    result = run([HOST, 'allocate', '10', '100', '4'],
                 environment(folder, HEAP_PROFILE_EXIT_DUMP='0'))
    equal(result.returncode, 4, 'status')
    only_line(result, 'HEAP_PROFILE_EXIT_DUMP=0')
    equal(os.listdir(folder), [], 'files')


@test
def test_verbose(folder):
    result = run([HOST, 'allocate', '10', '100'], environment(folder, HEAP_PROFILE_VERBOSE='1'))
    only_line(result, f'{folder}/p.0001.heap', 'exit')


@test(folder_there=[False, True])
def test_line_breaks_in_the_prefix(folder, folder_there):
    """A line break in a path does not begin a new line of a message."""
    prefix = f'{folder}/a\nb\x1b[2J'
    if folder_there:
        os.mkdir(prefix)
    result = run([HOST, 'allocate', '10', '100'],
                 environment(folder, HEAPPROFILE=f'{prefix}/p', HEAP_PROFILE_VERBOSE='1'))
    only_line(result, f'{folder}/a\\nb\\x1b[2J/p')
    equal(names_of_dumps(prefix) if folder_there else [],
          ['p.0001.heap'] if folder_there else [], 'files')


@test
def test_dump_without_samples_says_so(folder):
    result = run([HOST, 'allocate', '1', '1'],
                 environment(folder, exact=False, HEAP_PROFILE_SAMPLE_INTERVAL='1G',
                             HEAP_PROFILE_VERBOSE='1'))
    only_line(result, 'HEAP_PROFILE_SAMPLE_INTERVAL=1')
    dump = last_dump(folder)
    equal(dump.records, [], 'records')
    check('HEAP_PROFILE_SAMPLE_INTERVAL=1' in dump.metadata['note'], 'the note')


@test
def test_command_line_in_the_dump(folder):
    argv = [HOST, 'allocate', '1', '1', '0', 'two words', 'new\nline', '# forged: 1', 'x' * 5000]
    run_quietly(argv, environment(folder))
    line = last_dump(folder).metadata['cmdline']
    check('two words new\\nline # forged: 1 xxxx' in line, line[:200])
    check(line.endswith('...') and len(line) < 5000, 'it is cut')
    os.unlink(f'{folder}/p.0001.heap')
    run_quietly(argv, environment(folder, HEAP_PROFILE_CMDLINE='0'))
    dump = last_dump(folder)
    check('cmdline' not in dump.metadata, 'it is left out when that is asked for')
    check('two words' not in dump.text, 'it is left out everywhere')


@test(command=['descriptors', 'errno', 'signals'])
def test_host_notices_nothing(folder, command):
    result = run_quietly([HOST, command], environment(folder))
    equal(result.stdout, '', 'stdout')
    last_dump(folder)


@test(n_closed=[1, 2, 3])
def test_closed_standard_descriptors(folder, n_closed):
    """The program is started without descriptor 2 and lower ones. It opens files with these
    numbers, and the library does not touch those files."""
    closing = ' '.join(f'{fd}>&-' for fd in range(3 - n_closed, 3))
    env = environment(folder, HEAP_PROFILE_VERBOSE='1', HEAP_PROFILE_ALLOCATION_INTERVAL='10K',
                      HEAP_PROFILE_STACK_DEPTH='bad')
    preload = env.pop('LD_PRELOAD')  # the shell runs without it
    run(['sh', '-c', f'exec env LD_PRELOAD={preload} {HOST} database-at-2 {folder}/db {closing}'],
        env)
    equal(os.stat(f'{folder}/db').st_size, 0, 'size of the database')
    last_dump(folder)


@test
def test_database_at_descriptor_2(folder):
    result = run([HOST, 'database-at-2', f'{folder}/db'],
                 environment(folder, HEAP_PROFILE_VERBOSE='1'))
    equal((result.returncode, result.stderr, result.stdout), (0, '', ''), 'result')
    equal(os.stat(f'{folder}/db').st_size, 0, 'size of the database')
    last_dump(folder)


@test
def test_closed_and_reused_descriptors(folder):
    os.mkdir(f'{folder}/files')
    run_quietly([HOST, 'close-all', f'{folder}/files'], environment(folder))
    through = [(c, n) for c, n in last_dump(folder).stacks() if 'allocate_from_generated_code' in n]
    equal(sum(c.alloc_objects for c, _ in through), 200, 'blocks of generated code')
    for _, names in through:
        check(names[1] == 'allocate_from_generated_code' and 'main' in names, f'{names}')


@test(interval=['1', '512K'])
def test_file_size_limit(folder, interval):
    """The limit makes the dump fail. The program gets no SIGXFSZ, which would kill it, and goes
    on."""
    result = run([HOST, 'size-limit'], environment(folder, HEAP_PROFILE_SAMPLE_INTERVAL=interval))
    equal(result.returncode, 7, 'status')
    only_line(result, "can't write", 'File too large')
    equal(os.listdir(folder), [], 'files')


def run_onto(stderr, env, before_exec=None):
    """Returns the exit status and standard output of a program with `stderr` as its standard error.
    SIGPIPE and SIGXFSZ have their default action."""
    done = subprocess.run([HOST, 'silent-signals'], env=env, stderr=stderr, text=True,
                          stdout=subprocess.PIPE, restore_signals=True, preexec_fn=before_exec,
                          timeout=PATIENCE)
    return done.returncode, done.stdout


@test(prefix=['p', 'nowhere/p'])
def test_standard_error_without_a_reader(folder, prefix):
    """A line of the profiler causes no SIGPIPE, which would kill the program."""
    reader, writer = os.pipe()
    os.close(reader)
    env = environment(folder, HEAPPROFILE=f'{folder}/{prefix}', HEAP_PROFILE_VERBOSE='1')
    equal(run_onto(writer, env), (7, ''), 'result')
    os.close(writer)
    equal(len(names_of_dumps(folder)), 4 if prefix == 'p' else 0, 'dumps')


@test
def test_standard_error_at_the_size_limit(folder):
    """A line of the profiler causes no SIGXFSZ, which would kill the program."""
    def no_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with open(f'{folder}/log', 'w') as log:
        equal(run_onto(log, environment(folder), no_files), (7, ''), 'result')
    equal(os.listdir(folder), ['log'], 'files')


@test
def test_address_space_limit(folder):
    """Both the program and the profiler run out of memory. Both go on."""
    result = run([HOST, 'address-limit'], environment(folder))
    equal((result.returncode, result.stdout), (0, ''), 'result')
    for line in result.stderr.splitlines():
        check(line.startswith('heapprof: '), line)


@test(limit=['4M', '6M', '14M'])
def test_memory_limit(folder, limit):
    """Samples that no longer fit are dropped and counted. The dump is written all the same."""
    run_quietly([HOST, 'allocate', '1000000', '16'],
                environment(folder, HEAP_PROFILE_MEMORY_LIMIT=limit))
    dump = last_dump(folder)
    n = dump.total.alloc_objects + dump.number('samples_dropped')
    check(n >= 1000000, f'{n} blocks recorded or dropped')
    check(dump.number('samples_dropped') > 100000, 'the limit was reached')


@test
def test_set_user_id_program_ignores_the_environment(folder):
    """The program is linked with the library, because the loader ignores LD_PRELOAD there."""
    if os.geteuid() != 0 or not shutil.which('setpriv'):
        skip('needs root and setpriv')
    copy = f'{folder}/linked'
    shutil.copy(program('linked'), copy)
    os.chmod(folder, 0o777)
    env = environment(folder, preload=None)
    as_user = ['setpriv', '--reuid', '65534', '--clear-groups', copy, 'allocate', '1', '1']
    if run(as_user, env).returncode != 0:
        skip('other users can not read the library')
    before = [n for n in names_of_dumps(folder)]
    equal(len(before), 1, 'dumps of the plain program')
    os.chmod(copy, 0o4755)
    result = run(as_user, env)
    equal((result.returncode, result.stderr), (0, ''), 'result')
    equal(names_of_dumps(folder), before, 'dumps after a set-user-ID run')


main()
