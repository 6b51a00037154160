# SPDX-License-Identifier: MIT
"""Runs loads under several profilers, interleaved, keeps every figure, and prints the figures as a
table."""

import dataclasses
import os
import random
import re
import statistics
import subprocess
import sys

import unprofiled

TIMEOUT_S = 600
N_REDRAWN = 2000


@dataclasses.dataclass(frozen=True)
class Mode:
    """A way to run a program: under an allocator and perhaps a profiler."""
    name: str
    settings: dict = dataclasses.field(default_factory=dict, hash=False)
    prefix: tuple = ()
    missing: str = ''  # the package to install, if something is missing
    slowness: float = 1  # times that a malloc is slower than bare; it shortens loads


class Failed(Exception):
    """A run gave no figure."""


class Missing(Failed):
    """A program or library is not installed here."""

    def __init__(self, name):
        super().__init__(f'{name} is not installed')


FIGURES = re.compile(r'^-?[0-9.]+(?: -?[0-9.]+)*$')


class Runner:
    """Runs commands in a folder, in an environment without the settings of a profiler."""

    def __init__(self, folder, timeout_s=TIMEOUT_S):
        self.folder, self.timeout_s = folder, timeout_s

    def environment(self, mode, **more):
        return {**unprofiled.environment(), 'LC_ALL': 'C', **mode.settings, **more}

    def remove_dumps(self):
        for name in os.listdir(self.folder):
            if name.endswith('.heap') or name.startswith('heaptrack.'):
                os.unlink(os.path.join(self.folder, name))

    def start(self, mode, command, settings=None, **options):
        """Starts a command with the settings of the mode; `settings` replace some of them. The
        command has no terminal, because Ctrl-C is for the benchmark."""
        return subprocess.Popen([*mode.prefix, *command], cwd=self.folder, text=True,
                                env=self.environment(mode, **(settings or {})),
                                start_new_session=True,
                                **{'stdin': subprocess.DEVNULL, 'stdout': subprocess.PIPE,
                                   'stderr': subprocess.PIPE, **options})

    def run(self, mode, command, settings=None, **options):
        """Runs a command; returns its stdout and stderr. If the command hangs, end_all() must end
        it."""
        process = self.start(mode, command, settings, **options)
        name = os.path.basename(command[0])
        try:
            out, err = process.communicate(timeout=self.timeout_s)
        except subprocess.TimeoutExpired:
            raise Failed(f'{name}: not done after {self.timeout_s:g} s') from None
        if process.returncode != 0:
            last = ((err or '').strip().splitlines() or ['no message'])[-1]
            raise Failed(f'{name}: exit {process.returncode}: {last[:80]}')
        return (out or '') + (err or '')

    def figures(self, mode, command, settings=None):
        """Runs a command; returns the numbers of the last line that contains nothing but
        numbers."""
        lines = [line for line in self.run(mode, command, settings).splitlines()
                 if FIGURES.match(line)]
        if not lines:
            raise Failed(f'{command[0]}: no figures')
        return [float(word) for word in lines[-1].split()]


class Row:
    """All figures of one load in one mode."""

    def __init__(self, load, mode, unit, more_is_better=False):
        self.load, self.mode, self.unit = load, mode, unit
        self.more_is_better = more_is_better
        self.values = []
        self.remark = str(Missing(mode.missing)) if mode.missing else ''
        self.has_failed = False

    def fail(self, failure):
        """Marks the row as failed, so that it gets no further figures. The table shows the
        reason."""
        self.remark = ' '.join(str(failure).split()).replace('|', '/')
        self.has_failed = not isinstance(failure, Missing)

    def best(self):
        if not self.values:
            return None
        return max(self.values) if self.more_is_better else min(self.values)

    def median(self):
        return statistics.median(self.values) if self.values else None

    def name(self):
        return f'{self.load}: {self.mode.name}'


class Table:
    """The rows of figures, in the order in which they were first asked for."""

    def __init__(self):
        self.rows = {}

    def row(self, load, mode, unit, more_is_better=False):
        key = (load, mode.name)
        if key not in self.rows:
            self.rows[key] = Row(load, mode, unit, more_is_better)
        return self.rows[key]

    def add(self, load, mode, unit, value, more_is_better=False):
        self.row(load, mode, unit, more_is_better).values.append(value)

    def best(self, load, mode_name):
        row = self.rows.get((load, mode_name))
        return row.best() if row else None

    def median(self, load, mode_name):
        row = self.rows.get((load, mode_name))
        return row.median() if row else None

    def ratio(self, load, mode_name, base_name):
        ours, base = self.best(load, mode_name), self.best(load, base_name)
        return ours / base if ours is not None and base else None

    def slowdowns(self, load, mode_name, base_name):
        """Returns for each round the time in one mode divided by the time in another."""
        ours, base = self.rows.get((load, mode_name)), self.rows.get((load, base_name))
        if not ours or not base:
            return []
        pairs = list(zip(ours.values, base.values))
        return [b / a if ours.more_is_better else a / b for a, b in pairs]


def noise(slowdowns):
    """Returns how far from 1 the median of these ratios may be by chance alone, or None if there
    are fewer than four: 95 of 100 medians of as many ratios, drawn from these with replacement, are
    nearer."""
    if len(slowdowns) < 4:
        return None
    rng = random.Random(1)
    distances = sorted(abs(statistics.median(rng.choices(slowdowns, k=len(slowdowns))) - 1)
                       for _ in range(N_REDRAWN))
    return distances[N_REDRAWN * 95 // 100]


def by_turns(rounds, runs):
    """Calls each of `runs` once a round, with the number of the round, so that other activity of
    the machine affects all alike. Every other round goes backwards, so a steady drift affects all
    alike too."""
    for turn in range(rounds):
        for run in runs[::-1] if turn % 2 else runs:
            run(turn)


def show(value):
    if value is None:
        return '-'
    if value == 0 or abs(value) >= 1000:
        return f'{value:.0f}'
    return f'{value:.4g}' if abs(value) >= 1 else f'{value:.3f}'


def format_table(table, base_of):
    """Returns a table in aligned Markdown. base_of(row) is the name of the mode with which a row is
    compared."""
    cells = [('load', 'mode', 'n', 'best', 'median', 'unit', 'of bare')]
    last = None
    for row in table.rows.values():
        ratio = table.ratio(row.load, row.mode.name, base_of(row))
        load = row.load if row.load != last else ''
        last = row.load
        cells.append((load, row.mode.name, str(len(row.values)), show(row.best()),
                      show(row.median()), row.unit,
                      row.remark or (f'{ratio:.3f}' if ratio is not None else '-')))
    return align(cells)


def align(cells):
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    lines = ['| ' + ' | '.join(c.ljust(w) for c, w in zip(line, widths)) + ' |' for line in cells]
    lines.insert(1, '|' + '|'.join('-' * (w + 2) for w in widths) + '|')
    return '\n'.join(lines) + '\n'


def progress(text):
    print(f'bench: {text}', file=sys.stderr, flush=True)
