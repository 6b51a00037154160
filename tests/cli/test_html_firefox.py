#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The pages of pprofconv html in Firefox: they show the same as in Chromium, in which
test_html_page.py tests them."""

import atexit
import functools
import os

import firefox
import page
import page_profiles
import tap

tap.need('firefox-esr')
if not os.environ.get('HEAPPROF_FIREFOX'):
    tap.skip('HEAPPROF_FIREFOX is not set')

SEEN = '''
const page = window.heapprof;
return {
    rows: page.rows.map(row => [row.name, row.place, row.flat.new, row.cumulative.new]),
    boxes: document.querySelectorAll('.box').length,
    lines: document.querySelectorAll('tbody tr').length,
    charts: document.querySelectorAll('figure svg').length,
    wider: document.documentElement.scrollWidth - innerWidth,
    story: document.getElementById('story').innerText,
};'''


@functools.cache
def window():
    made = firefox.Firefox()
    atexit.register(made.quit)
    return made


def look(path, fragment=''):
    window().open(path, fragment)
    seen = window().run(SEEN)
    tap.check(seen['boxes'] > 3 and seen['lines'] > 2, seen)
    tap.check(seen['wider'] <= 0, f'{seen["wider"]} pixels too wide')
    return seen


def check_sums(seen, path):
    found = {(name, file): [flat, cumulative] for name, file, flat, cumulative in seen['rows']}
    tap.equal(found, page.Page(path).sums('inuse_space'))


@tap.test
def it_shows_a_profile(folder):
    path = page_profiles.page(folder, page_profiles.pair(folder)[1])
    seen = look(path)
    check_sums(seen, path)
    tap.is_in('holds the most itself', seen['story'])
    tap.equal(window().run("""
        document.querySelector('.box[aria-label^="Server::run"]').click();
        return [window.heapprof.view.name(window.heapprof.zoom), location.hash]"""),
              ['Server::run(int)', '#zoom=0.0'])


@tap.test
def it_shows_a_series(folder):
    path = page_profiles.page(folder, *page_profiles.series(folder))
    seen = look(path, '#base=-1')
    check_sums(seen, path)
    tap.equal(seen['charts'] > 2, True)
    tap.is_in('1 function grows', seen['story'])
    window().run("""const slider = document.getElementById('control-base');
                    slider.value = 3;
                    slider.dispatchEvent(new Event('input'));""")
    tap.equal(window().run('return [window.heapprof.state.base, location.hash]'), [3, '#base=3'])


@tap.test
def no_text_of_a_profile_runs(folder):
    seen = look(page_profiles.page(folder, page_profiles.hostile(folder)))
    tap.is_in('img', str(seen['rows']))
    tap.equal(window().run("""
        document.body.insertAdjacentHTML('beforeend', '<img src="x.png" onerror="window.pwned = 1">');
        const script = document.createElement('script');
        script.textContent = 'window.pwned = 2';
        document.body.append(script);
        return [typeof window.pwned, document.querySelectorAll('svg').length]"""), ['undefined', 0])


tap.main()
