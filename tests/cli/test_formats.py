#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Formats other than pprof's, and the output of top and merge."""

import json
import os
import shutil

import cli
import runs
import tap

GO = cli.data('good-go.heap')
EXACT = cli.data('good-exact.heap')


@tap.test
def folded_stacks(folder):
    text = cli.succeed('-n', '--to=folded', GO)
    lines = dict(line.rsplit(' ', 1) for line in text.splitlines())
    # frames of the runtime at the leaf are left out
    tap.equal(sorted(lines), ['runtime.goexit;main.main',
                              'runtime.goexit;main.main;main.outer;main.inner'])
    text = cli.succeed('-n', '--to=folded', '--sample-type=alloc_objects', EXACT)
    tap.equal(text.splitlines()[0], 'libc.so.6+0x2700f;demo+0x11ff;demo+0x10ff 4')


@tap.test
def folded_stacks_go_round(folder):
    first = cli.succeed('--to', 'folded', cli.data('good-folded.txt'))
    path = os.path.join(folder, 'x.folded')
    with open(path, 'w') as file:
        file.write(first)
    tap.equal(cli.succeed('--to', 'folded', path), first)
    tap.is_in('main;work;operator new(unsigned long) 12\n', first)


@tap.test
def a_flame_graph_tool_takes_them(folder):
    if not shutil.which('flamegraph.pl'):
        return
    done = cli.run('flamegraph.pl', input=cli.succeed('-n', '--to=folded', GO).encode())
    tap.is_in('main.inner', done.stdout)


@tap.test
def json_holds_everything(folder):
    profile = json.loads(cli.succeed('-n', '--to=json', EXACT))
    tap.equal([t['type'] for t in profile['sample_type']],
              ['alloc_objects', 'alloc_space', 'inuse_objects', 'inuse_space'])
    tap.equal(profile['sample'][0]['value'], [4, 8192, 2, 4096])
    tap.equal(profile['sample'][0]['label'], [{'key': 'bytes', 'num': 2048}])
    location = profile['location'][profile['sample'][0]['location'][0]]
    tap.equal(location['address'], '0x5555555550ff')
    tap.equal(profile['mapping'][location['mapping']]['filename'], '/usr/bin/demo')
    tap.is_in('run: 00c0ffee00c0ffee', profile['comment'])
    profile = json.loads(cli.succeed('-n', '--to=json', GO))
    line = profile['location'][1]['line'][0]
    tap.equal(profile['function'][line['function']]['name'], 'main.inner')


@tap.test
def json_escapes_what_it_must(folder):
    with open(EXACT, 'rb') as file:
        text = file.read().replace(b'# pid: 4242', b'# pid: "\\\x01\xff')
    profile = json.loads(cli.succeed('-n', '--to=json', '-', input=text))
    tap.is_in('pid: "\\\x01\ufffd', profile['comment'])


@tap.test
def text_is_for_people(folder):
    text = cli.succeed('-n', '--to=text', GO)
    tap.equal(text.splitlines()[2:6], ['    main.inner  /src/demo/main.go',
                                       '    main.outer  /src/demo/main.go',
                                       '    main.main  /src/demo/main.go', '    runtime.goexit'])


@tap.test
def top_names_the_largest(folder):
    lines = cli.succeed('top', '-n', '-s', 'alloc_space', EXACT).splitlines()
    tap.equal(lines[0], 'alloc_space: total 8704 bytes (8.50 KiB)')
    tap.equal(lines[2].split(), ['8.00', 'KiB', '94.12%', '94.12%', '8.00', 'KiB', '94.12%',
                                 'demo+0x10ff'])
    tap.equal(len(cli.succeed('top', '-n', '--lines=1', EXACT).splitlines()), 4)
    lines = cli.succeed('top', '-n', '--cum', EXACT).splitlines()
    tap.equal(lines[2].split()[-1], 'demo+0x11ff')
    blocks = {(1, 1048575): 1}
    path = runs.write(os.path.join(folder, 'near'), runs.dump(blocks, blocks, 1))
    tap.is_in('total 1048575 bytes (1.00 MiB)', cli.succeed('top', '-n', path))


@tap.test
def top_of_other_formats(folder):
    tap.is_in('samples: total 16 count', cli.succeed('top', cli.data('good-folded.txt')))
    tap.is_in('inuse_space: total 0 bytes',
              cli.succeed('top', '-q', cli.data('good-no-samples.heap')))


@tap.test
def merging_in_any_order(folder):
    names = ['good-exact.heap', 'good-sampled.heap', 'good-gperftools.heap', 'good-jemalloc.heap']
    inputs = [cli.data(n) for n in names]
    a, b, c = (os.path.join(folder, n) for n in 'abc')
    cli.succeed('merge', '-n', '-q', *inputs, '-o', a)
    cli.succeed('merge', '-n', '-q', *inputs[2:], '-o', b)
    cli.succeed('merge', '-n', '-q', inputs[1], b, inputs[0], '-o', c)
    with open(a, 'rb') as first, open(c, 'rb') as second:
        tap.equal(first.read(), second.read())
    tap.is_in('inuse_space', cli.succeed('info', a))


@tap.test
def merging_what_was_sampled_differently(folder):
    """The result has the largest period of its inputs. Samples with a smaller interval have it as a
    label, so a gate that compares the exact part of the result sees growth of a byte."""
    sampled, out = cli.data('good-sampled.heap'), os.path.join(folder, 'x')
    done = cli.pprofconv('merge', '-n', EXACT, sampled, '-o', out)
    tap.equal((done.stderr, done.returncode), ('', 0))
    tap.is_in('period: 524288 bytes', cli.succeed('info', out))
    labels = cli.succeed('convert', '-n', '-t', 'json', out, '-o', '-')
    tap.equal(labels.count('"sample_interval"'), 2)
    cli.succeed('merge', '-n', '-q', sampled, sampled, '-o', out)
    tap.equal(cli.succeed('convert', '-n', '-t', 'json', out, '-o', '-').count('"sample_interval"'), 0)


@tap.test
def info_on_sample_intervals(folder):
    """info says that an interval rises by itself and since when it has its value, and which intervals a merged profile has."""
    exact, sampled = (cli.data(f'good-levels{end}.heap') for end in ('-exact', ''))
    out = os.path.join(folder, 'x')
    for path, said in ((exact, 'adaptive; until now every allocation was recorded'),
                       (sampled, 'adaptive, now 64 B, since 1.3 s after the start')):
        cli.succeed('convert', '-n', path, '-o', out)
        for form in (path, out):
            tap.is_in(f'\nsample interval: {said}\n', cli.succeed('info', form))
    cli.succeed('merge', '-n', '-q', exact, sampled, '-o', out)
    tap.is_in('\nsample intervals: from 1 B to 64 B; samples have them as a label\n',
              cli.succeed('info', out))
    for path in (cli.data('good-sampled.heap'), EXACT):
        assert 'sample interval' not in cli.succeed('info', path).replace('sample_interval', '')


def totals(path):
    """Returns the sum of each sample type, by its name."""
    lines = cli.succeed('info', path).splitlines()
    at = lines.index('total:')
    return {line.split()[0]: int(line.split()[1]) for line in lines[at + 1:at + 5]}


@tap.test
def a_moment_of_each_process(folder):
    """Merges one moment of each of two processes, of which one frees everything at its end. The
    order of the inputs does not matter."""
    paths = []

    def write(run, number, held, allocated, reason='allocated'):
        text = runs.dump({(1, 100): held}, {(1, 100): allocated}, 1, run=run,
                         extra=[f'dump: {number}', f'reason: {reason}'])
        paths.append(runs.write(os.path.join(folder, f'{run}.{number}'), text))

    for number, held in ((8, 90), (9, 40), (10, 80), (11, 85), (12, 30), (13, 0)):
        write('a', number, held, 100 * number, 'exit' if number == 13 else 'allocated')
    write('b', 1, 5, 7, 'exit')
    out = os.path.join(folder, 'out')
    for moment, held in (('level', 85), ('peak', 90), ('last-interval', 30), ('exit', 0)):
        for inputs in (paths, paths[::-1], sorted(paths)):
            cli.succeed('merge', '-n', '-q', '--at', moment, *inputs, '-o', out)
            tap.equal(totals(out), {'alloc_objects': 1307, 'alloc_space': 130700,
                                    'inuse_objects': held + 5, 'inuse_space': 100 * (held + 5)})
    sample, = {line.rsplit(' ', 1)[0] for line in
               cli.succeed('convert', '-n', '-q', '--to=folded', '-o', '-', out).splitlines()}
    tap.equal(sample, 'app+0x1100')
    twice = [cli.data('good-folded.txt')] * 2  # without a run, each counts as a process
    done = cli.pprofconv('merge', '--at=exit', *twice, '-o', out)
    tap.equal((done.returncode, done.stderr), (
        0, 'pprofconv: 2 of 2 inputs name no run; each counts as a process of its own\n'))
    tap.is_in('32 ', cli.succeed('top', out))
    for args, said in ((('--at=now', paths[0]), "--at: unknown moment 'now'; expected level, peak, "),
                       (('--at=exit', '-'), '--at reads its inputs twice'),
                       (('--at=exit', paths[0] + 'x'), 'No such file')):
        done = cli.pprofconv('merge', '-n', *args, '-o', out)
        tap.equal(done.returncode, 2)
        tap.is_in(said, done.stderr)


@tap.test
def merging_reproducibly(folder):
    """Runs that did the same give the same bytes, whatever the addresses and the order of the
    inputs."""
    outs = []
    for interval in (1, 524288):
        a, b = runs.twice(folder, interval)
        for inputs in ((a, a), (a, b), (b, a), (b, b)):
            outs.append(os.path.join(folder, f'{interval}-{len(outs)}'))
            tap.equal(cli.pprofconv('merge', '-q', '--reproducible', *inputs, '-o',
                                    outs[-1]).returncode, 0)
        with open(outs[-4], 'rb') as first:
            expected = first.read()
        for out in outs[-3:]:
            with open(out, 'rb') as file:
                assert file.read() == expected, (interval, out)
        plain = os.path.join(folder, 'plain')
        tap.equal(cli.pprofconv('merge', '-q', a, b, '-o', plain).returncode, 0)
        totals = [cli.pprofconv('top', '-q', p).stdout.splitlines()[0] for p in (plain, outs[-1])]
        tap.equal(totals[0], totals[1])


@tap.test
def merging_adds_up(folder):
    out = os.path.join(folder, 'x')
    with open(EXACT, encoding='ascii') as file:
        text = file.read()
    others = [runs.write(os.path.join(folder, run), text.replace('00c0ffee00c0ffee', run))
              for run in 'ab']
    cli.succeed('merge', '-n', EXACT, *others, '-o', out)
    tap.is_in('total 13056 bytes', cli.succeed('top', '-n', out))


@tap.test
def merging_needs_the_same_types(folder):
    done = cli.pprofconv('merge', '-n', EXACT, cli.data('good-folded.txt'), '-o',
                         os.path.join(folder, 'x'))
    tap.equal(done.returncode, 2)
    tap.is_in('good-folded.txt: its sample types differ from those', done.stderr)
    tap.equal(os.listdir(folder), [])


@tap.test
def long_folded_stacks_are_no_protobuf(folder):
    """Folded stacks are recognized whatever their first letters are: m, p and h also begin fields
    of a protobuf profile."""
    letters = [chr(c) for c in range(0x30, 0x7f) if chr(c) != ';']
    names = [letter + rest for letter in letters for rest in ('ain', 'rocess')]
    for name in names:
        path = os.path.join(folder, 'x')
        with open(path, 'w', encoding='utf-8') as file:
            file.writelines(f'{name};work_{i} 12\n' for i in range(600))
        tap.is_in('samples: 600\n', cli.succeed('info', path))


@tap.test
def nothing_for_a_terminal_obeys_a_file(folder):
    """Text from a file that would control the terminal is replaced: escapes, control characters of
    two bytes, and invalid UTF-8."""
    evil = b'a\x1b]0:pwn\x07b\xc2\x9bc\xff\xc3\xa9'
    paths = [os.path.join(folder, name) for name in ('a\x1b[1m', 'b', 'c')]
    for number, path in enumerate(paths, 1):
        with open(path, 'wb') as file:
            file.write(b'main;' + evil + b' %d\n' % (number * 10))
    dump = os.path.join(folder, 'dump')
    with open(cli.data('good-exact.heap'), 'rb') as file:
        text = file.read()
    with open(dump, 'wb') as file:
        file.write(text.replace(b'# cmdline: ', b'# cmdline: ' + evil))
    assert evil in text.replace(b'# cmdline: ', b'# cmdline: ' + evil)
    seen = '?]0:pwn?b??c?é'
    for part, *args in ((seen, 'top', paths[0]), ('a?[1m', 'info', paths[0]),
                        (seen, 'convert', '-t', 'text', paths[0]), (seen, 'diff', *paths[:2]),
                        (seen, 'info', dump), (seen, 'convert', '-n', '-t', 'text', dump),
                        (seen.replace(']', '&#93;'), 'diff', '--format=markdown', *paths[:2]),
                        (seen, 'trend', *paths),
                        (seen.replace(']', '&#93;'), 'trend', '--format=markdown', *paths),
                        ('gate failed: samples of a' + seen, 'diff', '-G', 'samples=1', *paths[:2]),
                        ('a?[1m', 'diff', paths[0], paths[0] + 'none')):
        done = cli.pprofconv(*args, binary=True)
        both = done.stdout.decode() + done.stderr  # strictly
        tap.is_in(part, both)
        bad = [c for c in both if c != '\n' and not c.isprintable() and c != '\xa0']
        tap.equal(bad, [])


tap.main()
