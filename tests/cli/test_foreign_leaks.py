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
              ['malloc', 'Map<int (*)(char)>::put(int)', 'make', 'keep', 'held 0x10927d'])
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


# --- LeakSanitizer ---------------------------------------------------------------------------

LSAN = 'good-lsan.txt'


@tap.test(name=[LSAN, 'good-lsan-modules.txt'])
def lsan_direct_and_indirect(_folder, name):
    profile, warnings = foreign.read(cli.data(name))
    tap.equal(warnings, [])
    tap.equal(foreign.totals(profile), {'leaked_objects': 10, 'leaked_space': 5080})
    tap.equal(foreign.by_label(profile, 'leak', 'leaked_space'), {'direct': 80, 'indirect': 5000})
    if name == LSAN:
        tap.equal(foreign.names_of(profile, profile['sample'][0]),
                  ['malloc', 'make', 'lose', 'main', '__libc_start_call_main'])
        tap.equal(foreign.top(cli.data(name)), ('4.96 KiB', 'make'))


@tap.test
def lsan_modules_become_mappings(_folder):
    """Without names, the build IDs lead to the files that have them."""
    profile, _ = foreign.read(cli.data('good-lsan-modules.txt'))
    modules = {mapping['filename']: mapping for mapping in profile['mapping']}
    tap.equal(sorted(modules), ['/lib/x86_64-linux-gnu/libc.so.6', '/src/held.casan'])
    tap.equal(len(modules['/src/held.casan']['build_id']), 40)
    tap.equal(foreign.top(cli.data('good-lsan-modules.txt'), '-n')[1], 'held.casan+0xa314e')


@tap.test
def lsan_says_what_it_omits(folder):
    _, warnings = foreign.read(cli.data('good-lsan-omitted.txt'))
    tap.equal(warnings, ['the report leaves out 5000 bytes in 5 blocks, because of max_leaks'])
    modules = foreign.fixture('good-lsan-modules.txt')
    gcc = foreign.write(folder, modules[:modules.index('SUMMARY')])
    tap.equal(foreign.read(gcc)[1], ['the report has no SUMMARY, so it is not known whether it is whole'])


@tap.test
def lsan_reports_among_other_text(folder):
    """Colours, a program's own output, several reports, frames without a module or without a line."""
    text = foreign.fixture(LSAN)
    coloured = text.replace('Direct leak', '\x1b[1m\x1b[34mDirect leak').replace('from:\n', 'from:\x1b[1m\x1b[0m\n')
    path = foreign.write(folder, 'hello\n' + coloured + 'bye\n' + text.replace('5000', '4999').replace('5080', '5079'))
    for args, found in (((), 5079), (('--nth=1',), 5080)):
        tap.equal(foreign.totals(foreign.read(path, *args)[0])['leaked_space'], found)
    odd = text.replace('in make /src/held.c:7', '(<unknown module>)').replace(
        'in lose /src/held.c:23', 'in N::f(int) const /a dir/x.cc:23:7')
    profile, _ = foreign.read(foreign.write(folder, odd))
    tap.equal(foreign.names_of(profile, profile['sample'][0])[1:3], ['(unknown module)', 'N::f(int) const'])
    tap.is_in('/a dir/x.cc', [function.get('filename') for function in profile['function']])


@tap.test
def lsan_that_is_refused(folder):
    text = foreign.fixture(LSAN)
    for content, said in (
            (text[:text.index('SUMMARY')], 'truncated: the report has no SUMMARY'),
            (text.replace('5080 byte', '5079 byte'), 'the leaks have 5080 bytes in 10 blocks, but this line says 5079'),
            (text.replace('in 10 alloc', 'in 11 alloc'), 'the leaks have 5080 bytes in 10 blocks'),
            (text.replace('LeakSanitizer: detected', 'AddressSanitizer: heap-use-after-free'),
             'an error of AddressSanitizer other than a leak is not supported')):
        tap.is_in(said, foreign.refuse(foreign.write(folder, content)))
    tap.is_in('leave out stack_trace_format', foreign.refuse(cli.data('unsupported-lsan-format.txt')))


@tap.test
def lsan_itself(folder):
    tap.need('gcc')
    source = foreign.write(folder, '#include <stdlib.h>\nvoid lose(void) { for (int i = 0; i < 7; i++) '
                                   '*(volatile char *)malloc(300) = 1; }\n'
                                   'int main(void) { lose(); return 0; }\n', 'lose.c')
    program = f'{folder}/lose'
    if cli.run('gcc', '-g', '-O0', '-fsanitize=address', '-o', program, source).returncode:
        tap.skip('gcc has no AddressSanitizer')
    done = cli.run(program)
    if 'LeakSanitizer has encountered' in done.stderr:
        tap.skip('LeakSanitizer cannot run here')
    tap.equal(foreign.top(foreign.write(folder, done.stderr)), ('2.05 KiB', 'lose'))


# --- memleak ---------------------------------------------------------------------------------

BCC, LIBBPF = 'good-memleak.txt', 'good-memleak-libbpf.txt'
CUT = ('memleak prints only the largest stacks, as many as -T says, and blocks older than -o; what it left out '
       'is not in the text')


@tap.test(name=[BCC, LIBBPF])
def memleak_of_both_kinds(_folder, name):
    profile, warnings = foreign.read(cli.data(name))
    tap.equal(warnings, [CUT])
    tap.equal(foreign.totals(profile), {'inuse_objects': 60, 'inuse_space': 24000})
    tap.equal(foreign.names_of(profile, profile['sample'][0])[:3], ['make', 'lose', 'main'])
    tap.equal(foreign.top(cli.data(name)), ('23.44 KiB', 'make'))
    tap.equal(foreign.totals(foreign.read(cli.data(name), '--nth=1')[0])['inuse_space'], 12000)


@tap.test
def memleak_lists_of_blocks_add_up(folder):
    """-a lists the blocks: before all stacks in bcc, after the line of a stack in libbpf-tools."""
    bcc = '[01:02:03] Top 2 stacks with outstanding allocations:\n\taddr = a0 size = 3\n\taddr = b0 size = 4\n' \
          '\t7 bytes in 2 allocations from stack\n\t\tf+0x1 [a]\n'
    libbpf = '[1:02:03] Top 1 stacks with outstanding allocations:\n7 bytes in 2 allocations from stack\n' \
             '\taddr = 0xa0 size = 3\n\taddr = 0xb0 size = 4\n\t0 [<00000000000010>] f+0x1 [/a]\n'
    for text, said in ((bcc, 'the stacks have more than the blocks that are listed'),
                       (libbpf, "the blocks of the stack before this line don't add up")):
        profile, _ = foreign.read(foreign.write(folder, text))
        tap.equal(foreign.totals(profile), {'inuse_objects': 2, 'inuse_space': 7})
        tap.is_in(said, foreign.refuse(foreign.write(folder, text.replace('size = 3', 'size = 2'))))


@tap.test
def memleak_that_is_refused(folder):
    text = foreign.fixture(LIBBPF)
    for content, said in (
            (text[:text.rindex('4000 bytes')], 'another number of stacks than its title'),
            (text[:-1], 'truncated: the last line has no newline'),
            (text.replace('20000 bytes', 'x bytes'), "expected a stack, such as '64 bytes"),
            ("Attaching to pid 1, Ctrl+C to quit.\n(b'a', 1, 1, b'...', 5.1, b'alloc entered, size = 1')\n",
             '2: the events that memleak -t prints are not supported'),
            ('Attaching to pid 1, Ctrl+C to quit.\n', 'there is no whole report in the input')):
        tap.is_in(said, foreign.refuse(foreign.write(folder, content)))


tap.main()
