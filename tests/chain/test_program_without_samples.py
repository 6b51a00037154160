#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A program allocates too little for a sample at the default interval. Each tool that shows its
dumps prints one line: how much the program allocated, that there is no sample, and what to set."""

import os
import re

import chain
import cli
import tap

N_BLOCKS, SIZE = 345, 32
SOURCE = f'''#include <stdlib.h>
void *volatile kept;
int main(void)
{{
	for (int i = 0; i < {N_BLOCKS}; i++)
		kept = malloc({SIZE});
}}
'''
LINE = re.compile(r'no sample: the programs? had allocated (10\.\d+) KiB( or more)?, and one '
                  r'sample is taken per 512(\.00)? KiB on average(, so growth below 1\.50 MiB may not be '
                  r'seen)?; set HEAP_PROFILE_SAMPLE_INTERVAL=1 to record every allocation$', re.M)


def says_why(text, n=1):
    """Checks that the text contains the line n times, with the right number of bytes."""
    found = LINE.findall(text)
    tap.equal((len(found), text), (n, text))
    for amount, *_ in found:
        tap.equal(int(float(amount) * 10), N_BLOCKS * SIZE * 10 // 1024)


def dump(folder, number, **settings):
    """Runs the program; returns the path of its dump, and its stderr. A block of 32 bytes is a
    sample with the probability 1/16384, so one run in 48 has a sample. With this seed there is
    none."""
    program = os.path.join(folder, 'leak')
    if not os.path.exists(program):
        source = os.path.join(folder, 'leak.c')
        with open(source, 'w', encoding='utf-8') as file:
            file.write(SOURCE)
        chain.compile_program(program, source, '-fno-builtin')
    library = os.path.join(folder, chain.LIBRARY.name)
    if not os.path.lexists(library):
        os.symlink(chain.LIBRARY, library)
    done = cli.run(program, env=chain.environment(
        HEAPPROFILE=os.path.join(folder, 'p'), LD_PRELOAD=library, HEAP_PROFILE_SEED=1, **settings))
    tap.equal(done.returncode, 0)
    return os.path.join(folder, f'p.{number:04}.heap'), done.stderr


def dumps(folder, n):
    return [dump(folder, i)[0] for i in range(1, n + 1)]


def run(*args):
    """Runs pprofconv, which must exit with status 0; returns its stdout and its stderr."""
    done = cli.pprofconv(*args)
    tap.equal((done.returncode, done.stderr if done.returncode else ''), (0, ''))
    return done.stdout, done.stderr


@tap.test
def the_library(folder):
    path, said = dump(folder, 1, HEAP_PROFILE_VERBOSE=1)
    says_why(said)
    with open(path, encoding='utf-8') as file:
        says_why(file.read())


@tap.test
def top(folder):
    path, = dumps(folder, 1)
    for quiet in ([], ['-q']):
        out, messages = run('top', *quiet, path)
        says_why(out)
        tap.equal(messages, '')


@tap.test
def diff(folder):
    base, new = dumps(folder, 2)
    out, messages = run('diff', base, new)
    says_why(out)
    says_why(messages)
    tap.is_in('base and new: no sample', out)
    assert 'missing' not in out + messages
    says_why(run('diff', '-q', '-g', 'inuse_space=0', base, new)[0])


@tap.test
def trend(folder):
    out, messages = run('trend', *dumps(folder, 3))
    says_why(out)
    says_why(messages)
    tap.is_in('3 of 3 dumps: no sample', out)


@tap.test
def convert(folder):
    path, = dumps(folder, 1)
    for form, n in (('pprof', 0), ('folded', 0), ('text', 1), ('json', None)):
        out = os.path.join(folder, form)
        says_why(run('--to', form, path, '-o', out)[1])
        if n is not None:
            with open(out, encoding='utf-8', errors='replace') as file:
                says_why(file.read(), n)


@tap.test
def merge(folder):
    out = os.path.join(folder, 'merged.pb.gz')
    says_why(run('merge', *dumps(folder, 2), '-o', out)[1])
    says_why(run('top', out)[0])


@tap.test
def go_tool_pprof(folder):
    """go tool pprof prints the comments of a profile, which contain the line."""
    tap.need('go')
    path, = dumps(folder, 1)
    profile = os.path.join(folder, 'p.pb.gz')
    run('-q', path, '-o', profile)
    report = cli.go_pprof('-top', profile)
    tap.is_in('Showing nodes accounting for 0', report)
    tap.is_in('\nnote: no sample: ', report)
    says_why(report)


@tap.test
def what_it_advises(folder):
    """With the setting that the line advises, the leak appears."""
    path, _ = dump(folder, 1, HEAP_PROFILE_SAMPLE_INTERVAL=1)
    tap.is_in(f'total {N_BLOCKS * SIZE} bytes', run('top', '-q', path)[0])
    tap.is_in(' main ', run('top', '-q', path)[0])


tap.main()
