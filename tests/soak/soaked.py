# SPDX-License-Identifier: MIT
"""Programs that run under the library for minutes and check their own answers."""
import glob
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess

import unprofiled

PATIENCE = 120  # seconds after which a program counts as hanging


class Wrong(Exception):
    pass


def require(condition, text):
    if not condition:
        raise Wrong(text)


def children_of(pid):
    try:
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


class Load:
    """A program under load. `dumps` is its folder of dumps; `faults` names the faults that may be
    done to it."""
    name = ''
    faults = ('stop', 'disk', 'folder')

    def __init__(self, folder, dumps, env):
        self.folder, self.dumps, self.env = folder, dumps, env
        self.process = None
        self.n_done = self.n_killed = 0
        self.random = random.Random(1)
        self.said = f'{folder}/said'

    def launch(self, argv, **popen):
        with open(self.said, 'ab') as said:
            self.process = subprocess.Popen(argv, env=self.env, cwd=self.folder, stdout=said,
                                            stderr=said, stdin=subprocess.DEVNULL, **popen)

    def start(self):
        raise NotImplementedError

    def work(self):
        """Works for about a second, and checks the answers."""
        raise NotImplementedError

    def stop(self):
        """Ends the program in order. Raises Wrong if its end is not orderly, or if its data are not
        as expected."""
        raise NotImplementedError

    def wait(self, status):
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Wrong(f'{self.name} hangs at its end') from None
        require(self.process.returncode == status, f'{self.name} ended with '
                                                   f'{self.process.returncode}: {self.words()}')

    def words(self):
        with open(self.said, encoding='utf-8', errors='replace') as f:
            return f.read()[-2000:]

    def told(self):
        """Returns the lines of the profiler."""
        with open(self.said, encoding='utf-8', errors='replace') as f:
            return [line for line in f.read().split('\n') if line.startswith('heapprof: ')]

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Threads(Load):
    name = 'threads'
    faults = ('stop', 'disk', 'folder', 'descriptors', 'child', 'restart')
    program = None  # its path

    is_restart_wanted = False

    def start(self):
        self.launch([self.program, '2'])

    def work(self):
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.n_done += 1
            if self.is_restart_wanted:
                self.restart()
            return
        raise Wrong(f'{self.name} ended: {self.words()}')

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.wait(0)
        require(self.words().endswith('right\n'), f'{self.name}: {self.words()}')

    def restart(self):
        """Kills the program and starts it again with the same folder."""
        self.is_restart_wanted = False
        self.n_killed += 1
        self.kill()
        self.start()


class Redis(Load):
    """redis with counters, strings and lists, and our own copy of all of them."""
    name = 'redis'
    faults = ('stop', 'disk', 'folder', 'descriptors', 'child')

    @staticmethod
    def missing():
        return None if shutil.which('redis-server') else 'redis-server is not installed'

    def start(self):
        path = f'{self.folder}/socket'
        self.launch(['redis-server', '--port', '0', '--unixsocket', path, '--save', '',
                     '--dir', self.folder, '--stop-writes-on-bgsave-error', 'no'])
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                require(self.process.poll() is None, f'{self.name}: {self.words()}')
        self.stream = self.socket.makefile('rb')
        self.counters, self.texts, self.lengths = {}, {}, {}

    def ask(self, *commands):
        """Sends all commands, then reads as many answers; returns these."""
        out = bytearray()
        for command in commands:
            words = [str(word).encode() for word in command]
            out += b'*%d\r\n' % len(words)
            for word in words:
                out += b'$%d\r\n%s\r\n' % (len(word), word)
        self.socket.sendall(out)
        return [self.answer() for _ in commands]

    def answer(self):
        line = self.stream.readline()
        require(line.endswith(b'\r\n'), f'{self.name} closes the connection: {self.words()}')
        kind, rest = line[:1], line[1:-2]
        if kind == b':':
            return int(rest)
        if kind == b'$':
            size = int(rest)
            return None if size < 0 else self.stream.read(size + 2)[:-2].decode()
        if kind == b'*':
            return [self.answer() for _ in range(int(rest))]
        return rest.decode() if kind == b'+' else Wrong(rest.decode())

    def one_command(self):
        """Returns a random command and the right answer to it."""
        key = self.random.randrange(300)
        kind = self.random.randrange(5)
        if kind == 0:
            self.counters[key] = self.counters.get(key, 0) + key
            return ('INCRBY', f'counter:{key}', key), self.counters[key]
        if kind == 1:
            self.texts[key] = str(self.random.random()) * self.random.randrange(1, 60)
            return ('SET', f'text:{key}', self.texts[key]), 'OK'
        if kind == 2:
            return ('GET', f'text:{key}'), self.texts.get(key)
        if kind == 3 and self.lengths.get(key, 0) < 500:
            self.lengths[key] = self.lengths.get(key, 0) + 1
            return ('RPUSH', f'list:{key}', 'x' * key), self.lengths[key]
        self.lengths[key] = 0
        return ('LTRIM', f'list:{key}', 1, 0), 'OK'

    def work(self):
        for _ in range(20):
            rows = [self.one_command() for _ in range(100)]
            answers = self.ask(*(command for command, _ in rows))
            for (command, wanted), got in zip(rows, answers):
                require(got == wanted, f'{self.name}: {command}: {got!r}, not {wanted!r}')
        script = "local t = {} for i = 1, 200 do t[i] = {i, tostring(i)} end return #t"
        require(self.ask(('EVAL', script, 0)) == [200], f'{self.name}: a script')
        self.ask(('BGSAVE',))  # refused if a save is running; its child may be killed
        self.n_done += 1

    def stop(self):
        for key, value in self.counters.items():
            require(self.ask(('GET', f'counter:{key}')) == [str(value)], f'counter {key}')
        for key, value in self.texts.items():
            require(self.ask(('GET', f'text:{key}')) == [value], f'text {key}')
        for key, value in self.lengths.items():
            require(self.ask(('LLEN', f'list:{key}')) == [value], f'list {key}')
        self.socket.sendall(b'SHUTDOWN NOSAVE\r\n')
        self.wait(0)
        self.socket.close()


class Postgres(Load):
    """PostgreSQL with pgbench. Each transaction that succeeds moves the same amount in all tables,
    so their sums must be equal."""
    name = 'postgres'
    faults = ('stop', 'disk', 'folder', 'child')
    folders = sorted(glob.glob('/usr/lib/postgresql/*/bin'))

    @classmethod
    def missing(cls):
        if cls.folders and os.path.exists(f'{cls.folders[-1]}/pgbench'):
            return None
        return 'PostgreSQL is not installed'

    @staticmethod
    def as_unprivileged():
        """Returns arguments for Popen with which the server does not run as root; it refuses to."""
        if os.geteuid() != 0:
            return {}
        user = pwd.getpwnam('nobody')
        return {'user': user.pw_uid, 'group': user.pw_gid, 'extra_groups': []}

    def tool(self, name, *arguments):
        plain = dict(unprofiled.environment(self.env), PGHOST=self.folder, PGUSER='tester',
                     PGDATABASE='postgres', LC_ALL='C')
        try:
            return subprocess.run([f'{self.folders[-1]}/{name}', *arguments], env=plain,
                                  cwd=self.folder, capture_output=True, text=True, check=False,
                                  timeout=PATIENCE, **self.as_unprivileged())
        except subprocess.TimeoutExpired:
            raise Wrong(f'{name} hangs') from None

    def start(self):
        data = f'{self.folder}/data'
        owner = self.as_unprivileged()
        for path in (self.folder, self.dumps):
            if owner:
                os.chown(path, owner['user'], owner['group'])
        done = self.tool('initdb', '-D', data, '-U', 'tester', '--auth=trust', '--no-sync',
                         '--no-locale', '--encoding=UTF8')
        require(done.returncode == 0, done.stderr)
        self.launch([f'{self.folders[-1]}/postgres', '-D', data, '-k', self.folder,
                     '-c', 'listen_addresses=', '-c', 'fsync=off', '-c', 'shared_buffers=8MB',
                     '-c', 'max_connections=20', '-c', 'restart_after_crash=on',
                     '-c', 'dynamic_shared_memory_type=mmap'], **owner)  # removed with the folder
        self.wait_until_ready()
        done = self.tool('pgbench', '-i', '-s', '1', '-q')
        require(done.returncode == 0, done.stderr)

    def wait_until_ready(self):
        while self.tool('psql', '-Atc', 'select 1').stdout != '1\n':
            require(self.process.poll() is None, f'{self.name}: {self.words()}')

    def work(self):
        before = self.n_killed
        done = self.tool('pgbench', '-n', '-c', '2', '-j', '2', '-t', '500')
        if done.returncode != 0:
            require(self.was_restarted(before, done), f'pgbench: {done.stderr[-500:]}')
            self.wait_until_ready()
        self.check_sums()
        self.n_done += 1

    def was_restarted(self, n_killed_before, done):
        """Returns whether a client failed because the server restarted. The server restarts at any
        time after a backend was killed, and turns clients away until it is ready again."""
        return self.n_killed > n_killed_before or 'the database system is' in done.stderr

    def check_sums(self):
        sums = ("select (select sum(abalance) from pgbench_accounts) = d and (select sum(bbalance) "
                "from pgbench_branches) = d and (select sum(tbalance) from pgbench_tellers) = d "
                "from (select coalesce(sum(delta), 0) d from pgbench_history) h")
        before = self.n_killed
        done = self.tool('psql', '-Atc', sums)
        if done.returncode != 0 and self.was_restarted(before, done):
            self.wait_until_ready()
            return
        require(done.stdout == 't\n', f'sums: {done.stdout}{done.stderr}')

    def stop(self):
        self.wait_until_ready()
        self.check_sums()
        self.process.send_signal(signal.SIGINT)  # a fast shutdown
        self.wait(0)
        require('PANIC' not in self.words(), self.words())
