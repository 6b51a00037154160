#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares dumps that gperftools, jemalloc and Go write while a program runs with the output of
their own tools."""

import glob
import os
import re
import shutil

import cli
import raw
import tap

PROGRAM = r'''
#include <stdlib.h>
static void *kept[3000];
__attribute__((noinline)) static void *leak(size_t size) { return malloc(size); }
__attribute__((noinline)) static void work(int n)
{
	for (int i = 0; i < n; i++) {
		kept[i] = leak(100 + i % 900);
		free(malloc(5000));
		if (i % 3 == 0)
			free(kept[i]);
	}
}
int main(void)
{
	work(3000);
	return 0;
}
'''

GO_PROGRAM = r'''
package main

import (
	"os"
	"runtime"
	"runtime/pprof"
)

var kept [][]byte

//go:noinline
func leak(n int) { kept = append(kept, make([]byte, n)) }

func main() {
	runtime.MemProfileRate = 4096
	for i := 0; i < 5000; i++ {
		leak(500 + i%1000)
		_ = make([]byte, 100000)
	}
	runtime.GC()
	for debug, name := range []string{"heap.pb.gz", "heap.txt"} {
		file, err := os.Create(name)
		if err != nil {
			panic(err)
		}
		pprof.Lookup("heap").WriteTo(file, debug)
		file.Close()
	}
}
'''


def library(name):
    """Returns the path of a shared library, or None if it is not installed."""
    found = glob.glob(f'/usr/lib/*/{name}') + glob.glob(f'/usr/lib/{name}')
    return found[0] if found else None


def run_program(folder, preload, **environment):
    """Runs the program with a library preloaded; returns its dumps."""
    source, program = os.path.join(folder, 'demo.c'), os.path.join(folder, 'demo')
    with open(source, 'w') as file:
        file.write(PROGRAM)
    done = cli.run('cc', '-g', '-O1', '-fno-optimize-sibling-calls', '-fno-builtin', source, '-o',
                   program)
    tap.equal(done.returncode, 0)
    done = cli.run(program, env={**os.environ, 'LD_PRELOAD': preload, **environment}, cwd=folder)
    tap.equal(done.returncode, 0)
    return sorted(glob.glob(os.path.join(folder, '*.heap')))


def total_of_top(dump, kind):
    text = cli.succeed('top', '-n', '-q', '-s', kind, dump)
    return int(re.match(r'\w+: total (-?\d+) ', text).group(1))


def check_totals(tool, dump, folder):
    """Compares our totals with those of a tool, in the units and to the digits that the tool
    prints."""
    for kind, divisor in (('inuse_space', 1 << 20), ('alloc_space', 1 << 20), ('inuse_objects', 1),
                          ('alloc_objects', 1)):
        done = cli.run(tool, '--text', f'--{kind}', os.path.join(folder, 'demo'), dump)
        found = re.search(r'Total: ([\d.]+)', done.stdout)
        ours = total_of_top(dump, kind) / divisor
        if not found and ours == 0:  # jeprof prints no total of 0
            continue
        assert found, (tool, done.stdout, done.stderr)
        # MiB have one digit after the point; tools round the objects of each stack separately
        tolerance = 0.051 if divisor > 1 else 3
        assert abs(float(found.group(1)) - ours) <= tolerance, (kind, found.group(0), ours)


def check_names(dump):
    text = cli.pprofconv('top', '-q', dump).stdout
    rows = [line.split() for line in text.splitlines()[2:]]
    assert any('leak' in row for row in rows[:2]), text


def check_agreement(folder, dump):
    """Checks the same as test_pprof_agreement.py, except that pprof may drop named frames at the
    leaf."""
    profile = os.path.join(folder, 'x.pb.gz')
    cli.succeed('-n', '-q', dump, '-o', profile)
    theirs, ours = raw.read(dump), raw.read(profile)
    samples = [s for s in ours.samples if any(s[2][-len(theirs.types):])]
    tap.equal(len(samples), len(theirs.samples))
    for (our_stack, our_labels, found), (stack, labels, expected) in zip(samples, theirs.samples):
        tap.equal(our_stack, stack[len(stack) - len(our_stack):])
        assert our_stack == stack or ours.names
        tap.equal(our_labels, labels)
        for x, y in zip(found[-len(expected):], expected):
            assert 0 <= x - y <= 1, (stack, found, expected)
    tap.equal([m[:3] for m in ours.mappings], [m[:3] for m in theirs.mappings])


@tap.test
def gperftools(folder):
    tcmalloc = library('libtcmalloc.so.4')
    if not tcmalloc or not shutil.which('google-pprof'):
        return
    dumps = run_program(folder, tcmalloc, HEAPPROFILE=os.path.join(folder, 'g'))
    check_totals('google-pprof', dumps[-1], folder)
    check_names(dumps[-1])
    if shutil.which('go'):
        check_agreement(folder, dumps[-1])


@tap.test
def jemalloc(folder):
    jemalloc_library = library('libjemalloc.so.2')
    if not jemalloc_library or not shutil.which('jeprof'):
        return
    for options in ('', ',prof_accum:true'):
        for old in glob.glob(os.path.join(folder, '*.heap')):
            os.remove(old)
        prefix = os.path.join(folder, 'je')
        settings = f'prof:true,prof_final:true,lg_prof_sample:10,prof_prefix:{prefix}{options}'
        dumps = run_program(folder, jemalloc_library, MALLOC_CONF=settings)
        check_totals('jeprof', dumps[-1], folder)
        check_names(dumps[-1])


@tap.test
def go(folder):
    if not shutil.which('go'):
        return
    with open(os.path.join(folder, 'demo.go'), 'w') as file:
        file.write(GO_PROGRAM)
    done = cli.run('go', 'run', 'demo.go', cwd=folder,
                   env={'HOME': folder, 'GOFLAGS': '-mod=mod', 'GO111MODULE': 'off', **os.environ})
    tap.equal((done.returncode, done.stderr), (0, ''))
    binary, text = os.path.join(folder, 'heap.pb.gz'), os.path.join(folder, 'heap.txt')
    again = os.path.join(folder, 'again.pb.gz')
    cli.succeed('-q', '-n', binary, '-o', again)
    options = ('-symbolize=none', '-raw')
    tap.equal(cli.go_pprof(*options, again), cli.go_pprof(*options, binary))
    check_agreement(folder, text)
    tap.is_in('main.leak', cli.succeed('top', '-n', text))
    tap.is_in('main.leak', cli.succeed('top', '-n', binary))


tap.need('cc')
tap.main()
