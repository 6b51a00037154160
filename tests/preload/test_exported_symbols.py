#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The library exports no names that programs may use by accident, and nothing that handles
exceptions."""
import re
import subprocess

from preload import LIB, environment, program, run
from tap import check, equal, main, need, test

need('nm', 'readelf')

EXPORTED = set('''
    heapprof_pools heapprof_view
    GetHeapProfile HeapProfilerDump HeapProfilerStart HeapProfilerStop IsHeapProfilerRunning
    heapprof_get_statistics heapprof_sample_interval heapprof_set_sample_interval heapprof_version

    malloc calloc realloc reallocarray free cfree free_sized free_aligned_sized posix_memalign
    aligned_alloc memalign valloc pvalloc malloc_usable_size
    mallocx rallocx xallocx dallocx sdallocx
    mmap mmap64 mremap munmap mprotect pkey_mprotect sbrk
    dlclose exit _exit _Exit __libc_start_main

    _Znwm _ZnwmRKSt9nothrow_t _ZnwmSt11align_val_t _ZnwmSt11align_val_tRKSt9nothrow_t
    _Znam _ZnamRKSt9nothrow_t _ZnamSt11align_val_t _ZnamSt11align_val_tRKSt9nothrow_t
    _ZdlPv _ZdlPvm _ZdlPvRKSt9nothrow_t _ZdlPvSt11align_val_t _ZdlPvmSt11align_val_t
    _ZdlPvSt11align_val_tRKSt9nothrow_t
    _ZdaPv _ZdaPvm _ZdaPvRKSt9nothrow_t _ZdaPvSt11align_val_t _ZdaPvmSt11align_val_t
    _ZdaPvSt11align_val_tRKSt9nothrow_t
'''.split())


@test
def test_exported_names(folder):
    out = subprocess.run(['nm', '-D', '--defined-only', LIB], capture_output=True, text=True,
                         check=True).stdout
    names = {line.split()[-1] for line in out.splitlines()}
    equal(sorted(names - EXPORTED), [], 'names that nobody should see')
    equal(sorted(EXPORTED - names), [], 'names that are missing')
    check(not any('@' in n for n in names), 'a version would keep programs from finding them')


@test
def test_needed_libraries(folder):
    """libunwind also exports _Unwind_*. If it came before libgcc_s, C++ plugins would use its
    functions and crash."""
    out = subprocess.run(['readelf', '-dW', LIB], capture_output=True, text=True).stdout
    needed = re.findall(r'NEEDED.*\[(.+)\]', out)
    unwinders = [i for i, name in enumerate(needed) if name.startswith('libunwind')]
    check(unwinders and needed.index('libgcc_s.so.1') < unwinders[0], f'{needed}')
    check('libstdc++.so.6' not in needed and 'libpthread.so.0' not in needed, f'{needed}')
    check('TEXTREL' not in out, 'relocations in the code')


@test
def test_nothing_is_bound_late(folder):
    """Nothing is left for the loader to bind at its first call: that would use 3 KB of the stack of
    the calling thread."""
    out = subprocess.run(['readelf', '-dW', LIB], capture_output=True, text=True).stdout
    check('BIND_NOW' in out, out)


@test
def test_exceptions_are_libgccs(folder):
    env = environment(folder, LD_DEBUG='bindings')
    result = run([program('entries_cxx'), '1'], env)
    bindings = re.findall(r"binding file (\S+) .* to (\S+) .*symbol `(_Unwind_\w+)'", result.stderr)
    check(bindings, 'nobody throws')
    for who, whom, name in bindings:
        if 'libunwind' not in who:
            check('libgcc_s' in whom, f'{name} of {who} is bound to {whom}')


@test
def test_thread_local_storage_is_small(folder):
    """If our library is opened late, its thread-local storage must fit into what is left of the
    static TLS block."""
    out = subprocess.run(['readelf', '-lW', LIB], capture_output=True, text=True).stdout
    size = int(re.search(r'^ +TLS +(?:0x\w+ +){4}0x(\w+)', out, re.M).group(1), 16)
    check(size <= 1024, f'{size} bytes')


main()
