# SPDX-License-Identifier: MIT
"""Ends all processes, however they were started, and notices when the benchmark itself is to
end."""

import os
import pathlib
import signal
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent.parent / 'scripts'))

import supervisor  # noqa: E402: after the path to it

PATIENCE_S = 3


class Interrupted(BaseException):
    """A signal has interrupted the benchmark. This is not an Exception, so that no load takes it
    for a failure of its own."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number

    def name(self):
        return signal.Signals(self.number).name


def ignore_signals():
    for number in supervisor.ENDING:
        signal.signal(number, signal.SIG_IGN)


def raise_on_signals():
    """Raises Interrupted at the first signal. Ignores later signals, so that they do not interrupt
    the cleaning up."""
    def interrupt(number, _):
        ignore_signals()
        raise Interrupted(number)

    supervisor.adopt_orphans()
    for number in supervisor.ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)


def is_any_left():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    except ChildProcessError:
        return False


def end_all():
    """Ends all processes. Sends SIGINT, as Ctrl-C does, because servers then remove their shared
    memory. Kills processes that stay."""
    for pid in supervisor.children():
        os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + PATIENCE_S
    while is_any_left() and time.monotonic() < deadline:
        time.sleep(0.01)
    supervisor.kill_descendants()
