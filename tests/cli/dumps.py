# SPDX-License-Identifier: MIT
"""Makes random heap dumps of each legacy kind. The same seed gives the same dump."""

import random

KINDS = ('heapprof', 'heapprof-sampled', 'heapprofile', 'heap_v2', 'heapz_v2', 'heap', 'exact_v2',
         'growth', 'fragmentationz')


class Dump:
    def __init__(self, kind, text, records):
        self.kind = kind
        self.text = text
        self.records = records  # [(in-use objects, bytes, allocated objects, bytes, addresses)]


def random_size(rng):
    return rng.choice((1, 8, 24, 100, 4096, 100000, 524288, 10 << 20)) + rng.randrange(64)


def random_counts(rng, is_plain):
    """Returns the counts of one record. If nothing was freed, the counts in use equal the allocated
    ones."""
    size = random_size(rng)
    allocated = rng.choice((1, 1, 1, 2, 3, 10, 1000))
    in_use = allocated if is_plain else rng.randrange(allocated + 1)
    spread = rng.randrange(size) if allocated > 1 else 0  # blocks may differ in size
    if in_use == allocated:
        return in_use, in_use * size + spread, allocated, allocated * size + spread
    return in_use, in_use * size, allocated, allocated * size + spread


class Space:
    """The part of the address space that belongs to one seed: a program and libraries with gaps
    between them."""

    def __init__(self, rng, base, number):
        self.lines, self.ranges = [], []
        at = base
        for i in range(rng.randrange(1, 5)):
            name = f'/usr/bin/app{number}' if i == 0 else f'/usr/lib/lib{number}_{i}.so.{i}'
            offset = rng.randrange(4) * 0x1000
            at += offset + rng.randrange(1, 50) * 0x1000
            size = rng.randrange(1, 64) * 0x1000
            self.ranges.append((at, at + size))
            self.lines.append(f'{at:x}-{at + size:x} r-xp {offset:08x} fe:01 {i + 7} {name}')
            if rng.random() < 0.5:
                self.lines.append(f'{at + size:x}-{at + size + 0x1000:x} rw-p 00000000 00:00 0')
            at += size + 0x2000
        self.limit = at

    def address(self, rng):
        if rng.random() < 0.01:
            return self.limit + rng.randrange(1, 0x1000)  # outside of all mappings
        start, limit = rng.choice(self.ranges)
        return rng.randrange(start + 1, limit + 1)


def random_records(rng, space, is_plain):
    pool = [space.address(rng) for _ in range(rng.randrange(3, 40))]
    records = []
    for _ in range(rng.randrange(1, 40)):
        addresses = [rng.choice(pool) for _ in range(rng.randrange(1, 20))]
        records.append(random_counts(rng, is_plain) + (addresses,))
        if rng.random() < 0.05:
            records.append(random_counts(rng, is_plain) + (addresses,))
    return records


def header_kind(rng, kind):
    period = rng.choice((2, 512, 65536, 524288, 524287, 4 << 20))
    return {'heapprof': 'heapprofile', 'heapprofile': 'heapprofile', 'exact_v2': 'heap_v2/1',
            'heapprof-sampled': f'heap_v2/{period}', 'heap': f'heap/{2 * period + 1}',
            }.get(kind, f'{kind}/{period}')


def make(seeds, kind):
    """Returns a dump with the records of all seeds, each seed in its own part of the address
    space."""
    rng = random.Random(f'{kind}-{seeds[0]}')
    is_plain = rng.random() < 0.25
    is_ours = kind.startswith('heapprof') and kind != 'heapprofile'
    records, maps = [], []
    for seed in seeds:
        own = random.Random(seed)
        space = Space(own, 0x10000000 + (seed % 4096 << 32), seed)
        records += random_records(own, space, is_plain)
        maps += space.lines
    sums = [sum(r[i] for r in records) for i in range(4)]
    lines = ['heap profile: {}: {} [ {}: {}] @ '.format(*sums) + header_kind(rng, kind)]
    if is_ours:
        lines += ['# heapprof: 1', f'# program: /usr/bin/app{seeds[0]}', '# run: 00']
    for record in records:
        stack = ' '.join(f'0x{a:x}' for a in record[4])
        lines.append('{}: {} [ {}: {}] @ '.format(*record[:4]) + stack)
    lines += ['', 'MAPPED_LIBRARIES:'] + maps
    if is_ours:
        lines.append('# end')
    return Dump(kind, '\n'.join(lines) + '\n', records)
