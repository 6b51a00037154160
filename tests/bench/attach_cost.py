#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What attaching costs, as two tables: how long the process does not run, with the CPU time of the tool; and
the time and the instructions of a malloc and its free before, while attached and after.

usage: attach_cost.py BUILD [ROUNDS 100]"""

import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAIRS = 2000000


class Host:
    """The program attach_host."""

    def __init__(self, path, n_threads=1, **env):
        self.process = subprocess.Popen([path, str(n_threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1, env={**os.environ, **env})
        self.read()

    def read(self):
        return self.process.stdout.readline().strip()

    def ask(self, line):
        self.process.stdin.write(line + '\n')
        return self.read()

    def pair(self):
        return float(self.ask(f'pair {PAIRS}'))

    def gap(self, *command):
        """Runs a command; returns the longest pause of the host meanwhile in microseconds."""
        self.ask('gap')
        run(*command)
        return float(self.ask('end'))

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f'{command}: {done.stderr}')


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def row(*cells):
    print('| ' + ' | '.join(str(cell) for cell in cells) + ' |', flush=True)


def head(*cells):
    row(*cells)
    row(*('---' for _ in cells))


def stops(heapprof, host_path, n_threads, rounds):
    host = Host(host_path, n_threads)
    pid = host.process.pid
    found = {'attach': ([], []), 'detach': ([], [])}
    for _ in range(rounds):
        for verb, (gaps, times) in found.items():
            before = cpu_seconds()
            gaps.append(host.gap(heapprof, verb, '-q', pid))
            times.append(cpu_seconds() - before)
    host.end()
    for verb, (gaps, times) in found.items():
        row(verb, n_threads, f'{min(gaps) / 1000:.1f} ms', f'{statistics.median(gaps) / 1000:.1f} ms',
            f'{min(times) * 1000:.0f} ms', f'{statistics.median(times) * 1000:.0f} ms')


def instructions(host, counter):
    """Returns the instructions of a pair: from the difference of two numbers of pairs, so that what comes before
    and after does not count; the least of three, since a sample may be taken meanwhile."""
    def count(n):
        with subprocess.Popen([counter, str(host.process.pid)], stdout=subprocess.PIPE, text=True) as process:
            process.stdout.readline()
            host.ask(f'pair {n}')
            return int(process.stdout.readline())

    return min((count(1200) - count(200)) / 1000 for _ in range(3))


KINDS = {'preloaded': 'preloaded, 512K', 'attached': 'attached, 512K', 'after': 'after detach'}


def round_of_pairs(heapprof, host_path, library, counter):
    """Returns the times of a pair of each kind, and its instructions if there is a counter."""
    found = {}

    def measure(kind, host):
        found[kind] = host.pair(), instructions(host, counter) if counter else 0

    host = Host(host_path)
    measure('bare', host)
    run(heapprof, 'attach', '-q', '--interval=512K', host.process.pid)
    measure('attached', host)
    run(heapprof, 'detach', '-q', host.process.pid)
    measure('after', host)
    host.end()
    with tempfile.TemporaryDirectory() as folder:
        host = Host(host_path, LD_PRELOAD=library, HEAPPROFILE=f'{folder}/p', HEAP_PROFILE_EXIT_DUMP='0')
        measure('preloaded', host)
        host.end()
    return found


def pairs(heapprof, host_path, library, counter, rounds):
    found = [round_of_pairs(heapprof, host_path, library, None if i else counter) for i in range(rounds)]
    head('a malloc and its free', 'least', 'least over bare', 'median of its rounds\' ratios to bare', 'instructions')
    bare = min(times['bare'][0] for times in found)
    row('bare', f'{bare:.1f} ns', '', '', f'{found[0]["bare"][1]:.1f}')
    for kind, name in KINDS.items():
        least = min(times[kind][0] for times in found)
        ratio = statistics.median(times[kind][0] / times['bare'][0] for times in found)
        row(name, f'{least:.1f} ns', f'{least - bare:+.1f} ns', f'{ratio:.3f}', f'{found[0][kind][1]:.1f}')


def main():
    build = pathlib.Path(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    heapprof = build / 'profiler' / 'command' / 'heapprof'
    with tempfile.TemporaryDirectory() as folder:
        programs = {name: f'{folder}/{name}' for name in ('attach_host', 'count_instructions')}
        for name, path in programs.items():
            run('cc', '-O2', '-D_GNU_SOURCE', '-pthread', '-o', path, ROOT / 'tests' / 'bench' / f'{name}.c')
        head('', 'threads', 'longest pause, least', 'median', 'CPU of heapprof, least', 'median')
        for n_threads in (1, 10, 100):
            stops(heapprof, programs['attach_host'], n_threads, rounds)
        print()
        pairs(heapprof, programs['attach_host'], str(build / 'profiler' / 'libheapprof.so'),
              programs['count_instructions'], max(rounds // 5, 1))


main()
