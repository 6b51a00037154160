#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""PostgreSQL, a server of many processes, under pgbench. Each process has dumps of its own, all
whole, and the server stops as usual."""
import glob
import os
import pwd
import re
import shutil
import subprocess

from preload import LIB, environment, run
from strict_dump import dumps_in
from tap import check, equal, main, skip, test

FOLDERS = sorted(glob.glob('/usr/lib/postgresql/*/bin'))
if not FOLDERS:
    skip('PostgreSQL is not installed')
BIN = FOLDERS[-1]
for tool in ('initdb', 'postgres', 'pgbench', 'psql'):
    if not os.path.exists(f'{BIN}/{tool}'):
        skip(f'{tool} is not installed')

N_CLIENTS = 4
UNPRIVILEGED = 'nobody'


def as_unprivileged():
    """Returns arguments for Popen with which the server does not run as root; it refuses to."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(UNPRIVILEGED)
    return {'user': user.pw_uid, 'group': user.pw_gid, 'extra_groups': []}


def own(folder):
    if os.geteuid() == 0:
        user = pwd.getpwnam(UNPRIVILEGED)
        os.chown(folder, user.pw_uid, user.pw_gid)


def library_for_all(folder):
    """Returns the path of a copy of the library that every user can read."""
    copy = f'{folder}/{os.path.basename(LIB)}'
    shutil.copy(LIB, copy)
    os.chmod(copy, 0o755)
    return copy


class Cluster:
    def __init__(self, folder):
        self.folder = folder
        self.data = f'{folder}/data'
        os.mkdir(self.data, 0o700)
        own(self.data)
        self.plain = environment(folder, preload=None, HEAPPROFILE=None, PGHOST=folder,
                                 PGUSER='tester', PGDATABASE='postgres', LC_ALL='C')
        self.tool('initdb', '-D', self.data, '-U', 'tester', '--auth=trust', '--no-sync',
                  '--no-locale', '--encoding=UTF8')

    def tool(self, name, *arguments):
        result = run([f'{BIN}/{name}', *arguments], self.plain, cwd=self.folder,
                     **as_unprivileged())
        equal(result.returncode, 0, f'{name}: {result.stderr[-1000:]}')
        return result.stdout

    def start(self, env):
        self.server = subprocess.Popen(
            [f'{BIN}/postgres', '-D', self.data, '-k', self.folder, '-c', 'listen_addresses=',
             '-c', 'fsync=off', '-c', 'shared_buffers=8MB', '-c', 'max_connections=20'],
            env=env, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL, **as_unprivileged())
        self.log = ''
        while 'ready to accept connections' not in self.log:
            line = self.server.stderr.readline().decode()
            check(line, f'the server does not start: {self.log}')
            self.log += line

    def bench(self):
        self.tool('pgbench', '-i', '-s', '1', '-q')
        out = self.tool('pgbench', '-n', '-c', str(N_CLIENTS), '-j', '2', '-t', '40')
        check(f'{N_CLIENTS * 40}/{N_CLIENTS * 40}' in out, f'transactions are missing: {out}')
        total = self.tool('psql', '-Atc', 'select count(*), sum(abalance) = (select sum(delta) '
                                          'from pgbench_history) from pgbench_accounts')
        equal(total.strip(), '100000|t', 'what the tables hold')

    def stop(self):
        """Shuts the server down fast, as pg_ctl does. Returns the status and the lines of the
        profiler."""
        self.server.send_signal(2)
        self.log += self.server.communicate(timeout=90)[1].decode()
        return self.server.returncode, re.findall(r'^heapprof: .*', self.log, re.M)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.server.poll() is None:
            self.server.send_signal(3)  # immediate shutdown, which ends the children too
            self.server.communicate()


@test(interval=['1', '64K'])
def test_postgres(folder, interval):
    dumps_folder = f'{folder}/dumps'
    os.mkdir(dumps_folder)
    own(folder)
    own(dumps_folder)
    with Cluster(folder) as cluster:
        cluster.start(dict(cluster.plain, LD_PRELOAD=library_for_all(folder),
                           HEAPPROFILE=f'{dumps_folder}/p', HEAP_PROFILE_SAMPLE_INTERVAL=interval,
                           HEAP_PROFILE_ALLOCATION_INTERVAL='8M'))
        cluster.bench()
        equal(cluster.stop(), (0, []), 'exit status, and lines of the profiler')
        check('database system is shut down' in cluster.log, 'the end')
        check('PANIC' not in cluster.log and 'terminated by signal' not in cluster.log, 'a crash')
    check_dumps(dumps_folder, cluster.server.pid)


def check_dumps(folder, postmaster):
    owner, others = dumps_in(folder), dumps_in(folder, r'p_\d+\.\d+\.heap')
    check(owner, 'no dump of the postmaster')
    equal({d.number('pid') for d in owner}, {postmaster}, 'owner')
    by_pid = {}
    for dump in others:
        check(f'p_{dump.metadata["pid"]}.' in dump.path, f'{dump.path} is of another process')
        by_pid.setdefault(dump.number('pid'), []).append(dump)
    # Processes for the clients of pgbench -i, pgbench and the check, and the server's helpers.
    check(len(by_pid) >= N_CLIENTS + 6, f'files of {len(by_pid)} processes')
    for pid, dumps in by_pid.items():
        equal(sorted(d.number('dump') for d in dumps), list(range(1, len(dumps) + 1)),
              f'dumps of {pid}')
        equal(len({d.metadata['run'] for d in dumps}), 1, f'runs of {pid}')


main()
