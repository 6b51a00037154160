#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""diff with the hosts of a fleet as runs: lists for both sides, pairs, labels, and sums of runs."""

import json
import os
import random

import cli
import pprof_file
import runs
import tap

N_HOSTS = 12
PLANTED = 2


def write_hosts(folder, n=N_HOSTS, spread=1.0, interval=4096):
    """Writes a dump of each host on each side, and a list for each side. Hosts differ by the factor
    e^spread and more; one function grows by a fifth. Returns the options with the lists."""
    rng = random.Random(1)
    lists = [[], []]
    for host in range(n):
        scale = rng.lognormvariate(0, spread)
        for side, lines in enumerate(lists):
            blocks = {(f, 1000): round((3000 + 500 * f) * scale * (1.2 if side and f == PLANTED else 1))
                      for f in range(5)}
            path = os.path.join(folder, f'{side}.{host}')
            runs.write_run(path, f'{side}{host}', blocks, interval, extra=['dump: 1'])
            lines.append(f'{path}\thost=h{host}\n')
    return sides(*(runs.write(os.path.join(folder, f'list{side}'), ''.join(lines))
                   for side, lines in enumerate(lists)))


def sides(base, new):
    return [f'--base-files-from={base}', f'--files-from={new}']


def diff(*args, **options):
    return cli.pprofconv('diff', '-n', '-F', 'json', *args, **options)


def starred(done):
    """Returns the functions that a diff stars."""
    tap.equal(done.returncode, 0, done.stderr)
    names = [row['name'] for row in json.loads(done.stdout)['rows'] if row['significant']]
    return [(int(name.split('+0x')[1], 16) - 0x1000) // runs.SITES for name in names]


def refused(*args, **options):
    """Runs a diff, which must fail with one line; returns the line."""
    done = diff(*args, **options)
    tap.equal((done.returncode, done.stdout, done.stderr.count('\n')), (2, '', 1), done.stderr)
    return done.stderr


@tap.test
def lists_are_as_arguments(folder):
    lists = write_hosts(folder, 3)
    paths = [[os.path.join(folder, f'{side}.{host}') for host in range(3)] for side in range(2)]
    expected = diff(*(f'--base={path}' for path in paths[0]), *paths[1])
    tap.equal(diff(*lists), expected)
    tap.equal(diff(f'--base={paths[0][0]}', sides(runs.write(
        folder + '/rest', '\n'.join(paths[0][1:])), '')[0], *paths[1]), expected)
    tap.equal(diff(lists[0], '--files-from=-', input='\0'.join(paths[1]).encode()), expected)
    tap.is_in('expected BASE and NEW', refused(lists[0]))
    tap.is_in('expected BASE and NEW', refused(lists[1]))
    listed = lists[0].split('=')[1]
    tap.is_in('input and output are the same file', refused(*lists, '-o', listed))


@tap.test
def there_may_be_many_hosts(folder):
    lists = write_hosts(folder, 80)
    done = diff(*lists)
    tap.equal(len(json.loads(done.stdout)['base']), 80)
    tap.equal(diff(*(f'--base={folder}/0.{host}' for host in range(80)),
                   *(f'{folder}/1.{host}' for host in range(80))), done)


@tap.test
def pairs_show_what_the_spread_hides(folder):
    lists = write_hosts(folder)
    tap.equal(starred(diff(*lists)), [])
    tap.equal(starred(diff(*lists, '--paired-by=host')), [PLANTED])


@tap.test
def a_spread_among_pairs_is_an_error(folder):
    """What changes on one host only is not starred, however sure that host's samples are."""
    lists = write_hosts(folder, spread=0.0)
    blocks = {(f, 1000): 3000 + 500 * f + (1000000 if f == 4 else 0) for f in range(5)}
    runs.write_run(os.path.join(folder, '1.3'), 'odd', blocks, 4096, extra=['dump: 1'])
    tap.equal(starred(diff(*lists, '--paired-by=host')), [PLANTED])
    tap.equal(starred(diff(*(f'--base={folder}/0.{host}' for host in range(N_HOSTS)),
                           *(f'{folder}/1.{host}' for host in range(N_HOSTS)))), [PLANTED])


@tap.test
def exact_values_have_a_spread_too(folder):
    """Exact profiles have no error of sampling, but hosts differ."""
    paths = [pprof_file.write(os.path.join(folder, name), [('work', '', value)])
             for name, value in (('a', 10000), ('b', 5000000), ('c', 20000), ('d', 6000000))]
    done = diff(f'--base={paths[0]}', f'--base={paths[1]}', *paths[2:])
    tap.equal([row['significant'] for row in json.loads(done.stdout)['rows']
               if row['name'] == 'work'], [False])


@tap.test
def hosts_without_a_partner(folder):
    lists = write_hosts(folder, 5)
    text = open(os.path.join(folder, 'list1'), encoding='ascii').read()
    runs.write(os.path.join(folder, 'list1'), text.replace('host=h1', 'host=other'))
    done = diff(*lists, '--paired-by=host')
    said = '4 pairs by host; 2 inputs are left out, because the other side has none with their value'
    tap.equal(done.stderr, f'pprofconv: {said}\n')
    report = json.loads(done.stdout)
    tap.equal(report['warnings'], [said])
    names = [[os.path.basename(path) for path in report[side]] for side in ('base', 'new')]
    tap.equal(names, [['0.0', '0.2', '0.3', '0.4'], ['1.0', '1.2', '1.3', '1.4']])


@tap.test
def pairs_that_can_not_be(folder):
    lists = write_hosts(folder, 3)
    for option in '--paired-by=rack', '--paired-by=':
        tap.is_in("0.0: no '", refused(*lists, option))
    text = open(os.path.join(folder, 'list1'), encoding='ascii').read()
    twice = sides(lists[0].split('=')[1], runs.write(folder + '/twice', text.replace('=h1', '=h0')))
    tap.is_in("both have host 'h0'; give one of them", refused(*twice, '--paired-by=host'))
    apart = sides(lists[0].split('=')[1], runs.write(folder + '/apart', text.replace('=h', '=g')))
    tap.is_in("0 values of 'host' are on both sides; two are needed",
              refused(*apart, '--paired-by=host'))


@tap.test
def labels_that_are_wrong(folder):
    path = os.path.join(folder, 'x')
    runs.write_run(path, 1, {(1, 100): 5}, 1)
    for labels, said in (('host', "'host': expected KEY=VALUE"), ('Host=a', 'expected KEY=VALUE'),
                         ('=a', 'expected KEY=VALUE'), ('', None), ('a=b\tc', "label 'c': expected"),
                         ('a=\x1b[1m', 'the value has a tab, a newline or another unprintable byte'),
                         ('a=' + 'x' * 1025, 'longer than 1024 bytes'), ('a' * 64 + '=', 'longer than 63'),
                         ('run=7', "x: it has 'run' already"), ('a=1\ta=2', "x: it has 'a' already")):
        listed = runs.write(os.path.join(folder, 'list'), f'\n{path}\t{labels}\n')
        done = cli.pprofconv('merge', '-n', f'--files-from={listed}', '-o', folder + '/out')
        tap.equal(done.returncode, 2 if said else 0, done.stderr)
        tap.is_in(said or '', done.stderr)
        if said and not said.startswith('x:'):
            tap.is_in(f'{listed}:2: label', done.stderr)


@tap.test
def a_sum_of_runs_is_no_host(folder):
    """Where a side is a sum of several runs, the spread among them is lost, and diff says so."""
    write_hosts(folder, 3)
    merged = os.path.join(folder, 'merged')
    cli.succeed('merge', '-n', *(f'{folder}/0.{host}' for host in range(3)), '-o', merged)
    said = 'a sum of 3 runs, whose spread is unknown'
    for args, side in (((merged, f'{folder}/1.0'), 'base'), ((f'{folder}/1.0', merged), 'new')):
        tap.is_in(f'pprofconv: {side}: {said}', diff(*args).stderr)
        tap.equal(diff('-q', *args).stderr, '')


@tap.test
def repeated_dumps(folder):
    write_hosts(folder, 3)
    same = refused(f'--base={folder}/0.0', f'--base={folder}/0.0', f'{folder}/1.0')
    tap.is_in('0.0: the same dump as ', same)
    other = os.path.join(folder, 'other')
    runs.write_run(other, '00', {(1, 1000): 3000}, 4096, extra=['dump: 2'])
    done = diff(f'--base={folder}/0.0', f'--base={other}', f'{folder}/1.0')
    tap.equal(done.returncode, 0)
    tap.is_in('they share samples, so they count as more runs than they are', done.stderr)


tap.main()
