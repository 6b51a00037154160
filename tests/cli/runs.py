# SPDX-License-Identifier: MIT
"""Makes dumps as a sampled program would write them: a random number generator with a seed decides
which blocks are recorded, with the probability 1 - exp(-size / interval)."""

import math
import os
import random

BASE = 0x401000
SITES = 0x100  # bytes between two functions


def poisson(rng, mean):
    """Returns a random number of the Poisson distribution with that mean. For small means it uses
    Knuth's method, for large ones the normal distribution."""
    if mean > 200:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, n, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        n += 1
        product *= rng.random()
    return n


def binomial(rng, n, p):
    if n * p > 200 and n * (1 - p) > 200:
        return min(n, max(0, round(rng.gauss(n * p, math.sqrt(n * p * (1 - p))))))
    if n > 1000 and p < 0.1:
        return min(n, poisson(rng, n * p))
    return sum(rng.random() < p for _ in range(n))


def chance(size, interval):
    return 1.0 if interval <= 1 else -math.expm1(-size / interval)


def sample(rng, blocks, interval):
    """Returns how many blocks of each kind were sampled. `blocks` is {(function, size): n}."""
    return {key: binomial(rng, n, chance(key[1], interval)) for key, n in blocks.items()}


def records(inuse, allocated, sums):
    """Returns the lines of the records with these counts, and adds the counts to `sums`."""
    lines = []
    for (function, size), n_allocated in sorted(allocated.items()):
        n = inuse.get((function, size), 0)
        if not n_allocated:
            continue
        counts = (n, n * size, n_allocated, n_allocated * size)
        sums[:] = [a + b for a, b in zip(sums, counts)]
        frames = function if isinstance(function, tuple) else (function,)
        stack = ' '.join(f'0x{BASE + f * SITES + 1:x}' for f in frames)
        lines.append('{}: {} [ {}: {}] @ '.format(*counts) + stack)
    return lines


def dump(inuse, allocated, interval, run='0', time=None, extra=(), program='/opt/app'):
    """Returns the text of a dump with these counts, {(function, size): n}. A function is a number,
    or a stack as a tuple of numbers, leaf first."""
    sums = [0, 0, 0, 0]
    return whole_dump(records(inuse, allocated, sums), sums, interval, 1, run, time, extra, program)


def whole_dump(records, sums, interval, version, run, time=None, extra=(), program='/opt/app'):
    """Returns the text of a dump with these lines of records, whose counts add up to `sums`."""
    kind = 'heapprofile' if interval <= 1 else f'heap_v2/{interval}'
    lines = ['heap profile: {}: {} [ {}: {}] @ '.format(*sums) + kind, f'# heapprof: {version}',
             f'# program: {program}', f'# run: {run}']
    if time is not None:
        lines.append(f'# time: 2026-01-01T{time // 3600:02}:{time // 60 % 60:02}:{time % 60:02}Z')
    lines += [f'# {line}' for line in extra] + records
    lines += ['', 'MAPPED_LIBRARIES:', f'{BASE - 0x1000:x}-{BASE + 0x1000000:x} r-xp 00000000 fe:00 '
              f'1 {program}', '# end']
    return '\n'.join(lines) + '\n'


LEVELS = 20  # an adaptive interval is 1, 2, 4, up to 2^19


def levels(rng, blocks):
    """Returns the levels of blocks, {(function, size): n}, as a list with as many counts for each
    level. A block has the level L or a higher one with the probability 1 - exp(-size / 2^L)."""
    by_level = [{} for _ in range(LEVELS)]
    for (function, size), left in blocks.items():
        for level in range(LEVELS - 1):
            rises = chance(size, 2 << level) / chance(size, 1 << level)
            n = binomial(rng, left, 1 - rises)
            by_level[level][(function, size)] = n
            left -= n
        by_level[-1][(function, size)] = left
    return by_level


def auto_dump(inuse, allocated, level, **options):
    """Returns the text of a dump at the interval 2^level. `inuse` and `allocated` are lists as
    levels() returns them."""
    lines, sums = [], [0, 0, 0, 0]
    for at in range(level, LEVELS):
        added = records(inuse[at], allocated[at], sums)
        if added and at > level:
            lines.append(f'# level: {at}')
        lines += added
    extra = [*options.pop('extra', ()), 'interval_mode: auto']
    return whole_dump(lines, sums, 1 << level, 2, options.pop('run', '0'), extra=extra, **options)


def write(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    return path


def write_run(path, seed, blocks, interval, **options):
    """Writes a sampled dump of a run that allocated these blocks and freed none; returns its
    path."""
    counts = sample(random.Random(seed), blocks, interval)
    return write(path, dump(counts, counts, interval, run=str(seed), **options))


def twice(folder, interval):
    """Writes two dumps with the same records, but with other addresses, in another order, and with
    other times and numbers; returns their paths."""
    blocks = {((i, 2), 100 + 7 * i): 3 + i for i in range(30)}
    text = dump(blocks, blocks, interval, run='a', time=5, extra=['pid: 7', 'rss_bytes: 9'])
    lines = text.replace('0x40', '0x70').replace('400000-', '700000-').replace(
        '-1401000', '-1701000').replace('# run: a', '# run: b').replace('pid: 7', 'pid: 8')
    lines = lines.replace('T00:00:05', 'T10:00:05').splitlines()
    at = [i for i, line in enumerate(lines) if ' @ 0x' in line]
    lines[at[0]:at[-1] + 1] = lines[at[0]:at[-1] + 1][::-1]
    return [write(os.path.join(folder, name), content) for name, content in
            (('a.heap', text), ('b.heap', '\n'.join(lines) + '\n'))]
