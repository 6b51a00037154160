#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The files of tools that look for leaks: their totals are the tools' own, and files that don't add
up are refused."""

import shutil

import cli
import foreign
import tap

MEMCHECK = 'good-memcheck.txt'
SEARCHES = 'good-memcheck-searches.txt'
KINDS = {'definite': 80, 'indirect': 5000, 'reachable': 1160}


@tap.test(name=[MEMCHECK, 'good-memcheck.xml'])
def memcheck_counts_what_is_direct(_folder, name):
    """A record's indirect bytes have records of their own."""
    profile, warnings = foreign.read(cli.data(name))
    tap.equal(foreign.totals(profile), {'inuse_objects': 30, 'inuse_space': 6240})
    tap.equal(foreign.by_label(profile, 'leak', 'inuse_space'), KINDS)
    tap.equal(foreign.names_of(profile, profile['sample'][-1]), ['malloc', 'make', 'lose', 'main'])
    tap.equal(len(warnings), name.endswith('.xml'))
    tap.equal(foreign.top(cli.data(name)), ('6.09 KiB', 'make'))


@tap.test
def memcheck_says_what_it_left_out(folder):
    """Kinds that --show-leak-kinds leaves out are in the summary only."""
    text = foreign.fixture(MEMCHECK)
    parts = text.split('==4242== \n')
    kept = [part for part in parts if 'reachable in loss' not in part]
    tap.equal(len(parts) - len(kept), 2)
    profile, warnings = foreign.read(foreign.write(folder, '==4242== \n'.join(kept)))
    tap.equal(foreign.totals(profile)['inuse_space'], 5080)
    tap.equal(warnings, ['valgrind left out the records of 1160 bytes still reachable; to see them, '
                         'run it with --show-leak-kinds=all'])


@tap.test
def memcheck_lines_of_other_forms(folder):
    """Times before the process, suppressions and output of the program between the records, offsets
    after names, frames without names, inlined frames, and names with parentheses."""
    text = foreign.fixture(MEMCHECK).replace('==4242==', '==00:00:00:01.337 4242==')
    text = text.replace('==00:00:00:01.337 4242== \n', '==00:00:00:01.337 4242== \n{\n   <x>\n}\nhello\n')
    text = text.replace('0x10916E: make (held.c:7)',
                        '0x10916E: Map<int (*)(char)>::put(int) (map.h:3)\n==00:00:00:01.337 4242==    '
                        'by 0x10916E: make+12 (held.c:7)')
    text = text.replace('main (held.c:35)', '??? (in /opt/held (old)/held)')
    profile, _ = foreign.read(foreign.write(folder, text))
    tap.equal(foreign.totals(profile)['inuse_space'], 6240)
    tap.equal(foreign.names_of(profile, profile['sample'][0]),
              ['malloc', 'Map<int (*)(char)>::put(int)', 'make', 'keep', 'held+0x10927d'])
    tap.equal([len(profile['location'][n]['line']) for n in profile['sample'][0]['location']],
              [1, 2, 1, 1])


@tap.test
def memcheck_recursion_is_not_inlining(folder):
    text = foreign.fixture(MEMCHECK).replace(
        '0x1091BF: keep (held.c:15)', '0x1091BF: keep (held.c:15)\n==4242==    by 0x1091BF: keep (held.c:15)')
    profile, _ = foreign.read(foreign.write(folder, text))
    tap.equal(len(profile['sample'][0]['location']), 5)


@tap.test
def memcheck_searches(folder):
    """The last search is read, --nth chooses another, and trend follows all."""
    path = cli.data(SEARCHES)
    sizes = [foreign.totals(foreign.read(path, *args)[0])['inuse_space']
             for args in ((), ('--nth=1',), ('--nth=2',), ('--nth=3',))]
    tap.equal(sizes, [600, 100, 300, 600])
    tap.is_in('inuse_space of 4 dumps', cli.succeed('trend', path))
    tap.equal(foreign.refuse(path, '--nth=5'), 'there is no search for leaks number 5; the input has 4')
    tap.is_in('--nth=2: the input holds one profile', foreign.refuse(cli.data('good-exact.heap'), '--nth=2'))
    done = cli.pprofconv('trend', cli.data(MEMCHECK))
    tap.equal((done.returncode, done.stderr), (2, 'pprofconv: a trend needs three dumps or more\n'))
    text = foreign.fixture(SEARCHES)
    cut = foreign.write(folder, text[:text.rindex('LEAK SUMMARY')])
    profile, warnings = foreign.read(cut)
    tap.equal((foreign.totals(profile)['inuse_space'], warnings),
              (600, ['the last search for leaks has no summary; the one before it was read']))


@tap.test
def memcheck_of_two_processes(folder):
    """Their lines alternate."""
    one = foreign.fixture(MEMCHECK).splitlines(True)
    two = [line.replace('4242', '4243') for line in one]
    path = foreign.write(folder, ''.join(line for pair in zip(one, two) for line in pair))
    for nth in ('1', '2'):
        profile, _ = foreign.read(path, '--nth', nth)
        tap.equal(foreign.totals(profile)['inuse_space'], 6240)
        tap.equal(profile['comment'], [f'pid: 424{int(nth) + 1}'])


@tap.test
def memcheck_that_is_refused(folder):
    text = foreign.fixture(MEMCHECK)
    head = ''.join(text.splitlines(True)[:5])
    for content, said in (
            (head, 'the log has no search for leaks; run valgrind with --leak-check=full'),
            (text[:text.index('==4242== LEAK')], '35: truncated: the search for leaks has no summary'),
            (text.replace('(80 direct', '(81 direct'), '30: a loss record whose counts are damaged'),
            (text.replace('1,000 bytes', '900 bytes'), '41: the records of what is still reachable have 1060')):
        tap.is_in(said, foreign.refuse(foreign.write(folder, content)))
    tap.equal(foreign.refuse(cli.data('unsupported-memcheck-summary.txt')),
              '17: the log has the totals of its leaks only; run valgrind with --leak-check=full')


@tap.test
def memcheck_without_leaks(folder):
    text = ('==7== Memcheck, a memory error detector\n==7== \n==7== HEAP SUMMARY:\n==7== \n'
            '==7== All heap blocks were freed -- no leaks are possible\n')
    profile, warnings = foreign.read(foreign.write(folder, text), '-q')
    tap.equal((profile['sample'], warnings), ([], []))


@tap.test
def two_memcheck_logs_are_compared(folder):
    """A diff of two logs shows the function that leaks more."""
    text = foreign.fixture(MEMCHECK)
    more = text.replace('5,080 (80 direct, 5,000 indirect) bytes in 5', '5,096 (96 direct, 5,000 indirect) bytes in 6')
    more = more.replace('definitely lost: 80 bytes in 5', 'definitely lost: 96 bytes in 6')
    paths = [foreign.write(folder, content, name) for name, content in (('a', text), ('b', more))]
    out = cli.succeed('diff', *paths)
    tap.is_in('+16 B', out)
    tap.is_in('make', out)


@tap.test
def memcheck_itself(folder):
    """A program under valgrind: text and XML of the same run agree with the program."""
    if not shutil.which('valgrind') or not shutil.which('gcc'):
        tap.skip('valgrind or gcc is missing')
    source = foreign.write(folder, '#include <stdlib.h>\nvoid lose(void) { for (int i = 0; i < 7; i++) '
                                   '*(volatile char *)malloc(300) = 1; }\n'
                                   'int main(void) { lose(); return 0; }\n', 'lose.c')
    program, log = f'{folder}/lose', f'{folder}/log'
    tap.equal(cli.run('gcc', '-g', '-O0', '-o', program, source).returncode, 0)
    for extra in ([f'--log-file={log}'], ['--xml=yes', f'--xml-file={log}']):
        tap.equal(cli.run('valgrind', '--leak-check=full', *extra, program).returncode, 0)
        profile, _ = foreign.read(log)
        tap.equal(foreign.by_label(profile, 'leak', 'inuse_space'), {'definite': 2100})
        tap.equal(foreign.top(log), ('2.05 KiB', 'lose'))


tap.main()
