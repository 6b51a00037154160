#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A service grows in rare steps. trend distinguishes these from a cache and from short-lived
memory."""

import pathlib
import re
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))

import cases  # noqa: E402: after the path to it
import tap  # noqa: E402

N_DUMPS = 50


@tap.test
def the_first_and_the_newest_stay(run):
    assert run.output('wc -l') == str(N_DUMPS)
    names = run.output("ls dumps | sed -n '1,3p").splitlines()
    numbers = [int(re.fullmatch(r'service\.(\d+)\.heap', name)[1]) for name in names]
    assert numbers[0] == 1 and numbers[1] > 2, numbers
    assert numbers[3] == numbers[1] + N_DUMPS - 2, numbers


@tap.test
def trend_tells_them_apart(run):
    report = run.output('pprofconv trend')
    verdicts = re.findall(r'/h  (\S.*?)  .* (\S+)  \S+/service\.c$', report, re.M)
    assert verdicts[0] == ('grows', 'table_load'), report
    assert ('grew, then stays', 'page_get') in verdicts, report
    assert all(verdict in ('steady', 'comes and goes') for verdict, function in verdicts
               if function not in ('table_load', 'page_get')), report


@tap.test
def the_difference_is_the_tables(run):
    rows = run.output('-top -diff_base').split('flat%', 1)[1].splitlines()[1:]
    assert rows[0].split()[5] == 'table_load', rows
    row = re.search(r'^ *\+([\d.]+) MiB\*.* table_load  ', run.output('pprofconv diff'), re.M)
    # Six or seven tables of 10 MiB, depending on the dumps; a standard deviation is 10 %.
    assert 35 < float(row[1]) < 105, row[0]


@tap.test
def the_graph_has_it(run):
    assert 'table_load' in pathlib.Path(run.path('graph.svg')).read_text()


cases.main(__file__, needs=['cc', 'go', 'dot', 'valgrind', '/usr/lib/x86_64-linux-gnu/liblsan.so.0'],
           kept=['graph.svg'])
