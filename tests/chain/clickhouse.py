# SPDX-License-Identifier: MIT
"""Two ClickHouse servers on loopback for scripts/fleet, and what runs its scripts."""

import contextlib
import csv
import io
import os
import socket
import subprocess
import sys
import urllib.request

import chain
import cli
import running
import tap

FLEET = chain.ROOT / 'scripts' / 'fleet'
sys.path.append(str(FLEET))

import server as servers  # noqa: E402: after the path to it

SERVER = '/usr/sbin/clickhouse-server'
CONFIG = '''<yandex><logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>
<http_port>{http}</http_port><tcp_port>{tcp}</tcp_port><listen_host>127.0.0.1</listen_host>
<path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path><users_config>{folder}/users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database>
<mark_cache_size>67108864</mark_cache_size><remote_servers><fleet>{shards}</fleet></remote_servers></yandex>'''
SHARD = '<shard><replica><host>127.0.0.1</host><port>{}</port></replica></shard>'
USERS = '''<yandex><profiles><default><max_threads>2</max_threads></default></profiles><users><default><password></password>
<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
<quotas><default></default></quotas></yandex>'''


def need():
    if not os.path.exists(SERVER):
        tap.skip('clickhouse-server is not installed')
    tap.need('cc', 'nm', 'readelf')


def script(name, *args, **options):
    """Runs a script of scripts/fleet by our own interpreter, which `env` may have to look for."""
    options.setdefault('patience', cli.PATIENCE)
    words = [arg if isinstance(arg, bytes) else str(arg) for arg in args]
    return running.run([sys.executable, str(FLEET / name), *words], **options)


def succeed(name, *args, **options):
    """Runs a script that must exit with status 0 and print no error; returns what it prints."""
    done = script(name, *args, **options)
    tap.equal((done.returncode, done.stderr), (0, ''), name)
    return done.stdout


def free_ports(n):
    """Returns ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(('127.0.0.1', 0))
        return [one.getsockname()[1] for one in sockets]


class Database:
    """Two servers, each with half of the hosts."""

    def __init__(self, folder):
        self.ports = free_ports(4)
        self.urls = [f'http://127.0.0.1:{port}' for port in self.ports[:2]]
        self.folders = [os.path.join(folder, f'server{i}') for i in range(2)]
        self.running = [None, None]
        shards = ''.join(SHARD.format(port) for port in self.ports[2:])
        for i, own in enumerate(self.folders):
            os.mkdir(own)
            for name, text in (('users.xml', USERS), ('config.xml', CONFIG.format(
                    folder=own, http=self.ports[i], tcp=self.ports[i + 2], shards=shards))):
                with open(os.path.join(own, name), 'w', encoding='ascii') as file:
                    file.write(text)

    def create(self):
        for url in self.urls:
            succeed('load', '--create', url)

    def start(self, *numbers):
        for i in numbers:
            self.running[i] = subprocess.Popen(
                [SERVER, f'--config-file={self.folders[i]}/config.xml'], cwd=self.folders[i],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for i in numbers:
            running.wait_until(lambda i=i: self._answers(i), 'a server that answers', cli.PATIENCE)

    def _answers(self, i):
        tap.equal(self.running[i].poll(), None, 'the server has ended')
        try:
            with urllib.request.urlopen(f'{self.urls[i]}/ping', timeout=60) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self, *numbers):
        for i in numbers:
            if self.running[i]:
                self.running[i].kill()
                self.running[i].wait()
                self.running[i] = None

    def cpu(self):
        """Returns the seconds of CPU that both servers have used."""
        ticks = 0
        for process in self.running:
            with open(f'/proc/{process.pid}/stat', encoding='ascii') as file:
                ticks += sum(map(int, file.read().rpartition(')')[2].split()[11:13]))
        return ticks / os.sysconf('SC_CLK_TCK')

    def ask(self, query):
        return servers.Server(self.urls[0]).ask(query).strip()

    def load(self, listed, *options, **more):
        return script('load', '--retries=0', f'--server={self.urls[0]}', '--pprofconv', cli.PPROFCONV, listed,
                      *options, **more)

    def query(self, name, *settings):
        return script('query', name, *settings, f'--server={self.urls[0]}')

    def rows(self, name, *settings):
        """Returns the rows of a query, as dictionaries."""
        done = self.query(name, *settings)
        tap.equal((done.returncode, done.stderr), (0, ''), name)
        return list(csv.DictReader(io.StringIO(done.stdout), delimiter='\t'))

    def roll_up(self, day):
        with open(FLEET / 'rollup.sql', encoding='ascii') as file:
            text = file.read().replace('DAY', day)
        for url in self.urls:
            servers.Server(url).run(text)

    def stars(self, name, *settings):
        """Returns the functions that a comparison stars."""
        return [row['site'] for row in self.rows(name, *settings) if row['star']]

    def size(self, table):
        """Returns the bytes of a table on the disks of both servers."""
        query = f"SELECT sum(bytes) FROM system.parts WHERE active AND table = '{table}'"
        return sum(int(servers.Server(url).ask(query)) for url in self.urls)
