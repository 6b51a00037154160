#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A command writes none of the files that it reads, no two outputs to one path, and nothing after
wrong usage."""

import os
import shutil

import cli
import tap

GOOD = cli.data('good-exact.heap')


def fail(*args, **options):
    done = cli.pprofconv(*args, **options)
    tap.equal((done.returncode, done.stdout), (2, ''))
    tap.equal(len(done.stderr.splitlines()), 1)
    return done.stderr.rstrip('\n').removeprefix('pprofconv: ')


def content(path):
    with open(path, 'rb') as file:
        return file.read()


@tap.test
def what_is_read_is_never_written_over(folder):
    for name in ('a', 'b', 'c'):
        shutil.copy(GOOD, os.path.join(folder, name))
    with open(os.path.join(folder, 'list'), 'w') as file:
        file.write('leak:nothing\n')
    os.symlink('b', os.path.join(folder, 'link'))
    for command in (['diff', 'a', 'b'], ['diff', '--base=b', 'a', 'c'], ['merge', 'a', 'b'],
                    ['trend', 'a', 'b', 'c'], ['diff', '--allow-missing-base', 'none', 'b'],
                    ['convert', 'b']):
        for out in ('b', './b', 'link'):
            tap.equal(fail(*command, '-n', '-o', out, cwd=folder),
                      'b: input and output are the same file')
    for command in (['diff', 'a', 'b'], ['trend', 'a', 'b', 'c']):
        tap.equal(fail(*command, '-n', '--suppressions', 'list', '-o', 'list', cwd=folder),
                  'list: input and output are the same file')
    tap.equal(fail('merge', 'a', '--binary', 'b', '-o', 'b', cwd=folder),
              'b: input and output are the same file')
    with open(os.path.join(folder, 'b')) as file:
        tap.equal(fail('diff', '-n', 'a', '-', '-o', 'b', cwd=folder, stdin=file),
                  '-: input and output are the same file')
    tap.equal(content(os.path.join(folder, 'b')), content(GOOD))
    tap.equal(content(os.path.join(folder, 'list')), b'leak:nothing\n')
    tap.equal(sorted(os.listdir(folder)), ['a', 'b', 'c', 'link', 'list'])


@tap.test
def an_input_is_not_the_output_of_another(folder):
    for name in ('x.heap', 'x.pb.gz'):
        shutil.copy(GOOD, os.path.join(folder, name))
    tap.equal(fail('-n', 'x.heap', 'x.pb.gz', cwd=folder),
              'x.pb.gz: input and output are the same file')
    tap.equal(sorted(os.listdir(folder)), ['x.heap', 'x.pb.gz'])
    tap.equal(content(os.path.join(folder, 'x.pb.gz')), content(GOOD))


@tap.test
def no_two_inputs_go_to_one_file(folder):
    for name in ('a', 'b', 'out'):
        os.mkdir(os.path.join(folder, name))
    for name in ('a/app.heap', 'b/app.heap', 'x', 'x.heap'):
        shutil.copy(GOOD, os.path.join(folder, name))
    tap.equal(fail('-n', 'a/app.heap', 'x', 'b/app.heap', '-o', 'out', cwd=folder),
              'a/app.heap and b/app.heap would both be written to out/app.pb.gz')
    for one, other in (('x', 'x.heap'), ('./x', 'x.heap'), ('x', 'a/../x.heap')):
        line = fail('-n', one, other, cwd=folder)
        assert 'would both be written to' in line and line.endswith('x.pb.gz'), line
    tap.equal(os.listdir(os.path.join(folder, 'out')), [])
    tap.equal(sorted(os.listdir(folder)), ['a', 'b', 'out', 'x', 'x.heap'])
    cli.succeed('-n', 'x', 'x.heap', '-t', 'folded', cwd=folder)  # writes to standard output
    cli.succeed('-n', 'a/app.heap', 'b/app.heap', cwd=folder)     # writes next to each input
    assert os.path.exists(os.path.join(folder, 'b', 'app.pb.gz'))


@tap.test
def a_slip_writes_nothing(folder):
    for name in ('base.heap', 'new.heap'):
        shutil.copy(GOOD, os.path.join(folder, name))
    tap.is_in("no command or file 'dif'", fail('dif', 'base.heap', 'new.heap', cwd=folder))
    tap.equal(fail('-n', 'base.heap', 'nwe.heap', cwd=folder),
              'nwe.heap: No such file or directory')
    tap.equal(sorted(os.listdir(folder)), ['base.heap', 'new.heap'])
    os.rename(os.path.join(folder, 'base.heap'), os.path.join(folder, 'dif'))
    cli.succeed('-n', 'dif', cwd=folder)  # a file may have any name


@tap.test
def links_are_followed(folder):
    """The command creates or replaces the target of a link; the link stays."""
    path = os.path.join
    os.mkdir(path(folder, 'there'))
    os.symlink('there/made.pb.gz', path(folder, 'one'))
    os.symlink(path(folder, 'one'), path(folder, 'two'))
    for _ in range(2):
        cli.succeed('-n', GOOD, '-o', 'two', cwd=folder)
        assert os.path.islink(path(folder, 'one')) and os.path.islink(path(folder, 'two'))
        assert os.path.isfile(path(folder, 'there', 'made.pb.gz'))
    os.symlink('round', path(folder, 'round'))
    tap.equal(fail('-n', GOOD, '-o', 'round', cwd=folder),
              'round: Too many levels of symbolic links')
    os.symlink('nowhere/x', path(folder, 'lost'))
    tap.equal(fail('-n', GOOD, '-o', 'lost', cwd=folder), 'lost: No such file or directory')
    assert os.path.islink(path(folder, 'round')) and os.path.islink(path(folder, 'lost'))


tap.main()
