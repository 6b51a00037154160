#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a large heap dump to standard output: make_dump.py tree|random [RECORDS [SEED]].

tree: the stacks are random walks down a call tree from main, so they share outer frames as the
stacks of a real program do. random: every frame is drawn from the same 50,000 addresses."""

import random
import sys

N_ADDRESSES = 50000
N_SHARED = 8  # stacks with as many equal last frames have the same callees
MAIN = 0x555555560000
LIBRARY = 0x7ffff7a00000


def random_address(rng):
    return (MAIN if rng.random() < 0.8 else LIBRARY) + rng.randrange(1 << 20)


def random_depth(rng):
    return rng.randrange(8, 20)


class Random:
    def __init__(self, rng, addresses):
        self.rng, self.addresses = rng, addresses

    def stack(self):
        return [self.rng.choice(self.addresses) for _ in range(random_depth(self.rng))]


class Tree:
    """A call tree. Each function has a few callees in each context; they are chosen when the
    function is first reached there."""

    def __init__(self, rng, addresses):
        self.rng, self.addresses = rng, addresses
        self.callees = {}

    def callees_of(self, stack):
        key = tuple(stack[-N_SHARED:])
        if key not in self.callees:
            n = self.rng.randrange(1, 8)
            self.callees[key] = [self.rng.choice(self.addresses) for _ in range(n)]
        return self.callees[key]

    def stack(self):
        stack = [self.addresses[0]]
        for _ in range(random_depth(self.rng)):
            stack.append(self.rng.choice(self.callees_of(stack)))
        return stack[::-1]


def main():
    shape = sys.argv[1]
    n_records = int(sys.argv[2]) if len(sys.argv) > 2 else 200000
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    addresses = [random_address(rng) for _ in range(N_ADDRESSES)]
    stacks = {'tree': Tree, 'random': Random}[shape](rng, addresses)
    sums, records, seen = [0, 0, 0, 0], [], set()
    while len(records) < n_records:
        stack = stacks.stack()
        if tuple(stack) in seen:
            continue
        seen.add(tuple(stack))
        objects = rng.randrange(1, 20)
        size = rng.choice((16, 24, 48, 100, 256, 1024, 5000, 65536)) + rng.randrange(16)
        in_use = rng.randrange(objects + 1)
        counts = (in_use, in_use * size, objects, objects * size)
        sums = [a + b for a, b in zip(sums, counts)]
        records.append('%d: %d [ %d: %d] @' % counts + ''.join(' 0x%x' % a for a in stack))
    print('heap profile: %d: %d [ %d: %d] @ heap_v2/524288' % tuple(sums))
    print('# heapprof: 1\n# program: /usr/bin/server')
    print('\n'.join(records))
    print(f'''
MAPPED_LIBRARIES:
{MAIN:x}-{MAIN + (1 << 20) + 0x1000:x} r-xp 00000000 fe:00 100 /usr/bin/server
{LIBRARY:x}-{LIBRARY + (1 << 20) + 0x1000:x} r-xp 00026000 fe:00 101 /usr/lib/libc.so.6
# end''')


main()
