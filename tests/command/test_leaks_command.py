#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`heapprof leaks`: what programs have lost when they end. With HEAPPROF_LEAK_CHECKERS=1 the verdicts are
compared with those of LeakSanitizer and valgrind, too."""

import os
import re
import signal
import subprocess

import command
import cli
import tap
from command import BUILD, HEAPPROF

PPROFCONV = str(BUILD / 'pprofconv' / 'pprofconv')
KINDS = str(BUILD / 'tests' / 'command' / 'leak_kinds')
PLUGIN = str(BUILD / 'tests' / 'command' / 'leak_plugin.so')
SOURCE = str(command.ROOT / 'tests' / 'command' / 'leak_kinds.cc')
LEAKED = 23

# For each kind the bytes that are lost directly and indirectly. Kinds that others judge differently have
# their verdicts, too; LEAKS in heapprof(1) explains them. valgrind calls blocks to which only
# pointers to their middle lead "possibly lost"; they count as kept here.
LOST = {
    'lose_one': (40, 0),
    'lose_list': (40, 80),
    'lose_self': (40, 0),
    'lose_large': (1 << 20, 0),
    'lose_array': (8 + 3 * 32, 0),
    'lose_aligned': (128, 0),
    'lose_string': (33, 0),
    'lose_overwritten': (40, 0),
    'lose_ring': (40, 40),
    'lose_tree': (24, 120),
    'lose_shared': (80, 40),
    'lose_past_end': (40, 0),
    'lose_unaligned': (40, 0),
    'lose_masked': (40, 0),
    'lose_moved': (5000, 0),
    'lose_in_freed': (40, 0),
    'lose_in_ended_thread': (40, 0),
    'lose_at_signal': (40, 0),
    'lose_and_wait': (40, 0),
}
LSAN = {
    'lose_ring': (0, 80),        # a ring has no direct leak
    'lose_at_signal': (0, 0),    # not looked at
    'keep_in_mapping': (40, 0),  # mappings of the program are not searched
}
MEMCHECK = {
    'keep_in_plugin': (40, 0),   # thread-local storage of libraries that were opened late is not searched
}


def environment(folder, **settings):
    return command.environment(folder, LEAK_PLUGIN=PLUGIN, HEAPPROF_LIBRARY=command.LIBRARY, **settings)


def leaks(folder, *args, env=None, **options):
    return command.heapprof(folder, 'leaks', *args, env=env or environment(folder), **options)


def verdicts(text):
    """Returns for each process the bytes that it has lost directly and indirectly."""
    out, pid = {}, None
    for line in text.splitlines():
        if title := re.match(r'==(\d+)==ERROR: \w+: detected memory leaks', line):
            pid = int(title[1])
            out[pid] = (0, 0)
        elif leak := re.match(r'(Direct|Indirect) leak of (\d+) byte', line):
            direct, indirect = out[pid]
            size = int(leak[2])
            out[pid] = (direct + size, indirect) if leak[1] == 'Direct' else (direct, indirect + size)
    return out


def by_kind(stdout, found):
    kinds = dict(line.split() for line in stdout.splitlines())
    return {kind: found.get(int(pid), (0, 0)) for pid, kind in kinds.items()}


def expected(kinds, others=()):
    wanted = {**LOST, **dict(others)}
    return {kind: wanted.get(kind, (0, 0)) for kind in kinds}


@tap.test
def test_kinds(folder):
    """Each forked child gets a report of its own, of exactly what it has lost."""
    done = leaks(folder, '--no-symbols', KINDS)
    found = by_kind(done.stdout, verdicts(done.stderr))
    tap.equal(len(found), 33)
    tap.equal(found, expected(found))
    tap.equal(done.returncode, LEAKED)


@tap.test
def test_a_kind_in_the_main_process(folder):
    done = leaks(folder, KINDS, 'lose_list')
    tap.equal(done.returncode, LEAKED)
    tap.check(re.search(r'Direct leak of 40 byte\(s\) in 1 object\(s\) allocated from:\n'
                        r'    #0 0x[0-9a-f]+ in .*make \S*leak_kinds.cc:\d+:\d+\n'
                        r'    #1 0x[0-9a-f]+ in .*lose_list \S*leak_kinds.cc:\d+:\d+\n', done.stderr),
              done.stderr)
    tap.check('SUMMARY: heapprof: 120 byte(s) leaked in 3 allocation(s).' in done.stderr, done.stderr)
    tap.check('libheapprof' not in done.stderr, done.stderr)


@tap.test
def test_the_report_is_read_by_pprofconv(folder):
    log = folder + '/log'
    done = leaks(folder, '--log-file=' + log, KINDS, 'lose_list')
    tap.equal((done.returncode, done.stderr), (LEAKED, ''))
    done = cli.run(PPROFCONV, 'top', log, '--sample-type=leaked_space')
    tap.equal(done.returncode, 0)
    tap.check(re.search(r'120 .*make', done.stdout), done.stdout)
    info = cli.run(PPROFCONV, 'info', log).stdout
    tap.check('heapprof leaks' in info, info)


@tap.test
def test_exit_status(folder):
    for status in 0, 5:
        done = leaks(folder, '/bin/sh', '-c', f'exit {status}', env=environment(folder, HEAP_PROFILE_PROGRAM=''))
        tap.equal((done.returncode, done.stderr), (status, 'heapprof: no leaks in 1 process\n'))
    tap.equal(leaks(folder, '--exit-code=7', KINDS, 'lose_one').returncode, 7)
    tap.equal(leaks(folder, '--exit-code=0', '--quiet', KINDS, 'lose_one').returncode, 0)
    done = leaks(folder, '--quiet', KINDS, 'keep_global')
    tap.equal((done.returncode, done.stderr), (0, ''))


@tap.test
def test_suppressions(folder):
    path = folder + '/list'
    for pattern in '*lose_li*', '^{anonymous', 'leak_kinds.cc', 'leak_kinds$':
        with open(path, 'w', encoding='utf-8') as file:
            file.write(f'# known\nleak:{pattern}\n')
        done = leaks(folder, '--suppressions', path, KINDS, 'lose_list')
        is_in_all = not pattern.startswith('^')
        tap.equal((pattern, done.returncode), (pattern, 0 if is_in_all else LEAKED))


@tap.test
def test_a_log_for_each_process(folder):
    done = leaks(folder, '--no-symbols', f'--log-file={folder}/log.%p', '/bin/sh', '-c',
                 f'{KINDS} lose_one; {KINDS} lose_shared; {KINDS} keep_global')
    tap.equal((done.returncode, done.stderr), (LEAKED, ''))
    found = {}
    for name in os.listdir(folder):
        if name.startswith('log.'):
            with open(os.path.join(folder, name), encoding='utf-8') as file:
                found.update(verdicts(file.read()))
            tap.check(int(name[4:]) in found, name)
    tap.equal(sorted(found.values()), [(40, 0), (80, 40)])


@tap.test
def test_signals(folder):
    """A signal that ends a process comes after the look. Python's own handler stays."""
    done = leaks(folder, '--no-symbols', '--exit-code=0', KINDS, 'lose_at_signal')
    tap.equal(done.returncode, -signal.SIGTERM)
    tap.equal(list(verdicts(done.stderr).values()), [(40, 0)])
    done = leaks(folder, '--quiet', '--exit-code=0', '/usr/bin/python3', '-c',
                 'import os, signal\ntry: os.kill(os.getpid(), signal.SIGINT)\n'
                 'except KeyboardInterrupt: print("interrupted")')
    tap.equal((done.returncode, done.stdout), (0, 'interrupted\n'))


@tap.test
def test_after_a_time(folder):
    """The program goes on, and is looked at once more at its end."""
    with subprocess.Popen([HEAPPROF, 'leaks', '--no-symbols', '--after=1s', KINDS, 'lose_and_wait'],
                          env=environment(folder), stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as tool:
        while 'SUMMARY' not in (line := tool.stderr.readline()):
            tap.check(line, 'no report')
        rest = tool.communicate('\n')[1]
    tap.equal(list(verdicts(rest).values()), [(40, 0)])
    tap.equal(tool.returncode, LEAKED)


@tap.test
def test_heapcheck(folder):
    for value, status in ('normal', LEAKED), ('strict', LEAKED), ('draconian', 0):
        done = command.heapprof(folder, 'run', KINDS, 'lose_one', env=environment(folder, HEAPCHECK=value))
        tap.equal((value, done.returncode), (value, status))
        tap.equal(list(verdicts(done.stderr).values()), [(40, 0)] if status else [])


@tap.test
def test_bad_usage(folder):
    """Nothing is run, and one line says why."""
    mark = folder + '/mark'
    with open(folder + '/bad', 'w', encoding='utf-8') as file:
        file.write('nonsense\n')
    for args, problem in [
            ([], "expected a program to run"),
            (['--exit-code=256', 'touch', mark], '--exit-code: out of range; expected 0 to 255'),
            (['--after=soon', 'touch', mark], "--after: invalid time 'soon'"),
            (['--log-file=%x', 'touch', mark], "--log-file: '%x': % must be followed by p"),
            (['--log-file=/nowhere/log', 'touch', mark], '--log-file: /nowhere/log: No such file'),
            ([f'--suppressions={folder}/bad', 'touch', mark], "expected a suppression"),
            ([f'--suppressions={folder}/none', 'touch', mark], 'No such file'),
            (['no-such-program', mark], "no program 'no-such-program' in PATH")]:
        done = leaks(folder, *args)
        tap.equal((args, done.returncode, done.stderr.count('\n')), (args, 2, 1))
        tap.check(problem in done.stderr, done.stderr)
    tap.check(not os.path.exists(mark), 'it was run')


@tap.test
def test_nobody_asks(folder):
    """A program that is not recorded does not pass as one without leaks."""
    done = leaks(folder, '/bin/sh', '-c', 'exit 3')
    tap.equal(done.returncode, 3)
    tap.check('no process was looked at' in done.stderr, done.stderr)


@tap.test
def test_the_tool_is_killed(folder):
    """A process that waits for its last look goes on when there is nobody to take it."""
    with subprocess.Popen([HEAPPROF, 'leaks', '/bin/sh', '-c', 'echo ready; read line; exit 4'],
                          env=environment(folder, HEAP_PROFILE_PROGRAM=''), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as tool:
        tap.equal(tool.stdout.readline(), b'ready\n')
        tool.kill()
        tool.stdin.close()
        tap.equal(tool.stdout.read(), b'')  # its end closes the pipe


@tap.test
def test_other_checkers(folder):
    """The same kinds by LeakSanitizer and valgrind."""
    if 'HEAPPROF_LEAK_CHECKERS' not in os.environ:
        tap.skip('takes long; HEAPPROF_LEAK_CHECKERS=1 runs it')
    tap.need('g++', 'valgrind')
    program = folder + '/kinds'
    done = cli.run('g++', '-g', '-O1', '-fsanitize=leak', '-o', program, SOURCE)
    tap.equal(done.returncode, 0)
    done = cli.run(program, env={**environment(folder), 'LSAN_OPTIONS': 'symbolize=0'})
    found = by_kind(done.stdout, verdicts(done.stderr))
    tap.equal(found, expected(found, LSAN.items()))
    done = cli.run('valgrind', '--leak-check=full', '--show-leak-kinds=all', f'--log-file={folder}/log.%p',
                   KINDS, env=environment(folder))
    found = by_kind(done.stdout, {int(line.split()[0]): valgrinds_verdict(f'{folder}/log.{line.split()[0]}')
                                  for line in done.stdout.splitlines()})
    tap.equal(found, expected(found, MEMCHECK.items()))


def valgrinds_verdict(path):
    with open(path, encoding='utf-8') as file:
        text = file.read()
    sums = [re.search(kind + r' lost: ([\d,]+) bytes', text) for kind in ('definitely', 'indirectly')]
    return tuple(int(match[1].replace(',', '')) if match else 0 for match in sums)


if __name__ == '__main__':
    tap.main()
