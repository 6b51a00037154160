#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A uprobe on malloc() of a process that heapprof attaches to. The allocator is a library of our own, so that
no other process on the machine gets the uprobe."""

import contextlib
import os
import subprocess

import attached
import command
import cli
import running
import tap

tap.need('cc', 'nm')

TRACING = '/sys/kernel/tracing'

ALLOCATOR = '''
#include <stddef.h>
#define FORWARD(type, name, parameters, arguments) \\
	type __libc_##name parameters; \\
	type name parameters { return __libc_##name arguments; }
FORWARD(void *, malloc, (size_t size), (size))
FORWARD(void *, calloc, (size_t n, size_t size), (n, size))
FORWARD(void *, realloc, (void *block, size_t size), (block, size))
FORWARD(void, free, (void *block), (block))
'''

PROGRAM = '''
#include <stdio.h>
#include <stdlib.h>
static void *volatile kept;
__attribute__((noinline)) static void keep(void) { kept = malloc(1000); }
int main(void)
{
	char line[8];

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		for (int i = 0; i < 10; i++)
			keep();
		puts("done");
	}
	return 0;
}
'''


def build(folder, name, text, *flags):
    source = command.write_program(f'{folder}/{name}.c', text)
    done = cli.run('cc', '-O0', '-g', '-o', f'{folder}/{name}', source, *flags)
    tap.equal(done.returncode, 0, done.stderr)
    return f'{folder}/{name}'


def write(path, text):
    file = os.open(f'{TRACING}/{path}', os.O_WRONLY | os.O_APPEND)  # open() would look for its end
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


@contextlib.contextmanager
def uprobe(library):
    """Sets one on malloc() in the library; yields a function that returns how often it was hit."""
    symbols = cli.run('nm', '-D', library).stdout.splitlines()
    offset = next(line.split()[0] for line in symbols if line.endswith(' T malloc'))
    event = f'heapprof_test_{os.getpid()}/malloc'
    try:
        write('uprobe_events', f'p:{event} {library}:0x{offset}\n')
    except OSError as error:
        tap.skip(f'no uprobe can be set: {error}')
    try:
        write(f'events/{event}/enable', '1')

        def hits():
            with open(f'{TRACING}/uprobe_profile', encoding='utf-8') as profile:
                return next(int(line.split()[2]) for line in profile if line.split()[0] == library)

        yield hits
    finally:
        write(f'events/{event}/enable', '0')
        write('uprobe_events', f'-:{event}\n')


@contextlib.contextmanager
def started(folder):
    library = build(folder, 'allocator.so', ALLOCATOR, '-shared', '-fPIC', '-fcf-protection=branch')
    program = build(folder, 'program', PROGRAM)
    env = command.environment(folder, LD_PRELOAD=library)
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                          env=env) as process:
        def work():
            process.stdin.write('\n')
            tap.equal(process.stdout.readline(), 'done\n')

        tap.equal(process.stdout.readline(), 'ready\n')
        yield process.pid, library, work
        process.stdin.close()
        tap.equal(process.wait(), 0)


@tap.test
def a_uprobe_that_is_set_while_attached(folder):
    with started(folder) as (pid, library, work):
        said = attached.run(folder, 'attach', '-x', pid).stderr
        tap.check('malloc does not begin' not in said, said)
        with uprobe(library) as hits:
            work()
            running.wait_until(lambda: hits() >= 10, 'the uprobe is hit')
            tap.equal(attached.held(folder, pid)['keep'], 10000)
        work()
        tap.equal(attached.held(folder, pid)['keep'], 20000)
        attached.run(folder, 'detach', '-q', pid)
        attached.check_as_before(pid)
        work()


@tap.test
def detach_while_there_is_a_uprobe(folder):
    with started(folder) as (pid, library, work):
        attached.run(folder, 'attach', '-qx', pid)
        with uprobe(library) as hits:
            done = attached.run(folder, 'detach', '-q', pid, status=2)
            tap.is_in('has a breakpoint on its first bytes', done.stderr)
            work()
            tap.check(hits() >= 10, hits())
        attached.run(folder, 'detach', '-q', pid)
        work()
        attached.check_as_before(pid)


@tap.test
def attach_while_there_is_a_uprobe(folder):
    with started(folder) as (pid, library, work):
        with uprobe(library) as hits:
            work()
            done = attached.run(folder, 'attach', pid, status=2)
            tap.equal(len(done.stderr.splitlines()), 1)
            tap.is_in('malloc has a breakpoint on its first bytes; a debugger or a uprobe has set it', done.stderr)
            work()
            tap.check(hits() >= 20, hits())
        attached.run(folder, 'attach', '-q', pid)
        work()
        attached.run(folder, 'detach', '-q', pid)
        attached.check_as_before(pid)


if not os.access(f'{TRACING}/uprobe_events', os.W_OK):
    tap.skip('no right to set a uprobe')
tap.main()
