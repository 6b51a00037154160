#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tarball that scripts/package makes, in the systems on which it is to run. scripts/package --test
sets HEAPPROF_PACKAGE, the tarball, and HEAPPROF_PACKAGE_ROOTS, folders with such systems: the first one
has a compiler. Without these, only the script itself is tested."""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile

import chain
import cli
import running
import tap

SCRIPT = chain.ROOT / 'scripts' / 'package'
TARBALL = os.environ.get('HEAPPROF_PACKAGE', '')
ROOTS = os.environ.get('HEAPPROF_PACKAGE_ROOTS', '').split(':') if TARBALL else []
NAME = os.path.basename(TARBALL).removesuffix('.tar.gz')
ROUNDS = int(os.environ.get('HEAPPROF_PACKAGE_ROUNDS', '20'))
BLOCK = 4096  # bytes of a leaked block

# --- the script ------------------------------------------------------------------------------------

DEBOOTSTRAP = '#!/bin/sh\nmkdir "$3"\ntouch "$3/x"\necho >"$NOTES"\n'  # --variant SUITE FOLDER MIRROR


def write_program(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    os.chmod(path, 0o755)


def need_namespaces():
    if os.geteuid() or cli.run('unshare', '--mount', '--pid', '--fork', 'true').returncode:
        tap.skip('needs root and namespaces')


def settings(folder, debootstrap):
    """Returns an environment in which this program is debootstrap."""
    os.makedirs(f'{folder}/bin')
    write_program(f'{folder}/bin/debootstrap', debootstrap)
    return chain.environment(PATH=f'{folder}/bin:{os.environ["PATH"]}', HEAPPROF_MIRROR='none', HEAPPROF_SKIP_SETUP=1,
                             NOTES=f'{folder}/notes')


@tap.test
def what_is_wrong_is_named(folder):
    for args, message in ((['--tset'], "unknown option '--tset'; see 'scripts/package --help'"),
                          (['a', 'b'], "expected one folder; see 'scripts/package --help'")):
        done = cli.run(SCRIPT, *args, cwd=folder)
        tap.equal((done.returncode, done.stdout, done.stderr), (1, '', f'package: {message}\n'))
    if not os.geteuid():
        tap.need('setpriv')
        done = cli.run('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', SCRIPT, f'{folder}/out')
        tap.equal((done.returncode, done.stderr),
                  (1, 'package: needs root, for debootstrap and chroot; run it by sudo\n'))
    tap.equal(os.listdir(folder), [])


@tap.test
def a_failure_leaves_its_log(folder):
    need_namespaces()
    env = settings(folder, DEBOOTSTRAP.replace('touch', 'echo no such suite; exit 3; touch'))
    os.mkfifo(f'{folder}/notes')
    done = cli.run(SCRIPT, f'{folder}/out', env=env)
    tap.equal((done.returncode, done.stdout, done.stderr.splitlines()[1:]),
              (1, '', ['no such suite',
                       f'package: {folder}/out/debootstrap.log has the whole output of what failed']))
    tap.equal(sorted(os.listdir(f'{folder}/out')), ['debootstrap.log', 'lock'])


@tap.test(how=['TERM', 'INT', 'HUP'])
def it_can_be_interrupted(folder, how):
    need_namespaces()
    env = settings(folder, DEBOOTSTRAP + 'mount -t tmpfs none "$3"\nsetsid sleep 1000 &\nwait\n')
    notes = running.Notes(f'{folder}/notes')
    number = getattr(signal, f'SIG{how}')
    with subprocess.Popen(['env', '--default-signal=TERM,INT,HUP', SCRIPT, f'{folder}/out'], env=env,
                          stderr=subprocess.DEVNULL) as script:
        notes.line(script)
        other = cli.run(SCRIPT, f'{folder}/out', env=env)
        tap.equal((other.returncode, other.stderr),
                  (1, f'package: {folder}/out: another scripts/package works there; wait for its end\n'))
        script.send_signal(number)
        tap.equal(script.wait(), 128 + number)
    tap.equal(sorted(os.listdir(f'{folder}/out')), ['debootstrap.log', 'lock'])
    with open('/proc/self/mounts', encoding='utf-8') as mounts:
        tap.check(folder not in mounts.read(), 'a mount is left')


# --- the tarball -----------------------------------------------------------------------------------

CLONE_NEWNS = 0x20000


def mount_proc():
    """Mounts /proc in the systems, for this process and its children only."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), 'unshare')
    chain.succeed('mount', '--make-rprivate', '/')
    for root in ROOTS:
        if root != '/':
            chain.succeed('mount', '-t', 'proc', 'proc', f'{root}/proc')


class System:
    """A system in a folder, with the tarball unpacked and with a temporary folder, `inner` in the system
    and `outer` here."""

    def __init__(self, root):
        self.root = root
        self.outer = tempfile.mkdtemp(prefix='heapprof-test-', dir=os.path.join(root, 'tmp'))
        self.inner = '/' + os.path.relpath(self.outer, root)
        with tarfile.open(TARBALL) as tarball:
            tarball.extractall(self.outer)
        self.env = chain.environment(PATH=f'{self.inner}/{NAME}/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL='C')

    def __enter__(self):
        return self

    def __exit__(self, *error):
        shutil.rmtree(self.outer)

    def command(self, *args, has_namespaces=False):
        """Returns a command line that runs a program in the system, with the process IDs of here or in
        namespaces of its own."""
        apart = ['unshare', '--mount', '--pid', '--fork'] if has_namespaces else []
        return [*apart, 'chroot', self.root, 'env', '-C', self.inner, *map(str, args)]

    def run(self, *args, status=0, **options):
        done = cli.run(*self.command(*args), env=self.env, **options)
        tap.equal(done.returncode, status, done.stderr)
        return done

    def held(self, dump):
        """Returns the bytes that a dump says leak() holds."""
        lines = self.run('pprofconv', '-q', '--to=folded', '--sample-type=inuse_space', dump).stdout.splitlines()
        return sum(int(line.rpartition(' ')[2]) for line in lines if 'leak' in line)


def build_target(system, kind):
    """Builds the program in the first system, whose C library is the oldest; copies it to this one."""
    with contextlib.ExitStack() as stack:
        first = system if system.root == ROOTS[0] else stack.enter_context(System(ROOTS[0]))
        shutil.copy(chain.ROOT / 'tests' / 'chain' / 'package_target.c', f'{first.outer}/t.c')
        flags = {'plain': [], 'threads': ['-DTHREADS=8', '-pthread', '-ldl']}[kind]
        first.run('cc', '-g', '-O1', '-D_GNU_SOURCE', '-o', 't', 't.c', *flags)
        if first is not system:
            shutil.copy(f'{first.outer}/t', system.outer)
    return f'{system.inner}/t'


class Target:
    """The program, as a process in a system."""

    def __init__(self, system, kind, has_namespaces=False):
        command = system.command(build_target(system, kind), has_namespaces=has_namespaces)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.n = 0
        self.leak(0)
        self.pid = self.process.pid
        if has_namespaces:  # unshare waits for it
            with open(f'/proc/{self.pid}/task/{self.pid}/children', encoding='utf-8') as children:
                self.pid = int(children.read())

    def leak(self, n):
        self.process.stdin.write(f'{n}\n'.encode())
        self.n += n
        tap.equal(self.process.stdout.readline(), f'{self.n}\n'.encode(), 'the process has ended')

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        try:
            if not error[0]:
                tap.equal(self.process.wait(60), 0)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


def text_differs(pid):
    """Returns the mapped files whose code in memory is not that of the file."""
    found = []
    with open(f'/proc/{pid}/maps', encoding='utf-8') as maps, open(f'/proc/{pid}/mem', 'rb') as memory:
        for line in maps:
            places, rights, offset, _, _, *path = line.split()
            if 'x' not in rights or not path or not path[0].startswith('/') or 'heapprof' in path[0].rpartition('/')[2]:
                continue
            start, end = (int(place, 16) for place in places.split('-'))
            memory.seek(start)
            with open(path[0], 'rb') as file:
                file.seek(int(offset, 16))
                bytes_of_file = file.read(end - start)
            if memory.read(len(bytes_of_file)) != bytes_of_file:
                found.append(path[0])
    return found


def detach(tools, target):
    """Detaches; again if a thread has waited for the allocator's lock all the time."""
    done = cli.run(*tools.command('heapprof', 'detach', '-q', target.pid), env=tools.env)
    while done.returncode == 2 and 'detach again later' in done.stderr:
        done = cli.run(*tools.command('heapprof', 'detach', '-q', target.pid), env=tools.env)
    tap.equal((done.returncode, done.stderr), (0, ''))


def attach_and_detach(tools, target, rounds):
    """Attaches, leaks, and looks at what is found; then detaches. `tools` is where heapprof runs."""
    n_mappings = []
    for i in range(rounds):
        tools.run('heapprof', 'attach', '-qx', target.pid)
        target.leak(30)
        tools.run('heapprof', 'dump', target.pid, '-q', '-o', f'{i}.heap')
        tap.equal(tools.held(f'{i}.heap'), 30 * BLOCK)
        target.leak(3)
        growth = tools.run('heapprof', 'top', '--once', target.pid).stdout
        tap.is_in('leak', growth)
        detach(tools, target)
        target.leak(1)
        tap.equal(text_differs(target.pid), [])
        with open(f'/proc/{target.pid}/maps', encoding='utf-8') as maps:  # the program's own heaps come and go
            n_mappings.append(sum('heapprof-attach' in line or 'x' in line.split()[1] for line in maps))
    tap.equal(n_mappings[1:], n_mappings[1:2] * (rounds - 1), 'mappings')


if TARBALL:
    mount_proc()

    @tap.test
    def what_is_in_it(folder):
        with tarfile.open(TARBALL) as tarball:
            names = {name.removeprefix(NAME + '/') for name in tarball.getnames()}
            tap.equal({(member.uid, member.gid) for member in tarball}, {(0, 0)})
        tap.equal({'bin/heapprof', 'bin/pprofconv', 'lib/libheapprof.so', 'lib/libheapprof.a', 'LICENSE', 'README.md',
                   'lib/libheapprof-attach.so', 'lib/pkgconfig/heapprof.pc', 'include/heapprof.h',
                   'include/heapprof_pool.h', 'share/man/man1/heapprof.1', 'share/man/man1/pprofconv.1',
                   'share/man/man3/libheapprof.3', 'share/bash-completion/completions/heapprof.bash',
                   'share/doc/heapprof/licences/zydis'} - names, set())

    @tap.test
    def what_it_needs(folder):
        tap.need('readelf')
        c_library = {'libc.so.6', 'libdl.so.2', 'libpthread.so.0', 'ld-linux-x86-64.so.2', 'libm.so.6', 'librt.so.1'}
        with tarfile.open(TARBALL) as tarball:
            tarball.extractall(folder)
        its = set(os.listdir(f'{folder}/{NAME}/lib/heapprof'))
        for path, others in (('lib/libheapprof.so', {'libgcc_s.so.1'}), ('lib/libheapprof-attach.so', set()),
                             ('bin/heapprof', its), ('bin/pprofconv', its),
                             *((f'lib/heapprof/{name}', its) for name in its)):
            text = chain.succeed('readelf', '-W', '-d', '-V', f'{folder}/{NAME}/{path}')
            needed = set(re.findall(r'\(NEEDED\).*\[(.*)\]', text))
            tap.equal(needed - c_library - others, set(), path)
            versions = [tuple(map(int, v.split('.'))) for v in re.findall(r'GLIBC_([0-9.]+)', text)]
            tap.check(max(versions) <= (2, 31), f'{path} needs glibc {max(versions)}')


@tap.test(root=ROOTS)
def programs_run(_, root):
    with System(root) as system:
        target = build_target(system, 'plain')
        tap.is_in('can be profiled', system.run('heapprof', 'check', target).stdout)
        system.run('heapprof', 'run', '--dumps', 'p', target, input=b'30\n')
        tap.equal(system.held('p.0001.heap'), 30 * BLOCK)
        tap.is_in('leak', system.run('pprofconv', 'top', '-q', 'p.0001.heap').stdout)
        system.run('pprofconv', 'html', '-q', 'p.0001.heap', '-o', 'p.html')
        system.run('heapprof', 'list')


@tap.test(root=ROOTS)
def programs_in_it_attach(_, root):
    for kind in ('plain', 'threads'):
        with System(root) as system, Target(system, kind) as target:
            attach_and_detach(system, target, ROUNDS)


@tap.test(root=ROOTS[:-1])
def programs_outside_attach(_, root):
    """The process has another root, and another number there."""
    for kind in ('plain', 'threads'):
        with System('/') as here, System(root) as system:
            with Target(system, kind, has_namespaces=True) as target:
                attach_and_detach(here, target, 3)


@tap.test(root=ROOTS[:1])
def programs_are_built_with_it(_, root):
    with System(root) as system:
        with open(f'{system.outer}/x.c', 'w', encoding='utf-8') as file:
            file.write('#include <heapprof.h>\nint main(void) { HeapProfilerStart("x"); return !IsHeapProfilerRunning(); }\n')
        system.run('sh', '-c', f'export PKG_CONFIG_PATH={system.inner}/{NAME}/lib/pkgconfig; '
                   'cc -o x x.c $(pkg-config --cflags --libs heapprof)')
        system.run('env', f'LD_LIBRARY_PATH={system.inner}/{NAME}/lib', './x')


tap.main()
