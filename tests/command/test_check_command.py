#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`heapprof check`: programs and processes that can be profiled, and why others can't. The options of
heapprof itself."""

import os
import shutil
import signal
import subprocess
import sys

import command
import cli
import running
import tap
from command import HEAPPROF, SUBJECT


def check(folder, target, status, **options):
    """Returns the line that check prints; an error without the program's name."""
    done = command.heapprof(folder, 'check', str(target), **options)
    tap.equal(done.returncode, status)
    lines = (done.stdout + done.stderr).splitlines()
    tap.equal(len(lines), 1)
    assert done.stderr == '' or status == 2, done.stderr
    return lines[0].removeprefix('heapprof: ')


def copy_of_subject(folder, name):
    path = f'{folder}/{name}'
    shutil.copy(SUBJECT, path)
    return path


@tap.test
def programs_that_can_be_profiled(folder):
    tap.equal(check(folder, SUBJECT, 0), f"{SUBJECT} can be profiled; type 'heapprof run {SUBJECT}'")
    script = command.write_program(f'{folder}/script', '#! /usr/bin/env -S LANG=C python3 -E\n')
    tap.equal(check(folder, script, 0), f"{script} can be profiled; type 'heapprof run {script}'")
    os.mkdir(f'{folder}/bin')
    copy_of_subject(folder, 'bin/test-subject')
    env = command.environment(folder)
    env['PATH'] = f'{folder}/bin:{env["PATH"]}'
    tap.equal(check(folder, 'test-subject', 0, env=env),
              "test-subject can be profiled; type 'heapprof run test-subject'")


# The end of a sentence about NAME, a program that `run` does not record.
LEFT_OUT = ("can be profiled, but 'heapprof run' records only the programs that {0} starts; to record {0} itself, type "
            "'HEAP_PROFILE_PROGRAM={0} heapprof run {1}'")


@tap.test
def programs_that_run_does_not_record(folder):
    tap.equal(check(folder, '/bin/sh', 0), '/bin/sh ' + LEFT_OUT.format('sh', '/bin/sh'))
    path = shutil.which('timeout')
    tap.equal(check(folder, path, 0), f'{path} ' + LEFT_OUT.format('timeout', path))
    os.symlink('/bin/sh', f'{folder}/renamed')
    tap.equal(check(folder, f'{folder}/renamed', 0),
              f'{folder}/renamed ' + LEFT_OUT.format('renamed', f'{folder}/renamed'))
    for first in ('#! /usr/bin/env -S LANG=C sh -e', 'true'):
        script = command.write_program(f'{folder}/script', f'{first}\n')
        tap.equal(check(folder, script, 0), f'{script} ' + LEFT_OUT.format('sh', script))
    os.mkfifo(f'{folder}/fifo')
    with command.Waiting('/bin/sh', '-c', 'echo; read x < "$0"', f'{folder}/fifo', env=command.environment(folder)) as pid:
        name = os.path.basename(os.path.realpath('/bin/sh'))
        tap.equal(check(folder, pid, 0), f"{pid} ({name}) can be profiled; type 'heapprof {pid}'")
        os.kill(pid, signal.SIGSTOP)
        running.wait_until(lambda: '\nState:\tT' in open(f'/proc/{pid}/status', encoding='utf-8').read(), 'it stops')
        tap.is_in(f"{pid} ({name}) can be profiled from its start only; restart it with "
                  f"'HEAP_PROFILE_PROGRAM={name} heapprof run', since run records only the programs that it starts "
                  f"(attach: is stopped; continue it first (kill -CONT {pid}))\n",
                  command.heapprof(folder, 'check', str(pid)).stdout)


@tap.test
def programs_that_a_setting_leaves_out(folder):
    path = copy_of_subject(folder, 'app')
    for names, is_left_out in (('', False), ('a*', False), ('!b,c', False), ('b', True), ('!a*', True)):
        line = check(folder, path, 0, env=command.environment(folder, HEAP_PROFILE_PROGRAM=names))
        tap.equal(line, f'{path} ' + (LEFT_OUT.format('app', path) if is_left_out else
                                      f"can be profiled; type 'heapprof run {path}'"))
    line = check(folder, '/bin/sh', 0, env=command.environment(folder, HEAP_PROFILE_PROGRAM='sh'))
    tap.equal(line, "/bin/sh can be profiled; type 'heapprof run /bin/sh'")


@tap.test
def a_process_that_has_overwritten_its_environment(folder):
    code = ('import ctypes, os\nlines = open("/proc/self/stat").read().rpartition(")")[2].split()\n'
            'start, end = int(lines[47]), int(lines[48])\nctypes.memset(start, ord("x"), end - start - 1)\n'
            'print("ready", flush=True)\ninput()')
    env = command.environment(folder, LD_PRELOAD=command.LIBRARY, HEAPPROFILE=f'{folder}/p')
    with subprocess.Popen([sys.executable, '-c', code], env=env, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        tap.equal(process.stdout.readline(), b'ready\n')
        tap.check(b'HEAPPROFILE' not in open(f'/proc/{process.pid}/environ', 'rb').read(), 'the environment')
        said = check(folder, process.pid, 0, env=command.environment(folder))
        process.communicate(b'\n')
    tap.is_in(f"is being profiled; 'heapprof top {process.pid}' shows it", said)


@tap.test
def commands_can_be_pasted(folder):
    for name in ('le ak', 'a$(id)b', "it's", '-x'):
        path = copy_of_subject(folder, name)
        for target in (path, name):
            env = {**command.environment(folder), 'PATH': f'{folder}:{os.environ["PATH"]}'}
            done = command.heapprof(folder, 'check', '--', target, env=env)
            tap.equal((done.returncode, done.stderr), (0, ''))
            line = done.stdout.partition("type '")[2].removesuffix("'\n")
            assert line.startswith('heapprof run '), done.stdout
            tap.equal(cli.run('sh', '-c', f'printf "%s\\n" {line}').stdout.splitlines()[-1], target)
        said = fail(folder, f'./{name}').partition("'")[2].removesuffix("'\n")
        tap.equal(cli.run('sh', '-c', f'printf "%s\\n" {said}').stdout.splitlines(), ['heapprof', 'run', f'./{name}'])
    tap.is_in("type 'heapprof run -- -x'", command.heapprof(folder, 'check', '--', '-x', env=env).stdout)


@tap.test
def an_empty_name(folder):
    tap.equal(check(folder, '', 2), "the name is empty; give a program, or a process or its name")
    tap.equal(fail(folder, ''), "heapprof: no command ''; 'heapprof --help' lists the commands\n")


@tap.test(kind=command.UNFIT)
def unfit_programs(folder, kind):
    make, sentence, status = command.UNFIT[kind]
    program = f'{folder}/program'
    make(program)
    separator = ': ' if kind == 'missing' else ' '
    tap.equal(check(folder, program, status), f'{program}{separator}{sentence}')


@tap.test
def damaged_programs(folder):
    with open(SUBJECT, 'rb') as file:
        whole = file.read()
    for n in (1, 4, 15, 40, 63, 64, 200):
        path = f'{folder}/cut-{n}'
        with open(path, 'wb') as file:
            file.write(whole[:n])
        os.chmod(path, 0o755)
        tap.is_in('is neither a program nor a script', check(folder, path, 1))
    command.write_program(f'{folder}/loop', f'#!{folder}/loop\n')
    tap.is_in('is neither a program nor a script', check(folder, f'{folder}/loop', 1))


@tap.test
def a_script_whose_interpreter_is_missing(folder):
    script = command.write_program(f'{folder}/script', '#!/none/sh\n')
    tap.equal(check(folder, script, 2), f'{script} is a script, and its interpreter /none/sh can\'t be run: No such '
              'file or directory; correct the first line')


@tap.test
def a_library_that_is_missing(folder):
    done = command.heapprof(folder, 'check', SUBJECT,
                            env=command.environment(folder, HEAPPROF_LIBRARY='/none/libheapprof.so'))
    tap.equal((done.returncode, done.stdout), (1, ''))
    tap.is_in('HEAPPROF_LIBRARY=/none/libheapprof.so: No such file', done.stderr)


@tap.test
def a_process_that_is_not_profiled(folder):
    path = copy_of_subject(folder, 'test-plain')
    with command.Waiting(path, 'wait', env=command.environment(folder)) as pid:
        line = f"{pid} (test-plain) can be profiled; type 'heapprof {pid}'"
        tap.equal(check(folder, pid, 0), line)
        os.unlink(path)
        tap.equal(check(folder, pid, 0), line)


@tap.test
def a_process_that_is_profiled(folder):
    env = command.environment(folder, HEAPPROFILE=f'{folder}/p', LD_PRELOAD=command.LIBRARY)
    with command.Waiting(SUBJECT, 'wait', env=env) as pid:
        tap.equal(check(folder, pid, 0), f'{pid} (subject) is being profiled; its dumps begin with {folder}/p')
    env = command.environment(folder, LD_PRELOAD=command.LIBRARY)
    with command.Waiting(SUBJECT, 'wait', env=env) as pid:
        tap.is_in('has loaded libheapprof.so, but HEAPPROFILE was unset', check(folder, pid, 0))


@tap.test
def a_process_that_is_left_out(folder):
    env = command.environment(folder, HEAPPROFILE=f'{folder}/p', LD_PRELOAD=command.LIBRARY)
    for names in ('other', '!sh,subject', '!./renamed'):
        with command.Waiting('./renamed', 'wait', env={**env, 'HEAP_PROFILE_PROGRAM': names}, executable=SUBJECT) as pid:
            tap.equal(check(folder, pid, 0), f'{pid} (subject) is left out by HEAP_PROFILE_PROGRAM; restart it with '
                      'HEAP_PROFILE_PROGRAM=subject, or let it call HeapProfilerStart()')
    for names in ('', 'sub*', 'renamed', '!other'):
        with command.Waiting('./renamed', 'wait', env={**env, 'HEAP_PROFILE_PROGRAM': names}, executable=SUBJECT) as pid:
            tap.is_in('is being profiled', check(folder, pid, 0))


@tap.test
def a_name(folder):
    path = copy_of_subject(folder, 'test-named')
    with command.Waiting(path, 'wait') as first:
        tap.is_in(f'{first} (test-named) can be', check(folder, 'test-named', 0))
        with command.Waiting(path, 'wait') as second:
            done = command.heapprof(folder, 'check', 'test-named')
            tap.equal((done.returncode, done.stdout),
                      (2, ''.join(f'heapprof check {pid}\n' for pid in sorted((first, second)))))
            tap.is_in("2 processes are named 'test-named'", done.stderr)
    tap.equal(check(folder, 'test-named', 2), "no program or process is named 'test-named'; check the name")


@tap.test
def a_name_that_a_process_gives_itself(folder):
    rename = 'import ctypes, time; ctypes.CDLL(None).prctl(15, b"test-comm", 0, 0, 0); print(flush=True); ' \
             'time.sleep(1000)'
    with command.Waiting(sys.executable, '-c', rename):
        tap.equal(check(folder, 'test-comm', 2), "no program or process is named 'test-comm'; check the name")


@tap.test
def processes_that_can_not_be(folder):
    process = subprocess.Popen([SUBJECT, 'brief'])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    tap.equal(check(folder, process.pid, 1),
              f'{process.pid} has ended and is a zombie: its parent has not waited for it')
    process.wait()
    tap.equal(check(folder, process.pid, 2), f'no process {process.pid}')
    tap.equal(check(folder, 2147483647, 2), 'no process 2147483647')
    tap.is_in('no program or process is named', check(folder, '2147483648', 2))
    if os.path.exists('/proc/2/status') and not os.path.exists('/proc/2/environ_'):
        with open('/proc/2/status', encoding='utf-8') as file:
            if 'kthreadd' in file.readline():
                tap.equal(check(folder, 2, 1), '2 is a kernel thread and has no heap')


@tap.test
def a_process_whose_main_thread_has_ended(folder):
    path = copy_of_subject(folder, 'test-leaderless')
    with command.Waiting(path, 'leave', env=command.environment(folder)) as pid:
        running.wait_until(lambda: '\nState:\tZ' in open(f'/proc/{pid}/status', encoding='utf-8').read(),
                           'the main thread ends')
        line = f"{pid} (test-leaderless) can be profiled; type 'heapprof {pid}'"
        tap.equal(check(folder, pid, 0), line)
        tap.equal(check(folder, 'test-leaderless', 0), line)
    env = command.environment(folder, HEAPPROFILE=f'{folder}/p', LD_PRELOAD=command.LIBRARY)
    with command.Waiting(path, 'leave', env=env) as pid:
        tap.is_in('is being profiled', check(folder, pid, 0))


@tap.test
def a_static_process(folder):
    tap.need('cc')
    source = command.write_program(f'{folder}/s.c', '#include <unistd.h>\n'
                                   'int main(void) { write(1, "\\n", 1); pause(); }\n')
    tap.equal(cli.run('cc', '-static', '-w', '-o', f'{folder}/test-static', source).stderr, '')
    with command.Waiting(f'{folder}/test-static') as pid:
        tap.equal(check(folder, pid, 1), f'{pid} (test-static) {command.UNFIT["static"][1]}')


@tap.test
def a_thread(folder):
    code = 'import threading, time; t = threading.Thread(target=time.sleep, args=[1000], daemon=True); ' \
           't.start(); print(t.native_id, flush=True); time.sleep(1000)'
    process = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE)
    thread = int(process.stdout.readline())
    try:
        tap.equal(check(folder, thread, 2), f'{thread} is a thread of process {process.pid}; '
                  f"type 'heapprof check {process.pid}'")
    finally:
        process.kill()
        process.communicate()


@tap.test
def a_process_of_another_user(folder):
    if os.geteuid():
        tap.skip('root is needed')
    tap.need('setpriv')
    with command.Waiting(SUBJECT, 'wait') as pid:
        done = cli.run('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', HEAPPROF, 'check', str(pid))
        tap.equal((done.returncode, done.stdout, done.stderr), (
            2, '', f'heapprof: {pid}: the process belongs to user 0; run this as that user or as '
            'root\n'))


@tap.test
def a_process_that_hides_its_memory(folder):
    if os.geteuid():
        tap.skip('root is needed')
    tap.need('setpriv')
    user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    hide = 'import ctypes, time; ctypes.CDLL(None).prctl(4, 0); print(flush=True); time.sleep(1000)'
    with command.Waiting(*user, sys.executable, '-c', hide) as pid:
        done = cli.run(*user, HEAPPROF, 'check', str(pid))
        tap.equal((done.returncode, done.stdout), (2, ''))
        tap.is_in('it hides its memory (PR_SET_DUMPABLE), or has rights of its own; run this as root\n', done.stderr)
    with command.Waiting(SUBJECT, 'wait') as pid:
        done = cli.run('setpriv', '--bounding-set=-sys_ptrace', HEAPPROF, 'check', str(pid))
        tap.equal((done.returncode, done.stdout), (2, ''))
        tap.is_in('root lacks CAP_SYS_PTRACE here, as in a container; give it that, or run this outside\n', done.stderr)


@tap.test
def a_process_that_is_stopped_and_traced(folder):
    tap.need('strace')
    with command.Waiting(SUBJECT, 'wait') as pid:
        tracer = subprocess.Popen(['strace', '-qq', '-o', f'{folder}/trace', '-p', str(pid)])
        try:
            while '\t0\n' in [line[10:] for line in open(f'/proc/{pid}/status', encoding='utf-8')
                              if line.startswith('TracerPid:')]:
                assert tracer.poll() is None, 'strace has ended'
            done = command.heapprof(folder, 'check', str(pid))
            tap.equal(done.returncode, 0)
            tap.is_in(f'note: {pid} (subject) is traced by process {tracer.pid}', done.stdout)
        finally:
            tracer.terminate()
            tracer.wait()


# --- the program's own options -------------------------------------------------------------------

def fail(folder, *args):
    done = command.heapprof(folder, *args, cwd=folder)
    tap.equal((done.returncode, done.stdout), (2, ''))
    return done.stderr


@tap.test
def help_and_version(folder):
    text = command.heapprof(folder, '--help').stdout
    assert text.startswith('heapprof touches processes, pprofconv reads files, and a core is a file.\n')
    for name in ('run', 'check'):
        tap.is_in(f'\n  {name} ', text)
        part = command.heapprof(folder, name, '--help').stdout
        tap.is_in(f'Usage: heapprof {name} ', part)
        tap.equal(part, command.heapprof(folder, 'help', name).stdout)
        text += part
    assert all(len(line) <= 80 for line in text.splitlines()), text
    assert command.heapprof(folder, '--version').stdout.startswith('heapprof ')
    tap.equal(fail(folder), command.heapprof(folder, '--help').stdout)


@tap.test
def what_is_for_pprofconv_is_answered_with_its_command(folder):
    shutil.copy(cli.data('good-exact.heap'), f'{folder}/x.heap')
    tap.equal(fail(folder, 'info', 'x.heap'),
              "heapprof: 'info' is a command of pprofconv; type 'pprofconv info x.heap'\n")
    tap.equal(fail(folder, 'x.heap'), "heapprof: x.heap is a file; type 'pprofconv top x.heap'\n")
    copy_of_subject(folder, 'app')
    tap.equal(fail(folder, './app'), "heapprof: the command comes first: 'heapprof run ./app'\n")
    tap.equal(fail(folder, 'rnu'), "heapprof: no command 'rnu'; 'heapprof --help' lists the commands\n")


@tap.test
def each_program_knows_the_others_commands(folder):
    pprofconv = str(command.BUILD / 'pprofconv' / 'pprofconv')
    for program, other in ((HEAPPROF, pprofconv), (pprofconv, HEAPPROF)):
        text = cli.run(other, '--help').stdout
        names = [line.split()[0] for line in text.split('Commands:\n')[1].split('\n\n')[0].splitlines()]
        assert len(names) >= 2, text
        for name in set(names) - {'top', 'inspect', 'PID'}:  # both have these two
            done = cli.run(program, name, 'x', cwd=folder)
            tap.is_in(f"type '{os.path.basename(other)} {name} x'", done.stderr)


tap.main()
