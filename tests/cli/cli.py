# SPDX-License-Identifier: MIT
"""What the command-line tests share: running programs, temporary folders, TAP."""

import os
import select
import shutil
import subprocess
import sys
import tempfile
import traceback

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data')
PPROFCONV = os.environ.get('PPROFCONV', 'pprofconv')

_tests = []
_is_running = False


def test(function):
    """Marks a function as a test. It gets a folder of its own, which is removed afterwards."""
    _tests.append(function)
    return function


def data(name):
    return os.path.join(DATA, name)


def pprofconv(*args, **options):
    """Runs pprofconv; returns its CompletedProcess with stdout and stderr as text."""
    return run(PPROFCONV, *args, **options)


def run(*args, binary=False, **options):
    options.setdefault('stdin', None if 'input' in options else subprocess.DEVNULL)
    if 'input' in options:
        options.pop('stdin')
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                          **options)
    if not binary:
        done.stdout = done.stdout.decode(errors='replace')
    done.stderr = done.stderr.decode(errors='replace')
    return done


def succeed(*args, **options):
    """Runs pprofconv, which must end 0 without a word on stderr; returns what it printed."""
    done = pprofconv(*args, **options)
    assert done.returncode == 0, f'{args}: exit {done.returncode}: {done.stderr}'
    assert done.stderr == '', f'{args}: {done.stderr}'
    return done.stdout


def go_pprof(*args):
    """Runs `go tool pprof`, which must end 0; returns what it printed."""
    done = run('go', 'tool', 'pprof', *args)
    assert done.returncode == 0, f'go tool pprof {args}: {done.stderr}'
    return done.stdout


class Notes:
    """A pipe with a name, which programs write lines into that a test waits for."""

    def __init__(self, path):
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDWR)  # not for writing: so it has no end, and opening no wait
        self.text = ''

    def line(self, process):
        """The next line. Fails if that process, which leads to it, has ended without one."""
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
        """What was written and nobody waited for."""
        self.text = ''
        while select.select([self.fd], [], [], 0)[0]:
            os.read(self.fd, 4096)


class Skipped(Exception):
    pass


def need(*programs):
    """Skips the test where one of the programs is missing; outside of a test, the whole file. What
    was skipped is a line of TAP: meson takes any exit status but 0 for an error."""
    for program in programs:
        if shutil.which(program):
            continue
        if _is_running:
            raise Skipped(f'{program} is not installed')
        print(f'1..0 # SKIP {program} is not installed')
        sys.exit(0)


def equal(found, expected):
    assert found == expected, f'found    {found!r}\nexpected {expected!r}'


def is_in(part, whole):
    assert part in whole, f'{part!r} is not in {whole!r}'


def main():
    """Runs all tests, or those whose names contain the first argument."""
    global _is_running
    _is_running = True
    wanted = sys.argv[1] if len(sys.argv) > 1 else ''
    tests = [t for t in _tests if wanted in t.__name__]
    failed = 0
    print(f'1..{len(tests)}')
    for number, function in enumerate(tests, 1):
        folder = tempfile.mkdtemp(prefix='pprofconv-test.')
        try:
            function(folder)
            print(f'ok {number} {function.__name__}', flush=True)
        except Skipped as reason:
            print(f'ok {number} {function.__name__} # SKIP {reason}', flush=True)
        except Exception:
            failed += 1
            for line in traceback.format_exc().splitlines():
                print(f'# {line}')
            print(f'not ok {number} {function.__name__}', flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(failed != 0)
