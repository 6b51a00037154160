# SPDX-License-Identifier: MIT
"""Loads that consist of other people's programs: servers, a compiler, a database in a file."""

import contextlib
import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time

from interleaved import Failed, Missing
from loads import Load

HERE = os.path.dirname(os.path.abspath(__file__))


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            raise Missing(tool)


class Seconds(Load):
    """The time of a whole process."""
    unit = 's'
    rounds = 7

    def command(self, bench):
        raise NotImplementedError

    def measure(self, bench, mode):
        command = self.command(bench)
        start = time.monotonic()
        bench.runner.run(mode, command)
        return time.monotonic() - start


class Compile(Seconds):
    """The compiler itself, without its driver, because heaptrack would watch the driver wait."""
    rounds = 15
    every_slowest = 14

    def __init__(self, modes):
        super().__init__('g++ -O2, templates', modes)

    def command(self, bench):
        need('g++')
        # A short run compiles a source without headers: under gperftools, one with headers would
        # take a minute.
        source = os.path.join(bench.runner.folder, 'templates',
                              'main.cc' if bench.is_short else 'unit0.cc')
        if not os.path.exists(source):
            subprocess.run([sys.executable, os.path.join(HERE, 'make_templates.py'),
                            os.path.dirname(source), '1', '4'], check=True)
        compiler, architecture = (
            subprocess.run(['g++', question], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.strip()
            for question in ('-print-prog-name=cc1plus', '-print-multiarch'))
        return [compiler, '-quiet', '-imultiarch', architecture, '-O2', '-o', '/dev/null', source]


class Sqlite(Seconds):
    def __init__(self, modes):
        super().__init__('sqlite3, a table filled', modes)

    def command(self, bench):
        need('sqlite3')
        n = 2000 if bench.is_short else 200000
        return ['sqlite3', ':memory:',
                'CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, value REAL);'
                'CREATE INDEX by_name ON t(name);'
                'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n '
                f'WHERE i < {n}) INSERT INTO t SELECT i, hex(i * 7919 % {n}), i / 3.0 FROM n;'
                'SELECT count(*), sum(length(name)) FROM t;']


def wait_for(process, is_ready, what):
    deadline = time.monotonic() + 60
    while not is_ready():
        if process.poll() is not None:
            raise Failed(f'{what} does not start: exit {process.returncode}')
        if time.monotonic() > deadline:
            raise Failed(f'{what} does not start')
        time.sleep(0.02)


@contextlib.contextmanager
def serving(bench, mode, command, is_ready, end, **options):
    """Runs a server during a with block; `end` asks the server to end. After a failure end_all()
    must end the server."""
    what = os.path.basename(command[0])
    server = bench.runner.start(mode, command, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, **options)
    wait_for(server, lambda: is_ready(server), what)
    try:
        yield
    except Failed as failure:
        if server.poll():
            raise Failed(f'{what}: exit {server.returncode}') from failure
        raise
    end(server)
    try:
        server.wait(timeout=bench.runner.timeout_s)
    except subprocess.TimeoutExpired:
        raise Failed(f'{what} does not end') from None
    if server.returncode != 0:
        raise Failed(f'{what}: exit {server.returncode} at its end')


def on_processor(number):
    """Returns arguments for Popen that bind a process to a processor: the server to one, its client
    to another. Where the scheduler puts them changes from run to run, and with it a third of the
    figure."""
    usable = sorted(os.sched_getaffinity(0))
    chosen = {usable[number % len(usable)]}
    return {'preexec_fn': lambda: os.sched_setaffinity(0, chosen)}


class Redis(Load):
    unit = 'requests/s'
    more_is_better = True
    rounds = 15

    def __init__(self, modes, n_pipelined, length=1):
        name = f'pipelined by {n_pipelined}' if n_pipelined > 1 else 'one at a time'
        super().__init__(f'redis-benchmark SET, {name}', modes)
        self.n_pipelined, self.length = n_pipelined, length

    def measure(self, bench, mode):
        need('redis-server', 'redis-benchmark', 'redis-cli')
        socket = os.path.join(bench.runner.folder, 'redis.socket')
        command = ['redis-server', '--port', '0', '--unixsocket', socket, '--save', '',
                   '--appendonly', 'no', '--daemonize', 'no']
        with contextlib.suppress(FileNotFoundError):
            os.unlink(socket)  # left by a server that was killed
        with serving(bench, mode, command, lambda _: os.path.exists(socket),
                     lambda _: self.shut_down(socket)):
            return self.requests_per_second(bench, mode, socket)

    @staticmethod
    def shut_down(socket):
        subprocess.run(['redis-cli', '-s', socket, 'shutdown', 'nosave'], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)

    def requests_per_second(self, bench, mode, socket):
        n_usual = 40000 * (4 if self.n_pipelined > 1 else 1)
        n = 2000 if bench.is_short else n_usual * self.length
        if mode.slowness > 50:
            n //= 8
        out = bench.runner.run(bench.modes.bare(),
                               ['redis-benchmark', '-s', socket, '-t', 'set', '-n', str(n), '-r',
                                '100000', '-d', '64', '-P', str(self.n_pipelined), '--csv'])
        return float(out.strip().splitlines()[-1].split('","')[1])


class Postgres(Load):
    """All processes of PostgreSQL. The server runs as another user than root, because it refuses to
    run as root."""
    unit = 'transactions/s'
    more_is_better = True
    rounds = 15

    def __init__(self, modes, length=1):
        super().__init__('pgbench, reading', modes)
        self.cluster, self.length = None, length

    def options(self):
        if os.geteuid() != 0:
            return {}
        user = pwd.getpwnam('nobody')
        return {'user': user.pw_uid, 'group': user.pw_gid, 'extra_groups': []}

    def tool(self, bench, name, *arguments):
        return bench.runner.run(bench.modes.bare(), [f'{self.programs}/{name}', *arguments],
                                {'PGHOST': self.cluster, 'PGUSER': 'tester',
                                 'PGDATABASE': 'postgres'},
                                **{**self.options(), **on_processor(1)})

    def begin(self, bench):
        folders = sorted(glob.glob('/usr/lib/postgresql/*/bin'))
        if not folders or not os.path.exists(f'{folders[-1]}/pgbench'):
            raise Missing('postgresql')
        self.programs = folders[-1]
        self.cluster = os.path.join(bench.runner.folder, 'postgres')
        os.mkdir(self.cluster, 0o700)
        if os.geteuid() == 0:
            # The server writes its dumps there, but may not replace files that root runs.
            os.chmod(bench.runner.folder, 0o1777)
            os.chown(self.cluster, self.options()['user'], self.options()['group'])
        self.tool(bench, 'initdb', '-D', f'{self.cluster}/data', '-U', 'tester', '--auth=trust',
                  '--no-sync', '--no-locale')
        self.server(bench, bench.modes.bare(), 'pgbench', '-i', '-q', '-s', '1')

    def server_options(self, mode):
        return []

    def server(self, bench, mode, *client):
        """Runs a client while a server runs in that mode; returns the output of the client."""
        data = f'{self.cluster}/data'
        command = [f'{self.programs}/postgres', '-D', data, '-k', self.cluster,
                   '-c', 'listen_addresses=', '-c', 'fsync=off', '-c', 'autovacuum=off',
                   *self.server_options(mode)]
        with serving(bench, mode, command, lambda server: self.is_ready(data, server.pid),
                     lambda server: server.send_signal(signal.SIGINT),
                     **{**self.options(), **on_processor(0)}):
            return self.tool(bench, *client)

    @staticmethod
    def is_ready(data, pid):
        """Returns whether the server with this process ID is ready. Also compares the process ID in
        the file, because a server that was killed leaves its file."""
        try:
            with open(f'{data}/postmaster.pid', encoding='utf-8') as file:
                text = file.read()
                return text.startswith(f'{pid}\n') and text.rstrip().endswith('ready')
        except OSError:
            return False

    def measure(self, bench, mode):
        length = ['-t', '200'] if bench.is_short else ['-T', str(2 * self.length)]
        out = self.server(bench, mode, 'pgbench', '-n', '-S', '-c', '2', *length)
        for line in out.splitlines():
            if line.startswith('tps = '):
                return float(line.split()[2])
        raise Failed('pgbench: no figure')
