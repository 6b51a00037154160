#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`heapprof serve`: other people's tools get right names from it, and no client can hurt it."""

import contextlib
import gzip
import http.client
import os
import re
import signal
import socket
import stat
import subprocess
import threading
import time

import command
import cli
import running
import tap
from command import HEAPPROF, LIBRARY

SERVED = str(command.BUILD / 'tests' / 'command' / 'served')
CONNECTIONS = 50  # as many as the server has at a time
WAITING = 38  # of these, as many may wait for ?seconds=N
REQUESTS = int(os.environ.get('HEAPPROF_REQUESTS', '500'))
KIB = 1024


@contextlib.contextmanager
def target(folder):
    """Runs a process that records every allocation."""
    env = command.environment(folder, LD_PRELOAD=LIBRARY, HEAPPROFILE=f'{folder}/p',
                              HEAP_PROFILE_SAMPLE_INTERVAL=1)
    with subprocess.Popen([SERVED], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b'ready\n'
            yield process
        finally:
            process.kill()


class Server:
    """A running `heapprof serve`."""

    def __init__(self, folder, pid, *args, **env):
        self.errors = open(f'{folder}/errors', 'w+', encoding='utf-8')
        self.process = subprocess.Popen(
            [HEAPPROF, 'serve', str(pid), *args], env=command.environment(folder, **env), text=True,
            stdout=subprocess.PIPE, stderr=self.errors)
        self.line = self.process.stdout.readline().rstrip('\n')
        found = re.search(r'http://(?:127\.0\.0\.1|\[::1\]|localhost):(\d+)/', self.line)
        self.port = int(found[1]) if found else None
        self.path = None if found else re.search(r'--unix-socket (\S+) ', self.line)[1]
        self.url = f'http://127.0.0.1:{self.port}'

    def connect(self):
        if self.path:
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(running.PATIENCE)
            client.connect(self.path)
            return client
        return socket.create_connection(('127.0.0.1', self.port), running.PATIENCE)

    def send(self, text):
        """Sends a request on a new connection."""
        client = self.connect()
        try:
            client.sendall(text if isinstance(text, bytes) else text.encode())
        except OSError:
            client.close()
            raise
        return client

    def ask(self, text):
        """Sends a request as it is; returns the status and the body of the answer."""
        with self.send(text) as client:
            return answer(client, 'HEAD' if text[:4] == 'HEAD' else 'GET')

    def get(self, path, method='GET', headers='', body=''):
        length = f'Content-Length: {len(body)}\r\n' if body or method == 'POST' else ''
        return self.ask(f'{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n{body}')

    def page(self, path):
        status, body = self.get(path)
        tap.equal((status, status == 200 or body), (200, True))
        return body

    def end(self, number=signal.SIGTERM):
        """Ends the server; returns its exit status and what it wrote on standard error."""
        if number:
            self.process.send_signal(number)
        status = self.process.wait(running.PATIENCE)
        self.errors.seek(0)
        return status, self.errors.read()

    def resident(self):
        with open(f'/proc/{self.process.pid}/smaps_rollup', encoding='utf-8') as file:
            return int(re.search(r'^Pss_Anon: *(\d+) kB', file.read(), re.MULTILINE)[1]) * KIB

    def descriptors(self, kind):
        """Returns how many descriptors of a kind the server has."""
        folder, n = f'/proc/{self.process.pid}/fd', 0
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                n += os.readlink(f'{folder}/{name}').startswith(kind)
        return n

    def sockets(self):
        return self.descriptors('socket:')


def answer(client, method='GET'):
    """Reads an answer; returns its status and body, or None if the connection ends without one."""
    response = http.client.HTTPResponse(client, method=method)
    try:
        response.begin()
    except (http.client.BadStatusLine, ConnectionResetError):
        return None
    return response.status, response.read()


@contextlib.contextmanager
def served(folder, *args, **env):
    """Runs a process and a server of it."""
    with target(folder) as process:
        server = Server(folder, process.pid, *args, **env)
        try:
            yield server, process
        finally:
            server.process.kill()
            server.process.wait()
            server.process.stdout.close()
            server.errors.close()


TCP = ('--listen', '127.0.0.1:0')


@tap.test
def an_attached_process_is_served(folder):
    with subprocess.Popen([SERVED], env=command.environment(folder), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        server = None
        try:
            tap.equal(process.stdout.readline(), b'ready\n')
            tap.equal(command.heapprof(folder, 'attach', '-qx', str(process.pid)).returncode, 0)
            server = Server(folder, process.pid, *TCP)
            with open(f'{folder}/heap', 'wb') as file:
                file.write(server.page('/debug/pprof/heap'))
            tap.is_in('remember', cli.run(str(command.BUILD / 'pprofconv' / 'pprofconv'), '-q', '--to=folded',
                                          f'{folder}/heap').stdout)
            tap.equal(command.heapprof(folder, 'detach', '-q', str(process.pid)).returncode, 0)
            tap.equal(server.end()[0], 0)
        finally:
            process.kill()
            if server:
                server.process.kill()
                server.process.wait()
                server.process.stdout.close()
                server.errors.close()


# --- other people's tools ------------------------------------------------------------------------

def go_top(folder, *args):
    done = cli.run('go', 'tool', 'pprof', '-top', *args,
                   env={**os.environ, 'PPROF_TMPDIR': folder, 'HOME': folder})
    tap.equal(done.returncode, 0, done.stderr)
    return done.stdout


def names(top):
    return [line.split()[5] for line in top.splitlines() if re.match(r' *-?[\d.]+[a-zA-Z]*  ', line)]


@tap.test
def go_reads_the_heap(folder):
    tap.need('go')
    with served(folder, *TCP) as (server, _):
        tap.equal(server.line, f'go tool pprof {server.url}/debug/pprof/heap')
        top = go_top(folder, f'{server.url}/debug/pprof/heap')
        tap.is_in('Type: inuse_space', top)
        for name in ('remember', 'fill_cache', 'keep', 'main'):
            tap.is_in(name, names(top))


@tap.test
def go_reads_allocations(folder):
    tap.need('go')
    with served(folder, *TCP) as (server, _):
        top = go_top(folder, f'{server.url}/debug/pprof/allocs')
        tap.is_in('Type: alloc_space', top)
        tap.is_in('remember', names(top))


@tap.test
def go_reads_a_difference(folder):
    tap.need('go')
    with served(folder, *TCP) as (server, _):
        for page, kind in (('heap', 'inuse_space'), ('allocs', 'alloc_space')):
            top = go_top(folder, '-seconds', '1', f'{server.url}/debug/pprof/{page}')
            tap.is_in(f'Type: {kind}', top)
            tap.is_in('remember', names(top))
            tap.check('fill_cache' not in names(top), top)
            tap.is_in('Duration: ', top)


@tap.test
def go_compares_two(folder):
    tap.need('go', 'curl')
    with served(folder) as (server, _):
        fetched = []
        for number in range(2):
            fetched.append(f'{folder}/{number}.pb.gz')
            done = cli.run('sh', '-c', server.line, cwd=folder)
            tap.equal(done.returncode, 0, done.stderr)
            os.rename(f'{folder}/heap.pb.gz', fetched[-1])
            first = server.page('/pprof/heap').split()[3]
            running.wait_until(lambda first=first: server.page('/pprof/heap').split()[3] != first, 'growth')
        top = go_top(folder, '-diff_base', *fetched)
        tap.is_in('remember', names(top))
        tap.check('fill_cache' not in names(top), top)


@tap.test
def go_reads_the_dump_and_asks_for_names(folder):
    tap.need('go')
    with served(folder, *TCP) as (server, _):
        top = go_top(folder, '-symbolize=remote', f'{server.url}/pprof/heap')
        tap.is_in('fill_cache--keep', top)


@tap.test
def perl_reads_the_dump_and_asks_for_names(folder):
    tap.need('google-pprof', 'curl')
    with served(folder, *TCP) as (server, _):
        done = cli.run('google-pprof', '--text', f'{server.url}/pprof/heap',
                       env={**os.environ, 'PPROF_TMPDIR': f'{folder}/perl', 'HOME': folder})
        tap.equal(done.returncode, 0, done.stderr)
        rows = {line.split()[5]: line for line in done.stdout.splitlines() if line.count('%') == 3}
        for name in ('keep', 'remember', 'fill_cache', 'main'):
            tap.is_in(name, rows)


@tap.test
def pprofconv_reads_all_of_it(folder):
    with served(folder) as (server, _):
        for page in ('/debug/pprof/heap', '/debug/pprof/allocs', '/pprof/heap'):
            with open(f'{folder}/page', 'wb') as file:
                file.write(server.page(page))
            tap.is_in('remember', cli.run(command.BUILD / 'pprofconv' / 'pprofconv', 'top', '-q',
                                          f'{folder}/page').stdout)


# --- pages ---------------------------------------------------------------------------------------

@tap.test
def small_pages(folder):
    with served(folder) as (server, process):
        tap.is_in(f'{process.pid} (served)', server.page('/debug/pprof/').decode())
        for path in re.findall(r'^(/\S+)', server.page('/').decode(), re.MULTILINE):
            server.page(path)
        tap.equal(server.page('/pprof/cmdline'), SERVED.encode())
        tap.equal(server.page('/debug/pprof/cmdline'), SERVED.encode())
        tap.equal(server.page('/pprof/symbol'), b'num_symbols: 1\n')
        text = server.page('/debug/pprof/heap?debug=1&gc=1').decode()
        tap.is_in('remember', text)
        tap.check(gzip.decompress(server.page('/debug/pprof/heap?debug=0&gc=x')), 'an empty profile')


@tap.test
def names_of_addresses(folder):
    with served(folder) as (server, _):
        dump = server.page('/pprof/heap').decode()
        stacks = re.findall(r'^ *\d+: +\d+ \[ *\d+: +\d+\] @ (.*)$', dump, re.MULTILINE)
        returns = [int(stack.split()[0], 16) for stack in stacks]
        for less in (0, 1):  # return addresses, and those of the calls
            asked = '+'.join(f'0x{address - less:016x}' for address in returns)
            status, body = server.get('/pprof/symbol', 'POST', body=asked)
            tap.equal(status, 200)
            rows = dict(line.split('\t') for line in body.decode().splitlines())
            tap.equal(sorted(rows), sorted(set(asked.split('+'))))
            tap.is_in('remember--keep', list(rows.values()))
            tap.is_in('fill_cache--keep', list(rows.values()))
        tap.equal(server.get('/pprof/symbol', 'POST', body='0x10+0xffffffffffffffff+0'), (200, b''))
        tap.equal(server.get('/debug/pprof/symbol', 'POST'), (200, b''))


# --- requests that are refused -------------------------------------------------------------------

REFUSED = {
    'PUT': ('PUT /debug/pprof/heap HTTP/1.1\r\nHost: localhost\r\n\r\n', 405),
    'HEAD': ('HEAD /debug/pprof/heap HTTP/1.1\r\nHost: localhost\r\n\r\n', 405),
    'POST': ('POST /debug/pprof/heap HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx', 405),
    'OPTIONS': ('OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n', 405),
    'other host': ('GET / HTTP/1.1\r\nHost: evil.example:80\r\n\r\n', 403),
    'other address': ('GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n', 403),
    'name like an address': ('GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n', 403),
    'no host': ('GET / HTTP/1.0\r\n\r\n', 400),
    'two hosts': ('GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n', 400),
    'a picture in a web page': ('GET / HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n', 403),
    'a web page': ('GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n\r\n', 403),
    'no such page': ('GET /pprof/../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n', 404),
    'file': ('GET /etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n', 404),
    'no seconds': ('GET /debug/pprof/heap?seconds=0 HTTP/1.1\r\nHost: localhost\r\n\r\n', 400),
    'too many seconds': ('GET /debug/pprof/heap?seconds=301 HTTP/1.1\r\nHost: localhost\r\n\r\n', 400),
    'not seconds': ('GET /debug/pprof/heap?seconds=1s HTTP/1.1\r\nHost: localhost\r\n\r\n', 400),
    'text of a difference': ('GET /debug/pprof/heap?seconds=1&debug=1 HTTP/1.1\r\nHost: localhost\r\n\r\n',
                             400),
    'difference of dumps': ('GET /pprof/heap?seconds=1 HTTP/1.1\r\nHost: localhost\r\n\r\n', 400),
    'a body of a GET': ('GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx', 413),
    'a body of unknown size': ('POST /pprof/symbol HTTP/1.1\r\nHost: localhost\r\n'
                               'Transfer-Encoding: chunked\r\n\r\n1\r\n0\r\n0\r\n\r\n', 411),
    'a body too large': ('POST /pprof/symbol HTTP/1.1\r\nHost: localhost\r\n'
                         'Content-Length: 1048577\r\n\r\n', 413),
    'not an address': ('POST /pprof/symbol HTTP/1.1\r\nHost: localhost\r\n'
                       'Content-Length: 3\r\n\r\n0x+', 400),
}


@tap.test
def what_is_refused(folder):
    with served(folder) as (server, _):
        for name, (request, expected) in REFUSED.items():
            status, body = server.ask(request)
            tap.equal(status, expected, name)
            if not request.startswith('HEAD'):
                tap.equal(body.count(b'\n'), 1, f'{name}: {body}')
        for host in ('127.0.0.1', '127.0.0.1:1', '[::1]:9', 'LOCALHOST:65535'):
            tap.equal(server.ask(f'GET / HTTP/1.1\r\nHost: {host}\r\n\r\n')[0], 200, host)
        status, errors = server.end()
        tap.check(status == 0 and re.fullmatch(r'heapprof: \d+ of \d+ locations named\n', errors), errors)


@tap.test
def broken_requests(folder):
    with served(folder) as (server, _):
        long = 'x' * 20000
        for request in ('GET\r\n\r\n', f'GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n',
                        f'GET / HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n',
                        'GET / HTTP/1.1\r\nHost: localhost\r\n' + 'A: b\r\n' * 20000 + '\r\n',
                        'POST /pprof/symbol HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
                        'POST /pprof/symbol HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999999999'
                        '99999999\r\n\r\n'):
            found = None
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                found = server.ask(request)
            tap.check(found is None or found[0] >= 400, f'{request[:40]!r}: {found}')
        for request in ('\0' * 100, b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc' * 50):  # without an end
            server.send(request).close()
        for request in ('GET /debug/pprof/heap HTTP/1.1\r\nHost: localhost\r\n\r\n',
                        'POST /pprof/symbol HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n0x1'):
            for size in range(0, len(request), 7):  # cut short
                server.send(request[:size]).close()
        server.page('/pprof/heap')
        running.wait_until(lambda: server.sockets() == 1, 'the end of connections')


# --- many requests -------------------------------------------------------------------------------

def load(server, n, failures):
    """Sends `n` requests on a connection that stays open."""
    paths = ('/debug/pprof/heap', '/pprof/heap', '/debug/pprof/allocs', '/pprof/cmdline', '/no')
    try:
        with server.connect() as client:
            for number in range(n):
                path = paths[number % len(paths)]
                client.sendall(f'GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
                status = answer(client)[0]
                assert status == (404 if path == '/no' else 200), (path, status)
    except Exception as error:  # pylint: disable=broad-exception-caught
        failures.append(repr(error))


def load_all(server, n):
    failures = []
    threads = [threading.Thread(target=load, args=(server, n // CONNECTIONS, failures))
               for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tap.equal(failures, [])


@tap.test
def many_requests(folder):
    with served(folder) as (server, _):
        load_all(server, REQUESTS)
        running.wait_until(lambda: server.sockets() == 1, 'the end of connections')
        before = server.resident()
        load_all(server, REQUESTS)
        running.wait_until(lambda: server.sockets() == 1, 'the end of connections')
        # All requests are answered from readings, of which the second load holds no more than the first
        # one did. What may differ are buffers of the connections, 16 KiB each, and how full the heap is.
        tap.check(server.resident() - before < 2 * CONNECTIONS * 16 * KIB,
                  f'{before} bytes, later {server.resident()}')
        tap.check(server.descriptors('/memfd:') <= 3, 'pages of old readings are left')


@tap.test
def connections_are_counted(folder):
    with served(folder) as (server, _), contextlib.ExitStack() as clients:
        first = clients.enter_context(server.connect())
        for _ in range(CONNECTIONS + 10):
            clients.enter_context(server.connect())
        running.wait_until(lambda: server.sockets() > CONNECTIONS, 'connections')
        for _ in range(20):
            first.sendall(b'GET /pprof/cmdline HTTP/1.1\r\nHost: localhost\r\n\r\n')
            tap.equal(answer(first)[0], 200)
        tap.equal(server.sockets(), 1 + CONNECTIONS)  # one of them listens
        clients.close()
        server.page('/pprof/cmdline')


@tap.test
def requests_that_wait_block_no_other(folder):
    request = 'GET /debug/pprof/heap?seconds=300 HTTP/1.1\r\nHost: localhost\r\n\r\n'
    with served(folder) as (server, _), contextlib.ExitStack() as clients:
        waiting = [clients.enter_context(server.send(request)) for _ in range(WAITING)]
        running.wait_until(lambda: server.get('/debug/pprof/heap?seconds=1')[0] == 503, 'a limit')
        server.page('/debug/pprof/heap')
        for client in waiting[1:]:
            client.close()
        running.wait_until(lambda: server.get('/debug/pprof/heap?seconds=1')[0] == 200, 'a free place')
        server.process.send_signal(signal.SIGTERM)
        status, body = answer(waiting[0])
        tap.equal(status, 503)
        tap.is_in(b'the server ends\n', body)
        tap.equal(server.end(None)[0], 0)


@tap.test
def readings_are_shared(folder):
    with served(folder) as (server, _):
        begin = time.monotonic()
        moments = {re.search(rb'^# uptime_ms: (\d+)$', server.page('/pprof/heap'), re.MULTILINE)[1]
                   for _ in range(200)}
        seconds = time.monotonic() - begin
        # A reading is made 0.1 seconds after the one before it, at the earliest.
        tap.check(len(moments) <= seconds / 0.1 + 1, f'{len(moments)} readings in {seconds} seconds')


@tap.test
def many_differences(folder):
    request = 'GET /debug/pprof/heap?seconds=1 HTTP/1.1\r\nHost: localhost\r\n\r\n'
    with served(folder) as (server, _), contextlib.ExitStack() as clients:
        waiting = [clients.enter_context(server.send(request)) for _ in range(WAITING)]
        tap.equal([answer(client)[0] for client in waiting], [200] * WAITING)


# --- sockets -------------------------------------------------------------------------------------

def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@tap.test
def the_default_socket(folder):
    runtime = f'{folder}/runtime'
    os.mkdir(runtime, 0o700)
    for env, parent in (({'XDG_RUNTIME_DIR': runtime}, runtime), ({'XDG_RUNTIME_DIR': folder}, folder),
                        ({'XDG_RUNTIME_DIR': ''}, folder)):
        with served(folder, **env) as (server, _):
            place = os.path.dirname(server.path)
            tap.equal((os.path.dirname(place), mode(place), mode(server.path)), (parent, 0o700, 0o600))
            server.page('/')
            tap.equal(server.end()[0], 0)
            tap.check(not os.path.exists(place), f'{place} is left')


@tap.test
def a_socket_at_a_path(folder):
    path = f"{folder}/it's.sock"
    place = ('--listen', f'unix:{path}')
    with target(folder) as process:
        done = command.heapprof(folder, 'serve', str(process.pid), '--listen', f'unix:{folder}/{"x" * 100}')
        tap.equal((done.returncode, done.stdout), (2, ''))
        tap.is_in('the path of a unix socket has at most 107 bytes', done.stderr)
        done = command.heapprof(folder, 'serve', str(process.pid), '--listen', f'unix:{folder}')
        tap.equal((done.returncode, done.stdout), (2, ''))
        tap.is_in(f'{folder}: it exists; if no other program listens there, remove it', done.stderr)
    with served(folder, *place) as (server, process):
        tap.need('curl')
        done = cli.run('sh', '-c', server.line, cwd=folder)
        tap.equal(done.returncode, 0, done.stderr)
        tap.equal(mode(path), 0o600)
        os.unlink(path)
        with open(path, 'w', encoding='utf-8'):  # another file, which stays
            pass
        tap.equal(server.end(signal.SIGINT)[0], 0)
        tap.check(os.path.exists(path), 'a file of others was removed')


@tap.test
def two_servers_and_a_taken_port(folder):
    with served(folder, *TCP) as (first, process):
        second = Server(folder, process.pid, *TCP)
        tap.check(first.port != second.port, 'one port twice')
        first.page('/debug/pprof/heap')
        second.page('/debug/pprof/heap')
        tap.equal(second.end(signal.SIGHUP)[0], 0)
        done = command.heapprof(folder, 'serve', '-q', str(process.pid), '-l', f'127.0.0.1:{first.port}')
        tap.equal(tuple(done), (2, '', f'heapprof: 127.0.0.1:{first.port}: the port is taken; choose another, '
                                       'or 0 for a free one\n'))


@tap.test
def other_addresses(folder):
    with target(folder) as process:
        for place in ('0.0.0.0:80', '[::]:80', 'example.com:80', '10.0.0.1:1', ':80', '*:80'):
            done = command.heapprof(folder, 'serve', '-q', str(process.pid), '--listen', place)
            tap.equal((done.returncode, done.stdout), (2, ''))
            tap.is_in(f"--listen: '{place}' is not an address of this machine alone", done.stderr)
        for place in ('127.0.0.1', 'localhost:', '127.0.0.1:65536', '127.0.0.1:x', 'unix'):
            done = command.heapprof(folder, 'serve', '-q', str(process.pid), '--listen', place)
            tap.equal((done.returncode, done.stdout, done.stderr.count('\n')), (2, '', 1))
            tap.is_in(f"--listen: '{place}' has no port", done.stderr)


# --- the end -------------------------------------------------------------------------------------

@tap.test
def the_target_ends(folder):
    request = 'GET /debug/pprof/heap?seconds=300 HTTP/1.1\r\nHost: localhost\r\n\r\n'
    with served(folder) as (server, process), server.send(request) as client:
        server.page('/')  # so the request before it has begun
        process.stdin.close()
        line = f'{process.pid} (served): the process has ended\n'
        tap.equal(answer(client), (503, line.encode()))
        status, errors = server.end(None)
        tap.equal((status, errors.splitlines(True)[-1]), (0, f'heapprof: {line}'))
        tap.check(not os.path.exists(server.path), 'the socket is left')


@tap.test
def processes_that_cannot_be_served(folder):
    with subprocess.Popen(['cat'], stdin=subprocess.PIPE) as other:
        done = command.heapprof(folder, 'serve', str(other.pid))
        tap.equal((done.returncode, done.stdout, done.stderr.count('\n')), (2, '', 1))
        other.stdin.close()
    tap.equal(command.heapprof(folder, 'serve').returncode, 2)
    tap.equal([name for name in os.listdir(folder) if name.startswith('heapprof-')], [])


tap.main()
