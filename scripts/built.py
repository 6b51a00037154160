# SPDX-License-Identifier: MIT
"""Finds the build whose programs the scripts run. scripts/build makes it, so HEAPPROF_BUILD applies
to all scripts."""

import os
import pathlib
import subprocess

SCRIPTS = pathlib.Path(__file__).resolve().parent


def setup(*lists):
    """Installs the missing packages that a build needs, and those in the given lists of
    scripts/setup."""
    subprocess.run([SCRIPTS / 'setup', 'build', *lists], check=True)


def folder(*words):
    """Builds, and returns the path of the build folder. `words` are the arguments of
    scripts/build."""
    return subprocess.run([SCRIPTS / 'build', *words], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def fill(arguments, **paths):
    """Sets each of these arguments that was not given to a path in the build folder. Builds, with
    the tests, only if at least one was not given."""
    missing = {name: path for name, path in paths.items() if not getattr(arguments, name)}
    if missing:
        setup('tests')
        build = folder('tests')
        for name, path in missing.items():
            setattr(arguments, name, os.path.join(build, path))
