#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`heapprof watch`: dumps by time and memory from outside, over restarts."""

import contextlib
import glob
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys

import command
import running
import tap
from command import HEAPPROF, LIBRARY, SUBJECT


class Watch:
    """`heapprof watch`, whose lines on standard error a test waits for."""

    def __init__(self, folder, *args, **options):
        self.process = subprocess.Popen([HEAPPROF, 'watch', *map(str, args)], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, cwd=folder,
                                        env=command.environment(folder), **options)
        self.lines = []
        self.rest = b''

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.communicate()

    def expect(self, pattern):
        """Waits for a line with the pattern; returns its match."""
        while True:
            while b'\n' not in self.rest:
                assert select.select([self.process.stderr], [], [], running.PATIENCE)[0], \
                    f'no {pattern!r} in {self.lines}'
                some = os.read(self.process.stderr.fileno(), 4096)
                assert some, f'the end, and no {pattern!r} in {self.lines}'
                self.rest += some
            line, _, self.rest = self.rest.partition(b'\n')
            self.lines.append(line.decode().removeprefix('heapprof: '))
            if found := re.search(pattern, self.lines[-1]):
                return found

    def end(self):
        """Waits for the end; returns the exit status."""
        self.lines += (self.rest + self.process.stderr.read()).decode().splitlines()
        return self.process.wait(running.PATIENCE)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.end()


def service(folder, name='service', **settings):
    """Starts a copy of the subject that records every allocation."""
    path = f'{folder}/{name}-{os.getpid()}'
    if not os.path.exists(path):
        shutil.copy(SUBJECT, path)
    env = command.environment(folder, LD_PRELOAD=LIBRARY, HEAPPROFILE=f'{folder}/own/x',
                              HEAP_PROFILE_SAMPLE_INTERVAL=1, **settings)
    return command.Waiting(path, 'wait', env=env, start_new_session=True)


def name_of(name='service'):
    return f'{name}-{os.getpid()}'


GROWS = '''
import sys
kept = []
print('ready', flush=True)
for line in sys.stdin:
    kept.append(b'x' * int(line))
    print('grown', flush=True)
'''


@contextlib.contextmanager
def growing(folder):
    """A process that allocates and fills as many bytes as a line says. Yields its ID and a function."""
    env = command.environment(folder, LD_PRELOAD=LIBRARY, HEAPPROFILE=f'{folder}/own/x')
    with subprocess.Popen([sys.executable, '-c', GROWS], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True, env=env) as process:
        def grow(size):
            process.stdin.write(f'{size}\n')
            process.stdin.flush()
            assert process.stdout.readline() == 'grown\n'
        try:
            process.stdout.readline()
            yield process.pid, grow
        finally:
            process.kill()


def dumps(folder, pattern='out*.heap'):
    """Returns the numbers and the reasons of the dumps, which must be whole."""
    found = []
    for path in sorted(glob.glob(f'{folder}/{pattern}')):
        text = open(path, encoding='utf-8').read()
        assert text.endswith('\n# end\n'), path
        tap.equal(os.stat(path).st_mode & 0o777, 0o600)
        found.append((path.removeprefix(f'{folder}/').removesuffix('.heap'),
                      re.search('^# reason: outside: (.*)$', text, re.M)[1]))
    return found


def refusal(folder, *args):
    done = command.heapprof(folder, 'watch', *map(str, args), cwd=folder)
    tap.equal((done.returncode, done.stdout), (2, ''), done.stderr)
    return done.stderr.removeprefix('heapprof: ').rstrip()


# --- processes -----------------------------------------------------------------------------------

@tap.test
def a_service_is_killed_and_restarted(folder):
    with Watch(folder, name_of(), '--dumps', 'out', '--every=1s') as watch:
        watch.expect(f"^waiting for a process that is named '{name_of()}'$")
        for _ in range(6):
            with service(folder) as pid:
                tap.equal(watch.expect(r'^(\d+) .*found; its dumps')[1], str(pid))
                watch.expect(rf'^{pid} .*\(first\)')
                watch.expect(rf'^{pid} .*\(time\)')
            watch.expect(rf'^{pid} .*has ended; \d+ dumps')
        tap.equal(watch.stop(), 0)
    found = dumps(folder)
    tap.equal([name for name, _ in found], [f'out.{n:04}' for n in range(1, len(found) + 1)])
    tap.equal([reason for _, reason in found].count('first'), 6)
    tap.is_in(f'ended by a signal; {len(found)} dumps', watch.lines[-2])
    shown = command.cli.run('sh', '-c', watch.lines[-1])
    tap.equal(shown.returncode, 0)
    tap.is_in('remember', shown.stdout)


@tap.test
def a_process_that_ends_is_the_end(folder):
    with service(folder) as first, service(folder) as second:
        with Watch(folder, first, second, first, '-d', 'out', '--every', '1h') as watch:
            watch.expect(r'\(first\)')
            watch.expect(r'\(first\)')
            os.kill(first, signal.SIGKILL)
            watch.expect(rf'^{first} .*has ended; 1 dump$')
            os.kill(second, signal.SIGKILL)
            watch.expect(rf'^{second} .*has ended; 1 dump$')
            tap.equal(watch.end(), 0)
    tap.is_in('all processes have ended; 2 dumps', watch.lines[-2])


@tap.test
def all_processes_of_a_name_and_two_names(folder):
    with service(folder, 'one') as first, service(folder, 'one') as second, service(folder, 'two') as third:
        with Watch(folder, name_of('one'), name_of('two'), '-d', 'out', '--every', '1h') as watch:
            for _ in range(3):
                watch.expect(r'\(first\)')
            with service(folder, 'two') as fourth:
                watch.expect(r'\(first\)')
            watch.expect('has ended')
            watch.stop()
    one, two = name_of('one'), name_of('two')
    tap.equal([name for name, _ in dumps(folder)], sorted([
        f'out.{one}.0001', f'out.{one}_{max(first, second)}.0001', f'out.{two}.0001',
        f'out.{two}_{fourth}.0001']))
    del third


@tap.test
def expansions_and_a_folder(folder):
    os.mkdir(f'{folder}/dumps')
    with service(folder) as pid, Watch(folder, pid, '-d', 'dumps', '--every=1h') as watch:
        watch.expect(r'\(first\)')
        with Watch(folder, pid, '-d', '%p-%e-%%', '--every=1h') as other:
            other.expect(r'\(first\)')
    tap.equal(os.listdir(f'{folder}/dumps'), [f'{name_of()}.0001.heap'])
    assert os.path.exists(f'{folder}/{pid}-{name_of()}-%.0001.heap'), os.listdir(folder)


@tap.test
def nothing_is_overwritten(folder):
    command.write_program(f'{folder}/out.0007.heap', 'old')
    os.symlink(f'{folder}/target', f'{folder}/out.0008.heap')
    with service(folder) as pid, Watch(folder, pid, '-d', 'out', '--every=1h') as watch:
        watch.expect(r'out\.0009\.heap \(first\)')
    assert not os.path.exists(f'{folder}/target')
    tap.equal(open(f'{folder}/out.0007.heap', encoding='utf-8').read(), 'old')


@tap.test
def no_thread_of_ours_and_no_stop(folder):
    with service(folder) as pid, Watch(folder, pid, '-d', 'out', '--every=1s') as watch:
        watch.expect(r'\(time\)')
        tap.equal(os.listdir(f'/proc/{pid}/task'), [str(pid)])
        status = open(f'/proc/{pid}/status', encoding='utf-8').read()
        tap.is_in('\nTracerPid:\t0\n', status)


# --- reasons -------------------------------------------------------------------------------------

@tap.test
def a_step_of_the_resident_memory(folder):
    with growing(folder) as (pid, grow), Watch(folder, pid, '-d', 'out', '--rss=24M') as watch:
        watch.expect(r'\(first\)')
        for number in (2, 3):
            grow(32 << 20)
            watch.expect(rf'out\.000{number}\.heap \(rss\)')
        watch.stop()
    tap.equal(dumps(folder), [('out.0001', 'first'), ('out.0002', 'rss'), ('out.0003', 'rss')])


def cgroup_with_limit(name, size):
    """Makes a cgroup with a memory limit, or skips the test."""
    for root, file in (('/sys/fs/cgroup/memory', 'memory.limit_in_bytes'), ('/sys/fs/cgroup', 'memory.max')):
        place = f'{root}/{name}'
        try:
            os.mkdir(place)
        except OSError:
            continue
        try:
            with open(f'{place}/{file}', 'w', encoding='ascii') as limit:
                limit.write(str(size))
            return place
        except OSError:
            os.rmdir(place)
    return tap.skip('no cgroup with a memory limit can be made')


@tap.test
def a_cgroup_that_is_nearly_full(folder):
    place = cgroup_with_limit(f'heapprof-test-{os.getpid()}', 200 << 20)
    try:
        with growing(folder) as (pid, grow):
            with open(f'{place}/cgroup.procs', 'w', encoding='ascii') as processes:
                processes.write(str(pid))
            with Watch(folder, pid, '-d', 'out', '--at-memory-max', '60%') as watch:
                watch.expect(r'\(first\)')
                grow(130 << 20)
                watch.expect(r'\(memory\.max\)')
                grow(40 << 20)
                watch.expect(r'\(memory\.max\)')
                watch.stop()
    finally:
        running.wait_until(lambda: not open(f'{place}/cgroup.procs', encoding='ascii').read(), 'an empty cgroup')
        os.rmdir(place)
    tap.equal([reason for _, reason in dumps(folder)], ['first', 'memory.max', 'memory.max'])


# --- files ---------------------------------------------------------------------------------------

@tap.test
def the_first_and_the_newest_are_kept(folder):
    with growing(folder) as (pid, grow), Watch(folder, pid, '-d', 'out', '--rss=8M', '--keep=3') as watch:
        watch.expect(r'\(first\)')
        for number in range(2, 7):
            grow(16 << 20)
            watch.expect(rf'out\.000{number}\.heap \(rss\)')
            if number == 3:
                os.remove(f'{folder}/out.0002.heap')
                command.write_program(f'{folder}/out.0002.heap', 'of another')
        watch.stop()
    tap.equal(sorted(name for name in os.listdir(folder) if name.endswith('.heap')),
              [f'out.000{n}.heap' for n in (1, 2, 5, 6)])
    tap.equal(open(f'{folder}/out.0002.heap', encoding='utf-8').read(), 'of another')


@tap.test
def a_full_disk(folder):
    os.mkdir(f'{folder}/small')
    if command.cli.run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'none', f'{folder}/small').returncode:
        tap.skip('no file system can be mounted')
    try:
        with open(f'{folder}/small/filler', 'wb', buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(bytes(4096)):
                pass
        with service(folder) as pid, Watch(folder, pid, '-d', 'small/out', '--every=1s') as watch:
            watch.expect('No space left on device; no dump is written until that changes')
            os.remove(f'{folder}/small/filler')
            watch.expect(r'small/out\.0001\.heap \(time\)')
            watch.stop()
        tap.equal(sum('No space' in line for line in watch.lines), 1)
        tap.equal([name for name in os.listdir(f'{folder}/small') if not name.endswith('.heap')], [])
        dumps(f'{folder}/small')
    finally:
        command.cli.run('umount', f'{folder}/small')


@tap.test
def quiet(folder):
    with service(folder) as pid, Watch(folder, pid, '-q', '-d', 'out', '--every=1h') as watch:
        running.wait_until(lambda: dumps(folder), 'a dump')
        tap.equal((watch.stop(), watch.lines), (0, []))


# --- what can't work -----------------------------------------------------------------------------

@tap.test
def processes_that_have_no_tables(folder):
    without = command.Waiting(SUBJECT, 'wait', env=command.environment(folder))
    with without as pid:
        tap.is_in(f'{pid} (subject): heapprof is not in it; ', refusal(folder, pid, '-d', 'out').splitlines()[-1])
    without = command.Waiting(SUBJECT, 'wait', env=command.environment(folder))
    with without as pid, service(folder) as other:
        with Watch(folder, pid, other, '-d', 'out', '--every=1s') as watch:
            watch.expect(rf'^{pid} \(subject\): heapprof is not in it; ')
            watch.expect(rf'^{other} .*\(time\)')
            watch.expect(rf'^{other} .*\(time\)')
            watch.stop()
    tap.equal(sum('is not in it' in line for line in watch.lines), 1)


@tap.test
def a_process_of_another_user(folder):
    if os.geteuid():
        tap.skip('root is needed')
    tap.need('setpriv')
    os.chmod(folder, 0o777)
    with service(folder) as pid:
        done = command.cli.run('setpriv', '--reuid=65534', '--clear-groups', HEAPPROF, 'watch', str(pid), '-d',
                               f'{folder}/out', env=command.environment(folder))
    tap.equal(done.returncode, 2)
    tap.is_in('no right to read its memory: ', done.stderr)


@tap.test
def bad_usage(folder):
    tap.equal(refusal(folder), "expected process IDs or names; see 'heapprof watch --help'")
    tap.equal(refusal(folder, 'x'), '--dumps is missing; name a prefix for the dumps such as /var/tmp/app')
    tap.equal(refusal(folder, 'x', '-d', ''),
              '--dumps is missing; name a prefix for the dumps such as /var/tmp/app')
    tap.equal(refusal(folder, 'x', '-d', 'no/x'),
              f"{folder}/no: the folder of the dumps does not exist; make it with 'mkdir -p'")
    tap.equal(refusal(folder, '99999999', '-d', 'x'), 'no process 99999999')
    tap.equal(refusal(folder, 'x', '-d', 'x', '--every=1y'),
              "--every: invalid time '1y'; expected one such as 60s, 5m or 1h")
    for share in ('0', '100', '5%%', 'x', ''):
        tap.equal(refusal(folder, 'x', '-d', 'x', f'--at-memory-max={share}'),
                  f"--at-memory-max: invalid share '{share}'; expected one from 1% to 99%")


# --- servers -------------------------------------------------------------------------------------

NGINX = '''
user www-data;
worker_processes 2;
daemon off;
pid {folder}/pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/client; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen unix:{folder}/socket; location / {{ return 200 "hello"; }} }}
}}
'''


def children(pid):
    with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as file:
        return [int(word) for word in file.read().split()]


def is_answered(path):
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
            return True
        except (FileNotFoundError, ConnectionRefusedError):
            return False


def is_in_file(text, path):
    with contextlib.suppress(FileNotFoundError), open(path, encoding='utf-8') as file:
        return text in file.read()


def dumped(folder):
    """Returns the IDs of the processes that have a dump."""
    pids = set()
    for path in glob.glob(f'{folder}/out/*.heap'):
        with open(path, encoding='utf-8') as file:
            pids.update(re.findall('^# pid: (.*)$', file.read(), re.MULTILINE))
    return pids


def check_server(folder, argv, is_ready, n_children, **options):
    """Runs a server by `heapprof run` and watches it. Each of its processes keeps its one thread."""
    env = {**command.environment(folder), 'HEAP_PROFILE_SAMPLE_INTERVAL': '1'}
    with subprocess.Popen([HEAPPROF, 'run', '-d', f'{folder}/own/p', *argv], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options) as run:
        try:
            running.wait_until(is_ready, f'{argv[0]} answers')
            server, = children(run.pid)
            running.wait_until(lambda: len(children(server)) >= n_children, 'the workers')
            pids = [server, *children(server)]
            with Watch(folder, *pids, '-d', f'{folder}/out/x', '--every', '1s') as watch:
                for pid in pids:
                    running.wait_until(lambda: str(pid) in dumped(folder), f'a dump of {pid}')
                for pid in pids:
                    tap.equal(len(os.listdir(f'/proc/{pid}/task')), 1, f'threads of {pid}')
                watch.stop()
            run.send_signal(signal.SIGINT)
            said = run.communicate(timeout=running.PATIENCE)[1]
            tap.equal(run.returncode, 0, said)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)


@tap.test
def nginx(folder):
    tap.need('nginx')
    if os.geteuid():
        tap.skip('root is needed')
    config = command.write_program(f'{folder}/nginx.conf', NGINX.format(folder=folder))
    for name in ('own', 'out'):
        os.mkdir(f'{folder}/{name}')
        shutil.chown(f'{folder}/{name}', 'www-data')
    check_server(folder, ['nginx', '-p', folder, '-c', config, '-e', 'stderr'],
                 lambda: is_answered(f'{folder}/socket'), 2,
                 start_new_session=True)


@tap.test
def postgres(folder):
    tap.need('pg_config')
    if os.geteuid():
        tap.skip('root is needed')
    bindir = subprocess.run(['pg_config', '--bindir'], stdout=subprocess.PIPE, text=True,
                            check=True).stdout.strip()
    if not os.access(f'{bindir}/initdb', os.X_OK):
        tap.skip('initdb is not installed')
    for name in ('data', 'own', 'out'):
        os.mkdir(f'{folder}/{name}', 0o700)
        shutil.chown(f'{folder}/{name}', 'postgres', 'postgres')
    user = {'user': 'postgres', 'group': 'postgres', 'extra_groups': []}
    subprocess.run([f'{bindir}/initdb', '-D', f'{folder}/data', '-A', 'trust', '--no-sync'], check=True,
                   stdout=subprocess.DEVNULL, cwd=folder, **user)
    check_server(folder, [f'{bindir}/postgres', '-D', f'{folder}/data', '-k', f'{folder}/data', '-h', '', '-F'],
                 lambda: is_in_file('ready', f'{folder}/data/postmaster.pid'), 5, start_new_session=True, **user)


tap.main()
