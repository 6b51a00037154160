#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A program's own operator new and delete, in any of their forms, are called exactly as often as
without the library. The same programs run with and without it. They are built here, because the
linker decides which operators are called."""
import atexit
import functools
import itertools
import os
import shutil
import subprocess
import tempfile

from preload import ARCHIVE, LIB, environment, run
from strict_dump import last_dump
from tap import check, equal, main, need, skip, test

need('c++', 'cc')

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = tempfile.mkdtemp(prefix='heapprof-operators-')
atexit.register(shutil.rmtree, BUILT, ignore_errors=True)

FLAGS = ['-O1', '-fPIC', '-fno-builtin', '-fno-inline', '-fno-omit-frame-pointer',
         '-fno-optimize-sibling-calls', '-Wno-free-nonheap-object']
TAIL_CALLS = ('-O2', '-fPIC')

# The forms of operator new and delete that a program defines. Only the program's own forms can free
# a block with a header, directly or when other forms call them.
FORMS = {
    'new-delete': ['NEW', 'DELETE', 'HEADER=64'],
    'new-delete-sized': ['NEW', 'DELETE', 'DELETE_SIZED', 'HEADER=64'],
    'c++98': ['NEW', 'ARRAY', 'DELETE', 'DELETE_ARRAY', 'HEADER=16'],
    'arrays': ['ARRAY', 'DELETE_ARRAY', 'HEADER=16'],
    'all': ['NEW', 'ARRAY', 'NOTHROW', 'ALIGNED', 'DELETE', 'DELETE_ARRAY', 'DELETE_SIZED',
            'HEADER=32'],
    'new': ['NEW'],
    'new-array': ['ARRAY'],
    'nothrow': ['NOTHROW'],
    'aligned': ['ALIGNED'],
    'delete': ['DELETE'],
    'sized': ['DELETE_SIZED'],
}
MAIN_FORMS = ['new-delete', 'c++98', 'all', 'sized']
PLACES = {'program': FORMS, 'library': MAIN_FORMS, 'preload': MAIN_FORMS}
WAYS = ['preloaded', 'linked', 'archive']
HAS_ALL_WAYS = bool(os.environ.get('HEAPPROF_ALL_WAYS'))
N_HELD = 8

COMPILERS = {
    'libstdc++': ('c++', [], []),
    'static-libstdc++': ('c++', [], ['-static-libstdc++']),
    'libc++': ('clang++', ['-stdlib=libc++'], ['-stdlib=libc++']),
}

ARCHIVE_ARGS = ['-Wl,-u,malloc', ARCHIVE, '-Wl,--push-state,--no-as-needed,-lgcc_s,--pop-state',
                '-lunwind-generic', '-lunwind']
SHARED_ARGS = ['-Wl,--no-as-needed', LIB, f'-Wl,-rpath,{os.path.dirname(LIB)}']


def build(output, *command):
    path = os.path.join(BUILT, output)
    result = subprocess.run([*command, '-o', path], capture_output=True, text=True)
    check(result.returncode == 0, f'{command}: {result.stderr[-1000:]}')
    return path


@functools.cache
def can_build(runtime):
    compiler, flags, link = COMPILERS[runtime]
    source = os.path.join(BUILT, 'probe.cc')
    with open(source, 'w', encoding='utf-8') as file:
        file.write('#include <string>\nint main() { return std::string(100, 1).empty(); }\n')
    return bool(shutil.which(compiler)) and subprocess.run(
        [compiler, *flags, *link, source, '-o', os.path.join(BUILT, 'probe')],
        capture_output=True).returncode == 0


@functools.cache
def compiled(source, runtime='libstdc++', forms=None, flags=()):
    """Compiles a source into an object file, with the own operators that FORMS lists under
    `forms`."""
    compiler, runtime_flags, _ = COMPILERS[runtime]
    defines = [f'-D{d}' if '=' in d else f'-DOWN_{d}' for d in FORMS.get(forms, [])]
    name = '-'.join([source, runtime, forms or 'none', *flags]) + '.o'
    return build(name.replace('/', '_'), compiler, '-std=c++17', '-fsized-deallocation',
                 *runtime_flags, *(flags or FLAGS), *defines, '-c', os.path.join(HERE, source))


@functools.cache
def own_library(runtime, forms):
    compiler, _, link = COMPILERS[runtime]
    own = compiled('operators_own.cc', runtime, forms)
    return build(f'libown-{runtime}-{forms}.so', compiler, '-shared', own, *link)


@functools.cache
def program(runtime, forms, place, way):
    """Builds a program whose own forms are in that place: the program, a library or a preloaded
    library. If `way` is None, the program is not linked with our library."""
    compiler, _, link = COMPILERS[runtime]
    parts = [compiled('operators.cc', runtime)]
    if place == 'program':
        parts.append(compiled('operators_own.cc', runtime, forms))
    parts += {'linked': SHARED_ARGS, 'archive': ARCHIVE_ARGS}.get(way, [])
    if place == 'library':
        parts += ['-Wl,--no-as-needed', own_library(runtime, forms), f'-Wl,-rpath,{BUILT}']
    name = '-'.join(['program', runtime, forms if place != 'preload' else 'none', place, str(way)])
    return build(name, compiler, *parts, *link)


def preloads(runtime, forms, place, way):
    """Returns the lists to try as LD_PRELOAD. A library with own forms may come before ours or
    after it."""
    ours = [LIB] if way == 'preloaded' else []
    if place != 'preload':
        return [ours]
    own = [own_library(runtime, forms)]
    return [own + ours] if way != 'preloaded' else [own + ours, ours + own]


def check_held(folder, what):
    """Checks that each block in use is recorded once, under hold(), which allocated it."""
    held = [(c, names) for c, names in last_dump(folder).stacks() if 'hold' in names]
    equal(sum(c.inuse_objects for c, _ in held), N_HELD, f'{what}: blocks of hold()')


def compare(folder, argv, plain_argv, preload, plain_preload, what, **variables):
    """Checks that a program has the same status and output with and without the library."""
    os.mkdir(folder)
    plain = run(plain_argv, environment(folder, preload=':'.join(plain_preload), HEAPPROFILE=None))
    result = run(argv, environment(folder, preload=':'.join(preload), **variables))
    equal(plain.returncode, 0, f'{what}: status without the library')
    equal(result, plain, what)
    check_held(folder, what)


def ways_of(forms, place):
    """Linking takes most of the time of this test, so only the main forms are linked with our
    library, and only into the program; all others with HEAPPROF_ALL_WAYS=1."""
    return WAYS if HAS_ALL_WAYS or forms in MAIN_FORMS and place == 'program' else WAYS[:1]


def compare_all_ways(folder, runtime, forms, place):
    if not can_build(runtime):
        skip(f'no {runtime} to build with')
    count = itertools.count()
    for way in ways_of(forms, place):
        if (runtime, place) == ('static-libstdc++', 'preload') and way != 'preloaded':
            continue  # the linker takes our forms for the archive's, so others can be preloaded
        for preload in preloads(runtime, forms, place, way):
            compare(f'{folder}/{next(count)}', [program(runtime, forms, place, way)],
                    [program(runtime, forms, place, None)], preload,
                    [p for p in preload if p != LIB], f'{way} {preload}')


@test(what=[f'{form} {place}' for place, forms in PLACES.items() for form in forms])
def test_own_forms(folder, what):
    compare_all_ways(folder, 'libstdc++', *what.split())


@test(what=[f'{r} {f} {p}' for r in ('static-libstdc++', 'libc++')
            for f in ('new-delete', 'c++98', 'sized') for p in PLACES])
def test_other_runtimes(folder, what):
    compare_all_ways(folder, *what.split())


@functools.cache
def host(way):
    parts = {'linked': SHARED_ARGS, 'archive': ARCHIVE_ARGS}.get(way, [])
    return build(f'host-{way}', 'cc', os.path.join(HERE, 'operators_host.c'), *parts)


@functools.cache
def plugin(forms, link='', flags=()):
    own = [compiled('operators_own.cc', forms=forms)] if forms else []
    use = compiled('operators.cc', flags=(*(flags or FLAGS), '-DPLUGIN'))
    return build(f'plugin-{forms}-{link}-{len(flags)}.so', 'c++', '-shared', use, *own,
                 *([link] if link else []))


def compare_hosts(folder, ways, arguments, **variables):
    for way in ways:
        preload = [LIB] if way == 'preloaded' else []
        compare(f'{folder}/{way}', [host(way), *arguments], [host(None), *arguments], preload, [],
                way, **variables)


@test(what=[f'{f} {s} {link}' for f in MAIN_FORMS for s in ('local', 'global')
            for link in ('lazy', '-Bsymbolic')])
def test_plugin_of_a_c_program(folder, what):
    forms, scope, link = what.split()
    options = '-Wl,-Bsymbolic' if link == '-Bsymbolic' else ''
    compare_hosts(folder, WAYS, [scope, plugin(forms, options)])


@test(scope=['local', 'global'])
def test_plugin_with_tail_calls(folder, scope):
    """A destructor may call operator delete by a jump. Its caller then seems to be outside the
    plugin."""
    compare_hosts(folder, WAYS, [scope, plugin('new-delete', '', TAIL_CALLS)])


@test
def test_runtime_that_comes_later(folder):
    compare_hosts(folder, WAYS, ['global', 'libstdc++.so.6', plugin('c++98')])


@test(unwinder=['libunwind', 'frame-pointer'])
def test_callers_in_a_plugin(folder, unwinder):
    """The leaf is operator new of the C++ library, which keeps no frame pointer. Its callers must
    be in the stack all the same."""
    compare_hosts(folder, ['preloaded'], ['local', plugin(None)], HEAP_PROFILE_UNWINDER=unwinder)
    for _, names in last_dump(f'{folder}/preloaded').stacks():
        if 'use_all' in names and 'hold' in names:
            check('main' in names and names[0].startswith('_Zn'), f'{names}')


@test(way=WAYS)
def test_program_without_own_forms(folder, way):
    """If a program has no forms of its own, the leaf is the caller of operator new."""
    binary = program('libstdc++', 'none', 'nowhere', way)
    compare(f'{folder}/d', [binary], [program('libstdc++', 'none', 'nowhere', None)],
            [LIB] if way == 'preloaded' else [], [], way)
    leaves = last_dump(f'{folder}/d').by_leaf()
    equal(leaves['hold'].inuse_objects, N_HELD, 'blocks of the leaf hold()')
    strange = [name for name in leaves if name.startswith(('_Zn', '_Zd'))]
    equal(strange, [], 'leaves')


main()
