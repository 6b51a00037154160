#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The completions for shells: commands, their options and their arguments."""

import os
import re

import command
import cli
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
        commands = commands_of(program)
        tap.equal(complete(folder, program, ''), [*commands, 'help', '--help', '--version'])
        for name in commands:
            tap.is_in(name, complete(folder, program, name[:-1]))
            found = complete(folder, program, name, '--')
            tap.equal(found, options_of(program, name))
            assert '--help' in found, found


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
def zsh_reads_its_own(folder):
    tap.need('zsh')
    for name, file in FILES.items():
        done = cli.run('zsh', '-n', str(file.parent / f'_{name}'))
        tap.equal((done.returncode, done.stderr), (0, ''))


tap.main()
