#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""convert --to=rows: the rows of a dump for a database, and labels."""

import math
import os

import cli
import runs
import tap

DUMPS = ('day time service version region host run dump program build_id pid r uptime_ms samples dropped '
         'allocated rss inuse_bytes inuse_var labels').split()
SAMPLES = ('day time service version region host run dump r site stack size n bytes alloc_n '
           'alloc_bytes').split()
STACKS = 'stack site frames places'.split()
KNOWN_HASH = '12399945059832363082'  # of the function app+0x1400, whose place is not known: FNV-1a


def rows(*args, **options):
    """Returns the rows of dumps by table, each as a dictionary."""
    found = {'dumps': [], 'samples': [], 'stacks': []}
    for line in cli.succeed('convert', '-n', '--to=rows', *args, **options).splitlines():
        table, *fields = line.split('\t')
        names = {'dumps': DUMPS, 'samples': SAMPLES, 'stacks': STACKS}[table]
        tap.equal(len(fields), len(names), line)
        found[table].append(dict(zip(names, fields)))
    return found


def write(folder, interval=1, **options):
    """Writes a dump in which blocks of two stacks are in use, and those of a third were freed."""
    inuse = {((1, 2), 100): 7, ((3, 2), 5000): 2}
    allocated = {**inuse, ((1, 2), 100): 9, ((4,), 30): 5}
    return runs.write(os.path.join(folder, f'x{interval}'), runs.dump(
        inuse, allocated, interval, run='ffffffffffffffff', time=3661,
        extra=['dump: 3', 'pid: 4711', 'rss_bytes: 12345', *options.get('extra', ())]))


@tap.test
def counts_are_as_sampled(folder):
    """The rows have the counts of the dump, whatever its interval, and the interval."""
    for interval in 1, 524288:
        path = write(folder, interval)
        found = rows(path)
        samples = {(row['site'], row['size']): tuple(int(row[name]) for name in SAMPLES[-4:])
                   for row in found['samples']}
        tap.equal(samples, {('app+0x1100', '100'): (7, 700, 9, 900),
                            ('app+0x1300', '5000'): (2, 10000, 2, 10000),
                            ('app+0x1400', '30'): (0, 0, 5, 150)})
        tap.equal({row['r'] for row in found['samples'] + found['dumps']}, {str(interval)})
        tap.equal(len({row['stack'] for row in found['samples']}), 3)
        tap.equal({row['stack'] for row in found['samples']}, {row['stack'] for row in found['stacks']})
        profile = path + '.pb.gz'
        cli.succeed('convert', '-n', path, '-o', profile)
        tap.equal(rows(profile)['samples'], found['samples'])  # estimates give the counts back


@tap.test
def the_row_of_the_dump(folder):
    dump, = rows(write(folder), '--label=service=api', '--label=host=h1', '--label=rack=7')['dumps']
    tap.equal({name: dump[name] for name in DUMPS if name not in ('build_id', 'uptime_ms')}, {
        'day': '2026-01-01', 'time': '2026-01-01 01:01:01', 'service': 'api', 'version': '', 'region': '',
        'host': 'h1', 'run': str(2**64 - 1), 'dump': '3', 'program': '/opt/app', 'pid': '4711', 'r': '1',
        'samples': '0', 'dropped': '0', 'allocated': '0', 'rss': '12345', 'inuse_bytes': '10700',
        'inuse_var': '0', 'labels': "['rack=7']"})
    dump, = rows(write(folder, 524288))['dumps']
    p = [1 - math.exp(-size / 524288) for size in (100, 5000)]
    tap.check(abs(float(dump['inuse_bytes']) / (700 / p[0] + 10000 / p[1]) - 1) < 1e-9, dump)
    variance = sum(n * (1 - p) / p / p * size * size for n, size, p in ((7, 100, p[0]), (2, 5000, p[1])))
    tap.check(abs(float(dump['inuse_var']) / variance - 1) < 1e-9, dump)


@tap.test
def stacks_are_the_same_on_all_hosts(folder):
    """The hash does not depend on addresses, or on the run."""
    path = write(folder)
    text = open(path, encoding='ascii').read()
    moved = runs.write(os.path.join(folder, 'moved'), text.replace('0x40', '0x70').replace(
        '400000-', '700000-').replace('-1401000', '-1701000').replace('ffffffffffffffff', 'ab'))
    first, second = rows(path), rows(moved)
    tap.equal(first['stacks'], second['stacks'])
    tap.equal(first['stacks'][0]['stack'], rows(path)['stacks'][0]['stack'])
    known = {row['site']: row['stack'] for row in first['stacks']}
    tap.equal(known['app+0x1400'], KNOWN_HASH)


@tap.test
def labels_of_samples_are_added_up(folder):
    """Rows have no labels of samples, so samples that differ in them alone are one row."""
    lines = cli.succeed('convert', '-n', '--to=rows', cli.data('good-levels.heap')).splitlines()
    keys = [tuple(line.split('\t')[10:13]) for line in lines if line.startswith('samples')]
    tap.equal(len(keys), len(set(keys)))


@tap.test
def a_list_of_dumps(folder):
    paths = [write(folder), write(folder, 524288)]
    listed = runs.write(os.path.join(folder, 'list'), f'{paths[0]}\thost=a\n{paths[1]}\thost=b\n')
    found = rows(f'--files-from={listed}', '--label=service=api')
    tap.equal([(row['host'], row['service'], row['r']) for row in found['dumps']],
              [('a', 'api', '1'), ('b', 'api', '524288')])


@tap.test
def names_stay_in_their_field(folder):
    """Tabs, newlines and quotes in names of functions do not end a field or a text."""
    path = write(folder, extra=["program: /opt/a\tb\\c'd"])
    dump, = rows(path)['dumps']
    tap.equal(dump['program'], '/opt/app')  # the first
    text = open(path, encoding='ascii').read().replace('program: /opt/app', "program: /o\t\x1b\\'p")
    dump, = rows(runs.write(path, text))['dumps']
    tap.equal(dump['program'], "/o??\\\\\\'p")


@tap.test
def inputs_that_have_no_rows(folder):
    """An input that can't be told from another of its kind is refused, and nothing is written."""
    paths = [write(folder), write(folder, 524288)]
    for path, run in zip(paths, 'ab'):
        text = open(path, encoding='ascii').read().replace('ffffffffffffffff', run)
        runs.write(path, text)
    merged = os.path.join(folder, 'merged')
    cli.succeed('merge', '-n', *paths, '-o', merged)
    no_time = runs.write(folder + '/no-time', text.replace('# time', '# tame'))
    odd_run = runs.write(folder + '/odd-run', text.replace('# run: b', '# run: 0x7'))
    for path, said in ((merged, 'of 2 runs; rows are of one dump'), (no_time, 'no run and time'),
                       (odd_run, 'no run and time'), (cli.data('good-gperftools.heap'), 'no run and time'),
                       (cli.data('good-folded.txt'), 'no run and time')):
        done = cli.pprofconv('convert', '-n', '--to=rows', path, '-o', folder + '/out')
        tap.equal((done.returncode, done.stdout), (2, ''), path)
        tap.is_in(f'{os.path.basename(path)}: {said}', done.stderr)
        assert not os.path.exists(folder + '/out')
    for label in 'host', 'host=a\tb', 'host=a\nb', 'run=7':
        done = cli.pprofconv('convert', '-n', '--to=rows', f'--label={label}', paths[0])
        tap.equal((done.returncode, done.stdout), (2, ''), label)


tap.main()
