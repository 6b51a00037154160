#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Processes that share a prefix. Each has dumps of its own, all whole and none overwritten; no
child hangs. HEAPPROF_TEST_CHILDREN sets the number of children in the storms (200)."""
import os
import re
import shutil
import subprocess

from preload import PATIENCE, environment, program, run, run_quietly
from strict_dump import Counts, dumps_in, last_dump, names_of_dumps
from tap import check, equal, main, skip, test

PROCESSES = program('processes')
N_CHILDREN = int(os.environ.get('HEAPPROF_TEST_CHILDREN', '200'))
PATIENCE_WITH_STORMS = PATIENCE * max(1, N_CHILDREN // 200)

CHILD = r'p_\d+\.\d+\.heap'
IN_PARENT = Counts(100, 100000, 100, 100000)
IN_CHILD = Counts(10, 5000, 10, 5000)
NOTHING = Counts(0, 0, 0, 0)


def start(folder, *arguments, **variables):
    run_quietly([PROCESSES, *map(str, arguments)], environment(folder, **variables),
                patience=PATIENCE_WITH_STORMS)


def owner_and_child(folder):
    owners, children = dumps_in(folder), dumps_in(folder, CHILD)
    equal((len(owners), len(children)), (1, 1), f'files in {os.listdir(folder)}')
    pid = re.search(r'p_(\d+)', children[0].path).group(1)
    equal(children[0].metadata['pid'], pid, 'pid')
    check(owners[0].metadata['pid'] != pid, 'the owner has a pid of its own')
    check(owners[0].metadata['run'] != children[0].metadata['run'], 'runs differ')
    return owners[0], children[0]


@test(kind=['fork', 'raw-fork'])
def test_fork_without_exec(folder, kind):
    start(folder, kind)
    owner, child = owner_and_child(folder)
    equal(owner.by_leaf()['allocate_in_parent'], IN_PARENT, 'in the parent')
    equal(owner.by_leaf()['allocate_in_child'], NOTHING, 'of the child, in the parent')
    # Inherited blocks are in use in the child. Until it frees them they count as allocated there.
    equal(child.by_leaf()['allocate_in_parent'], IN_PARENT, 'inherited')
    equal(child.by_leaf()['allocate_in_child'], IN_CHILD, 'in the child')
    check(child.number('allocated_bytes') < 20000, 'a child starts with nothing allocated')


@test
def test_fork_in_a_fork_child(folder):
    start(folder, 'fork-twice')
    children = dumps_in(folder, CHILD)
    equal(len(children), 2, 'children')
    inherited = [d.by_leaf()['do_fork_twice'] for d in children]
    equal(inherited, 2 * [Counts(50, 50000, 50, 50000)], 'inherited blocks')


@test
def test_a_child_that_frees_what_it_inherited(folder):
    start(folder, 'fork-and-free')
    owner, child = owner_and_child(folder)
    equal(owner.by_leaf()['allocate_blocks'], Counts(100, 10000, 100, 10000), 'of the parent')
    equal(child.by_leaf()['allocate_blocks'], Counts(10, 1000, 60, 6000), 'of the child')
    equal(child.number('samples_dropped'), 0, 'samples dropped')


@test(kind=['exec', 'spawn', 'vfork'])
def test_exec(folder, kind):
    start(folder, kind)
    owner, child = owner_and_child(folder)
    equal(child.by_leaf()['allocate_in_child'], IN_CHILD, 'in the child')
    equal(child.by_leaf()['allocate_in_parent'], NOTHING, 'of the parent, in the child')
    n = 2 if kind == 'vfork' else 1
    equal(owner.by_leaf()['allocate_in_parent'], Counts(*(n * c for c in IN_PARENT)),
          'in the parent')


@test
def test_exec_in_place_stays_the_owner(folder):
    start(folder, 'exec-in-place')
    equal(names_of_dumps(folder), ['p.0001.heap'], 'files')
    equal(last_dump(folder).by_leaf()['allocate_in_child'], IN_CHILD, 'after the exec')


@test
def test_exec_in_place_keeps_earlier_dumps(folder):
    start(folder, 'leaf')
    start(folder, 'exec-in-place', HEAP_PROFILE_CLEANUP='1', HEAP_PROFILE_ALLOCATION_INTERVAL='60K')
    dumps = dumps_in(folder)
    equal(names_of_dumps(folder), ['p.0001.heap', 'p.0002.heap'], 'files')
    equal(len({d.metadata['pid'] for d in dumps}), 1, 'processes')
    equal(len({d.metadata['run'] for d in dumps}), 2, 'programs')


@test
def test_daemon(folder):
    start(folder, 'daemon')
    child = last_dump(folder, CHILD)
    equal(child.by_leaf()['allocate_in_child'], IN_CHILD, 'in the daemon')


@test(way=[('_exit', 3), ('quick_exit', 4)])
def test_ways_out(folder, way):
    result = run([PROCESSES, way[0]], environment(folder))
    equal((result.returncode, result.stderr), (way[1], ''), 'result')
    equal(last_dump(folder).by_leaf()['allocate_in_parent'], IN_PARENT, 'in the dump')


@test
def test_exit_in_a_handler_of_a_signal_that_came_in_a_hook(folder):
    n = 60  # some of them exit while the profiler is counting
    start(folder, '_exit-in-handler', n)
    children = dumps_in(folder, CHILD)
    equal(len(children), n, 'children with files')
    for dump in children:
        check(dump.by_leaf()['allocate_until_signal'].alloc_objects > 0
              or 'incomplete' in dump.metadata.get('note', ''), f'lost and not reported: {dump.text}')


@test
def test_restart_under_the_same_prefix(folder):
    texts = {}
    for n in range(1, 4):
        start(folder, 'leaf')
        for name, text in texts.items():
            with open(f'{folder}/{name}') as f:
                equal(f.read(), text, name)
        equal(names_of_dumps(folder), [f'p.{i:04}.heap' for i in range(1, n + 1)], 'files')
        equal(last_dump(folder).number('dump'), 1, 'which dump of its run')
        texts[f'p.{n:04}.heap'] = last_dump(folder).text


@test
def test_siblings(folder):
    """Eight processes, each with a fork child, share a prefix. The eight do not know about each
    other, because the test that starts them runs without the library and leaves no mark of an owner
    in their environment."""
    env = environment(folder, HEAP_PROFILE_ALLOCATION_INTERVAL='30K')
    siblings = [subprocess.Popen([PROCESSES, 'fork'], env=env) for _ in range(8)]
    for process in siblings:
        equal(process.wait(60), 0, 'status')
    dumps = dumps_in(folder, '.*')
    pids = {}
    for dump in dumps:
        pids.setdefault(dump.metadata['pid'], []).append(dump.number('dump'))
    equal(len(pids), 16, 'processes with files')
    for pid, numbers in pids.items():
        equal(sorted(numbers), list(range(1, len(numbers) + 1)), f'dumps of {pid}')


@test
def test_namespaces_on_a_shared_folder(folder):
    if os.geteuid() != 0 or not shutil.which('unshare'):
        skip('needs root and unshare')
    probe = subprocess.run(['unshare', '--pid', '--fork', 'true'], capture_output=True)
    if probe.returncode != 0:
        skip('no PID namespaces here')
    env = environment(folder, HEAP_PROFILE_ALLOCATION_INTERVAL='30K')
    preload = env.pop('LD_PRELOAD')
    siblings = [subprocess.Popen(['unshare', '--pid', '--fork', 'env', f'LD_PRELOAD={preload}',
                                  PROCESSES, 'leaf'], env=env) for _ in range(6)]
    for process in siblings:
        equal(process.wait(60), 0, 'status')
    dumps = dumps_in(folder, '.*')
    equal({d.metadata['pid'] for d in dumps}, {'1'}, 'pids')
    equal(len({d.metadata['run'] for d in dumps}), 6, 'runs')
    equal(sum(d.by_leaf()['allocate_in_child'] == IN_CHILD for d in dumps), 6, 'whole dumps')


@test(kind=['fork', 'exec'])
def test_storm(folder, kind):
    start(folder, 'storm', N_CHILDREN, kind, 4)
    children = dumps_in(folder, CHILD)
    equal(len({d.metadata['pid'] for d in children}), N_CHILDREN, 'children with files')
    for dump in children:
        equal(dump.by_leaf()['allocate_in_child'], IN_CHILD, dump.path)
    last_dump(folder)


@test
def test_sampled_storm(folder):
    start(folder, 'storm', N_CHILDREN, 'fork', 4, HEAP_PROFILE_SAMPLE_INTERVAL='4K')
    equal(len(dumps_in(folder, CHILD)), N_CHILDREN, 'children with files')


@test
def test_raw_storm(folder):
    """Processes are made by a system call while other threads hold the allocator's locks. A signal
    asks each for a dump."""
    start(folder, 'raw-storm', N_CHILDREN // 2, HEAPPROFILESIGNAL='40',
          HEAP_PROFILE_TIME_INTERVAL='1', GLIBC_TUNABLES='glibc.malloc.arena_max=1')
    children = dumps_in(folder, CHILD)
    equal([d.metadata['reason'] for d in children],
          N_CHILDREN // 2 * ['signal 40', 'exit'], 'dumps')
    for dump in children:
        equal(dump.by_leaf()['reuse_one'], Counts(0, 0, 1, 24), dump.path)


@test
def test_forks_in_several_threads(folder):
    start(folder, 'fork-in-threads', N_CHILDREN // 2)
    children = dumps_in(folder, CHILD)
    equal(len(children), N_CHILDREN // 2 * 2, 'children with files')
    for dump in children:
        equal(dump.by_leaf()['allocate_in_child'], IN_CHILD, dump.path)


@test
def test_fork_handlers_that_allocate(folder):
    n = 5
    run_quietly([program('handlers'), 'allocate', str(n)], environment(folder))
    owner, children = last_dump(folder), dumps_in(folder, CHILD)
    leaves = owner.by_leaf()
    equal(leaves['allocate_in_prepare'], Counts(n, n * 200, 2 * n, n * 300), 'in prepare')
    equal(leaves['allocate_in_parent'], Counts(n, n * 300, n, n * 300), 'in the parent')
    equal(leaves['keep_one'], Counts(0, 0, n, n * 500), 'freed in prepare')
    equal(owner.number('samples_dropped'), 0, 'samples dropped')
    equal(len(children), n, 'children')
    for child in children:
        equal(child.by_leaf()['allocate_in_child'], Counts(1, 400, 1, 400), 'in a child')


@test
def test_fork_handlers_of_several_threads(folder):
    n = 10
    run_quietly([program('handlers'), 'threads', str(n)], environment(folder))
    dump = last_dump(folder)
    equal(dump.by_leaf()['allocate_in_parent'].alloc_objects, 2 * 4 * n, 'in the handlers')
    equal(dump.number('samples_dropped'), 0, 'samples dropped')


@test
def test_a_free_lost_to_a_long_fork_is_counted(folder):
    run_quietly([program('handlers'), 'hold'], environment(folder))
    dump = last_dump(folder)
    equal(dump.by_leaf()['keep_one'], Counts(1, 500, 1, 500), 'nobody saw it freed')
    check(dump.number('samples_dropped') > 0, 'it is counted')


@test
def test_dropped_privileges(folder):
    if os.geteuid() != 0 or not shutil.which('setpriv'):
        skip('needs root and setpriv')
    os.chmod(folder, 0o700)
    env = environment(folder, HEAP_PROFILE_ALLOCATION_INTERVAL='10K')
    preload = env.pop('LD_PRELOAD')
    result = run(['setpriv', '--reuid', '65534', '--clear-groups', 'env', f'LD_PRELOAD={preload}',
                  PROCESSES, 'leaf'], env)
    if 'cannot be preloaded' in result.stderr or result.returncode == 126:  # env: no access
        skip('other users can not read the library')
    equal(result.returncode, 0, 'status')
    equal(len(result.stderr.splitlines()), 1, f'lines in {result.stderr!r}')
    check('Permission denied' in result.stderr, result.stderr)


main()
