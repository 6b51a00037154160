# SPDX-License-Identifier: MIT
"""Shared by the tests of `heapprof`: paths, and programs that can't be profiled."""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get('BUILD', ROOT / 'build'))

sys.path += [str(ROOT / 'tests' / 'cli'), str(ROOT / 'tests' / 'common')]

import cli  # noqa: E402: after the path to it
import tap  # noqa: E402
import unprofiled  # noqa: E402

HEAPPROF = str(BUILD / 'profiler' / 'command' / 'heapprof')
LIBRARY = str(BUILD / 'profiler' / 'libheapprof.so')
SUBJECT = str(BUILD / 'tests' / 'command' / 'subject')

MUSL_LOADER = '/lib/ld-musl-x86_64.so.1'


# Before a command line: signals that end programs are not ignored, as they are in a shell's background.
WITH_SIGNALS = ['env', '--default-signal=INT,QUIT,HUP,TERM']


def environment(folder, **settings):
    """Returns our environment with the given settings instead of the profiler's; temporary folders are
    made in `folder`."""
    return {**unprofiled.environment(), 'TMPDIR': str(folder),
            **{k: str(v) for k, v in settings.items()}}


def heapprof(folder, *args, env=None, **options):
    return cli.run(HEAPPROF, *args, env=env or environment(folder), **options)


class Waiting:
    """A program that prints a line when it waits, and is killed at the end."""

    def __init__(self, *args, **options):
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **options)
        self.process.stdout.readline()

    def __enter__(self):
        return self.process.pid

    def __exit__(self, *error):
        self.process.kill()
        self.process.communicate()


def write_program(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    os.chmod(path, 0o755)
    return path


def compile_program(path, *flags):
    tap.need('cc')
    source = f'{path}.c'
    write_program(source, 'int main(void) { return 0; }\n')
    done = cli.run('cc', '-o', path, source, *flags)
    os.unlink(source)
    tap.equal((done.returncode, done.stderr), (0, ''))


# --- programs that can't be profiled: each has a function that makes one -------------------------

def make_static(path):
    compile_program(path, '-static')


def make_musl(path):
    compile_program(path, f'-Wl,--dynamic-linker={MUSL_LOADER}')


def make_32_bit(path):
    shutil.copy(SUBJECT, path)
    with open(path, 'r+b') as file:
        file.seek(4)  # e_ident[EI_CLASS]
        file.write(b'\1')


def make_set_id(path):
    if os.geteuid():
        tap.skip('root is needed')
    shutil.copy(SUBJECT, path)
    os.chown(path, 65534, 65534)
    os.chmod(path, 0o4755)


def make_not_executable(path):
    shutil.copy(SUBJECT, path)
    os.chmod(path, 0o644)


def make_nothing(path):
    assert not os.path.exists(path)


# For each kind: the function that makes such a program, the sentence about it, and check's exit status.
UNFIT = {
    'static': (make_static, 'is linked statically, so no library can be preloaded; link it without '
               '-static', 1),
    'musl': (make_musl, 'uses the C library musl; heapprof needs glibc, so build it for glibc', 1),
    '32-bit': (make_32_bit, 'is a 32-bit program; heapprof needs one that is built for x86-64', 1),
    'set-id': (make_set_id, 'runs with the rights of another user or group (set-user-ID), so the loader '
               "ignores LD_PRELOAD; profile a copy, made with 'cp'", 1),
    'not executable': (make_not_executable, "is not executable; if it is a program, use 'chmod +x'", 1),
    'folder': (os.mkdir, 'is a folder or a device, not a program; name a program', 1),
    'missing': (make_nothing, 'No such file or directory; check the name', 2),
}
