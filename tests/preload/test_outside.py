#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Processes and cores, read from outside: pprofconv's pid:N."""
import base64
import glob
import os
import re
import resource
import shutil
import signal
import subprocess

import preload
import strict_dump
from outsiders import (PPROFCONV, SMALL, dump_by_itself, make_gcore, pprofconv, records_of, read,
                       refusal, running, states, stop)
from preload import environment, program, wait_until
from tap import check, equal, main, skip, test

READS = int(os.environ.get('HEAPPROF_READS', '50'))
BLOCKS = int(os.environ.get('HEAPPROF_CORE_BLOCKS', '500000'))


DIFFERENT = {'dump', 'reason', 'time', 'uptime_ms', 'rss_bytes', 'anonymous_bytes',
             'profiler_bytes'}


def check_same(outside, inside):
    for a, b in zip(outside.records, inside.records):
        equal(a, b, 'a record')
    equal(len(outside.records), len(inside.records), 'number of records')
    equal(outside.levels, inside.levels, 'levels')
    equal(outside.total, inside.total, 'totals')
    equal(outside.mappings, inside.mappings, 'mappings')
    equal(outside.build_ids, inside.build_ids, 'build IDs')
    for key in set(inside.metadata) | set(outside.metadata):
        if key not in DIFFERENT:
            equal(outside.metadata.get(key), inside.metadata.get(key), key)
    equal(outside.metadata['reason'], 'outside', 'reason')


@test(sampled=[False, True])
def test_a_stopped_process_is_read_as_it_dumps_itself(folder, sampled):
    options = {'exact': False, 'HEAP_PROFILE_SAMPLE_INTERVAL': '8192'} if sampled else {}
    with running(folder, 'threads', '8', **options) as process:
        inside = dump_by_itself(process, folder)
        check(len(inside.records) > 100, f'{len(inside.records)} records')
        stop(process)
        check_same(read(process.pid), inside)


@test
def test_the_archive_in_a_program(folder):
    with running(folder, 'threads', '2', name='outside_static', preload=None) as process:
        inside = dump_by_itself(process, folder)
        stop(process)
        check_same(read(process.pid), inside)


@test
def test_the_archive_in_a_program_and_the_library(folder):
    """Both have tables; the archive's are those that record."""
    with running(folder, 'threads', '2', name='outside_static') as process:
        inside = dump_by_itself(process, folder)
        check(len(inside.records) > 100, f'{len(inside.records)} records')
        stop(process)
        check_same(read(process.pid), inside)


@test
def test_two_copies_of_the_library(folder):
    copy = shutil.copy(os.path.realpath(preload.LIB), f'{folder}/libheapprof-second.so')
    for second in (copy, preload.LIB):
        with running(folder, 'second_copy', second) as process:
            inside = dump_by_itself(process, folder)
            stop(process)
            outside = read(process.pid)
            check_same(outside, inside)
            equal(outside.by_leaf()['do_second_copy'].inuse_bytes, 7000, 'in use')


@test
def test_a_plugin_has_the_addresses_of_a_dump(folder):
    with running(folder, 'plugin', program('libplugin_a.so')) as process:
        inside = dump_by_itself(process, folder)
        stop(process)
        outside = read(process.pid)
        check_same(outside, inside)
        check(outside.by_leaf()['plugin_a_inner'].inuse_bytes == 7777, 'the plugin')


@test(exact=[True, False])
def test_a_process_under_load_is_read_consistently(folder, exact):
    """All blocks of a stack have one size, so a torn record is noticed."""
    options = {} if exact else {'HEAP_PROFILE_SAMPLE_INTERVAL': '512'}
    with running(folder, 'load', '3', exact=exact, **options) as process:
        result = subprocess.run([program('read_outside'), str(process.pid), str(READS)],
                                capture_output=True, text=True, timeout=preload.PATIENCE)
        check(result.returncode == 0, result.stderr)
        dumps = [strict_dump.Dump('outside', text) for text in result.stdout.split('---\n')[:-1]]
        equal(len(dumps), READS, 'reads')
        last = 0
        for dump in dumps:
            check('note' not in dump.metadata, dump.metadata.get('note'))
            c = dump.by_leaf()['allocate_on']
            equal(c.alloc_bytes, c.alloc_objects * 64, 'allocated')
            equal(c.inuse_bytes, c.inuse_objects * 64, 'in use')
            check(c.alloc_objects >= last, 'counts go back')
            last = c.alloc_objects
        check(process.poll() is None, 'the process has ended')


@test(n_threads=[2, 24])
def test_an_automatic_interval_is_read_as_in_a_dump(folder, n_threads):
    """24 threads allocate so much that the interval has grown."""
    with running(folder, 'threads', str(n_threads), HEAP_PROFILE_SAMPLE_INTERVAL='auto') as process:
        inside = dump_by_itself(process, folder)
        equal(inside.interval > 1, n_threads > 2, f'the interval, {inside.interval}')
        check(len(inside.records) > 100 and len(set(inside.levels)) > 5, f'{set(inside.levels)}')
        stop(process)
        check_same(read(process.pid), inside)


@test
def test_an_automatic_interval_grows_while_it_is_read(folder):
    with running(folder, 'load', '3', HEAP_PROFILE_SAMPLE_INTERVAL='auto') as process:
        result = subprocess.run([program('read_outside'), str(process.pid), str(READS)],
                                capture_output=True, text=True, timeout=preload.PATIENCE)
        check(result.returncode == 0, result.stderr)
        dumps = [strict_dump.Dump('outside', text) for text in result.stdout.split('---\n')[:-1]]
        equal(len(dumps), READS, 'reads')
        check(dumps[-1].interval > 1, 'the interval has not grown')
        last = 1
        for dump in dumps:
            check('note' not in dump.metadata, dump.metadata.get('note'))
            check(dump.interval >= last, f'R = {dump.interval} after {last}')
            last = dump.interval
            c = dump.by_leaf()['allocate_on']
            equal(c.alloc_bytes, c.alloc_objects * 64, 'allocated')
            equal(c.inuse_bytes, c.inuse_objects * 64, 'in use')


@test
def test_nobody_is_interrupted(folder):
    with running(folder, 'waits') as process:
        subprocess.run([program('read_outside'), str(process.pid), '600', '-q'], check=True,
                       stdout=subprocess.DEVNULL)
        process.stdin.close()
        equal(process.stdout.readline(), '0\n', 'interrupted calls')
        process.stdin = open(os.devnull)


@test
def test_a_deadlock_in_malloc(folder):
    blocking = f'{preload.LIB}:{program("libblocking_malloc.so")}'
    with running(folder, 'deadlock', preload=blocking) as process:
        wait_until(lambda: states(process.pid) == {'S'}, 'all threads to sleep')
        result = pprofconv('top', f'pid:{process.pid}')
        check('do_deadlock' in result.stdout, result.stdout)


@test
def test_the_first_thread_has_ended(folder):
    with running(folder, 'leaderless') as process:
        wait_until(lambda: states(process.pid) == {'S', 'Z'}, 'the first thread to end')
        inside = dump_by_itself(process, folder)
        stop(process)
        outside = read(process.pid)
        check_same(outside, inside)
        check(outside.metadata['rss_bytes'] != '0', 'memory')
        check('follow_alone' in pprofconv('top', f'pid:{process.pid}').stdout, 'names')


@test
def test_a_fork_child_that_nothing_has_noticed(folder):
    with running(folder, 'raw_fork', word=None) as process:
        dump = read(process.first)
        c = dump.by_leaf()['do_raw_fork']
        equal((c.inuse_bytes, c.alloc_bytes), (5000, 5000), 'what it inherited')
        check('fork child' in dump.metadata['note'], dump.metadata)
        equal(dump.metadata['pid'], process.first, 'pid')
        check(dump.metadata['run'] != read(process.pid).metadata['run'], 'the run')


@test
def test_a_fork_child(folder):
    with running(folder, 'fork', word=None) as process:
        wait_until(lambda: read(process.first).by_leaf()['do_fork'].inuse_bytes == 12000,
                   'the child to allocate')
        dump = read(process.first)
        check('note' not in dump.metadata, dump.metadata.get('note'))
        equal(dump.by_leaf()['do_fork'].alloc_bytes, 12000, 'allocated')


@test
def test_a_vfork_child_names_the_process_whose_memory_it_has(folder):
    with running(folder, 'vfork', word=None) as process:
        try:
            said = refusal('top', f'pid:{process.first}')
            check(f'read pid:{process.pid}\n' in said, said)
            check('do_vfork' in pprofconv('top', f'pid:{process.pid}').stdout, 'the parent')
        finally:
            os.kill(int(process.first), signal.SIGKILL)


# --- commands and refusals ---------------------------------------------------------------------


@test
def test_commands_take_a_process(folder):
    with running(folder, 'threads', '2') as process:
        dump_by_itself(process, folder)
        own, old = f'pid:{process.pid}', glob.glob(f'{folder}/p.*.heap')[0]
        pprofconv('convert', own, '-o', f'{folder}/out.pb.gz')
        check('allocate_and_wait' in pprofconv('top', f'{folder}/out.pb.gz').stdout, 'convert')
        check('reason: outside' in pprofconv('info', own).stdout, 'info')
        pprofconv('diff', old, own)
        pprofconv('merge', own, old, '-o', f'{folder}/merged.pb.gz')
        pprofconv('trend', old, own, own)


@test
def test_the_name_of_what_is_converted(folder):
    with running(folder, 'threads', '2') as process:
        subprocess.run([PPROFCONV, f'pid:{process.pid}'], cwd=folder, check=True, capture_output=True)
        check(os.path.exists(f'{folder}/pid-{process.pid}.pb.gz'), os.listdir(folder))
        shutil.copy(program('outside'), f'{folder}/pid:{process.pid}')
        result = subprocess.run([PPROFCONV, 'top', f'./pid:{process.pid}'], cwd=folder,
                                capture_output=True, text=True)
        equal(result.returncode, 2, 'a file of that name that is not a profile')


@test
def test_refusals(folder):
    check('no such process' in refusal('top', 'pid:999999999'), 'no process')
    check('heapprof is not in it' in refusal('top', f'pid:{os.getpid()}'), 'without the library')
    check(f'give pid:{os.getpid()}' in refusal(f'{os.getpid()}'), 'a bare number')
    check('kernel' in refusal('top', 'pid:2') or os.getpid() < 100, 'a thread of the kernel')
    with running(folder, 'threads', '1', HEAPPROFILE=None) as process:
        check('does not record' in refusal('top', f'pid:{process.pid}'), 'no session')
    with running(folder, 'threads', '1') as process:
        task = [t for t in os.listdir(f'/proc/{process.pid}/task') if t != str(process.pid)][0]
        said = refusal('convert', f'pid:{task}', '-o', f'{folder}/out')
        check(f'pid:{process.pid}' in said, said)
        check(not os.path.exists(f'{folder}/out'), 'something was written')


@test
def test_a_zombie(folder):
    with running(folder, 'threads', '1') as process:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        check('its parent has not waited for it' in refusal('top', f'pid:{process.pid}'), 'a zombie')


@test
def test_another_user_is_told_whose_it_is(folder):
    if os.geteuid() != 0:
        skip('needs root')
    with running(folder, 'threads', '1') as process:
        result = subprocess.run([PPROFCONV, 'top', f'pid:{process.pid}'], capture_output=True,
                                text=True, user=65534, group=65534, extra_groups=[])
        check(result.returncode == 2 and 'no right to read' in result.stderr, result.stderr)
        check(result.stderr.count('\n') == 1, result.stderr)


@test
def test_names_come_from_the_root_of_the_process(folder):
    """Outside of the root of the process, the paths of its program and libraries lead elsewhere. So
    the files must be looked for below that root."""
    if os.geteuid() != 0:
        skip('needs root')
    root = f'{folder}/root'
    os.mkdir(root)
    copied = {program('outside'), preload.LIB}
    for file in list(copied):
        out = subprocess.run(['ldd', file], capture_output=True, text=True).stdout
        copied |= set(re.findall(r'(/\S+) \(0x', out))
    for file in copied:
        os.makedirs(root + os.path.dirname(file), exist_ok=True)
        shutil.copy(os.path.realpath(file), root + file)
    inner = f'{root}/renamed'
    os.rename(root + program('outside'), inner)
    env = environment('/', HEAPPROFILE='/p')
    process = subprocess.Popen(['chroot', root, '/renamed', 'threads', '1'],
                               env={**env, 'LD_PRELOAD': preload.LIB}, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    try:
        equal(process.stdout.readline(), 'ready\n', 'in the root')
        result = pprofconv('top', f'pid:{process.pid}')
        check('allocate_and_wait' in result.stdout, result.stdout + result.stderr)
        os.unlink(inner)
        result = pprofconv('top', f'pid:{process.pid}')
        check('allocate_and_wait' in result.stdout, 'deleted: ' + result.stdout + result.stderr)
    finally:
        process.kill()
        process.communicate()


# --- cores ---------------------------------------------------------------------------------------


@test
def test_a_core_by_gcore(folder):
    with running(folder, 'threads', '8', **SMALL) as process:
        dump_by_itself(process, folder)
        core = make_gcore(folder, process)
        own = sorted(glob.glob(f'{folder}/p.*.heap'))[-1]
        check(len(records_of(own)) > 100, 'records')
        equal(records_of(core), records_of(own), 'records')
        check('allocate_and_wait' in pprofconv('top', core).stdout, 'names')
        check('rss_bytes' not in pprofconv('info', core).stdout, 'numbers that a core has not')


@test
def test_packed_cores(folder):
    with running(folder, 'threads', '2', **SMALL) as process:
        core = make_gcore(folder, process)
        records = records_of(core)
        for tool in ('gzip', 'zstd'):
            if not shutil.which(tool):
                continue
            with open(f'{core}.{tool}', 'wb') as packed:
                subprocess.run([tool, '-c', core], stdout=packed, check=True)
            equal(records_of(f'{core}.{tool}'), records, tool)
        with open(core, 'rb') as bytes_of_core:
            piped = subprocess.run([PPROFCONV, 'convert', '-', '-n', '-t', 'folded', '-s',
                                    'inuse_space', '-o', '-'], input=bytes_of_core.read(),
                                   capture_output=True)
        equal(sorted(piped.stdout.decode().splitlines()), records, 'standard input')
        check('more than 65536 bytes' in refusal('top', '--max-input-bytes=64K', f'{core}.gzip'),
              'a limit')


@test
def test_cut_cores(folder):
    with running(folder, 'threads', '2', **SMALL) as process:
        core = make_gcore(folder, process)
        size = os.path.getsize(core)
        for cut in (64, 1000, 5000, size // 100, size // 2, size * 9 // 10):
            os.truncate(core, cut) if cut < 6000 else shutil.copy(core, f'{core}.cut')
            if cut < 6000:
                check('cut' in refusal('top', core), f'{cut} bytes')
                core = make_again(folder, process)
            else:
                os.truncate(f'{core}.cut', cut)
                said = subprocess.run([PPROFCONV, 'top', f'{core}.cut'], capture_output=True,
                                      text=True)
                check(said.returncode == 0 or 'cut' in said.stderr, f'{cut}: {said.stderr!r}')


def make_again(folder, process):
    path = f'{folder}/core.{process.pid}'
    os.unlink(path)
    subprocess.run(['gcore', '-o', f'{folder}/core', str(process.pid)], capture_output=True,
                   stdin=subprocess.DEVNULL)
    return path


@test
def test_another_version(folder):
    """The version in the view, after the magic and the address, is patched in a core."""
    with running(folder, 'threads', '2', **SMALL) as process:
        core = make_gcore(folder, process)
        with open(core, 'r+b') as file:
            content = file.read()
            at = content.index(b'\x96heapprof\r\n\x1a\xc3\x5e\xa7\x01')
            file.seek(at + 24)
            file.write((7).to_bytes(4, 'little'))
        said = refusal('top', core)
        check('version 7' in said and 'heapprof 0.' in said, said)


CORES = sorted(glob.glob(f'{preload.ROOT}/tests/data/core-*.gz.base64'))


@test(version=[re.sub(r'.*/core-|\.gz.*', '', path) for path in CORES])
def test_a_core_of_a_version(folder, version):
    """scripts/make-core has made it: 1,000 blocks of 100 bytes."""
    path = f'{folder}/core.gz'
    with open(f'{preload.ROOT}/tests/data/core-{version}.gz.base64', 'rb') as text:
        with open(path, 'wb') as file:
            file.write(base64.b64decode(text.read()))
    info = pprofconv('info', path).stdout
    for name, value in (('inuse_objects', '1000 count'), ('inuse_space', '100000 bytes'),
                        ('alloc_objects', '1000 count')):
        check(re.search(rf'^  {name} +{value}( \(|$)', info, re.MULTILINE), info)
    check('cmdline: ./program abort 1000' in info and '/libc.so.6' in info, info)
    equal(len(records_of(path)), 1, 'records')


@test
def test_a_core_without_the_tables(folder):
    """coredump_filter excludes anonymous memory: the message names the memory that is missing."""
    with running(folder, 'abort', '1000') as process:
        core = crash(folder, process, mask='0x32')
        said = refusal('top', core)
        check('coredump_filter' in said or 'heapprof is not in it' in said, said)


def crash(folder, process, mask='0x33'):
    with open('/proc/sys/kernel/core_pattern', encoding='utf-8') as file:
        pattern = file.read().strip()
    if pattern.startswith('|') or '/' in pattern:
        skip(f'core_pattern is {pattern}')
    with open(f'/proc/{process.pid}/coredump_filter', 'w', encoding='utf-8') as file:
        file.write(mask)
    try:
        resource.prlimit(process.pid, resource.RLIMIT_CORE, (-1, -1))
    except (OSError, ValueError) as error:
        skip(f'RLIMIT_CORE: {error}')
    process.stdin.close()
    process.wait()
    process.stdin = open(os.devnull)
    cores = [n for n in os.listdir(folder) if n.startswith('core')]
    if not cores:
        skip('the kernel has written no core')
    return os.path.join(folder, cores[0])


@test
def test_a_core_by_the_kernel(folder):
    with running(folder, 'abort', str(BLOCKS)) as process:
        core = crash(folder, process)
        result = pprofconv('top', core)
        check('do_abort' in result.stdout, result.stdout)
        records = pprofconv('convert', core, '-n', '-t', 'folded', '-s', 'inuse_objects', '-o', '-')
        check(f' {BLOCKS}\n' in records.stdout, 'number of blocks')
        check('inuse_objects' in pprofconv('info', core).stdout, 'totals')


main()
