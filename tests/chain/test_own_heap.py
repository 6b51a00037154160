#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A gate of our own: the heap of a small program, with every allocation recorded, is compared with
the base next to this file. UPDATE_BASE=1 writes the base again after an intended change."""

import os
import pathlib

import chain
import cli
import tap

HERE = pathlib.Path(__file__).resolve().parent
BASE = HERE / 'gate_base.folded'
GATES = '--max-growth=inuse_space=1% --max-growth-per-function=inuse_space=1K'


def bench(folder, *flags):
    return chain.compile_program(os.path.join(folder, 'bench'), str(HERE / 'gate_bench.c'),
                                 *flags)


def gate(folder, program, **settings):
    """Runs the gate for CI, unchanged."""
    env = chain.environment(HEAPPROF_LIBRARY=chain.LIBRARY, PPROFCONV=os.environ['PPROFCONV'],
                            TMPDIR=folder, HEAP_GATE_OUT=os.path.join(folder, 'out'),
                            HEAP_GATE_BASE=BASE, HEAP_GATE_OPTIONS=GATES,
                            HEAP_PROFILE_SAMPLE_INTERVAL=1, **settings)
    return cli.run(str(chain.ROOT / 'scripts' / 'ci' / 'heap-gate'), program, env=env, cwd=folder)


def folded(folder):
    return cli.succeed('convert', '--to=folded', os.path.join(folder, 'out', 'profile.pb.gz'))


def update(folder):
    gate(folder, bench(folder))
    BASE.write_text(''.join(sorted(folded(folder).splitlines(True))))


@tap.test
def the_heap_is_that_of_the_base(folder):
    if os.environ.get('UPDATE_BASE'):
        update(folder)
    done = gate(folder, bench(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    tap.is_in('gate passed: inuse_space=1%', done.stdout)


@tap.test
def a_leak_turns_it_red(folder):
    done = gate(folder, bench(folder, '-DLEAK'))
    tap.equal(done.returncode, 1)
    tap.is_in('gate failed: inuse_space total: ', done.stderr)
    tap.is_in('gate failed: inuse_space of document_read: ', done.stderr)


@tap.test
def the_base_is_worth_comparing_with(folder):
    """The base names the functions for which the program retains memory, so that the gates can
    fail."""
    base = BASE.read_text()
    for name in ('document_read', 'index_add'):
        assert any(line.split(';')[-1].startswith(name + ' ') for line in base.splitlines()), base


tap.main()
