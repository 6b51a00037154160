#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The memory contexts of a PostgreSQL session that was started without the library are recorded as
pools, and left as they were. With HEAPPROF_ATTACH_ROUNDS=100 sessions under pgbench are attached to as often."""
import json
import os
import re
import signal
import subprocess
import time

import attached
import cli
import command
import postgres_server
import running
import tap

ROUNDS = int(os.environ.get('HEAPPROF_ATTACH_ROUNDS', '0'))
PPROFCONV = str(command.BUILD / 'pprofconv' / 'pprofconv')
NOTE = 4096
LEAK = "select audit_note('x')"


def data_of(pid):
    """Returns the bytes of the server's constant data, in which the tables of functions are."""
    with open(f'/proc/{pid}/maps', encoding='utf-8') as maps, open(f'/proc/{pid}/mem', 'rb') as memory:
        rows = [line.split() for line in maps if line.rstrip().endswith('/postgres')]
        start, end = (int(place, 16) for place in [r for r in rows if r[1] == 'r--p'][-1][0].split('-'))
        memory.seek(start)
        return memory.read(end - start)


def rows(folder, pid, *args):
    """Returns the bytes of each row of a dump of the process."""
    attached.run(folder, 'dump', '-q', '-o', f'{folder}/now.heap', pid)
    done = cli.run(PPROFCONV, 'diff', '-q', '-F', 'json', '--top', '0', *args, '--allow-missing-base',
                   f'{folder}/nothing', f'{folder}/now.heap')
    tap.equal(done.returncode, 0, done.stderr)
    os.unlink(f'{folder}/now.heap')
    return {row['name']: row['flat']['new'] for row in json.loads(done.stdout)['rows']}


def check_round(folder, session):
    """Attaches, leaks, finds the leak, detaches."""
    before = data_of(session.pid)
    attached.run(folder, 'attach', '-q', '--pools', 'postgres', '--exact', session.pid)
    tap.check(data_of(session.pid) != before, 'the tables are the same')
    session(*[LEAK] * 50)
    found = rows(folder, session.pid, '--by', 'pool-function')
    tap.equal(found.get('audit_note [TopMemoryContext]'), 50 * NOTE, found)
    found = rows(folder, session.pid, '--by', 'pool')
    tap.check(found['TopMemoryContext'] >= 50 * NOTE, found)
    attached.run(folder, 'detach', '-q', session.pid)
    tap.check(data_of(session.pid) == before, 'the tables are others')
    attached.check_as_before(session.pid)
    tap.equal(session('select 6 * 7'), ['42'])


def check_named(folder, session):
    """`heapprof PID` names function, context and rate."""
    process = subprocess.Popen([*command.WITH_SIGNALS, command.HEAPPROF, str(session.pid), '--pools=postgres',
                                '--every', '1s'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               env=command.environment(folder))
    start, text = time.monotonic(), attached.read_to(process, 'growth counts from here')
    while 'audit_note [TopMemoryContext]' not in text or 'Leads to' in text:
        session(*[LEAK] * 30)
        text = attached.read_to(process, 'recorded since') + ''.join(process.stdout.readline() for _ in range(4))
    print(f'# named after {time.monotonic() - start:.0f} s')
    print(''.join(f'# {line}\n' for line in text.splitlines() if 'audit_note' in line))
    process.send_signal(signal.SIGTERM)
    process.communicate()
    tap.equal(process.returncode, 0)


def check_bench(folder, env):
    """Sessions that work are attached to and left; no answer is wrong."""
    done = cli.run('pgbench', '-i', '-s', '1', '-q', env=env)
    tap.equal(done.returncode, 0, done.stderr)
    bench = subprocess.Popen(['pgbench', '-n', '-c', '2', '-j', '2', '-T', '1000', '-f', f'{folder}/script', '-M',
                              'extended'], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    query = "select pid from pg_stat_activity where application_name = 'pgbench' order by pid"

    def sessions():
        return [int(pid) for pid in cli.run('psql', '-Atc', query, env=env).stdout.split()]

    running.wait_until(lambda: len(sessions()) == 2, 'pgbench works')
    for i in range(ROUNDS):
        pid = sessions()[i % 2]
        attached.run(folder, 'attach', '-q', '--pools', 'postgres', pid)
        if i % 10 == 0:
            running.wait_until(lambda pid=pid: any('audit_note [' in name for name in rows(
                folder, pid, '--by', 'pool-function')), 'the leak is seen')
        attached.run(folder, 'detach', '-q', pid)
        attached.check_as_before(pid)
    tap.check(bench.poll() is None, 'pgbench has ended')
    bench.terminate()
    text = bench.communicate()[0]
    tap.check('error' not in text and 'abort' not in text, text)
    total = cli.run('psql', '-Atc', 'select count(*), sum(abalance) = (select sum(delta) from pgbench_history) '
                    'from pgbench_accounts', env=env).stdout.strip()
    tap.equal(total, '100000|t', 'what the tables hold')


BENCH = r"""
\set account random(1, 100000)
\set delta random(-5000, 5000)
BEGIN;
SELECT audit_note('a note');
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :account;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 1, :account, :delta, CURRENT_TIMESTAMP);
END;
"""


@tap.test
def a_session_of_a_server(folder):
    postgres_server.need_server()
    with postgres_server.postgres(folder) as env, postgres_server.session(env) as session:
        check_round(folder, session)
        check_as_other_kind(folder, session)
        check_named(folder, session)
        if ROUNDS:
            command.write_program(f'{folder}/script', BENCH)
            check_bench(folder, env)
    with open(f'{folder}/log', encoding='utf-8') as log:
        text = log.read()
    tap.check(not re.search('terminated by signal|PANIC', text), text[-2000:])


def check_as_other_kind(folder, session):
    """A plain attach after one with pools records none."""
    attached.run(folder, 'attach', '-q', '--exact', session.pid)
    session(*[LEAK] * 5)
    found = rows(folder, session.pid, '--by', 'pool-function')
    tap.check(not any('[' in name for name in found), found)
    attached.run(folder, 'detach', '-q', session.pid)


@tap.test
def refusals(folder):
    with command.Waiting(command.SUBJECT, 'wait') as pid:
        done = attached.run(folder, 'attach', '--pools', 'postgres', pid, status=2)
        tap.is_in('is not a process of a PostgreSQL server: it has no TopMemoryContext', done.stderr)
        done = attached.run(folder, 'attach', '--pools', 'apr', pid, status=2)
        tap.equal(done.stderr, "heapprof: --pools: unknown kind 'apr'; expected postgres\n")
        tap.is_in('is not attached', attached.run(folder, 'detach', pid, status=2).stderr)
        with open(f'/proc/{pid}/maps', encoding='utf-8') as maps:
            tap.check('heapprof' not in maps.read(), 'the library was loaded')


tap.main()
