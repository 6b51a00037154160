#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs scripts/soak for some seconds, to test the script, and that nothing fails at once."""
import os
import shutil
import subprocess

from preload import LIB, environment
from tap import check, equal, main, skip, test

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
BUILD = os.path.dirname(os.path.dirname(LIB))

if not shutil.which('c++'):
    skip('c++ is not installed')


@test
def test_soak(folder):
    loads = 'threads,redis' if shutil.which('redis-server') else 'threads'
    env = environment(folder, preload=None, HEAPPROFILE=None, HEAPPROF_BUILD=BUILD,
                      HEAPPROF_SKIP_SETUP=1, TMPDIR=folder)
    done = subprocess.run([f'{ROOT}/scripts/soak', '0.1', '--loads', loads], env=env, text=True,
                          capture_output=True, timeout=150, check=False)
    equal((done.returncode, done.stderr), (0, ''), f'status and errors: {done.stdout}')
    check('clean after 0.1 minutes' in done.stdout, done.stdout)
    check('faults: ' in done.stdout and 'exit ' in done.stdout, done.stdout)


main()
