# SPDX-License-Identifier: MIT
"""The programs whose dumps scripts/look shows: the demo's service, a backend of PostgreSQL under
pgbench, and a C++ compiler with 100,000 stacks. Each function runs one under the library in a folder
of its own, and returns the dumps in order of time."""

import glob
import os
import pwd
import shutil
import subprocess
import sys

import built

ROOT = built.SCRIPTS.parent
N_DUMPS = 20   # of the backend
PATIENCE = 1200 # seconds
UNPRIVILEGED = 'nobody'


class Missing(Exception):
    """A program that a load needs is not installed."""


def run(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, timeout=PATIENCE,
                          stdout=subprocess.DEVNULL, **options)


def profiled(library, prefix, **settings):
    """Returns an environment in which programs write dumps."""
    return dict(os.environ, LD_PRELOAD=str(library), HEAPPROFILE=str(prefix),
                **{f'HEAP_PROFILE_{key}': str(value) for key, value in settings.items()})


def dumps_of(prefix):
    """Returns the dumps of the process that wrote the most."""
    processes = {}
    for path in sorted(glob.glob(f'{prefix}*.heap')):
        processes.setdefault(path.rsplit('.', 2)[0], []).append(path)
    return max(processes.values(), key=len) if processes else []


def demo(library, folder, n_requests=400000):
    """The service of scripts/demo, which leaks sessions."""
    service = folder / 'service'
    run('cc', '-O2', '-g', '-fno-inline', f'-fdebug-prefix-map={ROOT}=/src', ROOT / 'scripts/demo_service.c', '-o', service, '-pthread')
    run(service, n_requests, env=profiled(library, folder / 'demo', ALLOCATION_INTERVAL='512M',
                                          SAMPLE_INTERVAL='64K'))
    return dumps_of(folder / 'demo')


# --- PostgreSQL ----------------------------------------------------------------------------------


def as_owner():
    """Returns the arguments with which the server does not run as root, which it refuses to."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(UNPRIVILEGED)
    return {'user': user.pw_uid, 'group': user.pw_gid, 'extra_groups': []}


class Postgres:
    def __init__(self, folder):
        folders = sorted(glob.glob('/usr/lib/postgresql/*/bin'))
        if not folders:
            raise Missing('postgresql')
        self.programs, self.folder = folders[-1], folder
        if as_owner():
            os.chown(folder, as_owner()['user'], as_owner()['group'])
        self.client = dict(os.environ, PGHOST=str(folder), PGUSER='tester', PGDATABASE='postgres')
        self.tool('initdb', '-D', folder / 'data', '-U', 'tester', '--auth=trust', '--no-sync')

    def tool(self, name, *arguments):
        run(f'{self.programs}/{name}', *arguments, env=self.client, cwd=self.folder,
            stderr=subprocess.DEVNULL, **as_owner())

    def control(self, action, **options):
        run(f'{self.programs}/pg_ctl', action, '-w', '-D', self.folder / 'data', '-l',
            self.folder / 'log', '-o', f"-k {self.folder} -c listen_addresses='' -c fsync=off",
            cwd=self.folder, **as_owner(), **options)


def postgres(library, folder):
    """A backend under pgbench: a dump every second."""
    server = Postgres(folder)
    copy = shutil.copy(library, folder)  # the server's user may not read the build folder
    server.control('start', env=profiled(copy, folder / 'pg', PROGRAM='postgres', TIME_INTERVAL=1,
                                         ALLOCATION_INTERVAL=0, SAMPLE_INTERVAL='auto'))
    try:
        server.tool('pgbench', '-i', '-q', '-s', '1')
        server.tool('pgbench', '-n', '-c', '1', '-T', N_DUMPS + 2)
    finally:
        server.control('stop', env=server.client)
    return dumps_of(folder / 'pg')[:N_DUMPS]


# --- a compiler ----------------------------------------------------------------------------------


def compiler(library, folder, n_instances=240):
    """g++ on a source full of templates, with every allocation recorded."""
    run(sys.executable, ROOT / 'tests/bench/make_templates.py', folder, 1, n_instances)
    run('g++', '-std=c++17', '-O2', '-g', '-c', folder / 'unit0.cc', '-o', folder / 'unit0.o',
        env=profiled(library, folder / 'cc', PROGRAM='cc1plus', SAMPLE_INTERVAL=1,
                     ALLOCATION_INTERVAL=0, INUSE_INTERVAL=0))
    return dumps_of(folder / 'cc')
