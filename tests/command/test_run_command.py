#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`heapprof run`: the program runs unchanged, and the report shows what it held."""

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys

import command
import cli
import running
import tap
from command import BUILD, HEAPPROF, LIBRARY, SUBJECT

AUTO = str(BUILD / 'tests' / 'preload' / 'auto')
PPROFCONV = str(BUILD / 'pprofconv' / 'pprofconv')


def run(folder, *args, **options):
    return command.heapprof(folder, 'run', *args, **options)


def dumps(folder, beginning=''):
    return sorted(name for name in os.listdir(folder)
                  if name.startswith(beginning) and name.endswith('.heap'))


def row(table, function):
    """Returns the row of a table that ends with the function's name."""
    rows = [line for line in table.splitlines() if re.search(rf'\b{function}\b', line)]
    tap.equal(len(rows), 1)
    return rows[0]


def programs_of(folder):
    """Returns the names of the programs that wrote the dumps in a folder."""
    found = set()
    for name in dumps(folder):
        with open(f'{folder}/{name}', encoding='utf-8') as file:
            found.add(re.search('^# program: .*/(.*)$', file.read(), re.MULTILINE)[1])
    return found


def report(done, program='subject'):
    """Returns the five lines on standard error of a run with a series of dumps."""
    lines = done.stderr.splitlines()
    tap.equal(len(lines), 5)
    found = re.fullmatch(rf'heapprof: {program} \(process \d+\): ([\d.]+) MiB in use at (?:the end|its last '
                         r'dump), ([\d.]+) MiB at its peak, \d+ dumps', lines[0])
    assert found, lines[0]
    # 24 MiB in blocks of 64 KiB: with an interval of 512 KiB the standard deviation is 3.3 MiB
    assert 24 - 5 * 3.3 < float(found[1]) < 24 + 5 * 3.3 and float(found[1]) <= float(found[2]), lines[0]
    assert re.fullmatch(r'heapprof: grew most: remember by [\d.]+ MiB, to [\d.]+ MiB', lines[1]), lines
    assert lines[2].startswith('heapprof: the dumps are in '), lines
    for line in lines[3:]:
        shown = cli.run('sh', '-c', line)
        tap.equal(shown.returncode, 0)
        tap.is_in('remember', shown.stdout)
    return lines


@tap.test
def a_program_that_grows(folder):
    done = run(folder, SUBJECT)
    tap.equal((done.returncode, done.stdout), (0, 'served\n'))
    place = report(done)[2].removeprefix('heapprof: the dumps are in ')
    tap.equal([name for name in os.listdir(folder) if name.startswith('heapprof-')],
              [os.path.basename(place)])
    assert all(name.startswith('subject.') for name in os.listdir(place)), os.listdir(place)


@tap.test
def a_page_at_the_end(folder):
    path = os.path.join(folder, 'page.html')
    done = run(folder, '--html', path, SUBJECT)
    lines = done.stderr.splitlines()
    tap.equal((done.returncode, done.stdout), (0, 'served\n'))
    tap.equal(lines[-1], f'heapprof: the page is {path}')
    with open(path, encoding='utf-8') as file:
        text = file.read()
    tap.is_in('<title>subject - heapprof</title>', text)
    tap.is_in('"isSeries":true', text)
    tap.is_in('"remember"', text)
    done = run(folder, '--html', f'{folder}/none/page.html', SUBJECT, '3')
    tap.equal(done.returncode, 3)
    tap.equal(done.stderr.splitlines()[-1],
              f'heapprof: {folder}/none/page.html: No such file or directory')


@tap.test
def dumps_under_a_prefix(folder):
    done = run(folder, '--exact', '--dumps', 'p', SUBJECT, '3', cwd=folder)
    tap.equal((done.returncode, done.stdout), (3, 'served\n'))
    tap.is_in('24.0', report(done)[0])
    assert len(dumps(folder, 'p.')) > 8, os.listdir(folder)
    tap.equal(sorted(os.listdir(folder)), dumps(folder, 'p.'))  # and no temporary folder


@tap.test
def older_dumps_do_not_count(folder):
    run(folder, '--dumps', 'p', SUBJECT, cwd=folder)
    first = dumps(folder)
    done = run(folder, '--dumps', 'p', SUBJECT, cwd=folder)
    lines = report(done)
    assert not any(name in lines[4] for name in first), lines
    assert 'other' not in lines[2], lines


@tap.test
def a_script(folder):
    script = command.write_program(f'{folder}/script', f'#!/bin/sh\n{SUBJECT}\nexit 4\n')
    done = run(folder, '-d', f'{folder}/p', script)
    tap.equal((done.returncode, done.stdout), (4, 'served\n'))
    report(done)
    tap.equal(programs_of(folder), {'subject'})
    assert all(name.startswith('p.') for name in dumps(folder)), os.listdir(folder)


@tap.test
def a_text_without_an_interpreter(folder):
    script = command.write_program(f'{folder}/script', f'exec {SUBJECT} 5\n')
    done = run(folder, script)
    tap.equal((done.returncode, done.stdout), (5, 'served\n'))
    report(done)


@tap.test
def a_shell_and_two_programs(folder):
    done = run(folder, '-d', f'{folder}/p', 'sh', '-c', '"$0" brief; "$0"; "$0" brief; exit 6', SUBJECT)
    tap.equal((done.returncode, done.stdout), (6, 'served\n'))
    lines = report(done)
    tap.equal(lines[2], f'heapprof: the dumps are in {folder}; 2 other processes wrote dumps too')
    tap.equal(programs_of(folder), {'subject'})


@tap.test
def make_and_timeout(folder):
    tap.need('make', 'timeout')
    command.write_program(f'{folder}/makefile', f'all:\n\t@timeout 300 env A=1 nice {SUBJECT}\n')
    done = run(folder, '--dumps', f'{folder}/p', 'make', '-C', folder, '--no-print-directory')
    tap.equal((done.returncode, done.stdout), (0, 'served\n'))
    report(done)
    tap.equal(programs_of(folder), {'subject'})
    assert all(name.startswith('p.') for name in dumps(folder)), os.listdir(folder)


@tap.test
def an_interpreter_is_a_program(folder):
    done = run(folder, '-i', '16K', '--dumps', f'{folder}/p', sys.executable, '-c',
               'kept = [bytes(30000) for i in range(500)]; print("done")')
    tap.equal((done.returncode, done.stdout), (0, 'done\n'))
    tap.equal(len(done.stderr.splitlines()), 5)
    assert re.match(r'heapprof: python3\S* \(process', done.stderr), done.stderr


@tap.test
def memory_that_no_dump_accounts_for(folder):
    # As Python's small objects: 64 MiB in mappings, while 2 MiB are allocated.
    code = ('import mmap\n'
            'kept = []\n'
            'for i in range(64):\n'
            '    kept += [mmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE), bytes(40000)]\n'
            '    kept[-2].write(bytes(1 << 20))\n')
    for setting, count in ((None, 6), ('1', 5)):
        settings = {'HEAP_PROFILE_MMAP': setting} if setting else {}
        done = run(folder, '-i', '16K', sys.executable, '-c', code, env=command.environment(folder, **settings))
        lines = done.stderr.splitlines()
        tap.equal(len(lines), count)
        found = re.match(r'heapprof: up to ([\d.]+) MiB more are not in these numbers: .*HEAP_PROFILE_MMAP=1', lines[1])
        tap.equal(bool(found), count == 6)
        assert not found or 55 < float(found[1]) < 90, lines[1]


@tap.test
def ended_by_a_signal(folder):
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
        done = run(folder, SUBJECT, 'die', str(int(number)))
        tap.equal((done.returncode, done.stdout), (-number, ''))
        tap.is_in('its last dump', report(done)[0])
        assert not os.path.exists('core'), 'a core of heapprof'


@tap.test
def standard_input_and_a_pipeline(folder):
    done = run(folder, 'cat', input=b'one\ntwo\n')
    tap.equal((done.returncode, done.stdout), (0, 'one\ntwo\n'))
    done = cli.run('sh', '-c', '"$0" run yes | head -n 1', HEAPPROF, env=command.environment(folder))
    tap.equal((done.returncode, done.stdout), (0, 'y\n'))


@tap.test
def a_report_that_nobody_reads_keeps_the_status(folder):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        for status, script in ((3, 'exec "$0" 3'), (-signal.SIGPIPE, 'kill -s PIPE $$')):
            done = subprocess.run([HEAPPROF, 'run', 'sh', '-c', script, SUBJECT], stdout=subprocess.DEVNULL,
                                  stderr=writer, env=command.environment(folder), check=False)
            tap.equal(done.returncode, status)
    finally:
        os.close(writer)


@tap.test
def options_end_at_the_command(folder):
    done = run(folder, 'echo', '--exact', '-h')
    tap.equal((done.returncode, done.stdout), (0, '--exact -h\n'))
    done = run(folder, '--', 'echo', '--', 'x')
    tap.equal((done.returncode, done.stdout), (0, '-- x\n'))


def variables(folder, *args, **settings):
    """Returns the profiler's settings in the environment of a program."""
    done = run(folder, *args, 'env', env=command.environment(folder, **settings))
    tap.equal(done.returncode, 0)
    return dict(line.split('=', 1) for line in done.stdout.splitlines()
                if line.startswith(('HEAP', 'LD_PRELOAD')))


@tap.test
def the_environment(folder):
    real = os.path.realpath(LIBRARY)
    found = variables(folder)
    tap.equal(found['LD_PRELOAD'], real)
    tap.equal((found['HEAP_PROFILE_ALLOCATION_INTERVAL'], found['HEAP_PROFILE_KEEP']), ('1M', 'spread'))
    tap.equal(found['HEAP_PROFILE_SAMPLE_INTERVAL'], 'auto')
    found = variables(folder, HEAP_PROFILE_SAMPLE_INTERVAL='')
    tap.equal(found['HEAP_PROFILE_SAMPLE_INTERVAL'], 'auto')
    tap.equal(variables(folder, '--exact')['HEAP_PROFILE_SAMPLE_INTERVAL'], '1')
    tap.equal(variables(folder, '-i', '1024G')['HEAP_PROFILE_SAMPLE_INTERVAL'], str(1 << 40))
    tap.equal(variables(folder, '-i', '64K')['HEAP_PROFILE_SAMPLE_INTERVAL'], '65536')
    found = variables(folder, '--every', '5m', HEAP_PROFILE_TIME_INTERVAL='7')
    tap.equal((found['HEAP_PROFILE_ALLOCATION_INTERVAL'], found['HEAP_PROFILE_INUSE_INTERVAL']), ('0', '0'))
    assert 'HEAP_PROFILE_TIME_INTERVAL' not in found, found
    found = variables(folder, HEAPPROFILE=f'{folder}/own', HEAP_PROFILE_INUSE_INTERVAL='9M',
                      HEAP_PROFILE_PROGRAM='x', LD_PRELOAD='libm.so.6')
    tap.equal(found, {'HEAPPROFILE': f'{folder}/own', 'HEAP_PROFILE_INUSE_INTERVAL': '9M',
                      'HEAP_PROFILE_PROGRAM': 'x', 'HEAP_PROFILE_SAMPLE_INTERVAL': 'auto',
                      'HEAP_PROFILE_VERBOSE': '0', 'LD_PRELOAD': f'{real}:libm.so.6'})
    tap.equal(variables(folder, HEAP_PROFILE_SAMPLE_INTERVAL='1M')['HEAP_PROFILE_SAMPLE_INTERVAL'], '1M')
    found = variables(folder, '-d', 'p%p', HEAPPROFILE='unused')
    tap.equal(found['HEAPPROFILE'], os.getcwd().replace('%', '%%') + '/p%p')


@tap.test
def the_process_group_is_the_callers(folder):
    done = cli.run('sh', '-c', 'echo $$; exec "$@"', 'sh', HEAPPROF, 'run', sys.executable, '-c',
                   'import os; print(os.getpgrp())', env=command.environment(folder))
    leader, group = done.stdout.split()  # the harness starts a session, so the shell leads its group
    tap.equal(group, leader)


class SeparatingLibrary:
    """A library whose path LD_PRELOAD can't hold. At the end the links to it are removed."""

    def __init__(self, folder):
        self.folder = folder
        self.links = []
        os.mkdir(f'{folder}/a b:c')
        library = f'{folder}/a b:c/libheapprof.so'
        shutil.copy(LIBRARY, library)
        self.env = command.environment(folder, HEAPPROF_LIBRARY=library)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for link in self.links:
            shutil.rmtree(os.path.dirname(link), ignore_errors=True)

    def link(self):
        """Returns the link that a run uses."""
        done = run(self.folder, 'env', env=self.env)
        self.links += re.findall('^LD_PRELOAD=(.*)$', done.stdout, re.MULTILINE)
        assert re.fullmatch('/tmp/heapprof-[^/ :]*/libheapprof.so', self.links[-1]), done.stdout
        return self.links[-1]


@tap.test
def a_library_whose_path_separates_names(folder):
    with SeparatingLibrary(folder) as library:
        link = library.link()
        tap.equal(os.readlink(link), library.env['HEAPPROF_LIBRARY'])
        tap.equal(os.stat(os.path.dirname(link)).st_mode & 0o777, 0o755)
        tap.equal(library.link(), link)
        done = run(folder, '-d', f'{folder}/p', SUBJECT, env=library.env)
        tap.equal(done.returncode, 0)
        report(done)


@tap.test
def a_link_that_others_can_change_is_not_used(folder):
    with SeparatingLibrary(folder) as library:
        link = library.link()
        place = os.path.dirname(link)
        os.chmod(place, 0o777)
        assert library.link() != link, 'a folder that others can write to'
        os.chmod(place, 0o755)
        if os.geteuid() == 0:
            os.chown(place, 65534, 65534)
            assert library.link() != link, 'a folder of another user'
            os.chown(place, 0, 0)
        os.rename(place, f'{place}.moved')
        library.links.append(f'{place}.moved/libheapprof.so')
        os.symlink(f'{place}.moved', place)
        assert library.link() != link, 'a link in place of the folder'
        os.unlink(place)
        os.mkdir(place)
        os.symlink(f'{folder}/other.so', link)
        assert library.link() != link, 'a link to another library'


@tap.test
def a_process_that_outlives_the_run_keeps_the_library(folder):
    os.mkfifo(f'{folder}/fifo')
    script = f'(read x; exec {SUBJECT}) > {folder}/out 2>&1 < {folder}/fifo &'
    with SeparatingLibrary(folder) as library:
        library.link()
        run(folder, '-d', f'{folder}/p', 'sh', '-c', script, env=library.env)
        with open(f'{folder}/fifo', 'w', encoding='utf-8') as fifo:
            fifo.write('go\n')
        running.wait_until(lambda: 'served' in open(f'{folder}/out', encoding='utf-8').read() and programs_of(folder),
                           'the program has ended')
        tap.equal(open(f'{folder}/out', encoding='utf-8').read(), 'served\n')
        tap.equal(programs_of(folder), {'subject'})


def run_in_background(folder, **settings):
    """Runs a subject that goes on after the run. Returns the lines of the report, and its process ID."""
    os.mkfifo(f'{folder}/fifo')
    done = run(folder, 'bash', '-c', f'exec 3<> {folder}/fifo; {SUBJECT} wait >&3 2> /dev/null & read x < {folder}/fifo',
               env=command.environment(folder, **settings))
    tap.equal((done.returncode, done.stdout), (0, ''))
    found = re.search(r"heapprof: subject \(process (\d+)\) is still running, and writes more dumps; "
                      r"'pprofconv top pid:\1' shows what it holds\n", done.stderr)
    assert found, done.stderr
    return done.stderr.splitlines(), int(found[1])


@tap.test
def a_process_that_is_still_running(folder):
    lines, pid = run_in_background(folder)
    try:
        tap.equal(len(lines), 6)
        tap.is_in(' in use at its last dump so far, ', lines[0])
    finally:
        os.kill(pid, signal.SIGKILL)


@tap.test
def a_process_that_has_no_dump_yet(folder):
    lines, pid = run_in_background(folder, HEAP_PROFILE_ALLOCATION_INTERVAL=0)
    try:
        tap.equal(len(lines), 2)
        place = lines[0].removeprefix('heapprof: no dump yet; the dumps will be in ')
        tap.equal(dumps(place), [])
    finally:
        os.kill(pid, signal.SIGTERM)
    running.wait_until(lambda: dumps(place), 'the dump of its end')


@tap.test
def a_folder_with_percent_signs(folder):
    os.mkdir(f'{folder}/100%p')
    done = run(folder, SUBJECT, env=command.environment(f'{folder}/100%p'))
    tap.is_in(f'{folder}/100%p/heapprof-', report(done)[2])


@tap.test
def a_folder_whose_name_is_not_printable(folder):
    tap.need('bash')
    place = os.fsdecode('{}/it\'s\n\t\x1b[7m\u202e\\'.format(folder).encode() + b'\xff1')
    os.mkdir(place)
    done = run(folder, '-d', f'{place}/p', SUBJECT)
    lines = done.stderr.splitlines()
    tap.equal(len(lines), 5)
    assert not re.search('[\x00-\x09\x0b-\x1f\x7f\u202e]', done.stderr), done.stderr
    for line in lines[3:]:
        shown = cli.run('bash', '-c', line)
        tap.equal(shown.returncode, 0)
        tap.is_in('remember', shown.stdout)


# --- what can't work -----------------------------------------------------------------------------

def refuse(folder, *args, **options):
    """Returns the errors of a run that did not start its program."""
    before = sorted(os.listdir(folder))
    done = run(folder, *args, **options)
    tap.equal((done.returncode, done.stdout), (2, ''))
    tap.equal(sorted(os.listdir(folder)), before)  # no temporary folder is left
    return done.stderr


@tap.test(kind=command.UNFIT)
def unfit_programs_are_refused(folder, kind):
    make, sentence, _ = command.UNFIT[kind]
    program = f'{folder}/program'
    make(program)
    separator = ': ' if kind == 'missing' else ' '
    tap.equal(refuse(folder, program), f'heapprof: {program}{separator}{sentence}\n')


@tap.test
def a_script_whose_interpreter_is_unfit(folder):
    command.make_static(f'{folder}/static')
    script = command.write_program(f'{folder}/script', f'#!{folder}/static\n')
    tap.equal(refuse(folder, script), f'heapprof: {script} is a script, and its interpreter {folder}/static '
              f'{command.UNFIT["static"][1]}\n')


@tap.test
def every_problem_has_a_line(folder):
    lines = refuse(folder, '-d', f'{folder}/none/p', 'no-such-program',
                   env=command.environment(folder, HEAPPROF_LIBRARY=f'{folder}/none.so')).splitlines()
    tap.equal(lines, [
        "heapprof: no program 'no-such-program' in PATH; check the name, or give its path",
        f'heapprof: HEAPPROF_LIBRARY={folder}/none.so: No such file or directory; set it to the path of '
        'libheapprof.so',
        f"heapprof: {folder}/none: the folder of the dumps does not exist; make it with 'mkdir -p'"])


@tap.test
def options_that_make_no_sense(folder):
    for args, line in {
            ('-x', '-i', '1K', 'true'): '--exact and --interval exclude each other; give one',
            ('--every=soon', 'true'): "--every: invalid time 'soon'; expected one such as 60s, 5m or 1h",
            ('--interval=1T', 'true'): "--interval: invalid size '1T'; expected one such as 64M",
            ('--interval=0', 'true'): '--interval: out of range; expected 1 to 1024G',
            ('--interval=1025G', 'true'): '--interval: out of range; expected 1 to 1024G',
            ('-x', '--interval=0', 'true'): '--exact and --interval exclude each other; give one',
            ('--dumps=', 'true'): '--dumps: the prefix is empty; name one such as /tmp/app',
            (): "expected a program to run; see 'heapprof run --help'",
            ('--nonsense', 'true'): "no such option: '--nonsense'; 'heapprof run --help' lists the options",
    }.items():
        tap.equal(refuse(folder, *args), f'heapprof: {line}\n')


@tap.test
def a_folder_that_may_not_be_written(folder):
    if os.geteuid() == 0:
        tap.need('setpriv')
        os.chmod(folder, 0o755)
        done = cli.run('setpriv', '--reuid=65534', '--clear-groups', HEAPPROF, 'run', '-d', f'{folder}/p', 'true',
                       env=command.environment('/tmp'))
    else:
        os.chmod(folder, 0o555)
        done = run('/tmp', '-d', f'{folder}/p', 'true')
    tap.equal((done.returncode, done.stdout, done.stderr), (
        2, '', f'heapprof: {folder}: Permission denied; name another folder for the dumps with --dumps\n'))


@tap.test
def no_dump_has_its_reason(folder):
    for args, settings, words in (
            (['sh', '-c', ':'], {}, "'sh' is not recorded"),
            (['env', '-i', SUBJECT], {}, 'or runs without LD_PRELOAD'),
            (['timeout', '-s', 'KILL', '300', SUBJECT, 'die', '9'], {'HEAP_PROFILE_ALLOCATION_INTERVAL': '0'},
             'was killed before its first dump'),
            ([SUBJECT], {'HEAP_PROFILE_PROGRAM': 'other'}, 'matches HEAP_PROFILE_PROGRAM=other'),
            ([SUBJECT, 'die', '9'], {'HEAP_PROFILE_ALLOCATION_INTERVAL': '0'}, 'Killed (signal 9)'),
            ([SUBJECT], {'HEAP_PROFILE_ALLOCATION_INTERVAL': '0', 'HEAP_PROFILE_EXIT_DUMP': '0'},
             'heapprof-server(7)')):
        done = run(folder, *args, env=command.environment(folder, **settings))
        tap.is_in(words, done.stderr.splitlines()[-1])
        tap.is_in("see the library's message above if there is one", done.stderr.splitlines()[-1])
        tap.equal(os.listdir(folder), [])


@tap.test
def one_dump_shows_what_holds_most(folder):
    done = run(folder, SUBJECT, env=command.environment(folder, HEAP_PROFILE_ALLOCATION_INTERVAL=0,
                                                        HEAP_PROFILE_INUSE_INTERVAL=0))
    lines = done.stderr.splitlines()
    tap.equal(len(lines), 5)
    tap.is_in(', 1 dump', lines[0])
    tap.is_in('holds most: remember, ', lines[1])
    tap.is_in("one dump can't show growth; if the program runs longer, --every=1s", lines[4])
    done = run(folder, '--every=1s', SUBJECT, 'brief')
    tap.equal(done.stderr.splitlines()[4], "heapprof: one dump can't show growth; let the program run longer")


@tap.test
def small_leaks_are_exact(folder):
    """With nothing set, each block of a small program is recorded."""
    done = run(folder, f'--dumps={folder}/p', AUTO, 'leaks', 'begin')
    tap.equal(done.returncode, 0)
    names = [f'{folder}/{name}' for name in dumps(folder)]
    top = cli.run(PPROFCONV, 'top', '-q', names[-1]).stdout
    diff = cli.run(PPROFCONV, 'diff', '-q', names[0], names[-1]).stdout
    for text in top, diff:
        tap.is_in('120.00 KiB', row(text, 'leak_pages'))
        tap.is_in('10.78 KiB', row(text, 'leak_words'))
        tap.equal('+-' in row(text, 'leak_pages'), False)


@tap.test
def nothing_may_grow(folder):
    done = run(folder, '--interval=1G', SUBJECT)
    tap.equal(done.stderr.splitlines()[1], 'heapprof: nothing grew by more than the sampling error')


@tap.test
def an_unknown_expansion_is_part_of_the_folders_name(folder):
    os.mkdir(f'{folder}/100%x')
    done = run(folder, '--dumps', f'{folder}/100%x/p', SUBJECT)
    tap.is_in(f'{folder}/100%x', report(done)[2])


# --- dumps by time, from outside ------------------------------------------------------------------

class Timed:
    """Programs under `heapprof run --every=1s`, which wait."""

    def __init__(self, folder, *args, n=1, **settings):
        self.folder = folder
        self.run = subprocess.Popen([HEAPPROF, 'run', '--exact', '--every=1s', '-d', f'{folder}/p', *args],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    text=True, start_new_session=True, env=command.environment(folder, **settings))
        for _ in range(n):
            tap.equal(self.run.stdout.readline(), 'ready\n')

    def __enter__(self):
        return self

    def __exit__(self, *error):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.run.pid, signal.SIGKILL)
        self.run.communicate()

    def wait_for(self, *names):
        for name in names:
            running.wait_until(lambda: os.path.exists(f'{self.folder}/{name}'),  # pylint: disable=cell-var-from-loop
                               f'{name} in {os.listdir(self.folder)}')

    def children(self, pid=None):
        pid = pid or self.run.pid
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as file:
            return [int(word) for word in file.read().split()]

    def end(self):
        """Ends the program; returns the lines of the report."""
        self.run.send_signal(signal.SIGTERM)
        return self.run.communicate(timeout=running.PATIENCE)[1].splitlines()


def metadata(folder, name, key):
    with open(f'{folder}/{name}', encoding='utf-8') as file:
        return re.search(f'^# {key}: (.*)$', file.read(), re.MULTILINE)[1]


@tap.test
def dumps_by_time_while_nothing_is_allocated(folder):
    with Timed(folder, SUBJECT, 'wait') as timed:
        timed.wait_for('p.0003.heap')
        pid = timed.children()[0]
        tap.equal(os.listdir(f'/proc/{pid}/task'), [str(pid)])
        lines = timed.end()
    found = dumps(folder)
    tap.equal(found, [f'p.{number:04}.heap' for number in range(1, len(found) + 1)])
    tap.equal([metadata(folder, name, 'reason') for name in found],
              ['outside: time'] * (len(found) - 1) + ['exit'])
    tap.is_in(f'24.00 MiB at its peak, {len(found)} dumps', lines[0])
    tap.is_in(f'{folder}/p.0001.heap {folder}/{found[-1]}', lines[4])


@tap.test
def the_program_goes_on_after_dumps_from_outside(folder):
    with Timed(folder, SUBJECT, 'wait', HEAPPROFILESIGNAL=40) as timed:
        reasons = {}
        for number in range(1, 8):
            timed.wait_for(f'p.{number:04}.heap')
            reasons[number] = metadata(folder, f'p.{number:04}.heap', 'reason')
            if reasons[number] == 'outside: time':
                os.kill(timed.children()[0], 40)
        timed.end()
    tap.equal(set(reasons.values()), {'outside: time', 'signal 40'})
    tap.equal([name for name in dumps(folder) if '_' in name], [])


@tap.test
def all_processes_of_a_run(folder):
    with Timed(folder, 'sh', '-c', '"$0" wait & "$0" wait & wait', SUBJECT, n=2) as timed:
        pids = timed.children(timed.children()[0])
        timed.wait_for('p.0002.heap', f'p_{max(pids)}.0002.heap')
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        lines = timed.run.communicate(timeout=running.PATIENCE)[1].splitlines()
    for name in dumps(folder):
        tap.equal(metadata(folder, name, 'pid'), str(max(pids) if '_' in name else min(pids)))
    tap.is_in('1 other process wrote dumps too', lines[2])


@tap.test
def fork_children_have_their_own_prefix(folder):
    code = 'import os, signal\nos.fork()\nkept = bytes(99999)\nos.write(1, b"ready\\n")\nsignal.pause()'
    with Timed(folder, sys.executable, '-c', code, n=2) as timed:
        pid, = timed.children()
        while not timed.children(pid):  # a shim that is still there
            pid, = timed.children(pid)
        child, = timed.children(pid)
        timed.wait_for(f'p_{child}.0001.heap')
        os.kill(child, signal.SIGKILL)


@tap.test
def dumps_by_time_of_what_may_not_be_read(folder):
    if os.geteuid():
        tap.skip('root is needed')
    tap.need('setpriv')
    shutil.copy(SUBJECT, f'{folder}/subject')
    os.chmod(folder, 0o777)
    # The program has capabilities that heapprof lacks, and runs in its own right.
    done = cli.run('setpriv', '--bounding-set=-sys_ptrace', '--inh-caps=-sys_ptrace', HEAPPROF, 'run', '--every=1s',
                   '-d', f'{folder}/p', 'setpriv', '--reuid=65534', '--clear-groups', 'timeout', '3',
                   f'{folder}/subject', 'wait', env=command.environment(folder))
    tap.equal(done.returncode, 124)
    tap.equal(sum('no right to read its memory' in line for line in done.stderr.splitlines()), 1, done.stderr)


# --- signals -------------------------------------------------------------------------------------

class Waiting:
    """The subject under `heapprof run`, waiting for signals; on a terminal if asked for."""

    def __init__(self, folder, on_terminal=False, shell=()):
        env = command.environment(folder)
        args = [*shell, HEAPPROF, 'run', '-d', f'{folder}/p', SUBJECT, 'wait']
        if on_terminal:
            self.pid, self.fd = os.forkpty()
            if self.pid == 0:
                os.execve(args[0], args, env)
        else:
            self.fd, theirs = os.pipe()
            self.pid = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
                                        env=env, restore_signals=True).pid
            os.close(theirs)
        self.text = ''
        self.expect('ready')

    def expect(self, word):
        """Waits for a line with the word; returns it."""
        while True:
            line, end, rest = self.text.partition('\n')
            if end:
                self.text = rest
                if word in line:
                    return line
            else:
                assert select.select([self.fd], [], [], 300)[0], f'no {word}: {self.text}'
                try:
                    read = os.read(self.fd, 4096)
                except OSError:  # a terminal whose other side is closed
                    read = b''
                assert read, f'the end, and no {word}: {self.text}'
                self.text += read.decode()

    def end(self):
        """Reads the rest of the output; returns the exit status."""
        try:
            while os.read(self.fd, 4096):
                pass
        except OSError:
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@tap.test
def signals_are_passed_on(folder):
    waiting = Waiting(folder)
    os.kill(waiting.pid, signal.SIGINT)
    waiting.expect('INT')
    os.kill(waiting.pid, signal.SIGTERM)
    waiting.expect('TERM')
    waiting.expect('heapprof: subject (process')
    tap.equal(waiting.end(), 7)


@tap.test
def every_signal_is_passed_on(folder):
    waiting = Waiting(folder)
    left_out = {signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCONT,
                signal.SIGCHLD, signal.SIGUSR1, signal.SIGTERM}  # the last two end the program
    for number in sorted(signal.valid_signals() - left_out):
        os.kill(waiting.pid, number)
        real_time = number >= signal.SIGRTMIN
        name = 'another' if real_time else 'POLL' if number == signal.SIGIO else signal.Signals(number).name[3:]
        tap.equal(waiting.expect(''), name)
    os.kill(waiting.pid, signal.SIGTERM)
    waiting.expect('TERM')
    waiting.expect('heapprof: subject (process')
    tap.equal(waiting.end(), 7)


@tap.test
def a_key_reaches_the_program_once(folder):
    waiting = Waiting(folder, on_terminal=True)
    os.write(waiting.fd, b'\x03')
    waiting.expect('INT')
    os.kill(waiting.pid, signal.SIGUSR1)  # arrives after a second INT, if one were passed on
    line = waiting.expect('')
    tap.equal(line.strip(), 'USR1')
    waiting.expect('heapprof: subject (process')
    tap.equal(waiting.end(), 7)


# A small shell: it gives the terminal to a job, and continues the job once it is stopped. For the
# test it prints what it saw. A group without such a parent can't be stopped by its terminal.
SHELL = '''
import os, signal, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
assert os.WIFSTOPPED(os.waitpid(job, os.WUNTRACED)[1])
child = int(open(f'/proc/{job}/task/{job}/children').read())
state = open(f'/proc/{child}/stat').read().rsplit(')', 1)[1].split()[0]
print('stopped', state, flush=True)
os.kill(job, signal.SIGCONT)  # heapprof alone: it passes it on
os.kill(job, signal.SIGUSR1)
print('status', os.waitstatus_to_exitcode(os.waitpid(job, 0)[1]), flush=True)
'''


@tap.test
def both_stop_at_a_key_and_go_on(folder):
    waiting = Waiting(folder, on_terminal=True, shell=[sys.executable, '-c', SHELL])
    os.write(waiting.fd, b'\x1a')
    assert waiting.expect('stopped').strip().endswith('stopped T')
    waiting.expect('USR1')
    tap.equal(waiting.expect('status').strip(), 'status 7')
    tap.equal(waiting.end(), 0)


@tap.test
def an_ignored_sigchld_changes_nothing(folder):
    done = cli.run(sys.executable, '-c', 'import os, signal, sys\n'
                   'signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n'
                   'os.execv(sys.argv[1], sys.argv[1:])', HEAPPROF, 'run', SUBJECT, '3',
                   env=command.environment(folder))
    tap.equal((done.returncode, done.stdout), (3, 'served\n'))
    report(done)


tap.main()
