# SPDX-License-Identifier: MIT
"""Runs programs and waits for conditions. Both have a time limit, so that no test hangs."""

import collections
import os
import select
import signal
import subprocess
import time

PATIENCE = 60  # seconds

Result = collections.namedtuple('Result', 'returncode stdout stderr')


def run(argv, env=None, patience=PATIENCE, input=None, binary=False, **popen):
    """Runs a program to its end; returns its Result. With `binary` its standard output is bytes,
    otherwise text. If the program exceeds `patience`, it is killed with its process group, and the
    test fails."""
    popen.setdefault('stdin', subprocess.DEVNULL if input is None else subprocess.PIPE)
    process = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True, **popen)
    try:
        out, err = process.communicate(input, timeout=patience)
    except BaseException as reason:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(reason, subprocess.TimeoutExpired):
            raise AssertionError(f'{argv} hangs') from None
        raise
    return Result(process.returncode, out if binary else out.decode(errors='replace'),
                  err.decode(errors='replace'))


def wait_until(condition, what, patience=PATIENCE):
    """Calls `condition` until it returns a true value; returns that value. Fails after `patience`
    seconds."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f'waited in vain: {what}')
        time.sleep(0.005)
    return value


class Notes:
    """A named pipe into which programs write lines that a test waits for."""

    def __init__(self, path):
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDWR)  # never waits, and reading finds no end
        self.text = ''

    def line(self, process):
        """Waits for the next line. Fails if the process ends before one comes."""
        handle = os.pidfd_open(process.pid)
        try:
            while '\n' not in self.text:
                ready = select.select([self.fd, handle], [], [])[0]
                assert self.fd in ready, f'{process.args} has ended with {process.wait()}'
                self.text += os.read(self.fd, 4096).decode()
        finally:
            os.close(handle)
        line, _, self.text = self.text.partition('\n')
        return line

    def forget(self):
        """Drops the lines that no test has waited for."""
        self.text = ''
        while select.select([self.fd], [], [], 0)[0]:
            os.read(self.fd, 4096)
