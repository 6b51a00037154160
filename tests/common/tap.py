# SPDX-License-Identifier: MIT
"""The harness of all test scripts in Python. A test is a function that raises if it fails:

    @tap.test
    def an_empty_file_is_refused(folder):
        tap.equal(convert(folder, ''), 'it is empty')

    @tap.test(size=[1, 4096])
    def a_block_is_recorded(folder, size):
        ...

    tap.main()

Each test gets the path of a temporary folder, which is removed after the test. A parametrised test
runs once for each value. The output is TAP; a failure shows the trace of its exception. If there
are words on the command line, only the tests whose names contain one of them run."""

import contextlib
import functools
import os
import shutil
import sys
import tempfile
import traceback
from concurrent.futures import ThreadPoolExecutor

registered = []  # (name, function) of each test, in the order of the script
_is_running = False


def test(function=None, **parameter):
    """Registers a function as a test. NAME=VALUES makes it a parametrised test, with one test for
    each value."""
    if function is None:
        return functools.partial(test, **parameter)
    if not parameter:
        registered.append((function.__name__, function))
    for name, values in parameter.items():
        for value in values:
            registered.append((f'{function.__name__}[{value}]',
                               functools.partial(function, **{name: value})))
    return function


# --- what tests call -----------------------------------------------------------------------------


class Skipped(Exception):
    """The test cannot run on this machine."""


def skip(reason):
    """Skips the test. Outside of a test it skips the whole script."""
    if _is_running:
        raise Skipped(reason)
    print(f'1..0 # SKIP {reason}')
    sys.exit(0)  # meson would take another status for an error of the TAP script


def need(*programs):
    """Skips the test, or the whole script, if one of the programs is not installed."""
    for program in programs:
        if not shutil.which(program):
            skip(f'{program} is not installed')


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def equal(found, expected, what='values differ'):
    check(found == expected, f'{what}:\nfound    {found!r}\nexpected {expected!r}')


def is_in(part, whole):
    check(part in whole, f'{part!r} is not in {whole!r}')


# --- the run -------------------------------------------------------------------------------------


@contextlib.contextmanager
def temporary_folder():
    folder = tempfile.mkdtemp(prefix='heapprof-test-')
    os.chmod(folder, 0o755)  # some tests run programs as another user
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def comment(text):
    """Returns the text as lines that readers of TAP ignore."""
    return ''.join(f'# {line}\n' for line in text.splitlines())


def _trace(error):
    """Returns the trace of an error, without the frames of this file and of Python's library."""
    library = os.path.dirname(os.__file__)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if frame.filename != __file__ and not frame.filename.startswith(library)]
    return ''.join(traceback.format_list(frames) + traceback.format_exception_only(error))


def _outcome(fixture, number, name, function):
    """Runs a test; returns whether it failed, and its lines of TAP."""
    try:
        with fixture() as argument:
            function(argument)
    except Skipped as reason:
        return False, f'ok {number} {name} # SKIP {reason}'
    except Exception as error:  # pylint: disable=broad-exception-caught
        return True, f'{comment(_trace(error))}not ok {number} {name}'
    return False, f'ok {number} {name}'


def run(tests, fixture=temporary_folder, n_threads=None):
    """Runs the tests, each with what its own `fixture()` yields; returns how many failed.
    `n_threads` is the number of tests that run at the same time."""
    global _is_running
    _is_running = True
    print(f'1..{len(tests)}', flush=True)
    n_failed = 0
    with ThreadPoolExecutor(n_threads) as pool:
        for failed, lines in (pool.map if n_threads else map)(
                lambda row: _outcome(fixture, row[0], *row[1]), enumerate(tests, 1)):
            print(lines, flush=True)
            n_failed += failed
    return n_failed


def main(words=None, n_threads=None):
    """Runs the registered tests, or those that `words` select, and ends the script."""
    words = sys.argv[1:] if words is None else words
    tests = [(name, function) for name, function in registered
             if not words or any(word in name for word in words)]
    sys.exit(run(tests, n_threads=n_threads) != 0)
