#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mappings that are recorded as allocations: usable memory counts, memory that is only reserved
does not."""
import math
import os
import shutil
import subprocess

from preload import environment, program, run_quietly
from strict_dump import Counts, dumps_in, last_dump
from tap import check, equal, main, skip, test

MAPPINGS = program('mappings')
MIB = 1 << 20


@test
def test_mappings(folder):
    run_quietly([MAPPINGS, 'map'], environment(folder, HEAP_PROFILE_MMAP='1',
                                               HEAP_PROFILE_ALLOCATION_INTERVAL='0'))
    leaves = last_dump(folder).by_leaf()
    # 3 MiB are left of the mapping that was cut, in two pieces. The moved mapping keeps its record.
    equal(leaves['map'][:2], (3, 7 * MIB), 'in use by mmap')
    equal(leaves['remap'], Counts(1, 2 * MIB, 1, 2 * MIB), 'what it has grown by')
    equal(leaves['move_break'][:2], (1, 12288), 'in use by sbrk')
    equal(leaves['allocate_large'], Counts(1, 8 * MIB, 1, 8 * MIB), 'by malloc, once')


@test(interval=['1', '32K'])
def test_trimmed_mappings(folder, interval):
    """Each mapping counts once as allocated, whole, and the half that is left counts as in use. A
    sampled dump estimates these numbers."""
    run_quietly([MAPPINGS, 'trim'],
                environment(folder, HEAP_PROFILE_ONLY_MMAP='1', HEAP_PROFILE_INUSE_INTERVAL='0',
                            HEAP_PROFILE_SAMPLE_INTERVAL=interval, HEAP_PROFILE_SEED='1'))
    got = last_dump(folder).by_leaf()['map_and_trim']
    n, size = 4000, 65536
    if interval == '1':
        equal(got, Counts(n, n * size // 2, n, n * size), 'in it')
        return
    p, p_rest = (-math.expm1(-s / 32768) for s in (size, size / 2))
    for objects, probability in ((got.alloc_objects, p), (got.inuse_objects, p_rest)):
        bound = 5 * math.sqrt(n * probability * (1 - probability))
        check(abs(objects - n * probability) < bound, f'{objects}, not {n * probability}')
    equal((got.inuse_bytes, got.alloc_bytes),
          (got.inuse_objects * size // 2, got.alloc_objects * size), 'bytes')


@test
def test_unmapped_by_a_thread_that_does_nothing_else(folder):
    run_quietly([MAPPINGS, 'unmap-in-thread'], environment(folder, HEAP_PROFILE_MMAP='1'))
    equal(last_dump(folder).by_leaf()['map'], Counts(0, 0, 1, MIB), 'of the mapping')


@test
def test_addresses_that_go_from_thread_to_thread(folder):
    run_quietly([MAPPINGS, 'move-in-threads'],
                environment(folder, HEAP_PROFILE_ONLY_MMAP='1', HEAP_PROFILE_INUSE_INTERVAL='0',
                            HEAP_PROFILE_ALLOCATION_INTERVAL='0'))
    equal(last_dump(folder).by_leaf()['map_and_keep'],
          Counts(20000, 20000 << 16, 20000, 20000 << 16), 'of what was mapped and kept')


@test
def test_only_mappings(folder):
    run_quietly([MAPPINGS, 'map'], environment(folder, HEAP_PROFILE_ONLY_MMAP='1',
                                               HEAP_PROFILE_ALLOCATION_INTERVAL='0'))
    dump = last_dump(folder)
    leaves = dump.by_leaf()
    equal(leaves['map'][:2], (3, 7 * MIB), 'in use by mmap')
    check('allocate_large' not in leaves, 'the heap is left alone')
    equal(dump.number('allocated_bytes'), dump.total.alloc_bytes, 'allocated_bytes')


@test
def test_no_mappings_unless_asked_for(folder):
    run_quietly([MAPPINGS, 'map'], environment(folder))
    leaves = last_dump(folder).by_leaf()
    check('map' not in leaves and 'remap' not in leaves, 'mappings')


# --- reservations --------------------------------------------------------------------------------

def run_only_mappings(folder, argv, **variables):
    """Runs a program with only mappings recorded and no dumps by bytes; returns its last dump."""
    run_quietly(argv, environment(folder, **{
        'HEAP_PROFILE_ONLY_MMAP': '1', 'HEAP_PROFILE_INUSE_INTERVAL': '0',
        'HEAP_PROFILE_ALLOCATION_INTERVAL': '0', **variables}))
    return last_dump(folder)


@test
def test_reserved(folder):
    dump = run_only_mappings(folder, [MAPPINGS, 'reserve'])
    leaves = dump.by_leaf()
    check('reserve' not in leaves, 'what is reserved is not allocated')
    equal(leaves['commit'], Counts(2, 3 * MIB, 3, 4 * MIB), 'by mprotect')
    equal(leaves['commit_by_key'], Counts(1, MIB, 1, MIB), 'by pkey_mprotect')
    equal(leaves['map_over'], Counts(1, 4 * MIB, 1, 4 * MIB), 'by MAP_FIXED')
    equal(dump.number('reserved_bytes'), (1024 - 3 - 1 - 4 - 2) * MIB, 'reserved')
    equal(dump.number('allocated_bytes'), 9 * MIB, 'allocated')


@test
def test_decommitted(folder):
    dump = run_only_mappings(folder, [MAPPINGS, 'decommit'])
    leaves = dump.by_leaf()
    equal(leaves['commit'], Counts(0, 0, 3, 12 * MIB), 'by mprotect')
    equal(leaves['map_over'], Counts(0, 0, 3, 12 * MIB), 'by MAP_FIXED')
    equal(leaves['map'], Counts(1, 7 * MIB, 1, 8 * MIB), 'of what was mapped to be used')
    equal(dump.number('reserved_bytes'), 65 * MIB, 'reserved')


@test
def test_without_swap_space(folder):
    """A large mapping without swap space is a reservation. A small one counts at once, because
    allocators make such mappings."""
    dump = run_only_mappings(folder, [MAPPINGS, 'noreserve'])
    leaves = dump.by_leaf()
    equal(leaves['map_noreserve'], Counts(2, 68 * MIB, 2, 68 * MIB), 'small, or populated')
    equal(leaves['commit'], Counts(1, 2 * MIB, 1, 2 * MIB), 'made usable')
    equal(leaves['do_noreserve'], Counts(1, 128 * MIB, 1, 128 * MIB), 'mapped over')
    equal(dump.number('reserved_bytes'), (1024 - 2 - 128) * MIB, 'reserved')


@test
def test_reserved_bytes_only_where_mappings_are_recorded(folder):
    run_quietly([MAPPINGS, 'reserve'], environment(folder))
    check('reserved_bytes' not in last_dump(folder).metadata, 'there')


@test(interval=['1', '32K'])
def test_grown(folder, interval):
    """Each step counts the bytes that it adds; a sampled dump estimates their sum."""
    dump = run_only_mappings(folder, [MAPPINGS, 'grow'], HEAP_PROFILE_SAMPLE_INTERVAL=interval,
                             HEAP_PROFILE_SEED='1')
    leaves = dump.by_leaf()
    equal(dump.number('allocated_bytes'), 11 * MIB, 'allocated')
    if interval == '1':
        equal(leaves['remap'], Counts(1, 7 * MIB, 1, 7 * MIB), 'by mremap')
        equal(leaves['map'], Counts(1, MIB, 1, 4 * MIB), 'by mmap')
        return
    n, p = 7 * MIB // 4096, -math.expm1(-4096 / 32768)
    got = leaves['remap']
    check(abs(got.inuse_objects - n * p) < 5 * math.sqrt(n * p * (1 - p)), f'{got}, not {n * p}')
    equal(got, Counts(got.inuse_objects, got.inuse_objects * 4096, got.inuse_objects,
                      got.inuse_objects * 4096), 'nothing was freed')


@test
def test_remapped(folder):
    dump = run_only_mappings(folder, [MAPPINGS, 'remap'])
    leaves = dump.by_leaf()
    # 5 MiB that were moved, of which 2 MiB were moved again, and 1 MiB whose pages were moved away
    equal(leaves['map'], Counts(3, 6 * MIB, 3, 9 * MIB), 'by mmap')
    equal(leaves['map_target'], Counts(0, 0, 1, 5 * MIB), 'moved over')
    equal(leaves['remap'], Counts(1, MIB, 1, MIB), 'grown')
    equal(leaves['map_shared'], Counts(1, 2 * MIB, 1, 2 * MIB), 'shared')
    equal(leaves['duplicate'], Counts(2, 3 * MIB, 2, 3 * MIB), 'mapped twice')
    equal(dump.number('reserved_bytes'), 128 * MIB, 'reserved')


@test
def test_reserved_before_a_fork(folder):
    run_only_mappings(folder, [MAPPINGS, 'fork-and-commit'])
    child = dumps_in(folder, r'p_\d+\.\d+\.heap')[0]
    equal(child.by_leaf()['commit'], Counts(2, 3 * MIB, 2, 3 * MIB), 'in the child')
    equal(child.number('reserved_bytes'), 61 * MIB, 'reserved')


@test(variable=['HEAP_PROFILE_INUSE_INTERVAL', 'HEAP_PROFILE_ALLOCATION_INTERVAL'])
def test_intervals(folder, variable):
    """Reserved memory does not use up an interval."""
    run_only_mappings(folder, [MAPPINGS, 'commit-much'], **{variable: '4M'})
    equal([d.total.inuse_bytes for d in dumps_in(folder)],
          [4 * MIB, 8 * MIB, 10 * MIB], 'in use in each dump')


# --- real programs -------------------------------------------------------------------------------

def need_program(name):
    path = shutil.which(name)
    if not path:
        skip(f'{name} is not installed')
    return path


def highest_in_use(folder):
    return max(d.total.inuse_bytes for d in dumps_in(folder))


@test
def test_node(folder):
    """Node reserves 10 GiB for WebAssembly, of which 16 MiB can be used."""
    node = need_program('node')
    dump = run_only_mappings(folder, [node, '-e', 'new WebAssembly.Memory({initial: 256})'],
                             HEAP_PROFILE_INUSE_INTERVAL='1M')
    check(16 * MIB <= highest_in_use(folder) < dump.number('rss_bytes') + 64 * MIB,
          f'{highest_in_use(folder)} in use, {dump.number("rss_bytes")} resident')


@test
def test_php(folder):
    """A string grows to 312 MiB, by mremap wherever there is room."""
    php = need_program('php')
    code = '$s=""; for($i=0;$i<8000;$i++) $s.=str_repeat("x",40960); echo strlen($s);'
    dump = run_only_mappings(folder, [php, '-r', code], HEAP_PROFILE_INUSE_INTERVAL='100M')
    size = 8000 * 40960
    check(size <= dump.number('allocated_bytes') < 16 * size, 'allocated')
    check(size * 0.6 < highest_in_use(folder) < 2 * size, f'{highest_in_use(folder)} in use')


JAVA = """
class Small {
    public static void main(String[] arguments) { System.out.println(new int[1000].length); }
}
"""


@test
def test_java(folder):
    """The heap may grow to 4 GiB, and begins with 64 MiB. 1 GiB of addresses is reserved for
    classes."""
    java = need_program('java')
    source = os.path.join(folder, 'Small.java')
    with open(source, 'w') as f:
        f.write(JAVA)
    if subprocess.run([java, source], capture_output=True, check=False).returncode != 0:
        skip('java can not compile')
    dump = run_only_mappings(folder, [java, '-Xms64m', '-Xmx4g', source])
    check(64 * MIB < dump.total.inuse_bytes < 512 * MIB, f'{dump.total.inuse_bytes} in use')
    check(dump.number('reserved_bytes') > 3 << 30, 'reserved')


main()
