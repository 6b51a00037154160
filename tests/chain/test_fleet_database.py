#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""scripts/fleet with two ClickHouse servers and a fleet of 200 dumps whose changes are known.

HEAPPROF_FLEET_HOSTS and HEAPPROF_FLEET_DUMPS make a larger fleet: 1000 and 10 are 10,000 dumps."""

import contextlib
import csv
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import chain
import cli
import running
import tap

FLEET = chain.ROOT / 'scripts' / 'fleet'
sys.path.append(str(FLEET))

import server as servers  # noqa: E402: after the path to it

CLICKHOUSE = '/usr/sbin/clickhouse-server'
N_HOSTS = int(os.environ.get('HEAPPROF_FLEET_HOSTS', '100'))
N_DUMPS = int(os.environ.get('HEAPPROF_FLEET_DUMPS', '2'))
CONFIG = '''<yandex><logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>
<http_port>{http}</http_port><tcp_port>{tcp}</tcp_port><listen_host>127.0.0.1</listen_host>
<path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path><users_config>{folder}/users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database>
<mark_cache_size>67108864</mark_cache_size><remote_servers><fleet>{shards}</fleet></remote_servers></yandex>'''
SHARD = '<shard><replica><host>127.0.0.1</host><port>{}</port></replica></shard>'
USERS = '''<yandex><profiles><default><max_threads>2</max_threads></default></profiles><users><default><password></password>
<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
<quotas><default></default></quotas></yandex>'''


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

    def start(self, *numbers):
        for i in numbers:
            self.running[i] = subprocess.Popen(
                [CLICKHOUSE, f'--config-file={self.folders[i]}/config.xml'], cwd=self.folders[i],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for i in numbers:
            running.wait_until(lambda i=i: self._answers(i), 'a server that answers')

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

    def ask(self, query):
        return servers.Server(self.urls[0]).ask(query).strip()

    def load(self, listed, *options):
        return running.run([str(FLEET / 'load'), '--retries=0', f'--server={self.urls[0]}', '--pprofconv',
                            cli.PPROFCONV, listed, *options], patience=60 + 3 * N_HOSTS * N_DUMPS)

    def query(self, name, *settings, **options):
        return cli.run(str(FLEET / 'query'), name, *settings, f'--server={self.urls[0]}', **options)

    def rows(self, name, *settings):
        """Returns the rows of a query, as dictionaries."""
        done = self.query(name, *settings)
        tap.equal((done.returncode, done.stderr), (0, ''), name)
        return list(csv.DictReader(io.StringIO(done.stdout), delimiter='\t'))


class Fleet:
    """The state that the tests share: they run one after the other on one database."""

    def __init__(self, folder):
        dumps = os.path.join(folder, 'dumps')
        chain.succeed(FLEET / 'make-dumps', dumps, '--hosts', N_HOSTS, '--dumps', N_DUMPS, '--growth',
                      3 if N_HOSTS < 1000 else 1.5)
        with open(os.path.join(dumps, 'truth.json'), encoding='utf-8') as file:
            self.truth = json.load(file)
        self.list = os.path.join(dumps, 'list')
        with open(self.list, encoding='utf-8') as file:
            self.lines = file.read().splitlines()
        self.days = self.truth['days']
        self.period = f'from={self.days[0]}', f'to={self.days[-1]}'
        self.database = Database(folder)
        self.database.start(0, 1)

    def totals(self):
        return self.database.ask('SELECT count(), sum(n), sum(bytes), sum(alloc_bytes), uniqExact(host), '
                                 'uniqExact(run, dump) FROM heap.samples_all FINAL')


def measured(what, begin, n, unit):
    print(f'# {what}: {n / (time.monotonic() - begin):.0f} {unit} a second', flush=True)


def check_load(fleet):
    database = fleet.database
    for url in database.urls:
        done = cli.run(str(FLEET / 'load'), '--create', url)
        tap.equal((done.returncode, done.stderr), (0, ''))
    begin = time.monotonic()
    done = database.load(fleet.list)
    tap.equal((done.returncode, done.stderr), (0, ''))
    n = len(fleet.lines)
    tap.is_in(f'{n} of {n} dumps, ', done.stdout)
    measured('loaded', begin, int(done.stdout.split(', ')[1].split()[0]), 'rows')
    counts = [int(servers.Server(url).ask('SELECT uniqExact(host) FROM heap.dumps')) for url in database.urls]
    tap.equal(sum(counts), N_HOSTS)
    tap.check(min(counts) > N_HOSTS / 4, f'hosts on each server: {counts}')


def check_sent_twice(fleet):
    before = fleet.totals()
    again = os.path.join(os.path.dirname(fleet.list), 'again')
    with open(again, 'w', encoding='utf-8') as file:
        file.write('\n'.join(fleet.lines[:20]))
    tap.equal(fleet.database.load(again).returncode, 0)
    tap.equal(fleet.totals(), before, 'a batch that was sent twice counts twice')


def check_truth(fleet):
    """The queries find what was changed, and nothing else."""
    truth, database = fleet.truth, fleet.database
    versions = 'service=api', 'a=1.0', 'b=1.1', *fleet.period
    begin = time.monotonic()
    stars = {name: [row['site'] for row in database.rows(name, *versions) if row['star']]
             for name in ('compare', 'paired')}
    measured('compare and paired', begin, 2, 'queries')
    print(f'# starred: {stars}; true: {truth["grown"]}', flush=True)
    tap.equal(sorted(stars['paired']), sorted(truth['grown']))
    tap.check(set(stars['compare']) <= set(truth['grown']), stars)
    odd = database.rows('outliers', 'service=api', f'day={fleet.days[-1]}')
    services = {line.split('host=')[1]: line.split('service=')[1].split('\t')[0] for line in fleet.lines}
    expected = {(truth['outlier'], host) for host in truth['outlier_hosts'] if services[host] == 'api'}
    tap.equal({(row['site'], row['host']) for row in odd}, expected)
    top = database.rows('top', 'service=api', *fleet.period)
    tap.equal(int(top[0]['hosts']), truth['hosts']['api'])


def check_trend(fleet):
    with open(FLEET / 'rollup.sql', encoding='ascii') as file:
        text = file.read()
    for _ in range(2):  # a second time changes nothing
        for url in fleet.database.urls:
            for day in fleet.days:
                servers.Server(url).run(text.replace('DAY', day))
        rows = fleet.database.rows('trend', 'service=worker', f'site={fleet.truth["trend"]}', *fleet.period)
        tap.equal([(row['day'], int(row['hosts'])) for row in rows],
                  [(day, fleet.truth['hosts']['worker']) for day in fleet.days])
    mean = fleet.database.ask(
        f"SELECT sum(inuse_bytes) / 1048576 FROM heap.samples_all FINAL WHERE service = 'worker' AND "
        f"site = '{fleet.truth['trend']}' AND day = '{fleet.days[0]}'")
    n = fleet.database.ask(f"SELECT uniqExact(run, dump) FROM heap.dumps_all WHERE service = 'worker' AND "
                           f"day = '{fleet.days[0]}'")
    tap.check(abs(float(mean) / int(n) - float(rows[0]['mib_a_host'])) < 0.01, (mean, n, rows[0]))


def totals_of(path):
    text = cli.succeed('info', path)
    return text[text.index('total:'):].split('\n')[1:5]


def check_back_to_a_profile(fleet, folder):
    """A dump of the database is the dump that was loaded, and folded stacks have its bytes."""
    path, service, *_, host = fleet.lines[0].split('\t')
    with open(path, encoding='ascii') as file:
        run = int(next(line for line in file if line.startswith('# run: ')).split()[2], 16)
    done = fleet.database.query('profile', service, host, f'day={fleet.days[0]}', f'run={run}', 'dump=1')
    tap.equal((done.returncode, done.stderr), (0, ''))
    lines = [line for line in done.stdout.splitlines() if line[:1].isdigit()]
    sums = [sum(int(line.replace('[', '').replace(']', '').replace(':', '').split()[i]) for line in lines)
            for i in range(4)]
    head = 'heap profile: {}: {} [{}: {}] @ heap/524288\n'.format(*sums)
    own = os.path.join(folder, 'own')
    with open(own, 'w', encoding='ascii') as file:
        file.write(head + done.stdout)
    names = [sorted(cli.succeed('convert', '-q', '--to=folded', '-o', '-', source).splitlines())
             for source in (own, path)]
    tap.equal([line.rpartition(' ')[0] for line in names[0]], [line.rpartition(' ')[0] for line in names[1]])
    with open(path, encoding='ascii') as file:
        tap.equal(file.readline().split(' @ ')[0], head.split(' @ ')[0])
    done = fleet.database.query('folded', 'service=api', 'version=1.0', f'day={fleet.days[0]}')
    tap.equal(done.returncode, 0)
    tap.check(done.stdout.startswith('main;call_'), done.stdout[:100])


def check_wrong_queries(fleet):
    for args, said in ((('nothing',), "no query 'nothing'; there are compare, "),
                       (('top', 'service=api'), 'missing: from=... to=...'),
                       (('top', "service=a' OR '1", *fleet.period), None),
                       (('top', 'service=api', *fleet.period, f'--hosts={N_HOSTS + 1}'),
                        f'{N_HOSTS} of {N_HOSTS + 1} hosts have a dump; a server may be down')):
        done = fleet.database.query(*args)
        tap.equal(done.returncode, 2 if said else 0, done.stderr)
        tap.is_in(said or '', done.stderr)


def check_bad_dumps(fleet, folder):
    """A dump that is cut is named and left out; the others are stored."""
    before = fleet.totals()
    cut = os.path.join(folder, 'cut.heap')
    with open(fleet.lines[0].split('\t')[0], encoding='ascii') as file:
        text = file.read()
    with open(cut, 'w', encoding='ascii') as file:
        file.write(text[:len(text) // 2])
    listed = os.path.join(folder, 'list')
    with open(listed, 'w', encoding='utf-8') as file:
        file.write(f'{cut}\thost=h9\n{fleet.lines[0]}\n')
    done = fleet.database.load(listed)
    tap.equal((done.returncode, done.stdout.split(', ')[0]), (2, '1 of 2 dumps'))
    tap.is_in('cut.heap', done.stderr)
    tap.equal(fleet.totals(), before)


def check_a_server_that_is_down(fleet, folder):
    """Queries and loads fail while a server is down. Once it is back, the load is done again, and
    nothing is lost or counted twice."""
    database, before = fleet.database, fleet.totals()
    more = os.path.join(folder, 'more')
    chain.succeed(FLEET / 'make-dumps', more, '--hosts', 8, '--dumps', 1, '--seed', 7)
    database.stop(1)
    done = database.query('top', 'service=api', *fleet.period)
    tap.equal((done.returncode, done.stdout), (2, ''))
    tap.is_in('query: http', done.stderr)
    done = database.load(os.path.join(more, 'list'))
    tap.equal((done.returncode, done.stdout), (2, ''))
    tap.is_in('load: 0 of 8 dumps are stored; run it again to send the rest', done.stderr)
    database.start(1)
    tap.equal(database.load(os.path.join(more, 'list')).returncode, 0)
    after = [int(n) for n in fleet.totals().split('\t')]
    tap.equal(after[-1], int(before.split('\t')[-1]) + 8)
    sums = [0, 0]
    for name in os.listdir(more):
        if name.endswith('.heap'):
            with open(os.path.join(more, name), encoding='ascii') as file:
                words = file.readline().replace(':', '').split()
            sums = [sums[0] + int(words[2]), sums[1] + int(words[3])]
    tap.equal([after[1] - int(before.split('\t')[1]), after[2] - int(before.split('\t')[2])], sums)


@tap.test
def a_fleet_in_two_servers(folder):
    if not os.path.exists(CLICKHOUSE):
        tap.skip('clickhouse-server is not installed')
    tap.need('cc', 'nm', 'readelf')
    with tempfile.TemporaryDirectory(prefix='heapprof-fleet.') as place:
        fleet = Fleet(place)
        try:
            check_load(fleet)
            check_sent_twice(fleet)
            check_truth(fleet)
            check_trend(fleet)
            check_back_to_a_profile(fleet, folder)
            check_wrong_queries(fleet)
            check_bad_dumps(fleet, folder)
            size = fleet.database.ask("SELECT sum(bytes) FROM system.parts WHERE active AND table = 'samples'")
            print(f'# {int(size) / len(fleet.lines) * 2:.0f} bytes a dump on one server', flush=True)
            check_a_server_that_is_down(fleet, folder)
        finally:
            fleet.database.stop(0, 1)


def answer_once(text):
    """Returns the address of a server that answers one request with these bytes."""
    listening = socket.create_server(('127.0.0.1', 0))

    def serve():
        with listening, listening.accept()[0] as connection:
            while b'\r\n\r\n' not in connection.recv(65536):
                pass
            connection.sendall(text)
    threading.Thread(target=serve, daemon=True).start()
    return f'http://127.0.0.1:{listening.getsockname()[1]}'


@tap.test
def servers_that_do_not_answer(folder):
    """A server that is not there, refuses, or answers half is an error of one line."""
    port, = free_ports(1)
    for url, said in ((f'http://127.0.0.1:{port}', 'Connection refused'), ('ftp://x', 'expected a server such as'),
                      (answer_once(b'HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nno\x1b!'), '403: no?'),
                      (answer_once(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nsite'), 'IncompleteRead'),
                      (answer_once(b'HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\nsite\nCode: DB::Exception: x'),
                       'DB::Exception'),
                      (answer_once(b''), 'Remote end closed connection')):
        done = cli.run(str(FLEET / 'query'), 'top', 'service=a', 'from=b', 'to=c', f'--server={url}')
        tap.equal((done.returncode, done.stdout, done.stderr.count('\n')), (2, '', 1), done.stderr)
        tap.is_in(said, done.stderr)
        tap.check('\x1b' not in done.stderr, done.stderr)


tap.main()
