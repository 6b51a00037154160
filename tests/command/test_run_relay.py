#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`heapprof run` reads its program for others whom the kernel does not let. Here it lets only those who
have a capability of the program, which the program has from `heapprof run`: as with Yama, the reader
is refused, and the ancestor is not."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys

import command
import cli
import running
import tap
from command import HEAPPROF, LIBRARY, SUBJECT

PPROFCONV = str(command.BUILD / 'pprofconv' / 'pprofconv')
USER = 65534
AS_USER = ['setpriv', f'--reuid={USER}', f'--regid={USER}', '--clear-groups']
WITH_RIGHT = [*AS_USER, '--inh-caps=+sys_ptrace', '--ambient-caps=+sys_ptrace']
REQUEST = '<8sII'
ANSWER = '<8sIIQ'
MAGIC = b'hprelay1'

if os.geteuid():
    tap.skip('root is needed')
tap.need('setpriv')
if cli.run(*WITH_RIGHT, 'true').returncode:
    tap.skip('no capability can be passed on')


def environment(folder, **settings):
    return command.environment(folder, XDG_RUNTIME_DIR=folder, **settings)


def prepare(folder):
    os.chown(folder, USER, USER)
    shutil.copy(SUBJECT, f'{folder}/subject')


@contextlib.contextmanager
def running_program(folder, *args):
    """A program under `heapprof run`; yields the IDs of both."""
    prepare(folder)
    with subprocess.Popen([*WITH_RIGHT, HEAPPROF, 'run', '--exact', '-d', f'{folder}/p', *args, f'{folder}/subject',
                           'wait'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env=environment(folder)) as run:
        try:
            tap.equal(run.stdout.readline(), 'ready\n')
            yield run, int(pathlib.Path(f'/proc/{run.pid}/task/{run.pid}/children').read_text('ascii'))
        finally:
            run.send_signal(signal.SIGTERM)
            tap.equal(run.wait(running.PATIENCE), 7)


def ask(folder, *args, user=AS_USER, **options):
    return cli.run(*user, *map(str, args), env=environment(folder), cwd=folder, **options)


def refused(done):
    """Returns the one line of a command that was not allowed to read."""
    tap.equal((done.returncode, done.stdout), (2, ''))
    tap.equal(len(done.stderr.splitlines()), 1, done.stderr)
    return done.stderr


def sockets(folder):
    with contextlib.suppress(FileNotFoundError):
        return os.listdir(f'{folder}/heapprof')
    return []


# --- reading -------------------------------------------------------------------------------------

@tap.test
def every_command_reads_it(folder):
    with running_program(folder) as (run, pid):
        place = os.stat(f'{folder}/heapprof')
        tap.equal((place.st_mode & 0o777, place.st_uid), (0o700, USER))
        tap.equal(sockets(folder), [str(run.pid)])
        tap.equal(os.stat(f'{folder}/heapprof/{run.pid}').st_mode & 0o777, 0o600)
        done = ask(folder, PPROFCONV, 'top', f'pid:{pid}')
        tap.equal(done.returncode, 0)
        tap.is_in('remember', done.stdout)
        done = ask(folder, HEAPPROF, 'dump', pid, '-o', '-')
        tap.equal((done.returncode, done.stderr), (0, ''))
        tap.is_in(f'\n# pid: {pid}\n', done.stdout)
        tap.is_in('\n# reason: outside\n', done.stdout)
        tap.is_in('24.00 MiB', next(line for line in ask(folder, HEAPPROF, 'list').stdout.splitlines()
                                    if line.split()[0] == str(pid)))
    tap.equal(sockets(folder), [])


@tap.test
def without_a_run_it_is_refused(folder):
    prepare(folder)
    env = environment(folder, LD_PRELOAD=LIBRARY, HEAPPROFILE=f'{folder}/p')
    with command.Waiting(*WITH_RIGHT, f'{folder}/subject', 'wait', env=env) as pid:
        tap.is_in('no right to read its memory: ', refused(ask(folder, HEAPPROF, 'dump', pid)))


@tap.test
def only_the_processes_of_the_run(folder):
    with running_program(folder) as (run, pid):
        tap.is_in('no right to read its memory: ', refused(ask(folder, HEAPPROF, 'dump', run.pid)))
        for other in (run.pid, os.getpid(), 1, 0, 99999999, 0xffffffff):
            head, text = exchange(folder, run.pid, struct.pack(REQUEST, MAGIC, other, 0))
            tap.equal((head[0], head[1]), (MAGIC, 1))
            tap.equal(text, b'no such process' if other == 0xffffffff else b'it does not belong to the run')
        head, text = exchange(folder, run.pid, struct.pack(REQUEST, MAGIC, pid, 0))
        tap.equal((head[1], head[2], head[3]), (0, pid, len(text)))
        assert text.endswith(b'\n# end\n'), text[-100:]


@tap.test
def a_grandchild(folder):
    prepare(folder)
    script = f'{folder}/subject wait & echo $!; wait'
    with subprocess.Popen([*WITH_RIGHT, HEAPPROF, 'run', '-d', f'{folder}/p', 'sh', '-c', script],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          env=environment(folder)) as run:
        lines = {run.stdout.readline() for _ in range(2)} - {'ready\n'}
        pid = int(lines.pop())
        tap.equal(ask(folder, HEAPPROF, 'dump', pid, '-o', '-').returncode, 0)
        os.kill(pid, signal.SIGTERM)


@tap.test
def another_user_is_refused(folder):
    with running_program(folder) as (run, pid):
        other = ['setpriv', '--reuid=65533', '--regid=65533', '--clear-groups']
        tap.is_in(f'it belongs to user {USER}', refused(ask(folder, HEAPPROF, 'dump', pid, user=other)))
        # Even if he gets at the socket, by the mistake of somebody.
        os.chmod(f'{folder}/heapprof', 0o777)
        os.chmod(f'{folder}/heapprof/{run.pid}', 0o777)
        code = f'import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect("{folder}/heapprof/{run.pid}")\n' \
               'print(s.recv(1))'
        tap.equal(ask(folder, sys.executable, '-c', code, user=other).stdout, "b''\n")
        os.chmod(f'{folder}/heapprof', 0o700)


# --- clients that can't be trusted ---------------------------------------------------------------

def connect(folder, server):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(running.PATIENCE)
    client.connect(f'{folder}/heapprof/{server}')
    return client


def receive(client, size):
    text = b''
    while len(text) < size and (some := client.recv(size - len(text))):
        text += some
    return text


def exchange(folder, server, request):
    with connect(folder, server) as client:
        client.sendall(request)
        head = struct.unpack(ANSWER, receive(client, struct.calcsize(ANSWER)))
        return head, receive(client, head[3])


@tap.test
def broken_requests(folder):
    with running_program(folder) as (run, pid):
        good = struct.pack(REQUEST, MAGIC, pid, 0)
        for request in (b'GET / HTTP/1.1\r\n\r\n', b'\0' * 16, b'HPRELAY1' + good[8:], good[:12] + b'\1\0\0\0'):
            with connect(folder, run.pid) as client:
                client.sendall(request)
                with contextlib.suppress(ConnectionResetError):
                    tap.equal(client.recv(1), b'', str(request))
        for size in range(16):  # and no more
            with connect(folder, run.pid) as client:
                client.sendall(good[:size])
        with connect(folder, run.pid) as client:  # byte by byte
            for i in range(16):
                client.sendall(good[i:i + 1])
            tap.equal(client.recv(8, socket.MSG_WAITALL), MAGIC)
        tap.equal(ask(folder, HEAPPROF, 'dump', pid, '-o', '-').returncode, 0)


@tap.test
def many_clients_that_ask_nothing(folder):
    with running_program(folder) as (run, pid):
        n_open = len(os.listdir(f'/proc/{run.pid}/fd'))
        clients = [connect(folder, run.pid) for _ in range(7)]
        tap.equal(ask(folder, HEAPPROF, 'dump', pid, '-o', '-').returncode, 0)  # the eighth
        clients.append(connect(folder, run.pid))
        with connect(folder, run.pid) as client:  # is one too many
            tap.equal(client.recv(1), b'')
        for client in clients:
            client.close()
        running.wait_until(lambda: len(os.listdir(f'/proc/{run.pid}/fd')) == n_open, 'closed connections')
        tap.equal(ask(folder, HEAPPROF, 'dump', pid, '-o', '-').returncode, 0)
        os.kill(run.pid, signal.SIGINT)  # signals are passed on as before
        tap.equal(run.stdout.readline(), 'INT\n')


# --- servers that can't be trusted ---------------------------------------------------------------

# Starts the program as `heapprof run` would, and answers each request with the bytes of a file.
SERVER = '''
import os, socket, subprocess, sys
folder, program = sys.argv[1:]
os.makedirs(folder + '/heapprof', 0o700, exist_ok=True)
listener = socket.socket(socket.AF_UNIX)
listener.bind(f'{folder}/heapprof/{os.getpid()}')
listener.listen()
child = subprocess.Popen([program, 'wait'], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
while True:
    client = listener.accept()[0]
    client.recv(100)
    with open(folder + '/answer', 'rb') as file, client:
        try:
            client.sendall(file.read())
        except OSError:
            pass
'''


@contextlib.contextmanager
def server(folder):
    prepare(folder)
    env = environment(folder, LD_PRELOAD=LIBRARY, HEAPPROFILE=f'{folder}/p', HEAP_PROFILE_PROGRAM='subject')
    with subprocess.Popen([*WITH_RIGHT, sys.executable, '-c', SERVER, folder, f'{folder}/subject'],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=env) as process:
        pid = int(process.stdout.readline())
        try:
            yield process.pid, pid
        finally:
            os.kill(pid, signal.SIGKILL)
            process.kill()


def dump_with_answer(folder, pid, answer):
    with open(f'{folder}/answer', 'wb') as file:
        file.write(answer)
    return ask(folder, HEAPPROF, 'dump', pid, '-o', f'{folder}/out')


@tap.test
def broken_answers(folder):
    with server(folder) as (_, pid):
        for answer, words in (
                (b'', 'Connection reset by peer'),
                (b'short', 'Connection reset by peer'),
                (struct.pack(ANSWER, b'HTTP/1.1', 0, pid, 0), 'Protocol error'),
                (struct.pack(ANSWER, MAGIC, 2, pid, 0), 'Protocol error'),
                (struct.pack(ANSWER, MAGIC, 0, pid, 1 << 62), 'Protocol error'),
                (struct.pack(ANSWER, MAGIC, 1, pid, 512), 'Protocol error'),
                (struct.pack(ANSWER, MAGIC, 0, os.getpid(), 0), 'Protocol error'),
                (struct.pack(ANSWER, MAGIC, 0, pid, 100) + b'cut', 'Connection reset by peer'),
                (struct.pack(ANSWER, MAGIC, 1, 0, 9) + b'a\x1b[31m\nb\0', ' a?[31m?b'),
                (struct.pack(ANSWER, MAGIC, 0, pid, 0), 'the file is empty'),
                (struct.pack(ANSWER, MAGIC, 0, pid, 9) + b'nonsense\n', 'not a heap profile in a known format')):
            tap.is_in(words, refused(dump_with_answer(folder, pid, answer)))
            assert not os.path.exists(f'{folder}/out'), answer


@tap.test
def folders_and_sockets_of_others(folder):
    with server(folder) as (process, pid):
        bad = struct.pack(ANSWER, b'HTTP/1.1', 0, pid, 0)
        tap.is_in('Protocol error', refused(dump_with_answer(folder, pid, bad)))
        place = f'{folder}/heapprof'
        no_right = 'no right to read its memory: '
        os.chmod(place, 0o710)
        tap.is_in(no_right, refused(dump_with_answer(folder, pid, bad)))
        os.chmod(place, 0o700)
        os.chown(place, 65533, USER)
        tap.is_in(no_right, refused(dump_with_answer(folder, pid, bad)))
        os.chown(place, USER, USER)
        os.rename(place, f'{folder}/elsewhere')
        os.symlink('elsewhere', place)
        tap.is_in(no_right, refused(dump_with_answer(folder, pid, bad)))
        os.unlink(place)
        os.rename(f'{folder}/elsewhere', place)
        # Another process listens under the name.
        os.unlink(f'{place}/{process}')
        code = 'import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen()\n' \
               'print("ready", flush=True)\nsys.stdin.read()'
        with subprocess.Popen([*AS_USER, sys.executable, '-c', code, f'{place}/{process}'], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as other:
            tap.equal(other.stdout.readline(), 'ready\n')
            tap.is_in(no_right, refused(dump_with_answer(folder, pid, bad)))
            other.stdin.close()
        os.unlink(f'{place}/{process}')
        os.mkfifo(f'{place}/{process}')
        tap.is_in(no_right, refused(dump_with_answer(folder, pid, bad)))


@tap.test
def sockets_of_killed_runs_are_removed(folder):
    with running_program(folder):
        name, = sockets(folder)
    gone = subprocess.Popen(['true'])
    gone.wait()
    for left in (str(gone.pid), '1', 'another'):
        with open(f'{folder}/heapprof/{left}', 'w', encoding='ascii'):
            pass
    with running_program(folder):
        tap.equal(set(os.listdir(f'{folder}/heapprof')) & {str(gone.pid), '1', 'another', name}, {'1', 'another'})


@tap.test
def the_socket_of_a_killed_run_is_replaced(folder):
    prepare(folder)
    os.mkdir(f'{folder}/heapprof', 0o700)
    os.chown(f'{folder}/heapprof', USER, USER)
    # The shell leaves a socket under its own process ID, and becomes the run.
    code = 'import os, socket, sys\nsocket.socket(socket.AF_UNIX).bind(f"{sys.argv[1]}/heapprof/{os.getpid()}")\n' \
           'os.execv(sys.argv[2], sys.argv[2:])'
    with subprocess.Popen([*WITH_RIGHT, sys.executable, '-c', code, folder, HEAPPROF, 'run', '-d', f'{folder}/p',
                           f'{folder}/subject', 'wait'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, env=environment(folder)) as run:
        tap.equal(run.stdout.readline(), 'ready\n')
        pid = int(pathlib.Path(f'/proc/{run.pid}/task/{run.pid}/children').read_text('ascii'))
        tap.equal(ask(folder, HEAPPROF, 'dump', pid, '-o', '-').returncode, 0)
        run.send_signal(signal.SIGTERM)
    tap.equal(sockets(folder), [])


tap.main()
