#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Dumps are the same exact ones over every allocator, whether it is preloaded after the library or
linked."""
import os
import re
import shutil
import subprocess

from preload import LIB, environment, find_allocator, program, run, run_quietly
from strict_dump import Counts, dumps_in, last_dump
from tap import check, equal, main, skip, test

ALLOCATORS = ['jemalloc', 'tcmalloc_minimal', 'mimalloc']


# Settings for what an allocator lacks, or does in its own way even without a profiler.
LIMITS = {'jemalloc': {'ENTRIES_NO_PVALLOC': '1'}, 'mimalloc': {'ENTRIES_NO_BAD_ALLOC': '1'}}


def check_dump(folder, text):
    dump = last_dump(folder)
    leaves = dump.by_leaf()
    equal(dump.number('samples_dropped'), 0, 'samples_dropped')
    for line in text.splitlines():
        name, *numbers = line.split()
        equal(tuple(leaves[name]), tuple(map(int, numbers)), name)
    return len(text.splitlines())


@test(allocator=ALLOCATORS)
def test_preloaded_behind(folder, allocator):
    for name in ('entries', 'entries_cxx'):
        sub = f'{folder}/{name}'
        os.mkdir(sub)
        out = run_quietly([program(name), '8'],
                          environment(sub, preload=f'{LIB}:{find_allocator(allocator)}',
                                      **LIMITS.get(allocator, {})))
        check(check_dump(sub, out.stdout) > 6, 'lines')


@test(allocator=ALLOCATORS)
def test_linked(folder, allocator):
    """The program itself is linked with the allocator."""
    for name in ('entries', 'entries_cxx'):
        binary = program(f'{name}_{allocator}')
        if not os.path.exists(binary):
            skip(f'no {allocator} to link with')
        sub = f'{folder}/{name}'
        os.mkdir(sub)
        out = run_quietly([binary, '8'], environment(sub, **LIMITS.get(allocator, {})))
        check(check_dump(sub, out.stdout) > 6, 'lines')


@test(allocator=ALLOCATORS)
def test_sampled(folder, allocator):
    run_quietly([program('sampled'), '2'],
                environment(folder, exact=False, preload=f'{LIB}:{find_allocator(allocator)}',
                            HEAP_PROFILE_SAMPLE_INTERVAL='64K'))
    check(last_dump(folder).total.alloc_objects > 1000, 'samples')


@test(allocator=['glibc', *ALLOCATORS])
def test_jemallocs_own_interface(folder, allocator):
    """The process has jemalloc's interface if, and only if, it has jemalloc."""
    preload = LIB if allocator == 'glibc' else f'{LIB}:{find_allocator(allocator)}'
    env = environment(folder, preload=preload)
    out = run_quietly([program('jemalloc'), '4'], env)
    equal(check_dump(folder, out.stdout), 3 if allocator == 'jemalloc' else 0, 'lines')


@test(interval=['32K', '512K'])
def test_a_block_of_jemallocs_own_is_counted_once_a_call(folder, interval):
    """A call of xallocx() that cannot enlarge the block counts nothing."""
    run_quietly([program('sampled'), 'resizex'],
                environment(folder, exact=False, preload=f'{LIB}:{find_allocator("jemalloc")}',
                            HEAP_PROFILE_SAMPLE_INTERVAL=interval,
                            HEAP_PROFILE_ALLOCATION_INTERVAL='0'))
    total, counted = 200000 * 1500, last_dump(folder).number('allocated_bytes')
    check(total <= counted <= total + 200000, f'allocated_bytes {counted}, not {total}')


@test
def test_jemallocs_own_interface_bound_at_once(folder):
    """jemalloc calls its own interface too, and is relocated before our library, which defines the
    same names. The loader must print no message, as it would if ours were indirect functions."""
    env = environment(folder, preload=f'{LIB}:{find_allocator("jemalloc")}', LD_BIND_NOW='1')
    result = run_quietly([program('jemalloc'), '4'], env)
    equal(check_dump(folder, result.stdout), 3, 'lines')


def run_over_full_tcmalloc(folder, *command, **variables):
    env = environment(folder, preload=f'{LIB}:{find_allocator("tcmalloc")}',
                      HEAP_PROFILE_INUSE_INTERVAL='0', HEAP_PROFILE_ALLOCATION_INTERVAL='0',
                      **variables)
    return run([program(command[0]), *command[1:]], env)


@test
def test_full_tcmalloc(folder):
    """HEAPPROFILE would also start the profiler of tcmalloc. That profiler must not start."""
    result = run_over_full_tcmalloc(folder, 'entries', '4')
    equal((result.returncode, result.stderr), (0, ''), 'the program')
    check(check_dump(folder, result.stdout) > 6, 'lines')
    dumps = dumps_in(folder)
    equal([d.metadata['reason'] for d in dumps], ['exit'], 'reasons')


@test
def test_full_tcmalloc_asks_for_no_dump(folder):
    result = run_over_full_tcmalloc(folder, 'entries', '4', HEAP_PROFILE_EXIT_DUMP='0')
    equal(result.returncode, 0, 'status')
    check('no dump written' in result.stderr, result.stderr)
    equal(os.listdir(folder), [], 'files')


@test
def test_full_tcmalloc_leaves_earlier_dumps_where_told(folder):
    """tcmalloc removes earlier dumps at its start, with or without our library, unless
    HEAP_PROFILE_CLEANUP=0."""
    for _ in range(2):
        run_over_full_tcmalloc(folder, 'entries', '1', HEAP_PROFILE_CLEANUP='0')
    equal(len(dumps_in(folder)), 2, 'dumps')


@test
def test_full_tcmalloc_in_a_program_that_is_left_out(folder):
    """In a program that is left out, too, tcmalloc writes no file under our names."""
    result = run_over_full_tcmalloc(folder, 'entries', '4', HEAP_PROFILE_PROGRAM='another')
    equal((result.returncode, result.stderr), (0, ''), 'the program')
    equal(os.listdir(folder), [], 'files')


@test
def test_archive_in_a_program(folder):
    for name in ('entries_static', 'entries_cxx_static'):
        sub = f'{folder}/{name}'
        os.mkdir(sub)
        out = run_quietly([program(name), '8'], environment(sub, preload=None))
        check(check_dump(sub, out.stdout) > 6, 'lines')


@test
def test_archive_needs_only_malloc(folder):
    """A program that calls none of our functions gets them if it is linked with -u malloc."""
    out = subprocess.run(['nm', program('entries_static')], capture_output=True, text=True).stdout
    check(' T malloc\n' in out or ' t malloc\n' in out, 'malloc is linked in')


@test(by=['environment', 'call'])
def test_archive_under_the_shared_library(folder, by):
    """Each call of malloc passes both copies of the library, but only one records it."""
    if by == 'environment':
        result = run([program('entries_static'), '4'], environment(folder))
    else:
        result = run([program('api_static'), 'sessions', f'{folder}/p'],
                     environment(folder, HEAPPROFILE=None))
    equal(result.returncode, 0, 'status')
    if by == 'environment':
        check(check_dump(folder, result.stdout) > 6, 'lines')
        equal(len(result.stderr.splitlines()), 1, f'lines in {result.stderr}')
        check('that one records' in result.stderr, result.stderr)
    else:
        equal(result.stderr, '', 'of a copy that nobody has asked for anything')
        for dump in dumps_in(folder):
            equal(dump.by_leaf()['allocate_while_running'], Counts(1, 2000, 1, 2000), 'in it')


@test
def test_note_of_the_archive(folder):
    """The shared library recognizes the archive by a note in the program. The linker keeps the note
    even if it removes unused sections."""
    for path in (LIB, program('entries_static')):
        out = subprocess.run(['readelf', '-nW', path], capture_output=True, text=True).stdout
        equal(len(re.findall(r'^ *heapprof ', out, re.M)), 1, f'notes in {path}')


@test
def test_another_malloc_before_ours(folder):
    """A message says so once, whether the environment or a call starts the profiling."""
    env = environment(folder, preload=f'{find_allocator("jemalloc")}:{LIB}')
    result = run([program('sampled'), '1'], env)
    equal(len(re.findall('comes before ours', result.stderr)), 1, result.stderr)
    env = environment(folder, preload=find_allocator('jemalloc'), HEAPPROFILE=None)
    result = run([program('api'), 'sessions', f'{folder}/p'], env)
    equal(len(re.findall('comes before ours', result.stderr)), 1, result.stderr)


@test(compiler=['clang', 'gcc'])
def test_address_sanitizer(folder, compiler):
    """Clang links AddressSanitizer into the program, so its malloc comes before ours. GCC's is a
    library underneath ours, so its allocations are recorded."""
    source, built = f'{folder}/program.c', f'{folder}/program'
    with open(source, 'w', encoding='utf-8') as file:
        file.write('#include <stdlib.h>\nvoid *volatile p;\nint main(void) {\n'
                   'for (int i = 0; i < 10; i++) p = malloc(1000);\nreturn 0; }\n')
    command = [compiler, '-fsanitize=address', '-o', built, source]
    if not shutil.which(compiler) or subprocess.run(command, capture_output=True).returncode:
        skip(f'{compiler} -fsanitize=address does not work')
    result = run([built], environment(
        folder, ASAN_OPTIONS='verify_asan_link_order=0:detect_leaks=0'))
    seen = Counts(10, 10000, 10, 10000) if compiler == 'gcc' else None
    said = '' if seen else (f'heapprof: {built}: its malloc is AddressSanitizer\'s and comes before '
                            'ours; its allocations are not recorded\n')
    equal((result.returncode, result.stderr), (0, said), 'status and messages')
    equal(last_dump(folder).by_leaf().get('main'), seen, 'what main has allocated')


@test
def test_address_of_malloc_in_a_program_at_fixed_addresses(folder):
    """In such a program, as Debian's Python is, the address of malloc is one in the program itself.
    Calls to it must reach our malloc."""
    source, built = f'{folder}/fixed.c', f'{folder}/fixed'
    with open(source, 'w', encoding='utf-8') as file:
        file.write('#include <stdlib.h>\nvoid *(*volatile taken)(size_t);\n'
                   'int main(void) { taken = malloc; return !taken(100000); }\n')
    subprocess.run(['cc', '-no-pie', '-fno-pie', '-o', built, source], check=True)
    result = run([built], environment(folder))
    equal((result.returncode, result.stderr), (0, ''), 'status and messages')
    equal(len(dumps_in(folder)), 1, 'dumps')


main()
