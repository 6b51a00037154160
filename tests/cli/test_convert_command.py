#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Converting: where the output goes, pipes, gzip, determinism."""

import gzip
import os
import shutil
import stat

import cli

GOOD = cli.data('good-exact.heap')


def content(path):
    with open(path, 'rb') as file:
        return file.read()


def converted(*args, **options):
    """What pprofconv writes to standard output."""
    done = cli.pprofconv(*args, binary=True, **options)
    cli.equal((done.returncode, done.stderr), (0, ''))
    return done.stdout


@cli.test
def the_command_may_be_left_out(folder):
    a, b = os.path.join(folder, 'a'), os.path.join(folder, 'b')
    cli.succeed('-n', GOOD, '-o', a)
    cli.succeed('convert', '--no-symbols', '--output', b, GOOD)
    cli.equal(content(a), content(b))
    cli.equal(content(a)[:4], b'\x1f\x8b\x08\x00')


@cli.test
def the_same_input_gives_the_same_bytes(folder):
    first = converted('-n', GOOD, '-o', '-')
    for _ in range(3):
        cli.equal(converted('-n', GOOD, '-o', '-'), first)


@cli.test
def pipes(folder):
    dump = content(GOOD)
    expected = converted('-n', GOOD, '-o', '-')
    cli.equal(converted('-n', '-', input=dump), expected)
    cli.equal(converted('-n', input=dump, *['-', '-o', '-']), expected)
    cli.equal(converted('-n', '-', input=gzip.compress(dump)), expected)


@cli.test
def by_default_beside_the_input(folder):
    shutil.copy(GOOD, os.path.join(folder, 'app.0001.heap'))
    shutil.copy(GOOD, os.path.join(folder, 'other'))
    cli.succeed('-n', 'app.0001.heap', 'other', cwd=folder)
    cli.equal(sorted(os.listdir(folder)),
              ['app.0001.heap', 'app.0001.pb.gz', 'other', 'other.pb.gz'])


@cli.test
def a_folder_gets_a_file_for_each_input(folder):
    cli.succeed('-n', '-q', GOOD, cli.data('good-plain.heap'), '-o', folder)
    cli.equal(sorted(os.listdir(folder)), ['good-exact.pb.gz', 'good-plain.pb.gz'])


@cli.test
def one_bad_input_stops_no_other(folder):
    done = cli.pprofconv('-n', cli.data('bad-no-at.heap'), GOOD, '-o', folder)
    cli.equal(done.returncode, 2)
    cli.equal(os.listdir(folder), ['good-exact.pb.gz'])


@cli.test
def input_and_output_are_never_the_same(folder):
    path = os.path.join(folder, 'x.heap')
    shutil.copy(GOOD, path)
    done = cli.pprofconv('-n', path, '-o', os.path.join(folder, '.', 'x.heap'))
    cli.equal(done.returncode, 2)
    cli.is_in('input and output are the same file', done.stderr)
    cli.equal(content(path), content(GOOD))


@cli.test
def permissions_follow_the_umask(folder):
    out = os.path.join(folder, 'x.pb.gz')
    cli.succeed('-n', GOOD, '-o', out, preexec_fn=lambda: os.umask(0o027))
    cli.equal(stat.S_IMODE(os.stat(out).st_mode), 0o640)


@cli.test
def names_with_a_dash_or_spaces(folder):
    shutil.copy(GOOD, os.path.join(folder, '-a dump.heap'))
    cli.succeed('-n', '--', '-a dump.heap', cwd=folder)
    assert os.path.exists(os.path.join(folder, '-a dump.pb.gz'))


@cli.test
def the_format_can_be_given(folder):
    out = os.path.join(folder, 'x')
    cli.succeed('-n', '--from', 'gperftools', cli.data('good-gperftools.heap'), '-o', out)
    done = cli.pprofconv('--from=heapprof', cli.data('good-gperftools.heap'), '-o', out)
    cli.equal(done.returncode, 2)
    cli.is_in("the last line is not '# end'", done.stderr)


@cli.test
def warnings_can_be_silenced(folder):
    text = 'heap profile: 9: 90 [ 9: 90] @ heapprofile\n1: 10 [ 1: 10] @ 0x1\nMAPPED_LIBRARIES:\n'
    done = cli.pprofconv('-n', '-', '-o', '/dev/null', input=text.encode())
    cli.equal(done.returncode, 0)
    cli.is_in('warning: the records hold 10 of the 90 bytes in use', done.stderr)
    done = cli.pprofconv('-n', '-q', '-', '-o', '/dev/null', input=text.encode())
    cli.equal((done.returncode, done.stderr), (0, ''))


@cli.test
def help_and_version(folder):
    cli.is_in('Usage: pprofconv', cli.succeed('--help'))
    cli.is_in('Usage: pprofconv convert', cli.succeed('convert', '--help'))
    cli.equal(cli.succeed('help', 'info'), cli.succeed('info', '-h'))
    assert cli.succeed('--version').startswith('pprofconv ')
    cli.is_in('gperftools', cli.succeed('formats'))
    for command in ('convert', 'info', 'formats'):
        cli.is_in(f'.SS "{command}', cli.succeed('--man'))
    for line in cli.succeed('--help').splitlines() + cli.succeed('convert', '--help').splitlines():
        assert len(line) <= 80, line


@cli.test
def info_shows_what_is_there(folder):
    text = cli.succeed('info', GOOD)
    for part in ('time: 2026-01-02T03:04:05Z', 'period: 1 bytes', 'samples: 2', '  run: 00c0ffee',
                 '0x555555555000-0x555555556000 0x1000 aabbccdd00112233 /usr/bin/demo'):
        cli.is_in(part, text)
    totals = [line.split() for line in text.splitlines() if line.startswith('  alloc_')]
    cli.equal(totals, [['alloc_objects', '6', 'count'], ['alloc_space', '8704', 'bytes']])


cli.main()
