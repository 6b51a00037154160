# SPDX-License-Identifier: MIT
"""A PostgreSQL server under the library, for the tests of several scripts."""
import atexit
import glob
import os
import pwd
import re
import shutil
import subprocess
import tempfile

from preload import LIB, environment, run
from tap import check, equal, skip

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
    made = None  # the data of the first one as initdb made it; later ones are copies

    def __init__(self, folder):
        self.folder = folder
        self.server = None
        self.data = f'{folder}/data'
        self.plain = environment(folder, preload=None, HEAPPROFILE=None, PGHOST=folder,
                                 PGUSER='tester', PGDATABASE='postgres', LC_ALL='C')
        if not Cluster.made:
            self.make_data()
        check(run(['cp', '-a', Cluster.made, self.data], self.plain).returncode == 0, 'no copy')

    def make_data(self):
        made = tempfile.mkdtemp()
        atexit.register(shutil.rmtree, made)
        own(made)
        self.tool('initdb', '-D', f'{made}/data', '-U', 'tester', '--auth=trust', '--no-sync', '--no-locale',
                  '--encoding=UTF8')
        Cluster.made = f'{made}/data'

    def tool(self, name, *arguments):
        result = run([f'{BIN}/{name}', *arguments], self.plain, cwd=self.folder,
                     **as_unprivileged())
        equal(result.returncode, 0, f'{name}: {result.stderr[-1000:]}')
        return result.stdout

    def start(self, env, *arguments):
        self.server = subprocess.Popen(
            [f'{BIN}/postgres', '-D', self.data, '-k', self.folder, '-c', 'listen_addresses=',
             '-c', 'fsync=off', '-c', 'shared_buffers=8MB', '-c', 'max_connections=20', *arguments],
            env=env, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL, **as_unprivileged())
        self.log = ''
        while 'ready to accept connections' not in self.log:
            line = self.server.stderr.readline().decode()
            check(line, f'the server does not start: {self.log}')
            self.log += line

    def query(self, sql):
        return self.tool('psql', '-v', 'ON_ERROR_STOP=1', '-Atqc', sql)

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
        if self.server and self.server.poll() is None:
            self.server.send_signal(3)  # immediate shutdown, which ends the children too
            self.server.communicate()
