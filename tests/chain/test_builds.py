#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pprofconv diff of two runs of a program, and of two builds of it."""

import json
import os
import pty
import subprocess

import chain
import cli
import tap

PARTS = {
    'keep.h': 'void *keep(size_t n);\n',
    'keep.c': '''#include <stdlib.h>
#include "keep.h"
void *keep(size_t n) { return malloc(n); }
''',
    'main.c': '''#include <stdlib.h>
#include "keep.h"
static void *volatile kept[101];
__attribute__((noinline)) static void work(int n)
{
	for (int i = 0; i < n; i++)
		kept[i] = keep(1000);
}
int main(void)
{
	kept[100] = malloc(50000);
	work(100);
	return 0;
}
''',
}
TOTAL = 100000 + 50000
FREED = '''#include <pthread.h>
#include <stdlib.h>
#include <string.h>
static char *volatile kept[1000];
__attribute__((noinline)) static void *serve(void *part)
{
	for (long i = 0; i < 250; i++) {
		char *scratch = malloc(20000 + 16 * i);
		memset(scratch, 1, 100);
		kept[(long)part * 250 + i] = malloc(100 + i * 37 % 9000);
		free(scratch);
	}
	return NULL;
}
int main(void)
{
	for (long part = 0; part < 4; part++) {
		pthread_t thread;
		if (part == 3) {
			serve((void *)part);
		} else {
			pthread_create(&thread, NULL, serve, (void *)part);
			pthread_join(thread, NULL);
		}
	}
	return 0;
}
'''


def write(folder, name, text):
    with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
        file.write(text)
    return os.path.join(folder, name)


def run(folder, program, name, **settings):
    """Runs a program under the profiler; returns its last dump."""
    chain.succeed(program, env=chain.environment(
        LD_PRELOAD=chain.LIBRARY, HEAPPROFILE=os.path.join(folder, name),
        **{'HEAP_PROFILE_SAMPLE_INTERVAL': 1, **settings}))
    return os.path.join(folder, name + '.0001.heap')


def build(folder, name, *flags, cc='cc', **changed):
    """Builds the program of PARTS with some files changed, in a folder of its own, and runs it;
    returns its dump."""
    own = os.path.join(folder, name)
    os.mkdir(own)
    parts = {**PARTS, **{file.replace('_', '.'): text for file, text in changed.items()}}
    sources = [write(own, file, text) for file, text in parts.items() if text]
    program = chain.compile_program(os.path.join(own, 'app'),
                                    *[s for s in sources if s.endswith('.c')],
                                    '-fno-optimize-sibling-calls', *flags, compiler=cc)
    return run(own, program, 'p')


def diff(base, new, *args):
    """Runs a diff whose gate on the total must pass. Returns {(function, last part of the file):
    difference}, without differences of 0."""
    done = cli.pprofconv('diff', '-q', '-F', 'json', '-g', 'inuse_space=0', *args, base, new)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    tap.equal((report['total']['base'], report['total']['difference']), (TOTAL, 0))
    return {(row['name'], os.path.basename(row['file'])): row['flat']['difference']
            for row in report['rows'] if row['flat']['difference']}


# --- refactoring -----------------------------------------------------------------------------

def renamed(text):
    return text.replace('keep(', 'remember(')


@tap.test
def a_function_renamed(folder):
    found = diff(build(folder, 'a'), build(folder, 'b', keep_h=renamed(PARTS['keep.h']),
                                           keep_c=renamed(PARTS['keep.c']),
                                           main_c=renamed(PARTS['main.c'])))
    tap.equal(found, {('keep', 'keep.c'): -100000, ('remember', 'keep.c'): 100000})


@tap.test
def a_function_moved_to_another_file(folder):
    definition = PARTS['keep.c'].splitlines(True)[-1]
    found = diff(build(folder, 'a'),
                 build(folder, 'b', keep_c=None, main_c=PARTS['main.c'] + definition))
    tap.equal(found, {('keep', 'keep.c'): -100000, ('keep', 'main.c'): 100000})


@tap.test
def a_function_inlined(folder):
    """An inlined function keeps its name and file, so no function differs."""
    header = '''#include <stdlib.h>
static inline __attribute__((always_inline)) void *keep(size_t n) { return malloc(n); }
'''
    found = diff(build(folder, 'a', keep_c=None, keep_h=header.replace(
        'inline __attribute__((always_inline))', '__attribute__((noinline, unused))')),
                 build(folder, 'b', keep_c=None, keep_h=header))
    tap.equal(found, {})


@tap.test
def a_function_inlined_without_debug_information(folder):
    """Without debug information the inlined function has no name, so its bytes count for its
    caller."""
    main = 'static inline __attribute__((always_inline)) void *keep(size_t n)' \
           ' { return malloc(n); }\n'
    main = PARTS['main.c'].replace('#include "keep.h"\n', main)
    found = diff(build(folder, 'a', '-g0'), build(folder, 'b', '-g0', keep_c=None, main_c=main))
    tap.equal(found, {('keep', ''): -100000, ('work', ''): 100000})


@tap.test
def callees_split(folder):
    """In the second build keep() allocates half of its bytes by a function that it calls."""
    split = '''#include <stdlib.h>
#include "keep.h"
__attribute__((noinline)) static void *keep_odd(size_t n) { return malloc(n); }
void *keep(size_t n)
{
	static int i;
	return i++ & 1 ? keep_odd(n) : malloc(n);
}
'''
    found = diff(build(folder, 'a'), build(folder, 'b', keep_c=split))
    tap.equal(found, {('keep', 'keep.c'): -50000, ('keep_odd', 'keep.c'): 50000})


@tap.test
def debug_information_on_one_side(folder):
    """Functions with files on one side and without files on the other are compared by name
    alone."""
    tap.equal(diff(build(folder, 'a', '-g'), build(folder, 'b', '-g0')), {})


@tap.test
def split_debug_information_that_is_gone(folder):
    """Without .dwo files, functions are named by symbols, lines are known, and a message says what
    is missing."""
    inlined = '''#include <stdlib.h>
#include "keep.h"
static inline __attribute__((always_inline)) void *allocate(size_t n) { return malloc(n); }
void *keep(size_t n) { return allocate(n); }
'''
    for version in (4, 5):
        name = f'v{version}'
        dump = build(folder, name, '-O1', f'-gdwarf-{version}', '-gsplit-dwarf',
                     keep_c=inlined)
        whole = cli.pprofconv('top', dump)
        assert 'dwo' not in whole.stderr, whole.stderr
        tap.is_in('  allocate  ', whole.stdout)
        for file in os.listdir(os.path.join(folder, name)):
            if file.endswith('.dwo'):
                os.unlink(os.path.join(folder, name, file))
        part = cli.pprofconv('top', dump)
        assert '  allocate  ' not in part.stdout
        tap.is_in('  keep  ', part.stdout)
        tap.is_in('keep.c\n', part.stdout)
        tap.is_in('locations named, without inlined frames from 2 missing .dwo files\n', part.stderr)


# --- the same bytes --------------------------------------------------------------------------

def reproducible(folder, program, name, **settings):
    dump = run(folder, program, name, **settings)
    out = os.path.join(folder, name + '.pb.gz')
    tap.equal(cli.pprofconv('-q', '--reproducible', dump, '-o', out).returncode, 0)
    with open(dump, 'rb') as raw, open(out, 'rb') as converted:
        return raw.read(), converted.read()


def program(folder):
    return chain.compile_program(os.path.join(folder, 'app'), write(folder, 'app.c', FREED),
                                 '-pthread')


@tap.test
def equal_runs_are_equal_in_exact_mode(folder):
    app = program(folder)
    dumps, profiles = zip(*[reproducible(folder, app, f'r{i}') for i in range(3)])
    assert len(set(dumps)) == 3, 'dumps tell their times and numbers'
    tap.equal(len(set(profiles)), 1)


@tap.test
def equal_runs_are_equal_with_a_seed(folder):
    app = program(folder)
    settings = {'HEAP_PROFILE_SAMPLE_INTERVAL': 16384}
    runs = [reproducible(folder, app, f'r{i}', HEAP_PROFILE_SEED=7, **settings) for i in range(3)]
    tap.equal(len({profile for _, profile in runs}), 1)
    assert b'1: ' in runs[0][0], 'nothing was sampled'
    _, other = reproducible(folder, app, 'other', HEAP_PROFILE_SEED=8, **settings)
    assert other != runs[0][1], 'the seed changes nothing'


# --- files that change ------------------------------------------------------------------------

TRUNCATE = r'''
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libelf.h>
#include <unistd.h>
/* Truncates the file as soon as it is mapped, as another process may do. */
Elf *elf_begin(int fd, Elf_Cmd command, Elf *elf)
{
	Elf *(*next)(int, Elf_Cmd, Elf *) = (Elf *(*)(int, Elf_Cmd, Elf *))dlsym(RTLD_NEXT, "elf_begin");
	Elf *opened = next(fd, command, elf);
	if (truncate(TRUNCATED, 64) != 0)
		_exit(99);
	return opened;
}
'''


@tap.test
def a_program_truncated_while_it_is_read(folder):
    app = program(folder)
    dump = run(folder, app, 'p')
    shim = os.path.join(folder, 'truncate.so')
    chain.succeed('cc', '-shared', '-fPIC', f'-DTRUNCATED="{app}"', '-o', shim,
                  write(folder, 'truncate.c', TRUNCATE), '-ldl')
    out = os.path.join(folder, 'out.pb.gz')
    done = cli.pprofconv(dump, '-o', out, env=chain.environment(LD_PRELOAD=shim))
    tap.equal((done.returncode, done.stderr),
              (2, f'pprofconv: {app}: truncated while it was read, or its disk fails\n'))
    assert not os.path.exists(out)
    tap.equal([name for name in os.listdir(folder) if 'pprofconv' in name], [])


# --- progress --------------------------------------------------------------------------------

SLOW = r'''
#include <stdlib.h>
#include <time.h>
/* A clock that goes on by STEP seconds each time it is read. */
time_t time(time_t *out)
{
	static time_t now = 1000;
	now += atoi(getenv("STEP"));
	if (out)
		*out = now;
	return now;
}
'''


def on_a_terminal(*args, **options):
    """Runs pprofconv with a terminal as its stderr; returns the text on the terminal."""
    master, slave = pty.openpty()
    tap.equal(subprocess.run([os.environ['PPROFCONV'], *args], stderr=slave, timeout=300,
                             **options).returncode, 0)
    os.close(slave)
    text = b''
    try:
        while part := os.read(master, 65536):
            text += part
    except OSError:  # the other end is closed
        pass
    os.close(master)
    return text.decode()


@tap.test
def progress_on_a_terminal(folder):
    dump = run(folder, program(folder), 'p')
    clock = os.path.join(folder, 'clock.so')
    chain.succeed('cc', '-shared', '-fPIC', '-o', clock, write(folder, 'clock.c', SLOW))
    slow, fast = [chain.environment(LD_PRELOAD=clock, STEP=step) for step in (3, 0)]
    text = on_a_terminal(dump, '-o', os.path.join(folder, 'x.pb.gz'), env=slow)
    for what in ('0 MiB read', 'names: 1 locations looked up', '0 MiB written'):
        tap.is_in(what, text)
    assert text.rindex('\r\033[K') > text.rindex('MiB written'), 'the line is left behind'
    assert 'MiB' not in on_a_terminal('-q', dump, '-o', os.path.join(folder, 'y'), env=slow)
    done = cli.pprofconv(dump, '-o', os.path.join(folder, 'z'), env=slow)
    assert 'MiB' not in done.stderr and '\033' not in done.stderr, done.stderr
    text = on_a_terminal(dump, '-o', os.path.join(folder, 'x.pb.gz'), env=fast)
    assert '\033' not in text and 'MiB' not in text, text


tap.main()
