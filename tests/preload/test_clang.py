#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A second compiler gives no warning about the library's sources."""
import glob
import os
import subprocess

from preload import ROOT
from tap import check, equal, main, need, test

need('clang')

PROFILER = os.path.join(ROOT, 'profiler')
FLAGS = ['-std=gnu17', '-D_GNU_SOURCE', '-DHEAPPROF_VERSION="0"', '-DHEAPPROF_DATE="0"', '-Wall',
         '-Wextra', '-Wno-unused-parameter', '-fsyntax-only', '-I', PROFILER]


@test(name=sorted(os.path.relpath(p, PROFILER) for p in glob.glob(f'{PROFILER}/*/*.c')))
def test_no_warnings(folder, name):
    result = subprocess.run(['clang', *FLAGS, os.path.join(PROFILER, name)], capture_output=True,
                            text=True)
    check(result.returncode == 0, result.stderr)
    equal(result.stderr, '', 'warnings')


main()
