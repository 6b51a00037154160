#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sessions in a library that was opened while the program ran. attached.c attaches the library to
itself; read_outside shows what it has recorded."""
import contextlib
import os
import re
import subprocess

import preload
import strict_dump
from preload import environment, program
from tap import check, equal, main, need, test

LIBRARY = os.environ['HEAPPROF_ATTACH_LIB']
N, SIZE = 100, 1000  # as in attached.c
SAMPLED = 1 << 19
OK, RUNNING, NOT_RUNNING, NO_PREFIX, FINER, FIXED = 0, 2, 3, 7, 8, 9


class Host:
    """A program of attached.c."""

    def __init__(self, folder, allocator=None, **variables):
        variables['ATTACH_LIBRARY'] = LIBRARY
        self.folder = folder
        env = environment(folder, preload=allocator and preload.find_allocator(allocator),
                          **variables)
        for name in [name for name in env if name.startswith('HEAP')]:
            del env[name]
        with open(f'{folder}/stderr', 'wb') as errors:
            self.process = subprocess.Popen([program('attached')], env=env, cwd=folder,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=errors, text=True, start_new_session=True)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        check(line, f'the program has ended: {self.errors()!r}')
        return int(line)

    def say(self, command):
        self.process.stdin.write(command + '\n')
        self.process.stdin.flush()

    def __call__(self, command):
        self.say(command)
        return self.answer()

    def start(self, interval=1, prefix=''):
        equal(self(f'start {interval} {prefix}'), OK, 'start')

    def read(self, pid=None):
        result = subprocess.run([program('read_outside'), str(pid or self.process.pid)],
                                capture_output=True, text=True, timeout=preload.PATIENCE)
        check(result.returncode == 0, f'read_outside: {result.stderr!r}')
        return strict_dump.Dump('outside', result.stdout)

    def errors(self):
        with open(f'{self.folder}/stderr', encoding='utf-8') as errors:
            return errors.read()


@contextlib.contextmanager
def running(folder, *arguments, **variables):
    """Runs the program. Nothing may be written to its standard error."""
    host = Host(folder, *arguments, **variables)
    try:
        yield host
        equal(host.errors(), '', 'standard error')
    finally:
        with contextlib.suppress(OSError):
            os.killpg(host.process.pid, 9)  # its fork children too
        host.process.stdin.close()
        host.process.stdout.close()
        host.process.wait()


def counts_in(dump, function):
    """Returns the sum of the records whose stacks contain the function."""
    found = strict_dump.Counts(0, 0, 0, 0)
    for counts, names in dump.stacks():
        if function in names:
            found = strict_dump.add(found, counts)
    return found


def check_counts(dump, function, blocks=N, size=SIZE, left=None, freed_size=0):
    """Checks that a function allocated so many blocks of this size, and that `left` are in use. As
    many of `freed_size` may have been allocated and freed."""
    counts = counts_in(dump, function)
    left = blocks // 2 if left is None else left
    equal((counts.alloc_objects, counts.alloc_bytes),
          (blocks * (2 if freed_size else 1), blocks * (size + freed_size)), f'{function} allocated')
    equal((counts.inuse_objects, counts.inuse_bytes), (left, left * size), f'{function} in use')


KINDS = ['malloc', 'calloc', 'realloc', 'reallocarray', 'posix_memalign', 'aligned_alloc', 'memalign',
         'valloc', 'strdup']
ALLOCATORS = [None, 'jemalloc', 'tcmalloc_minimal', 'mimalloc']


def check_all_kinds(dump):
    for kind in KINDS:
        check_counts(dump, f'allocate_{kind}')
    check_counts(dump, 'allocate_realloc_twice', freed_size=SIZE // 2)
    check_counts(dump, 'allocate_pvalloc', size=4096)


@test(allocator=ALLOCATORS)
def test_counts_are_exact(folder, allocator):
    """Of all that was allocated since, in each way; blocks from before do no harm."""
    with running(folder, allocator) as host:
        host('before')
        host.start()
        host('all')
        host('free-before')
        dump = host.read()
        check_all_kinds(dump)
        check_counts(dump, 'free_before', blocks=N // 4, size=3 * SIZE, left=N // 4)
        equal(counts_in(dump, 'allocate_before').alloc_objects, 0, 'from before')


@test(allocator=['stdc++', *ALLOCATORS[1:]])
def test_new_and_delete(folder, allocator):
    """As an allocator has them, or as the C++ library has them over malloc."""
    with running(folder, allocator) as host:
        host.start()
        host('cxx')
        dump = host.read()
        check_counts(dump, 'allocate_new')
        check_counts(dump, 'allocate_new_nothrow')
        check_counts(dump, 'allocate_new_aligned', size=1024)
        if allocator == 'jemalloc':
            check_counts(dump, 'allocate_mallocx', freed_size=SIZE // 2)


@test(allocator=ALLOCATORS)
def test_inner_calls_are_not_counted(folder, allocator):
    """The number of allocated bytes is exact at any interval. An allocator's call of its own
    malloc, as from memalign, is not counted again."""
    numbers = []
    with running(folder, allocator) as host:
        for interval in (1, SAMPLED):
            host.start(interval)
            for _ in range(3):
                host('all')
            numbers.append(host.read().number('allocated_bytes'))
            host('stop')
    equal(numbers[1], numbers[0], 'allocated bytes')


@test
def test_threads_that_exist_already(folder):
    with running(folder) as host:
        host('begin-threads')
        host.start()
        host('end-threads')
        check_counts(host.read(), 'allocate_in_thread', blocks=8 * N * N, size=64)


@test
def test_start_again(folder):
    """Each session has counts of its own. After its end, its records can still be read."""
    with running(folder) as host:
        for _ in range(3):
            host.start()
            equal(host('start 1'), RUNNING, 'start')
            host('all')
            check_all_kinds(host.read())
            host('stop')
            host('all')
            check_all_kinds(host.read())
        equal(host('set 0'), NOT_RUNNING, 'set')


@test
def test_children(folder):
    """A child records as a process of its own."""
    with running(folder) as host:
        host.start()
        host('all')
        host.say('fork')
        pid = max(host.answer(), host.answer())  # of the child, and of the parent
        parent, child = host.read(), host.read(pid)
        check_all_kinds(parent)
        equal(counts_in(parent, 'allocate_in_child').alloc_objects, 0, 'in the parent')
        check_counts(child, 'allocate_in_child')
        check(parent.metadata['run'] != child.metadata['run'], 'one run')


@test(end=['exit', '_exit'])
def test_dumps(folder, end):
    """With a prefix the process writes dumps as it does under the library."""
    with running(folder) as host:
        host.start(prefix=f'{folder}/p')
        host('all')
        host('stop')
        dump = strict_dump.last_dump(folder)
        equal(dump.metadata['reason'], 'detach', 'reason')
        check_all_kinds(dump)
        host.start(prefix=f'{folder}/p')
        host('all')
        host.say(end)
        equal(host.process.wait(preload.PATIENCE), 0, 'exit status')
        dump = strict_dump.last_dump(folder)
        equal(dump.metadata['reason'], 'exit', 'reason')
        check_all_kinds(dump)
        equal(len(strict_dump.names_of_dumps(folder)), 2, 'dumps')


@test(end=['exit', '_exit'])
def test_no_dumps(folder, end):
    with running(folder) as host:
        host.start()
        host('all')
        host.say(end)
        equal(host.process.wait(preload.PATIENCE), 0, 'exit status')
        equal(os.listdir(folder), ['stderr'], 'files')


@test
def test_the_interval(folder):
    """An automatic interval can be set to a longer one; the records stay."""
    with running(folder) as host:
        equal(host('start 1 relative'), NO_PREFIX, 'start')
        host.start(0)
        host('all')
        before = host.read()
        check_all_kinds(before)
        equal(host('set 4096'), OK, 'set')
        equal(host('set 1024'), FINER, 'set')
        equal(host('set 0'), OK, 'set')
        dump = host.read()
        equal(dump.interval, 4096, 'interval')
        estimate, truth = dump.total.inuse_objects, before.total.inuse_objects
        check(0 < estimate < truth, f'{estimate} samples of {truth} blocks')
        host('stop')
        host.start(SAMPLED)
        equal(host('set 4096'), FIXED, 'set')
        equal(host(f'set {SAMPLED}'), OK, 'set')


@test(start=['start', 'start-without-dlclose'])
def test_plugins_that_come_and_go(folder, start):
    """Rules that were learned of a closed library's code are not used for the next one's."""
    with running(folder) as host:
        plugins = [program(f'libplugin_{letter}.so') for letter in 'abcd']
        host(f'plugin {plugins[0]} plugin_allocate')
        equal(host(f'{start} 1'), OK, 'start')
        for _ in range(2):
            for plugin in plugins:
                host(f'plugin {plugin} plugin_allocate')
        dump = host.read()
        for letter in 'abcd':
            check_counts(dump, f'plugin_{letter}_inner', blocks=2 * N, left=2 * N)
            for counts, names in dump.stacks():
                if f'plugin_{letter}_inner' in names:
                    check('use_plugin' in names and 'main' in names, f'{names}')


@test
def test_needs_the_c_library_only(folder):
    need('readelf')
    dynamic = subprocess.run(['readelf', '-dW', LIBRARY], capture_output=True, text=True,
                             check=True).stdout
    needed = set(re.findall(r'\(NEEDED\).*\[(.*)\]', dynamic))
    check(needed <= {'libc.so.6', 'ld-linux-x86-64.so.2'}, f'{needed}')
    check('NODELETE' in dynamic and 'NOW' in dynamic, dynamic)
    headers = subprocess.run(['readelf', '-lW', LIBRARY], capture_output=True, text=True,
                             check=True).stdout
    [tls] = [line.split() for line in headers.splitlines() if line.split()[:1] == ['TLS']]
    check(int(tls[5], 16) <= 128, f'{tls}: as little as fits where libraries are opened late')


if __name__ == '__main__':
    main()
