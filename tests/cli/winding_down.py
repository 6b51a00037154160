# SPDX-License-Identifier: MIT
"""Generates series of dumps, from a formula and a seed, as of services that end in different
ways."""

import os
import random

import runs

R = 65536
SIZE = 16384
MIB = 1048576 // SIZE  # blocks
N_DUMPS = 40  # one a minute
STEADY, CACHE, QUEUE, SUSPECT = 1, 2, 3, 4  # functions; only SUSPECT may leak

# The ways to end: the part of the heap that is left in each of the last dumps, and whether the last
# dump is the one at exit.
WAYS = {
    'frees all at exit': ((0,), True),
    'a dump in the destructors': ((0.45, 0), True),
    'two dumps in the destructors': ((0.7, 0.2, 0.05), True),
    'goes down slowly': ((0.8, 0.5, 0.2, 0), True),
    'goes up, then down': ((1.15, 0.3, 0), True),
    'frees more than half': ((0.4,), True),
    'goes down and is killed': ((0.6, 0.3, 0.1, 0.05), False),
    'is killed in the destructors': ((0.1,), False),
    'keeps its steady part': ((0,), True),
    'frees nothing': ((1,), True),
    'frees less than half': ((0.6,), True),
}


def wanted(function, i, leak):
    """Returns how many blocks a function holds in dump i, before the service winds down."""
    return {STEADY: 100 * MIB, CACHE: 100 * MIB * min(1, i / 12),
            QUEUE: (20, 40, 60, 40)[i % 4] * MIB, SUSPECT: 60 * MIB + leak * i * MIB}[function]


def left(function, i, way, n):
    parts = WAYS[way][0]
    if i < n - len(parts) or (way == 'keeps its steady part' and function == STEADY):
        return 1
    return parts[i - n]


def write(folder, seed, way, leak, winds_down=True):
    """Writes a series; returns the paths. `leak` is in MiB per dump. If the service does not wind
    down, its series ends before the dumps in which it would."""
    rng = random.Random(seed)
    p = runs.chance(SIZE, R)
    held, truth = {f: 0 for f in (STEADY, CACHE, QUEUE, SUSPECT)}, {}
    allocated, paths = dict(held), []
    n = N_DUMPS - (0 if winds_down else len(WAYS[way][0]))
    for i in range(n):
        for f in held:
            before = truth.get(f, 0)
            truth[f] = wanted(f, i, leak) * left(f, i, way, N_DUMPS)
            gone = max(before / 10, before - truth[f])  # a tenth is replaced each time
            held[f] -= runs.binomial(rng, held[f], gone / before) if before else 0
            born = runs.poisson(rng, (truth[f] - before + gone) * p)
            held[f] += born
            allocated[f] += born
        is_exit = i == N_DUMPS - 1 and WAYS[way][1]
        paths.append(runs.write(os.path.join(folder, f'd{i:02}.heap'), runs.dump(
            {(f, SIZE): k for f, k in held.items()}, {(f, SIZE): k for f, k in allocated.items()},
            R, run='7', time=60 * i,
            extra=[f'dump: {i + 1}', f'reason: {"exit" if is_exit else "allocated"}'])))
    return paths


def verdicts(report):
    """Returns {function: verdict} of a report."""
    return {int(row['name'].split('+0x')[1], 16) // runs.SITES - 16: row['verdict']
            for row in report['rows']}
