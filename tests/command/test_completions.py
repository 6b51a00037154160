#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The completions for shells: commands, their options and their arguments."""

import os
import re
import select
import signal

import command
import cli
import running
import tap

FILES = {'heapprof': command.BUILD / 'profiler' / 'command' / 'heapprof.bash',
         'pprofconv': command.BUILD / 'pprofconv' / 'pprofconv.bash'}
PROGRAMS = {'heapprof': command.HEAPPROF, 'pprofconv': str(command.BUILD / 'pprofconv' / 'pprofconv')}

COMPLETE = '''
source "$1"
function=_$2
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
$function
printf '%s\\n' "${COMPREPLY[@]}"
'''


def complete(folder, program, *words):
    """Returns bash's completions of the last word."""
    tap.need('bash')
    done = cli.run('bash', '-c', COMPLETE, 'bash', str(FILES[program]), program, *words, cwd=folder)
    tap.equal((done.returncode, done.stderr), (0, ''))
    return done.stdout.split('\n')[:-1]


def options_of(program, name):
    return re.findall('^ +(?:-., )?(--[a-z-]+)', cli.run(PROGRAMS[program], name, '--help').stdout, re.MULTILINE)


def commands_of(program):
    text = cli.run(PROGRAMS[program], '--help').stdout.split('Commands:\n')[1].split('\n\n')[0]
    return [line.split()[0] for line in text.splitlines()]


@tap.test
def commands_and_their_options(folder):
    for program in PROGRAMS:
        commands = [name for name in commands_of(program) if name != 'PID']
        tap.equal(complete(folder, program, ''), [*commands, 'help', '--help', '--version'])
        for name in commands:
            tap.is_in(name, complete(folder, program, name[:-1]))
            found = complete(folder, program, name, '--')
            tap.equal(found, options_of(program, name))
            assert '--help' in found, found


@tap.test
def options_after_a_process_id(folder):
    tap.equal(complete(folder, 'heapprof', '4711', '--'), options_of('heapprof', 'PID'))
    tap.equal(complete(folder, 'heapprof', '4711', '--every', '1'), [''])


@tap.test
def arguments_of_options(folder):
    for name in ('a file', 'app.heap'):
        with open(f'{folder}/{name}', 'w', encoding='utf-8'):
            pass
    for words in (['a'], ['diff', 'a'], ['diff', '--base', 'a'], ['diff', '--base', '=', 'a'], ['top', '-b', 'a']):
        tap.equal(sorted(complete(folder, 'pprofconv', *words)), ['a file', 'app.heap'])
    tap.equal(sorted(complete(folder, 'pprofconv', 'diff', '--base', '=')), ['a file', 'app.heap'])
    for words in (['diff', '--format', 'a'], ['formats', 'a']):
        tap.equal(complete(folder, 'pprofconv', *words), [''])
    tap.equal(sorted(complete(folder, 'heapprof', 'run', '-d', 'a')), ['a file', 'app.heap'])
    tap.equal(complete(folder, 'heapprof', 'run', '--every', 'a'), [''])


@tap.test
def programs_and_processes(folder):
    tap.is_in('timeout', complete(folder, 'heapprof', 'run', 'timeou'))
    tap.is_in('timeout', complete(folder, 'heapprof', 'check', 'timeou'))
    tap.is_in(str(os.getpid()), complete(folder, 'heapprof', 'check', str(os.getpid())))


@tap.test
def words_after_the_options(folder):
    for words in (['make', '--d'], ['-x', 'make', '-d', '--d'], ['-d', 'p', '--', 'make', '--'],
                  ['--every', '=', '1s', 'make', '-e', '--'], ['--', '--d']):
        tap.equal(complete(folder, 'heapprof', 'run', *words), [''])
    for words in (['-x', '--d'], ['-d', 'p', '--d'], ['--dumps', '=', 'p', '--d'], ['--every', '1s', '--d']):
        tap.equal(complete(folder, 'heapprof', 'run', *words), ['--dumps'])
    tap.is_in('timeout', complete(folder, 'heapprof', 'run', '-d', 'p', '--', 'timeou'))
    tap.equal(complete(folder, 'pprofconv', 'top', '--', '--'), [''])
    tap.is_in('--help', complete(folder, 'pprofconv', 'top', 'file', '--he'))


class Terminal:
    """An interactive bash with our completions, in a folder. Ctrl-G prints the line that is being edited."""

    SETTINGS = (r"""bind 'set enable-bracketed-paste off'; bind 'set show-all-if-ambiguous on'; """
                r"""bind 'set page-completions off'; bind -x '"\C-g": printf "<%s>\n" "$READLINE_LINE"'; """
                r"""stty -echo; source "$COMPLETIONS"; echo rea''dy""")

    def __init__(self, folder, program):
        tap.need('bash')
        env = {**command.environment(folder), 'TERM': 'dumb', 'COMPLETIONS': str(FILES[program]), 'HISTFILE': ''}
        self.pid, self.fd = os.forkpty()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe('bash', ['bash', '--norc', '--noprofile', '-i'], env)

    def __enter__(self):
        os.write(self.fd, self.SETTINGS.encode() + b'\n')
        self.read_to('ready\r\n')
        return self

    def __exit__(self, *error):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)

    def read_to(self, end):
        text = ''
        while end not in text:
            assert select.select([self.fd], [], [], running.PATIENCE)[0], f'no {end!r}: {text!r}'
            text += os.read(self.fd, 4096).decode(errors='replace')
        return text

    def complete(self, line):
        """Returns the line after a TAB, and the options that were listed."""
        os.write(self.fd, b'\x15' + line.encode() + b'\t\x07')
        listed, _, completed = self.read_to('>\r\n').rpartition('<')
        return completed.removesuffix('>\r\n'), [word for word in listed.split() if word.startswith('--')]


@tap.test
def bash_on_a_terminal(folder):
    for name in ('a file', "it's", 'le ak', 'b$x', 'in/si de'):
        os.makedirs(os.path.dirname(f'{folder}/{name}'), exist_ok=True)
        command.write_program(f'{folder}/{name}', '#!/bin/sh\n')
    with Terminal(folder, 'heapprof') as bash:
        line, listed = bash.complete('heapprof run --')
        tap.equal((line, sorted(listed)), ('heapprof run --', sorted(options_of('heapprof', 'run'))))
        for typed, expected in {
                'ch': 'check ',
                'run --d': 'run --dumps ',
                'run -d a': r'run -d a\ file ',
                r'run -d a\ f': r'run -d a\ file ',
                "run -d 'a f": "run -d 'a file' ",
                'run --dumps="a f': 'run --dumps="a file" ',
                r'run --dumps=in/si\ d': r'run --dumps=in/si\ de ',
                'run ./le': r'run ./le\ ak ',
                'run ./it': r"run ./it\'s ",
                'run ./b': r'run ./b\$x ',
                'run ./it\\\'s -d a': r"run ./it\'s -d a\ file ",
                'run make --d': 'run make --d',
                f'check {os.getpid()}': f'check {os.getpid()} '}.items():
            tap.equal(bash.complete(f'heapprof {typed}')[0], f'heapprof {expected}')


@tap.test
def zsh_reads_its_own(folder):
    tap.need('zsh')
    for name, file in FILES.items():
        done = cli.run('zsh', '-n', str(file.parent / f'_{name}'))
        tap.equal((done.returncode, done.stderr), (0, ''))


tap.main()
