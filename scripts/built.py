# SPDX-License-Identifier: MIT
"""Where scripts find what they run: as scripts/build has it, so HEAPPROF_BUILD holds for all."""

import os
import pathlib
import subprocess

SCRIPTS = pathlib.Path(__file__).resolve().parent


def setup(*lists):
    """Installs what is missing for a build, and of these lists of scripts/setup."""
    subprocess.run([SCRIPTS / 'setup', 'build', *lists], check=True)


def folder(*words):
    """The build folder, in which all is built. `words` are those of scripts/build."""
    return subprocess.run([SCRIPTS / 'build', *words], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def fill(arguments, **paths):
    """Sets the arguments of these names that were not given to these paths in the build folder; there
    is a build, with tests, only if one is needed."""
    missing = {name: path for name, path in paths.items() if not getattr(arguments, name)}
    if missing:
        setup('tests')
        build = folder('tests')
        for name, path in missing.items():
            setattr(arguments, name, os.path.join(build, path))
