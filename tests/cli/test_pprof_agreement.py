#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""go tool pprof reads the same samples, values, addresses and mappings from a dump and from our
profile of that dump. --seeds N, before other arguments, sets the number of seeds; the default is 1,000.

The two readings may differ in this ("there": of the dump, "here": of our profile):
| what | why |
|---|---|
| a value by 1, upward, for each record | pprof cuts estimates, we round running totals |
| two sample types (objects, space) there, always four here | a diff needs the same ones |
| build IDs here only | they are in comments, where they harm no other reader |
| file names are cut at a space there | pprof's pattern ends there |
| a program named in the dump is the first mapping here | pprof guesses it by its name |
| heap_v2/1: records of 0 bytes there count no objects | nothing was sampled, so nothing is scaled |
| a sample without a stack has a location here, at 0; there it is dropped | totals are to be right |
| overlapping mappings: the nearest start here, the first line there | no real map has any |
"""

import collections
import os
import sys

import cli
import dumps
import raw
import tap

SEEDS = 1000
SEEDS_A_DUMP = 25

if len(sys.argv) > 2 and sys.argv[1] == '--seeds':
    SEEDS = int(sys.argv[2])
    del sys.argv[1:3]


def pair(folder, text, name='x.heap'):
    """Returns pprof's two readings of a dump: of the dump itself, and of our profile of it."""
    dump, profile = os.path.join(folder, name), os.path.join(folder, 'x.pb.gz')
    with open(dump, 'w') as file:
        file.write(text)
    cli.succeed('--no-symbols', '-q', dump, '-o', profile)
    return raw.read(dump), raw.read(profile)


def own_columns(theirs, values):
    """Returns our four values, or only those two that pprof has too."""
    return values if len(theirs.types) == 4 else values[2:]


def by_key(samples):
    sums = {}
    for addresses, labels, values in samples:
        assert (addresses, labels) not in sums
        sums[addresses, labels] = values
    return sums


def check_samples(theirs, ours, n_records):
    expected = by_key(theirs.samples)
    found = {k: own_columns(theirs, v) for k, v in by_key(ours.samples).items()}
    found = {k: v for k, v in found.items() if any(v) or k in expected}
    tap.equal(sorted(found), sorted(expected))
    for key, values in expected.items():
        for theirs_value, our_value in zip(values, found[key]):
            # We may round up by up to 1, and pprof cuts off up to 1, for each record.
            most = n_records[key[0]]
            assert 0 <= our_value - theirs_value <= most, (key, values, found[key])


def check_mappings(theirs, ours):
    used = {a for s in theirs.samples for a in s[0]}
    for address in used:
        expected, found = theirs.mapping_of[address], ours.mapping_of[address]
        tap.equal(found[:3], expected[:3])
        tap.equal(found[3][:1], expected[3][:1])
    tap.equal(ours.mappings[0][:3], theirs.mappings[0][:3])


def check_agreement(folder, dump):
    theirs, ours = pair(folder, dump.text)
    n_records = collections.Counter(tuple(a - 1 for a in r[4]) for r in dump.records)
    tap.equal(ours.period, theirs.period)
    check_samples(theirs, ours, n_records)
    check_mappings(theirs, ours)


@tap.test
def random_dumps_read_the_same(folder):
    packs = [list(range(s, min(s + SEEDS_A_DUMP, SEEDS))) for s in range(0, SEEDS, SEEDS_A_DUMP)]
    for number, seeds in enumerate(packs):
        kind = dumps.KINDS[number % len(dumps.KINDS)]
        try:
            check_agreement(folder, dumps.make(seeds, kind))
        except AssertionError as error:
            raise AssertionError(f'{kind}, seeds {seeds[0]} to {seeds[-1]}: {error}') from None


@tap.test
def the_sum_of_estimates_is_right(folder):
    """1,000 samples of 512 KiB are estimated as 1,582 objects. pprof reads 1,000 from the dump."""
    records = ''.join(f'1: 524288 [ 1: 524288] @ 0x{0x400000 + i * 16:x}\n' for i in range(1, 1001))
    text = ('heap profile: 1000: 524288000 [ 1000: 524288000] @ heap_v2/524288\n' + records +
            '\nMAPPED_LIBRARIES:\n400000-500000 r-xp 00000000 fe:00 1 /bin/a\n')
    theirs, ours = pair(folder, text)
    tap.equal(sum(s[2][0] for s in theirs.samples), 1000)
    tap.equal(sum(s[2][2] for s in ours.samples), 1582)
    tap.equal({s[2][2] for s in ours.samples}, {1, 2})


@tap.test
def fixtures_read_the_same(folder):
    for name in ('good-exact.heap', 'good-gperftools.heap', 'good-heap_v2.heap',
                 'good-heapz_v2.heap', 'good-heap-v1.heap', 'good-brief-maps.heap',
                 'good-brief-names.heap', 'good-growth.heap', 'good-fragmentation.heap',
                 'good-mmap-negative.heap'):
        with open(cli.data(name)) as file:
            theirs, ours = pair(folder, file.read())
        tap.equal(ours.period, theirs.period)
        check_samples(theirs, ours, collections.Counter({s[0]: 1 for s in theirs.samples}))
        if name != 'good-brief-maps.heap':  # a path there has a space
            check_mappings(theirs, ours)


@tap.test
def build_ids_come_from_comments(folder):
    with open(cli.data('good-exact.heap')) as file:
        theirs, ours = pair(folder, file.read())
    tap.equal(ours.mappings[0][3], ['/usr/bin/demo', 'aabbccdd00112233'])
    tap.equal(theirs.mappings[0][3], ['/usr/bin/demo'])


tap.need('go')
tap.main()
