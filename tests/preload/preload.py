# SPDX-License-Identifier: MIT
"""What the preload tests share: running a program under the profiler. strict_dump.py reads what it
writes. Standard library only; output is TAP.

The environment gives HEAPPROF_LIB (the library) and HEAPPROF_PROGRAMS (where the test programs
were built)."""
import collections
import ctypes.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'common'))

import unprofiled  # noqa: E402: after the path to it

LIB = os.environ.get('HEAPPROF_LIB', '')
PROGRAMS = os.environ.get('HEAPPROF_PROGRAMS', '')
ARCHIVE = os.environ.get('HEAPPROF_ARCHIVE', '')
PATIENCE = 60  # seconds after which a program counts as hanging


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


def check_equal(got, wanted, what):
    check(got == wanted, f'{what}: {got!r}, not {wanted!r}')


# --- TAP -----------------------------------------------------------------------------------------

_cases = []


def case(function):
    """Registers a test case: a function of a temporary folder's path."""
    _cases.append(function)
    return function


def each(name, values):
    """Registers a case once for each value: a function of folder and value."""
    def register(function):
        for value in values:
            def run_one(folder, value=value):
                function(folder, value)
            run_one.__name__ = f'{function.__name__}[{value}]'
            _cases.append(run_one)
        return function
    return register


def _run_case(function):
    folder = tempfile.mkdtemp(prefix='heapprof-test-')
    os.chmod(folder, 0o755)
    try:
        function(folder)
        return 'ok', ''
    except Skip as skip:
        return 'ok', f' # SKIP {skip}'
    except Failure as failure:
        for line in str(failure).splitlines():
            print(f'# {line}')
        return 'not ok', ''
    except Exception:
        for line in traceback.format_exc().splitlines()[-8:]:
            print(f'# {line}')
        return 'not ok', ''
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    """Runs all cases, or those whose names contain one of the arguments."""
    wanted = sys.argv[1:]
    cases = [c for c in _cases if not wanted or any(w in c.__name__ for w in wanted)]
    failed = False
    print(f'1..{len(cases)}')
    for number, function in enumerate(cases, 1):
        verdict, remark = _run_case(function)
        failed |= verdict != 'ok'
        print(f'{verdict} {number} {function.__name__}{remark}', flush=True)
    sys.exit(failed)


def skip_all(reason):
    print(f'1..0 # SKIP {reason}')
    sys.exit(0)  # in TAP meson takes any other status for an error


def need(*tools):
    """Skips the whole script if a program is not installed."""
    for tool in tools:
        if not shutil.which(tool):
            skip_all(f'{tool} is not installed')


def find_allocator(name):
    path = ctypes.util.find_library(name)
    if not path:
        raise Skip(f'{name} is not installed')
    return path


def program(name):
    return os.path.join(PROGRAMS, name)


# --- running -------------------------------------------------------------------------------------

Result = collections.namedtuple('Result', 'status stdout stderr')


def environment(folder, exact=True, preload=LIB, **variables):
    """An environment under the profiler, dumps being folder/p.*; a variable set to None is
    removed."""
    env = unprofiled.environment()
    env['HEAPPROFILE'] = os.path.join(folder, 'p')
    if preload:
        env['LD_PRELOAD'] = preload
    if exact:
        env['HEAP_PROFILE_SAMPLE_INTERVAL'] = '1'
    for name, value in variables.items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = str(value)
    return env


def run(argv, env, cwd=None, patience=PATIENCE, **popen):
    """Runs to the end. A program that hangs is killed with all its children and is a failure."""
    process = subprocess.Popen(argv, env=env, cwd=cwd, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                               start_new_session=True, **popen)
    try:
        out, err = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Failure(f'{argv} hangs')
    return Result(process.returncode, out.decode(errors='replace'), err.decode(errors='replace'))


def run_quietly(argv, env, **options):
    """The same for a program that ends with 0 and has nothing to say on standard error."""
    result = run(argv, env, **options)
    check(result.status == 0 and result.stderr == '',
          f'{argv}: status {result.status}, stderr {result.stderr[-2000:]!r}')
    return result
