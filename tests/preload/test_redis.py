#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""redis-server of Debian, which is linked with jemalloc, under redis-benchmark. It serves as it
does without the library, its dumps are whole, and it ends as usual."""
import os
import re
import socket
import subprocess

from preload import environment, run
from strict_dump import dumps_in
from tap import check, equal, main, need, test

need('redis-server', 'redis-benchmark', 'redis-cli')


class Server:
    """A redis-server on a Unix socket in a folder, with or without the library."""

    def __init__(self, folder, env):
        self.socket = f'{folder}/socket'
        self.process = subprocess.Popen(
            ['redis-server', '--port', '0', '--unixsocket', self.socket, '--save', '',
             '--dir', folder, '--daemonize', 'no', '--enable-debug-command', 'yes'],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.log = []
        for line in self.process.stdout:
            self.log.append(line.decode())
            if 'ready to accept connections' in self.log[-1].lower():
                break
        check(os.path.exists(self.socket), f'the server does not start: {self.log}')

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def ask(self, *words):
        result = run(['redis-cli', '-s', self.socket, *words], environment('/', preload=None,
                                                                           HEAPPROFILE=None))
        equal(result.returncode, 0, f'{words}: {result.stderr}')
        return result.stdout.strip()

    def bench(self, n, *options):
        result = run(['redis-benchmark', '-s', self.socket, '-n', str(n), '-q', *options],
                     environment('/', preload=None, HEAPPROFILE=None))
        equal(result.returncode, 0, f'redis-benchmark: {result.stderr}')
        check('requests per second' in result.stdout, result.stdout)

    def shut_down(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.socket)
            s.sendall(b'SHUTDOWN NOSAVE\r\n')
            s.recv(100)
        _, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, stderr.decode()


def serve(folder, env, n_requests):
    with Server(folder, env) as server:
        for i in range(100):
            server_key = f'key:{i}'
            if i % 25 == 0:
                equal(server.ask('SET', server_key, 'v' * (i + 1) * 10), 'OK', 'SET')
                equal(server.ask('GET', server_key), 'v' * (i + 1) * 10, 'GET')
        server.bench(n_requests, '-t', 'set,get,lpush,lrange_100', '-r', '1000', '-d', '100')
        equal(server.ask('GET', 'key:25'), 'v' * 260, 'GET after the benchmark')
        server.ask('EVAL', "for i = 1, 1000 do redis.call('SET', 'lua:' .. i, i) end", '0')
        equal(server.ask('GET', 'lua:1000'), '1000', 'GET of what a script set')
        check(re.search(r'^used_memory:\d+', server.ask('INFO', 'memory'), re.M), 'INFO')
        return server.shut_down()


@test(interval=['1', '64K'])
def test_redis(folder, interval):
    bare = f'{folder}/bare'
    os.mkdir(bare)
    wanted = serve(bare, environment(folder, preload=None, HEAPPROFILE=None), 1000)
    env = environment(folder, HEAP_PROFILE_SAMPLE_INTERVAL=interval,
                      HEAP_PROFILE_ALLOCATION_INTERVAL='3M')
    equal(serve(folder, env, 5000), wanted, 'exit status and standard error')
    dumps = dumps_in(folder)
    check(len(dumps) > 2, f'{len(dumps)} dumps')
    names = {n for _, stack in dumps[-1].stacks() for n in stack}
    check('main' in names or any(n.startswith('redis-server+') or n.startswith('redis-check-rdb+')
                                 for n in names), f'no frame of the server in {sorted(names)[:20]}')
    for dump in dumps:
        equal(dump.number('samples_dropped'), 0, 'samples_dropped')


@test
def test_background_save(folder):
    """The server forks to save its data. The child has dumps of its own, and the saved data are
    complete."""
    with Server(folder, environment(folder)) as server:
        server.bench(2000, '-t', 'set', '-r', '1000')
        n_keys = server.ask('DBSIZE')
        equal(server.ask('SAVE'), 'OK', 'SAVE')
        equal(server.ask('BGSAVE'), 'Background saving started', 'BGSAVE')
        while 'rdb_bgsave_in_progress:1' in server.ask('INFO', 'persistence'):
            pass
        check('rdb_last_bgsave_status:ok' in server.ask('INFO', 'persistence'), 'it was saved')
        equal(server.ask('DEBUG', 'RELOAD'), 'OK', 'DEBUG RELOAD')
        equal(server.ask('DBSIZE'), n_keys, 'keys after a reload')
        equal(server.shut_down()[0], 0, 'status')
    check(dumps_in(folder, r'p_\d+\.\d+\.heap'), 'a dump of the child')
    check(dumps_in(folder), 'a dump of the server')


main()
