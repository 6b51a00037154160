# SPDX-License-Identifier: MIT
"""The loads that consist of our own small programs, one class each. A load names its rows before it
runs, so the list of rows is known without running anything."""

import os
import re
import shutil
import sys
import traceback

import processes
from interleaved import Failed, Missing, by_turns


class Load:
    """The base class of loads. A load runs in rounds; each run gives one figure. Modes that are
    much slower than bare run in some rounds only."""
    unit = 'ns'
    more_is_better = False
    rounds = 20
    every_slow, every_slowest = 3, 7  # slow modes run in every third or seventh round

    def __init__(self, name, modes):
        self.name, self.modes = name, modes

    def rows(self):
        """Returns the names and units of the rows. The first row gets what measure() returns."""
        return [(self.name, self.unit)]

    def prepare(self, bench):
        for name, unit in self.rows():
            for mode in self.modes:
                bench.table.row(name, mode, unit, self.more_is_better)

    def begin(self, bench):
        """Prepares what the first round needs."""

    def measure(self, bench, mode):
        raise NotImplementedError

    def has_turn(self, mode, turn):
        every = 1 if mode.slowness < 2 else \
            self.every_slow if mode.slowness < 50 else self.every_slowest
        return turn % every == 0

    def fail(self, bench, modes, failure):
        if not isinstance(failure, Failed):
            traceback.print_exception(failure, file=sys.stderr)
            failure = f'{type(failure).__name__}: {failure}'
        for name, _ in self.rows():
            for mode in modes:
                bench.table.rows[(name, mode.name)].fail(failure)
        processes.end_all()
        bench.runner.remove_dumps()

    def run_once(self, bench, mode, turn):
        row = bench.table.rows[(self.rows()[0][0], mode.name)]
        if row.remark or not self.has_turn(mode, turn):
            return
        try:
            value = self.measure(bench, mode)
            if value is not None:
                row.values.append(value)
        except Exception as failure:  # a failure of one load must not stop the others
            self.fail(bench, [mode], failure)
        bench.runner.remove_dumps()

    def run(self, bench):
        try:
            self.begin(bench)
        except Exception as failure:  # as above
            self.fail(bench, self.modes, failure)
            return
        by_turns(1 if bench.is_short else self.rounds,
                 [lambda turn, mode=mode: self.run_once(bench, mode, turn)
                  for mode in self.modes])


class Pairs(Load):
    """Pairs of malloc and free. `length` multiplies their number."""

    def __init__(self, modes, threads, depth, n_live=1000, size_max=256, length=1):
        super().__init__(f'pairs to {size_max} B, {n_live} live, depth {depth}, '
                         f'{threads} thread{"s" if threads > 1 else ""}', modes)
        self.arguments = [depth, n_live, size_max]
        self.threads, self.length = threads, length

    def measure(self, bench, mode):
        n_pairs = (50000 if bench.is_short else 1500000 * self.length) / mode.slowness / self.threads
        return bench.program('malloc_pair', mode, self.threads, int(n_pairs), *self.arguments)[0]


class LargeStack(Load):
    """The program's stack has one large frame, or many small ones."""
    rounds = 10

    def __init__(self, modes, kib, n_frames, size=24):
        super().__init__(f'pairs of {size} B, {n_frames} frames under one of {kib} KiB', modes)
        self.arguments, self.size = (kib, n_frames), size

    def measure(self, bench, mode):
        n_pairs = 20000 if bench.is_short else 200000
        return bench.program('large_stack', mode, *self.arguments, n_pairs, self.size)[0]


class Instructions(Load):
    """The instructions of a pair, from the difference of two runs of different length. Other
    programs on the machine do not affect them."""
    unit = 'instr.'
    rounds = 1

    def __init__(self, modes):
        super().__init__('instructions a pair, depth 8', modes)

    def count(self, bench, mode, n_pairs):
        if not shutil.which('valgrind'):
            raise Missing('valgrind')
        tool = ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null']
        out = bench.runner.run(mode, tool + [bench.binary('malloc_pair'), '1', str(n_pairs)],
                               {'HEAP_PROFILE_SEED': '1'})
        return int(re.search(r'Collected : (\d+)', out).group(1))

    def measure(self, bench, mode):
        few, many = (2000, 22000) if bench.is_short else (100000, 1100000)
        if mode.slowness > 1:
            many = (few + many) // 2
        return (self.count(bench, mode, many) - self.count(bench, mode, few)) / (many - few)


class Growth(Load):
    unit = 'ms'
    rounds = 5

    def __init__(self, modes, settings, name):
        super().__init__(f'realloc to 1 GiB by 1 MiB, {name}', modes)
        self.settings = settings

    def measure(self, bench, mode):
        mib = 64 if bench.is_short else 1024
        return bench.figures(mode, ['big_blocks', 'realloc', mib], self.settings)[0]


class Untouched(Load):
    unit = 'ms'
    rounds = 10

    def __init__(self, modes):
        super().__init__('8 x calloc(1 GiB), untouched', modes)

    def rows(self):
        return [*super().rows(), (f'{self.name}: resident', 'KiB')]

    def measure(self, bench, mode):
        ms, kib = bench.program('big_blocks', mode, 'calloc', 8, 1024)
        bench.table.add(f'{self.name}: resident', mode, 'KiB', kib)
        return ms


class Handoff(Load):
    def __init__(self, modes):
        super().__init__('allocate here, free there', modes)

    def measure(self, bench, mode):
        n_blocks = (20000 if bench.is_short else 1000000) / mode.slowness
        return bench.program('handoff', mode, int(n_blocks))[0]


class Dump(Load):
    """The time of a dump, and the longest malloc or free of another thread meanwhile. A round has
    one dump: the machine itself stops a thread now and then, but not in most rounds."""
    unit = 'ms'
    rounds = 15

    def __init__(self, modes, n_stacks):
        super().__init__(f'dump of {n_stacks} stacks', modes)
        self.n_stacks = n_stacks
        self.others = [f'{self.name}: longest call of another thread',
                       f'{self.name}: the same, kernel pauses aside',
                       f'{self.name}: longest without a dump',
                       f'{self.name}: the same, kernel pauses aside, without a dump',
                       f'{self.name}: longest while the stacks were made',
                       f'{self.name}: the same, kernel pauses aside, in the making']

    def rows(self):
        return [*super().rows(), *((other, 'us') for other in self.others)]

    def measure(self, bench, mode):
        ms, *pauses = bench.program('dump_pause', mode, self.n_stacks)
        for other, us in zip(self.others, pauses):
            bench.table.add(other, mode, 'us', us)
        return ms


class OwnMemory(Load):
    """Resident memory in addition to that of bare, and the memory that the profiler reports of
    itself in its last dump."""
    rounds = 2

    def __init__(self, name, bare, modes, arguments, count, unit):
        """`count` is the number by which the memory is divided. `unit` is KiB, or B if the quotient
        is small."""
        super().__init__(name, modes)
        self.bare, self.arguments, self.count, self.unit = bare, arguments, count, unit

    def rows(self):
        return [*super().rows(), (f'{self.name}, by its own word', self.unit)]

    def scaled(self, n_bytes):
        return n_bytes / self.count / (1024 if self.unit == 'KiB' else 1)

    def begin(self, bench):
        self.bare_kib = min(bench.figures(self.bare, ['own_memory', *self.arguments])[0]
                            for _ in range(1 if bench.is_short else self.rounds))

    def measure(self, bench, mode):
        said = None
        kib = bench.figures(mode, ['own_memory', *self.arguments])[0]
        for name in sorted(os.listdir(bench.runner.folder)):
            if name.endswith('.heap'):
                with open(os.path.join(bench.runner.folder, name), encoding='utf-8') as dump:
                    said = re.search(r'^# profiler_bytes: (\d+)', dump.read(10000), re.M)
        if not said:
            raise Failed('no dump that says what it cost')
        bench.table.add(f'{self.name}, by its own word', mode, self.unit,
                        self.scaled(int(said.group(1))))
        return self.scaled((kib - self.bare_kib) * 1024)
