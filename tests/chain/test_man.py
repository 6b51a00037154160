#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The man pages are well-formed and complete."""

import re

import chain
import cli
import tap

LIBRARY_PAGE = chain.BUILD / 'profiler' / 'libheapprof.3'
PROGRAM_PAGE = chain.BUILD / 'pprofconv' / 'pprofconv.1'
COMMAND_PAGE = chain.BUILD / 'profiler' / 'command' / 'heapprof.1'
SERVER_PAGE = chain.BUILD / 'profiler' / 'heapprof-server.7'
STATISTICS_PAGE = chain.BUILD / 'pprofconv' / 'heapprof-statistics.7'


def lint(page):
    tap.need('mandoc')
    done = cli.run('mandoc', '-Tlint', '-W', 'style', str(page))
    tap.equal(done.stdout, '')
    tap.equal(done.returncode, 0)


@tap.test
def library_page_is_well_formed(folder):
    lint(LIBRARY_PAGE)


@tap.test
def pages_beside_them_are_well_formed(folder):
    for page in (SERVER_PAGE, STATISTICS_PAGE):
        lint(page)
        assert '@' not in page.read_text(), 'what meson fills in'
        for other in (LIBRARY_PAGE, PROGRAM_PAGE):
            tap.is_in(page.stem.replace('-', '\\-'), other.read_text())


@tap.test
def program_page_is_well_formed(folder):
    lint(PROGRAM_PAGE)


@tap.test
def command_page_is_well_formed_and_has_its_parts(folder):
    lint(COMMAND_PAGE)
    page = COMMAND_PAGE.read_text()
    for part in ('REPORT', 'SIGNALS', 'EXIT STATUS', 'ENVIRONMENT', 'EXAMPLES', 'SEE ALSO'):
        tap.is_in(f'.SH {part}\n', page)
    for name in ('run', 'check'):
        tap.is_in(f'.SS "{name} ', page)
    for text in (page, PROGRAM_PAGE.read_text()):
        tap.is_in('heapprof touches processes, pprofconv reads files, and a core is a file.\n', text)


@tap.test
def program_page_has_its_parts(folder):
    page = PROGRAM_PAGE.read_text()
    for part in ('EXIT STATUS', 'ENVIRONMENT', 'FILES', 'EXAMPLES', 'LIMITS', 'SEE ALSO', 'SYMBOL OPTIONS'):
        tap.is_in(f'.SH {part}\n', page)
    for schema in re.findall(r'^\.I (\S+\.schema\.json)$', page, re.MULTILINE):
        assert (chain.ROOT / 'pprofconv' / 'reports' / schema.rsplit('/', 1)[1]).exists(), schema
    tap.is_in('.dwp', page)
    for option in ('binary', 'debuginfod', 'demangle'):  # not again under each command
        tap.equal(page.count('\\-' + option.replace('-', '\\-') + '\\fR'), 1)


@tap.test
def program_page_explains_the_columns_of_diff(folder):
    source = (chain.ROOT / 'pprofconv' / 'reports' / 'text.c').read_text()
    columns = re.findall('{"(.*?) ?"', re.search('{"flat .*?"cum%"', source, re.DOTALL)[0])
    assert len(columns) == 7, columns
    section = PROGRAM_PAGE.read_text().split('.SH COLUMNS')[1].split('.SH')[0]
    bold = re.findall(r'[\w%]+', ' '.join(re.findall(r'^\.BR? (.*)', section, re.MULTILINE)))
    assert set(columns) <= set(bold), bold


@tap.test
def library_page_has_every_variable(folder):
    source = (chain.ROOT / 'profiler' / 'base' / 'options.c').read_text()
    names = re.findall(r'^\s*\{"(HEAP\w+)",', source, re.MULTILINE)
    assert len(names) >= 15, names
    page = LIBRARY_PAGE.read_text()
    tap.equal(re.findall(r'^\.BR (HEAP\w+) =', page, re.MULTILINE), ['HEAPPROFILE'] + names)


@tap.test
def library_page_has_every_function(folder):
    header = (chain.ROOT / 'profiler' / 'control' / 'heapprof.h').read_text()
    functions = re.findall(r'^[a-z].*?(\w+)\(.*\);$', header, re.MULTILINE)
    assert len(functions) == 9, functions
    functions_section = LIBRARY_PAGE.read_text().split('.SH FUNCTIONS')[1].split('.SH')[0]
    for function in functions:
        tap.is_in(f' {function}(', functions_section)


tap.main()
