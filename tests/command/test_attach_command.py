#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`heapprof attach`, `detach` and `set`, and `heapprof PID` on a process that was started without the
library."""

import contextlib
import os
import signal
import subprocess
import sys

import command
import cli
import running
import tap
from attached import PPROFCONV, check_as_before, held, held_in, read_to, run
from command import HEAPPROF
from shop import Shop, build_shop

tap.need('g++')


def refusal(folder, pid, verb='attach'):
    done = run(folder, verb, pid, status=2)
    tap.equal((done.stdout, len(done.stderr.splitlines())), ('', 1), done.stderr)
    return done.stderr.removeprefix(f'heapprof: {pid} ').rstrip('\n')


def without_conflict(text):
    """Leaves out the line about functions on which other tools must not set a uprobe meanwhile."""
    return ''.join(line for line in text.splitlines(True) if 'does not begin with endbr64' not in line)


def mappings(pid):
    with open(f'/proc/{pid}/maps', encoding='utf-8') as maps:
        return [' '.join(line.split()[1:2] + line.split()[5:]) for line in maps]


# --- what is recorded ------------------------------------------------------------------------------

@tap.test
def what_is_allocated_from_then_on_is_exact(folder):
    with Shop(folder, preload=False) as shop:
        shop.do('login 7')
        done = run(folder, 'attach', '--exact', shop.pid)
        tap.equal(without_conflict(done.stderr),
                  f'heapprof: {shop.pid} (shop): attached; all that it allocates from now on is recorded\n'
                  f'  {HEAPPROF} top {shop.pid}\n  {HEAPPROF} detach {shop.pid}\n')
        shop.do('login 20', 'refresh 10', 'request 50')
        tap.equal(held(folder, shop.pid)['shop::remember_session'], 30 * 4096)
        shop.do('login 3')
        tap.equal(held(folder, shop.pid)['shop::remember_session'], 33 * 4096)
        tap.equal(run(folder, 'detach', shop.pid).stderr, f'heapprof: {shop.pid} (shop): detached\n')
        check_as_before(shop.pid)
        shop.do('login 5', 'order 2')


@tap.test
def it_can_be_attached_again(folder):
    with Shop(folder, preload=False) as shop:
        counts = []
        for i in range(1, 4):
            run(folder, 'attach', '-qx', shop.pid)
            shop.do(f'login {i}')
            tap.equal(held(folder, shop.pid)['shop::remember_session'], i * 4096)
            run(folder, 'detach', '-q', shop.pid)
            check_as_before(shop.pid)
            counts.append(len(mappings(shop.pid)))
        tap.equal(counts[1], counts[2])


@tap.test
def every_command_reads_it(folder):
    with Shop(folder, preload=False) as shop:
        run(folder, 'attach', '-q', shop.pid)
        shop.do('login 30')
        tap.is_in(str(shop.pid), run(folder, 'list').stdout)
        tap.is_in('shop::remember_session', run(folder, 'top', '--once', shop.pid).stdout)
        tap.equal(run(folder, 'check', shop.pid).stdout,
                  f"{shop.pid} (shop) is attached; 'heapprof top {shop.pid}' shows it\n")
        tap.is_in('shop::remember_session', cli.run(PPROFCONV, 'top', '-q', f'pid:{shop.pid}').stdout)
        tap.is_in('is attached already', refusal(folder, shop.pid))
        run(folder, 'detach', '-q', shop.pid)
        tap.is_in('is not attached', refusal(folder, shop.pid, 'detach'))


@tap.test
def the_process_writes_dumps(folder):
    with Shop(folder, preload=False) as shop:
        run(folder, 'attach', '-qx', '--dumps', f'{folder}/app', shop.pid)
        shop.do('login 30')
        shop.process.stdin.close()
        shop.process.wait()
        found = held_in(f'{folder}/app.0001.heap')
        tap.equal(found['shop::remember_session'], 30 * 4096)


@tap.test
def it_detaches_after_a_time(folder):
    with Shop(folder, preload=False) as shop:
        done = run(folder, 'attach', '--for=1s', shop.pid)
        tap.equal([line.split(': ')[-1].split(';')[0] for line in without_conflict(done.stderr).splitlines()],
                  ['attached', 'detached'])
        check_as_before(shop.pid)


@tap.test
def the_interval_is_set(folder):
    with Shop(folder, preload=False) as shop:
        run(folder, 'attach', '-q', shop.pid)
        shop.do('login 10')
        tap.is_in('what was recorded stays', run(folder, 'set', shop.pid, 'interval=8K').stderr)
        shop.do('login 100')
        tap.is_in('R 8K', run(folder, 'top', '--once', shop.pid).stdout)
        tap.is_in('detach and attach again', refusal_of_set(folder, shop.pid, 'interval=4K'))
        tap.is_in('does not record', run(folder, 'set', shop.pid, 'off').stderr)
        tap.is_in('records anew', run(folder, 'set', shop.pid, 'on').stderr)
        shop.do('login 10')
        tap.equal(held(folder, shop.pid)['shop::remember_session'], 10 * 4096)
        tap.is_in("unknown setting 'x'", refusal_of_set(folder, shop.pid, 'x'))
        for unreached in '100K', '1M':
            tap.is_in('doubles from 1 to 512K', refusal_of_set(folder, shop.pid, f'interval={unreached}'))


def refusal_of_set(folder, pid, setting):
    return run(folder, 'set', pid, setting, status=2).stderr


# --- heapprof PID ----------------------------------------------------------------------------------

def follow(folder, pid, *args):
    process = subprocess.Popen([*command.WITH_SIGNALS, HEAPPROF, str(pid), '--every=1s', *args],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=command.environment(folder))
    read_to(process, 'growth counts from here')
    return process


@tap.test(how=['INT', 'TERM', 'HUP', 'output'])
def heapprof_pid_attaches_and_leaves(folder, how):
    with Shop(folder, preload=False) as shop:
        process = follow(folder, shop.pid)
        shop.do('login 30')
        text = read_to(process, '30 blocks of 4.0 KiB')
        tap.is_in('  shop::remember_session\n', text)
        if how == 'output':
            process.stdout.close()
            process.wait()
            process.stderr.close()
        else:
            process.send_signal(getattr(signal, f'SIG{how}'))
            err = process.communicate()[1]
            tap.is_in(f'{shop.pid} (shop): detached\n', err)
            tap.equal(process.returncode, 0)
        check_as_before(shop.pid)
        tap.is_in('is not attached', refusal(folder, shop.pid, 'detach'))


# --- children and restarts --------------------------------------------------------------------------

FORKS = '''
import os, signal, sys
for line in sys.stdin:
    kept = [bytes(10000 + i) for i in range(20)]
    child = os.fork()
    if not child:
        signal.pause()
    print(child, flush=True)
'''


STATE_AT, WRITING, NONSENSE = 28, 2, 77  # in the record of patches (inject/patch_record.h)


def set_state(pid, state):
    """Changes how far the record in a process says that its patches are; returns what it said."""
    with open(f'/proc/{pid}/maps', encoding='utf-8') as maps, open(f'/proc/{pid}/mem', 'r+b', 0) as memory:
        for line in maps:
            start = int(line.split('-')[0], 16)
            if ' r-xp 00000000 00:00 0' not in line or '[' in line:
                continue
            memory.seek(start)
            record = memory.read(STATE_AT + 4)
            if record.startswith(b'heapprof patch'):
                memory.seek(start + STATE_AT)
                memory.write(state.to_bytes(4, 'little'))
                return int.from_bytes(record[STATE_AT:], 'little')
    raise AssertionError('it has no record')


@contextlib.contextmanager
def forking(folder):
    """Yields an attached process, and a function that lets it fork and returns the child."""
    with subprocess.Popen(['/usr/bin/python3', '-c', FORKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          bufsize=1, env=command.environment(folder)) as process:
        children = []

        def fork():
            process.stdin.write('fork\n')
            children.append(int(process.stdout.readline()))
            return children[-1]

        try:
            fork()  # python has started when it answers
            run(folder, 'attach', '-q', process.pid)
            yield process.pid, fork
        finally:
            for pid in (process.pid, *children):
                os.kill(pid, signal.SIGKILL)


@tap.test
def children_are_detached_too(folder):
    with forking(folder) as (pid, fork):
        child, half = fork(), fork()
        set_state(half, WRITING)  # as if a heapprof had been killed while it attached
        tap.is_in('is attached', run(folder, 'check', child).stdout)
        tap.is_in('can be profiled', run(folder, 'check', half).stdout)
        said = run(folder, 'detach', pid).stderr.splitlines()
        for each in (pid, child, half):
            tap.check(any(f' {each} (' in line and line.endswith('): detached') for line in said), said)
            check_as_before(each)
            tap.is_in('is not attached', refusal(folder, each, 'detach'))
        tap.equal(len(said), 3)


@tap.test
def a_child_that_stays_attached_is_named(folder):
    with forking(folder) as (pid, fork):
        child = fork()
        before = set_state(child, NONSENSE)
        said = run(folder, 'detach', pid, status=2).stderr.splitlines()
        tap.check(f' {pid} (' in said[0] and said[0].endswith('): detached'), said)
        tap.check(f' {child} (' in said[1] and 'has a record of patches that is damaged; nothing was' in said[1], said)
        set_state(child, before)
        run(folder, 'detach', child)
        check_as_before(child)


@tap.test
def watch_attaches_again_after_a_restart(folder):
    watch = subprocess.Popen([*command.WITH_SIGNALS, HEAPPROF, 'watch', 'test-watched', '--attach', '--every=1h',
                              '--dumps', f'{folder}/w'], stderr=subprocess.PIPE, text=True,
                             env=command.environment(folder))
    try:
        for number in (1, 2):
            with Shop(folder, name='test-watched', preload=False) as shop:
                line = ''
                while f'{shop.pid} (test-watched): attached' not in line:
                    line = watch.stderr.readline()
                    assert line
                running.wait_until(lambda: os.path.exists(f'{folder}/w.000{number}.heap'), 'a dump is written')
                if number == 2:
                    watch.terminate()
                    tap.is_in(f'{shop.pid} (test-watched): detached', watch.stderr.read())
                    check_as_before(shop.pid)
    finally:
        watch.kill()
        watch.communicate()


# --- what is refused -------------------------------------------------------------------------------

def both_say(folder, pid, sentence):
    """attach and check give the same reason."""
    tap.is_in(sentence, refusal(folder, pid))
    tap.is_in(sentence, command.heapprof(folder, 'check', str(pid)).stdout)


@tap.test
def a_static_program(folder):
    tap.need('cc')
    source = command.write_program(f'{folder}/s.c', '#include <unistd.h>\n'
                                   'int main(void) { write(1, "\\n", 1); pause(); }\n')
    tap.equal(cli.run('cc', '-static', '-w', '-o', f'{folder}/test-static', source).stderr, '')
    with command.Waiting(f'{folder}/test-static') as pid:
        tap.is_in('is a static program', refusal(folder, pid))


@tap.test
def a_process_with_a_filter(folder):
    code = ('import ctypes, os\nc = ctypes.CDLL(None)\nc.prctl(38, 1, 0, 0, 0)\n'
            'program = ctypes.create_string_buffer(bytes([6, 0, 0, 0, 0, 0, 0xff, 0x7f]))\n'
            'class F(ctypes.Structure): _fields_ = [("n", ctypes.c_ushort), ("p", ctypes.c_void_p)]\n'
            'f = F(1, ctypes.addressof(program))\n'
            'print(c.prctl(22, 2, ctypes.byref(f), 0, 0), flush=True)\ninput()')
    with subprocess.Popen([sys.executable, '-c', code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        tap.equal(process.stdout.readline(), b'0\n')
        both_say(folder, process.pid, 'has a seccomp filter: a system call of ours might end it; start it by heapprof run')
        process.communicate(b'\n')


@tap.test
def a_process_with_the_library(folder):
    with Shop(folder) as shop:
        tap.is_in('has libheapprof since its start', refusal(folder, shop.pid))
        tap.is_in('is not attached', refusal(folder, shop.pid, 'detach'))


@tap.test
def a_stopped_process(folder):
    with Shop(folder, preload=False) as shop:
        os.kill(shop.pid, signal.SIGSTOP)
        running.wait_until(lambda: '\nState:\tT' in open(f'/proc/{shop.pid}/status', encoding='utf-8').read(), 'it stops')
        both_say(folder, shop.pid, f'is stopped; continue it first (kill -CONT {shop.pid})')


@tap.test
def a_traced_process(folder):
    tap.need('strace')
    with Shop(folder, preload=False) as shop:
        tracer = subprocess.Popen(['strace', '-qq', '-o', f'{folder}/trace', '-p', str(shop.pid)])
        try:
            running.wait_until(lambda: f'\nTracerPid:\t{tracer.pid}\n' in open(
                f'/proc/{shop.pid}/status', encoding='utf-8').read(), 'strace traces it')
            both_say(folder, shop.pid, f'is traced by process {tracer.pid}, as by a debugger; end that first')
        finally:
            tracer.terminate()
            tracer.wait()


@tap.test
def a_process_of_another_user(folder):
    if os.geteuid():
        tap.skip('root is needed')
    tap.need('setpriv')
    with Shop(folder, preload=False) as shop:
        user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
        done = cli.run(*user, HEAPPROF, 'attach', str(shop.pid))
        tap.equal((done.returncode, done.stdout, len(done.stderr.splitlines())), (2, '', 1))
        tap.is_in('it runs as root, or with rights of its own; run this as root', done.stderr)


@tap.test
def root_attaches_to_a_process_of_another_user(folder):
    if os.geteuid():
        tap.skip('root is needed')
    tap.need('setpriv')
    os.chmod(folder, 0o755)
    with Shop(folder, preload=False, before=['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']) as shop:
        run(folder, 'attach', '-qx', shop.pid)
        shop.do('login 30')
        tap.equal(held(folder, shop.pid)['shop::remember_session'], 30 * 4096)
        run(folder, 'detach', '-q', shop.pid)
        check_as_before(shop.pid)


@tap.test
def a_process_in_other_namespaces(folder):
    tap.need('unshare')
    if cli.run('unshare', '--user', '--map-root-user', '--mount', '--pid', '--fork', 'true').returncode:
        tap.skip('no namespaces here')
    os.mkdir(f'{folder}/hidden')
    inside = ('mount -t tmpfs none "$0" && exec "$1"', str(command.BUILD / 'profiler'), str(build_shop()))
    with Shop(folder, preload=False, before=['unshare', '--user', '--map-root-user', '--mount', '--pid', '--fork',
                                             'sh', '-c', *inside]) as shop:
        pid = int(cli.run('pgrep', '-n', '-x', 'shop').stdout)
        run(folder, 'attach', '-qx', pid)
        shop.do('login 30')
        tap.equal(held(folder, pid)['shop::remember_session'], 30 * 4096)
        run(folder, 'detach', '-q', pid)


tap.main()
