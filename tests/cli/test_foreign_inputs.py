#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pprofconv recognizes and reads files as other tools write them, or rejects them and names their
format."""

import collections
import gzip
import json
import os
import shutil

import cli
import pprof_file
import tap


def write(folder, content, name='x'):
    path = os.path.join(folder, name)
    with open(path, 'wb') as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return path


def read(path, *args):
    """Runs a command that must succeed; returns its output, and its warnings without the names of
    program and file."""
    done = cli.pprofconv(*args, path)
    tap.equal(done.returncode, 0)
    prefix = f'pprofconv: {path}: warning: '
    lines = done.stderr.splitlines()
    assert all(line.startswith(prefix) for line in lines), lines
    return done.stdout, [line[len(prefix):] for line in lines]


def sums(text):
    """Returns the sum of each folded stack, which may have several lines, one for each size of
    blocks."""
    found = collections.Counter()
    for line in text.splitlines():
        stack, value = line.rsplit(' ', 1)
        found[stack] += int(value)
    return dict(found)


def folded(path):
    """Returns the stacks of a file, and the warnings."""
    text, warnings = read(path, '-n', '-t', 'folded')
    return sums(text), warnings


def refuse(path):
    done = cli.pprofconv('info', path)
    tap.equal((done.returncode, done.stdout), (2, ''))
    prefix = f'pprofconv: {path}:1: '
    assert done.stderr.startswith(prefix), done.stderr
    return done.stderr[len(prefix):].rstrip('\n')


def deep(n_bytes):
    """Returns a stack of that many bytes, or a few more."""
    names, size = [], 0
    while size < n_bytes:
        names.append(f'Tree<std::tuple<std::string, long>, {len(names)}>::walk(int)'.replace(' ', '_'))
        size += len(names[-1])
    return ';'.join(names)


# --- recognised, however long it begins ------------------------------------------------------

@tap.test
def folded_with_a_long_first_line(folder):
    for size in (5000, 70000, 900000, 3 << 20):
        stack = deep(size)
        path = write(folder, f'{stack} 12\nmain;work 3\n')
        tap.equal(folded(path), ({stack: 12, 'main;work': 3}, []))
        path = write(folder, f'{stack} 12\n')
        tap.equal(folded(path), ({stack: 12}, []))
    for letter in 'Zhxb':  # letters that begin fields of a protobuf, even of many fields
        path = write(folder, f'main;{letter * 3000};{letter * 3000} 4\n')
        tap.equal(folded(path)[1], [])
        path = write(folder, f'{letter * 6000};work 4\n')
        tap.equal(folded(path), ({f'{letter * 6000};work': 4}, []))
    tap.equal(refuse(write(folder, deep(16 << 20) + ' 1\n')),
              'the line is longer than 16777216 bytes')


@tap.test
def folded_whose_first_callers_come_late(folder):
    lines = [f'worker_{i} 1' for i in range(3000)]
    stacks, warnings = folded(write(folder, '\n'.join(lines + ['main;work 3', ''])))
    tap.equal((len(stacks), stacks['main;work'], warnings), (3001, 3, []))


@tap.test
def folded_without_any_caller(folder):
    """pprofconv itself writes such stacks, of a program without names."""
    warning = 'no function has a caller; lines of a name and a number were read as folded stacks'
    path = write(folder, '(no stack) 100\nnopie+0x147e 200\n')
    tap.equal(folded(path), ({'(no stack)': 100, 'nopie+0x147e': 200}, [warning]))
    for text in ('1 2\n2 4\n', 'goroutine profile: total 0\n', 'a letter, no profile', 'one\n2 3\n'):
        assert refuse(write(folder, text)).endswith(
            (' is not supported', 'reports what is wrong with the file'))


@tap.test
def a_protobuf_whose_first_field_is_long(folder):
    """The samples come first, as some writers have them, with thousands of frames each, and no
    field is packed."""
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
        tap.is_in('inuse_space: total 77 bytes', out)


@tap.test
def go_with_a_deep_first_stack(folder):
    addresses = ' '.join(f'0x{0x4a0000 + 16 * i:x}' for i in range(1000))
    frames = ''.join(f'#\t0x{0x4a0000 + 16 * i - 1:x}\tmain.f{i}+0x{i:x}\t/src/main.go:{i}\n'
                     for i in range(1, 1000))
    text = ('heap profile: 1: 600 [1: 600] @ heap/2\n'
            f'1: 600 [1: 600] @ {addresses}\n{frames}\n# runtime.MemStats\n')
    tap.is_in('main.f999', cli.succeed('-n', '-t', 'folded', write(folder, text)))


@tap.test
def our_own_dump_with_a_long_first_line(folder):
    with open(cli.data('good-exact.heap'), encoding='utf-8') as file:
        text = file.read()
    path = write(folder, text.replace('\n', ' ' * 5000 + '\n', 1))
    tap.is_in('run: 00c0ffee', cli.succeed('info', path))


# --- folded stacks, as others write them -----------------------------------------------------

@tap.test
def folded_as_others_write_it(folder):
    cut = 'the last line has no newline; if the file was truncated, its last count may be too'
    fractions = ('{} of {} counts are fractions and were rounded to whole numbers with the same '
                 'sum; multiply them first if that is too coarse')
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
        tap.equal(folded(write(folder, text)), (stacks, warnings))


@tap.test
def folded_that_may_be_taken_wrongly(folder):
    stacks, warnings = folded(write(folder, '# gc;sweep 7\n# by hand 3\nmain;a 3\n'))
    tap.equal(stacks, {'main;a': 3})
    tap.equal(warnings, ["1 of the lines that begin with '# ' look like stacks; they were read as "
                         'comments'])
    for text in ('main;a 3\rmain;b 4\r', 'main;c 1\nmai\0n;a 3\n'):
        path = write(folder, text)
        done = cli.pprofconv('info', '-f', 'folded', path)
        tap.equal(done.returncode, 2)
        tap.is_in('a NUL or a carriage return within the line', done.stderr)
    for text, said in (('main;a 99999999999999999999 \nmain;b 1\n', 'x:1: expected a stack'),
                       ('main;a 3\nmain;b oops\n', '--from=FORMAT reports what is wrong with the file')):
        tap.is_in(said, cli.pprofconv('info', write(folder, text)).stderr)


@tap.test
def utf16_without_a_mark(folder):
    for kind in ('LE', 'BE'):
        tap.is_in('UTF-16 text is not supported; convert it: iconv -f UTF-16LE', refuse(write(
            folder, 'main;work;a 3\nmain;b 4\n'.encode(f'utf-16-{kind}'))))
    tap.is_in("Java's heapz text", refuse(write(folder, '\ufeff--- heapz 1 ---\n')))


@tap.test
def samples_of_no_type(folder):
    path = write(folder, b'\x12\x03\x0a\x01\x01\x22\x02\x08\x01\x32\x00')
    for args in (['-t', 'text'], ['-t', 'folded'], ['info'], ['top'],
                 ['merge', '-t', 'folded', '-o', '-']):
        done = cli.pprofconv(*args, path)
        tap.equal((done.returncode, done.stdout), (2, ''))
        tap.is_in('there are samples, but no sample types', done.stderr)


@tap.test
def folded_that_is_something_else(folder):
    tap.is_in("two counts per line are a difference, which is not supported; give the two "
              "profiles to 'pprofconv diff'", refuse(write(folder, 'main;a 3 4\nmain 1 0\n')))
    tap.equal(refuse(write(folder, 'main;a 3\nmain;b 4\n'.encode('utf-16'))),
              'UTF-16 text is not supported; convert it: iconv -f UTF-16 -t UTF-8')
    tap.is_in('UTF-16 text is not supported', refuse(write(folder, b'\xfe\xff\0m\0a\0i\0n')))
    tap.is_in('UTF-32 text is not supported', refuse(write(folder, 'main;a 3\n'.encode('utf-32'))))
    done = cli.pprofconv('info', write(folder, 'main;a 3\nmain;b'))
    tap.is_in(':2: truncated: the last line has no newline', done.stderr)


# --- memory maps of few words ----------------------------------------------------------------

@tap.test
def brief_names_of_hexadecimal_digits(folder):
    """A name of hexadecimal digits is not taken for an offset: the function and its file are
    right."""
    tap.need('cc', 'nm')
    source = write(folder, '__attribute__((noinline)) void f(void) { asm volatile("nop;nop;nop;nop"); }\n'
                           'int main(void) { f(); return 0; }\n', 'a.c')
    for name in ('nopie', 'bench', 'cafe', 'x'):
        binary = os.path.join(folder, name)
        tap.equal(cli.run('cc', '-O1', '-no-pie', '-fno-pie', source, '-o', binary).returncode, 0)
        symbols = cli.run('nm', binary).stdout.splitlines()
        address = int(next(line for line in symbols if line.endswith(' f')).split()[0], 16)
        path = write(folder, f'heap profile: 1: 9 [ 1: 9] @ growth\n1: 9 [ 1: 9] @ {address + 2:#x}\n'
                             f'--- Memory map: ---\n  00400000-00480000: {name}\n', 'dump')
        done = cli.pprofconv('-b', binary, '-t', 'folded', path)
        tap.equal(done.stdout, 'f 9\n')
        tap.is_in(f'0x400000-0x480000 0 - {name}\n', cli.succeed('info', path))


# --- mappings unmapped in part ---------------------------------------------------------------

UNMAPPED = ('{} with negative counts in use, or bytes without objects: with HEAP_PROFILE_MMAP '
            'gperftools counts a mapping that is unmapped in parts as gone once for each part, and '
            'misses some parts; there object counts mean nothing, and bytes may be too many')


@tap.test
def in_use_below_nothing(folder):
    """gperftools counts each munmap as a mapping that is gone. pprof reads such dumps, and so does
    pprofconv."""
    path = cli.data('good-mmap-negative.heap')
    out, warnings = read(path, 'info')
    tap.equal(warnings, [UNMAPPED.format('1 record')])
    totals = [l.split()[1] for l in out.splitlines() if l.startswith(('  inuse', '  alloc'))]
    tap.equal(totals, ['21', '338690048', '-29', '170876928'])


@tap.test
def bytes_in_use_of_no_objects(folder):
    """A record may have bytes in use without objects, after a mapping was unmapped in part, and
    totals may be negative."""
    maps = '\nMAPPED_LIBRARIES:\n00400000-00410000 r-xp 00000000 00:00 0 /none\n'
    for header, record, values in (
            ('0: 0 [ 0: 0]', '0: 12582912 [ 1: 16777216]', ['1', '16777216', '0', '12582912']),
            ('-3: 4096 [ 2: 8192]', '-3: 4096 [ 2: 8192]', ['2', '8192', '-3', '4096']),
            ('-3: -4096 [ 2: 8192]', '-3: -4096 [ 2: 8192]', ['2', '8192', '-3', '-4096']),
            ('0: 0 [ 1: 5]', '1: -5 [ 1: 5]', ['1', '5', '1', '-5'])):
        path = write(folder, f'heap profile: {header} @ heapprofile\n{record} @ 0x401190\n{maps}')
        out, warnings = read(path, 'info')
        tap.equal(warnings, [UNMAPPED.format('1 record')])
        totals = [l.split()[1] for l in out.splitlines() if l.startswith(('  inuse', '  alloc'))]
        tap.equal(totals, values)
    for kind, record in (('heap_v2/512', '-3: 4096 [ 2: 8192]'), ('heap_v2/512', '0: 5 [ 2: 8192]'),
                         ('heapprofile', '1: 5 [ 0: 5]'), ('heapprofile', '1: 5 [ -1: -5]'),
                         ('heapprofile', '-1: -9223372036854775808 [ 1: 5]')):
        path = write(folder, f'heap profile: 0: 0 [ 0: 0] @ {kind}\n{record} @ 0x401190\n{maps}')
        tap.is_in(f'{path}:2: ', cli.pprofconv('info', path).stderr)


# --- negative values, and samples without a stack --------------------------------------------

def rows(text):
    """Returns (flat, flat%, sum%, cum, cum%, name) for each row of top."""
    return [tuple(line.split(None, 5)) for line in text.splitlines()[2:]]


@tap.test
def top_ranks_by_magnitude(folder):
    path = cli.data('good-mmap-negative.heap')
    text = cli.succeed('top', '-q', '-n', '-s', 'inuse_objects', path)
    tap.equal(text.splitlines()[0],
              'inuse_objects: total -29 count; percentages are of the sum of absolute values, 31')
    tap.equal(rows(text), [('-30', '96.77%', '96.77%', '-30', '96.77%', 'none+0x1155'),
                           ('1', '3.23%', '93.55%', '1', '3.23%', 'none+0x118f'),
                           ('0', '0.00%', '93.55%', '-29', '93.55%', 'none+0x12ff')])
    path = write(folder, 'main;a 5\nmain;b -7\nmain;c 7\nmain;d -1\n')
    tap.equal([row[0] for row in rows(cli.succeed('top', path))], ['7', '-7', '5', '-1', '0'])
    text = cli.succeed('-t', 'text', path)
    tap.equal([line.split()[0] for line in text.splitlines() if line.endswith('samples')],
              ['-7', '7', '5', '-1'])


@tap.test
def percentages_are_those_of_pprof(folder):
    tap.need('go')
    path = write(folder, 'main;a 50\nmain;b -70\nmain;c 20\nx -90\n')
    profile = os.path.join(folder, 'x.pb.gz')
    cli.succeed(path, '-o', profile)
    for options, theirs in (((), ()), (('--cum',), ('-cum',))):
        expected = [line.split() for line in cli.go_pprof('-top', *theirs, profile).splitlines()]
        first = next(i for i, words in enumerate(expected) if words[:2] == ['flat', 'flat%'])
        ours = {row[5]: row for row in rows(cli.succeed('top', *options, path))}
        tap.equal(len(ours), len(expected) - first - 1)
        for flat, flat_part, _, cum, cum_part, name in expected[first + 1:]:
            tap.equal((ours[name][0], ours[name][3]), (flat, cum))
            for our, their in ((ours[name][1], flat_part), (ours[name][4], cum_part)):
                assert abs(float(our[:-1]) - float(their[:-1])) < 0.01, (ours[name], their)


@tap.test
def samples_without_a_stack_are_a_row(folder):
    path = cli.data('good-no-stack.heap')
    expected = [('200', 'B', '66.67%', '66.67%', '200', 'B  66.67%  none+0x118f'),
                ('100', 'B', '33.33%', '100.00%', '100', 'B  33.33%  (no stack)')]
    profile = os.path.join(folder, 'x.pb.gz')
    cli.succeed('-n', path, '-o', profile)
    for input_ in (path, profile):
        tap.equal(rows(cli.succeed('top', '-n', input_)), expected)
        tap.is_in('\n    (no stack)\n', cli.succeed('-n', '-t', 'text', input_))
        tap.equal(folded(input_), ({'(no stack)': 100, 'none+0x118f': 200}, []))
    tap.is_in('(no stack)', cli.succeed('top', '-n', '--hide=none', write(folder, 'a;none 3\nnone 5\n')))
    for by in ('function', 'file', 'line', 'mapping'):
        text = cli.succeed('diff', '-n', f'--by={by}', '--top=0', path, profile)
        tap.is_in('exact', text)
        tap.equal([line for line in text.splitlines() if '+' in line.split('none+')[0]], [])


@tap.test
def what_is_written_lacks_nothing(folder):
    """A profile that pprofconv writes has no sample without a location and no location without a
    mapping. It is the same after it is read and written again."""
    for name in ('good-no-stack.heap', 'good-jemalloc-all.heap', 'good-folded.txt', 'good-go.heap',
                 'good-mmap-negative.heap', 'good-exact.heap'):
        for options in ((), ('--reproducible',)):
            one, two, three = (os.path.join(folder, n) for n in 'abc')
            cli.succeed('-n', '-q', *options, cli.data(name), '-o', one)
            cli.succeed('-n', '-q', *options, one, '-o', two)
            merged = cli.pprofconv('merge', '-n', '-q', *options, one, two, '-o', three)
            is_repeated = name == 'good-exact.heap' and not options  # the only one that names its run
            tap.equal(merged.returncode, 2 if is_repeated else 0)
            profile = json.loads(cli.succeed('-n', '-q', '-t', 'json', one))
            assert profile['sample'] and all(s['location'] for s in profile['sample']), name
            assert all(l['mapping'] is not None for l in profile['location']), name
            check_fields(one)
            tap.equal(json.loads(cli.succeed('-n', '-q', '-t', 'json', two)), profile)
            if not is_repeated:
                doubled = json.loads(cli.succeed('-n', '-q', '-t', 'json', three))
                tap.equal(len(doubled['sample']), len(profile['sample']))
                tap.equal(sum(s['value'][-1] for s in doubled['sample']),
                          2 * sum(s['value'][-1] for s in profile['sample']))
            if shutil.which('go'):
                tap.equal(cli.go_pprof('-raw', '-symbolize=none', one),
                          cli.go_pprof('-raw', '-symbolize=none', two))


def check_fields(path):
    """Checks the fields in the file itself, without a reader of ours."""
    with gzip.open(path) as file:
        found = list(pprof_file.fields(file.read()))
    for field, value in found:
        if field == 2:
            assert any(f == 1 and v for f, v in pprof_file.fields(value)), 'without a location'
        if field == 4:
            assert any(f == 2 and v for f, v in pprof_file.fields(value)), 'without a mapping'


@tap.test
def a_foreign_profile_that_lacks_them(folder):
    """Some exporters write locations without mappings, and samples without locations."""
    path = pprof_file.write(os.path.join(folder, 'x.pb'), [('f', 'a.c', 5), ('g', 'a.c', 7)])
    with open(path, 'ab') as file:
        file.write(pprof_file.message(2, pprof_file.message(2, pprof_file.varint(11))))
    out = os.path.join(folder, 'out.pb.gz')
    cli.succeed(path, '-o', out)
    check_fields(out)
    tap.is_in('(no stack)', cli.succeed('top', path))
    tap.equal(cli.succeed('top', path), cli.succeed('top', out))
    if shutil.which('go'):
        tap.is_in('(no stack)', cli.go_pprof('-top', out))


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


@tap.test
def go_without_its_comments(folder):
    """The text of Go has no map. With -b all locations get names, also if the comments with the
    names are missing."""
    tap.need('go')
    source, binary = write(folder, GO, 'demo.go'), os.path.join(folder, 'demo')
    done = cli.run('go', 'build', '-o', binary, source,
                   env={'HOME': folder, **os.environ, 'GO111MODULE': 'off', 'GOFLAGS': ''})
    tap.equal((done.returncode, done.stderr), (0, ''))
    text = cli.run(binary).stdout
    named = folded(write(folder, text))[0]
    bare = write(folder, ''.join(l for l in text.splitlines(True) if not l.startswith('#')), 'bare')
    done = cli.pprofconv('-b', binary, '-t', 'folded', bare)
    ours = sums(done.stdout)
    tap.is_in('locations named, with no build ID to check the file by', done.stderr)
    for leaf in ('main.main;main.leak', 'runtime.gopanic;main.recovered.func1;main.leak'):
        stacks = [s for s in named if s.endswith(leaf)]
        assert stacks and [s for s in ours if s.endswith(leaf)], (leaf, named, ours)
        tap.equal(sum(ours.get(s, 0) for s in stacks), sum(named[s] for s in stacks))
    out = os.path.join(folder, 'out.pb.gz')
    tap.equal(cli.pprofconv('-q', '-b', binary, bare, '-o', out).returncode, 0)
    raw = cli.go_pprof('-raw', '-symbolize=none', out)
    tap.is_in('main.leak', raw)
    tap.is_in('main.leak', cli.go_pprof('-top', '-symbolize=none', out))
    with gzip.open(out) as file:
        tap.is_in(b'runtime\\.panic|runtime\\.reflectcall|runtime\\.call[0-9]*|', file.read())


@tap.test
def no_names_of_what_lies_elsewhere(folder):
    """Without a memory map, addresses get no names from a position-independent program, or from a
    program whose file is longer than the address but whose code is elsewhere."""
    tap.need('cc')
    body = '__attribute__((noinline)) void f(void) { asm volatile("nop;nop;nop;nop"); }\n'
    source = write(folder, 'const char much[8 << 20] = {1};\n' + body +
                   'int main(void) { f(); return much[1]; }\n', 'a.c')
    dump = write(folder, 'heap profile: 1: 9 [ 1: 9] @ heap_v2/1\n1: 9 [ 1: 9] @ 0x500003 0x1200\n', 'd')
    for options in (('-pie', '-fPIE'), ('-no-pie', '-fno-pie')):
        binary = os.path.join(folder, options[0])
        tap.equal(cli.run('cc', '-O1', *options, source, '-o', binary).returncode, 0)
        done = cli.pprofconv('-b', binary, '-t', 'folded', dump)
        tap.equal(done.stdout, '0x11ff;0x500002 9\n')
        tap.is_in('(no file): 2 locations without names: there is no memory map, and no address is '
                  'in the code of a program that is not position-independent', done.stderr)


@tap.test
def heapz_of_java(folder):
    text = '--- heapz 1 ---\nformat = java\nresolution = bytes\n 7048 1 @ 0x3\n 0x3 foo (a.java:3)\n'
    path = write(folder, text)
    tap.equal(refuse(path), "Java's heapz text is not supported; convert it: go tool pprof "
                            '-proto -output=OUT.pb.gz FILE')
    if shutil.which('go'):
        out = os.path.join(folder, 'out.pb.gz')
        cli.go_pprof('-proto', f'-output={out}', path)
        tap.is_in('foo', cli.succeed('top', out))


# --- which format, and whose -----------------------------------------------------------------

@tap.test
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
        tap.equal(done.stdout.splitlines()[:2], [f'file: {path}', f'format: {expected}'])
        done = cli.pprofconv('top', '-v', '-n', path)
        tap.is_in(f'pprofconv: {path}: {expected}: ', done.stderr)
    done = cli.pprofconv('info', '-', input=b'main;a 5\n')
    tap.is_in('format: folded\n', done.stdout)


tap.main()
