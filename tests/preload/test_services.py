#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Servers of Debian whose workers drop privileges, and commands that change their rights, with
dumps by signal, time and resident memory. They serve and end as without the library, and the
workers write dumps as the user that they have become."""
import os
import pwd
import shutil
import signal
import socket
import subprocess

from preload import PATIENCE, environment, run, unprofiled, wait_until
from strict_dump import dumps_in
from tap import check, equal, main, skip, test

SETTINGS = {'HEAPPROFILESIGNAL': '40', 'HEAP_PROFILE_TIME_INTERVAL': '1',
            'HEAP_PROFILE_RSS_INTERVAL': '4M'}

NGINX = '''
user {user};
worker_processes 2;
daemon off;
pid {folder}/pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/client; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello"; }} }}
}}
'''
APACHE = '''
ServerName localhost
PidFile {folder}/pid
DefaultRuntimeDir {folder}
Mutex file:{folder} default
Listen 127.0.0.1:{port}
User {user}
Group {group}
LoadModule mpm_{mpm}_module /usr/lib/apache2/modules/mod_mpm_{mpm}.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
ErrorLog {folder}/log
DocumentRoot {folder}/www
StartServers 2
'''
NAMED = '''
options {{
    directory "{folder}"; pid-file "{folder}/pid"; session-keyfile "{folder}/key";
    listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    recursion no; dnssec-validation no; notify no; empty-zones-enable no;
    managed-keys-directory "{folder}";
}};
controls {{ }};
zone "test" {{ type primary; file "{folder}/zone"; }};
'''
ZONE = '''$TTL 60
@ IN SOA ns.test. root.test. 1 60 60 60 60
  IN NS ns.test.
ns IN A 127.0.0.1
'''
QUERY = (b'\0\7\0\0\0\1\0\0\0\0\0\0'            # one question:
         b'\2ns\4test\0' b'\0\1\0\1')           # ns.test, A, IN


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def ask_http(port):
    with socket.create_connection(('127.0.0.1', port), timeout=PATIENCE) as s:
        s.sendall(b'GET / HTTP/1.0\r\n\r\n')
        answer = b''
        while part := s.recv(4096):
            answer += part
    return answer.endswith(b'hello')


def ask_dns(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE)
        s.connect(('127.0.0.1', port))
        s.send(QUERY)
        return bytes([127, 0, 0, 1]) in s.recv(512)


class Service:
    """A server in the foreground. Its workers are its children, or the server itself if it has
    none."""

    def __init__(self, folder, argv, env, ask, port):
        self.folder, self.ask, self.port = folder, ask, port
        self.stderr = open(f'{folder}/stderr', 'w+b')
        self.process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.stderr,
                                        start_new_session=True)
        wait_until(self.answers, f'{argv[0]} answers')

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.stderr.close()

    def answers(self):
        check(self.process.poll() is None, f'it ended with {self.process.returncode}: '
              f'{self.said()}')
        try:
            return self.ask(self.port)
        except ConnectionError:
            return False

    def said(self):
        self.stderr.seek(0)
        return self.stderr.read().decode(errors='replace').splitlines()

    def workers(self):
        pid = self.process.pid
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
            return [int(word) for word in f.read().split()] or [pid]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def user_of(pid):
    with open(f'/proc/{pid}/status', encoding='utf-8') as f:
        return next(line.split()[1:] for line in f if line.startswith('Uid:'))


def serve(folder, argv, env, ask, port, user, dumps):
    """Runs a server. Returns what must be equal with and without the library: status, number of
    workers, messages."""
    with Service(folder, argv, env, ask, port) as service:
        for _ in range(10):
            check(service.answers(), 'the right answer')
        workers = service.workers()
        wait_until(lambda: {tuple(user_of(w)) for w in workers} == {(str(user),) * 4},
                   'workers of their user')
        if 'HEAPPROFILE' in env:
            wait_for_dumps(service, workers, user, dumps)
        return service.end(), len(workers), service.said()


def dumps_by(folder, word):
    return [d for d in dumps_in(folder, r'p.*\.heap') if word in d.metadata['reason']]


def wait_for_dumps(service, workers, user, dumps):
    """Waits for a dump by signal of each worker, and for a dump by time of one of them while it
    works, as far as `dumps` names them."""
    if 'signal' in dumps:
        for worker in workers:
            os.kill(worker, 40)
        wanted = {str(worker) for worker in workers}
        wait_until(lambda: wanted <= {d.metadata['pid'] for d in
                                      dumps_by(service.folder, 'signal')}, 'dumps by signal')
    if 'time' in dumps:
        wait_until(lambda: service.answers() and dumps_by(service.folder, 'timed'),
                   'a dump by time')
    for dump in dumps_by(service.folder, 'signal'):
        equal(os.stat(dump.path).st_uid, user, f'owner of {dump.path}')


def need_service(name):
    if os.geteuid() != 0:
        skip('needs root')
    if not shutil.which(name):
        skip(f'{name} is not installed')


def compare(folder, make_argv, ask, user, dumps):
    """Compares a server with and without the library. `make_argv` writes the configuration into a
    folder and returns the command and the port; `dumps` names the triggers that must work while it
    serves."""
    results = []
    for name in ('bare', 'profiled'):
        inside = f'{folder}/{name}'
        os.mkdir(inside)
        shutil.chown(inside, user, pwd.getpwnam(user).pw_gid)
        argv, port = make_argv(inside)
        env = environment(inside, **SETTINGS)
        if name == 'bare':
            env = unprofiled.environment()
        results.append(serve(inside, argv, env, ask, port, pwd.getpwnam(user).pw_uid, dumps))
    (bare_status, bare_workers, _), (status, workers, said) = results
    equal((status, workers), (bare_status, bare_workers), f'status and workers ({said})')
    return results


def write(path, text, **values):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text.format(**values) if values else text)
    os.chmod(path, 0o644)
    return path


@test
def test_nginx(folder):
    need_service('nginx')

    def make_argv(inside):
        port = free_port(socket.SOCK_STREAM)
        config = write(f'{inside}/nginx.conf', NGINX, folder=inside, port=port, user='www-data')
        return ['nginx', '-p', inside, '-c', config, '-e', 'stderr'], port
    (_, _, bare), (_, _, under) = compare(folder, make_argv, ask_http, 'www-data',
                                              ['signal', 'time'])
    equal(under, bare, 'standard error')


@test(mpm=['prefork', 'event'])
def test_apache(folder, mpm):
    """The workers of Apache hardly allocate, so no dump by time is waited for. The threads of an
    event worker block all signals, so with it no dump by signal is either."""
    need_service('apache2')

    def make_argv(inside):
        port = free_port(socket.SOCK_STREAM)
        os.mkdir(f'{inside}/www')
        write(f'{inside}/www/index.html', 'hello')
        config = write(f'{inside}/apache.conf', APACHE + 'DirectoryIndex index.html\n' +
                       'LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so\n',
                       folder=inside, port=port, user='www-data', group='www-data', mpm=mpm)
        return ['apache2', '-D', 'FOREGROUND', '-f', config, '-d', inside], port
    (_, _, bare), (_, _, under) = compare(folder, make_argv, ask_http, 'www-data',
                                              ['signal'] if mpm == 'prefork' else [])
    equal(under, bare, 'standard error')


@test
def test_named(folder):
    need_service('named')

    def make_argv(inside):
        port = free_port(socket.SOCK_DGRAM)
        write(f'{inside}/zone', ZONE)
        config = write(f'{inside}/named.conf', NAMED, folder=inside, port=port)
        return ['named', '-f', '-4', '-u', 'bind', '-L', f'{inside}/log', '-c', config], port
    (_, _, bare), (_, _, under) = compare(folder, make_argv, ask_dns, 'bind', ['signal'])
    equal(under, bare, 'standard error')


COMMANDS = {
    'setpriv': ['setpriv', '--reuid', '33', '--regid', '33', '--clear-groups', 'id', '-un'],
    'capabilities': ['setpriv', '--bounding-set', '-all', '--inh-caps', '-all', 'id', '-u'],
    'nsenter': ['nsenter', '--mount=/proc/self/ns/mnt', 'true'],
    'unshare': ['unshare', '--user', '--map-root-user', '--mount', 'id', '-u'],
    'perl': ['perl', '-e', 'if (!fork) { $) = 65534; $( = 65534; $> = 65534; $< = 65534; '
             'print "$< $>\\n"; exit 3 } wait; print $? >> 8, "\\n"'],
    'php': ['php', '-r', '$a = []; for ($i = 0; $i < 9999; $i++) $a[] = str_repeat("x", $i); '
            'echo count($a), "\\n";'],
    'node': ['node', '-e', 'try { process.setgid(65534); process.setuid(65534); } catch (e) '
             '{ console.log(e.code); } console.log(process.getuid(), process.getgid())'],
    'python': ['python3', '-c', 'import os, threading; t = threading.Thread(target=os.getcwd); '
               't.start(); t.join()\n'
               'if os.fork() == 0:\n try:\n  os.setgid(65534); os.setuid(65534)\n'
               ' except PermissionError as e: print(e)\n print(os.getresuid(), flush=True)\n'
               ' os._exit(3)\n'
               'print(os.waitstatus_to_exitcode(os.wait()[1]))'],
}


@test(name=COMMANDS)
def test_commands(folder, name):
    argv = COMMANDS[name]
    if not shutil.which(argv[0]):
        skip(f'{argv[0]} is not installed')
    os.chmod(folder, 0o777)
    bare = run(argv, unprofiled.environment())
    under = run(argv, environment(folder, **SETTINGS))
    equal(under, bare, f'{argv}')


main()
