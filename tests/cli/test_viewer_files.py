#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The files that other viewers open: speedscope's, the Firefox Profiler's, and CSV for spreadsheets."""

import csv
import io
import json
import os

import cli
import foreign
import pprof_file
import runs
import tap
import viewers

GO, EXACT = cli.data('good-go.heap'), cli.data('good-exact.heap')
HOSTILE = 'a"\\\n\x1b[31m\u202e</script>,;'
MIB = 1 << 20


def speedscope(*args):
    file = json.loads(cli.succeed('-n', '-q', '--to=speedscope', *args))
    viewers.check_speedscope(file)
    return file


def firefox(*args):
    file = json.loads(cli.succeed('-n', '-q', '--to=firefox', *args))
    viewers.check_firefox(file)
    return file


def stacks(file, number):
    """Returns {stack: weight} of a profile of speedscope, the root first."""
    frames = file['shared']['frames']
    profile = file['profiles'][number]
    return {tuple((frames[i]['name'], frames[i].get('line')) for i in stack): weight
            for stack, weight in zip(profile['samples'], profile['weights'])}


@tap.test
def speedscope_has_all_types_and_inlined_frames(_folder):
    file = speedscope(GO)
    tap.equal([profile['name'] for profile in file['profiles']],
              ['alloc_objects', 'alloc_space', 'inuse_objects', 'inuse_space'])
    tap.equal([profile['unit'] for profile in file['profiles']], ['none', 'bytes'] * 2)
    tap.equal(file['activeProfileIndex'], 3)
    tap.equal(speedscope('-s', 'alloc_space', GO)['activeProfileIndex'], 1)
    names = [[name for name, _ in stack] for stack in stacks(file, 3)]
    tap.is_in(['runtime.goexit', 'main.main', 'main.outer', 'main.inner'], names)
    tap.check(all('/' in frame['file'] for frame in file['shared']['frames'] if frame['name'] == 'main.inner'),
              'no path')
    totals = foreign.totals(foreign.read(GO, '-q')[0])
    tap.equal([profile['endValue'] for profile in file['profiles']], list(totals.values()))


@tap.test
def speedscope_draws_a_flame_graph_at_once(folder):
    """Stacks are in the order of their frames, and equal ones are one."""
    path = foreign.write(folder, 'main;b;x 1\nmain;a 2\nmain;b;y 3\nmain;a 4\nmain;b 5\n')
    tap.equal(list(stacks(speedscope(path), 0).items()), [
        ((('main', None), ('b', None)), 5), ((('main', None), ('b', None), ('x', None)), 1),
        ((('main', None), ('b', None), ('y', None)), 3), ((('main', None), ('a', None)), 6)])

    path = pprof_file.write(os.path.join(folder, 'a'), [('f', 'f.c', 1), ('g', 'g.c', 2), ('f', 'f.c', 4)])
    tap.equal(stacks(speedscope(path), 0), {(('f', None),): 5, (('g', None),): 2})


@tap.test
def what_is_less_than_nothing(folder):
    """A difference has negative values. speedscope refuses these."""
    a, b = (pprof_file.write(os.path.join(folder, name), rows) for name, rows in
            (('a', [('f', 'f.c', 500), ('g', 'g.c', 100)]), ('b', [('f', 'f.c', 200), ('g', 'g.c', 400)])))
    out = os.path.join(folder, 'd')
    cli.succeed('diff', '-q', '-F', 'pprof', '-o', out, a, b)
    profile = speedscope(out)['profiles'][-1]
    tap.equal((profile['weights'], profile['name']),
              ([300], 'inuse_space (1 negative stacks left out)'))
    weights = firefox(out)['threads'][-1]['nativeAllocations']['weight']
    tap.equal(sorted(weights), [-300, 300])


@tap.test
def firefox_has_native_allocations(_folder):
    file = firefox(GO)
    tap.equal([thread['name'] for thread in file['threads']],
              ['alloc_objects', 'alloc_space', 'inuse_objects', 'inuse_space'])
    tap.equal(['nativeAllocations' in thread for thread in file['threads']], [False, True] * 2)
    tap.equal(file['meta']['initialSelectedThreads'], [3])
    totals = foreign.totals(foreign.read(GO, '-q')[0])
    for thread in file['threads']:
        table = thread.get('nativeAllocations', thread['samples'])
        tap.equal(sum(table['weight']), totals[thread['name']])
        tap.equal(table['weightType'], 'bytes' if thread['name'].endswith('space') else 'samples')
    shared = file['shared']

    def names(stack):
        while stack is not None:
            frame = shared['stackTable']['frame'][stack]
            function = shared['frameTable']['func'][frame]
            yield (shared['stringArray'][shared['funcTable']['name'][function]], shared['frameTable']['line'][frame])
            stack = shared['stackTable']['prefix'][stack]
    found = [[name for name, _ in names(stack)] for stack in file['threads'][3]['nativeAllocations']['stack']]
    tap.is_in(['main.inner', 'main.outer', 'main.main', 'runtime.goexit'], found)
    tap.check(any(line for stack in file['threads'][3]['nativeAllocations']['stack'] for _, line in names(stack)),
              'no line')
    tap.is_in('/src/demo/main.go', [shared['stringArray'][i] for i in shared['sources']['filename']])


def series(folder):
    for k in range(3):
        blocks = {(1, 1000 * (k + 1)): 1}
        yield runs.write(os.path.join(folder, f'{k}.heap'), runs.dump(blocks, blocks, 1, time=100 + 60 * k))


@tap.test
def firefox_shows_a_series(folder):
    paths = list(series(folder))
    out = os.path.join(folder, 'out.json')
    cli.succeed('-n', '-q', '--to=firefox', '-o', out, *paths)
    with open(out, encoding='utf-8') as text:
        file = json.load(text)
    viewers.check_firefox(file)
    counter, = file['counters']
    tap.equal((counter['category'], counter['description']), ('Memory', 'inuse_space'))
    tap.equal(counter['samples'], {'time': [0, 60000, 120000], 'count': [1000, 1000, 1000], 'length': 3})
    table = file['threads'][-1]['nativeAllocations']
    tap.equal((table['weight'], table['time']), ([3000], [120000]))
    into = os.path.join(folder, 'into')
    os.mkdir(into)
    cli.succeed('-n', '-q', '--to=firefox', '-o', into, *paths)
    tap.equal(sorted(os.listdir(into)), [f'{k}.firefox.json' for k in range(3)])


@tap.test
def a_series_that_is_none(folder):
    paths = list(series(folder))
    for args, said in (([paths[1], paths[0]], 'not later than the input before it'),
                       ([cli.data('good-folded.txt'), paths[0]], 'the input has no time'),
                       (['--reproducible', *paths], '--reproducible leaves out times'),
                       ([paths[0], cli.data('good-lsan.txt')], 'choose a type that all have by --sample-type')):
        out = os.path.join(folder, 'out.json')
        done = cli.pprofconv('-n', '-q', '--to=firefox', '-o', out, *args)
        tap.equal((done.returncode, os.path.exists(out)), (2, False))
        tap.is_in(said, done.stderr)
    done = cli.pprofconv('-n', '-q', '--to=firefox', '-o', paths[1], *paths)
    tap.is_in('input and output are the same file', done.stderr)


@tap.test
def names_are_only_text(folder):
    path = pprof_file.write(os.path.join(folder, 'a'), [(HOSTILE, HOSTILE, 100)])
    frame, = speedscope(path)['shared']['frames']
    tap.equal(frame['name'], 'a"\\??[31m???</script>,;')
    strings = firefox(path)['shared']['stringArray']
    tap.check(all('\x1b' not in text and '\u202e' not in text for text in strings), strings)


def rows(*args):
    text = cli.succeed('-n', '-q', '--to=csv', *args)
    return list(csv.reader(io.StringIO(text, newline='')))


@tap.test
def csv_for_spreadsheets(_folder):
    table = rows(cli.data('good-memcheck.txt'))
    tap.equal(table[0], ['inuse_objects', 'inuse_space', 'function', 'file', 'line', 'labels', 'stack'])
    sizes = [int(row[1]) for row in table[1:]]
    tap.equal((sizes, sum(sizes)), (sorted(sizes, reverse=True), 6240))
    tap.is_in('leak=definite', [row[5] for row in table])
    tap.check(any(' <- main' in row[6] and row[4].isdigit() for row in table), table)
    raw = cli.succeed('-n', '--to=csv', EXACT)
    tap.check(raw.count('\r\n') == raw.count('\n'), 'lines end otherwise')


@tap.test
def no_cell_is_a_formula(folder):
    """Neither a name nor a label is run by a spreadsheet, whichever separator it takes."""
    for name in ('=1+1', '+1', '-1', '@SUM(1)', '\uff1d1', ' =1', '"=1', '\t=1', "'=1", 'a;=1', 'a"\r=1'):
        path = pprof_file.write(os.path.join(folder, 'a'), [(name, name, 100)])
        raw = cli.succeed('-n', '-q', '--to=csv', path)
        for separator in ',;\t':
            for row in csv.reader(io.StringIO(raw, newline=''), delimiter=separator):
                for cell in row:
                    tap.check(not cell.lstrip(' "').startswith(('=', '+', '-', '@', '\uff1d')), f'{name}: {row}')
    tap.is_in('operator<', cli.succeed('-q', '--to=csv', pprof_file.write(
        os.path.join(folder, 'a'), [('operator< <char>', 'f.cc', 1)])))


@tap.test
def equal_inputs_give_equal_files(_folder):
    for form in ('speedscope', 'firefox', 'csv'):
        tap.equal(*(cli.succeed('-n', '-q', f'--to={form}', cli.data('good-jemalloc.heap')) for _ in range(2)))


tap.main()
