#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What shells complete: commands, their options and their arguments."""

import os
import re

import command
import cli

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
    """What bash offers for the last word."""
    cli.need('bash')
    done = cli.run('bash', '-c', COMPLETE, 'bash', str(FILES[program]), program, *words, cwd=folder)
    cli.equal((done.returncode, done.stderr), (0, ''))
    return done.stdout.split('\n')[:-1]


def options_of(program, name):
    return re.findall('^ +(?:-., )?(--[a-z-]+)', cli.run(PROGRAMS[program], name, '--help').stdout, re.MULTILINE)


def commands_of(program):
    text = cli.run(PROGRAMS[program], '--help').stdout.split('Commands:\n')[1].split('\n\n')[0]
    return [line.split()[0] for line in text.splitlines()]


@cli.test
def commands_and_their_options(folder):
    for program in PROGRAMS:
        commands = commands_of(program)
        cli.equal(complete(folder, program, ''), [*commands, 'help', '--help', '--version'])
        for name in commands:
            cli.is_in(name, complete(folder, program, name[:-1]))
            found = complete(folder, program, name, '--')
            cli.equal(found, options_of(program, name))
            assert '--help' in found, found


@cli.test
def arguments_of_options(folder):
    for name in ('a file', 'app.heap'):
        with open(f'{folder}/{name}', 'w', encoding='utf-8'):
            pass
    for words in (['a'], ['diff', 'a'], ['diff', '--base', 'a'], ['diff', '--base', '=', 'a'], ['top', '-b', 'a']):
        cli.equal(sorted(complete(folder, 'pprofconv', *words)), ['a file', 'app.heap'])
    cli.equal(sorted(complete(folder, 'pprofconv', 'diff', '--base', '=')), ['a file', 'app.heap'])
    for words in (['diff', '--format', 'a'], ['formats', 'a']):
        cli.equal(complete(folder, 'pprofconv', *words), [''])
    cli.equal(sorted(complete(folder, 'heapprof', 'run', '-d', 'a')), ['a file', 'app.heap'])
    cli.equal(complete(folder, 'heapprof', 'run', '--every', 'a'), [''])


@cli.test
def programs_and_processes(folder):
    cli.is_in('timeout', complete(folder, 'heapprof', 'run', 'timeou'))
    cli.is_in('timeout', complete(folder, 'heapprof', 'check', 'timeou'))
    cli.is_in(str(os.getpid()), complete(folder, 'heapprof', 'check', str(os.getpid())))


@cli.test
def zsh_reads_its_own(folder):
    cli.need('zsh')
    for name, file in FILES.items():
        done = cli.run('zsh', '-n', str(file.parent / f'_{name}'))
        cli.equal((done.returncode, done.stderr), (0, ''))


cli.main()
