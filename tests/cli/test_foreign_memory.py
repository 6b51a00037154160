#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the kernel and pmap print of a process's memory."""

import subprocess

import cli
import foreign
import tap

SMAPS, PMAP = 'good-smaps.txt', 'good-pmap.txt'


def mapping(addresses, permissions='rw-p', name='', rss=4, size=None):
    start, end = (int(word, 16) for word in addresses.split('-'))
    size = (end - start) // 1024 if size is None else size
    return (f'{addresses} {permissions} 00000000 00:00 0 {name}\nSize: {size} kB\nRss: {rss} kB\n'
            f'Pss: {rss} kB\nPrivate_Dirty: 0 kB\nSwap: 1 kB\nFuture: 7 kB\nVmFlags: rd wr\n')


def objects(path, *args):
    """Returns the resident KiB of each object and its kind."""
    profile, _ = foreign.read(path, *args)
    found = {}
    for sample in profile['sample']:
        key = ' '.join(foreign.names_of(profile, sample))
        found[key] = found.get(key, 0) + sample['value'][0] // 1024
    return found


@tap.test
def smaps_add_up(_folder):
    profile, warnings = foreign.read(cli.data(SMAPS))
    tap.equal(warnings, [])
    lines = foreign.fixture(SMAPS).splitlines()
    tap.equal(foreign.totals(profile), {
        **{name.lower(): 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(name + ':'))
           for name in ('Rss', 'Pss', 'Private_Dirty', 'Swap', 'Size')}, 'mappings': 8})
    tap.equal(sorted(foreign.by_label(profile, 'permissions', 'mappings').items()), [('r--p', 1), ('rw-p', 7)])
    tap.is_in('rss: total', cli.succeed('top', cli.data(SMAPS)))


@tap.test
def smaps_name_what_has_no_name(folder):
    """By its neighbours, so that a mapping keeps its name when it grows."""
    path = foreign.write(folder, ''.join((
        mapping('1000-2000', 'r-xp', '/bin/a b\\012c (deleted)'), mapping('2000-3000'),
        mapping('5000-6000', name='[heap]'), mapping('9000-a000'),
        mapping('20000-21000', '---p'), mapping('21000-29000'),
        mapping('4000000-4021000'), mapping('4021000-8000000', '---p', rss=0),
        mapping('c000000000-c000400000'), mapping('7f0000000000-7f0000001000', name='[anon:tables]'),
        mapping('7f0000002000-7f0000003000', name='/lib/x.so'), mapping('7f0000004000-7f0000005000', 'rw-s', '/memfd:m (deleted)'),
        mapping('7f0000006000-7f0000007000', 'rw-s', '/dev/shm/s'), mapping('7f0000008000-7f0000009000', 'rw-s', '/dev/kvm'),
        mapping('7ff000000000-7ff000021000', name='[stack]'), mapping('7ff000030000-7ff000031000', 'r-xp', '[vdso]'))))
    tap.equal(objects(path), {
        'a b\nc file': 4, 'a b\nc .bss file': 4, '[heap] heap': 4, 'below [anon:tables] anonymous': 4,
        'no access anonymous': 4, 'thread stack? anonymous': 4, 'malloc arena? anonymous': 4, 'Go heap? anonymous': 4,
        '[anon:tables] anonymous': 4, 'x.so file': 4, 'memfd:m memfd': 4, 's shared memory': 4, 'kvm device': 4,
        '[stack] stack': 4, '[vdso] vdso': 4})


@tap.test
def two_smaps_are_compared(folder):
    """A mapping that has grown is one row, wherever it is; several smaps in a file are reports."""
    old, new = (mapping('5000-6000', name='[heap]') + mapping(addresses, rss=rss) + mapping(library, name='/lib/x.so')
                for addresses, rss, library in (('10000-14000', 16, '20000-21000'), ('70000-90000', 100, 'a0000-a1000')))
    paths = [foreign.write(folder, text, name) for text, name in ((old, 'before'), (new, 'after'))]
    out = cli.succeed('diff', *paths)
    rows = [line for line in out.splitlines() if 'below x.so' in line]
    tap.equal(len(rows), 1)
    tap.is_in('+84.00 KiB', rows[0])
    both = foreign.write(folder, old + new + new, 'all')
    tap.equal([objects(both, '--nth', nth)['below x.so anonymous'] for nth in '123'], [16, 100, 100])
    tap.is_in('rss of 3 dumps', cli.succeed('trend', both))
    done = cli.pprofconv('diff', '-s', 'rss', paths[0], cli.data('good-exact.heap'))
    tap.equal(done.returncode, 2)
    tap.is_in("no values of the type 'rss'", done.stderr)


@tap.test
def smaps_that_are_refused(folder):
    text = mapping('1000-2000') + mapping('3000-4000')
    for content, said in (
            (text[:-len('VmFlags: rd wr\n')], '15: truncated: the mapping before this line is not whole'),
            (text[:-1], '16: truncated: the last line has no newline'),
            (text.replace('Size: 4 kB', 'Size: 8 kB', 1), '9: the size of a mapping is not that of its addresses'),
            (text.replace('Rss: 4 kB', 'Rss: 4 MB'), '3: expected a number of kB'),
            (text.replace('Rss: 4 kB', 'Rss: -4 kB'), '3: expected a number of kB'),
            ('1000-2000 ---p 00000000 00:00 0 [rollup]\nRss: 4 kB\n', 'smaps_rollup is not supported; give /proc/PID/smaps')):
        tap.is_in(said, foreign.refuse(foreign.write(folder, content)))


@tap.test
def pmap_adds_up(folder):
    text = foreign.fixture(PMAP)
    total = text.splitlines()[-1].split()
    profile, warnings = foreign.read(cli.data(PMAP))
    tap.equal(warnings, [])
    tap.equal(foreign.totals(profile), {name: int(number) * 1024
                                        for name, number in zip(('size', 'rss', 'dirty'), total[2:])})
    tap.equal(foreign.by_label(profile, 'permissions', 'rss')['rw-p'] > 0, True)
    for content, said in (
            (text[:text.rindex('total')], 'truncated: the totals are missing'),
            (text.replace(f' {total[3]} ', f' {int(total[3]) + 1} '), 'the rows do not add up to the totals'),
            (text.replace(' r-x-- ', ' '), "a row that doesn't have the columns of the header"),
            (text.replace('Dirty Mode ', 'Dirty Mode VmFlags '), 'pmap -XX is not supported; use -X')):
        tap.is_in(said, foreign.refuse(foreign.write(folder, content)))


@tap.test
def shares_change_meanwhile(folder):
    """pmap reads the rows and the totals at two moments, and other processes change the shares."""
    row = '1000 rw-p 00000000 00:00 0 {0} {1} {2} a\n'
    text = ('7: x\n Address Perm Offset Device Inode Size Rss Pss Mapping\n' + row.format(96, 80, 40) +
            row.format(96, 80, 41) + '==== ==== ===\n192 160 {} KB\n')
    for pss, is_total in ((81, True), (73, True), (91, True), (60, False), (120, False)):
        path = foreign.write(folder, text.format(pss))
        if is_total:
            tap.equal(foreign.totals(foreign.read(path)[0])['pss'], 81 * 1024)
        else:
            tap.is_in('the rows do not add up to the totals', foreign.refuse(path))


@tap.test
def the_kernel_itself(folder):
    """smaps and pmap of a process that waits, one after the other, have the same libraries."""
    tap.need('pmap')
    with subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as waiting:
        waiting.stdin.write(b'ready\n')
        waiting.stdin.flush()
        tap.equal(waiting.stdout.readline(), b'ready\n')
        with open(f'/proc/{waiting.pid}/smaps', encoding='utf-8') as file:
            found = {'smaps': objects(foreign.write(folder, file.read()))}
        for option in ('-x', '-X'):
            found[option] = objects(
                foreign.write(folder, cli.run('pmap', option, str(waiting.pid)).stdout))
        waiting.stdin.close()
    sizes = {name: sum(of.values()) for name, of in found.items()}
    libc = [name for name in found['smaps'] if name.startswith('libc.so')]
    for name, of in found.items():
        tap.check(set(libc) <= set(of), f'{name}: {sorted(of)}')
        tap.check(0.5 < sizes[name] / sizes['smaps'] < 2, f'{sizes}')


tap.main()
