#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`heapprof attach` and `detach` are killed at their steps, the calls by which they change a process.
The process goes on, and the next attach or detach puts it in order. HEAPPROF_ATTACH_KILLS=N kills N of
each kind, and a large N kills at every step."""

import contextlib
import fcntl
import itertools
import os
import select
import subprocess

import attached
import command
import cli
import running
import tap
from command import HEAPPROF
from shop import Shop

tap.need('g++')

KILL_AT_CALL = str(command.BUILD / 'tests' / 'command' / 'kill_at_call')
BUSY = str(command.BUILD / 'tests' / 'command' / 'busy')
LIBRARY = command.BUILD / 'profiler' / 'libheapprof-attach.so'
KILLS = int(os.environ.get('HEAPPROF_ATTACH_KILLS', '1'))


# --- processes: each yields the process ID and a function that lets it work ------------------------

@contextlib.contextmanager
def one_thread(folder):
    with Shop(folder, preload=False) as shop:
        yield shop.pid, lambda: shop.do('login 3', 'request 10')


@contextlib.contextmanager
def eight_threads(folder):
    with subprocess.Popen([BUSY, 'many'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env=command.environment(folder)) as process:
        def ask():
            process.stdin.write('\n')
            process.stdin.flush()
            n_wrong, _ = process.stdout.readline().split()  # killed while it stops threads, it leaves EINTR
            tap.equal(n_wrong, '0')

        yield int(process.stdout.readline()), ask
        process.stdin.close()
        tap.equal(process.wait(), 0)


# --- kills -----------------------------------------------------------------------------------------

class Tool:
    """heapprof, with the library in a folder that the process sees too or, if `from_memory`, does not see."""

    def __init__(self, folder, from_memory):
        self.before, self.env = (), command.environment(folder)
        if not from_memory:
            return
        if cli.run('unshare', '--mount', 'true').returncode:
            tap.skip('no mount namespaces here')
        hidden = os.path.join(folder, 'hidden')
        os.makedirs(hidden, exist_ok=True)
        script = f'mount -t tmpfs none {hidden} && cp {LIBRARY} {hidden} && exec "$@"'
        self.before = 'unshare', '--mount', 'sh', '-c', script, 'sh'
        self.env['HEAPPROF_ATTACH_LIBRARY'] = f'{hidden}/{LIBRARY.name}'

    def __call__(self, *args, before=()):
        return cli.run(*self.before, *before, HEAPPROF, *map(str, args), env=self.env)

    def kill_at(self, step, *args):
        """Returns the number of steps that were made."""
        done = self(*args, before=(KILL_AT_CALL, str(step)))
        tap.equal((done.returncode, done.stderr), (0, ''))
        return int(done.stdout.split()[0])


def has_stub(memory, line):
    """Returns whether a mapping has the code in it that makes our system calls."""
    start, end = (int(place, 16) for place in line.split()[0].split('-'))
    with contextlib.suppress(OSError, ValueError):  # [vsyscall] can't be read
        memory.seek(start)
        return b'heapprof stub' in memory.read(end - start)
    return False


def look(pid):
    """Returns what attaching adds to a process: memory of ours that can be executed, files, and code in others'
    memory."""
    with open(f'/proc/{pid}/maps', encoding='utf-8') as maps:
        code = [line.strip() for line in maps if ' r-xp ' in line]
    areas = [line for line in code if '/' not in line and '[' not in line]
    with open(f'/proc/{pid}/mem', 'rb') as memory:
        stubs = [line for line in code if 'libheapprof' not in line and has_stub(memory, line)]
    files = []
    for number in os.listdir(f'/proc/{pid}/fd'):
        with contextlib.suppress(OSError):
            files.append(os.readlink(f'/proc/{pid}/fd/{number}'))
    return areas, [file for file in files if 'heapprof' in file], stubs


def check_in_order(pid):
    attached.check_as_before(pid)
    tap.equal(look(pid), ([], [], []))


def run_next(tool, verb, pid):
    """The next heapprof may find that the killed one had done its work, or nothing yet. It asks to be run again
    if a thread stays in a function that ours called, as on a busy machine."""
    for _ in range(20):
        done = tool(verb, '-q', pid)
        if 'detach again later' not in done.stderr:
            break
    already = {'attach': 'is attached already', 'detach': 'is not attached; nothing to undo'}[verb]
    tap.check(done.returncode == 0 or already in done.stderr, done.stderr)


def chosen(n_steps):
    """Returns the steps to kill at, from all over the run."""
    n = min(KILLS, n_steps)
    return [1 + (2 * i + 1) * n_steps // (2 * n) for i in range(n)]


TARGETS = {'one thread': (one_thread, False), 'one thread, library from memory': (one_thread, True),
           'eight threads': (eight_threads, False)}


def kill_and_tidy(tool, target, killed, step, verb):
    """Returns whether the step was reached: not all runs have as many."""
    pid, ask = target
    was_killed = tool.kill_at(step, killed, '-q', pid) == step
    ask()
    said = tool('check', pid)
    tap.check('can be profiled' in said.stdout or 'is attached' in said.stdout, said)
    run_next(tool, verb, pid)
    ask()
    if verb == 'attach':
        run_next(tool, 'detach', pid)
    check_in_order(pid)
    ask()
    return was_killed


@tap.test(target=TARGETS)
def attach_is_killed(folder, target):
    """Each is the first of its process, so that the library is loaded."""
    start, from_memory = TARGETS[target]
    tool, n_kills = Tool(folder, from_memory), 0
    with start(folder) as (pid, _):
        n_steps = tool.kill_at(0, 'attach', '-q', pid)
        with open(f'/proc/{pid}/maps', encoding='utf-8') as maps:
            tap.equal('/memfd:heapprof' in maps.read(), from_memory)
        run_next(tool, 'detach', pid)
    for step, verb in zip(chosen(n_steps), itertools.cycle(['attach', 'detach'])):
        with start(folder) as process:
            n_kills += kill_and_tidy(tool, process, 'attach', step, verb)
    print(f'# {n_kills} kills at {n_steps} steps')


@tap.test(target=TARGETS)
def detach_is_killed(folder, target):
    start, from_memory = TARGETS[target]
    tool, n_kills = Tool(folder, from_memory), 0
    with start(folder) as process:
        run_next(tool, 'attach', process[0])
        n_steps = tool.kill_at(0, 'detach', '-q', process[0])
        for step, verb in zip(chosen(n_steps), itertools.cycle(['attach', 'detach'])):
            run_next(tool, 'attach', process[0])
            n_kills += kill_and_tidy(tool, process, 'detach', step, verb)
    print(f'# {n_kills} kills at {n_steps} steps')


# --- one at a time ---------------------------------------------------------------------------------

def waiting_worker(tool, pid):
    """Returns the child of a heapprof that waits for its turn with a process, or None. It must not have ended."""
    tap.check(tool.poll() is None, 'it does not wait for its turn')
    with open(f'/proc/{tool.pid}/task/{tool.pid}/children', encoding='ascii') as children:
        for child in children.read().split():
            with contextlib.suppress(OSError):
                files = [os.readlink(f'/proc/{child}/fd/{number}') for number in os.listdir(f'/proc/{child}/fd')]
                if f'/proc/{pid}/fd' in files:
                    return int(child)
    return None


@contextlib.contextmanager
def turn_of(pid):
    """Has the turn, as a heapprof that works on the process."""
    folder = os.open(f'/proc/{pid}/fd', os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@tap.test
def one_works_at_a_time(folder):
    """If a heapprof is killed alone, its child goes on. The next one waits for that."""
    env = command.environment(folder)
    with one_thread(folder) as (pid, ask):
        with turn_of(pid):
            attach = subprocess.Popen([HEAPPROF, 'attach', '-q', str(pid)], env=env)
            worker = os.pidfd_open(running.wait_until(lambda: waiting_worker(attach, pid), 'attach waits'))
            attach.kill()
            attach.wait()
            tap.equal(look(pid), ([], [], []))
        tap.check(select.select([worker], [], [], running.PATIENCE)[0], 'the child does not end')
        os.close(worker)
        with turn_of(pid):
            detach = subprocess.Popen([HEAPPROF, 'detach', '-q', str(pid)], env=env)
            running.wait_until(lambda: waiting_worker(detach, pid), 'detach waits')
            tap.check(look(pid)[0], 'the child of the killed one has not attached')
        tap.equal(detach.wait(), 0)
        check_in_order(pid)
        ask()


tap.main()
