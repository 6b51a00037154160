#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pprofconv diff: its output in each format, and when it fails."""

import html.parser
import json
import math
import os
import random
import re

import cli
import pprof_file
import runs
import tap

R = 524288
SCHEMA = os.path.join(cli.DATA, '..', '..', 'pprofconv', 'reports', 'diff.schema.json')
HEAP = {(f, size): 300 + 10 * f for f in range(20) for size in (64, 1000, 30000)}


def diff(*args, status=0, **options):
    """Runs a diff that must exit with that status; returns its stdout and its stderr."""
    done = cli.pprofconv('diff', '-q', *args, **options)
    assert done.returncode == status, f'{args}: exit {done.returncode}: {done.stderr}'
    return done.stdout, done.stderr


def exact(folder, name, blocks, **options):
    return runs.write(os.path.join(folder, name), runs.dump(blocks, blocks, 1, run=name, **options))


def sampled(folder, name, seed, blocks, **options):
    return runs.write_run(os.path.join(folder, name), seed, blocks, R, **options)


def folded(folder, name, **stacks):
    """Writes a profile with one value as folded stacks, which name functions and no files. In the
    names of the arguments two underscores separate functions."""
    lines = [f'{stack.replace("__", ";")} {value}\n' for stack, value in stacks.items()]
    return runs.write(os.path.join(folder, name), ''.join(lines))


@tap.test
def exact_values(folder):
    base = exact(folder, 'base', {(1, 100): 10, (2, 50): 4})
    new = exact(folder, 'new', {(1, 100): 12, (3, 8): 1})
    out, _ = diff(base, new)
    lines = out.splitlines()
    tap.equal(lines[0], 'inuse_space: +8 B, base 1.17 KiB, new 1.18 KiB (+0.7 %), exact')
    tap.equal([line.split() for line in lines[2:]], [
        ['+200', 'B*', '+20.0', '%', 'exact', '1000', 'B', '1.17', 'KiB', '+200', 'B', '+20.0',
         '%', 'app+0x1100'],
        ['-200', 'B*', 'gone', 'exact', '200', 'B', '0', 'B', '-200', 'B', 'gone', 'app+0x1200'],
        ['+8', 'B*', 'new', 'exact', '0', 'B', '8', 'B', '+8', 'B', 'new', 'app+0x1300']])


@tap.test
def cumulative_values_count_a_function_once(folder):
    base = folded(folder, 'base', main__f__f=10, main__g=5)
    new = folded(folder, 'new', main__f__f=30, main__g=5)
    report = json.loads(diff('-F', 'json', base, new)[0])
    rows = {row['name']: row for row in report['rows']}
    tap.equal(rows['f']['cumulative']['difference'], 20)
    tap.equal(rows['main']['cumulative']['new'], 35)
    tap.equal(rows['main']['flat']['new'], 0)
    tap.equal(rows['g']['flat']['difference'], 0)


@tap.test
def a_merged_profile_keeps_the_errors_of_its_parts(folder):
    """Samples of an exact profile have no error of sampling, even if the other part of the sum
    has. What the other part may have missed remains: 3 R with 95 % confidence."""
    names = []
    for i, n in enumerate((1 << 20, (1 << 20) + (1 << 18))):
        exactly = exact(folder, f'exact{i}', {(1, 16): n})
        roughly = sampled(folder, f'sampled{i}', i, {(2, 1000): 10000})
        names.append(os.path.join(folder, f'sum{i}'))
        cli.succeed('merge', '-n', exactly, roughly, '-o', names[-1])
    rows = {row['name']: row for row in json.loads(diff('-F', 'json', *names)[0])['rows']}
    flat = rows['app+0x1100']['flat']
    tap.equal(flat['difference'], 4 << 20)
    low, high = flat['interval']
    assert (4 << 20) - 3 * R <= low and high <= (4 << 20) + 3 * R, flat
    assert rows['app+0x1100']['significant']
    low, high = rows['app+0x1200']['flat']['interval']
    assert high - low > 6 * R, rows['app+0x1200']


@tap.test
def a_converted_profile_says_the_same(folder):
    base, new = sampled(folder, 'b.heap', 1, HEAP), sampled(folder, 'n.heap', 2, HEAP)
    text, _ = diff('--top=0', base, new)
    tap.is_in('95 % interval', text)
    for path in (base, new):
        tap.equal(cli.pprofconv('-q', path).returncode, 0)
    tap.equal(diff('--top=0', os.path.join(folder, 'b.pb.gz'), os.path.join(folder, 'n.pb.gz'))[0],
              text)


@tap.test
def gates_of_exact_profiles(folder):
    base, new = exact(folder, 'base', {(1, 100): 100}), exact(folder, 'new', {(1, 100): 102})
    diff('--max-growth', 'inuse_space=2%', base, new)
    diff('--max-growth', 'inuse_space=200', base, new)
    diff('--max-growth', 'inuse_objects=2', base, new)
    _, message = diff('--max-growth', 'inuse_space=1.9%', base, new, status=1)
    tap.equal(message, 'pprofconv: gate failed: inuse_space total: from 9.77 KiB to 9.96 KiB, '
              '+200 B (+2.0 %), exact; limit 1.9%\n')
    _, message = diff('-g', 'inuse_objects=1', '-g', 'alloc_space=199', '-g', 'alloc_space=10K',
                      base, new, status=1)
    tap.equal(len(message.splitlines()), 2)
    diff('-g', 'inuse_space=0', new, base)


@tap.test
def a_gate_of_functions(folder):
    base = exact(folder, 'base', {(1, 100): 100, (2, 100): 100})
    new = exact(folder, 'new', {(1, 100): 10, (2, 100): 150})
    diff('-g', 'inuse_space=0', base, new)
    out, message = diff('-G', 'inuse_space=20%', base, new, status=1)
    tap.is_in('gate failed: inuse_space of app+0x1200: ', message)
    tap.is_in('gate failed: inuse_space of app+0x1200: ', out)
    diff('-G', 'inuse_space=50%', base, new)
    for left_out in ('--focus=nothing', '--ignore=app', '--by=mapping'):
        diff('-G', 'inuse_space=0', left_out, base, new, status=1)


@tap.test
def sampling_errors_pass_and_strict_does_not(folder):
    base, new = sampled(folder, 'base', 3, HEAP), sampled(folder, 'new', 4, HEAP)
    if json.loads(diff('-F', 'json', base, new)[0])['total']['difference'] < 0:
        base, new = new, base
    diff('-g', 'inuse_space=0', base, new)
    diff('-g', 'inuse_space=0', '--strict', base, new, status=1)


@tap.test
def a_leak_in_one_run_is_found(folder):
    """Finds a leak of 20 MiB in a heap whose own sampling error is larger: two dumps of one run
    have the same samples of the blocks that stay."""
    import random
    heap = runs.sample(random.Random(5), {(f, 1 << 16): 20000 for f in range(8)}, R)
    leak = runs.sample(random.Random(6), {(9, 1 << 16): 320}, R)
    base, new = os.path.join(folder, 'a'), os.path.join(folder, 'b')
    runs.write(base, runs.dump(heap, heap, R, run='7'))
    both = {**heap, **leak}
    runs.write(new, runs.dump(both, both, R, run='7'))
    diff('-g', 'inuse_space=0', base, new, status=1)
    report = json.loads(diff('-F', 'json', base, new)[0])
    assert report['one_run'] and report['total']['interval'][0] > 0, report['total']
    runs.write(new, runs.dump(both, both, R, run='8'))
    diff('-g', 'inuse_space=0', base, new)


def variance(blocks, interval):
    """Returns the variance of an estimate of the total bytes: the sum of n (1-p)/p s^2."""
    return sum(n * (1 - runs.chance(s, interval)) / runs.chance(s, interval) * s * s
               for (_, s), n in blocks.items())


@tap.test
def a_pass_says_what_it_would_have_seen(folder):
    """A gate that passes names growth that it would have detected. By theory growth G is detected
    85 times of 100 if G - limit is (1.645 + 1.036) standard deviations: for a one-sided test at 95
    %, and the quantile of 85 %. Limit and deviation are estimated from 450 samples of blocks of
    30,000 B, which make up all but a thirtieth of the heap. One standard deviation of these
    estimates is 5 % of the limit and 2.5 % of the deviation, so a tolerance of 20 % is more than
    three of them."""
    base, new = sampled(folder, 'base', 1, HEAP), sampled(folder, 'new', 2, HEAP)
    report = json.loads(diff('-F', 'json', '-g', 'inuse_space=50%', base, new)[0])
    power, held = report['gates'][0]['power'], sum(n * s for (_, s), n in HEAP.items())

    def expected(interval):
        growth = 0.5 * held
        for _ in range(50):  # growth has the variance of the heap
            one = variance(HEAP, interval) / held
            growth = 0.5 * held + (1.645 + 1.036) * math.sqrt(one * (
                1.5 ** 2 * held + held + growth))
        return growth

    assert 0.8 < power['growth'] / expected(R) < 1.2, (power, expected(R))
    tap.equal(power['fine_interval'], R / 8)
    assert 0.8 < power['fine_growth'] / expected(R / 8) < 1.3, (power, expected(R / 8))
    said = (f"growth of {power['growth'] / 2**20:.2f} MiB or more would have failed the gate 4 times in 5 "
            'if the runs differ in nothing else; with HEAP_PROFILE_SAMPLE_INTERVAL=64K, '
            f"growth of {power['fine_growth'] / 2**20:.2f} MiB would have\n")
    tap.is_in('gate passed: inuse_space=50%\n  ' + said, diff('-g', 'inuse_space=50%', base, new)[0])
    tap.is_in('- ✅ `inuse_space=50%`\n  - ' + said,
              diff('-F', 'markdown', '-g', 'inuse_space=50%', base, new)[0])
    tap.is_in(' or more in a function would have failed the gate ',
              diff('-G', 'inuse_space=500%', base, new)[0])


@tap.test
def what_a_pass_does_not_say(folder):
    """Tests what a gate that passes does not claim: if nothing has an error, if errors are not
    regarded, and if samples can't show anything."""
    def power(*args, status=0):
        return json.loads(diff('-F', 'json', *args, status=status)[0])['gates'][0]['power']

    base, new = sampled(folder, 'base', 1, HEAP), sampled(folder, 'new', 2, HEAP)
    whole, more = exact(folder, 'whole', HEAP), sampled(folder, 'more', 3, {(1, 1 << 20): 900})
    tap.equal(power('-g', 'inuse_space=5%', whole, whole), None)
    nothing = [runs.write(os.path.join(folder, f'nothing{interval}'), runs.dump({}, {}, interval))
               for interval in (1, R)]
    for limit in ('5%', '1K'):  # growth below 1.6 intervals has no sample in one run of five
        assert power('-g', f'inuse_space={limit}', *nothing)['growth'] > 1.6 * R
    tap.equal(power('-g', 'inuse_space=90%', '--strict', base, new), None)
    tap.equal(power('-g', 'inuse_space=5%', base, more, status=1), None)
    few = [sampled(folder, str(seed), seed, {(1, 16): 10}) for seed in (1, 2)]
    found = power('-g', 'inuse_space=5%', '--allow-missing-base', *few)
    # Growth of 3 R is missed in one of 20 cases. For G = g R in small blocks the deviation is
    # sqrt(g) R. So g - 1.036 sqrt(g) = 3, and g = 5.3, or more, up to the next whole sample.
    assert 5 < found['growth'] / R < 10, found
    args = [f'--base={whole}', f'--base={exact(folder, "half", {(1, 1000): 900})}', whole, whole]
    found = power('-g', 'inuse_space=1', *args)  # their spread, at any interval
    tap.equal(found['fine_interval'], 0)


@tap.test
def real_growth_in_a_report_that_passed(folder):
    base = folded(folder, 'base', main__f=100, main__g=200)
    new = folded(folder, 'new', main__f=130, main__g=180)
    for gate, said in ((('-g', 'samples=5%'), '1 function grew significantly, but the gate judges '
                        'the total: +10 is within the limit'),
                       (('-G', 'samples=30%'), '1 function grew significantly, but no function is '
                        'significantly above the limit')):
        tap.is_in(f'\n  {said}\n', diff(*gate, base, new)[0])
        tap.is_in(f'\n  - {said}\n', diff('-F', 'markdown', *gate, base, new)[0])
    assert ' grew significantly' not in diff('-g', 'samples=5%', new, new)[0]
    base, new = sampled(folder, 'a', 1, HEAP), sampled(folder, 'b', 2, {**HEAP, (77, 4096): 3000})
    out, _ = diff('-g', 'inuse_space=0', base, new)
    tap.is_in('1 function grew significantly, but the gate judges the total: +', out)
    tap.is_in(' is not significantly above the limit\n', out)


def adaptive(folder, name, inuse, level, run='7', **options):
    """Writes a dump of a program whose sample interval is 2^level now. `inuse` is what
    runs.levels() returns; nothing was freed."""
    return runs.write(os.path.join(folder, name), runs.auto_dump(inuse, inuse, level, run=run, **options))


@tap.test
def what_stays_cancels_when_the_interval_rises(folder):
    """Two dumps of one run hold the same blocks, but the interval has risen. The base is compared at
    the later interval, so that nothing differs: not the total, nor any function. Converted dumps
    are as good."""
    blocks = runs.levels(random.Random(1), HEAP)
    for level in (4, 10, 19):
        for first in (0, 3):
            base = adaptive(folder, 'base', blocks, first)
            new = adaptive(folder, 'new', blocks, level)
            packed = [os.path.join(folder, name + '.pb.gz') for name in ('base', 'new')]
            for path, out in zip((base, new), packed):
                cli.succeed('convert', '-n', path, '-o', out)
            for sides in ((base, new), packed):
                report = json.loads(diff('-F', 'json', '--top=0', '-g', 'inuse_space=0', *sides)[0])
                tap.equal((report['one_run'], report['warnings']), (True, []))
                tap.equal(report['sample_interval'], [1 << level] * 2)
                for change in (report['total'], *(row['flat'] for row in report['rows'])):
                    low, high = change['interval']
                    # of each sample, values are rounded
                    assert abs(change['difference']) <= 1e-3 * change['new'], change
                    assert high - low <= 0.01 * change['new'] + 7 * (1 << level), change
                total = report['total']
                assert abs(total['difference']) <= 1e-6 * total['new'], total


@tap.test
def levels_in_pprof(folder):
    """pprof keeps the levels of a profile that it writes, the lowest too, and its tables have one row
    for a function, whatever the levels of its blocks."""
    tap.need('go')
    blocks = runs.levels(random.Random(1), {**HEAP, (0, 1): 1000})
    base, new = adaptive(folder, 'base', blocks, 0), adaptive(folder, 'new', blocks, 10)
    packed, out = os.path.join(folder, 'base.pb.gz'), os.path.join(folder, 'pprof.pb.gz')
    cli.succeed('convert', '-n', base, '-o', packed)
    cli.go_pprof('-symbolize=none', '-proto', '-output', out, packed)
    report = json.loads(diff('-F', 'json', '--top=0', out, new)[0])
    tap.equal((report['one_run'], report['sample_interval']), (True, [1024, 1024]))
    assert abs(report['total']['difference']) <= 1e-6 * report['total']['new'], report['total']
    rows = cli.go_pprof('-symbolize=none', '-addresses', '-top', packed).splitlines()
    tap.equal(len([row for row in rows if '%' in row and 'app' in row]), 20)


@tap.test
def growth_when_the_interval_rises(folder):
    """The dumps of a_leak_in_one_run_is_found(), but the first was exact, or nearly so."""
    rng = random.Random(1)
    heap = {(f, 65536): 1000 for f in range(10)}
    before, leak = runs.levels(rng, heap), runs.levels(rng, {(99, 65536): 320})
    after = [{**one, **other} for one, other in zip(before, leak)]
    new = adaptive(folder, 'new', after, 19)
    for level in (0, 10):
        report = json.loads(diff('-F', 'json', adaptive(folder, 'base', before, level), new)[0])
        low, high = report['total']['interval']
        assert 0 < low < 320 << 16 < high, report['total']
        # without the levels, that growth would be within the error of the rest
        text = runs.dump(heap, heap, 1, run='7')
        report = json.loads(diff('-F', 'json', runs.write(os.path.join(folder, 'x'), text), new)[0])
        tap.equal((report['one_run'], report['sample_interval']), (False, [0, R]))
        low, high = report['total']['interval']
        assert low < 0 and high - low > 5e7, report['total']


@tap.test
def adaptive_intervals_may_differ(folder):
    """Between runs, each side is estimated at its own interval, which nobody has chosen, so there is
    no warning. A base that was merged from several runs keeps the interval of each."""
    names = []
    for i, level in enumerate((0, 3, 8, 9)):
        names.append(adaptive(folder, f'run{i}', runs.levels(random.Random(i), HEAP), level, run=str(i)))
    base = os.path.join(folder, 'base')
    for option in ([], ['--reproducible']):
        cli.succeed('merge', '-n', *option, *names[:2], '-o', base)
        for sides in ((names[2], names[3]), (base, names[3])):
            report = json.loads(diff('-F', 'json', *sides)[0])
            tap.equal((report['one_run'], report['warnings']), (False, []))
        tap.equal(report['sample_interval'], [8, 512])
    fixed = sampled(folder, 'fixed', 1, HEAP)
    assert json.loads(diff('-F', 'json', names[2], fixed)[0])['warnings']


@tap.test
def several_runs(folder):
    """If runs differ by more than sampling explains, their spread is the error."""
    bases = [exact(folder, f'b{i}', {(1, 100): n}) for i, n in enumerate((100, 120, 140))]
    news = [exact(folder, f'n{i}', {(1, 100): n}) for i, n in enumerate((110, 130, 150))]
    args = [arg for base in bases for arg in ('--base', base)] + news
    report = json.loads(diff('-F', 'json', '-g', 'inuse_space=0', *args)[0])
    tap.equal(report['total']['base'], 12000)
    tap.equal(report['total']['difference'], 1000)
    # Each mean has the variance 2000^2/3, with 2 degrees of freedom: t(0.025, 2) = 4.303 bounds
    # each. The bound of both together is wider by the square root of 2.
    low, high = report['total']['interval']
    assert low < 0 < high and high - low > 2 * 2000 / 3 ** 0.5, (low, high)
    far = [exact(folder, f'f{i}', {(1, 100): n}) for i, n in enumerate((410, 430, 450))]
    diff('-g', 'inuse_space=0', *args[:6], *far, status=1)


@tap.test
def suppressions(folder):
    base, new = folded(folder, 'base', main__f=10), folded(folder, 'new', main__cache__g=90, main__f=10)
    # folded stacks have one value; the format does not name its type
    types = json.loads(cli.succeed('convert', '--to=json', new))['sample_type']
    gate = types[0]['type'] + '=0'
    diff('-g', gate, base, new, status=1)
    list_ = runs.write(os.path.join(folder, 'list'), '# known\nleak:^cac*e$\n')
    out, _ = diff('-g', gate, '--suppressions', list_, base, new)
    tap.is_in('suppressed (not counted): base 0', out)
    bad = runs.write(os.path.join(folder, 'bad'), 'leak:x\noops\n')
    _, message = diff('--suppressions', bad, base, new, status=2)
    tap.is_in("bad:2: expected a suppression, as in 'leak:cache_*'", message)


@tap.test
def focus_and_ignore(folder):
    base = folded(folder, 'base', main__f=10, main__g=20)
    new = folded(folder, 'new', main__f=11, main__g=22)
    tap.equal(json.loads(diff('-F', 'json', '--focus', '^f$', base, new)[0])['total']['new'], 11)
    tap.equal(json.loads(diff('-F', 'json', '--ignore', 'f', base, new)[0])['total']['new'], 22)
    _, message = diff('--focus', '(', base, new, status=2)
    tap.is_in("--focus: '(': ", message)


def flat(report):
    return {row['name']: row['flat']['difference'] for row in json.loads(report)['rows']
            if row['flat']['difference']}


@tap.test
def gates_name_the_largest_first(folder):
    base = folded(folder, 'base', m__b=1, m__d=1, m__a=1, m__c=1)
    new = folded(folder, 'new', m__b=3, m__d=5, m__a=2, m__c=4)
    _, message = diff('-G', 'samples=0', base, new, status=1)
    tap.equal([line.split(' of ')[1][0] for line in message.splitlines()], ['d', 'c', 'b', 'a'])


@tap.test
def what_stays_is_not_shown(folder):
    """Functions without a difference are not shown, except with --top=0, because a report is read
    for what differs."""
    base, new = (folded(folder, name, main__grows=value, main__stays=5, idle__waits=7)
                 for name, value in (('base', 10), ('new', 11)))
    lines = diff(base, new)[0].splitlines()
    tap.equal([line.split()[-1] for line in lines[2:-1]], ['grows', 'main'])
    tap.equal(lines[-1].split(), '... (3 more; --top=0 shows all)'.split())
    tap.equal(len(diff('--top=0', base, new)[0].splitlines()), 7)
    text, _ = diff('-F', 'markdown', base, new)
    first, rest = text.split('<details>')
    assert 'grows' in first and 'stays' not in first and 'stays' in rest, text
    text, _ = diff('-F', 'markdown', base, base)
    assert 'grows' not in text.split('<details>')[0] and text.count('| difference |') == 2, text
    tap.equal(len(diff(base, base)[0].splitlines()), 3)


@tap.test
def what_is_hidden_counts_for_its_callers(folder):
    base = folded(folder, 'base', main__f__pool=10, main__g__pool__grow=20)
    new = folded(folder, 'new', main__f__pool=30, main__g__pool__grow=20, pool=1)
    tap.equal(flat(diff('-F', 'json', base, new)[0]), {'pool': 21})
    hide = '--hide=^(pool|grow)$'
    tap.equal(flat(diff('-F', 'json', hide, base, new)[0]), {'f': 20, '(no stack)': 1})
    _, message = diff('-G', 'samples=15', hide, base, new, status=1)
    tap.is_in('of f: ', message)
    rows = [line.split() for line in cli.succeed('top', hide, new).splitlines()[2:]]
    tap.equal([(row[0], row[-1]) for row in rows], [('30', 'f'), ('20', 'g'),
                                                   ('1', 'stack)'), ('0', 'main')])
    out = cli.succeed('trend', '-q', hide, base, new, new)
    assert 'f' in out.split() and 'pool' not in out, out
    for command in (['diff', base, new], ['trend', base, new, new], ['top', new]):
        done = cli.pprofconv(*command, '--hide=(')
        tap.equal((done.returncode, done.stdout), (2, ''))
        tap.is_in("--hide: '(': ", done.stderr)


@tap.test
def libraries_can_be_hidden(folder):
    base, new = exact(folder, 'base', {(1, 100): 10}), exact(folder, 'new', {(2, 100): 11})
    tap.equal(flat(diff('-F', 'json', '--hide=nothing', base, new)[0]),
              {'app+0x1100': -1000, 'app+0x1200': 1100})
    tap.equal(flat(diff('-F', 'json', '--hide=app$', base, new)[0]), {'(no stack)': 100})


@tap.test
def folded_stacks_as_a_base(folder):
    """Folded stacks count as values of the type that the other side is asked for. Functions match
    by name alone, because the stacks name no files."""
    base = folded(folder, 'base', main__f=1000, main__g=100)
    text = runs.dump({(1, 100): 10, (2, 100): 2}, {(1, 100): 15, (2, 100): 2}, 1)
    new = runs.write(os.path.join(folder, 'new'), text)
    report = json.loads(diff('-F', 'json', '-g', 'inuse_space=100', base, new)[0])
    tap.equal((report['type'], report['unit'], report['total']['difference']),
              ('inuse_space', 'bytes', 100))
    tap.equal(json.loads(diff('-F', 'json', '-s', 'alloc_objects', base, new)[0])['type'],
              'alloc_objects')
    diff('-g', 'inuse_space=99', base, new, status=1)
    diff('-g', 'inuse_space=1', new, base)
    _, message = diff('-s', 'no_such', base, new, status=2)
    tap.is_in("no values of the type 'no_such'", message)
    _, message = diff('-g', 'inuse_space=1', '-g', 'alloc_space=1', base, new, status=2)
    tap.is_in("base: no values of the type 'alloc_space'", message)


@tap.test
def another_folder(folder):
    """After a build in another folder, files match by the ends of their paths. The longer the
    common end, the better the match."""
    def profile(name, root, *places):
        return pprof_file.write(os.path.join(folder, name),
                                [(f, f'{root}/{file}', value) for f, file, value in places])

    base = profile('base', '/ci/1', ('f', 'x/a.c', 10), ('f', 'y/a.c', 200), ('g', 'b.c', 5))
    new = profile('new', '/home/me', ('f', 'y/a.c', 201), ('f', 'x/a.c', 12), ('g', 'c.c', 5))
    rows = json.loads(diff('-F', 'json', base, new)[0])['rows']
    tap.equal(sorted((row['name'], row['file'], row['flat']['difference']) for row in rows),
              [('f', '/ci/1/x/a.c', 2), ('f', '/ci/1/y/a.c', 1), ('g', '/ci/1/b.c', -5),
               ('g', '/home/me/c.c', 5)])
    same = profile('same', '/ci/1', ('f', 'y/a.c', 200), ('f', 'z/a.c', 10), ('g', 'b.c', 5))
    rows = json.loads(diff('-F', 'json', base, same)[0])['rows']
    assert all(row['flat']['difference'] == 0 for row in rows), rows
    rows = json.loads(diff('-F', 'json', '--by=file', base, new)[0])['rows']
    tap.equal(sorted((row['name'], row['flat']['difference']) for row in rows),
              [('a.c', 1), ('a.c', 2), ('b.c', -5), ('c.c', 5)])


@tap.test
def what_rows_are(folder):
    base, new = exact(folder, 'base', {(1, 100): 10}), exact(folder, 'new', {(2, 100): 11})
    rows = json.loads(diff('-F', 'json', '--by=mapping', base, new)[0])['rows']
    tap.equal([(row['name'], row['flat']['difference']) for row in rows], [('app', 100)])
    for by in ('file', 'line', 'function'):
        assert json.loads(diff('-F', 'json', f'--by={by}', base, new)[0])['rows']
    diff('--by=nothing', base, new, status=2)


@tap.test
def a_function_that_moved(folder):
    """The total does not change; the report shows one loss and one gain."""
    base = folded(folder, 'base', main__parse=1000, main__other=50)
    new = folded(folder, 'new', main__parse_all__read=1000, main__other=50)
    gate = json.loads(cli.succeed('convert', '--to=json', new))['sample_type'][0]['type'] + '=0'
    diff('-g', gate, base, new)
    rows = json.loads(diff('-F', 'json', base, new)[0])['rows']
    tap.equal(sorted((row['name'], row['flat']['difference']) for row in rows[:2]),
              [('parse', -1000), ('read', 1000)])


@tap.test
def json_is_as_its_schema_says(folder):
    try:
        import jsonschema
    except ImportError as e:
        raise cli.Skipped('python3-jsonschema is not installed') from e
    with open(SCHEMA, encoding='utf-8') as file:
        schema = json.load(file)
    base, new = sampled(folder, 'b', 1, HEAP), sampled(folder, 'n', 2, {**HEAP, (30, 9): 900000})
    for args in ([], ['-s', 'inuse_objects'], ['-G', 'inuse_space=0', '-g', 'alloc_space=1%']):
        done = cli.pprofconv('diff', '-q', '-F', 'json', *args, base, new)
        report = json.loads(done.stdout)
        jsonschema.validate(report, schema)
        tap.equal(done.returncode, 0 if report['passed'] else 1)
    del report['total']
    try:
        jsonschema.validate(report, schema)
    except jsonschema.ValidationError:
        return
    raise AssertionError('the schema takes anything')


@tap.test
def markdown(folder):
    base = exact(folder, 'base', {(f, 100): 10 for f in range(30)})
    new = exact(folder, 'new', {(f, 100): 10 + f for f in range(30)}, program='/opt/a|b<c>')
    out, _ = diff('-F', 'markdown', '-g', 'inuse_space=0', base, new, status=1)
    tap.is_in('### ❌ Heap profile: a gate failed', out)
    tap.is_in('<details><summary>', out)
    tap.equal(out.count('<details>'), out.count('</details>'))
    rows = [line for line in out.splitlines() if line.startswith('| ') and '<code>' in line]
    assert all(line.count('|') == 7 for line in rows), rows
    tap.is_in('a&#124;b&#60;c&#62;+0x', out)


class Table(html.parser.HTMLParser):
    """The texts of the cells of all rows, the names of all elements, and the whole text."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.elements, self.in_cell, self.text = [], set(), False, ''
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        if tag == 'tr':
            self.rows.append([])
        if tag in ('td', 'th'):
            self.rows[-1].append('')
            self.in_cell = True

    def handle_endtag(self, tag):
        if tag in ('td', 'th'):
            self.in_cell = False

    def handle_data(self, data):
        self.text += data
        if self.in_cell:
            self.rows[-1][-1] += data


def rendered(markdown):
    """Renders Markdown as GitHub and GitLab do."""
    return Table(cli.run('cmark-gfm', '--unsafe', '-e', 'table', '-e', 'strikethrough', '-e',
                         'autolink', input=markdown.encode()).stdout)


NAMES = ('*star*_under_ `tick` |pipe| ~~strike~~', 'foo<a&&b>::bar(char const*)', 'a  b\\n',
         '<script>alert(1)</script>', '@user #123 https://x.y www.x.y $x$ [link](x)', '&amp; &#42;',
         '<details><summary>', 'plain', '</code></td>')


@tap.test
def markdown_is_rendered_as_meant(folder):
    tap.need('cmark-gfm')
    samples = [[(name, '/src/a|b/*x*.cc', (1000 + i) * factor) for i, name in enumerate(NAMES)]
               for factor in (1000, 2000)]
    base, new = [pprof_file.write(os.path.join(folder, str(i)), s) for i, s in enumerate(samples)]
    page = rendered(diff('-F', 'markdown', '-g', 'inuse_space=0', '-G', 'inuse_space=0', base, new,
                         status=1)[0])
    tap.equal({row[5] for row in page.rows if len(row) == 6} - {'function'},
              {f'{name} *x*.cc' for name in NAMES})
    tap.is_in('Files are in /src/a|b/.', page.text)
    tap.equal(page.elements, {'h3', 'p', 'ul', 'li', 'code', 'table', 'thead', 'tbody', 'tr', 'th',
                              'td', 'strong', 'sub', 'br'})
    assert all(' ' not in row[0] for row in page.rows if len(row) == 6), 'numbers may break'
    more = [(f'f{i}', '', 1000 + i) for i in range(300)]
    page = rendered(diff('-F', 'markdown', pprof_file.write(base, more), new)[0])
    assert {'details', 'summary'} <= page.elements, page.elements
    tap.equal(len([row for row in page.rows if len(row) == 6]), 10 + 200 + 2)


@tap.test
def paths_in_markdown_begin_where_they_differ(folder):
    def files(*arguments, paths=('/home/me/shop/src/a.cc', '/home/me/shop/lib/b.cc', '')):
        profiles = [pprof_file.write(os.path.join(folder, str(factor)), [
            (f'f{i}', path, 5000 * factor) for i, path in enumerate(paths)]) for factor in (1, 2)]
        text = diff('-F', 'markdown', *arguments, *profiles, status=1 if '-G' in arguments else 0)[0]
        return sorted(set(re.findall(r'<code>([^<]*\.cc)</code>', text))), text
    found, text = files()
    tap.equal(found, ['lib/b.cc', 'src/a.cc'])
    tap.is_in('compared. Files are in <code>/home/me/shop/</code>.</sub>\n', text)
    found, text = files('-G', 'inuse_space=0')
    tap.equal(found, ['lib/b.cc', 'src/a.cc'])
    for arguments, paths in ((['--full-names'], ('/a/b/x.cc', '/a/b/y.cc')),
                             ([], ('/a/x.cc', '/b/y.cc')), ([], ('a/x.cc', '/a/y.cc'))):
        found, text = files(*arguments, paths=paths)
        tap.equal(found, sorted(paths))
        tap.is_in('compared.</sub>\n', text)


@tap.test
def pprof_draws_the_difference(folder):
    tap.need('go')
    base, new = sampled(folder, 'b.heap', 1, HEAP), sampled(folder, 'n.heap', 2, HEAP)
    for path in (base, new):
        cli.pprofconv('-q', path)
    out = os.path.join(folder, 'diff.pb.gz')
    diff('-F', 'pprof', '-o', out, base, new)
    ours = cli.go_pprof('-top', out).splitlines()
    theirs = cli.go_pprof('-top', '-diff_base', os.path.join(folder, 'b.pb.gz'),
                          os.path.join(folder, 'n.pb.gz')).splitlines()
    start = [i for i, line in enumerate(theirs) if line.startswith('Type:')][0]
    tap.equal(ours[-(len(theirs) - start):], theirs[start:])


def mean_difference(folder, base, news):
    """Returns the values of each sample in the difference that pprof gets for a base and several
    new runs."""
    out = os.path.join(folder, 'diff.pb.gz')
    diff('-F', 'pprof', '-o', out, '--base', base, *news)
    samples = json.loads(cli.succeed('convert', '-q', '--to=json', out))['sample']
    return [[int(value) for value in sample['value']] for sample in samples]


@tap.test
def means_of_runs_are_rounded_once(folder):
    base = folded(folder, 'base', main__f=4)
    news = [folded(folder, f'new{i}', main__f=1) for i in range(2)]
    tap.equal(sorted(mean_difference(folder, base, news)), [[-4], [1]])


@tap.test
def means_of_a_stack_add_up(folder):
    """The means of a stack add up even if a label keeps its samples apart, here the label of their
    mean sizes."""
    base = exact(folder, 'base', {(1, 16): 1})
    news = [exact(folder, f'new{size}', {(1, size): 1}) for size in (16, 17, 18)]
    values = mean_difference(folder, base, news)
    tap.equal((len(values), [sum(column) for column in zip(*values)]), (4, [0, 1, 0, 1]))


@tap.test
def differential_folded(folder):
    base, new = folded(folder, 'base', main__f=10, main__g=20), folded(folder, 'new', main__f=11)
    tap.equal(sorted(diff('-F', 'folded', base, new)[0].splitlines()),
              ['main;f 10 11', 'main;g 20 0'])


@tap.test
def a_base_that_is_not_there(folder):
    new = exact(folder, 'new', {(1, 100): 10})
    gone = os.path.join(folder, 'gone')
    _, message = diff(gone, new, status=2)
    tap.is_in('gone: No such file or directory', message)
    diff('--allow-missing-base', gone, new)
    diff('--allow-missing-base', '-g', 'inuse_space=10M', gone, new)
    diff('--allow-missing-base', '-g', 'inuse_space=1', gone, new, status=1)
    nothing = runs.write(os.path.join(folder, 'nothing'), '')
    diff(nothing, new, status=2)
    diff('--allow-missing-base', nothing, new)
    diff('--allow-missing-base', '/dev/null', new)
    diff(exact(folder, 'empty', {}), new)  # a profile without a sample is not a missing base


@tap.test
def dropped_samples(folder):
    base = exact(folder, 'base', {(1, 100): 10})
    new = exact(folder, 'new', {(1, 100): 10}, extra=['samples_dropped: 3'])
    out, _ = diff(base, new)
    tap.is_in('warning: 3 samples were dropped', out)
    _, message = diff('-g', 'inuse_space=0', base, new, status=2)
    tap.is_in('3 samples were dropped, so no gate can be trusted', message)
    diff('-g', 'inuse_space=0', '--allow-dropped', base, new)
    for name in (base, new):
        runs.write(name, runs.dump({(1, 9): 1}, {(1, 9): 1}, 1, run='7',
                                   extra=['samples_dropped: 2']))
    tap.is_in('warning: 2 samples', diff(base, new)[0])


@tap.test
def equal_runs_give_equal_profiles(folder):
    for interval in (1, R):
        outs = []
        for path in runs.twice(folder, interval):
            out = path + '.pb.gz'
            tap.equal(cli.pprofconv('-q', '--reproducible', path, '-o', out).returncode, 0)
            with open(out, 'rb') as file:
                outs.append(file.read())
            total = [cli.pprofconv('top', '-q', p).stdout.splitlines()[0] for p in (path, out)]
            tap.equal(total[0], total[1])
        assert outs[0] == outs[1], interval


@tap.test
def bad_usage(folder):
    new = exact(folder, 'new', {(1, 100): 10})
    for args in ((), (new,), (new, new, new), ('--base', new), ('-F', 'xml', new, new),
                 ('-g', 'inuse_space', new, new), ('-g', 'inuse=1', new, new),
                 ('-s', 'cpu', new, new), ('--confidence', '1', new, new),
                 ('--confidence', 'x', new, new)):
        out, message = diff(*args, status=2)
        tap.equal((out, len(message.splitlines())), ('', 1))


@tap.test
def nothing_is_written_on_failure(folder):
    out = os.path.join(folder, 'out')
    new = exact(folder, 'new', {(1, 100): 10})
    diff('-o', out, os.path.join(folder, 'gone'), new, status=2)
    assert not os.path.exists(out)
    diff('-o', out, '-g', 'inuse_space=0', exact(folder, 'less', {(1, 100): 9}), new, status=1)
    assert os.path.exists(out)


@tap.test
def what_can_not_be_meant(folder):
    base, new = folded(folder, 'base', main__f=10), folded(folder, 'new', main__f=20)
    for limit in ('99999999999999999999G', '9223372036854775808'):
        tap.is_in('invalid limit', diff(base, new, '-g', f'samples={limit}', status=2)[1])
    diff(base, new, '-g', 'samples=7G')
    for form in ('text', 'markdown', 'json'):
        tap.is_in('no sample matches --focus', diff('-F', form, base, new, '--focus=none')[0])
        assert 'matches' not in diff('-F', form, base, new, '--focus=main')[0]
    base, new = [sampled(folder, str(seed), seed, HEAP) for seed in (1, 2)]
    tap.is_in('99.999999 % interval', diff(base, new, '--confidence=0.99999999')[0])


@tap.test
def what_people_read_is_bounded(folder):
    """Markdown is shorter than 65,536 characters, the limit of GitHub for comments."""
    base = runs.write(os.path.join(folder, 'base'), 'main;old 1\n')
    for name in ('f%04d', 'f%04d' + '<_é' * 200):
        lines = ''.join(f'main;{name % i} {10 + i}\n' for i in range(1500))
        new = runs.write(os.path.join(folder, 'new'), lines)
        for extra in ([], ['--strict']):
            args = [base, new, '-G', 'samples=1', *extra]
            out, messages = diff('-F', 'markdown', *args, status=1)
            assert len(out) < 65536, len(out)
            out.encode().decode()
            shown = out.count('- ❌ `samples` of <code>')
            assert 10 <= shown <= 30, shown
            tap.is_in(f'- ❌ {1500 - shown} more of `samples=1`\n', out)
            tap.is_in('more are not shown', out)
            assert 10 + 10 <= out.count('| **') <= 210
            lines = messages.splitlines()
            tap.equal((len(lines), lines[-1]),
                      (31, 'pprofconv: gate failed: 1470 more of samples=1'))
            tap.is_in('f1499', lines[0])
            out, _ = diff(*args, status=1)
            tap.equal(out.count('gate failed: '), 31)
            tap.is_in('\ngate failed: 1470 more of samples=1\n', out)
            gates = json.loads(diff('-F', 'json', *args, status=1)[0])['gates']
            tap.equal(len(gates[0]['failures']), 1500)


@tap.test
def a_report_says_if_sides_were_sampled_differently(folder):
    """If the sides were sampled at different intervals, a warning says so. The numbers are right,
    because each side has an error of its own, but hardly anyone means to do that."""
    base, new = [runs.write_run(os.path.join(folder, str(r)), 1, HEAP, r) for r in (R, R // 4)]
    whole = exact(folder, 'exact', HEAP)
    for sides, said in (((base, new), 'base one in 512.00 KiB, new one in 128.00 KiB'),
                        ((whole, new), 'base every allocation, new one in 128.00 KiB'),
                        ((f'--base={base}', f'--base={whole}', base),
                         'base from every allocation to one in 512.00 KiB, new one in 512.00 KiB')):
        said = f'the sides were sampled differently: {said}'
        tap.equal(json.loads(diff('-F', 'json', *sides)[0])['warnings'], [said])
        for form in ('text', 'markdown'):
            tap.is_in(said, diff('-F', form, *sides)[0])
        tap.is_in(said, cli.pprofconv('diff', '-n', *sides).stderr)
    for sides in ((base, base), (whole, whole), (folded(folder, 'folded', main__f=3), base)):
        tap.equal(json.loads(diff('-F', 'json', *sides)[0])['warnings'], [])


def exact_dump(folder, name, run, time, extra, program='/opt/app'):
    blocks = {(1, 100): 10}
    text = runs.dump(blocks, blocks, 1, run=run, time=time, extra=extra, program=program)
    return runs.write(os.path.join(folder, name), text)


@tap.test
def a_pair_in_the_wrong_order(folder):
    """Of two dumps of one run the earlier one must be the base. Their numbers decide, or their
    times if there are no numbers."""
    def write(name, run='7', time=None, number=None):
        return exact_dump(folder, name, run, time, [f'dump: {number}'] if number else [])

    refused = 'earlier than the base '
    for early, late in (({'number': 9}, {'number': 10}), ({'time': 50}, {'time': 60}),
                        ({'number': 2, 'time': 60}, {'number': 3, 'time': 50})):
        one, two = write('one', **early), write('two', **late)
        for form in ('text', 'json', 'pprof'):
            out = os.path.join(folder, 'out')
            diff('-F', form, '-o', out, one, two)
            _, message = diff('-F', form, '-o', out, two, one, status=2)
            tap.equal(message, f'pprofconv: {one}: {refused}{two}, a dump of the same run; swap them\n')
        _, message = diff(f'--base={write("other", "8")}', f'--base={two}', one, status=2)
        tap.is_in(refused, message)
    for early, late in (({'number': 3}, {'number': 3}), ({}, {}), ({'number': 3}, {'time': 5}),
                        ({'number': 3}, {'number': 4, 'run': '8'})):
        diff(write('two', **late), write('one', **early))


@tap.test
def two_programs(folder):
    """A warning appears if the sides are of different programs. Builds of one program may be in
    different folders. A profile that does not name its program, or was merged from several, causes
    no warning."""
    app, same, other = [exact_dump(folder, str(i), str(i), None, [], program) for i, program in
                        enumerate(('/a/app', '/b/app', '/b/other'))]
    merged = os.path.join(folder, 'merged')
    cli.succeed('merge', '-n', '-q', app, other, '-o', merged)
    said = 'the sides are of different programs: base app, new other'
    for sides, warnings in (((app, same), []), ((app, other), [said]), ((app, merged), []),
                            ((f'--base={app}', f'--base={same}', other), [said]),
                            ((folded(folder, 'folded', main__f=3), other), [])):
        tap.equal(json.loads(diff('-F', 'json', *sides)[0])['warnings'], warnings)
        for form in ('text', 'markdown') if warnings else ():
            tap.is_in(said, diff('-F', form, *sides)[0])
            tap.is_in(said, cli.pprofconv('diff', '-n', *sides).stderr)


@tap.test
def what_was_freed_is_not_called_equal(folder):
    """A program that frees everything at its end leaves nothing to compare there, whatever it
    leaked. The gate does not pass then."""
    def write(name, held, allocated=112, interval=1, reason='exit'):
        """Writes a dump with blocks of 1 KiB. `held` is in KiB, `allocated` in MiB."""
        blocks, extra = {(1, 1024): int(1024 * allocated)}, [f'reason: {reason}'] if reason else []
        text = runs.dump({(1, 1024): held}, blocks, interval, run=name, extra=extra)
        return runs.write(os.path.join(folder, name), text)

    def check(status, *args, base, new, gates=('-g', 'inuse_space=5%')):
        return diff(*gates, *args, write('base', **base), write('new', **new), status=status)

    nothing = {'held': 0}
    _, message = check(2, base=nothing, new={'held': 0, 'allocated': 120})
    tap.equal(message, 'pprofconv: both sides have freed what they held: base 0 B of 112.00 MiB '
              'allocated, new 0 B of 120.00 MiB; so no gate can see growth. Compare dumps from '
              "before the program's end, such as HEAP_PROFILE_ALLOCATION_INTERVAL writes, or "
              'use --allow-empty\n')
    check(2, base={'held': 76}, new={'held': 76},
          gates=('-g', 'inuse_space=5%', '-g', 'alloc_space=1G'))
    check(2, base=nothing, new=nothing, gates=('-G', 'inuse_objects=5'))
    check(2, base={'held': 256, 'reason': None}, new=nothing)
    check(2, base={'held': 2, 'interval': R}, new={'held': 0, 'interval': R})  # by chance
    check(1, base=nothing, new={'held': 200})  # one side has something to compare
    for side in ({'held': 257}, {'held': 2, 'allocated': 0.25}, {'held': 11, 'allocated': 1}):
        check(0, base=side, new={'held': 0})
    at_work = {'held': 9, 'reason': 'signal 12'}
    check(0, base=at_work, new=at_work)
    check(0, base=at_work, new={'held': 2, 'allocated': 0.25})
    _, message = check(2, base=at_work, new={'held': 0})
    tap.is_in('the base is of a program at work, the new side of one that has freed what it held: base '
              '9.00 KiB of 112.00 MiB allocated, new 0 B of 112.00 MiB; so no gate', message)
    check(0, '--allow-empty', base=at_work, new={'held': 0})
    check(1, base={'held': 0, 'reason': 'signal 12'}, new={'held': 200})  # it has grown all the same
    report, _ = check(1, base=nothing, new=at_work)
    tap.is_in('the base is of a program that has freed what it held, the new side of one at work', report)
    check(2, base=nothing, new=at_work, gates=('-g', 'inuse_space=1M'))
    check(0, base=nothing, new=nothing, gates=('-g', 'alloc_space=5%'))
    check(0, '--allow-empty', base=nothing, new=nothing)
    sides = write('a', 0), write('b', 0)
    for path in sides:
        cli.succeed('convert', '-n', '-q', path, '-o', path + '.pb.gz')
    diff('-g', 'inuse_space=0', *(path + '.pb.gz' for path in sides), status=2)
    for form in ('text', 'markdown'):
        tap.is_in('both sides have freed what they held: ', diff('-F', form, *sides)[0])


@tap.test
def markdown_of_a_type_that_is_markup(folder):
    """The names of the values are escaped, because a profile may come from a pull request of a
    stranger."""
    evil = 'a`b\n\n# <b>@admin</b> | [a](http://e)'
    base, new = [pprof_file.write(os.path.join(folder, str(n)), [('f', 'a.c', n)], type_=evil)
                 for n in (1, 2)]
    name = ('<code>a&#96;b??&#35; &#60;b&#62;&#64;admin&#60;/b&#62; &#124; '
            '&#91;a&#93;(http&#58;//e)</code>')
    out, _ = diff('-F', 'markdown', '-g', f'{evil}=0', '-G', f'{evil}=5', base, new, status=1)
    tap.is_in(f'\n{name} grew: ', out)
    tap.is_in(f'- ❌ {name} total: ', out)
    tap.equal(out.count('# '), 1)
    assert '@' not in out and '<b>' not in out, out
    done = cli.pprofconv('trend', '-q', '-F', 'markdown', base, new, new,
                         f'--max-slope={evil}=9')
    tap.is_in(f'\n{name} over 3 dumps', done.stdout)
    assert '@' not in done.stdout and '<b>' not in done.stdout, done.stdout


@tap.test
def reports_count_the_runs(folder):
    one, two = [sampled(folder, str(seed), seed, HEAP) for seed in (1, 2)]
    tap.is_in('<sub>Two runs. ', diff('-F', 'markdown', one, two)[0])
    tap.is_in('<sub>Means of 2 and 1 runs. ',
              diff('-F', 'markdown', f'--base={one}', f'--base={two}', one)[0])


tap.main()
