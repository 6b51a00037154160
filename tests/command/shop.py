# SPDX-License-Identifier: MIT
"""The program of shop.cc, which grows step by step."""

import functools
import pathlib
import shutil
import subprocess
import tempfile

import command
import cli
import tap
from command import LIBRARY

BUILT = tempfile.TemporaryDirectory(prefix='heapprof-test-')  # removed at the end of the script
SOURCE = pathlib.Path(__file__).resolve().parent / 'shop.cc'


@functools.cache
def build_shop():
    """Compiles the program; returns its path."""
    path = pathlib.Path(BUILT.name) / 'shop'
    done = cli.run('g++', '-O0', '-g', f'-ffile-prefix-map={SOURCE.parent}=/src', '-o', str(path), str(SOURCE))
    tap.equal(done.returncode, 0, done.stderr)
    return path


class Shop:
    """The program of shop.cc, which records every allocation unless `interval` says otherwise."""

    def __init__(self, folder, name='shop', interval=1, path=None, preload=True, before=()):
        path = path or shutil.copy(build_shop(), f'{folder}/{name}')
        env = command.environment(folder, LD_PRELOAD=LIBRARY, HEAPPROFILE=f'{folder}/own',
                                  HEAP_PROFILE_SAMPLE_INTERVAL=interval)
        if not preload:
            env = command.environment(folder)
        self.process = subprocess.Popen([*before, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env,
                                        text=True, bufsize=1, cwd=folder)
        tap.equal(self.process.stdout.readline(), 'ready\n')

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    @property
    def pid(self):
        return self.process.pid

    def do(self, *lines):
        """Makes it grow: "login 3" remembers three sessions."""
        for line in lines:
            self.process.stdin.write(f'{line}\n')
            tap.equal(self.process.stdout.readline(), 'done\n')
