#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What attaching costs: how long the process is stopped, the CPU time of the tool, and how long a malloc
and its free take before, while attached and after.

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
        print(f'{verb} {n_threads:4} threads: the longest pause is {min(gaps) / 1000:.1f} ms at least, '
              f'{statistics.median(gaps) / 1000:.1f} ms in the median; CPU {min(times) * 1000:.0f} ms at least, '
              f'{statistics.median(times) * 1000:.0f} ms in the median')


def pairs(heapprof, host_path, library, rounds):
    """Prints the best time of a pair of each kind, of interleaved rounds."""
    found = {}
    for _ in range(rounds):
        host = Host(host_path)
        found.setdefault('bare', []).append(host.pair())
        run(heapprof, 'attach', '-q', '--interval=512K', host.process.pid)
        found.setdefault('attached, 512K', []).append(host.pair())
        run(heapprof, 'detach', '-q', host.process.pid)
        found.setdefault('after detach', []).append(host.pair())
        run(heapprof, 'attach', '-q', host.process.pid)
        for _ in range(3):
            host.pair()
        found.setdefault('attached, auto, risen', []).append(host.pair())
        host.process.kill()
        host.process.wait()
        with tempfile.TemporaryDirectory() as folder:
            host = Host(host_path, LD_PRELOAD=library, HEAPPROFILE=f'{folder}/p', HEAP_PROFILE_EXIT_DUMP='0')
            found.setdefault('preloaded, 512K', []).append(host.pair())
            host.end()
    bare = min(found['bare'])
    for kind, times in found.items():
        print(f'{kind:24} {min(times):7.2f} ns a pair, {min(times) / bare:.3f} of bare')


def main():
    build = pathlib.Path(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    heapprof = build / 'profiler' / 'command' / 'heapprof'
    with tempfile.TemporaryDirectory() as folder:
        host_path = f'{folder}/attach_host'
        run('cc', '-O2', '-pthread', '-o', host_path, ROOT / 'tests' / 'bench' / 'attach_host.c')
        for n_threads in (1, 10, 100):
            stops(heapprof, host_path, n_threads, rounds)
        pairs(heapprof, host_path, str(build / 'profiler' / 'libheapprof.so'), max(rounds // 5, 1))


main()
