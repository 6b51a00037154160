#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""scripts/fleet with two ClickHouse servers and a fleet of 200 dumps whose changes are known. scripts/fleet/bench does
the same with 10,000 dumps."""

import json
import os
import re
import socket
import tempfile
import threading

import clickhouse
from clickhouse import Database, script, servers

import cli  # the module above has the path to it
import runs
import tap

N_HOSTS, N_DUMPS = 100, 2


class Fleet:
    """The state that the tests share: they run one after the other on one database."""

    def __init__(self, folder):
        dumps = os.path.join(folder, 'dumps')
        clickhouse.succeed('make-dumps', dumps, '--hosts', N_HOSTS, '--dumps', N_DUMPS, '--growth', 3,
                           '--functions', 120)
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


def check_load(fleet):
    database = fleet.database
    database.create()
    done = database.load(fleet.list)
    tap.equal((done.returncode, done.stderr), (0, ''))
    n = len(fleet.lines)
    tap.is_in(f'{n} of {n} dumps, ', done.stdout)
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
    tap.equal(sorted(database.stars('paired', *versions)), sorted(truth['grown']))
    tap.check(set(database.stars('compare', *versions)) <= set(truth['grown']), 'starred')
    odd = database.rows('outliers', 'service=api', f'day={fleet.days[-1]}')
    services = {line.split('host=')[1]: line.split('service=')[1].split('\t')[0] for line in fleet.lines}
    expected = {(truth['outlier'], host) for host in truth['outlier_hosts'] if services[host] == 'api'}
    tap.equal({(row['site'], row['host']) for row in odd}, expected)
    top = database.rows('top', 'service=api', *fleet.period)
    tap.equal(int(top[0]['hosts']), truth['hosts']['api'])


def check_trend(fleet):
    for _ in range(2):  # a second time changes nothing
        for day in fleet.days:
            fleet.database.roll_up(day)
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
    """Dumps that are cut, foreign or of another version are named and left out, and so are dumps that would count
    twice: listed twice, or stored with other labels. The others are stored."""
    before = fleet.totals()
    with open(fleet.lines[0].split('\t')[0], encoding='ascii') as file:
        text = file.read()
    bad = {'cut.heap': text[:len(text) // 2], 'foreign.heap': 'hello\n',
           'version.heap': text.replace('# heapprof: 1', '# heapprof: 99')}
    for name, content in bad.items():
        with open(os.path.join(folder, name), 'w', encoding='ascii') as file:
            file.write(content)
    moved = fleet.lines[1].replace('host=', 'host=x')
    listed = os.path.join(folder, 'list')
    with open(listed, 'w', encoding='utf-8') as file:
        file.write('\n'.join([*(f'{folder}/{name}\thost=h9' for name in bad), *fleet.lines[:1] * 2, moved]))
    done = fleet.database.load(listed)
    tap.equal((done.returncode, done.stdout.split(', ')[0]), (2, '1 of 6 dumps'))
    for said in (*bad, 'host h00000: it is listed twice; left out', 'host xh00000: it is stored with the labels '
                 'service=', 'host=h00000; left out'):
        tap.is_in(said, done.stderr)
    tap.equal(fleet.totals(), before)


def check_a_server_that_is_down(fleet, folder):
    """Queries and loads fail while a server is down. Once it is back, the load is done again, and
    nothing is lost or counted twice."""
    database, before = fleet.database, fleet.totals()
    more = os.path.join(folder, 'more')
    clickhouse.succeed('make-dumps', more, '--hosts', 8, '--dumps', 1, '--seed', 7, '--functions', 30)
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
    clickhouse.need()
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
            check_a_server_that_is_down(fleet, folder)
        finally:
            fleet.database.stop(0, 1)


def read_request(connection):
    text = b''
    while b'\r\n\r\n' not in text:
        text += connection.recv(65536)
    head, _, body = text.partition(b'\r\n\r\n')
    left = int(re.search(rb'content-length: (\d+)', head.lower())[1]) - len(body)
    while left > 0:
        left -= len(connection.recv(65536))


def answer(*texts):
    """Returns the address of a server that answers one request with each of these texts."""
    listening = socket.create_server(('127.0.0.1', 0))

    def serve():
        with listening:
            for text in texts:
                with listening.accept()[0] as connection:
                    read_request(connection)
                    connection.sendall(text)
    threading.Thread(target=serve, daemon=True).start()
    return f'http://127.0.0.1:{listening.getsockname()[1]}'


BAD_ANSWERS = ((b'HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nno\x1b!', '403: no?'),
               (b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nsite', 'IncompleteRead'),
               (b'HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\nsite\nCode: DB::Exception: x', 'DB::Exception'),
               (b'', 'Remote end closed connection'))


def check_refusal(done, said):
    tap.equal((done.returncode, done.stdout), (2, ''), done.stderr)
    tap.is_in(said, done.stderr)
    tap.check('\x1b' not in done.stderr, done.stderr)


@tap.test
def queries_of_bad_servers(folder):
    """A server that is not there, refuses, or answers half is an error of one line."""
    port, = clickhouse.free_ports(1)
    for url, said in ((f'http://127.0.0.1:{port}', 'Connection refused'), ('ftp://x', 'expected a server such as'),
                      (answer(BAD_ANSWERS[1][0]), BAD_ANSWERS[1][1])):
        done = script('query', 'top', 'service=a', 'from=b', 'to=c', f'--server={url}')
        check_refusal(done, said)
        tap.equal(done.stderr.count('\n'), 1, done.stderr)


@tap.test
def wrong_arguments(folder):
    """Arguments that are wrong, and names that are not text, are errors of one line."""
    listed = f'{folder}/list'
    with open(listed, 'wb') as file:
        file.write(b'/none/\xff\thost=a\n')
    load = ['load', '--pprofconv', cli.PPROFCONV, '--server=http://127.0.0.1:1', '--retries=0', listed]
    for args, said in (([*load, '--batch=0'], "argument --batch: invalid number: '0'; expected 1 or more"),
                       ([*load, '--retries=x'], "argument --retries: invalid number: 'x'; expected 0 or more"),
                       ([*load, '--server=http://x:abc'], "load: 'http://x:abc': expected a server such as"),
                       (load, 'pprofconv: /none/'),
                       (['query', 'top', '--server=http://127.0.0.1:1', b'service=\xff', 'from=a', 'to=b'],
                        'Connection refused')):
        done = script(*args)
        tap.equal(done.returncode, 2, done.stderr)
        tap.is_in(said, done.stderr)
        tap.check('Traceback' not in done.stderr, done.stderr)


@tap.test
def loads_to_bad_servers(folder):
    """A load stops at such a server, and says how much it has stored: whatever is asked first, or next."""
    dump = runs.write(f'{folder}/a.heap', runs.dump({(1, 9): 1}, {(1, 9): 1}, 1, run='7', time=1, extra=['dump: 1']))
    listed = runs.write(f'{folder}/list', f'{dump}\thost=a\n')
    nothing = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
    for n_good in range(4):
        text, said = BAD_ANSWERS[n_good]
        url = answer(*[nothing] * n_good, text)
        done = script('load', '--retries=0', f'--server={url}', '--pprofconv', cli.PPROFCONV, '--option=-n', listed)
        check_refusal(done, said)
        tap.is_in('\nload: 0 of 1 dumps are stored; run it again to send the rest\n', done.stderr)


tap.main()
