#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""For a profile without a sample every command prints one line. It says how much the program
allocated, why there is no sample, and what to set."""

import json
import os

import cli
import runs
import tap

R = 524288
MIB = 1 << 20
UNSAMPLED = cli.data('good-unsampled.heap')
FULL = {(1, 30000): 4000}
AMOUNT = ('no sample: the program had allocated 10.78 KiB, and one sample is taken per 512.00 KiB '
          'on average')
SET = '; set HEAP_PROFILE_SAMPLE_INTERVAL=1 to record every allocation'
UNSEEN = ', so growth below 1.50 MiB may not be seen'
LINE, COMPARED = AMOUNT + SET, AMOUNT + UNSEEN + SET


def empty(folder, name, interval, *extra):
    return runs.write(os.path.join(folder, name),
                      runs.dump({}, {}, interval, run=name, extra=extra))


def full(folder, name, seed=1, interval=R):
    return runs.write_run(os.path.join(folder, name), seed, FULL, interval)


def top(path):
    """Returns the lines after the header of the table."""
    return cli.succeed('top', '-n', path).splitlines()[2:]


def diff(*args, status=0):
    done = cli.pprofconv('diff', '-n', '-q', *args)
    assert done.returncode == status, f'{args}: exit {done.returncode}: {done.stderr}'
    return done.stdout, done.stderr


def comments(path):
    return json.loads(cli.succeed('-n', '-q', '--to=json', path))['comment']


def notes(path):
    return [text for text in comments(path) if text.startswith('note:')]


@tap.test
def top_is_never_empty_without_a_word(folder):
    for quiet in ([], ['-q']):
        lines = cli.succeed('top', '-n', *quiet, UNSAMPLED).splitlines()
        tap.equal((lines[0], lines[2:]), ('inuse_space: total 0 bytes (0 B)', [LINE]))
    freed = runs.write(os.path.join(folder, 'freed'), runs.dump({}, {(1, 100): 5}, 1))
    tap.equal(top(freed), ['no sample has any inuse_space; --sample-type shows other values'])


@tap.test
def what_to_set(folder):
    def said(interval, *extra):
        line, = top(empty(folder, 'x', interval, *extra))
        return line

    tap.equal(said(R, 'allocated_bytes: 11040'), LINE)
    tap.is_in('one sample is taken per 512.00 KiB on average' + SET, said(R))
    much = said(64 * MIB, f'allocated_bytes: {300 * MIB}')
    tap.is_in('had allocated 300.00 MiB, and one sample is taken per 64.00 MiB', much)
    assert much.endswith('; set HEAP_PROFILE_SAMPLE_INTERVAL=1048576'), much
    assert said(R, f'allocated_bytes: {300 * MIB}').endswith(SET), 'no smaller interval'
    tap.is_in('had allocated nothing, and', said(R, 'allocated_bytes: 0'))
    tap.equal(said(1, 'allocated_bytes: 0'), 'no sample: every allocation is recorded, and '
              'there was none; take a dump later, or of another process')
    tap.equal(said(1, 'allocated_bytes: 4096'),
              'no sample, though every allocation is recorded and the program had allocated '
              '4.00 KiB')
    tap.equal(said(R, 'allocated_bytes: 999999', 'samples_dropped: 7'),
              'no sample: 7 were dropped; a higher HEAP_PROFILE_MEMORY_LIMIT may keep them')


@tap.test
def what_is_not_ours(folder):
    """A profile of another profiler gets no such line, because that profiler has other settings."""
    path = runs.write(os.path.join(folder, 'x'), 'heap profile: 0: 0 [ 0: 0] @ heap_v2/524288\n\n'
                      'MAPPED_LIBRARIES:\n00400000-00402000 r-xp 00000000 fe:00 100 /bin/idle\n')
    tap.equal(top(path), ['no sample: one sample is taken per 512.00 KiB on average; record with a '
                          'smaller sample interval'])


@tap.test
def numbers_that_no_program_writes(folder):
    for number in ('18446744073709551615', '99999999999999999999999'):
        line, = top(empty(folder, 'x', R, f'allocated_bytes: {number}', 'samples_dropped: x'))
        tap.is_in('no sample: the program had allocated 16.00 EiB, and', line)
    for number in ('-1', 'x', ''):
        line, = top(empty(folder, 'x', R, f'allocated_bytes: {number}'))
        assert line.startswith('no sample: one sample is taken'), line


@tap.test
def conversion(folder):
    for form in ('pprof', 'folded', 'text', 'json'):
        out = os.path.join(folder, form)
        done = cli.pprofconv('-n', '--to', form, UNSAMPLED, '-o', out)
        tap.equal((done.returncode, done.stderr), (0, f'pprofconv: {UNSAMPLED}: {LINE}\n'))
        cli.succeed('-n', '-q', '--to', form, UNSAMPLED, '-o', out)
    pprof = os.path.join(folder, 'pprof')
    for path in (UNSAMPLED, pprof):
        tap.equal(notes(path), ['note: ' + LINE])
    tap.is_in('# note: ' + LINE + '\n', cli.succeed('-n', '-q', '--to=text', UNSAMPLED))
    tap.equal(top(pprof), [LINE])
    tap.is_in(f'\n{LINE}\n\nmappings:', cli.succeed('info', pprof))
    out = os.path.join(folder, 'same.pb.gz')
    cli.succeed('-n', '-q', '--reproducible', UNSAMPLED, '-o', out)
    tap.is_in('one sample is taken per 512.00 KiB', notes(out)[0])


@tap.test
def merging(folder):
    def merge(*inputs):
        out = os.path.join(folder, 'sum.pb.gz')
        done = cli.pprofconv('merge', '-n', *inputs, '-o', out)
        tap.equal(done.returncode, 0)
        return out, done.stderr

    other = empty(folder, 'other', R, 'allocated_bytes: 4096')
    out, messages = merge(other, UNSAMPLED)
    line = LINE.replace('program had', 'programs had').replace('10.78 KiB', '10.78 KiB or more')
    tap.equal(messages, f'pprofconv: {out}: {line}\n')
    tap.equal(notes(out), ['note: ' + line])
    out, messages = merge(UNSAMPLED, full(folder, 'full'))
    tap.equal((notes(out), messages), ([], ''))
    assert top(out)[0].endswith('app+0x1100'), top(out)


@tap.test
def a_base_without_a_sample_is_no_missing_base(folder):
    new = full(folder, 'new')
    for extra in ([], ['--allow-missing-base']):
        out, messages = diff(*extra, UNSAMPLED, new)
        tap.is_in(f'\nwarning: base: {COMPARED}\n', out)
        assert 'missing' not in out + messages
    gates = ('inuse_space=1K', 1), ('inuse_space=2%', 1), ('inuse_space=10G', 0)
    for gate, status in gates:
        tap.is_in(f'warning: base: {COMPARED}', diff('-g', gate, UNSAMPLED, new, status=status)[0])
    one = runs.write(os.path.join(folder, 'one'), runs.dump({(1, 64): 1}, {(1, 64): 1}, R))
    diff('-g', 'inuse_space=0', UNSAMPLED, one)  # one sample may be due to chance
    exact = empty(folder, 'exact', 1)
    out, _ = diff('-g', 'inuse_space=0', exact, full(folder, 'all', interval=1), status=1)
    tap.is_in('warning: base: no sample: every allocation is recorded, and there was none', out)
    _, messages = diff('-g', 'inuse=1', UNSAMPLED, new, status=2)
    assert 'no sample' not in messages, messages
    diff(os.path.join(folder, 'gone'), new, status=2)


@tap.test
def a_new_side_without_a_sample(folder):
    base = full(folder, 'base')
    for form, wanted in (('text', f'\nwarning: new: {COMPARED}\n'),
                         ('markdown', 'new: ' + COMPARED.replace('_', '&#95;'))):
        tap.is_in(wanted, diff('-F', form, base, UNSAMPLED)[0])
    report = json.loads(diff('-F', 'json', '-g', 'inuse_space=0', base, UNSAMPLED)[0])
    tap.equal((report['warnings'], report['passed']), (['new: ' + COMPARED], True))
    report = json.loads(diff('-F', 'json', UNSAMPLED, UNSAMPLED)[0])
    tap.equal(report['warnings'], ['base and new: ' + COMPARED])
    other = empty(folder, 'other', R, 'allocated_bytes: 4096')
    report = json.loads(diff('-F', 'json', other, UNSAMPLED)[0])
    tap.equal([text.partition(',')[0] for text in report['warnings']],
              ['base: no sample: the program had allocated 4.00 KiB',
               'new: no sample: the program had allocated 10.78 KiB'])
    runs_ = ['--base', base, '--base', UNSAMPLED, base, UNSAMPLED]
    tap.equal(json.loads(diff('-F', 'json', *runs_)[0])['warnings'],
              [f'{side}, 1 of 2 runs: {COMPARED}' for side in ('base', 'new')])
    out = os.path.join(folder, 'out')
    done = cli.pprofconv('diff', '-n', '-F', 'folded', base, UNSAMPLED, '-o', out)
    tap.equal((done.returncode, done.stderr), (0, f'pprofconv: new: {COMPARED}\n'))


@tap.test
def confidence_moves_the_bound(folder):
    out, _ = diff('--confidence=0.99', UNSAMPLED, full(folder, 'new'))
    tap.is_in('so growth below 2.30 MiB may not be seen', out)


@tap.test
def trends(folder):
    def trend(*paths):
        report = json.loads(cli.succeed('trend', '-n', '-q', '-F', 'json', *paths))
        return [text for text in report['warnings'] if 'no sample' in text]

    whole = [full(folder, str(i), seed=5) for i in range(3)]
    tap.equal(trend(*whole), [])
    tap.equal(trend(UNSAMPLED, *whole), ['1 of 4 dumps: ' + COMPARED])
    tap.equal(trend(UNSAMPLED, UNSAMPLED, UNSAMPLED), ['3 of 3 dumps: ' + COMPARED])
    for form in ('text', 'markdown'):
        done = cli.pprofconv('trend', '-n', '-F', form, UNSAMPLED, *whole)
        tap.is_in('1 of 4 dumps: no sample', done.stdout)
        tap.is_in(f'pprofconv: 1 of 4 dumps: {COMPARED}\n', done.stderr)


tap.main()
