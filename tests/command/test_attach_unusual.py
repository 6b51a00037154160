#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`heapprof attach` and `heapprof check` of processes that are unusual: in the right to look at them, in
their C library, or in their state. Each is attached to, or both commands give the same reason."""

import functools
import os
import pathlib
import shutil
import subprocess
import tempfile

import command
import cli
import running
import tap
from attached import check_as_before, run
from command import HEAPPROF

HERE = pathlib.Path(__file__).resolve().parent
BUILT = tempfile.TemporaryDirectory(prefix='heapprof-test-')  # removed at the end of the script
os.chmod(BUILT.name, 0o755)
NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']


@functools.cache
def build(name, *flags, compiler='cc'):
    tap.need(compiler)
    path = f'{BUILT.name}/{name.removesuffix(".c")}-{compiler}'
    done = cli.run(compiler, '-D_GNU_SOURCE', '-g', '-O1', '-o', path, str(HERE / name), *flags)
    tap.equal((done.returncode, done.stderr), (0, ''))
    return path


class Unusual:
    """The program of unusual.c. Its name is that of the test."""

    def __init__(self, folder, state='', compiler='cc', before=(), mode=0o755):
        self.name = f'test-{state or compiler}'
        path = shutil.copy(build('unusual.c', '-pthread', compiler=compiler), f'{folder}/{self.name}')
        os.chmod(path, mode)
        self.process = subprocess.Popen([*before, path, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1, env=command.environment(folder))
        self.pid = self.process.pid
        tap.equal(self.process.stdout.readline(), 'ready\n')

    def leak(self, n):
        self.process.stdin.write(f'{n}\n')
        tap.equal(self.process.stdout.readline(), 'done\n')

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.communicate()


def need_root():
    if os.geteuid():
        tap.skip('root is needed')
    tap.need('setpriv')


def attach(folder, target):
    """Attaches, finds a leak, and detaches."""
    run(folder, 'attach', '-qx', target.pid)
    target.leak(30)
    run(folder, 'dump', target.pid, '-q', '-o', f'{folder}/now.heap')
    lines = cli.run(str(command.BUILD / 'pprofconv' / 'pprofconv'), '-q', '--to=folded', '--sample-type=inuse_space',
                    f'{folder}/now.heap').stdout.splitlines()
    tap.equal([line.rpartition(' ')[2] for line in lines if ';leak ' in line], [str(30 * 4096)])
    run(folder, 'detach', '-q', target.pid)
    target.leak(1)


def refused(folder, target, sentence, of_check, status=1, before=(), env=None, is_named=True):
    """attach and check refuse it, each in one line."""
    env = env or command.environment(folder)
    done = cli.run(*before, HEAPPROF, 'attach', str(target.pid), env=env)
    tap.equal((done.returncode, done.stdout, done.stderr),
              (2, '', f'heapprof: {target.pid}{f" ({target.name})" if is_named else ""}: {sentence}\n'))
    done = cli.run(*before, HEAPPROF, 'check', str(target.pid), env=env)
    tap.equal((done.returncode, len((done.stdout + done.stderr).splitlines())), (status, 1), done.stderr)
    tap.is_in(of_check, done.stdout + done.stderr)


# --- rights ----------------------------------------------------------------------------------------

@tap.test
def a_set_user_id_program(folder):
    need_root()
    with Unusual(folder, before=NOBODY, mode=0o4755) as target:
        with open(f'/proc/{target.pid}/status', encoding='utf-8') as status:
            if '\nUid:\t65534\t0\t' not in status.read():
                tap.skip('no set-user-ID programs in the temporary folder')
        why = 'it runs as root, or with rights of its own; run this as root'
        refused(folder, target, f'no right to read its memory: {why}', 'or has rights of its own; run this as root',
                status=2, before=NOBODY, is_named=False)
        attach(folder, target)
        check_as_before(target.pid)


def yama_environment(folder, scope):
    return command.environment(folder, LD_PRELOAD=build('yama.c', '-shared', '-fPIC'), YAMA_SCOPE=scope)


@tap.test(scope=[1, 2, 3])
def a_kernel_with_yama(folder, scope):
    need_root()
    ways_out = {1: 'lets only its ancestors; start it by \'heapprof run\', run this as root, or set it to 0',
                2: 'run this as root', 3: 'nobody may until the next boot'}
    sentence = (f'no right to read its memory: kernel.yama.ptrace_scope is {scope}{", which " if scope == 1 else "; "}'
                f'{ways_out[scope]}')
    with Unusual(folder, before=NOBODY) as target:
        refused(folder, target, sentence, f'(attach: {sentence})', status=0,
                before=[] if scope == 3 else NOBODY, env=yama_environment(folder, scope))


# --- C libraries -----------------------------------------------------------------------------------

@tap.test
def a_program_on_musl(folder):
    with Unusual(folder, compiler='musl-gcc') as target:
        refused(folder, target, 'runs on another C library than glibc, musl; only glibc is supported',
                'uses the C library musl; heapprof needs glibc, so build it for glibc')


# --- states ----------------------------------------------------------------------------------------

@tap.test
def a_process_whose_main_thread_has_ended(folder):
    with Unusual(folder, 'leave') as target:
        running.wait_until(lambda: '\nState:\tZ' in open(f'/proc/{target.pid}/status', encoding='utf-8').read(),
                           'the main thread ends')
        tap.equal(run(folder, 'check', target.pid).stdout,
                  f"{target.pid} (test-leave) can be profiled; type 'heapprof {target.pid}'\n")
        attach(folder, target)


@tap.test
def a_process_that_waits_for_the_child_of_a_vfork(folder):
    with Unusual(folder, 'vfork') as target:
        child = int(cli.run('pgrep', '-P', str(target.pid)).stdout)
        sentence = f'shares its memory with process {child}, which would not be stopped meanwhile; end that first'
        refused(folder, target, sentence, f'(attach: {sentence})', status=0)


@tap.test
def a_process_under_gdb(folder):
    tap.need('gdb')
    with Unusual(folder) as target:
        with subprocess.Popen(['gdb', '-q', '-nx', '-p', str(target.pid)], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
                              env=command.environment(folder, DEBUGINFOD_URLS='')) as gdb:
            def is_traced():
                with open(f'/proc/{target.pid}/status', encoding='utf-8') as status:
                    return f'\nTracerPid:\t{gdb.pid}\n' in status.read() or gdb.poll() is not None

            running.wait_until(is_traced, 'gdb traces it')
            if gdb.poll() is not None:
                tap.skip('gdb can trace no process here')
            sentence = f'is traced by process {gdb.pid}, as by a debugger; end that first'
            done = run(folder, 'attach', target.pid, status=2)
            tap.equal(done.stderr, f'heapprof: {target.pid} ({target.name}): {sentence}\n')
            tap.is_in(f'(attach: {sentence})', run(folder, 'check', target.pid).stdout)
            gdb.communicate('detach\nquit\n')
        attach(folder, target)
        check_as_before(target.pid)


@tap.test
def a_zombie(folder):
    target = Unusual(folder)
    target.process.stdin.close()
    os.waitid(os.P_PID, target.pid, os.WEXITED | os.WNOWAIT)
    for verb, status in (('attach', 2), ('detach', 2), ('check', 1)):
        done = command.heapprof(folder, verb, str(target.pid))
        tap.equal(done.returncode, status)
        tap.is_in(f'{target.pid} has ended and is a zombie: its parent has not waited for it', done.stdout + done.stderr)
    target.process.wait()
    target.process.stdout.close()


tap.main()
