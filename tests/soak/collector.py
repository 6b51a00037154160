# SPDX-License-Identifier: MIT
"""Takes away the dumps of a soak as they are written. Each must be whole and must convert. Notes
for each process how much memory the profiler used."""
import collections
import contextlib
import os
import statistics
import subprocess

from strict_dump import Dump

MIB = 1 << 20
AT_ONCE = 64  # dumps that one run of pprofconv converts
ENOUGH = 16  # the least number of dumps of a process whose quarters are compared


class Collector:
    def __init__(self, pprofconv):
        self.pprofconv = pprofconv
        self.wrong = []
        self.reasons = collections.Counter()
        self.n_dropped = 0
        self.bytes_by_run = collections.defaultdict(list)  # (folder, run): (uptime, bytes)

    def n_waiting(self, folder):
        return len(self.names_in(folder))

    def collect(self, folder, keep):
        """Takes the dumps of a folder except the newest `keep` files, after which the process
        continues its numbers."""
        paths = sorted((f'{folder}/{name}' for name in self.names_in(folder)), key=self.time_of)
        paths = paths[:len(paths) - keep]
        for first in range(0, len(paths), AT_ONCE):
            self.take(folder, paths[first:first + AT_ONCE])

    @staticmethod
    def names_in(folder):
        try:
            return [name for name in os.listdir(folder) if name.endswith('.heap')]
        except OSError:
            return []  # the folder is away now

    @staticmethod
    def time_of(path):
        try:
            return os.stat(path).st_mtime_ns
        except OSError:
            return 0

    def take(self, folder, paths):
        """Reads the dumps one by one, and converts all in one run: a loaded machine has no time to
        start a program for each."""
        taken = self.move_aside(folder, paths)
        whole = []
        for path in taken:
            try:
                self.read(folder, path)
                whole.append(path)
            except (AssertionError, ValueError) as failure:
                self.wrong.append(f'{path}: {failure}')
        if whole and self.convert('merge', *whole).returncode != 0:
            for path in whole:
                done = self.convert('convert', path)
                if done.returncode != 0:
                    self.wrong.append(f'pprofconv: {done.stderr.strip()}')
        for path in taken:
            os.unlink(path)

    @staticmethod
    def move_aside(folder, paths):
        """Moves the dumps to another folder on the same disk, where no fault removes them while
        they are read."""
        aside = f'{folder}.taken'
        taken = []
        try:
            os.makedirs(aside, exist_ok=True)
        except OSError:
            return taken  # the disk is full now
        for path in paths:
            to = f'{aside}/{os.path.basename(path)}'
            with contextlib.suppress(FileNotFoundError):  # its folder is gone, or its process
                os.rename(path, to)                       # has removed it
                taken.append(to)
        return taken

    def convert(self, command, *paths):
        return subprocess.run([self.pprofconv, command, '-q', '-n', *paths, '-o', '/dev/null'],
                              capture_output=True, text=True, check=False)

    def read(self, folder, path):
        dump = Dump(path)
        self.reasons[trigger_of(dump.metadata['reason'])] += 1
        self.n_dropped += dump.number('samples_dropped')
        self.bytes_by_run[folder, dump.metadata['run']].append(
            (dump.number('uptime_ms'), dump.number('profiler_bytes')))

    def left_over(self, folder):
        """Returns the temporary files that no process has removed."""
        return [n for n in os.listdir(folder) if '.heap.tmp.' in n]

    def quarters(self):
        """Returns for each process that wrote enough dumps: its folder, the number of dumps, and
        the medians of the profiler's bytes in the first and in the last quarter."""
        rows = []
        for (folder, _), found in sorted(self.bytes_by_run.items()):
            found.sort()
            sizes = [size for _, size in found]
            n = len(sizes) // 4
            if len(sizes) >= ENOUGH:
                rows.append((folder, len(sizes), statistics.median(sizes[:n]),
                             statistics.median(sizes[-n:])))
        return rows


def creeps(first, last):
    """Returns whether the profiler's memory seems to leak. Steady growth over minutes counts; a
    table that doubles once, late, does not."""
    return last > first * 1.5 + MIB


def trigger_of(reason):
    for word, trigger in (('allocated', 'allocated'), ('in use', 'in use'), ('resident', 'resident'),
                          ('timed', 'time'), ('signal', 'signal'), ('exit', 'exit')):
        if word in reason:
            return trigger
    return reason
