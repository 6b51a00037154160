# SPDX-License-Identifier: MIT
"""What the preload tests share: running a program under the profiler. strict_dump.py reads its
dumps.

The environment gives HEAPPROF_LIB (the library) and HEAPPROF_PROGRAMS (the folder in which the test
programs were built)."""
import ctypes.util
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'common'))

import unprofiled  # noqa: E402: after the path to it
from running import PATIENCE, run, wait_until  # noqa: E402
from tap import check, skip  # noqa: E402

__all__ = ['ARCHIVE', 'LIB', 'PATIENCE', 'PROGRAMS', 'ROOT', 'environment', 'find_allocator', 'program', 'run',
           'run_quietly', 'unprofiled', 'wait_until']

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
LIB = os.environ.get('HEAPPROF_LIB', '')
PROGRAMS = os.environ.get('HEAPPROF_PROGRAMS', '')
ARCHIVE = os.environ.get('HEAPPROF_ARCHIVE', '')


def find_allocator(name):
    path = ctypes.util.find_library(name)
    if not path:
        skip(f'{name} is not installed')
    return path


def program(name):
    return os.path.join(PROGRAMS, name)


def environment(folder, exact=True, preload=LIB, **variables):
    """Returns an environment for a program under the profiler, with the dumps folder/p.*. Variables
    set to None are removed."""
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


def run_quietly(argv, env, **options):
    """Runs a program that must exit with status 0 and print nothing on standard error; returns its
    Result."""
    result = run(argv, env, **options)
    check(result.returncode == 0 and result.stderr == '',
          f'{argv}: status {result.returncode}, stderr {result.stderr[-2000:]!r}')
    return result
