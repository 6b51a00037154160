#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What other tools write, as they write it: recognised, read, or refused by name."""

import collections
import gzip
import json
import os
import shutil

import cli
import pprof_file


def write(folder, content, name='x'):
    path = os.path.join(folder, name)
    with open(path, 'wb') as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return path


def read(path, *args):
    """What a command prints, and the warnings of it without names."""
    done = cli.pprofconv(*args, path)
    cli.equal(done.returncode, 0)
    prefix = f'pprofconv: {path}: warning: '
    lines = done.stderr.splitlines()
    assert all(line.startswith(prefix) for line in lines), lines
    return done.stdout, [line[len(prefix):] for line in lines]


def sums(text):
    """Of folded stacks: one may come in several lines, for each size of blocks."""
    found = collections.Counter()
    for line in text.splitlines():
        stack, value = line.rsplit(' ', 1)
        found[stack] += int(value)
    return dict(found)


def folded(path):
    """The stacks of a file, and the warnings."""
    text, warnings = read(path, '-n', '-t', 'folded')
    return sums(text), warnings


def refuse(path):
    done = cli.pprofconv('info', path)
    cli.equal((done.returncode, done.stdout), (2, ''))
    prefix = f'pprofconv: {path}:1: '
    assert done.stderr.startswith(prefix), done.stderr
    return done.stderr[len(prefix):].rstrip('\n')


def deep(n_bytes):
    """A stack of that many bytes and a few more."""
    names, size = [], 0
    while size < n_bytes:
        names.append(f'Tree<std::tuple<std::string, long>, {len(names)}>::walk(int)'.replace(' ', '_'))
        size += len(names[-1])
    return ';'.join(names)


# --- recognised, however long it begins ------------------------------------------------------

@cli.test
def folded_with_a_long_first_line(folder):
    for size in (5000, 70000, 900000, 3 << 20):
        stack = deep(size)
        path = write(folder, f'{stack} 12\nmain;work 3\n')
        cli.equal(folded(path), ({stack: 12, 'main;work': 3}, []))
        path = write(folder, f'{stack} 12\n')
        cli.equal(folded(path), ({stack: 12}, []))
    for letter in 'Zhxb':  # which begin fields of a protobuf, even many of them
        path = write(folder, f'main;{letter * 3000};{letter * 3000} 4\n')
        cli.equal(folded(path)[1], [])
        path = write(folder, f'{letter * 6000};work 4\n')
        cli.equal(folded(path), ({f'{letter * 6000};work': 4}, []))
    cli.equal(refuse(write(folder, deep(16 << 20) + ' 1\n')),
              'the line is longer than 16777216 bytes')


@cli.test
def folded_whose_first_callers_come_late(folder):
    lines = [f'worker_{i} 1' for i in range(3000)]
    stacks, warnings = folded(write(folder, '\n'.join(lines + ['main;work 3', ''])))
    cli.equal((len(stacks), stacks['main;work'], warnings), (3001, 3, []))


@cli.test
def folded_without_any_caller(folder):
    """Such as we write ourselves, of a program without names."""
    warning = 'no function has a caller: lines of a name and a number are taken for folded stacks'
    path = write(folder, '(no stack) 100\nnopie+0x147e 200\n')
    cli.equal(folded(path), ({'(no stack)': 100, 'nopie+0x147e': 200}, [warning]))
    for text in ('1 2\n2 4\n', 'goroutine profile: total 0\n', 'a letter, no profile', 'one\n2 3\n'):
        assert refuse(write(folder, text)).endswith((' is not read', 'says where one is wrong'))


@cli.test
def a_protobuf_whose_first_field_is_long(folder):
    """Samples first, as some writers have them, each with thousands of frames; nothing packed."""
    for n_frames in (5000, 600000):
        sample = pprof_file.message(1, b''.join(pprof_file.varint(1) for _ in range(n_frames)))
        sample += pprof_file.message(2, pprof_file.varint(77))
        content = pprof_file.message(2, sample)
        content += pprof_file.message(1, pprof_file.number(1, 1) + pprof_file.number(2, 2))
        content += pprof_file.message(4, pprof_file.number(1, 1) +
                                      pprof_file.message(4, pprof_file.number(1, 1)))
        content += pprof_file.message(5, pprof_file.number(1, 1) + pprof_file.number(2, 3))
        for text in ('', 'inuse_space', 'bytes', 'f'):
            content += pprof_file.message(6, text.encode())
        out = cli.succeed('top', write(folder, content))
        cli.is_in('inuse_space: total 77 bytes', out)


@cli.test
def go_with_a_deep_first_stack(folder):
    addresses = ' '.join(f'0x{0x4a0000 + 16 * i:x}' for i in range(1000))
    frames = ''.join(f'#\t0x{0x4a0000 + 16 * i - 1:x}\tmain.f{i}+0x{i:x}\t/src/main.go:{i}\n'
                     for i in range(1, 1000))
    text = ('heap profile: 1: 600 [1: 600] @ heap/2\n'
            f'1: 600 [1: 600] @ {addresses}\n{frames}\n# runtime.MemStats\n')
    cli.is_in('main.f999', cli.succeed('-n', '-t', 'folded', write(folder, text)))


@cli.test
def our_own_dump_with_a_long_first_line(folder):
    with open(cli.data('good-exact.heap'), encoding='utf-8') as file:
        text = file.read()
    path = write(folder, text.replace('\n', ' ' * 5000 + '\n', 1))
    cli.is_in('run: 00c0ffee', cli.succeed('info', path))


# --- folded stacks, as others write them -----------------------------------------------------

@cli.test
def folded_as_others_write_it(folder):
    cut = ('the last line has no end: if the file was cut short, the count there may have been '
           'too')
    fractions = ('{} of {} counts are fractions: rounded to whole numbers that have the same sum; '
                 'multiply them first if that is too coarse')
    for text, stacks, warnings in (
            ('main;a;b 3\n# a comment\nmain;a;c 2.5', {'main;a;b': 3, 'main;a;c': 3},
             [cut, fractions.format(1, 2)]),
            ('main;a 3', {'main;a': 3}, [cut]),
            ('# by hand\n#\n\n\nmain;a 3\n\n', {'main;a': 3}, []),
            ('#\tx y 5\nmain;a 3\n', {'main;a': 3}, []),
            ('#<Class:A>#new;a 3\n#!shebang\n', {'#<Class:A>#new;a': 3}, []),
            ('main;a 3\r\n\r\n# c\r\nmain;b 4\r\n', {'main;a': 3, 'main;b': 4}, []),
            ('\ufeffmain;a 3\n', {'main;a': 3}, []),
            ('main;a 2.0\nmain;b 7.\n', {'main;a': 2, 'main;b': 7}, []),
            ('main;a 0.4\nmain;b 0.4\nmain;c 0.4\nmain;d -0.2\n', {'main;b': 1},
             [fractions.format(4, 4)]),
            ('main;leaf; 640\nmain; 2\n', {'main;leaf': 640, 'main': 2}, []),
            ('; 4\nmain;a 3\n', {'(no stack)': 4, 'main;a': 3}, []),
            ('main;f 31;g 33\n', {'main;f 31;g': 33}, []),
    ):
        cli.equal(folded(write(folder, text)), (stacks, warnings))


@cli.test
def folded_that_may_be_taken_wrongly(folder):
    stacks, warnings = folded(write(folder, '# gc;sweep 7\n# by hand 3\nmain;a 3\n'))
    cli.equal(stacks, {'main;a': 3})
    cli.equal(warnings, ["1 of the lines that begin with '# ' look like stacks: taken for comments"])
    for text in ('main;a 3\rmain;b 4\r', 'main;c 1\nmai\0n;a 3\n'):
        path = write(folder, text)
        done = cli.pprofconv('info', '-f', 'folded', path)
        cli.equal(done.returncode, 2)
        cli.is_in('a NUL or a carriage return within the line', done.stderr)
    for text, said in (('main;a 99999999999999999999 \nmain;b 1\n', 'x:1: expected a stack'),
                       ('main;a 3\nmain;b oops\n', '--from says where one is wrong')):
        cli.is_in(said, cli.pprofconv('info', write(folder, text)).stderr)


@cli.test
def utf16_without_a_mark(folder):
    for kind in ('LE', 'BE'):
        cli.is_in('UTF-16 text is not read; make UTF-8 of it', refuse(write(
            folder, 'main;work;a 3\nmain;b 4\n'.encode(f'utf-16-{kind}'))))
    cli.is_in("Java's heapz text", refuse(write(folder, '\ufeff--- heapz 1 ---\n')))


@cli.test
def samples_of_no_type(folder):
    path = write(folder, b'\x12\x03\x0a\x01\x01\x22\x02\x08\x01\x32\x00')
    for args in (['-t', 'text'], ['-t', 'folded'], ['info'], ['top'],
                 ['merge', '-t', 'folded', '-o', '-']):
        done = cli.pprofconv(*args, path)
        cli.equal((done.returncode, done.stdout), (2, ''))
        cli.is_in('there are samples, but no sample types', done.stderr)


@cli.test
def folded_that_is_something_else(folder):
    cli.is_in("two counts a line are a difference, which is not read: give the profiles that it "
              "was made of to 'pprofconv diff'", refuse(write(folder, 'main;a 3 4\nmain 1 0\n')))
    cli.equal(refuse(write(folder, 'main;a 3\nmain;b 4\n'.encode('utf-16'))),
              'UTF-16 text is not read; make UTF-8 of it: iconv -f UTF-16 -t UTF-8')
    cli.is_in('UTF-16 text is not read', refuse(write(folder, b'\xfe\xff\0m\0a\0i\0n')))
    cli.is_in('UTF-32 text is not read', refuse(write(folder, 'main;a 3\n'.encode('utf-32'))))
    done = cli.pprofconv('info', write(folder, 'main;a 3\nmain;b'))
    cli.is_in(':2: truncated: the last line has no end', done.stderr)


# --- memory maps of few words ----------------------------------------------------------------

@cli.test
def brief_names_of_hexadecimal_digits(folder):
    """Such a name is no offset: the right function of the right file."""
    cli.need('cc', 'nm')
    source = write(folder, '__attribute__((noinline)) void f(void) { asm volatile("nop;nop;nop;nop"); }\n'
                           'int main(void) { f(); return 0; }\n', 'a.c')
    for name in ('nopie', 'bench', 'cafe', 'x'):
        binary = os.path.join(folder, name)
        cli.equal(cli.run('cc', '-O1', '-no-pie', '-fno-pie', source, '-o', binary).returncode, 0)
        symbols = cli.run('nm', binary).stdout.splitlines()
        address = int(next(line for line in symbols if line.endswith(' f')).split()[0], 16)
        path = write(folder, f'heap profile: 1: 9 [ 1: 9] @ growth\n1: 9 [ 1: 9] @ {address + 2:#x}\n'
                             f'--- Memory map: ---\n  00400000-00480000: {name}\n', 'dump')
        done = cli.pprofconv('-b', binary, '-t', 'folded', path)
        cli.equal(done.stdout, 'f 9\n')
        cli.is_in(f'0x400000-0x480000 0 - {name}\n', cli.succeed('info', path))


# --- mappings unmapped in part ---------------------------------------------------------------

UNMAPPED = ('{} with less than nothing in use, or bytes of no objects: gperftools counts a mapping '
            'that is unmapped in part (HEAP_PROFILE_MMAP) as gone for each part, and misses some '
            'parts: objects mean nothing there, and bytes may be too many')


@cli.test
def in_use_below_nothing(folder):
    """gperftools counts each munmap as a mapping that is gone; pprof reads it, so do we."""
    path = cli.data('good-mmap-negative.heap')
    out, warnings = read(path, 'info')
    cli.equal(warnings, [UNMAPPED.format('1 record')])
    totals = [l.split()[1] for l in out.splitlines() if l.startswith(('  inuse', '  alloc'))]
    cli.equal(totals, ['21', '338690048', '-29', '170876928'])


@cli.test
def bytes_in_use_of_no_objects(folder):
    """A mapping that was unmapped in one part; a total that is negative."""
    maps = '\nMAPPED_LIBRARIES:\n00400000-00410000 r-xp 00000000 00:00 0 /none\n'
    for header, record, values in (
            ('0: 0 [ 0: 0]', '0: 12582912 [ 1: 16777216]', ['1', '16777216', '0', '12582912']),
            ('-3: 4096 [ 2: 8192]', '-3: 4096 [ 2: 8192]', ['2', '8192', '-3', '4096']),
            ('-3: -4096 [ 2: 8192]', '-3: -4096 [ 2: 8192]', ['2', '8192', '-3', '-4096']),
            ('0: 0 [ 1: 5]', '1: -5 [ 1: 5]', ['1', '5', '1', '-5'])):
        path = write(folder, f'heap profile: {header} @ heapprofile\n{record} @ 0x401190\n{maps}')
        out, warnings = read(path, 'info')
        cli.equal(warnings, [UNMAPPED.format('1 record')])
        totals = [l.split()[1] for l in out.splitlines() if l.startswith(('  inuse', '  alloc'))]
        cli.equal(totals, values)
    for kind, record in (('heap_v2/512', '-3: 4096 [ 2: 8192]'), ('heap_v2/512', '0: 5 [ 2: 8192]'),
                         ('heapprofile', '1: 5 [ 0: 5]'), ('heapprofile', '1: 5 [ -1: -5]'),
                         ('heapprofile', '-1: -9223372036854775808 [ 1: 5]')):
        path = write(folder, f'heap profile: 0: 0 [ 0: 0] @ {kind}\n{record} @ 0x401190\n{maps}')
        cli.is_in(f'{path}:2: ', cli.pprofconv('info', path).stderr)


# --- negative values, and samples without a stack --------------------------------------------

def rows(text):
    """(flat, flat%, sum%, cum, cum%, name) each, of top."""
    return [tuple(line.split(None, 5)) for line in text.splitlines()[2:]]


@cli.test
def top_ranks_by_magnitude(folder):
    path = cli.data('good-mmap-negative.heap')
    text = cli.succeed('top', '-q', '-n', '-s', 'inuse_objects', path)
    cli.equal(text.splitlines()[0],
              'inuse_objects: total -29 count; percentages are of the sum of absolute values, 31')
    cli.equal(rows(text), [('-30', '96.77%', '96.77%', '-30', '96.77%', 'none+0x1155'),
                           ('1', '3.23%', '93.55%', '1', '3.23%', 'none+0x118f'),
                           ('0', '0.00%', '93.55%', '-29', '93.55%', 'none+0x12ff')])
    path = write(folder, 'main;a 5\nmain;b -7\nmain;c 7\nmain;d -1\n')
    cli.equal([row[0] for row in rows(cli.succeed('top', path))], ['7', '-7', '5', '-1', '0'])
    text = cli.succeed('-t', 'text', path)
    cli.equal([line.split()[0] for line in text.splitlines() if line.endswith('samples')],
              ['-7', '7', '5', '-1'])


@cli.test
def percentages_are_those_of_pprof(folder):
    cli.need('go')
    path = write(folder, 'main;a 50\nmain;b -70\nmain;c 20\nx -90\n')
    profile = os.path.join(folder, 'x.pb.gz')
    cli.succeed(path, '-o', profile)
    for options, theirs in (((), ()), (('--cum',), ('-cum',))):
        expected = [line.split() for line in cli.go_pprof('-top', *theirs, profile).splitlines()]
        first = next(i for i, words in enumerate(expected) if words[:2] == ['flat', 'flat%'])
        ours = {row[5]: row for row in rows(cli.succeed('top', *options, path))}
        cli.equal(len(ours), len(expected) - first - 1)
        for flat, flat_part, _, cum, cum_part, name in expected[first + 1:]:
            cli.equal((ours[name][0], ours[name][3]), (flat, cum))
            for our, their in ((ours[name][1], flat_part), (ours[name][4], cum_part)):
                assert abs(float(our[:-1]) - float(their[:-1])) < 0.01, (ours[name], their)


@cli.test
def samples_without_a_stack_are_a_row(folder):
    path = cli.data('good-no-stack.heap')
    expected = [('200', 'B', '66.67%', '66.67%', '200', 'B  66.67%  none+0x118f'),
                ('100', 'B', '33.33%', '100.00%', '100', 'B  33.33%  (no stack)')]
    profile = os.path.join(folder, 'x.pb.gz')
    cli.succeed('-n', path, '-o', profile)
    for input_ in (path, profile):
        cli.equal(rows(cli.succeed('top', '-n', input_)), expected)
        cli.is_in('\n    (no stack)\n', cli.succeed('-n', '-t', 'text', input_))
        cli.equal(folded(input_), ({'(no stack)': 100, 'none+0x118f': 200}, []))
    cli.is_in('(no stack)', cli.succeed('top', '-n', '--hide=none', write(folder, 'a;none 3\nnone 5\n')))
    for by in ('function', 'file', 'line', 'mapping'):
        text = cli.succeed('diff', '-n', f'--by={by}', '--top=0', path, profile)
        cli.is_in('exact', text)
        cli.equal([line for line in text.splitlines() if '+' in line.split('none+')[0]], [])


@cli.test
def what_is_written_lacks_nothing(folder):
    """No sample without a location, no location without a mapping; and read back it is the same."""
    for name in ('good-no-stack.heap', 'good-jemalloc-all.heap', 'good-folded.txt', 'good-go.heap',
                 'good-mmap-negative.heap', 'good-exact.heap'):
        for options in ((), ('--reproducible',)):
            one, two, three = (os.path.join(folder, n) for n in 'abc')
            cli.succeed('-n', '-q', *options, cli.data(name), '-o', one)
            cli.succeed('-n', '-q', *options, one, '-o', two)
            cli.succeed('merge', '-n', '-q', *options, one, two, '-o', three)
            profile = json.loads(cli.succeed('-n', '-q', '-t', 'json', one))
            assert profile['sample'] and all(s['location'] for s in profile['sample']), name
            assert all(l['mapping'] is not None for l in profile['location']), name
            check_fields(one)
            cli.equal(json.loads(cli.succeed('-n', '-q', '-t', 'json', two)), profile)
            doubled = json.loads(cli.succeed('-n', '-q', '-t', 'json', three))
            cli.equal(len(doubled['sample']), len(profile['sample']))
            cli.equal(sum(s['value'][-1] for s in doubled['sample']),
                      2 * sum(s['value'][-1] for s in profile['sample']))
            if shutil.which('go'):
                cli.equal(cli.go_pprof('-raw', '-symbolize=none', one),
                          cli.go_pprof('-raw', '-symbolize=none', two))


def check_fields(path):
    """What the file itself holds, not what a reader of ours makes of it."""
    with gzip.open(path) as file:
        found = list(pprof_file.fields(file.read()))
    for field, value in found:
        if field == 2:
            assert any(f == 1 and v for f, v in pprof_file.fields(value)), 'without a location'
        if field == 4:
            assert any(f == 2 and v for f, v in pprof_file.fields(value)), 'without a mapping'


@cli.test
def a_foreign_profile_that_lacks_them(folder):
    """Locations without mappings, and a sample without locations, as some exporters write them."""
    path = pprof_file.write(os.path.join(folder, 'x.pb'), [('f', 'a.c', 5), ('g', 'a.c', 7)])
    with open(path, 'ab') as file:
        file.write(pprof_file.message(2, pprof_file.message(2, pprof_file.varint(11))))
    out = os.path.join(folder, 'out.pb.gz')
    cli.succeed(path, '-o', out)
    check_fields(out)
    cli.is_in('(no stack)', cli.succeed('top', path))
    cli.equal(cli.succeed('top', path), cli.succeed('top', out))
    if shutil.which('go'):
        cli.is_in('(no stack)', cli.go_pprof('-top', out))


# --- dumps without a memory map --------------------------------------------------------------

GO = r'''
package main

import (
	"os"
	"runtime"
	"runtime/pprof"
)

var kept [][]byte

//go:noinline
func leak(n int) { kept = append(kept, make([]byte, n)) }

func recovered() {
	defer func() { recover(); leak(7000) }()
	panic("x")
}

func main() {
	runtime.MemProfileRate = 1
	for i := 0; i < 100; i++ {
		leak(5000)
		recovered()
	}
	pprof.Lookup("heap").WriteTo(os.Stdout, 1)
}
'''


@cli.test
def go_without_its_comments(folder):
    """Go's text has no map: -b gives the names, of all or of those that comments have."""
    cli.need('go')
    source, binary = write(folder, GO, 'demo.go'), os.path.join(folder, 'demo')
    done = cli.run('go', 'build', '-o', binary, source,
                   env={'HOME': folder, **os.environ, 'GO111MODULE': 'off', 'GOFLAGS': ''})
    cli.equal((done.returncode, done.stderr), (0, ''))
    text = cli.run(binary).stdout
    named = folded(write(folder, text))[0]
    bare = write(folder, ''.join(l for l in text.splitlines(True) if not l.startswith('#')), 'bare')
    done = cli.pprofconv('-b', binary, '-t', 'folded', bare)
    ours = sums(done.stdout)
    cli.is_in('locations named, with no build ID to check the file by', done.stderr)
    for leaf in ('main.main;main.leak', 'runtime.gopanic;main.recovered.func1;main.leak'):
        stacks = [s for s in named if s.endswith(leaf)]
        assert stacks and [s for s in ours if s.endswith(leaf)], (leaf, named, ours)
        cli.equal(sum(ours.get(s, 0) for s in stacks), sum(named[s] for s in stacks))
    out = os.path.join(folder, 'out.pb.gz')
    cli.equal(cli.pprofconv('-q', '-b', binary, bare, '-o', out).returncode, 0)
    raw = cli.go_pprof('-raw', '-symbolize=none', out)
    cli.is_in('main.leak', raw)
    cli.is_in('main.leak', cli.go_pprof('-top', '-symbolize=none', out))
    with gzip.open(out) as file:
        cli.is_in(b'runtime\\.panic|runtime\\.reflectcall|runtime\\.call[0-9]*|', file.read())


@cli.test
def no_names_of_what_lies_elsewhere(folder):
    """Of a position-independent program, and of one whose file is longer than the address."""
    cli.need('cc')
    body = '__attribute__((noinline)) void f(void) { asm volatile("nop;nop;nop;nop"); }\n'
    source = write(folder, 'const char much[8 << 20] = {1};\n' + body +
                   'int main(void) { f(); return much[1]; }\n', 'a.c')
    dump = write(folder, 'heap profile: 1: 9 [ 1: 9] @ heap_v2/1\n1: 9 [ 1: 9] @ 0x500003 0x1200\n', 'd')
    for options in (('-pie', '-fPIE'), ('-no-pie', '-fno-pie')):
        binary = os.path.join(folder, options[0])
        cli.equal(cli.run('cc', '-O1', *options, source, '-o', binary).returncode, 0)
        done = cli.pprofconv('-b', binary, '-t', 'folded', dump)
        cli.equal(done.stdout, '0x11ff;0x500002 9\n')
        cli.is_in('(no file): 2 locations without names: there is no memory map, and no address is '
                  'one of code in a program that is not position-independent', done.stderr)


@cli.test
def heapz_of_java(folder):
    text = '--- heapz 1 ---\nformat = java\nresolution = bytes\n 7048 1 @ 0x3\n 0x3 foo (a.java:3)\n'
    path = write(folder, text)
    cli.equal(refuse(path), "Java's heapz text is not read; go tool pprof -proto "
                            '-output=OUT.pb.gz FILE makes a profile of it that is')
    if shutil.which('go'):
        out = os.path.join(folder, 'out.pb.gz')
        cli.go_pprof('-proto', f'-output={out}', path)
        cli.is_in('foo', cli.succeed('top', out))


# --- which format, and whose -----------------------------------------------------------------

@cli.test
def info_says_which_format_and_whose(folder):
    made = os.path.join(folder, 'made.pb.gz')
    cli.succeed('-n', cli.data('good-exact.heap'), '-o', made)
    foreign = pprof_file.write(os.path.join(folder, 'x.pb'), [('f', 'a.c', 5)])
    go = pprof_file.write(os.path.join(folder, 'go.pb'), [('runtime.malg', '/go/proc.go', 5)])
    for path, expected in (
            (cli.data('good-exact.heap'), 'heapprof, written by libheapprof'),
            (cli.data('good-gperftools.heap'), "gperftools, written by gperftools' heap profiler"),
            (cli.data('good-heap_v2.heap'), 'gperftools, written by tcmalloc, sampled'),
            (cli.data('good-heap-v1.heap'), 'gperftools, written by tcmalloc, sampled'),
            (cli.data('good-growth.heap'), 'gperftools, written by tcmalloc, growth of the heap'),
            (cli.data('good-fragmentation.heap'), 'gperftools, written by tcmalloc, fragmentation'),
            (cli.data('good-plain.heap'), 'gperftools'),
            (cli.data('good-jemalloc.heap'), 'jemalloc, written by jemalloc'),
            (cli.data('good-go.heap'), "go-heap, written by Go's runtime/pprof"),
            (cli.data('good-folded.txt'), 'folded'), (foreign, 'pprof'),
            (go, "pprof, written by Go's runtime/pprof"),
            (made, 'pprof, written by pprofconv, from a dump of libheapprof')):
        done = cli.pprofconv('info', '-q', path)
        cli.equal(done.stdout.splitlines()[:2], [f'file: {path}', f'format: {expected}'])
        done = cli.pprofconv('top', '-v', '-n', path)
        cli.is_in(f'pprofconv: {path}: {expected}: ', done.stderr)
    done = cli.pprofconv('info', '-', input=b'main;a 5\n')
    cli.is_in('format: folded\n', done.stdout)


cli.main()
