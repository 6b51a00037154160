# SPDX-License-Identifier: MIT
"""A PostgreSQL server with a session that leaks, for the tests that attach to it."""
import contextlib
import glob
import os
import pwd
import signal
import subprocess

import cli
import command
import running
import tap

FOLDERS = sorted(glob.glob('/usr/lib/postgresql/*/bin'))
UNPRIVILEGED = 'nobody'


def need_server():
    tap.need('pg_config', 'psql', 'cc')
    if not FOLDERS:
        tap.skip('PostgreSQL is not installed')


def build_audit(folder):
    """Builds the extension audit.c; skips the test if the headers of the server are missing."""
    headers = cli.run('pg_config', '--includedir-server').stdout.strip()
    if not os.path.exists(f'{headers}/postgres.h'):
        tap.skip('the headers of the server are not installed')
    done = cli.run('cc', '-O2', '-g', '-shared', '-fPIC', '-I', headers, '-o', f'{folder}/audit.so',
                   str(command.ROOT / 'tests/cases/postgres-backend/audit.c'))
    tap.equal(done.returncode, 0, done.stderr)


class Session:
    """A session of psql. Calling it executes statements in it, and returns the lines they print."""

    def __init__(self, env):
        self.psql = subprocess.Popen(['psql', '-qAt'], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     text=True, bufsize=1)
        self.pid = int(self('select pg_backend_pid()')[0])

    def __call__(self, *statements):
        for statement in (*statements, r'\echo done'):
            self.psql.stdin.write(f'{statement};\n' if statement[0] != '\\' else f'{statement}\n')
        lines = []
        while not lines or lines[-1] != 'done':
            line = self.psql.stdout.readline()
            assert line, f'the session has ended: {lines}'
            lines.append(line.rstrip('\n'))
        return lines[:-1]

    def end(self):
        self.psql.kill()
        self.psql.communicate()


@contextlib.contextmanager
def postgres(folder, *options):
    """Yields the environment of clients of a server, which has the function audit_note(text)."""
    user = pwd.getpwnam(UNPRIVILEGED)
    as_user = {'user': user.pw_uid, 'group': user.pw_gid, 'extra_groups': []} if os.geteuid() == 0 else {}
    env = {**command.environment(folder), 'PGHOST': folder, 'PGUSER': 'tester', 'PGDATABASE': 'postgres'}
    if as_user:
        os.chown(folder, user.pw_uid, user.pw_gid)
    build_audit(folder)
    subprocess.run([f'{FOLDERS[-1]}/initdb', '-D', f'{folder}/data', '-U', 'tester', '--auth=trust', '--no-sync'],
                   check=True, env=env, stdout=subprocess.DEVNULL, cwd=folder, **as_user)
    with open(f'{folder}/log', 'w', encoding='utf-8') as log:
        server = subprocess.Popen([f'{FOLDERS[-1]}/postgres', '-D', f'{folder}/data', '-k', folder, '-c',
                                   'listen_addresses=', *options], env=env, stderr=log, cwd=folder, **as_user)
    try:
        running.wait_until(lambda: cli.run('psql', '-c', 'select 1', env=env).returncode == 0, 'the server starts')
        function = f"create function audit_note(text) returns void language c strict as '{folder}/audit'"
        done = cli.run('psql', '-c', function, env=env)
        tap.equal(done.returncode, 0, done.stderr)
        yield env
    finally:
        server.send_signal(signal.SIGQUIT)  # the children end, too
        server.wait()


@contextlib.contextmanager
def session(env):
    opened = Session(env)
    try:
        opened("select audit_note('first')")
        yield opened
    finally:
        opened.end()
