#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`heapprof inspect --graph` and `pprofconv inspect --graph`: what is lost, and who holds the rest."""

import gzip
import json
import os
import re
import signal
import subprocess

import command
import cli
import running
import tap
from command import BUILD, HEAPPROF

PPROFCONV = str(BUILD / 'pprofconv' / 'pprofconv')
PLANTED = str(BUILD / 'tests' / 'command' / 'planted')
SECRETS = ('hunter2', 'Xyzzy', 'plugh')
ITEM = 64  # bytes
UNITS = {'B': 1, 'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30}


class Planted:
    """The planted program, recorded with that sample interval."""

    def __init__(self, folder, interval=1, seed=1, program=PLANTED):
        env = command.environment(folder, LD_PRELOAD=command.LIBRARY, HEAPPROFILE=f'{folder}/planted',
                                  HEAP_PROFILE_SAMPLE_INTERVAL=interval, HEAP_PROFILE_SEED=seed)
        self.process = subprocess.Popen([program], env=env, stdout=subprocess.PIPE)
        line = self.process.stdout.readline().split()
        self.bytes, self.blocks = map(int, line)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.communicate()


def size(text):
    return float(text.rstrip('BKMG')) * UNITS[text[-1] if text[-1] in UNITS else 'B']


def tables(text):
    """Returns the rows of the tables LOST and RETAINED, as {title: [(bytes, objects, name, shared)]}."""
    out = {}
    for part in re.split(r'\n\n', text)[1:]:
        title, columns, *lines = part.splitlines()
        columns = columns.replace('allocated in', 'name').replace('root', 'name').split()
        rows = [dict(zip(columns, line.split(None, len(columns) - 1))) for line in lines]
        if not title.startswith('STACKS'):
            out[title.split(':')[0]] = [(size(row['bytes']), int(row['objects'].replace(',', '')), row['name'],
                                         size(row.get('shared', '0'))) for row in rows]
    return out


def inspect(folder, *args, status=0):
    done = command.heapprof(folder, 'inspect', '--graph', '-q', *map(str, args))
    tap.equal(done.returncode, status, done.stderr)
    for secret in SECRETS:
        assert secret not in done.stdout + done.stderr, secret
    return done.stdout if status == 0 else done.stderr


def check_exact(found, planted):
    """Nothing that is held is called lost; of each kind, what is lost is found."""
    all_bytes, all_blocks, name, _ = found['LOST'][0]
    tap.equal(name, 'all that is lost')
    assert 0.97 * planted.blocks <= all_blocks <= planted.blocks, (all_blocks, planted.blocks)
    assert 0.97 * planted.bytes < all_bytes < 1.01 * planted.bytes, (all_bytes, planted.bytes)
    by_kind = {}
    for _, blocks, name, _ in found['LOST'][1:]:
        assert name.startswith('lose_'), name
        by_kind[name.split()[0]] = by_kind.get(name.split()[0], 0) + blocks
    for kind, blocks in (('single', 400), ('owner', 800), ('list', 400), ('ring', 800), ('large', 6)):
        assert 0.95 * blocks - 1 <= by_kind[f'lose_{kind}'] <= blocks, (kind, by_kind)


def check_roots(found):
    """An old word that was not overwritten may hold a block, too; then it is shared."""
    held = {name: all_bytes + shared for all_bytes, _, name, shared in found['RETAINED']}
    for name, wanted in (('list', 200 * ITEM), ('table', 200 * (ITEM + 8)), ('mapped memory', 200 * ITEM),
                         ('large', 200 * ITEM + 300000)):
        assert 0.97 * wanted < held.get(name, 0) < 1.01 * wanted, (name, wanted, held)
    threads = [row for row in found['RETAINED'] if row[2].startswith('thread ')]
    assert len(threads) == 2 and min(row[1] for row in threads) >= 3, threads


@tap.test
def what_is_lost_and_what_holds_the_rest(folder):
    with Planted(folder) as planted:
        text = inspect(folder, planted.process.pid, '--lines=0')
    found = tables(text)
    check_exact(found, planted)
    check_roots(found)
    tap.is_in('list -> [hold_in_list] -> .. -> *', text)
    tap.is_in('table -> [hold_in_table] -> *', text)
    tap.is_in(f'{planted.process.pid} (planted): ', text.splitlines()[0])
    assert ' blocks of malloc, ' in text.splitlines()[0], text


@tap.test
def a_core(folder):
    tap.need('gcore')
    core = f'{folder}/core'
    with Planted(folder) as planted:
        subprocess.run(['gcore', '-o', core, str(planted.process.pid)], check=True, capture_output=True)
        core += f'.{planted.process.pid}'
    done = cli.run(PPROFCONV, 'inspect', '--graph', '-q', '--lines=0', core)
    tap.equal((done.returncode, done.stderr), (0, ''))
    found = tables(done.stdout)
    check_exact(found, planted)
    check_roots(found)
    for secret in SECRETS:
        assert secret not in done.stdout, secret


@tap.test
def the_same_as_json_and_as_a_profile(folder):
    with Planted(folder) as planted:
        pid = planted.process.pid
        found = json.loads(inspect(folder, pid, '--format=json'))
        with open(f'{folder}/held.pb.gz', 'wb') as file:
            done = running.run([HEAPPROF, 'inspect', '--graph', '-q', '--format=pprof', str(pid)],
                               env=command.environment(folder), binary=True)
            file.write(done.stdout)
    tap.equal(done.returncode, 0, done.stderr)
    lost = found['lost']
    assert 0.97 * planted.bytes < lost['bytes'] <= planted.bytes, (lost, planted.bytes)
    tap.equal((sum(row['bytes'] for row in lost['stacks']), lost['error']), (lost['bytes'], 0))
    held = {row['name']: row for row in found['roots']}
    tap.equal((held['list']['objects'], held['table']['objects']), (200, 201))
    tap.equal(held['pair_too']['shared_bytes'] + held.get('pair', {'shared_bytes': 0})['shared_bytes'], 64)
    everything = gzip.decompress(done.stdout)
    for secret in SECRETS:
        assert secret.encode() not in everything, secret
    done = cli.run(PPROFCONV, 'top', '-q', '--tag=lost=.', f'{folder}/held.pb.gz', '--lines=0')
    tap.equal((done.returncode, done.stderr), (0, ''))
    tap.is_in('lose_ring', done.stdout)
    assert 'hold_in' not in done.stdout, done.stdout
    done = cli.run(PPROFCONV, 'top', '-q', '--tag=held_by=^list$', f'{folder}/held.pb.gz', '--lines=0')
    tap.is_in('hold_in_list', done.stdout)
    assert 'lose_' not in done.stdout and 'hold_in_table' not in done.stdout, done.stdout


@tap.test
def samples_stand_for_what_is_lost(folder):
    """The longer form counts how often the interval holds the truth, which is to be 95 %."""
    rounds = int(os.environ.get('HEAPPROF_GRAPHS', 3))
    n_held = 0
    for seed in range(1, rounds + 1):
        with Planted(folder, interval=16384, seed=seed) as planted:
            lost = json.loads(inspect(folder, planted.process.pid, '--format=json'))['lost']
        n_held += abs(lost['bytes'] - planted.bytes) <= lost['error']
        for row in lost['stacks']:
            assert row['name'].startswith('lose_'), row
    tap.comment(f'the interval holds the truth in {n_held} of {rounds}')
    assert n_held >= 0.9 * rounds - 1, (n_held, rounds)


@tap.test
def another_allocator(folder):
    """Recorded blocks are the nodes, and the report says so."""
    allocator = next((path for path in ('/usr/lib/x86_64-linux-gnu/libjemalloc.so.2',)
                      if os.path.exists(path)), None)
    if not allocator:
        tap.skip('needs jemalloc')
    env = command.environment(folder, LD_PRELOAD=f'{command.LIBRARY} {allocator}',
                              HEAPPROFILE=f'{folder}/planted', HEAP_PROFILE_SAMPLE_INTERVAL=1)
    with command.Waiting(PLANTED, env=env) as pid:
        text = inspect(folder, pid, '--lines=0')
    tap.is_in('Only recorded blocks are looked at', text)
    tap.is_in('another allocator', text)
    for _, _, name, _ in tables(text)['LOST'][1:]:
        assert name.startswith('lose_'), name
    check_roots(tables(text))


@tap.test
def limits(folder):
    with Planted(folder) as planted:
        pid = planted.process.pid
        text = inspect(folder, pid, '--memory=1')
        tap.is_in('Without the graph: the blocks and pointers take more memory than --memory allows', text)
        tap.is_in('STACKS', text)
        assert 'LOST' not in text, text


@tap.test
def the_stop_ends_with_the_tool(folder):
    """A tool that is interrupted or killed leaves a process that goes on."""
    with Planted(folder) as planted:
        pid = planted.process.pid
        for ending in (signal.SIGINT, signal.SIGKILL):
            tool = subprocess.Popen([*command.WITH_SIGNALS, HEAPPROF, 'inspect', '--graph', '-q', str(pid)],
                                    env=command.environment(folder), stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL, start_new_session=True)
            os.killpg(tool.pid, ending)
            tool.wait()
            running.wait_until(lambda: 'TracerPid:\t0' in open(f'/proc/{pid}/status', encoding='utf-8').read(),
                               'no tracer')
        state = open(f'/proc/{pid}/status', encoding='utf-8').read()
        tap.is_in('State:\tS', state)


@tap.test
def bad_options(folder):
    with Planted(folder) as planted:
        pid = planted.process.pid
        for args, message in (
                (('--mappings',), '--mappings and --graph are two reports; give one of them'),
                (('--show-content',), '--show-content needs --mappings'),
                (('--format=xml',), "--format: unknown format 'xml'; expected text, json or pprof"),
                (('--max-stop=x',), "--max-stop: invalid time 'x'; expected one such as 5s"),
                (('--every=5s',), '--every and --rounds need --mappings')):
            tap.is_in(message, inspect(folder, pid, *args, status=2))
    with command.Waiting('sh', '-c', 'echo; exec sleep 1000') as pid:
        assert inspect(folder, pid, status=2).count('\n') == 1


if __name__ == '__main__':
    tap.main()
