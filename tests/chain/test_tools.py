#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tools of others read our files: go tool pprof reads the converted file without the binary, and
all three readers of the format read the dump itself."""

import os
import re
import signal
import subprocess
import urllib.error
import urllib.request

import chain
import cli
import running
import tap

CACHE = 'cache_get'  # keeps the most memory
LEAK = 'session_remember'  # grows
CHURN = 'response_build'  # allocates the most, and keeps nothing


def convert(folder):
    """Makes an old and a new profile of a program, and then removes the program; returns their
    paths."""
    service, first, last = chain.run_service(folder)
    old, new = os.path.join(folder, 'old.pb.gz'), os.path.join(folder, 'new.pb.gz')
    cli.succeed('-q', first, '-o', old)
    cli.succeed('-q', last, '-o', new)
    for path in (service, first, last):
        os.remove(path)
    return old, new


def first_function(report):
    """Returns the function in the first row of a -top report."""
    rows = report.split('flat%', 1)[1].splitlines()[1:]
    return rows[0].split()[5]


@tap.test
def top(folder):
    _, new = convert(folder)
    report = cli.go_pprof('-top', new)
    tap.is_in('Type: inuse_space', report)
    tap.equal(first_function(report), CACHE)
    tap.is_in(LEAK, report)


@tap.test
def top_of_a_difference(folder):
    old, new = convert(folder)
    tap.equal(first_function(cli.go_pprof('-top', '-diff_base', old, new)), LEAK)


@tap.test
def all_that_was_allocated(folder):
    _, new = convert(folder)
    report = cli.go_pprof('-top', '-sample_index=alloc_space', new)
    tap.is_in('Type: alloc_space', report)
    tap.equal(first_function(report), CHURN)


@tap.test
def lines(folder):
    _, new = convert(folder)
    source = chain.SERVICE.read_text().splitlines()
    line = next(i for i, text in enumerate(source, 1) if 'malloc(sizeof(*session))' in text)
    tap.is_in(f'{chain.SERVICE}:{line}', cli.go_pprof('-top', '-lines', new))


@tap.test
def graph(folder):
    tap.need('dot')
    old, new = convert(folder)
    svg = os.path.join(folder, 'graph.svg')
    cli.go_pprof('-svg', '-output', svg, '-diff_base', old, new)
    with open(svg, encoding='utf-8') as file:
        tap.is_in(LEAK, file.read())


def fetch(url):
    """Fetches a page from a server that may not listen yet."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def page():
        try:
            with opener.open(url, timeout=60) as answer:
                return answer.read().decode()
        except urllib.error.URLError:
            return None

    return running.wait_until(page, url)


@tap.test
def web_interface(folder):
    old, new = convert(folder)
    server = subprocess.Popen(
        ['go', 'tool', 'pprof', '-no_browser', '-http=127.0.0.1:', '-diff_base', old, new],
        stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        found = None
        while not found:
            line = server.stderr.readline()
            assert line, 'pprof ended before it served'
            found = re.search(r'http://[\d.]+:\d+', line)
        tap.is_in(LEAK, fetch(found[0] + '/top'))
        tap.is_in(LEAK, fetch(found[0] + '/flamegraph'))
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.communicate()


FLAMEGRAPH = '/usr/share/perl5/Devel/NYTProf/flamegraph.pl'


def flame_graph(folder, folded, *options):
    """Draws a flame graph; returns the titles of its frames, and the SVG."""
    if not os.path.exists(FLAMEGRAPH):
        tap.skip('libdevel-nytprof-perl is not installed')
    path = os.path.join(folder, 'folded')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(folded)
    done = cli.run('perl', FLAMEGRAPH, '--countname', 'bytes', *options, path)
    tap.equal((done.returncode, done.stderr), (0, ''))  # it would report lines that it can't read
    return re.findall(r'<title>(.*?)</title>', done.stdout), done.stdout


@tap.test
def flame_graphs(folder):
    old, new = convert(folder)
    folded = cli.succeed('--to=folded', new)
    titles, _ = flame_graph(folder, folded)
    total = sum(int(line.rsplit(' ', 1)[1]) for line in folded.splitlines())
    assert any(f'({total:,} bytes, 100' in title for title in titles), (total, titles)
    for name in (CACHE, LEAK):
        assert any(title.startswith(name + ' (') for title in titles), titles
    titles, svg = flame_graph(folder, cli.succeed('diff', '-F', 'folded', old, new))
    grown = [title for title in titles if title.startswith(LEAK + ' (')]
    assert len(grown) == 1 and '; +' in grown[0], grown
    tap.is_in('fill="rgb(255,0,0)"', svg)  # the color of the function that grew most


@tap.test
def raw_dump_by_go_pprof(folder):
    service, _, last = chain.run_service(folder)
    tap.equal(first_function(cli.go_pprof('-top', service, last)), CACHE)


def check_perl_report(text):
    """Checks the rows of a report. Both Perl scripts print: MB, percent, sum, MB, percent,
    function."""
    rows = [line.split() for line in text.splitlines() if '%' in line]
    assert rows, text
    tap.equal(rows[0][5], CACHE)


@tap.test
def raw_dump_by_google_pprof(folder):
    tap.need('google-pprof')
    service, _, last = chain.run_service(folder)
    check_perl_report(chain.succeed('google-pprof', '--text', service, last))


@tap.test
def raw_dump_by_jeprof(folder):
    tap.need('jeprof')
    service, _, last = chain.run_service(folder)
    check_perl_report(chain.succeed('jeprof', '--text', service, last))


tap.need('go')
tap.main()
