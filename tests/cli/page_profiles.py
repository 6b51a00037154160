# SPDX-License-Identifier: MIT
"""Makes profiles for pages: sampled dumps of one run, with libraries, inlined functions, recursion,
lines and labels; and profiles whose every text is hostile."""

import os
import sys

import cli
import runs

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'fuzz'))

import protobuf  # noqa: E402: after the path to it

R = 65536
TYPES = (('inuse_objects', 'count'), ('inuse_space', 'bytes'), ('alloc_objects', 'count'),
         ('alloc_space', 'bytes'))
FUNCTIONS = {  # number: (name, file)
    1: ('main', '/src/app/main.cc'),
    2: ('Server::run(int)', '/src/app/server.cc'),
    3: ('std::map<std::string, int>::operator[](std::string const&)', '/usr/include/map.h'),
    4: ('remember', '/src/app/session.cc'),
    5: ('compress', '/src/zlib/deflate.c'),
    6: ('walk', '/src/app/tree.cc'),
    7: ('Server::accept(int)', '/src/app/server.cc'),
}
LOCATIONS = {  # number: (mapping, [(function, line)]), the innermost function first
    1: (1, [(1, 10)]), 2: (1, [(2, 55)]), 3: (1, [(3, 400), (4, 21)]), 4: (2, [(5, 7)]),
    5: (1, [(6, 30)]), 6: (1, [(7, 60)]), 7: (1, [(4, 25)]),
}
STACKS = {  # name: locations, the leaf first
    'session': (3, 2, 1), 'other': (7, 2, 1), 'zlib': (4, 2, 1), 'tree': (5, 5, 5, 1),
    'accept': (6, 1),
}


def scaled(n, size, interval):
    """Returns the estimates of the number and the bytes that follow from `n` samples."""
    p = runs.chance(size, interval)
    return round(n / p), round(n * size / p)


def make(samples, interval=R, run='7', comments=(), functions=None, time=0):
    """Returns a profile. `samples` are (stack, thread, size, samples in use, samples allocated)."""
    profile = protobuf.Profile()
    for type_ in TYPES:
        profile.sample_type(*type_)
    profile.mapping(1, 0x400000, 0x500000, 0, '/opt/app', 'aa', has_names=True)
    profile.mapping(2, 0x600000, 0x700000, 0, '/usr/lib/libz.so.1', 'bb', has_names=True)
    for number, (name, file) in (functions or FUNCTIONS).items():
        profile.function(number, name, '', file, 1)
    for number, (mapping, lines) in LOCATIONS.items():
        profile.location(number, mapping, (0x400000, 0x600000)[mapping - 1] + 16 * number, lines)
    for stack, thread, size, in_use, allocated in samples:
        profile.sample(STACKS[stack],
                       [*scaled(in_use, size, interval), *scaled(allocated, size, interval)],
                       [('thread', thread), ('bytes', size)])
    profile.head(period=('space', 'bytes', interval), default='inuse_space', time=time * 10 ** 9)
    for comment in ('program: /opt/app', f'run: {run}', *comments):
        profile.comment(comment)
    return profile.encode()


SAMPLES = (  # at first, and later
    (('session', 'io', 512, 40, 50), ('session', 'io', 512, 400, 410)),
    (('session', 'main', 4096, 20, 20), ('session', 'main', 4096, 90, 90)),
    (('other', 'main', 100000, 3, 3), ('other', 'main', 100000, 3, 3)),
    (('zlib', 'io', 200000, 30, 90), ('zlib', 'io', 200000, 4, 95)),
    (('tree', 'main', 64, 300, 300), ('tree', 'main', 64, 301, 330)),
    (('accept', 'io', 2048, 7, 70), ('accept', 'io', 2048, 9, 80)),
)
LEAK_FROM, N_DUMPS = 5, 12


def series(folder, n=N_DUMPS):
    """Writes dumps of one run, a minute apart. From the dump LEAK_FROM on, `remember` grows. What
    `compress` holds is freed and allocated again all the time. Returns the paths."""
    paths = []
    for i in range(n):
        grown = 90 + 400 * max(0, i - LEAK_FROM)
        samples = (('session', 'io', 512, 40, 40 + 30 * i), ('other', 'main', 2048, grown, grown),
                   ('zlib', 'io', 200000, 30, 30 + 60 * i), ('tree', 'main', 64, 300, 300),
                   ('accept', 'io', 2048, 7, 70 + i))
        paths.append(write(folder, f'd{i:02}.pb', make(
            samples, time=1700000000 + 60 * i,
            comments=(f'dump: {i + 1}', f'rss_bytes: {(50 + i) << 20}'))))
    return paths


HOSTILE = (
    '</script><script>window.pwned = 1</script>', '<img src=x onerror="window.pwned = 2">',
    '<!--<script>', '${window.pwned = 3}', "');window.pwned = 4;//", '\u2028window.pwned = 5',
    '"onmouseover="window.pwned=6', 'a\u202ebc', '<svg/onload=window.pwned=7>', '__proto__',
    '&lt;b&gt;', 'x\x01\x1b[31my', '@DATA@', ']]>',
)


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, 'wb') as file:
        file.write(data)
    return path


def pair(folder):
    """Writes two dumps of one run; returns their paths."""
    return [write(folder, name, make([row[i] for row in SAMPLES], time=1700000000 + 60 * i,
                                     comments=('pid: 77', f'dump: {i + 1}',
                                               f'rss_bytes: {(50 + 9 * i) << 20}')))
            for i, name in enumerate(('old.pb', 'new.pb'))]


def hostile(folder):
    """Writes a profile whose texts try to become markup or script; returns its path."""
    functions = {i: (HOSTILE[i % len(HOSTILE)], '/x/' + HOSTILE[(2 * i) % len(HOSTILE)])
                 for i in range(1, 8)}
    samples = [(stack, text, 512, 5, 6) for stack in STACKS for text in HOSTILE]
    return write(folder, 'hostile.pb', make(samples, functions=functions, comments=[
        f'{key}: {text}' for text in HOSTILE[:3] for key in ('program', 'pid', 'reason')]))


def many_functions(folder, n=25000):
    """Writes folded stacks with more functions than a page shows; returns the path. `tiny` is in most
    of them, all of which are small."""
    lines = [f'main;big{i} {100000 * i}' for i in range(1, 50)]
    lines += [f'main;f{i};g{i % 997};tiny {i % 7 + 1}' for i in range(n)]
    lines += [f'main;f{i};last{i} 400' for i in range(n)]
    return write(folder, 'functions.txt', '\n'.join(lines).encode() + b'\n')


def page(folder, *arguments, name='page.html'):
    """Writes a page; returns its path."""
    path = os.path.join(folder, name)
    cli.succeed('html', '-q', *arguments, '-o', path)
    return path
