#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The files of other heap profilers: their totals are the tools' own, and files that don't add up
are refused."""

import gzip
import os
import shutil

import cli
import foreign
import tap

HEAPTRACK, MASSIF, DHAT = 'good-heaptrack.txt', 'good-massif.out', 'good-dhat.json'
PROGRAM = '''#include <stdlib.h>
static void *kept[9];
static void keep(void) { for (int i = 0; i < 7; i++) kept[i] = malloc(300); }
static void work(void) { for (int i = 0; i < 5; i++) { void *p = malloc(30000); *(volatile char *)p = 1; free(p); } }
int main(void) { keep(); work(); return kept[0] == kept[1]; }
'''


def build(folder):
    source, program = foreign.write(folder, PROGRAM, 'program.c'), f'{folder}/program'
    tap.equal(cli.run('gcc', '-g', '-O0', '-fno-builtin', '-o', program, source).returncode, 0)
    return program


# --- heaptrack -------------------------------------------------------------------------------

@tap.test
def heaptrack_replays_the_events(_folder):
    """The library of C++ holds 72,704 bytes of its own."""
    profile, warnings = foreign.read(cli.data(HEAPTRACK))
    tap.equal(warnings, [])
    tap.equal(foreign.totals(profile), {
        'alloc_objects': 71, 'alloc_space': 1006560 + 72704, 'peak_objects': 23, 'peak_space': 123880,
        'inuse_objects': 30, 'inuse_space': 6240})
    tap.equal(foreign.top(cli.data(HEAPTRACK)), ('6.09 KiB', 'make'))
    tap.equal(foreign.top(cli.data(HEAPTRACK), '-s', 'alloc_space'), ('982.97 KiB', 'make'))
    stacks = [foreign.names_of(profile, sample) for sample in profile['sample']]
    tap.is_in(['make', 'lose', 'main', '__libc_start_call_main', '__libc_start_main_impl', '_start'], stacks)
    tap.is_in('??? in libstdc++.so.6', [stack[0] for stack in stacks])


EVENTS = ('v 10400 3\nX ./a\ns 1 f\ni 10 0 1 0 0\nt 1 0\na 64 1\na c8 1\n{}'
          '# strings: 1\n# ips: 1\n')


def events(text):
    return EVENTS.format(''.join(f'{event[0]} {event[1]}\n' for event in text.split()))


@tap.test
def heaptrack_at_its_peak(folder):
    """Blocks of 100 and 200 bytes (0x64, 0xc8): the first of equal peaks counts."""
    for text, peak in (('+0 +1 -0 -1', (2, 300)), ('+0 -0 +1 -1', (1, 200)), ('+0 +0 -0 -0 +1', (2, 200)),
                       ('+0 +1 -1 +1 -1 +0 +0', (2, 300)), ('', (0, 0))):
        profile, _ = foreign.read(foreign.write(folder, events(text)), '-q')
        found = foreign.totals(profile)
        tap.equal((found['peak_objects'], found['peak_space']), peak)


@tap.test
def heaptrack_packed(folder):
    text = foreign.fixture(HEAPTRACK).encode()
    paths = [foreign.write(folder, gzip.compress(text), 'x.gz')]
    if shutil.which('zstd'):
        paths.append(f'{folder}/x.zst')
        tap.equal(cli.run('zstd', '-q', '-o', paths[-1], foreign.write(folder, text)).returncode, 0)
    for path in paths:
        tap.equal(foreign.totals(foreign.read(path)[0])['inuse_space'], 6240)


@tap.test
def heaptrack_of_format_2(folder):
    """Its strings have no length."""
    text = events('+0 +0').replace('v 10400 3', 'v 10200 2').replace('s 1 f', 's f g')
    profile, _ = foreign.read(foreign.write(folder, text))
    tap.equal(foreign.names_of(profile, profile['sample'][0]), ['f g'])


@tap.test
def heaptrack_without_an_end(folder):
    """heaptrack was killed: what it had written counts, except for a line that is not whole."""
    text = events('+0 +1 +1')
    for cut in (text.index('# strings'), text.index('# ips'), text.index('# strings') - 1, len(text) - 1):
        profile, warnings = foreign.read(foreign.write(folder, text[:cut]))
        tap.equal(foreign.totals(profile)['inuse_space'], 300 if text[cut:].startswith('\n#') else 500)
        tap.equal(len(warnings), 1)
        tap.is_in('the file has no end: heaptrack was killed', warnings[0])


@tap.test
def heaptrack_that_is_refused(folder):
    text = events('+0')
    for content, said in (
            (text.replace('v 10400 3', 'v 10000 1'), "1: version 1 of heaptrack's format is not supported"),
            (text.replace('+ 0', '+ 2'), '8: expected the number of an allocation'),
            (text.replace('+ 0', '- 0'), '8: a block is freed that is not in use'),
            (text.replace('t 1 0', 't 2 0'), '5: expected the number of an ip and of a trace'),
            (text.replace('t 1 0', 't 1 1'), '5: expected the number of an ip and of a trace'),
            (text.replace('i 10 0 1 0 0', 'i 10 0 2'), '4: expected an address and the numbers of strings'),
            (text.replace('s 1 f', 's 2 f'), '3: a string of another length than the line says'),
            (text.replace('strings: 1', 'strings: 2'), 'the file has other numbers of strings and ips'),
            ('v 10400 ', '1: truncated: the line of the version'),
            (text.replace('s 1 f', 'x 1 f'), "3: heaptrack's raw data is not supported; run heaptrack -i"),
            (text.replace('a 64', 'a 7fffffffffffffff').replace('+ 0', '+ 0\n+ 0'), 'more than 64 bits')):
        tap.is_in(said, foreign.refuse(foreign.write(folder, content)))


@tap.test
def two_heaptrack_files_are_compared(folder):
    paths = [foreign.write(folder, events(text), name) for name, text in (('a', '+0'), ('b', '+0 +1'))]
    out = cli.succeed('diff', *paths)
    tap.is_in('+200 B', out)


@tap.test
def heaptrack_itself(folder):
    tap.need('heaptrack', 'gcc')
    program, out = build(folder), f'{folder}/out'
    tap.equal(cli.run('heaptrack', '-o', out, program).returncode, 0)
    path, = [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith('out')]
    tap.equal(foreign.top(path), ('2.05 KiB', 'keep'))
    tap.equal(foreign.top(path, '-s', 'alloc_space')[1], 'work')


# --- massif ----------------------------------------------------------------------------------

@tap.test
def massif_reads_the_largest_snapshot_with_stacks(folder):
    """It says so if another one was larger."""
    path = cli.data(MASSIF)
    text = foreign.fixture(MASSIF)
    profile, warnings = foreign.read(path)
    most = max(int(line.split('=')[1]) for line in text.splitlines() if line.startswith('mem_heap_B='))
    tap.equal(foreign.totals(profile), {'inuse_space': most})
    tap.equal(warnings, [])
    larger = text + '#-----------\nsnapshot=99\n#-----------\ntime=9\nmem_heap_B=999999\nheap_tree=empty\n'
    _, warnings = foreign.read(foreign.write(folder, larger))
    tap.equal(len(warnings), 1)
    tap.is_in('massif kept no stacks of its largest snapshot, of 999999 bytes; snapshot ', warnings[0])
    sizes = [foreign.totals(foreign.read(path, '-q', '--nth', str(i))[0])['inuse_space']
             for i in range(1, text.count('heap_tree=detailed') + 2)]
    tap.equal(max(sizes), most)
    tap.is_in(f'inuse_space of {len(sizes)} dumps', cli.succeed('trend', '-q', path))


@tap.test
def massif_stacks_are_leaf_first(_folder):
    profile, _ = foreign.read(cli.data(MASSIF))
    stacks = [foreign.names_of(profile, sample) for sample in profile['sample']]
    tap.is_in(['make', 'work', 'main'], stacks)


TREE = '''desc: (none)
cmd: ./a
time_unit: i
#-----------
snapshot=0
#-----------
time=5
mem_heap_B=100
mem_heap_extra_B=8
mem_stacks_B=0
heap_tree=detailed
n2: 100 (heap allocation functions) malloc/new/new[], --alloc-fns, etc.
 n1: 90 0x1: f(int (*)(char)) (a.c:3)
  n0: 90 0x2: main (a.c:9)
 n0: 10 in 2 places, all below massif's threshold (1.00%)
'''


@tap.test
def massif_trees(folder):
    profile, _ = foreign.read(foreign.write(folder, TREE))
    tap.equal([(foreign.names_of(profile, sample), sample['value']) for sample in profile['sample']],
              [(['f(int (*)(char))', 'main'], [90]), (["(below massif's threshold)"], [10])])
    pages = TREE.replace('(heap allocation functions)', '(page allocation syscalls)')
    profile, _ = foreign.read(foreign.write(folder, pages))
    tap.equal(foreign.totals(profile), {'mapped_space': 100})
    for content, said in (
            (TREE.replace('n0: 90', 'n0: 91'), '14: the bytes of a node are not the sum'),
            (TREE.replace('n0: 10 in', 'n0: 11 in'), '15: the bytes of a node are not the sum'),
            (TREE.replace('mem_heap_B=100', 'mem_heap_B=101'), '12: the tree has other bytes than mem_heap_B'),
            (TREE.replace('  n0: 90 0x2: main (a.c:9)\n', ''), '14: expected a node of the tree'),
            (TREE[:TREE.index(' n0: 10')], '14: truncated: the last snapshot is not whole'),
            (TREE.replace('0x2: main', 'main'), '14: expected a frame'),
            (TREE.replace('(heap allocation functions)', 'curB : currently allocated Bytes'),
             "12: valgrind's xtree in massif's form is not supported"),
            (TREE[:TREE.index('heap_tree')] + 'heap_tree=empty\n', 'no snapshot has stacks'),
            (TREE.replace('heap_tree=detailed', 'heap_tree=odd'), '11: expected empty, detailed or peak')):
        tap.is_in(said, foreign.refuse(foreign.write(folder, content)))


# --- DHAT ------------------------------------------------------------------------------------

@tap.test
def dhat_has_three_moments(_folder):
    profile, warnings = foreign.read(cli.data(DHAT))
    tap.equal(warnings, [])
    tap.equal(foreign.totals(profile), {
        'alloc_objects': 70, 'alloc_space': 1006560, 'peak_objects': 22, 'peak_space': 51176,
        'inuse_objects': 30, 'inuse_space': 6240})
    tap.is_in(['malloc', 'make', 'work', 'main'],
              [foreign.names_of(profile, sample) for sample in profile['sample']])
    tap.equal(foreign.top(cli.data(DHAT)), ('6.09 KiB', 'make'))


POINT = '''{"dhatFileVersion":2,"mode":"MODE","bsu":"bytes read","bksu":"reads",
"pps":[{"tb":30,"tbk":3,"gb":20,"gbk":2,"eb":10,"ebk":1,"fs":[1]}],"ftbl":["[root]","0x1: f (a.c:3)"]}
'''


@tap.test
def dhat_modes(folder):
    for mode, found in (('heap', {'alloc_objects': 3, 'alloc_space': 30, 'peak_objects': 2, 'peak_space': 20,
                                  'inuse_objects': 1, 'inuse_space': 10}),
                        ('copy', {'copied_objects': 3, 'copied_space': 30}),
                        ('ad-hoc', {'reads': 3, 'bytes read': 30})):
        profile, _ = foreign.read(foreign.write(folder, POINT.replace('MODE', mode)))
        tap.equal(foreign.totals(profile), found)


@tap.test
def dhat_that_is_refused(folder):
    text = POINT.replace('MODE', 'heap')
    for content, said in (
            (text.replace('"fs":[1]', '"fs":[2]'), 'program point 1: a frame that the table ftbl does not have'),
            (text.replace('"fs":[1]', '"fs":[-1]'), 'program point 1: a frame that the table ftbl'),
            (text.replace('"fs":[1]', '"f":1'), 'program point 1: its stack, fs, is missing'),
            (text.replace('"eb":10', '"eb":31'), 'program point 1: more is in use than was allocated'),
            (text.replace('"eb":10', '"eb":-1'), 'program point 1: expected tb, tbk'),
            (text.replace('"tb":30', '"tb":1e400'), 'number overflow'),
            (text.replace('Version":2', 'Version":3'), "version 3 of DHAT's format is not supported"),
            (text.replace('heap', 'heaps'), 'an unknown mode of DHAT'),
            (text[:-4], 'truncated: '),
            (text.replace('[1]', '[' * 3000), 'maximum parsing depth reached')):
        tap.is_in(said, foreign.refuse(foreign.write(folder, content)))


@tap.test
def valgrind_itself(folder):
    """Massif and DHAT on one program."""
    tap.need('valgrind', 'gcc')
    program = build(folder)
    for tool, option, value in (('massif', 'massif', 'inuse_space'), ('dhat', 'dhat', 'peak_space')):
        out = f'{folder}/{tool}'
        tap.equal(cli.run('valgrind', f'--tool={tool}', f'--{option}-out-file={out}', program).returncode, 0)
        tap.equal(foreign.totals(foreign.read(out, '-q')[0])[value], 32100)
        tap.equal(foreign.top(out, '-s', value), ('29.30 KiB', 'work'))


tap.main()
