#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reports about a server that is full of templates fit a terminal of 80 columns."""

import functools
import pathlib
import re
import tempfile

import chain
import cli
import tap

WIDTH = 80
FOLDER = tempfile.TemporaryDirectory(prefix='heapprof-test-')  # removed at the end of the script
SOURCE = pathlib.Path(__file__).resolve().parent / 'templates.cc'


@functools.cache
def dumps():
    """Runs the server; returns its dumps."""
    path = f'{FOLDER.name}/server'
    done = cli.run('g++', '-std=c++20', '-g1', '-o', path, str(SOURCE))
    tap.equal(done.returncode, 0, done.stderr)
    done = cli.run(path, env=chain.environment(
        LD_PRELOAD=chain.LIBRARY, HEAPPROFILE=f'{FOLDER.name}/s', HEAP_PROFILE_SAMPLE_INTERVAL=1,
        HEAP_PROFILE_ALLOCATION_INTERVAL='300K'))
    tap.equal(done.returncode, 0, done.stderr)
    return sorted(map(str, pathlib.Path(FOLDER.name).glob('s.*.heap')))


def commands():
    first, last = dumps()[0], dumps()[-1]
    return {'top': ('top', last), 'top, cumulative': ('top', '--cum', last),
            'diff': ('diff', first, last),
            'gate': ('diff', '--max-growth', 'inuse_space=1K', first, last),
            'trend': ('trend', *dumps())}


@tap.test
def its_names_are_long(_):
    text = cli.succeed('top', '-q', '--full-names', '--lines=0', dumps()[-1])
    tap.check(max(map(len, text.splitlines())) > 600, text)
    tap.check(len(dumps()) > 2, dumps())


@tap.test(name=['top', 'top, cumulative', 'diff', 'gate', 'trend'])
def no_line_is_wrapped(_, name):
    text = cli.on_terminal(*commands()[name], '--color=never', width=WIDTH)
    lines = text.replace('\r', '').splitlines()
    tap.check(len(lines) > 5, text)
    for line in lines:
        tap.check(len(line) <= WIDTH, f'{len(line)}: {line}')
    tap.check(re.search('shop::|json::', text), text)


tap.main()
