#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pprofconv html: what is in the file that it writes. test_html_page.py opens it in a browser."""

import json
import os
import pathlib
import re

import cli
import page
import page_profiles
import tap


def diff_rows(*arguments):
    """Returns {(name, file): row} of a diff, with all rows."""
    report = json.loads(cli.succeed('diff', '-q', '-F', 'json', '--top=0', *arguments))
    return {(row['name'], row['file']): row for row in report['rows']}, report


def check_sums(sums, rows, side='new'):
    """Checks that flat and cumulative values are equal to the byte."""
    expected = {function: [row['flat'][side], row['cumulative'][side]]
                for function, row in rows.items()
                if row['flat'][side] or row['cumulative'][side]}
    tap.equal(sums, expected)


@tap.test
def sums_equal_those_of_diff(folder):
    old, new = page_profiles.pair(folder)
    made = page.Page(page_profiles.page(folder, new, '--base', old))
    for type_, _ in page_profiles.TYPES:
        rows, _ = diff_rows('-s', type_, old, new)
        check_sums(made.sums(type_, 0), rows, 'base')
        check_sums(made.sums(type_, 1), rows, 'new')


@tap.test(name=['good-exact.heap', 'good-sampled.heap', 'good-go.heap', 'good-jemalloc.heap',
                'good-growth.heap', 'good-folded.txt', 'good-no-stack.heap', 'good-levels.heap',
                'good-mmap-negative.heap', 'good-unsampled.heap'])
def a_page_of_each_format_has_its_sums(folder, name):
    made = page.Page(page_profiles.page(folder, cli.data(name)))
    for type_ in made.data['types']:
        rows, _ = diff_rows('-s', type_['type'], '--allow-missing-base', os.devnull,
                            cli.data(name))
        check_sums(made.sums(type_['type']), rows)


@tap.test
def a_series_has_each_dump_in_order_of_time(folder):
    paths = page_profiles.series(folder)
    made = page.Page(page_profiles.page(folder, *reversed(paths)))
    tap.equal([dump['name'] for dump in made.data['dumps']], paths)
    for i in (3, len(paths) - 1):
        rows, _ = diff_rows(paths[0], paths[i])
        check_sums(made.sums('inuse_space', i), rows)


@tap.test
def verdicts_are_those_of_trend(folder):
    paths = page_profiles.series(folder)
    trend = json.loads(cli.succeed('trend', '-q', '-F', 'json', '--top=0', *paths))
    made = page.Page(page_profiles.page(folder, *paths))
    found = made.data['trend']
    tap.equal([(row['name'], row['verdict'], row['slope']) for row in found['rows']],
              [(row['name'], row['verdict'], row['slope']) for row in trend['rows']])
    tap.equal(found['rows'][0]['verdict'], 'grows')
    tap.check('trend' not in page.Page(page_profiles.page(folder, *paths[:2])).data, 'two dumps')


def many_stacks(folder, n=30000):
    """Writes folded stacks of which most are too small to be seen; returns the path."""
    lines = [f'main;big{i} {1000 * i}' for i in range(1, 50)]
    lines += [f'main;f{i % 97};g{i % 1009};main;h{i % 211};leaf{i % 31} {i % 7 + 1}'
              for i in range(n)]
    return page_profiles.write(folder, 'many.txt', '\n'.join(lines).encode() + b'\n')


@tap.test
def small_stacks_are_merged_but_sums_by_function_stay(folder):
    path = many_stacks(folder)
    rows, _ = diff_rows('--allow-missing-base', os.devnull, path)
    made = page.Page(page_profiles.page(folder, path))
    check_sums(made.sums('samples'), rows)
    tap.check(made.data['small'] > 1000, f'{made.data["small"]} stacks merged')
    tap.check(len(made.data['nodes']) // 2 < 45000, f'{len(made.data["nodes"]) // 2} nodes')
    whole = page.Page(page_profiles.page(folder, '--all', path, name='all.html'))
    check_sums(whole.sums('samples'), rows)
    tap.equal(whole.data['small'], 0)
    tap.check(len(whole.data['nodes']) > len(made.data['nodes']), '--all has no more nodes')


@tap.test
def small_functions_are_counted_together(folder):
    path = page_profiles.many_functions(folder)
    rows, _ = diff_rows('--allow-missing-base', os.devnull, path)
    made = page.Page(page_profiles.page(folder, path))
    sums = made.sums('samples')
    small = sums.pop(page.SMALL)
    missing = rows.keys() - sums.keys()
    tap.check(('tiny', '') in sums, 'a large function of small stacks')
    tap.equal(len(missing), made.data['smallFunctions'])
    tap.check(10000 < len(missing) < 50000, f'{len(missing)} functions are small')
    tap.equal(small[0], sum(rows[name]['flat']['new'] for name in missing))
    most = max(rows[name]['cumulative']['new'] for name in missing)
    tap.check(most < made.data['functionThreshold'] * rows[('main', '')]['cumulative']['new'], most)
    check_sums(sums, {name: row for name, row in rows.items() if name not in missing})
    for part, n in (('functions', 2), ('frames', 4), ('strings', 1)):
        tap.check(len(made.data[part]) < n * 30000, f'{len(made.data[part]) // n} {part}')


@tap.test
def a_moved_file_is_the_same_function(folder):
    moved = {n: (name, file.replace('/src/', '/build/2/src/'))
             for n, (name, file) in page_profiles.FUNCTIONS.items()}
    old = page_profiles.pair(folder)[0]
    new = page_profiles.write(folder, 'moved.pb', page_profiles.make(
        [row[1] for row in page_profiles.SAMPLES], functions=moved, run='8'))
    made = page.Page(page_profiles.page(folder, new, '--base', old))
    rows, _ = diff_rows(old, new)
    check_sums(made.sums('inuse_space', 0), rows, 'base')
    check_sums(made.sums('inuse_space', 1), rows, 'new')


@tap.test
def hidden_functions_are_not_in_the_page(folder):
    new = page_profiles.pair(folder)[1]
    made = page.Page(page_profiles.page(folder, '--hide', '^std::', new))
    tap.check('std::map' not in made.json, 'std::map is in the page')
    check_sums(made.sums('inuse_space'), diff_rows('--hide', '^std::', '--allow-missing-base',
                                                   os.devnull, new)[0])


@tap.test
def the_standard_library_is_folded(folder):
    new = page_profiles.pair(folder)[1]
    plain = page.Page(page_profiles.page(folder, new))
    made = page.Page(page_profiles.page(folder, '--hide-std', '--hide=^walk$', new, name='std.html'))
    names = {name for name, _ in made.sums('inuse_space')}
    tap.check(not names & {'std::map<std::string, int>::operator[]', 'walk'}, names)
    hidden = page.Page(page_profiles.page(folder, '--hide=^std::|^walk$', new, name='hide.html'))
    tap.equal(made.sums('inuse_space'), hidden.sums('inuse_space'))
    tap.check(re.search(plain.data['stdNames'], 'std::map<int>::at'), plain.data['stdNames'])
    tap.check('stdNames' not in made.data, 'a hint although they are hidden')


@tap.test
def one_report_of_several_is_chosen(folder):
    log = cli.data('good-massif.out')
    totals = [sum(flat for flat, _ in page.Page(page_profiles.page(
        folder, *nth, log)).sums('inuse_space').values()) for nth in ([], ['--nth=1'])]
    tap.check(totals[0] != totals[1], totals)
    done = cli.pprofconv('html', '--nth=99', log, '-o', os.path.join(folder, 'no.html'))
    tap.equal((done.returncode, done.stdout), (2, ''))
    tap.equal(done.stderr.count('\n'), 1, done.stderr)


@tap.test
def the_policy_allows_the_script_and_the_style_of_the_page_only(folder):
    made = page.Page(page_profiles.page(folder, page_profiles.hostile(folder)))
    tap.equal(len(made.scripts), 1)
    tap.equal(len(made.styles), 1)
    tap.equal(made.policy, f"default-src 'none'; script-src {page.digest(made.scripts[0])}; "
              f"style-src {page.digest(made.styles[0])}; base-uri 'none'; form-action 'none'")
    links = [(tag, attrs) for tag, attrs in made.elements if 'href' in attrs or 'src' in attrs]
    tap.equal(links, [])


@tap.test
def no_text_of_a_profile_is_markup(folder):
    made = page.Page(page_profiles.page(folder, page_profiles.hostile(folder)))
    plain = page.Page(page_profiles.page(folder, page_profiles.pair(folder)[0], name='plain.html'))
    tap.equal(made.elements, plain.elements, 'the elements of the page')
    tap.equal(re.findall("[<>&'`\u2028\u202e\x00-\x09\x0b-\x1f]", made.json), [])
    strings = set(made.data['strings'])
    for text in page_profiles.HOSTILE:
        shown = re.sub('[\x00-\x1f\u2028\u202e]', '\ufffd', text)
        tap.check(shown in strings, f'{shown!r} is not in the page')


@tap.test
def bad_usage_and_bad_input_are_one_line(folder):
    old, new = page_profiles.pair(folder)
    out = os.path.join(folder, 'out.html')
    for arguments, message in (
            ([], "no input; see 'pprofconv html --help'"),
            ([old, new, '--base', old], '--base is for one input'),
            ([new, '--base', os.path.join(folder, 'none')], 'No such file or directory'),
            ([cli.data('bad-empty.heap')], 'bad-empty.heap'),
            ([old, '--base', new], 'swap them'),
            ([new, '-s', 'nothing'], "no values of the type 'nothing'"),
            ([new, '--confidence=2'], "invalid number '2'"),
            ([new, '--hide', '('], '--hide')):
        done = cli.pprofconv('html', *arguments, '-o', out)
        tap.equal(done.returncode, 2, arguments)
        tap.is_in(message, done.stderr)
        tap.equal(done.stderr.count('\n'), 1, done.stderr)
        tap.check(not os.path.exists(out), 'a page was written')


@tap.test
def an_input_is_not_overwritten(folder):
    old, new = page_profiles.pair(folder)
    before = pathlib.Path(old).read_bytes()
    for arguments in ([old], [new, '--base', old]):
        done = cli.pprofconv('html', *arguments, '-o', old)
        tap.equal(done.returncode, 2)
        tap.is_in('input and output are the same file', done.stderr)
    tap.equal(pathlib.Path(old).read_bytes(), before)


@tap.test
def warnings_are_in_the_page(folder):
    path = page_profiles.write(folder, 'dropped.pb', page_profiles.make(
        [row[0] for row in page_profiles.SAMPLES], comments=['samples_dropped: 12']))
    made = page.Page(page_profiles.page(folder, path))
    tap.equal(made.data['warnings'], ['12 samples were dropped: values are too low'])


@tap.test
def equal_inputs_make_equal_pages(folder):
    new = page_profiles.pair(folder)[1]
    pages = [page_profiles.page(folder, new, name=f'{i}.html') for i in range(2)]
    tap.equal(*(pathlib.Path(path).read_bytes() for path in pages))


tap.main()
