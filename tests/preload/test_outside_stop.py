#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--stop: the threads of a process are stopped while it is read, and notice nothing."""
import contextlib
import glob
import os
import random
import signal
import struct
import subprocess
import time

import preload
from outsiders import (PPROFCONV, dump_by_itself, pprofconv, records_of, refusal, running, states,
                       stop)
from preload import program, wait_until
from tap import check, equal, main, test

STOPS = int(os.environ.get('HEAPPROF_STOPS', '120'))
KILLS = int(os.environ.get('HEAPPROF_KILLS', '20'))
SIGNALS = int(os.environ.get('HEAPPROF_SIGNALS', '100'))


def stop_often(pid, n):
    result = subprocess.run([program('read_outside'), str(pid), str(n), '-s'], capture_output=True,
                            text=True, timeout=preload.PATIENCE)
    check(result.returncode == 0, f'read_outside: {result.stderr!r}')


@contextlib.contextmanager
def held(pid):
    """Another process has stopped this one, by ptrace."""
    holder = subprocess.Popen([program('read_outside'), str(pid), '1', '-h'], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    try:
        equal(holder.stdout.readline(), 'stopped\n', 'the holder')
        yield holder
    finally:
        holder.communicate()


def tracers(pid):
    found = set()
    for path in glob.glob(f'/proc/{pid}/task/*/status'):
        with contextlib.suppress(OSError), open(path, encoding='utf-8') as status:
            found |= {line.split()[1] for line in status if line.startswith('TracerPid:')}
    return found


def check_goes_on(process, folder):
    wait_until(lambda: tracers(process.pid) == {'0'}, 'the threads to be let go')
    dump_by_itself(process, folder)


@test
def test_nobody_sees_a_stop(folder):
    with running(folder, 'waits') as process:
        stop_often(process.pid, STOPS)
        process.stdin.close()
        equal(process.stdout.readline(), '0\n', 'interrupted calls')
        process.stdin = open(os.devnull)


@test
def test_the_commands(folder):
    with running(folder, 'threads', '8') as process:
        dump_by_itself(process, folder)
        own, pid = glob.glob(f'{folder}/p.*.heap')[0], f'pid:{process.pid}'
        out = f'{folder}/out.folded'
        pprofconv('convert', '--stop', '-n', '-t', 'folded', '-s', 'inuse_space', '-o', out, pid)
        with open(out, encoding='utf-8') as file:
            equal(sorted(file.read().splitlines()), records_of(own), 'records')
        pprofconv('merge', '--stop', pid, own, '-o', f'{folder}/merged.pb.gz')
        for command in ('top', 'info'):
            pprofconv(command, '--stop', pid)
        pprofconv('diff', '--stop', own, pid)
        pprofconv('trend', '--stop', own, pid, pid)
        check_goes_on(process, folder)


def counts(path):
    """Returns how many signals were handled, and how many waits they have ended."""
    with open(path, 'rb') as file:
        return struct.unpack('ii', file.read())


def waits_in_epoll(pid):
    with open(f'/proc/{pid}/syscall', encoding='utf-8') as file:
        return file.read().startswith('232 ') and states(pid) <= {'S', 't'}


@test
def test_a_signal_ends_a_wait_as_ever(folder):
    """epoll_wait() waits without a limit: a signal whose EINTR got lost would be noticed by nobody.
    A stop without a signal must not end it."""
    path = f'{folder}/counts'
    with running(folder, 'signals', path) as process:
        stopping = subprocess.Popen([program('read_outside'), str(process.pid), '1000000', '-s'],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for i in range(1, SIGNALS + 1):
                wait_until(lambda: waits_in_epoll(process.pid), 'the process to wait')
                process.send_signal(signal.SIGUSR1)
                wait_until(lambda: counts(path)[0] == i, 'the handler')
        finally:
            stopping.terminate()
            stopping.wait()
        wait_until(lambda: counts(path)[1] >= SIGNALS, 'the last wait to end')
        equal(counts(path), (SIGNALS, SIGNALS), 'handled signals, and waits that a signal has ended')


@test
def test_a_signal_that_comes_during_a_stop(folder):
    path = f'{folder}/counts'
    with running(folder, 'signals', path) as process:
        for i in range(1, 6):
            wait_until(lambda: waits_in_epoll(process.pid), 'the process to wait')
            with held(process.pid):
                process.send_signal(signal.SIGUSR1)
                equal(counts(path), (i - 1, i - 1), 'during the stop')
            wait_until(lambda: counts(path) == (i, i), 'the wait to end')


@test
def test_a_stopped_process_stays_stopped(folder):
    with running(folder, 'threads', '4') as process:
        dump_by_itself(process, folder)
        stop(process)
        stop_often(process.pid, 20)
        pprofconv('top', '--stop', f'pid:{process.pid}')
        equal(states(process.pid), {'T'}, 'states')
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: states(process.pid) == {'S'}, 'the process to go on')
        check_goes_on(process, folder)


@test
def test_threads_that_come_and_go(folder):
    with running(folder, 'come_and_go', '64') as process:
        stop_often(process.pid, 50)
        check_goes_on(process, folder)


@test
def test_the_first_thread_has_ended(folder):
    with running(folder, 'leaderless') as process:
        wait_until(lambda: states(process.pid) == {'S', 'Z'}, 'the first thread to end')
        check('follow_alone' in pprofconv('top', '--stop', f'pid:{process.pid}').stdout, 'names')
        check_goes_on(process, folder)


@test(argv=[['threads', '16'], ['come_and_go', '32']])
def test_the_tool_is_killed_at_any_point(folder, argv):
    """Whatever a stop has done is undone by the kernel. The tool itself is a child of pprofconv."""
    with running(folder, *argv) as process:
        pid = str(process.pid)
        for i in range(KILLS):
            tool = [[PPROFCONV, 'top', '--stop', f'pid:{pid}'],
                    [program('read_outside'), pid, '1000', '-s']][i % 2]
            child = subprocess.Popen(tool, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(random.random() * 0.03)  # any moment is right
            child.kill()
            child.wait()
        check_goes_on(process, folder)


@test(number=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_tool(folder, number):
    with running(folder, 'threads', '4') as process:
        with held(process.pid) as holder:
            equal(states(process.pid), {'t'}, 'held')
            holder.send_signal(number)
            equal(holder.wait(), -number, 'status')
        check_goes_on(process, folder)
        for _ in range(10):
            child = subprocess.Popen([PPROFCONV, 'top', '--stop', f'pid:{process.pid}'],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(random.random() * 0.03)  # any moment is right
            child.send_signal(number)
            check(child.wait() in (0, -number), 'status')
        check_goes_on(process, folder)


@test
def test_a_traced_process(folder):
    with running(folder, 'threads', '2') as process, held(process.pid) as holder:
        said = refusal('top', '--stop', f'pid:{process.pid}')
        check(f'process {holder.pid} traces it' in said and '--stop' in said, said)
        check('allocate_and_wait' in pprofconv('top', f'pid:{process.pid}').stdout, 'without it')


@test
def test_the_parent_of_a_vfork_child(folder):
    with running(folder, 'vfork', word=None) as process:
        said = refusal('top', '--stop', f'pid:{process.pid}')
        check('vfork' in said and f'thread {process.pid} ' in said, said)
        os.kill(int(process.first), signal.SIGKILL)
        equal(process.wait(), 0, 'the parent')


main()
