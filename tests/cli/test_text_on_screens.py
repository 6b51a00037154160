#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Text on a screen: lines that fit, columns that are left out, colours, hints."""

import os
import re

import cli
import pprof_file
import tap

LIST = 'std::vector<Order{0}<std::allocator<int> >, std::allocator<Order{0}<int> > >'
NAMES = ['std::_Rb_tree<std::string, {}>::_M_emplace_hint_unique<int&, long>',
         'shop::(anonymous namespace)::Cache<{}, std::less<void> >::insert_or_assign<int&>',
         'shop::handle(shop::Request const&, {}&)::{{lambda({}*)#1}}::operator()',
         'shop::Größe<{}>::operator<< <char>', 'main']
ESCAPE = re.compile('\x1b\\[[0-9;]*m')


def names():
    """Names as in a server that is full of templates, of up to a thousand characters."""
    for i in range(40):
        text = LIST.format(i)
        for _ in range(i % 4):
            text = f'std::map<std::string, {text}, std::less<{text}> >'
        yield NAMES[i % len(NAMES)].replace('{}', text).replace('{{', '{').replace('}}', '}')


def series(folder):
    """Writes three profiles, and returns their paths."""
    return [pprof_file.write(os.path.join(folder, f'{k}.pb'),
                             [(name, f'/home/me/shop/include/shop/part{i}.h',
                               (i + 1) * (1 << 20) * (1 + k * (i % 3)))
                              for i, name in enumerate(names())]) for k in range(3)]


def on_screen(width, *args, **variables):
    return cli.pprofconv(*args, '-q', env={**os.environ, 'COLUMNS': str(width),
                                          'LC_ALL': 'C.UTF-8', **variables}).stdout


def commands(folder):
    paths = series(folder)
    return [('top', paths[2]), ('top', '--cum', paths[2]), ('diff', paths[0], paths[2]),
            ('diff', '-g', 'inuse_space=1K', paths[0], paths[2]), ('trend', *paths),
            ('top', '-n', cli.data('good-sampled.heap')),
            ('diff', '-n', cli.data('good-sampled.heap'), cli.data('good-exact.heap'))]


@tap.test
def no_line_is_wider_than_the_screen(folder):
    tap.check(max(map(len, names())) > 1000, 'the names are short')
    for command in commands(folder):
        for width in (40, 80, 200):
            for line in on_screen(width, *command).splitlines():
                tap.check(len(line) <= max(width, 60), f'{command}: {len(line)}: {line}')


@tap.test
def a_file_has_whole_lines(folder):
    path = series(folder)[2]
    text = cli.succeed('top', '--lines=0', path)
    tap.is_in('Cache<...>::insert_or_assign<int&>  /home/me/shop/include/shop/part1.h\n', text)
    tap.check('Order1<' not in text, 'arguments are shown')
    full = cli.succeed('top', '--lines=0', '--full-names', path)
    for name in names():
        tap.is_in(f'  {name}  /', full)


@tap.test
def paths_begin_where_they_differ(folder):
    tap.is_in('  main  part4.h\n', on_screen(200, 'top', '--lines=0', series(folder)[2]))


@tap.test
def a_narrow_screen_has_the_important_columns(folder):
    paths = series(folder)
    wide, narrow = ([line for line in on_screen(width, 'diff', paths[0], paths[2]).splitlines()
                     if line.endswith('  function')][0].split() for width in (200, 70))
    tap.equal(wide, ['flat', 'flat%', '95', '%', 'interval', 'base', 'new', 'cum', 'cum%',
                     'function'])
    tap.equal(narrow, ['flat', '95', '%', 'interval', 'cum', 'function'])


@tap.test
def sampled_values_have_errors(folder):
    sampled = cli.data('good-sampled.heap')
    text = on_screen(80, 'top', '-n', sampled)
    tap.is_in('2.04 MiB ±1.50M 57.59%', text)
    tap.is_in('(3.54 MiB) ±2.38M\n', text)
    tap.is_in('3.54 MiB ±2.38M 100.00%', on_screen(80, 'top', '-n', '--cum', sampled))
    tap.is_in(' +-1.50M ', on_screen(80, 'top', '-n', sampled, LC_ALL='C'))
    tap.check('±' not in on_screen(80, 'top', '-n', cli.data('good-exact.heap')), 'exact has errors')


@tap.test
def the_standard_library_is_folded(folder):
    path = os.path.join(folder, 'a.folded')
    with open(path, 'w', encoding='utf-8') as file:
        for name in ('std::vector<int>::push_back', '<alloc::vec::Vec<T> as X>::y',
                     'alloc::raw_vec::grow', '__gnu_cxx::new_allocator<int>::allocate'):
            file.write(f'main;fill;{name} 100\n')
        file.write('main;core::Server::run;alloc::ours 30\n')
    rows = [line.split()[-1] for line in cli.succeed('top', '--hide-std', path).splitlines()[2:]]
    tap.equal(rows, ['fill', 'alloc::ours', 'main', 'core::Server::run'])
    tap.is_in('hint: --hide-std', on_screen(80, 'top', path))
    tap.check('hint: --hide-std' not in on_screen(80, 'top', '--hide-std', path), 'a second hint')
    tap.check('hint' not in cli.succeed('top', path), 'a hint in a file')
    both = cli.succeed('top', '--hide-std', '--hide=^fill$', path)
    tap.check('fill' not in both and 'std' not in both, both)


@tap.test
def colours(folder):
    paths = series(folder)
    plain = on_screen(100, 'diff', paths[0], paths[2])
    for command in (('diff', paths[0], paths[2]), ('top', paths[2]), ('trend', *paths)):
        always = on_screen(100, *command, '--color=always')
        tap.check(ESCAPE.search(always), f'{command} has no colours')
        tap.equal(ESCAPE.sub('', always), on_screen(100, *command))
    tap.is_in('\x1b[1;31m', on_screen(100, 'diff', paths[0], paths[2], '--color=always'))
    tap.check('\x1b' not in plain, 'a pipe has colours')
    done = cli.pprofconv('top', '--color=red', paths[0])
    tap.equal((done.returncode, done.stderr), (2, "pprofconv: --color: unknown word 'red'; "
                                               'expected auto, always or never\n'))
    tap.equal(done.stdout, '')


@tap.test
def a_terminal_has_colours_unless_the_user_wants_none(folder):
    path = cli.data('good-exact.heap')
    tap.is_in('\x1b[1m', cli.on_terminal('top', '-n', '-q', path))
    for args, variables in ((['--color=never'], {}), ([], {'NO_COLOR': '1'}),
                            ([], {'TERM': 'dumb'})):
        text = cli.on_terminal('top', '-n', '-q', *args, path, **variables)
        tap.check('\x1b' not in text and 'flat' in text, (args, variables, text))


tap.main()
