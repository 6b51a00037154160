# SPDX-License-Identifier: MIT
"""Causes faults in running programs, one after another, at random."""
import collections
import contextlib
import os
import random
import resource
import signal
import time

from soaked import children_of

DUMP_SIGNAL = 44  # a real-time signal, because PostgreSQL has handlers for other signals
STOPPED = 0.3  # seconds
AWAY = 1.5


def has_handler(pid, number):
    """Returns whether the process has a handler for the signal. Without one, the signal would kill
    it."""
    with contextlib.suppress(OSError):
        with open(f'/proc/{pid}/status', encoding='ascii', errors='replace') as f:
            for line in f:
                if line.startswith('SigCgt:'):
                    return int(line.split()[1], 16) >> (number - 1) & 1
    return 0


def send(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class Chaos:
    def __init__(self, seed, has_own_disks):
        self.random = random.Random(seed)
        self.has_own_disks = has_own_disks
        self.done = collections.Counter()

    def strike(self, load):
        names = [n for n in load.faults if n != 'disk' or self.has_own_disks] + ['dump']
        name = self.random.choice(names)
        if getattr(self, name)(load) is not False:
            self.done[name] += 1

    def any_of(self, load):
        return self.random.choice([load.process.pid, *children_of(load.process.pid)])

    def dump(self, load):
        """Asks for a dump by signal. This is not a fault; it is here because nothing else in the
        soak uses this trigger."""
        if not has_handler(load.process.pid, DUMP_SIGNAL):
            return False
        send(load.process.pid, DUMP_SIGNAL)
        return True

    def stop(self, load):
        pid = self.any_of(load)
        send(pid, signal.SIGSTOP)
        time.sleep(STOPPED)
        send(pid, signal.SIGCONT)

    def child(self, load):
        children = children_of(load.process.pid)
        if not children:
            return False
        load.n_killed += 1
        send(self.random.choice(children), signal.SIGKILL)
        return True

    def restart(self, load):
        load.is_restart_wanted = True

    def disk(self, load):
        """Fills the disk for a while, with a file next to the dumps."""
        ballast = f'{os.path.dirname(load.dumps)}/ballast'
        with open(ballast, 'wb', buffering=0) as f, contextlib.suppress(OSError):
            while True:
                f.write(bytes(1 << 16))
        time.sleep(AWAY)
        os.unlink(ballast)

    def folder(self, load):
        """Takes the folder of dumps away for a while."""
        os.rename(load.dumps, f'{load.dumps}.away')
        time.sleep(AWAY)
        os.rename(f'{load.dumps}.away', load.dumps)

    def descriptors(self, load):
        """Lowers the limit of descriptors below the number in use."""
        with contextlib.suppress(ProcessLookupError):
            old = resource.prlimit(load.process.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(load.process.pid, resource.RLIMIT_NOFILE, (3, old[1]))
            time.sleep(AWAY)
            resource.prlimit(load.process.pid, resource.RLIMIT_NOFILE, old)
