#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Root reads processes of a user who has prepared for it: with files that must not be followed, with
tables that lie. Nothing is done with root's rights, and nothing hangs."""
import contextlib
import ctypes
import os
import shutil
import stat
import struct
import subprocess
import threading

import preload
from outsiders import PPROFCONV, pprofconv, running
from preload import program
from tap import check, equal, main, skip, test

USER = 54321
LIES = int(os.environ.get('HEAPPROF_LIES', '40'))

if os.geteuid() != 0:
    skip('needs root')


@contextlib.contextmanager
def of_a_user(folder, word='as_user'):
    """A process of a user, with a library in a folder of that user."""
    os.chmod(folder, 0o777)
    home = f'{folder}/home'
    os.mkdir(home)
    library = shutil.copy(program('libplugin_a.so'), f'{home}/libmine.so')
    os.chown(home, USER, USER)
    with running(folder, word, str(USER), library) as process:
        yield process, library


def top(process):
    return pprofconv('top', f'pid:{process.pid}')


def check_without(process, reason):
    """The library's names are missing, with a reason; those of other files are there."""
    result = top(process)
    lines = [line for line in result.stderr.splitlines() if 'libmine' in line]
    check(len(lines) == 1 and reason in lines[0], result.stderr)
    check('plugin_a_inner' not in result.stdout, result.stdout)
    check('do_as_user' in result.stdout, result.stdout)


@test
def test_names_are_found(folder):
    with of_a_user(folder) as (process, _):
        result = top(process)
        check('plugin_a_inner' in result.stdout and 'do_as_user' in result.stdout, result.stdout)


@test
def test_a_file_that_only_root_may_read(folder):
    with of_a_user(folder) as (process, library):
        os.chmod(library, 0o600)
        os.chown(library, 0, 0)
        check_without(process, 'Permission denied')


@test
def test_a_link_to_a_file_of_root(folder):
    with of_a_user(folder) as (process, library):
        secret = shutil.copy(library, f'{folder}/secret')
        os.chmod(secret, 0o600)
        os.unlink(library)
        os.symlink(secret, library)
        check_without(process, 'Permission denied')


@test(kind=[stat.S_IFIFO, stat.S_IFCHR])
def test_a_fifo_or_a_device(folder, kind):
    with of_a_user(folder) as (process, library):
        os.unlink(library)
        try:
            os.mknod(library, kind | 0o666, os.makedev(5, 0) if kind == stat.S_IFCHR else 0)
        except OSError as error:
            skip(f'mknod: {error}')
        check_without(process, ': ')


@test
def test_a_sparse_file_of_10_gb(folder):
    with of_a_user(folder) as (process, library):
        os.unlink(library)
        with open(library, 'wb') as file:
            file.truncate(10 << 30)
        check_without(process, 'not an ELF file')
        os.unlink(library)
        shutil.copy(program('libplugin_a.so'), library)
        os.truncate(library, 10 << 30)
        check('do_as_user' in top(process).stdout, 'a library of 10 GB')


# --- a file system that does not answer ----------------------------------------------------------


class Silent:
    """A FUSE file system with any name as a regular file. It never answers a read."""

    INIT, LOOKUP, GETATTR, OPEN, FLUSH, RELEASE, OPENDIR = 26, 1, 3, 14, 25, 18, 27

    def __init__(self, folder):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.folder = folder.encode()
        try:
            self.fd = os.open('/dev/fuse', os.O_RDWR)
        except OSError as error:
            skip(f'/dev/fuse: {error}')
        options = f'fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other'.encode()
        if self.libc.mount(b'fuse', self.folder, b'fuse', 0, options):
            os.close(self.fd)
            skip(f'mount: {os.strerror(ctypes.get_errno())}')
        self.was_asked = threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def attributes(self, node):
        mode = (stat.S_IFDIR | 0o755) if node == 1 else (stat.S_IFREG | 0o644)
        return struct.pack('<6Q3I7I', node, 1 << 16, 128, 0, 0, 0, 0, 0, 0, mode, 1, USER, USER, 0,
                           4096, 0)

    def answer(self, code, node, unique):
        none = struct.pack('<QQII', 60, 0, 0, 0)[:16]
        body = {
            self.INIT: struct.pack('<IIIIHHIIHHI7I', 7, 31, 0, 0, 1, 1, 65536, 1, 0, 0, 0,
                                   *[0] * 7),
            self.LOOKUP: struct.pack('<QQQQII', 2, 0, 60, 60, 0, 0) + self.attributes(2),
            self.GETATTR: none + self.attributes(node),
            self.OPEN: struct.pack('<QII', 1, 0, 0),
            self.OPENDIR: struct.pack('<QII', 1, 0, 0),
        }.get(code, b'')
        return struct.pack('<IiQ', 16 + len(body), 0, unique) + body

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                _, code, unique, node = struct.unpack_from('<IIQQ', os.read(self.fd, 1 << 17))
                if code == 15:  # a read
                    self.was_asked.set()
                elif code not in (2, 36, 42):  # these get no answer
                    os.write(self.fd, self.answer(code, node, unique))

    def end(self):
        self.libc.umount2(self.folder, 1 | 2)  # force, lazily
        os.close(self.fd)


@test
def test_a_file_system_that_does_not_answer(folder):
    with of_a_user(folder) as (process, library):
        silent = Silent(os.path.dirname(library))
        try:
            result = top(process)
            check(silent.was_asked.is_set(), 'the file was read')
            check('does not answer' in result.stderr, result.stderr)
            check('7.59 KiB' in result.stdout, result.stdout)  # without names
        finally:
            silent.end()


# --- tables that lie -----------------------------------------------------------------------------


@test
def test_a_view_that_lies(folder):
    n_refused = 0
    for number in range(LIES):
        with running(folder, 'lies', str(USER), str(number), word=None) as process:
            result = subprocess.run([PPROFCONV, 'top', f'pid:{process.pid}'], capture_output=True,
                                    text=True, timeout=preload.PATIENCE)
            check(result.returncode in (0, 2), f'lie {number}: {result.returncode}')
            check('signal' not in result.stderr, f'lie {number}: {result.stderr}')
            if result.returncode == 2:
                equal(result.stderr.count('\n'), 1, f'lie {number}: {result.stderr}')
                n_refused += 1
    check(n_refused > 0, 'no lie was noticed')


main()
