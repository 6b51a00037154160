#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`convert --since`: what was allocated since an older dump, as servers that collect profiles take it."""

import json
import os

import cli
import foreign
import push_rules
import runs
import tap

START = 1767225600 * 10 ** 9  # 2026-01-01, the day of all dumps


def write(folder, name, inuse, allocated, time=0, interval=1, run='0'):
    return runs.write(os.path.join(folder, name), runs.dump(inuse, allocated, interval, run=run, time=time))


def pair(folder, **options):
    """Function 1 allocates 3 more blocks, and 2 of them stay; function 2 does nothing; function 3 frees its block."""
    old = write(folder, 'old.heap', {(1, 100): 1, (2, 50): 4, (3, 10): 1}, {(1, 100): 2, (2, 50): 9, (3, 10): 1})
    new = write(folder, 'new.heap', {(1, 100): 3, (2, 50): 4}, {(1, 100): 5, (2, 50): 9, (3, 10): 1},
                **{'time': 60, **options})
    return old, new


def since(folder, old, new, *args):
    out = os.path.join(folder, 'out.pb.gz')
    done = cli.pprofconv('convert', '-n', '-o', out, '--since', old, *args, new)
    tap.equal(done.returncode, 0)
    return out, done.stderr


@tap.test
def allocated_since_and_in_use_now(folder):
    out, said = since(folder, *pair(folder))
    tap.equal(said, '')
    _, samples = push_rules.check(out)
    tap.equal(sorted(values for _, _, values in samples), [[0, 0, 4, 200], [3, 300, 3, 300]])
    profile = json.loads(cli.succeed('-n', '-q', '-t', 'json', '-o', '-', out))
    tap.equal((profile['time_nanos'], profile['duration_nanos']), (START + 60 * 10 ** 9, 60 * 10 ** 9))
    tap.check(all(not sample['label'] for sample in profile['sample']), profile['sample'])
    tap.check(not any(comment.startswith('run:') for comment in profile['comment']), profile['comment'])


@tap.test
def of_dumps_that_were_converted(folder):
    """Files of pprof give the same, and so do other formats that count what was allocated."""
    old, new = pair(folder)
    cli.succeed('-n', '-q', old, new)
    out, _ = since(folder, old[:-5] + '.pb.gz', new[:-5] + '.pb.gz')
    tap.equal(sorted(values for _, _, values in push_rules.check(out)[1]), [[0, 0, 4, 200], [3, 300, 3, 300]])


@tap.test
def sizes_of_blocks_may_differ(folder):
    """The label of the mean size of a stack's blocks changes from dump to dump, and levels rise."""
    old = write(folder, 'old.heap', {(1, 1024): 5}, {(1, 1024): 5}, interval=512)
    new = runs.write(os.path.join(folder, 'new.heap'), runs.dump({(1, 1040): 5}, {(1, 1040): 15}, 512, time=60))
    out, said = since(folder, old, new)
    (_, labels, values), = push_rules.check(out)[1]
    tap.equal((labels, said), ((), ''))
    tap.check(9 <= values[0] <= 14, values)


@tap.test
def libraries_without_a_sample_are_left_out(folder):
    text = foreign.fixture('good-exact.heap')
    old = foreign.write(folder, text.replace('T03:04:05', 'T03:03:05'), 'old.heap')
    assert old != text
    new = foreign.write(folder, text, 'new.heap')
    strings, samples = push_rules.check(since(folder, old, new)[0])
    tap.equal(len(samples), 2)
    tap.check(not any('ld-linux' in text for text in strings), strings)
    tap.is_in('/usr/bin/demo', strings)


@tap.test
def what_goes_back_is_0(folder):
    _, new = pair(folder)
    out, said = since(folder, new, write(folder, 'newer.heap', {(1, 100): 3}, {(1, 100): 4}, time=70))
    tap.is_in('warning: --since: 6 values came out below 0', said)
    tap.equal([values for _, _, values in push_rules.check(out)[1]], [[0, 0, 3, 300]])


@tap.test
def what_is_refused(folder):
    old, new = pair(folder)
    out = os.path.join(folder, 'out')
    for args, said in ((['--since', new, old], 'not later than'),
                       (['--since', old, old], 'not later than'),
                       (['--since', old, new, new], '--since takes one input'),
                       (['--since', old, '--reproducible', new], '--since needs times'),
                       (['--since', old, write(folder, 'other', {}, {(1, 9): 1}, run='7', time=90)],
                        'is of another run'),
                       (['--since', old, cli.data('good-memcheck.txt')], 'needs alloc_space'),
                       (['--since', cli.data('good-jemalloc.heap'), new], 'has no time'),
                       (['--since', f'{folder}/none', new], 'No such file')):
        done = cli.pprofconv('convert', '-n', '-o', out, *args)
        tap.equal((done.returncode, done.stdout, os.path.exists(out)), (2, '', False))
        tap.is_in(said, done.stderr)
    done = cli.pprofconv('convert', '-n', '-o', old, '--since', old, new)
    tap.is_in('input and output are the same file', done.stderr)


@tap.test
def many_samples(folder):
    """Servers cut profiles of more than 16,000 samples; the file is written, with a warning."""
    many = {(k, 16): 1 for k in range(16_100)}
    old = write(folder, 'old.heap', {}, {(1, 16): 1})
    out, said = since(folder, old, write(folder, 'new.heap', many, many, time=60))
    tap.is_in('warning: --since: 16100 samples; servers may take no more than 16000', said)
    tap.equal(foreign.totals(foreign.read(out)[0])['inuse_objects'], 16_100)


tap.main()
