#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page of pprofconv html in a browser: what it shows, its numbers against those of top and diff,
pointer and keyboard, colours, and that nothing from a profile runs."""

import atexit
import functools
import json
import os
import re
import tempfile

import browser
import cli
import page
import page_profiles
import pprof_file
import tap

tap.need('chromium', 'chromedriver')

PAGE = 'const page = window.heapprof;'
LEAST_CONTRAST = 4.5  # WCAG 2.1, AA, for text


@functools.cache
def chromium():
    """Returns the browser, which all tests share."""
    made = browser.Browser()
    atexit.register(made.quit)
    return made


@functools.cache
def pages():
    """Returns the paths of the pages of one profile and of a comparison, and of their inputs."""
    folder = tempfile.TemporaryDirectory(prefix='heapprof-pages-')
    atexit.register(folder.cleanup)
    old, new = page_profiles.pair(folder.name)
    series = page_profiles.series(folder.name)
    return {'old': old, 'new': new, 'dumps': series,
            'series': page_profiles.page(folder.name, *series, name='series.html'),
            'one': page_profiles.page(folder.name, new, name='one.html'),
            'diff': page_profiles.page(folder.name, new, '--base', old, name='diff.html')}


def open_page(name, fragment=''):
    """Opens a page in a window of the usual size; returns the browser."""
    window = chromium()
    window.emulate()
    window.messages()
    window.open(pages()[name], fragment)
    return window


def run(script, *arguments):
    return chromium().run(PAGE + script, *arguments)


def boxes():
    """Returns the labels of all boxes that are drawn."""
    return run("return [...document.querySelectorAll('.box')].map(b => b.getAttribute('aria-label'))")


def plain(text):
    """Returns a text of the page with the signs and spaces of a terminal."""
    return re.sub('[\u00a0]', ' ', text.replace('\u2009', '')).replace('−', '-')


def rows(type_):
    """Returns {(name, file): row} of the page's table for a sample type."""
    found = run('''
        page.onState({type: arguments[0], by: 'function'});
        return page.rows.map(row => ({
            name: row.name, file: row.place, isReal: row.isReal,
            ...Object.fromEntries(['flat', 'cumulative'].map(kind => [kind, {
                base: row[kind].base, new: row[kind].new, difference: row[kind].difference,
                isExact: row[kind].isExact, hasEnough: row[kind].hasEnough,
                bounds: row[kind].bounds}]))}));''', type_)
    return {(row['name'], row['file']): row for row in found}


def close(found, expected):
    return abs(found - expected) <= 1e-6 * max(1, abs(expected))


# --- numbers -------------------------------------------------------------------------------------


@tap.test
def a_page_opens_without_a_message(_):
    for name in ('one', 'diff', 'series'):
        window = open_page(name)
        tap.equal(window.messages(), [])
        tap.check(len(boxes()) > 3, 'no flame graph')


def check_rows(type_, old, new):
    """Checks that the rows and the total of the page are those of diff."""
    report = json.loads(cli.succeed('diff', '-q', '-F', 'json', '--top=0', '-s', type_, old, new))
    found = rows(type_)
    tap.equal(len(found), len(report['rows']))
    for expected in report['rows']:
        row = found[(expected['name'], expected['file'])]
        tap.equal(bool(row.get('isReal')), expected['significant'], expected['name'])
        for kind in ('flat', 'cumulative'):
            for key in ('base', 'new', 'difference'):
                tap.equal(row[kind][key], expected[kind][key], f'{expected["name"]}: {key}')
            tap.equal(row[kind]['isExact'], expected[kind]['exact'])
            tap.equal(row[kind]['hasEnough'], expected[kind]['interval'] is not None)
            if expected[kind]['interval']:
                tap.check(all(map(close, row[kind]['bounds'], expected[kind]['interval'])),
                          f'{expected}: {row[kind]["bounds"]}')
    total = run('const t = page.total; return [t.base, t.new, ...t.bounds]')
    tap.check(all(map(close, total, [report['total']['base'], report['total']['new'],
                                     *(report['total']['interval'] or total[2:])])), total)


@tap.test
def rows_of_a_comparison_are_those_of_diff(_):
    open_page('diff')
    for type_, _unit in page_profiles.TYPES:
        check_rows(type_, pages()['old'], pages()['new'])


@tap.test
def rows_of_a_profile_are_those_of_top(_):
    open_page('one')
    for type_, unit in page_profiles.TYPES:
        text = cli.succeed('top', '-q', '--full-names', '--lines=0', '-s', type_,
                           pages()['new'])
        found = rows(type_)
        tap.equal(run('return page.total.new'), int(re.search(r'total (\d+)', text)[1]))
        number = r'(-?[\d.]+(?: [KMG]?i?B)?)'
        shown = {}
        for line in text.splitlines()[2:]:
            flat, cumulative, name = re.match(
                rf' *{number}(?: +±\S+)? +\S+% +\S+% +{number} +\S+%  (.*)', line).groups()
            shown[name] = (flat, cumulative)
        tap.equal(len(found), len(shown))
        for (name, file), row in found.items():
            texts = run('return arguments[0].map(v => page.format(v))',
                        [row['flat']['new'], row['cumulative']['new']])
            tap.equal(tuple(map(plain, texts)), shown[f'{name}  {file}'], f'{name} {unit}')


@tap.test
def rows_are_exact_although_small_stacks_are_merged(folder):
    path = page_profiles.many_functions(folder)
    made = page.Page(page_profiles.page(folder, path))
    chromium().open(made.path)
    found = {(row['name'], row['file']): [row['flat']['new'], row['cumulative']['new']]
             for row in rows('samples').values()}
    expected = made.sums('samples')  # which test_html_command.py compares with those of diff
    small = f'({made.data["smallFunctions"]} small functions)'
    expected[(small, '')] = expected.pop(page.SMALL)
    tap.equal(found, expected)
    tap.is_in('“(N small functions)”', run("return document.getElementById('story').innerText"))
    tap.check(not run("return document.querySelector('.finding').innerText").startswith('('), 'story')


@tap.test
def small_functions_are_among_those_that_are_judged(_):
    open_page('diff')
    found = [run("""
        page.model.smallFunctions = arguments[0];
        page.makeKeys();
        return page.rows.filter(row => row.isReal).length""", n) for n in (0, 1e300)]
    tap.check(found[0] > found[1], f'{found} rows are real')


@tap.test
def a_box_has_the_sum_of_the_stacks_below_it(_):
    open_page('one')
    total = run('return page.total.new')
    for by in ('function', 'line', 'file', 'library', 'label:thread'):
        for invert in (False, True):
            sums = run('''
                page.onState({by: arguments[0], invert: arguments[1]});
                const {view, sides} = page, children = [...view.children[0].values()];
                return [view.change(0, sides).new,
                        children.reduce((sum, c) => sum + view.change(c, sides).new, 0)];
                ''', by, invert)
            tap.equal(sums, [total, total], f'by {by}, inverted {invert}')


# --- what a person does --------------------------------------------------------------------------


@tap.test
def a_click_zooms_and_another_zooms_out(_):
    window = open_page('one')
    window.click('.box[aria-label^="Server::run"]')
    tap.equal(run('return page.view.name(page.zoom)'), 'Server::run(int)')
    tap.is_in('zoom=', run('return location.hash'))
    tap.check(not any(label.startswith('walk') for label in boxes()), boxes())
    window.click('#path button')
    tap.equal(run('return [page.zoom, location.hash]'), [0, ''])
    tap.check(any(label.startswith('walk') for label in boxes()), boxes())


@tap.test
def a_search_shows_the_total_of_its_matches(_):
    window = open_page('one')
    window.click('#control-search')
    window.press(*'walk')
    tap.equal(run("return document.querySelectorAll('.box.match').length"), 3)
    found = plain(run("return document.getElementById('summary').textContent"))
    walk = next(line for line in cli.succeed('top', '-q', pages()['new']).splitlines()
                if line.endswith('tree.cc'))
    cumulative = re.search(r'% +([\d.]+ [KMG]?i?B) +\S+%  ', walk)[1]
    tap.is_in(cumulative, found)  # recursion counts once
    window.press('Escape')


@tap.test
def views_have_the_frames_of_their_kind(_):
    open_page('one')
    for state, wanted, unwanted in (
            ({'by': 'library'}, 'libz.so.1', 'main'), ({'by': 'file'}, 'deflate.c', 'compress'),
            ({'by': 'label:thread'}, 'thread: io', ''), ({'invert': True, 'by': 'function'},
                                                         'compress', ''),
            ({'by': 'line'}, 'remember', '')):
        run('page.onState({...page.defaults, ...arguments[0]})', state)
        names = [label.rsplit(' ', 1)[0] for label in boxes()]
        tap.check(any(name.startswith(wanted) for name in names), f'{state}: {names}')
        tap.check(not unwanted or not any(name.startswith(unwanted) for name in names),
                  f'{state}: {names}')
    run('page.onState({...page.defaults, by: "line"})')
    tap.check(run('return page.rows.filter(r => r.name === "remember").length') == 2, 'lines')


@tap.test
def a_tip_says_what_a_box_is(_):
    open_page('one')
    run('''const box = document.querySelector('.box[aria-label^="std::map"]');
           box.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));''')
    tip = plain(run("const tip = document.getElementById('tip'); return tip.hidden ? '' : tip.innerText"))
    for text in ('std::map<std::string, int>::operator[]', '/usr/include/map.h:400', 'app, inlined',
                 'flat', 'cumulative', '95 % interval', ' to '):
        tap.is_in(text, tip)


@tap.test
def names_are_short_or_whole(folder):
    name = 'shop::Cache<std::map<std::string, std::vector<int> >, std::less<void> >::insert'
    path = pprof_file.write(os.path.join(folder, 'long.pb'), [(name, '/shop/cache.h', 1 << 20)])
    window = chromium()
    window.emulate()
    window.open(page_profiles.page(folder, path))
    def shown():
        return run("""return ['tbody td.name button', '.finding b', '.box[aria-level="2"]'].map(
            selector => document.querySelector(selector).textContent.replace(/ 1.00.*/, ''))""")
    tap.equal(shown(), ['shop::Cache<...>::insert'] * 3)
    window.click('#control-full')
    tap.equal(shown(), [name] * 3)
    tap.equal(run('return location.hash'), '#full=true')
    window.open(page_profiles.page(folder, '--full-names', path))
    tap.equal(shown(), [name] * 3)
    window.click('#control-full')
    tap.equal(shown(), ['shop::Cache<...>::insert'] * 3)


@tap.test
def a_hint_folds_the_standard_library(folder):
    def hint(*arguments):
        window = chromium()
        window.open(page_profiles.page(folder, *arguments))
        return '--hide-std' in run("return document.getElementById('table').innerText")
    samples = [(f'std::vector<T{i}>::push_back', '', 1000) for i in range(3)]
    path = pprof_file.write(os.path.join(folder, 'std.pb'), [*samples, ('main', '', 1)])
    tap.equal([hint(path), hint('--hide-std', path), hint(pages()['new'])],
              [True, False, False])


@tap.test
def rounding_is_no_change(folder):
    open_page('diff')
    tap.equal(run('''return [[1e9, 1e9 - 5000], [1e9, 1e9 - 50000], [2, 1], [9, 7]].map(([base, now]) => {
        const measure = new Float64Array(21);
        [measure[0], measure[1], measure[7], measure[8]] = [base, 9, now, 9];
        return new page.total.constructor(measure, 0, page.sides).shown;
    })'''), [0, -50000, 0, -2])
    old = pages()['old']
    chromium().open(page_profiles.page(folder, old, '--base', old))
    tap.is_in('The total is the same.', run("return document.getElementById('story').innerText"))
    tap.check(len(boxes()) > 3 and all(label.startswith('= ') for label in boxes()), boxes())
    tap.equal(run("return page.table.shown().filter(row => row.flat.new === 0).length"), 0)


@tap.test
def exact_values_have_no_intervals(folder):
    def headings():
        return run("return [...document.querySelectorAll('thead button')].map(b => b.textContent)")
    open_page('one')
    tap.is_in('interval', headings())
    chromium().open(page_profiles.page(folder, cli.data('good-exact.heap')))
    tap.equal(headings(), ['flat ▼', 'cumulative', 'function'])


@tap.test
def widths_of_a_comparison_are_changes_or_sizes(_):
    open_page('diff')
    def width(name):
        return run('''const box = document.querySelector(`.box[aria-label*="${arguments[0]}"]`);
                      return box ? box.getBoundingClientRect().width : 0''', name)
    changed = width('compress')
    run('page.onState({width: "new"})')
    tap.check(0 < width('compress') < changed, 'compress')
    tap.equal(run('''return [...document.querySelectorAll('.box')].filter(
        b => b.getAttribute('aria-label').includes('compress')).map(b => b.className)'''), ['box down real'])


@tap.test
def the_table_is_sorted_filtered_and_opened(_):
    window = open_page('one')
    def shown():
        return run("return [...document.querySelectorAll('tbody td.name button')].map(b => b.title)")
    tap.check(shown()[0].startswith('std::map'), shown())
    window.click('thead th:last-child button')
    tap.equal(shown(), sorted(shown(), key=str.casefold))
    window.click('#filter input')
    window.press(*'zlib')
    tap.equal(shown(), ['compress'])
    window.click('tbody td.name button')
    tap.is_in('Server::run', run("return document.querySelector('.neighbours').innerText"))
    text = run('return page.table.text()')
    tap.equal(len(text.splitlines()), 2)
    tap.is_in('compress  /src/zlib/deflate.c', text)


@tap.test
def the_fragment_keeps_the_state(_):
    window = open_page('diff', '#type=alloc_space&by=library&invert=true&filter=z&theme=dark')
    tap.equal(run('const s = page.state; return [s.type, s.by, s.invert, s.filter, s.theme]'),
              ['alloc_space', 'library', True, 'z', 'dark'])
    window.open(pages()['diff'], '#type=x&by=__proto__&zoom={&now=9&base=-4&constructor=1&sort=<b>')
    tap.equal(window.messages(), [])
    tap.equal(run('const s = page.state; return [s.type, s.by, s.base, s.now]'),
              ['inuse_space', 'function', 0, 1])


@tap.test
def the_keyboard_is_enough(_):
    window = open_page('one')
    def focused():
        return run("return document.activeElement.getAttribute('aria-label') || "
                   "document.activeElement.id")
    window.press('/')
    tap.equal(focused(), 'control-search')
    window.press('Tab')
    tap.check(focused().startswith('all '), focused())
    window.press('Down', 'Down')
    tap.check(focused().startswith('Server::run'), focused())
    window.press('Right')
    tap.check(not focused().startswith('Server::run'), focused())
    window.press('Left', 'Enter')
    tap.equal(run('return page.view.name(page.zoom)'), 'Server::run(int)')
    tap.check(run("return !document.getElementById('tip').hidden"), 'the tip is hidden')
    window.press('Escape')
    tap.equal(run('return page.view.name(page.zoom)'), 'main')
    run("document.querySelector('thead th button').focus()")
    window.press('Enter')
    tap.equal(run('return page.state.descends'), False)


# --- a series ------------------------------------------------------------------------------------


@tap.test
def sliders_choose_the_dumps_that_are_compared(_):
    window = open_page('series')
    tap.equal(run('return [page.state.base, page.state.now]'), [0, page_profiles.N_DUMPS - 1])
    run("document.getElementById('control-base').focus()")
    window.press('Right', 'Right', 'Right')
    run("document.getElementById('control-now').focus()")
    window.press('Left')
    tap.equal(run('return [page.state.base, page.state.now, location.hash]'),
              [3, 10, '#base=3&now=10'])
    check_rows('inuse_space', pages()['dumps'][3], pages()['dumps'][10])
    check_rows('alloc_objects', pages()['dumps'][3], pages()['dumps'][10])
    window.press(*['Left'] * 9)  # the base gives way
    tap.equal(run('return [page.state.base, page.state.now]'), [0, 1])
    run("document.getElementById('control-base').focus()")
    window.press('Left')
    tap.equal(run('return [page.state.base, page.isDiff, page.total.base]'), [-1, False, 0])


@tap.test
def the_story_of_a_series_says_what_grows_and_since_when(_):
    open_page('series')
    story = plain(run("return document.getElementById('story').innerText"))
    trend = json.loads(cli.succeed('trend', '-q', '-F', 'json', *pages()['dumps']))
    tap.is_in('1 function grows', story)
    tap.is_in('remember', story)
    tap.is_in(f'since dump {page_profiles.LEAK_FROM + 1} of {page_profiles.N_DUMPS}', story)
    slope = plain(run('return page.course.formatSlope(arguments[0], true)',
                      trend['rows'][0]['slope']))
    tap.is_in(f' by {slope.removeprefix("+")}, since', story)
    tap.is_in(f'{trend["rows"][0]["slope"] / 60 / (1 << 20):.2f} MiB/min', story)
    row = run("return page.rows.find(row => row.name === 'compress')")
    # 30 of its blocks are in use, and 60 are allocated in a minute.
    tap.check(abs(row['lifetime'] - 30000) < 1500, row['lifetime'])
    tap.equal(row['trend']['verdict'], 'steady')
    shown = run("""return [page.rows.find(row => row.name === 'remember'), {lifetime: 30000},
                           {lifetime: 3}].map(row => page.table.formatLifetime(row))""")
    tap.equal(list(map(plain, shown)), ['', '30 s', '< 0.01 s'])


@tap.test
def the_story_says_what_grew_and_then_stays(folder):
    dumps = [page_profiles.write(folder, f'{i:02}.pb', page_profiles.make(
        (('zlib', 'io', 200000, 30, 30), ('other', 'main', 2048, *[5 if i < 6 else 900] * 2)),
        time=1700000000 + 60 * i)) for i in range(12)]
    chromium().open(page_profiles.page(folder, *dumps))
    story = plain(run("return document.getElementById('story').innerText"))
    tap.is_in('1 grew and then stays:\n\nremember', story)
    tap.is_in('between dump 6 of 12 (+5.0 min) and dump 7 of 12 (+6.0 min)', story)


@tap.test
def what_a_container_holds_is_its_callers(_):
    open_page('one')
    tap.equal(run("return page.rows.map(row => [row.name, page.ownerOf(row)]).filter(([, o]) => o)"),
              [['std::map<std::string, int>::operator[](std::string const&)', 'remember']])
    story = run("return document.getElementById('story').innerText")
    tap.is_in('map.h, called by remember holds the most itself', story)


@tap.test
def charts_show_the_course(_):
    window = open_page('series')
    tap.equal(run("return [...document.querySelectorAll('figcaption b')].map(b => b.textContent)"),
              ['Memory', 'inuse_space by function, flat', 'Allocated per second'])
    labels = plain(' '.join(run("return [...document.querySelectorAll('figure > svg')].map("
                                "s => s.getAttribute('aria-label'))")))
    tap.is_in('resident memory 50.00 MiB', labels)
    tap.is_in('at the end resident memory 61.00 MiB', labels)
    run("document.querySelectorAll('.hover')[4].dispatchEvent(new MouseEvent('click'))")
    tap.equal(run('return page.state.now'), 4)
    for width in (400, 1280):
        window.emulate(width=width)
        window.wait_for("return document.querySelector('figure').clientWidth <= innerWidth &&"
                        " innerWidth === " + str(width))
        tap.equal(run('return document.documentElement.scrollWidth'), width)


# --- how it looks --------------------------------------------------------------------------------

CONTRASTS = r'''
const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255).map(
  v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const parse = text => text.match(/[\d.]+/g).map(Number);
const background = element => {
  for (; element; element = element.parentElement) {
    const colour = parse(getComputedStyle(element).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
  return [255, 255, 255];
};
for (const colour of ['up', 'up real', 'down', 'down real', 'same', 'small', 'library0', 'library1',
                      'library2', 'library3', 'library4', 'library5', 'library6']) {
  const box = document.createElement('div');
  box.className = `box ${colour} probe`;
  box.textContent = colour;
  document.getElementById('flame').append(box);
}
const found = [...document.querySelectorAll('body *')]
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) &&
               !['SCRIPT', 'NOSCRIPT', 'STYLE', 'OPTION'].includes(e.tagName))
  .map(e => {
    const [a, b] = [luminance(parse(getComputedStyle(e).color)), luminance(background(e))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), `${e.tagName}.${e.className}`];
  });
document.querySelectorAll('.probe').forEach(e => e.remove());
return found;
'''


@tap.test(scheme=['light', 'dark'])
def text_has_contrast(_, scheme):
    window = open_page('diff', '#theme=' + scheme)
    window.emulate(prefers_color_scheme='light' if scheme == 'dark' else 'dark')
    found = run("document.querySelector('tbody td.name button').click();" + CONTRASTS)
    tap.check(len(found) > 40, f'{len(found)} texts')
    low = sorted(f'{ratio:.2f} {name}' for ratio, name in found if ratio < LEAST_CONTRAST)
    tap.equal(low, [], f'contrast below {LEAST_CONTRAST}')
    dark = run("return getComputedStyle(document.body).backgroundColor") != 'rgb(255, 255, 255)'
    tap.equal(dark, scheme == 'dark')


@tap.test
def it_follows_the_system(_):
    window = open_page('one')
    found = []
    for scheme in ('light', 'dark'):
        window.emulate(prefers_color_scheme=scheme)
        found.append(run('return getComputedStyle(document.body).backgroundColor'))
    tap.equal(found, ['rgb(255, 255, 255)', 'rgb(15, 20, 24)'])
    for motion, expected in (('reduce', '0s'), ('no-preference', '0.12s')):
        window.emulate(prefers_reduced_motion=motion)
        tap.equal(run("return getComputedStyle(document.querySelector('.box')).transitionDuration"),
                  expected)


@tap.test
def a_narrow_window_is_enough(_):
    window = open_page('diff')
    window.emulate(width=400, height=800)
    window.wait_for('return document.getElementById("flame").clientWidth ===' +
                    ' Math.round(document.querySelector(".box").getBoundingClientRect().width) + 1')
    run("document.querySelector('tbody td.name button').click()")
    tap.equal(run('return document.documentElement.scrollWidth'), 400)
    tap.check(run("return document.querySelector('td.name').clientWidth") > 350, 'narrow names')
    tap.check(run("return [...document.querySelectorAll('.box')].every("
                  "b => b.getBoundingClientRect().right <= 401)"), 'boxes beyond the window')


@tap.test
def it_can_be_printed(_):
    window = open_page('one')
    window.emulate(media='print')
    tap.equal(run("return ['controls', 'filter', 'theme', 'flame', 'table'].map("
                  "id => getComputedStyle(document.getElementById(id)).display !== 'none')"),
              [False, False, False, True, True])


@tap.test
def everything_has_a_name(_):
    open_page('diff')
    nameless = run('''
        return [...document.querySelectorAll('button, input, select, textarea, [role]')].filter(e =>
            !e.textContent.trim() && !e.getAttribute('aria-label') && !(e.labels && e.labels.length) &&
            !['path', 'tip', 'story', 'summary'].includes(e.id)).map(e => e.outerHTML.slice(0, 99))''')
    tap.equal(nameless, [])
    tap.equal(run('return document.documentElement.lang'), 'en')
    tap.equal(run("return document.querySelectorAll('h1').length"), 1)


# --- what may run --------------------------------------------------------------------------------


@tap.test
def hostile_texts_run_nothing(folder):
    path = page_profiles.page(folder, page_profiles.hostile(folder))
    window = chromium()
    window.emulate()
    window.messages()
    for by in ('function', 'label:thread'):
        window.open(path, f'#by={by}&search=%3Cimg%20src=x%20onerror=alert(1)%3E')
        run('''document.querySelectorAll('tbody td.name button').forEach((b, i) => i < 5 && b.click());
               page.onState({search: ''});
               document.querySelectorAll('.box').forEach(
                   b => b.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})));''')
        tap.equal(run('return typeof window.pwned'), 'undefined')
        tap.equal(run("return document.querySelectorAll('img, svg, iframe, b[onload]').length"), 0)
        tap.equal(run("return document.scripts.length"), 2)
    tap.equal(window.messages(), [])
    shown = run("return document.body.innerText")
    tap.is_in('<img src=x onerror="window.pwned = 2">', shown)


@tap.test
def the_policy_is_in_force(_):
    window = open_page('one')
    window.run('''const script = document.createElement('script');
                  script.textContent = 'window.pwned = 1';
                  document.body.append(script);
                  document.body.insertAdjacentHTML('beforeend', '<img src="x.png" onerror="window.pwned = 2">');''')
    tap.equal(run('return typeof window.pwned'), 'undefined')
    text = '\n'.join(window.messages())
    for directive in ('script-src', 'img-src'):
        tap.is_in(directive, text)


tap.main()
