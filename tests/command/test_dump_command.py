#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`heapprof dump`: dumps of processes from outside, and the process that a TARGET names."""

import os
import shutil
import signal
import subprocess
import sys

import command
import cli
import tap
from command import HEAPPROF, LIBRARY, SUBJECT


def profiled(folder, name='subject', **settings):
    """Starts a copy of the subject that records every allocation, in another session."""
    path = f'{folder}/{name}'
    if not os.path.exists(path):
        shutil.copy(SUBJECT, path)
    env = command.environment(folder, LD_PRELOAD=LIBRARY, HEAPPROFILE=f'{folder}/own',
                              HEAP_PROFILE_SAMPLE_INTERVAL=1, **settings)
    return command.Waiting(path, 'wait', env=env, start_new_session=True)


def dump(folder, *args, status=0):
    done = command.heapprof(folder, 'dump', *map(str, args), cwd=folder)
    tap.equal((done.returncode, done.stdout), (status, ''), done.stderr)
    return done.stderr.splitlines()


def refusal(folder, *args):
    lines = dump(folder, *args, status=2)
    tap.equal(len(lines), 1, lines)
    return lines[0].removeprefix('heapprof: ')


def pprofconv(*args):
    done = cli.run(cli.PPROFCONV, *args)
    tap.equal((done.returncode, done.stderr), (0, ''))
    return done.stdout


@tap.test
def a_dump_has_the_names_and_the_bytes(folder):
    with profiled(folder) as pid:
        said = dump(folder, pid)
    tap.equal(said[0], f'heapprof: {pid} (subject): 24.00 MiB in use; the dump is subject.{pid}.0001.heap')
    tap.is_in(f' top ./subject.{pid}.0001.heap', said[1])
    shown = cli.run('sh', '-c', said[1], cwd=folder).stdout
    tap.is_in('20.00 MiB', next(line for line in shown.splitlines() if 'remember' in line))


@tap.test
def no_dump_is_replaced_but_by_output(folder):
    with profiled(folder) as pid:
        for number in (1, 2, 3):
            tap.is_in(f'.{pid}.000{number}.heap', dump(folder, pid)[0])
        os.remove(f'{folder}/subject.{pid}.0001.heap')
        tap.is_in(f'.{pid}.0001.heap', dump(folder, pid)[0])
        os.mkdir(f'{folder}/subject.{pid}.0004.heap')
        tap.is_in(f'.{pid}.0005.heap', dump(folder, pid)[0])
        os.symlink('nothing', f'{folder}/subject.{pid}.0006.heap')
        tap.is_in(f'.{pid}.0007.heap', dump(folder, pid)[0])
        assert not os.path.exists(f'{folder}/nothing')
        command.write_program(f'{folder}/there', 'old')
        tap.is_in('the dump is there', dump(folder, pid, '-o', 'there')[0])
    tap.is_in('heap profile: ', open(f'{folder}/there', encoding='utf-8').read())


@tap.test
def a_process_is_stopped_for_its_dump(folder):
    with profiled(folder) as pid:
        tap.is_in('24.00 MiB in use', dump(folder, '--stop', pid)[0])
        with open(f'/proc/{pid}/status', encoding='utf-8') as status:
            tap.is_in('TracerPid:\t0\n', status.read())


@tap.test
def standard_output(folder):
    with profiled(folder) as pid:
        done = command.heapprof(folder, 'dump', '-o', '-', str(pid))
    tap.equal((done.returncode, done.stderr), (0, ''))
    tap.is_in('\n# reason: outside\n', done.stdout)
    tap.check(done.stdout.endswith('\n# end\n'), done.stdout[-200:])


@tap.test
def a_stopped_process(folder):
    with profiled(folder) as pid:
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
        tap.is_in('24.00 MiB in use', dump(folder, pid)[0])


@tap.test
def a_name(folder):
    name = f'named-{os.getpid()}'
    tap.equal(refusal(folder, name), f"no process is named '{name}'; check the name, or give the process ID")
    with profiled(folder, name) as first:
        tap.is_in(f'{first} ({name}): 24.00 MiB', dump(folder, name)[0])
        with profiled(folder, name) as second:
            tap.equal(dump(folder, name, status=2),
                      [f"heapprof: 2 processes are named '{name}'; give the ID of one:",
                       *(f'heapprof dump {pid}' for pid in sorted((first, second)))])


@tap.test
def the_name_of_a_link(folder):
    name = f'linked-{os.getpid()}'
    os.mkdir(f'{folder}/bin')
    os.symlink(f'{folder}/subject', f'{folder}/bin/{name}')
    env = command.environment(folder)
    env['PATH'] = f'{folder}/bin:{env["PATH"]}'
    with profiled(folder) as pid:
        done = command.heapprof(folder, 'dump', name, cwd=folder, env=env)
    tap.equal(done.returncode, 0, done.stderr)
    tap.is_in(f'{pid} (subject): 24.00 MiB', done.stderr)


@tap.test
def processes_without_the_library_do_not_count(folder):
    name = f'some-{os.getpid()}'
    shutil.copy(SUBJECT, f'{folder}/{name}')
    with command.Waiting(f'{folder}/{name}', 'wait', env=command.environment(folder)), \
            profiled(folder, name) as pid, \
            command.Waiting(f'{folder}/{name}', 'wait', env=command.environment(folder)):
        tap.is_in(f'{pid} ({name}): 24.00 MiB', dump(folder, name)[0])


@tap.test
def what_is_no_process(folder):
    tap.equal(refusal(folder), "expected one process ID or name; see 'heapprof dump --help'")
    tap.equal(refusal(folder, ''), 'the name is empty; give a process ID or a name')
    tap.equal(refusal(folder, '99999999'), 'no process 99999999')
    tap.equal(refusal(folder, '99999999999'), "no process is named '99999999999'; check the name, or give "
              'the process ID')
    tap.equal(refusal(folder, './no/such'), "'./no/such' is neither a process ID nor a name")
    tap.equal(refusal(folder, SUBJECT), f'{SUBJECT} is a file, not a process; to run a program, type '
              f"'heapprof run {SUBJECT}'")
    tap.equal(refusal(folder, __file__.replace('.py', '')), f"'{__file__[:-3]}' is neither a process ID nor a name")
    shutil.copy(cli.data('good-exact.heap'), f'{folder}/x.heap')
    tap.equal(refusal(folder, 'x.heap'), 'x.heap is a file, not a process; to read a dump or a core, type '
              "'pprofconv top x.heap'")


@tap.test
def processes_that_have_no_tables(folder):
    with command.Waiting(SUBJECT, 'wait', env=command.environment(folder)) as pid:
        tap.equal(refusal(folder, pid), f'{pid} (subject): heapprof is not in it; start the program with '
                  'libheapprof.so in LD_PRELOAD, or linked')
    with command.Waiting(SUBJECT, 'wait', env=command.environment(folder, LD_PRELOAD=LIBRARY)) as pid:
        tap.is_in(f'{pid} (subject): heapprof 0.1.0 is in it, but does not record: ', refusal(folder, pid))
    tap.equal(os.listdir(folder), [])


@tap.test
def a_thread_and_a_zombie(folder):
    code = 'import threading, sys\ndef run():\n print(threading.get_native_id(), flush=True)\n' \
           ' sys.stdin.read()\nthreading.Thread(target=run).start()'
    with subprocess.Popen([sys.executable, '-c', code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        thread = int(process.stdout.readline())
        tap.equal(refusal(folder, thread),
                  f"{thread} is a thread of process {process.pid}; type 'heapprof dump {process.pid}'")
    zombie = subprocess.Popen([SUBJECT, 'brief'])  # pylint: disable=consider-using-with
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    tap.equal(refusal(folder, zombie.pid),
              f'{zombie.pid} has ended and is a zombie: its parent has not waited for it')
    zombie.wait()


@tap.test
def a_folder_that_is_not_writable(folder):
    with profiled(folder) as pid:
        tap.equal(refusal(folder, pid, '-o', '/no/such/file'), '/no/such/file: No such file or directory')
        tap.equal(refusal(folder, pid, '-o', '/dev/full'), '/dev/full: No space left on device')


tap.check(os.access(HEAPPROF, os.X_OK), HEAPPROF)
tap.main()
