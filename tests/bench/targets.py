# SPDX-License-Identifier: MIT
"""The targets, each next to the figure that was reached."""

import dataclasses
import statistics

from interleaved import align, noise, show

PAIR = 'pairs to 256 B, 1000 live, depth {}, {}'


NOISE_MAX = 0.05  # if the noise is larger, there is no verdict


@dataclasses.dataclass(frozen=True)
class Target:
    what: str
    limit: object  # a number, None, or a function of the table that returns the noise
    figure: object  # a function of the table: a number, or None if something was not measured
    is_at_least: bool = False

    def limit_in(self, table):
        return self.limit(table) if callable(self.limit) else self.limit

    def shown_limit(self, table):
        limit = self.limit_in(table)
        if callable(self.limit):
            return f'<= {show(limit)} (noise)'
        return '-' if limit is None else f'{">=" if self.is_at_least else "<="} {limit:g}'

    def verdict(self, table):
        value, limit = self.figure(table), self.limit_in(table)
        if value is None or (limit is None and self.limit):
            return 'not measured'
        if limit is None:
            return 'no limit'
        if callable(self.limit) and limit > NOISE_MAX:
            return 'too noisy to tell'
        is_reached = value >= limit if self.is_at_least else value <= limit
        return 'reached' if is_reached else 'NOT reached'


def pair(depth, threads):
    return PAIR.format(depth, '1 thread' if threads == 1 else f'{threads} threads')


def ratio(load, mode, base):
    return lambda table: table.ratio(load, mode, base)


def loads_ratio(load, base, mode):
    def figure(table):
        ours, theirs = table.best(load, mode), table.best(base, mode)
        return ours / theirs if ours is not None and theirs else None
    return figure


def difference(load, mode, base):
    def figure(table):
        ours, theirs = table.best(load, mode), table.best(load, base)
        return ours - theirs if ours is not None and theirs is not None else None
    return figure


def best(load, mode):
    return lambda table: table.best(load, mode)


def scaling_kept(table):
    """How much of its throughput exact keeps from one thread to two, compared with bare. Computed
    from the times of a pair, which are inverse to the throughput."""
    exact = table.ratio(pair(8, 1), 'exact', 'bare')
    exact_on_two = table.ratio(pair(8, 2), 'exact', 'bare')
    return exact / exact_on_two if exact and exact_on_two else None


def slowdown(load, mode):
    """By what part a mode is slower than bare: the median over the rounds."""
    def figure(table):
        values = table.slowdowns(load, mode, 'bare')
        return statistics.median(values) - 1 if values else None
    return figure


def noise_of(load):
    return lambda table: noise(table.slowdowns(load, 'bare again', 'bare'))


def pause(n_stacks):
    """The median over the rounds, because the maximum would be the longest pause of the machine."""
    return lambda table: table.median(f'dump of {n_stacks} stacks: the same, kernel pauses aside',
                                      'exact')


def dump_ms(n_stacks):
    return lambda table: table.median(f'dump of {n_stacks} stacks', 'exact')


def converter(shape, what):
    return lambda table: table.best(f'converter, {shape}: {what} of go tool pprof', 'pprofconv')


def targets():
    yield Target('sampled, 1 thread, time: of bare', 1.03, ratio(pair(8, 1), 'sampled 512K', 'bare'))
    yield Target('sampled, 2 threads, time: of bare', 1.03,
                 ratio(pair(8, 2), 'sampled 512K', 'bare'))
    yield Target('sampled, instructions: of bare', 1.03,
                 ratio('instructions a pair, depth 8', 'sampled 512K', 'bare'))
    for allocator in ('jemalloc', 'tcmalloc', 'mimalloc'):
        for threads in (1, 2):
            yield Target(f'sampled over {allocator}, {threads} thread{"s" * (threads > 1)}: '
                         'ns more', 3,
                         difference(pair(8, threads), f'sampled 512K, {allocator}',
                                    f'bare, {allocator}'))
    for load in ('redis-benchmark SET, one at a time', 'redis-benchmark SET, pipelined by 16',
                 'pgbench, reading', 'g++ -O2, templates'):
        yield Target(f'sampled, {load}: part slower than bare', noise_of(load),
                     slowdown(load, 'sampled 512K'))
    yield Target('idle, 1 thread, time: of bare', 1.01, ratio(pair(8, 1), 'idle', 'bare'))
    yield Target('idle, instructions: of bare', 1.01,
                 ratio('instructions a pair, depth 8', 'idle', 'bare'))
    yield Target('exact, depth 8, 1 thread: of heaptrack', 0.5,
                 ratio(pair(8, 1), 'exact', 'heaptrack'))
    yield Target('exact, depth 8, 2 threads: of heaptrack', 0.25,
                 ratio(pair(8, 2), 'exact', 'heaptrack'))
    yield Target('exact, depth 32, 1 thread: of heaptrack', 0.5,
                 ratio(pair(32, 1), 'exact', 'heaptrack'))
    yield Target('exact, depth 8, 1 thread: of gperftools', 0.05,
                 ratio(pair(8, 1), 'exact', 'gperftools exact'))
    yield Target('exact, redis: of its requests a second', 0.6,
                 ratio('redis-benchmark SET, one at a time', 'exact', 'bare'), True)
    yield Target('exact, redis pipelined: of its requests a second', 0.6,
                 ratio('redis-benchmark SET, pipelined by 16', 'exact', 'bare'), True)
    yield Target('exact: of bare\'s scaling from 1 thread to 2', 0.95, scaling_kept, True)
    for stack in ('30 frames under one of 1000 KiB', '30 frames under one of 4000 KiB',
                  '20000 frames under one of 0 KiB'):
        yield Target(f'exact, {stack}: ns more a pair', 5000,
                     difference(f'pairs of 24 B, {stack}', 'exact', 'bare'))
    large = 'pairs of 65536 B, 0 frames under one of {} KiB'
    yield Target('sampled, 64 KiB pairs under 4,000 KiB: of those under none', 1.1,
                 loads_ratio(large.format(4000), large.format(0), 'sampled 512K'))
    for n in (1000, 10000, 100000):
        yield Target(f'dump of {n:,} stacks: us that another thread waits', 1000, pause(n))
        yield Target(f'dump of {n:,} stacks: ms that the dumping thread pays', None, dump_ms(n))
    yield Target('realloc to 1 GiB, sampled: of bare', 1.1,
                 ratio('realloc to 1 GiB by 1 MiB, no dumps meanwhile', 'sampled 512K', 'bare'))
    yield Target('8 x calloc(1 GiB), sampled: KiB more resident', 1024,
                 difference('8 x calloc(1 GiB), untouched: resident', 'sampled 512K', 'bare'))
    yield Target('memory at 512K, largest heap of 4 KiB blocks: KiB', 16384,
                 largest_heap)
    yield Target('memory at 512K, 1,000 threads: KiB a thread', 16,
                 best('memory a thread, 1000 threads', 'sampled 512K'))
    yield Target('memory, exact, most live blocks: B a block', 40, most_blocks)
    yield Target('converter, call tree: times faster than go tool pprof', 20,
                 converter('tree', 'speed'), True)
    yield Target('converter, random stacks: times faster', 8, converter('random', 'speed'), True)
    yield Target('converter, call tree: part of its memory', 0.1, converter('tree', 'memory'))
    yield Target('converter, random stacks: part of its memory', 0.1,
                 converter('random', 'memory'))


def last_of(table, prefix, mode):
    rows = [row for (load, name), row in table.rows.items()
            if load.startswith(prefix) and name == mode and 'own word' not in load]
    return rows[-1].best() if rows else None


def largest_heap(table):
    return last_of(table, 'memory at ', 'sampled 512K')


def most_blocks(table):
    return last_of(table, 'memory a block, ', 'exact')


def format_targets(table):
    cells = [('target', 'limit', 'figure', '')]
    for target in targets():
        value = target.figure(table)
        shown = '-' if value is None else f'{value:.3f}' if abs(value) < 10 else show(value)
        cells.append((target.what, target.shown_limit(table), shown, target.verdict(table)))
    return align(cells)
