# SPDX-License-Identifier: MIT
"""What the tests share that read processes and cores from outside: programs of outside.c that run,
and pprofconv."""
import contextlib
import glob
import os
import signal
import subprocess

import preload
import strict_dump
from preload import environment, program
from tap import check, equal, need, skip

PPROFCONV = os.environ['HEAPPROF_PPROFCONV']


def pprofconv(*arguments, status=0):
    result = subprocess.run([PPROFCONV, *map(str, arguments)], capture_output=True, text=True,
                            timeout=preload.PATIENCE)
    check(result.returncode == status,
          f'pprofconv {arguments}: {result.returncode}, {result.stderr[-500:]!r}')
    return result


def refusal(*arguments):
    """Returns the one line that is printed for a refused input; there must be no other output."""
    result = pprofconv(*arguments, status=2)
    check(result.stdout == '' and result.stderr.count('\n') == 1, f'{result.stderr!r}')
    return result.stderr


@contextlib.contextmanager
def running(folder, *argv, name='outside', word='ready', **options):
    """Runs a program of outside.c and waits until it is ready; its first line is in .first."""
    process = subprocess.Popen([program(name), *argv], env=environment(folder, **options), cwd=folder,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               start_new_session=True)
    try:
        process.first = process.stdout.readline().strip()
        check(process.first == word or word is None, f'{argv}: {process.first!r}')
        yield process
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)  # its fork children too
        process.stdin.close()
        process.stdout.close()
        process.wait()


def dump_by_itself(process, folder):
    process.stdin.write('\n')
    process.stdin.flush()
    equal(process.stdout.readline(), 'dumped\n', 'the answer')
    return strict_dump.last_dump(folder)


def stop(process):
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)


def read(pid):
    """Returns the dump that read_outside prints for the process."""
    result = subprocess.run([program('read_outside'), str(pid)], capture_output=True, text=True,
                            timeout=preload.PATIENCE)
    check(result.returncode == 0, f'read_outside: {result.stderr!r}')
    return strict_dump.Dump('outside', result.stdout)


SMALL = {'MALLOC_ARENA_MAX': '1'}  # cores of a few MB



def states(pid):
    """Returns the set of the states of a process's threads."""
    found = set()
    for path in glob.glob(f'/proc/{pid}/task/*/stat'):
        with open(path, encoding='utf-8') as stat:
            found.add(stat.read().rpartition(')')[2].split()[0])
    return found


def make_gcore(folder, process):
    need('gcore')
    stop(process)
    result = subprocess.run(['gcore', '-o', f'{folder}/core', str(process.pid)],
                            capture_output=True, text=True, stdin=subprocess.DEVNULL)
    path = f'{folder}/core.{process.pid}'
    if not os.path.exists(path):
        skip(f'gcore: {result.stderr[-100:]!r}')
    return path


def records_of(path):
    """Returns the records that pprofconv reads, without the metadata."""
    text = pprofconv('convert', path, '-n', '-t', 'folded', '-s', 'inuse_space', '-o', '-').stdout
    return sorted(text.splitlines())
