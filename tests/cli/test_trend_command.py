#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pprofconv trend on series of dumps as a sampled process writes them."""

import json
import os
import random
import re

import cli
import pprof_file
import runs
import tap
import winding_down

R = 524288
SIZE = 16384
SCHEMA = os.path.join(cli.DATA, '..', '..', 'pprofconv', 'reports', 'trend.schema.json')
MIB = 1048576 // SIZE  # blocks
N_DUMPS = 20
LEAK, CACHE, QUEUE, BURST, STEADY = 1, 2, 3, 4, 5


def wanted(function, i):
    """Returns how many blocks a function holds in dump i. There is a dump each minute."""
    return {LEAK: MIB * (i + 1), CACHE: 200 * MIB * min(1, i / 8),
            QUEUE: (0, 40, 80, 40)[i % 4] * MIB, BURST: 60 * MIB if i == 9 else 0,
            STEADY: 100 * MIB}[function]


def series(folder, seed):
    """Writes a series of sampled dumps; returns the paths. Sampled blocks are allocated and freed
    as the heaps of the functions grow and shrink. The function STEADY replaces a third of its
    blocks each time."""
    rng = random.Random(seed)
    p = runs.chance(SIZE, R)
    held, allocated = {f: 0 for f in range(1, 6)}, {f: 0 for f in range(1, 6)}
    truth = dict(held)
    paths = []
    for i in range(N_DUMPS):
        for f in held:
            gone = max(0, truth[f] - wanted(f, i)) if f != STEADY else truth[f] / 3
            lost = runs.binomial(rng, held[f], gone / truth[f]) if truth[f] else 0
            born = runs.poisson(rng, (wanted(f, i) - truth[f] + gone) * p)
            held[f] += born - lost
            allocated[f] += born
            truth[f] = wanted(f, i)
        text = runs.dump({(f, SIZE): n for f, n in held.items()},
                         {(f, SIZE): n for f, n in allocated.items()}, R, run='7', time=60 * i)
        paths.append(runs.write(os.path.join(folder, f'd{i:02}.heap'), text))
    return paths


def trend(*args, status=0):
    done = cli.pprofconv('trend', '-q', *args)
    assert done.returncode == status, f'exit {done.returncode}: {done.stderr}'
    return done.stdout, done.stderr


def rows(report):
    return {int(row['name'].split('+0x')[1], 16) // runs.SITES - 16: row for row in report['rows']}


@tap.test
def each_load_gets_its_verdict(folder):
    for seed in range(20):
        report = json.loads(trend('-F', 'json', *series(folder, seed))[0])
        verdicts = {f: row['verdict'] for f, row in rows(report).items()}
        tap.equal(verdicts, {LEAK: 'grows', CACHE: 'grew, then stays', QUEUE: 'comes and goes',
                             BURST: 'comes and goes', STEADY: verdicts[STEADY]})
        assert verdicts[STEADY] in ('steady', 'not sure', 'grows'), verdicts


@tap.test
def a_series_whose_interval_rises(folder):
    """All dumps are compared at the last interval. So blocks that stay are the same samples in each
    of them, and their heap is steady; the dumps alone have errors of 30 % from the third on."""
    rng = random.Random(3)
    held = runs.levels(rng, {(STEADY, 64): 100000})
    paths = []
    for i in range(12):
        held = [{key: one.get(key, 0) + other.get(key, 0) for key in {**one, **other}}
                for one, other in zip(held, runs.levels(rng, {(LEAK, SIZE): 100}))]
        text = runs.auto_dump(held, held, min(19, 6 * i), run='7', time=60 * i)
        paths.append(runs.write(os.path.join(folder, f'd{i:02}.heap'), text))
    report = json.loads(trend('-F', 'json', *paths)[0])
    found = rows(report)
    tap.equal(report['one_run'], True)
    tap.equal({f: row['verdict'] for f, row in found.items()}, {LEAK: 'grows', STEADY: 'steady'})
    values = {round(value) for value in found[STEADY]['values']}
    assert max(values) - min(values) <= 1e-3 * max(values), values


@tap.test
def growth_is_given_by_the_hour(folder):
    report = json.loads(trend('-F', 'json', *series(folder, 1))[0])
    tap.equal(report['per'], 'hour')
    row = rows(report)[LEAK]
    # The leak is 60 MiB an hour. With 40 samples in total a standard deviation is 16 %.
    assert 0.5 < row['slope'] / (60 << 20) < 1.6, row['slope']
    tap.equal(report['rows'][0]['name'], row['name'])


@tap.test
def a_gate(folder):
    paths = series(folder, 2)
    trend('--max-slope', 'inuse_space=200M', *paths)
    _, message = trend('--max-slope', 'inuse_space=1M', *paths, status=1)
    tap.is_in('pprofconv: gate failed: inuse_space of app+0x1100 grows by +', message)
    tap.is_in('; limit 1M\n', message)
    for form, passed, failed in (
            ('text', 'gate passed: inuse_space=200M\n',
             'gate failed: inuse_space of app+0x1100 grows by +'),
            ('markdown', '### ✅ Heap trend: the gate passed\n',
             '### ❌ Heap trend: the gate failed\n\n`inuse_space` over 20 dumps.\n\n'
             '- ❌ `inuse_space` of <code>app+0x1100</code> grows by +')):
        tap.is_in(passed, trend('-F', form, '--max-slope', 'inuse_space=200M', *paths)[0])
        tap.is_in(failed, trend('-F', form, '--max-slope', 'inuse_space=1M', *paths, status=1)[0])


@tap.test
def containers_are_hidden(folder):
    paths = [runs.write(os.path.join(folder, f'{i}'), f'main;grow;std::x {i}00\n')
             for i in range(1, 5)]
    tap.is_in('std::x', trend(*paths)[0])
    row, = json.loads(trend('-F', 'json', '--hide=^std::', *paths)[0])['rows']
    tap.equal((row['name'], row['slope']), ('grow', 100))


@tap.test
def the_order_of_inputs(folder):
    """The times of the dumps decide, because a shell puts app.10000.heap before app.9999.heap."""
    paths = series(folder, 6)
    in_order, _ = trend(*paths)
    tap.equal(trend(*paths[10:], *paths[:10])[0], in_order)
    tap.equal(trend(*paths[::-1])[0], in_order)


@tap.test
def without_times(folder):
    paths = []
    for i in range(5):
        blocks = {(1, 100): 10 * i + 1}
        paths.append(runs.write(os.path.join(folder, f'{i}'), runs.dump(blocks, blocks, 1)))
    out, _ = trend(*paths)
    tap.is_in('in the order given: some have no times', out)
    tap.is_in('+1000 B/dump', out)
    tap.is_in('▁▃▅▇█', out)
    tap.is_in('shrinks', trend(*paths[::-1])[0])


@tap.test
def dropped_samples(folder):
    paths = []
    for i in range(4):
        blocks = {(1, 100): 10 * i + 1}
        paths.append(runs.write(os.path.join(folder, f'{i}'), runs.dump(
            blocks, blocks, 1, run='7', time=60 * i, extra=[f'samples_dropped: {i}'])))
    warning = '3 samples were dropped: values are too low'
    for form in ('text', 'markdown'):
        tap.is_in(warning, trend('-F', form, *paths)[0])
    tap.equal(json.loads(trend('-F', 'json', *paths)[0])['warnings'], [warning])
    _, message = trend('--max-slope', 'inuse_space=1G', *paths, status=2)
    tap.is_in('3 samples were dropped, so no gate can be trusted', message)
    trend('--max-slope', 'inuse_space=1G', '--allow-dropped', *paths)
    trend('--max-slope', 'inuse_space=1', '--allow-dropped', *paths, status=1)
    tap.equal(json.loads(trend('-F', 'json', *series(folder, 3))[0])['warnings'], [])


@tap.test
def dumps_of_several_processes(folder):
    def write(name, run, program='/opt/app', time=None):
        blocks = {(1, 100): 10}
        text = runs.dump(blocks, blocks, 1, run=run, program=program, time=time)
        return runs.write(os.path.join(folder, name), text)

    def merge(*paths):
        out = ' '.join(map(os.path.basename, paths))
        cli.succeed('merge', '-n', '-q', *paths, '-o', os.path.join(folder, out))
        return os.path.join(folder, out)

    one, two, other = write('1', '7'), write('2', '8'), write('3', '9', program='/opt/other')
    both = merge(one, two)
    for paths, said in (([one, two, one], 'several processes'),
                        ([one, both, one], 'several processes'),
                        ([one, two, other], 'different programs'),
                        ([one, one, merge(one, other)], 'different programs'),
                        ([one, one, one], None), ([both, both, both], None)):
        warnings = json.loads(trend('-F', 'json', *paths)[0])['warnings']
        tap.equal(len(warnings), 1 if said else 0)
        done = cli.pprofconv('trend', '-n', *paths)
        tap.equal(len(done.stderr.splitlines()), len(warnings))
        for form in ('text', 'markdown') if said else ():
            tap.is_in(warnings[0], trend('-F', form, *paths)[0])
            tap.is_in(said, warnings[0])
            tap.is_in(said, done.stderr)


@tap.test
def dumps_of_one_time(folder):
    path = series(folder, 2)[0]
    for form in ('text', 'markdown'):
        out, _ = trend('-F', form, path, path, path)
        tap.is_in('in the order given: some were written at the same time', out)


@tap.test
def rows_that_say_something_come_first(folder):
    """Functions that held nothing in any dump have no row. Functions that shrink come last."""
    paths = []
    for i in range(12):
        held = {(1, 100): 1000 - 50 * i, (2, 100): 10 + i % 2, (3, 100): 0}
        allocated = {key: 2000 for key in held}
        text = runs.dump(held, allocated, 1, run='7', time=60 * i)
        paths.append(runs.write(os.path.join(folder, f'{i:02}'), text))
    report = json.loads(trend('-F', 'json', *paths)[0])
    tap.equal([row['verdict'] for row in report['rows']], ['steady', 'shrinks'])


@tap.test
def what_has_no_names_is_said_once(folder):
    paths = series(folder, 6)
    done = cli.pprofconv('trend', *paths)
    lines = done.stderr.splitlines()
    tap.equal((done.returncode, len(lines)), (0, 2))
    tap.is_in('without names: file not found', lines[0])
    assert re.fullmatch(f'pprofconv: 0 of \\d+ locations of {N_DUMPS} profiles named', lines[1]), lines
    tap.equal(len(cli.pprofconv('diff', *paths[:2]).stderr.splitlines()), 3)


@tap.test
def json_is_as_its_schema_says(folder):
    try:
        import jsonschema
    except ImportError as e:
        raise cli.Skipped('python3-jsonschema is not installed') from e
    with open(SCHEMA, encoding='utf-8') as file:
        schema = json.load(file)
    report = json.loads(trend('-F', 'json', *series(folder, 3))[0])
    jsonschema.validate(report, schema)
    del report['rows'][0]['verdict']
    try:
        jsonschema.validate(report, schema)
    except jsonschema.ValidationError:
        return
    raise AssertionError('the schema takes anything')


@tap.test
def markdown(folder):
    out, _ = trend('-F', 'markdown', *series(folder, 4))
    tap.is_in('### Heap trend\n\n`inuse_space` over 20 dumps.\n', out)
    table = [line for line in out.splitlines() if line.startswith('|')]
    assert all(line.count('|') == 7 for line in table), table
    assert 'not shown' not in out
    tap.is_in('\n3 more are not shown.\n',
              trend('-F', 'markdown', '--top=2', *series(folder, 4))[0])


@tap.test
def paths_in_markdown_begin_where_they_differ(folder):
    paths = [pprof_file.write(os.path.join(folder, f'{i}.pb'), [
        ('f', '/home/me/a.cc', 1000 << i), ('g', '/home/me/lib/b.cc', 1000)]) for i in range(3)]
    text, _ = trend('-F', 'markdown', *paths)
    for part in ('<code>a.cc</code> |', '<code>lib/b.cc</code> |',
                 '\n<sub>Files are in <code>/home/me/</code>.</sub>\n'):
        tap.is_in(part, text)
    text, _ = trend('-F', 'markdown', '--full-names', *paths)
    tap.is_in('<code>/home/me/a.cc</code> |', text)
    tap.check('Files are in' not in text, text)


@tap.test
def bad_usage(folder):
    path = series(folder, 5)[0]
    for args in ((), (path, path), ('-F', 'pprof', path, path, path),
                 ('--max-slope', 'inuse_space=1%', path, path, path),
                 ('--max-slope', 'x=1', path, path, path), ('-s', 'x', path, path, path)):
        out, message = trend(*args, status=2)
        tap.equal((out, len(message.splitlines())), ('', 1))


@tap.test
def what_people_read_is_bounded(folder):
    paths = []
    for i in range(N_DUMPS):
        held = {(f, SIZE): 50 * (i + 1) for f in range(60)}
        text = runs.dump(held, held, R, run='7', time=60 * i)
        paths.append(runs.write(os.path.join(folder, f'd{i:02}.heap'), text))
    args = [*paths, '--max-slope', 'inuse_space=1']
    out, messages = trend(*args, '-F', 'markdown', status=1)
    tap.equal(out.count('- ❌ `inuse_space` of <code>'), 30)
    tap.is_in('- ❌ 30 more\n', out)
    tap.equal((len(messages.splitlines()), messages.splitlines()[-1]),
              (31, 'pprofconv: gate failed: 30 more'))
    out, _ = trend(*args, status=1)
    tap.equal(out.count('gate failed: '), 31)


@tap.test
def what_is_freed_at_exit_is_no_trend(folder):
    """If a program frees everything at its end, its last dump is empty. That is not a trend. A
    function that held only a few blocks for a moment, in the dump before, causes no warning."""
    def write(i, n, reason, n_passing=0):
        held = {(1, 100): n, (2, 100): 50, (3, 100): n_passing}
        text = runs.dump(held, {(1, 100): 10 * i + 1, (2, 100): 50, (3, 100): 70}, 1,
                         run='7', time=60 * i, extra=[f'reason: {reason}'])
        return runs.write(os.path.join(folder, f'{reason}{i}{n_passing}'), text)

    paths = [write(i, 10 * i + 1, 'allocated') for i in range(9)]
    said = 'functions gave back memory at exit: their trends end before it'
    for last, verdict in (('exit', 'grows'), ('signal', 'comes and goes')):
        inputs = [*paths, write(9, 1, last)]
        report = json.loads(trend('-F', 'json', *inputs)[0])
        row = rows(report)[1]
        tap.equal((row['verdict'], row['without_exit']), (verdict, last == 'exit'))
        tap.equal(rows(report)[2]['without_exit'], False)
        tap.equal(report['warnings'], [said] if last == 'exit' else [])
        tap.equal(len(row['values']), 10)
        trend('--max-slope', 'inuse_space=1', *inputs, status=int(last == 'exit'))
    for form in ('text', 'markdown'):
        tap.is_in(said, trend('-F', form, *paths, write(9, 1, 'exit'))[0])
    for n, since, warnings in ((0, 8, []), (4, 8, []), (5, 8, [said]), (1, 7, []), (1, 6, [said])):
        inputs = [write(i, 10 * i + 1, 'allocated', n * (i >= since)) for i in range(9)]
        inputs.append(write(9, 91, 'exit'))
        tap.equal(json.loads(trend('-F', 'json', *inputs)[0])['warnings'], warnings)
    merged = os.path.join(folder, 'merged')
    cli.succeed('merge', '-q', '-o', merged, write(9, 1, 'exit'), write(9, 1, 'allocated'))
    tap.equal(json.loads(trend('-F', 'json', *paths, merged)[0])['warnings'], [said])


@tap.test
def how_a_run_ends_turns_no_verdict(folder):
    """No way of ending changes a verdict. Each way has a series that is sampled with a seed of its
    own. A steady series may be judged as growing for 5 % of all seeds; none of these series is."""
    for seed, way in enumerate(winding_down.WAYS):
        for leak, verdicts in ((0, ('steady', 'not sure')), (1, ('grows',))):
            report = json.loads(trend('-F', 'json', '--no-symbols',
                                      *winding_down.write(folder, seed, way, leak))[0])
            found = winding_down.verdicts(report)[winding_down.SUSPECT]
            assert found in verdicts, (way, leak, found)
            limit = ['--max-slope', 'inuse_space=1M']
            paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
            trend('--no-symbols', *limit, *paths, status=leak)


@tap.test
def a_run_that_was_killed_on_its_way_down(folder):
    """The last tenth of such a run does not count as a trend either, and a warning says so."""
    paths = winding_down.write(folder, 1, 'goes down and is killed', 1)
    said = ('functions gave back most of what they held in the last tenth of the run: their trends '
            'end before it')
    report = json.loads(trend('-F', 'json', *paths)[0])
    tap.equal(report['warnings'], [said])
    row = next(row for row in report['rows'] if row['verdict'] == 'grows')
    tap.equal((row['without_exit'], row['judged'], len(row['values'])), (True, 36, 40))
    tap.equal(json.loads(trend('-F', 'json', *paths[:37])[0])['warnings'], [])  # 60 % are left


def write_walk(folder, values, interval=1, n_allocated=100):
    """Writes dumps of one function that holds `values` blocks of 16 KiB, while many others come and
    go; returns the paths."""
    paths = []
    for i, n in enumerate(values):
        text = runs.dump({(1, SIZE): n}, {(1, SIZE): n_allocated * (i + 1)}, interval, run='7',
                         time=60 * i)
        paths.append(runs.write(os.path.join(folder, f'{i:02}'), text))
    return paths


@tap.test
def what_is_not_sure_is_not_called_steady(folder):
    """A slope that amounts to more than a twentieth of what is held, but may be due to chance, is
    "not sure", and a line says what would show it. From 20 blocks to 24 the doubt concerns all 44:
    z + z' are 2.49 standard deviations, which are 6.6 blocks each, and the slope, a fourth of a
    block per dump, amounts to 4.75 blocks. So it takes a run 3.5 times as long, or a twelfth of the
    interval."""
    values = [20 + i // 4 for i in range(19)] + [24]
    for interval, said in ((1, 'a run 4 times as long would show'),
                           (R, 'a run 4 times as long would show, '
                            'or HEAP_PROFILE_SAMPLE_INTERVAL=32K')):
        paths = write_walk(folder, values, interval)
        report = json.loads(trend('-F', 'json', *paths)[0])
        tap.equal([row['verdict'] for row in report['rows']], ['not sure'])
        assert report['unsure'].startswith('not sure whether (total) grows by +'), report['unsure']
        assert report['unsure'].endswith('/h: ' + said), report['unsure']
        tap.is_in('\n' + report['unsure'] + '\n', trend(*paths)[0])
        tap.is_in(said.split(',')[0], trend('-F', 'markdown', *paths)[0])
        trend('--max-slope', 'inuse_space=1', *paths)
    three = write_walk(folder, (100, 200, 300), n_allocated=400)  # too few for a verdict
    report = json.loads(trend('-F', 'json', *three)[0])
    tap.equal(report['rows'][0]['verdict'], 'not sure')
    assert report['unsure'].endswith(': more dumps of the run would show'), report['unsure']
    for values in ([20] * 20, [100 + i // 5 for i in range(20)]):  # 4 of 100 do not matter
        report = json.loads(trend('-F', 'json', *write_walk(folder, values))[0])
        tap.equal((report['rows'][0]['verdict'], report['unsure']), ('steady', None))


@tap.test
def folded_stacks_have_trends(folder):
    """Folded stacks have no numbers of blocks. How much came and went is estimated from the steps
    between the dumps."""
    rng, paths = random.Random(4), []
    walks = [1000] * 200
    for i in range(20):
        walks = [w + rng.choice((-9, 9)) for w in walks]
        text = ''.join(f'main;w{j} {w}\n' for j, w in enumerate(walks))
        paths.append(runs.write(os.path.join(folder, f'{i:02}'),
                                f'main;line {1000 + 50 * i}\nmain;same 70\n' + text))
    report = json.loads(trend('-F', 'json', '--top=0', *paths)[0])
    verdicts = {row['name']: row['verdict'] for row in report['rows']}
    tap.equal((verdicts['line'], verdicts['same']), ('grows', 'steady'))
    grown = sum(verdicts[f'w{j}'] == 'grows' for j in range(200))
    assert grown <= 20, grown  # of 200 random walks: 10 by chance, and more than 16 with 2 %
    _, messages = trend('--max-slope', 'samples=40', *paths, status=1)
    tap.equal(messages, 'pprofconv: gate failed: samples of line grows by +50/dump; limit 40\n')
    trend('--max-slope', 'samples=50', *paths)


tap.main()
