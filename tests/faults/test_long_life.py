#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The library still finds a new leak after days of generated code and plugins. Also tests small
stacks, and files in the way of a dump."""
import os

from faults import VICTIM, WAYS, check_told, check_unharmed, for_each_call, profiled
from strict_dump import dumps_in, last_dump, names_of_dumps
from tap import check, equal, main, test

PLUGIN = os.path.join(os.environ.get('HEAPPROF_PRELOAD_PROGRAMS', ''), 'libplugin_a.so')
N_GENERATED = 200000
N_PLUGINS = 4500


@test(limit=['4M', '8M'])
def test_leak_after_the_stack_table_is_full(folder, limit):
    """Stacks of short-lived generated code, with nothing in use, make room for new ones."""
    outcome = profiled([VICTIM, 'generated-code', str(N_GENERATED)], folder,
                       HEAP_PROFILE_MEMORY_LIMIT=limit)
    check_told(outcome)
    dump = last_dump(outcome.folder)
    check('(evicted)' in dump.text, 'the table was full')
    leaked = dump.by_leaf()['leak_late']
    equal((leaked.inuse_objects, leaked.inuse_bytes), (100, 100000), 'the leak')
    n_dropped = dump.number('samples_dropped')
    check(n_dropped < N_GENERATED / 100, f'{n_dropped} dropped')
    check(dump.total.alloc_objects + n_dropped >= N_GENERATED + 100, 'the sums hold all')


@test
def test_leak_after_many_plugins(folder):
    """The leak of the last library is found, under its name, and the other libraries keep their
    names."""
    outcome = profiled([VICTIM, 'plugins', PLUGIN, str(N_PLUGINS)], folder)
    check_told(outcome)
    dump = dumps_in(outcome.folder)[0]
    leaked = [c for c, stack in dump.records
              if c.inuse_objects and dump.mapping_of(stack[0]).path.endswith('/plugin.so')]
    equal([(c.inuse_objects, c.inuse_bytes) for c in leaked], [(10, 7770)], 'the leak')
    is_open = 1  # the last library is open, so the dump also has the kernel's line
    equal(sum(m.path.endswith('/plugin.so') for m in dump.mappings), N_PLUGINS + is_open,
          'lines of libraries')


@test(interval=['1', '512'])
def test_small_stacks_half_used(folder, interval):
    outcome = profiled([VICTIM, 'half-stacks'], folder, HEAP_PROFILE_SAMPLE_INTERVAL=interval)
    check_told(outcome)
    equal(len(dumps_in(outcome.folder)), 5, 'dumps')
    check('allocate_deep' in last_dump(outcome.folder).by_leaf(), 'records')


# --- in the way ----------------------------------------------------------------------------------

TAKE_NAME = {
    'link': 'ln -s ../victim p.0001.heap',
    'file': 'echo mine >p.0001.heap',
    'folder': 'mkdir p.0001.heap',
    'FIFO': 'mkfifo p.0001.heap',
}


@test(what=TAKE_NAME)
def test_somebody_takes_the_name_meanwhile(folder, what):
    """Something takes the name after the library has looked and before it claims the name. The
    library neither follows nor replaces it, and gives the dump another name."""
    for way, refused in WAYS.items():
        os.mkdir(f'{folder}/{way}')
        for done in for_each_call(f'{folder}/{way}', 'renameat2,linkat',
                                  f'run=[ -e p.0001.heap ] || {TAKE_NAME[what]}',
                                  [VICTIM, 'umask', '0'], refused=refused):
            check_unharmed(done, output='')
            equal(done.result.stderr, '', 'standard error')
            check(not os.path.exists(f'{folder}/{way}/victim'), 'a symbolic link was followed')
            if what == 'file':
                with open(f'{done.folder}/p.0001.heap', encoding='ascii') as f:
                    equal(f.read(), 'mine\n', 'the file of somebody else')
            equal(len(dumps_in(done.folder, r'p_\d+\.\d+\.heap')), 1,
                  f'dumps by another name in {os.listdir(done.folder)}')


@test(number=['18446744073709551615', '18446744073709551616', '9' * 40])
def test_absurd_numbers_in_the_way(folder, number):
    with open(f'{folder}/p.{number}.heap', 'w', encoding='ascii') as f:
        f.write('mine')
    outcome = profiled([VICTIM, 'work-alone'], folder, HEAPPROFILE=f'{folder}/p')
    check_told(outcome)
    with open(f'{folder}/p.{number}.heap', encoding='ascii') as f:
        equal(f.read(), 'mine', 'the file of somebody else')
    equal(len(names_of_dumps(folder)), 3, 'dumps, and that file')


main()
