#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pprofconv convert: output files, pipes, gzip, determinism."""

import gzip
import os
import shutil
import stat

import cli
import tap

GOOD = cli.data('good-exact.heap')


def content(path):
    with open(path, 'rb') as file:
        return file.read()


def converted(*args, **options):
    """Returns the bytes that pprofconv writes to standard output."""
    done = cli.pprofconv(*args, binary=True, **options)
    tap.equal((done.returncode, done.stderr), (0, ''))
    return done.stdout


@tap.test
def the_command_may_be_left_out(folder):
    a, b = os.path.join(folder, 'a'), os.path.join(folder, 'b')
    cli.succeed('-n', GOOD, '-o', a)
    cli.succeed('convert', '--no-symbols', '--output', b, GOOD)
    tap.equal(content(a), content(b))
    tap.equal(content(a)[:4], b'\x1f\x8b\x08\x00')


@tap.test
def the_same_input_gives_the_same_bytes(folder):
    first = converted('-n', GOOD, '-o', '-')
    for _ in range(3):
        tap.equal(converted('-n', GOOD, '-o', '-'), first)


@tap.test
def pipes(folder):
    dump = content(GOOD)
    expected = converted('-n', GOOD, '-o', '-')
    tap.equal(converted('-n', '-', input=dump), expected)
    tap.equal(converted('-n', input=dump, *['-', '-o', '-']), expected)
    tap.equal(converted('-n', '-', input=gzip.compress(dump)), expected)


@tap.test
def by_default_beside_the_input(folder):
    shutil.copy(GOOD, os.path.join(folder, 'app.0001.heap'))
    shutil.copy(GOOD, os.path.join(folder, 'other'))
    cli.succeed('-n', 'app.0001.heap', 'other', cwd=folder)
    tap.equal(sorted(os.listdir(folder)),
              ['app.0001.heap', 'app.0001.pb.gz', 'other', 'other.pb.gz'])


@tap.test
def a_folder_gets_a_file_for_each_input(folder):
    cli.succeed('-n', '-q', GOOD, cli.data('good-plain.heap'), '-o', folder)
    tap.equal(sorted(os.listdir(folder)), ['good-exact.pb.gz', 'good-plain.pb.gz'])


@tap.test
def one_bad_input_stops_no_other(folder):
    done = cli.pprofconv('-n', cli.data('bad-no-at.heap'), GOOD, '-o', folder)
    tap.equal(done.returncode, 2)
    tap.equal(os.listdir(folder), ['good-exact.pb.gz'])


@tap.test
def input_and_output_are_never_the_same(folder):
    path = os.path.join(folder, 'x.heap')
    shutil.copy(GOOD, path)
    done = cli.pprofconv('-n', path, '-o', os.path.join(folder, '.', 'x.heap'))
    tap.equal(done.returncode, 2)
    tap.is_in('input and output are the same file', done.stderr)
    tap.equal(content(path), content(GOOD))


@tap.test
def permissions_follow_the_umask(folder):
    out = os.path.join(folder, 'x.pb.gz')
    cli.succeed('-n', GOOD, '-o', out, preexec_fn=lambda: os.umask(0o027))
    tap.equal(stat.S_IMODE(os.stat(out).st_mode), 0o640)


@tap.test
def names_with_a_dash_or_spaces(folder):
    shutil.copy(GOOD, os.path.join(folder, '-a dump.heap'))
    cli.succeed('-n', '--', '-a dump.heap', cwd=folder)
    assert os.path.exists(os.path.join(folder, '-a dump.pb.gz'))


@tap.test
def the_format_can_be_given(folder):
    out = os.path.join(folder, 'x')
    cli.succeed('-n', '--from', 'gperftools', cli.data('good-gperftools.heap'), '-o', out)
    done = cli.pprofconv('--from=heapprof', cli.data('good-gperftools.heap'), '-o', out)
    tap.equal(done.returncode, 2)
    tap.is_in("the last line is not '# end'", done.stderr)


@tap.test
def warnings_can_be_silenced(folder):
    text = 'heap profile: 9: 90 [ 9: 90] @ heapprofile\n1: 10 [ 1: 10] @ 0x1\nMAPPED_LIBRARIES:\n'
    done = cli.pprofconv('-n', '-', '-o', '/dev/null', input=text.encode())
    tap.equal(done.returncode, 0)
    tap.is_in('warning: the records hold 10 of the 90 bytes in use', done.stderr)
    done = cli.pprofconv('-n', '-q', '-', '-o', '/dev/null', input=text.encode())
    tap.equal((done.returncode, done.stderr), (0, ''))


@tap.test
def help_and_version(folder):
    tap.is_in('Usage: pprofconv', cli.succeed('--help'))
    tap.is_in('Usage: pprofconv convert', cli.succeed('convert', '--help'))
    tap.equal(cli.succeed('help', 'info'), cli.succeed('info', '-h'))
    assert cli.succeed('--version').startswith('pprofconv ')
    tap.is_in('gperftools', cli.succeed('formats'))
    for command in ('convert', 'info', 'formats'):
        tap.is_in(f'.SS "{command}', cli.succeed('--man'))
    for line in cli.succeed('--help').splitlines() + cli.succeed('convert', '--help').splitlines():
        assert len(line) <= 80, line


@tap.test
def info_shows_what_is_there(folder):
    text = cli.succeed('info', GOOD)
    for part in ('time: 2026-01-02T03:04:05Z', 'period: 1 bytes', 'samples: 2', '  run: 00c0ffee',
                 '0x555555555000-0x555555556000 0x1000 aabbccdd00112233 /usr/bin/demo'):
        tap.is_in(part, text)
    totals = [line.split() for line in text.splitlines() if line.startswith('  alloc_')]
    tap.equal(totals, [['alloc_objects', '6', 'count'], ['alloc_space', '8704', 'bytes', '(8.50', 'KiB)']])


tap.main()
