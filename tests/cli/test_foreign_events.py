#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Files of more tools: their totals are the tools' own, and files that don't add up are refused."""

import json
import os

import cli
import foreign
import tap

PROGRAM = '''#include <mcheck.h>
#include <stdlib.h>
static void *kept[9];
static void keep(void) { for (int i = 0; i < 7; i++) kept[i] = malloc(300); }
int main(void) { mtrace(); keep(); free(malloc(50)); free(kept[0]); muntrace(); return 0; }
'''


def check_refused(folder, *pairs):
    for content, said in pairs:
        tap.is_in(said, foreign.refuse(foreign.write(folder, content)))


# --- valgrind's xtree ------------------------------------------------------------------------

@tap.test
def xtree_of_memory(_folder):
    profile, warnings = foreign.read(cli.data('good-xtree.kcg'))
    tap.equal((foreign.totals(profile), warnings), ({
        'alloc_objects': 70, 'alloc_space': 1006560, 'inuse_objects': 30, 'inuse_space': 6240}, []))
    tap.is_in(['make', 'keep', 'main'], [foreign.names_of(profile, sample) for sample in profile['sample']])
    tap.equal(foreign.top(cli.data('good-xtree.kcg')), ('6.09 KiB', 'make'))
    tap.is_in('/src/held.c', [function['filename'] for function in profile['function']])


@tap.test
def xtree_of_leaks(_folder):
    """The kinds are those of memcheck's log of the same program."""
    path = cli.data('good-xtree-leak.kcg')
    profile, log = (foreign.read(p, '-q')[0] for p in (path, cli.data('good-memcheck.txt')))
    tap.equal(foreign.totals(profile), foreign.totals(log))
    tap.equal(foreign.by_label(profile, 'leak', 'inuse_space'), foreign.by_label(log, 'leak', 'inuse_space'))


@tap.test
def xtree_that_is_refused(folder):
    text, leaks = foreign.fixture('good-xtree.kcg'), foreign.fixture('good-xtree-leak.kcg')
    last = text[text.index('totals:'):]
    check_refused(
        folder, (text.replace('totals: ', 'totals: 1'), 'the stacks do not add up to the totals'),
        (text.replace(last, ''), 'truncated: the totals, which end a file, are missing'),
        (text + 'fl=(1)\n', 'text after the totals'),
        (text.replace('cfn=(2)', 'cfn=(9)', 1), 'expected the number of a file or function'),
        (text.replace('cfn=(2) keep', 'cfn=(2)', 1), 'a number without a name'),
        (text.replace('creator: xtree-1', 'creator: callgrind-3.19'), "callgrind's costs are not memory"),
        (text.replace('curB  ', '', 1), '--xtree-memory=full'),
        (leaks.replace('totals', 'fn=(1)\n1 0 0 0 1 2' + ' 0' * 22 + '\ntotals'), 'more is lost indirectly'),
        (text.replace(last, 'fn=(1)\n' * 5000), 'a stack of more than 4096 frames'))


# --- V8 --------------------------------------------------------------------------------------

@tap.test
def v8_heap_profile(_folder):
    path = cli.data('good-v8-heapprofile.json')
    profile, _ = foreign.read(path)
    with open(path, encoding='utf-8') as file:
        root = json.load(file)['head']

    def total(node):
        return node['selfSize'] + sum(total(child) for child in node['children'])
    tap.equal(foreign.totals(profile), {'inuse_space': total(root)})
    names = [foreign.names_of(profile, sample) for sample in profile['sample']]
    tap.is_in(['make', 'keep', '(anonymous)'], [stack[:3] for stack in names])
    tap.equal(foreign.top(path)[1], 'make')


NODE = '{"callFrame":{"functionName":"f","url":"a.js","lineNumber":0,"columnNumber":0},"selfSize":%s,"children":[%s]}'


@tap.test
def v8_counts_from_0(folder):
    """Lines and columns do; the stack ends below the root."""
    text = '{"head":' + NODE % ('0', NODE % ('8', '')) + '}'
    profile, _ = foreign.read(foreign.write(folder, text))
    tap.equal([(line['line'], line['column']) for location in profile['location'] for line in location['line']],
              [(1, 1)])


@tap.test
def v8_that_is_refused(folder):
    deep = '1'
    for _ in range(1100):
        deep = NODE % ('1', deep if deep != '1' else '')
    check_refused(
        folder, ('{"head":' + NODE % ('-1', '') + '}', 'expected a node with callFrame'),
        ('{"head":' + NODE % ('1e400', '') + '}', 'number overflow'),
        ('{"head":' + NODE % ('5', '3') + '}', 'expected a node'),
        ('{"head":' + deep + '}', 'maximum parsing depth'),
        ('{"head":{}', 'truncated: '), ('{"snapshot":{"meta":{}}}', "V8's heap snapshot is not supported"))


# --- memray ----------------------------------------------------------------------------------

@tap.test
def memray_csv(folder):
    profile, warnings = foreign.read(cli.data('good-memray.csv'))
    tap.equal((foreign.totals(profile), warnings), ({'peak_objects': 17, 'peak_space': 267384}, []))
    tap.is_in(['make', 'keep', '<module>'], [foreign.names_of(profile, sample) for sample in profile['sample']])
    tap.equal(foreign.by_label(profile, 'thread', 'peak_objects'),
              {'MainThread (1)': 15, 'a "quoted" name, 2': 1, '2': 1})
    text = foreign.fixture('good-memray.csv')
    check_refused(folder, (text.replace('10,160', '10,x'), '2: expected the number of allocations'),
                  (text.replace('10,160', '10,-1'), '2: expected the number of allocations'),
                  (text.replace('held.py;3|', 'held.py|'), '2: expected a frame'),
                  (text.replace('<module>;/src/held.py;20"', ''), '2: expected a row of 6 cells'),
                  (text.rstrip(), '5: truncated: the last line has no newline'))


# --- jemalloc's statistics -------------------------------------------------------------------

@tap.test
def jemalloc_statistics(folder):
    path = cli.data('good-jemalloc-stats.json')
    with open(path, encoding='utf-8') as file:
        file = json.load(file)
    stats = file['jemalloc']['stats']
    profile, _ = foreign.read(path)
    found = foreign.totals(profile)
    tap.equal(found['inuse_space'], stats['allocated'])
    arena = file['jemalloc']['stats.arenas']['0']
    tap.equal(found['held_space'], stats['active'] - stats['allocated'] + arena['base'] + arena['internal'] +
              stats['retained'] + 4096 * (arena['pdirty'] + arena['pmuzzy']))
    tap.is_in(['blocks of 112 bytes', 'arena 0'], [foreign.names_of(profile, sample) for sample in profile['sample']])
    stats['allocated'] += 1
    check_refused(folder, (json.dumps(file), 'bytes in use, but stats.allocated is '))
    file['jemalloc']['arenas']['bin'] = file['jemalloc']['arenas']['bin'][:3]
    check_refused(folder, (json.dumps(file), 'an arena has more sizes of blocks'))
    del file['jemalloc']['stats.arenas']
    check_refused(folder, (json.dumps(file), "leave out 'a', 'b' and 'l' in stats_print_opts"))


# --- mtrace ----------------------------------------------------------------------------------

@tap.test
def mtrace_replays_the_events(folder):
    path = cli.data('good-mtrace.log')
    profile, warnings = foreign.read(path)
    tap.equal((foreign.totals(profile), warnings), ({
        'alloc_objects': 70, 'alloc_space': 1006560, 'inuse_objects': 30, 'inuse_space': 6240}, []))
    tap.equal(sorted(sum((foreign.names_of(profile, sample) for sample in profile['sample']), [])),
              ['held+0x117f', 'held+0x118f'])
    trace = ('= Start\n@ ./a b:(f+0x1)[0x10] + 0x100 0x8\n@ /x/a:[0x20] < 0x100\n@ /x/a:[0x20] > 0x200 0x9\n'
             '@ ./a:[0x30] - 0x50\n@ ./a:[0x30] ! (nil) 0xffff\n@ [0x7f] + 0x300 0x1\n')
    profile, warnings = foreign.read(foreign.write(folder, trace))
    tap.equal({foreign.names_of(profile, sample)[0]: sample['value'] for sample in profile['sample']},
              {'f': [1, 8, 0, 0], 'a+0x20': [1, 9, 1, 9], '0x7f': [1, 1, 1, 1]})
    tap.equal(warnings, ['the trace has no end; the program was killed, or did not call muntrace()',
                         '1 blocks were freed that had been allocated before the trace'])
    check_refused(folder, (trace.replace('> 0x200', '> 0x100').replace('< 0x100', '< 0x101'),
                           '4: a block is allocated that is in use'),
                  (trace.replace('0x8\n', 'x8\n'), '2: expected an event'),
                  (trace.replace('[0x10]', '[10]'), '2: expected a place'),
                  (trace.replace('< 0x100', '* 0x100'), '3: expected an event: one of'),
                  (trace + 'free\n', '8: expected a line of mtrace'), (trace[:-1], 'truncated'),
                  (trace.replace('0x9', '0x8000000000000000'), '4: expected an event'))


@tap.test
def mtrace_itself(folder):
    tap.need('gcc')
    source, program, out = foreign.write(folder, PROGRAM, 'program.c'), f'{folder}/program', f'{folder}/out'
    tap.equal(cli.run('gcc', '-g', '-O0', '-fno-builtin', '-o', program, source).returncode, 0)
    cli.run(program, env={**os.environ, 'MALLOC_TRACE': out, 'LD_PRELOAD': 'libc_malloc_debug.so.0'})
    if not os.path.exists(out):
        return  # no libc_malloc_debug.so.0
    tap.equal(foreign.totals(foreign.read(out)[0]), {
        'alloc_objects': 8, 'alloc_space': 2150, 'inuse_objects': 6, 'inuse_space': 1800})


# --- bpftrace --------------------------------------------------------------------------------

@tap.test
def bpftrace_maps(folder):
    path = cli.data('good-bpftrace.txt')
    profile, _ = foreign.read(path)
    tap.equal(foreign.totals(profile), {'count': 5})
    sample, = profile['sample']
    tap.equal(foreign.names_of(profile, sample), ['__GI___libc_malloc', 'operator+(A, B)'])
    tap.equal([profile['location'][i]['address'] for i in sample['location']],
              ['0x7fb31d937930', '0x5607d028c1dc', '0x5607d028c226'])
    tap.equal(sample['label'], [{'key': 'key', 'str': 'held, 7'}])
    profile, _ = foreign.read(path, '--nth=1')
    tap.equal(foreign.totals(profile), {'alloc_space': 5160})
    tap.is_in(['__GI___libc_malloc', 'make', 'lose', 'main'],
              [foreign.names_of(profile, sample) for sample in profile['sample']])
    text = foreign.fixture('good-bpftrace.txt')
    rounds = '\n'.join(f'@bytes[\n    f+1\n]: {n}\n' for n in (10, 20, 30))
    tap.equal(foreign.totals(foreign.read(foreign.write(folder, rounds))[0]), {'alloc_space': 30})
    tap.is_in('alloc_space of 3 dumps', cli.succeed('trend', '-q', foreign.write(folder, rounds)))
    histogram = '@h[\n    f+1\n]: \n[4K, 8K)  10 |@@|\n\n'
    _, warnings = foreign.read(foreign.write(folder, histogram + rounds))
    tap.equal(warnings, ['1 stacks whose values are not numbers are left out'])
    check_refused(folder, (histogram, 'histograms and statistics of bpftrace are not supported'),
                  (text[:text.index(', 7]')], 'truncated: the last stack is not whole'),
                  (text.replace('\t7fb3', '\tx'), 'expected a frame, such as 7f00 f+1 (app)'),
                  (text.replace(']: 5000', ']: -1'), '14: a number below 0'),
                  (text.replace('    main+40\n', 'main+40\n'), '7: expected a frame, or the end of a stack'))


tap.main()
