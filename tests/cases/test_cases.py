#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests cases.py itself: which cases pass, and which fail."""

import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path += [str(FOLDER), str(FOLDER.parent / 'cli')]

import cli  # noqa: E402: after the path to it
import readme  # noqa: E402
import running  # noqa: E402
import tap  # noqa: E402

TEST = f"""
import sys
sys.path.append({str(FOLDER)!r})
import cases
import tap

@tap.test
def it_greets(run):
    assert 'hello' in run.output('echo')

cases.main(__file__)
"""


def write_case(folder, text):
    case = pathlib.Path(folder, 'sample')
    case.mkdir(exist_ok=True)
    (case / 'README.md').write_text(text)
    (case / 'test_sample.py').write_text(TEST)
    return case


def run_case(folder, text, *arguments, env=None):
    """Runs a case with that README; returns its exit status, its log, and its README afterwards."""
    case = write_case(folder, text)
    done = subprocess.run([sys.executable, case / 'test_sample.py', *arguments], text=True, timeout=300,
                          env={**os.environ, **(env or {})}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout, (case / 'README.md').read_text()


def console(*lines, options=''):
    return '\n'.join(['# A case', '', f'```console{options}', *lines, '```', 'The end.', ''])


def passes(folder, text, env=None):
    status, log, after = run_case(folder, text, env=env)
    tap.equal(after, text)
    assert 'Traceback' not in log or status, log
    return status == 0


@tap.test
def what_is_printed_must_stand_there(folder):
    assert passes(folder, console('$ echo hello', 'hello'))
    assert not passes(folder, console('$ echo hello', 'good-bye'))
    assert not passes(folder, console('$ echo hello'))
    assert not passes(folder, console('$ echo hello', 'hello', 'hello'))


@tap.test
def numbers_may_differ(folder):
    assert passes(folder, console('$ echo "hello 12.5 KiB  7 %"', 'hello   999 B 8 %'))
    assert not passes(folder, console('$ echo hello 12.5 KiB', 'hello 12.5 people'))
    build_ids = ['hello ' + digits * 10 for digits in ('ca4e', '0fab')]
    assert passes(folder, console(f'$ echo {build_ids[0]}', build_ids[1]))


@tap.test
def dates_may_differ(folder):
    command = '$ echo "hello Nov 21, 2026 at 11:22am (UTC)"'
    assert passes(folder, console(command, 'hello May 3, 2027 at 1:05pm (UTC)'))
    assert not passes(folder, console(command, 'hello Noon 21, 2026 at 11:22am (UTC)'))
    assert not passes(folder, console('$ echo hello in May 12', 'hello in Nov 12'))


@tap.test
def what_comes_behind_may_differ(folder):
    commands = ('$ echo hello; printf "%s\\n" you there', 'hello', 'you', 'nobody')
    assert not passes(folder, console(*commands))
    assert passes(folder, console(*commands, options=' until=you'))
    assert not passes(folder, console(*commands, options=' until=nobody'))
    assert passes(folder, console(*commands, options=' free'))


@tap.test
def a_failing_command_needs_its_status(folder):
    assert not passes(folder, console('$ echo hello', 'hello', '$ false'))
    for options in ('', ' free', ' until=hello'):
        commands = ('$ echo hello', 'hello', '$ (exit 3)', '$ echo $?')
        assert passes(folder, console(*commands, '3', options=options))
        assert not passes(folder, console(*commands, '4', options=options))
        assert not passes(folder, console(*commands, options=options))


@tap.test
def a_readme_that_is_not_clear(folder):
    def complaint(text):
        status, log, _ = run_case(folder, text)
        assert status == 1, log
        assert 'Traceback' not in log, log
        return log

    good = console('$ echo hello', 'hello')
    is_in = tap.is_in
    is_in('no command', complaint('# A case\n'))
    is_in('line 3: a block without end', complaint(good.replace('```\n', '')))
    is_in('line 8: a block without end', complaint(good + '```c\n'))
    is_in('line 3: a block that begins with no command', complaint(console()))
    is_in('line 3: a block that begins with no command', complaint(console('echo hello')))
    for option in ('untill=hello', 'until', 'until=', 'fre'):
        is_in(f'line 3: no option of a block: {option}\n',
              complaint(console('$ echo hello', options=f' {option}')))
    for fence in ('~~~console', '```Console', '````console', ' ```console', '``` console'):
        end = '~~~' if '~' in fence else '````' if '````' in fence else '```'
        is_in(f'line 8: would not be run: {fence}\n',
              complaint(good + f'{fence}\n$ echo hello\nhello\n{end}\n'))
    is_in('line 3: no output has the word of until=you',
          complaint(console('$ echo hello', 'hello', options=' until=you')))


@tap.test
def a_check_that_fails(folder):
    assert not passes(folder, console('$ echo good-bye', 'good-bye'))


@tap.test
def one_shell_for_all(folder):
    assert passes(folder, console('$ x=hello; cd /', '$ echo $x \\', '> $PWD', 'hello /'))


@tap.test
def git_writes_into_no_repository_of_the_callers(folder):
    """If a case runs in a hook of git, variables name the repository of the caller. The git of the
    case must not use them."""
    tap.need('git')
    own = os.path.join(folder, 'own')
    subprocess.run(['git', 'init', '-q', own], check=True)
    before = pathlib.Path(own, '.git', 'config').read_text()
    env = {'GIT_DIR': os.path.join(own, '.git'), 'GIT_WORK_TREE': own,
           'GIT_INDEX_FILE': os.path.join(own, '.git', 'index')}
    assert passes(folder, console('$ git init -q . && git config user.name hello',
                                  '$ cat .git/config | grep -o hello; echo hello',
                                  'hello', 'hello'), env)
    tap.equal(pathlib.Path(own, '.git', 'config').read_text(), before)


@tap.test
def the_callers_settings_do_not_steer(folder):
    stray = ['GITHUB_STEP_SUMMARY', 'PPROFCONV', 'ASAN_OPTIONS', 'GOFLAGS', 'CGO_ENABLED',
             'HEAP_GATE_BASE', 'MAKEFLAGS', 'BASH_ENV']
    kept = ['GOCACHE', 'GOROOT', 'CASES_OTHER']
    printed = ''.join(f'${{{name}+{name}}}' for name in stray + kept)
    assert passes(folder, console(f'$ echo hello {printed}', 'hello ' + ''.join(kept)),
                  dict.fromkeys(stray + kept, '/dev/null'))


@tap.test
def a_shell_that_ends(folder):
    assert not passes(folder, console('$ echo hello', 'hello', '$ exit 0'))


@tap.test
def nothing_is_left_running(folder):
    note = os.path.join(folder, 'pid')
    assert passes(folder, console('$ echo hello', 'hello',
                                  f'$ setsid sh -c \'echo $$ >{note}; exec sleep 1000\' &',
                                  f'$ until [ -s {note} ]; do :; done'))
    with open(note, encoding='utf-8') as file:
        assert not os.path.exists(f'/proc/{file.read().strip()}')


@tap.test
def nothing_is_left_behind_of_an_interrupted_test(folder):
    note, temporary = os.path.join(folder, 'pid'), os.path.join(folder, 'temporary')
    notes = running.Notes(note)
    os.mkdir(temporary)
    text = console(f"$ setsid sh -c 'echo $$ >{note}; exec sleep 1000' &", '$ sleep 1000')
    for number in (signal.SIGTERM, signal.SIGINT):
        write_case(folder, text)
        with subprocess.Popen([sys.executable, os.path.join(folder, 'sample', 'test_sample.py')],
                              env={**os.environ, 'TMPDIR': temporary},
                              stdout=subprocess.DEVNULL) as test:
            pid = notes.line(test)  # the command is running
            test.send_signal(number)
            tap.equal(test.wait(timeout=60), 128 + number)
        assert not os.path.exists(f'/proc/{pid}')
        tap.equal(os.listdir(temporary), [])


@tap.test
def the_output_is_written(folder):
    status, _, after = run_case(folder, console('$ echo hello; pwd', 'old', '$ pprofconv --version',
                                                options=' until=sample'), '--write')
    tap.equal(status, 0)
    tap.is_in('```console until=sample\n$ echo hello; pwd\nhello\n/tmp/sample\n$ pprof', after)
    tap.is_in('\npprofconv 0', after)


@tap.test
def nothing_is_written_of_a_failure(folder):
    text = console('$ echo good-bye', 'old')
    status, _, after = run_case(folder, text, '--write')
    tap.equal((status, after), (1, text))


@tap.test
def a_case_that_cannot_run_is_skipped(folder):
    """A case is skipped if a program is missing, if its user has no access to the folder, or if the
    path of its socket is too long."""
    def skipped(env):
        done = cli.run(sys.executable, FOLDER / 'postgres-backend' / 'test_postgres_backend.py',
                       env={**os.environ, **env})
        tap.equal((done.returncode, done.stderr), (0, ''))
        assert done.stdout.startswith('1..0 # SKIP '), done.stdout
        return done.stdout

    programs = os.path.join(folder, 'bin')
    os.mkdir(programs)
    tap.is_in('pg_config is not installed', skipped({'PATH': programs}))
    pg_config = pathlib.Path(programs, 'pg_config')
    pg_config.write_text(f'#!/bin/sh\necho {programs}\n')
    pg_config.chmod(0o755)
    for name in ('initdb', 'pg_ctl', 'postgres', 'psql', 'pgbench', 'postgres.h'):
        tap.is_in(f'{programs}/{name} is not installed', skipped({'PATH': programs}))
        pathlib.Path(programs, name).touch()
    tap.is_in('cc is not installed', skipped({'PATH': programs}))


@tap.test
def a_place_that_does_not_do_is_skipped(folder):
    def log(env, main):
        case = write_case(folder, console('$ echo hello', 'hello'))
        (case / 'test_sample.py').write_text(TEST.replace('main(__file__)', f'main(__file__, {main})'))
        return cli.run(sys.executable, case / 'test_sample.py', env={**os.environ, **env}).stdout

    deep = os.path.join(folder, 'd' * 100)
    os.mkdir(deep)
    tap.is_in('too long for a socket', log({'TMPDIR': deep}, 'socket="s"'))
    tap.is_in('ok 1', log({'TMPDIR': deep}, ''))
    tap.is_in('ok 1', log({}, 'socket="s"'))
    if os.geteuid() == 0:
        os.chmod(folder, 0o700)
        tap.is_in('# SKIP nobody has no access', log({'TMPDIR': folder}, 'is_unprivileged=True'))
        tap.is_in('ok 1', log({}, 'is_unprivileged=True'))


# --- the files next to the READMEs ----------------------------------------------------------------

RETAINED = FOLDER / 'retained-list'


def path_with_wrk(folder, text):
    """Returns an environment in which wrk is this script and the temporary folder is empty."""
    for name in ('bin', 'temporary'):
        os.mkdir(os.path.join(folder, name))
    wrk = pathlib.Path(folder, 'bin', 'wrk')
    wrk.write_text('#!/bin/sh\n' + text)
    wrk.chmod(0o755)
    return {**os.environ, 'PATH': f'{folder}/bin:{os.environ["PATH"]}',
            'TMPDIR': os.path.join(folder, 'temporary')}


@tap.test
def load_says_why_it_fails(folder):
    env = path_with_wrk(folder, 'exit 3')
    for arguments, message in (
            ([], 'usage: load SECONDS COMMAND...'),
            (['x', 'true'], "'x' is not a number of seconds"),
            (['1', 'true'], "true printed no port but ''"),
            (['1', 'echo', 'hello'], "echo printed no port but 'hello'"),
            (['1', 'sh', '-c', 'echo 1; exec sleep 1000'], 'wrk: ')):
        done = cli.run(RETAINED / 'load', *arguments, env=env)
        tap.equal((done.returncode, done.stdout), (2, ''))
        tap.equal(done.stderr, f'load: {message}\n')
        tap.equal(os.listdir(env['TMPDIR']), [])
    for arguments in ([], ['1'], ['1', 'x'], ['1', '1', '1']):
        done = cli.run(RETAINED / 'compare', *arguments, env=env)
        tap.equal((done.returncode, done.stderr), (2, 'compare: usage: compare ROUNDS SECONDS\n'))


@tap.test
def load_takes_all_with_it(folder):
    note = os.path.join(folder, 'pids')
    notes = running.Notes(note)
    env = path_with_wrk(folder, f'echo $$ >{note}; exec sleep 1000')
    shutil.copy(RETAINED / 'load', folder)
    server = pathlib.Path(folder, 'server')
    server.write_text(f'#!/bin/sh\necho $$ >{note}; echo 1; exec sleep 1000')
    server.chmod(0o755)
    for command in (['./load', '1000', './server'], [RETAINED / 'compare', '1', '1000']):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # a shell can't catch a signal that its caller, such as nohup, ignores
            with subprocess.Popen(['env', '--default-signal=HUP,INT', *command], cwd=folder,
                                  env=env) as run:
                pids = [int(notes.line(run)) for _ in ('server', 'wrk')]
                handles = [os.pidfd_open(pid) for pid in pids]
                run.send_signal(number)
                try:
                    tap.equal(run.wait(timeout=60), 1)
                finally:
                    run.kill()
            for handle in handles:
                assert select.select([handle], [], [], 60)[0], 'a program runs on'
                os.close(handle)
            tap.equal(os.listdir(env['TMPDIR']), [])


@tap.test
def a_job_that_cannot_run_is_not_red(folder):
    def job(*arguments):
        done = cli.run('./job', *arguments, cwd=folder, env=env)
        tap.equal(done.returncode, 2)
        return done.stderr

    tap.need('git')
    env = {**os.environ, 'PPROFCONV': 'false', 'GIT_CONFIG_GLOBAL': '/dev/null'}
    shutil.copy(FOLDER / 'ci-gate' / 'job', folder)
    tap.equal(job(), 'job: usage: job BRANCH\n')
    tap.is_in(f"job: no {folder}/scripts/ci/github/action.yml: copy heapprof's scripts/ci here",
              job('main'))
    action = pathlib.Path(folder, 'scripts', 'ci', 'github', 'action.yml')
    action.parent.mkdir(parents=True)
    action.write_text('run: |\n  true\n')
    tap.is_in(f'job: no repository in {folder}/project', job('main'))
    project = os.path.join(folder, 'project')
    git = ['git', '-C', project, '-c', 'user.name=A', '-c', 'user.email=a@example.org']
    subprocess.run(['git', 'init', '-q', '-b', 'main', project], check=True)
    pathlib.Path(project, 'Makefile').write_text('bench:\n\tfalse\n')
    subprocess.run([*git, 'add', '.'], check=True)
    subprocess.run([*git, 'commit', '-qm', 'A'], check=True)
    tap.is_in("job: no branch 'x'\n", job('x'))
    tap.is_in('job: the build failed\n', job('main'))
    pathlib.Path(project, 'Makefile').write_text('bench:\n')
    subprocess.run([*git, 'commit', '-qam', 'B'], check=True)
    tap.equal(job('main'), f"job: {action} has no step in one line, run: '...'\n")


@tap.test
def the_commands_that_copy_ci_gate(folder):
    """The README has commands that copy ci-gate. In the copy a job finds everything that it
    needs."""
    text = (FOLDER / 'ci-gate' / 'README.md').read_text()
    commands = text.split('```sh\n')[1].split('```')[0].replace('/tmp', folder)
    done = cli.run('sh', '-euc', commands + './job main', cwd=FOLDER.parent.parent)
    tap.equal((done.returncode, done.stderr),
              (2, f'job: no repository in {folder}/ci-gate/project; '
                  'README.md has the commands that make it\n'))


@tap.test
def the_script_checks_its_arguments_first(folder):
    def cases(*arguments):
        done = cli.run(script, *arguments, env=env)
        return done.returncode, done.stdout, done.stderr

    script = FOLDER.parent.parent / 'scripts' / 'cases'
    env = {**os.environ, 'HEAPPROF_SKIP_SETUP': '1', 'HEAPPROF_BUILD': os.path.join(folder, 'none')}
    names = 'attach cgo ci-gate postgres-backend retained-list slow-growth'
    for arguments in (['x'], ['--write', 'x'], ['x', '--write'], ['cgo', 'x']):
        tap.equal(cases(*arguments), (2, '', f"cases: unknown case 'x'; the cases are {names}\n"))
    tap.equal(cases('cgo', '--wirte'), (2, '', "cases: unknown option '--wirte'; try --help\n"))
    for arguments in (['--help'], ['cgo', '-h']):
        status, out, err = cases(*arguments)
        tap.equal((status, err), (0, ''))
        tap.is_in('\n\nUsage: scripts/cases [--write] [NAME]...\n', out)
        tap.is_in(f'The cases: {names}\n', out)


@tap.test
def other_blocks_are_prose(_):
    text = ('# A\n\n```c\n$ x\n```\n\n```\n$ y\n```\n~~~\n```console\n$ u\n~~~\n'
            '````\n```console\n$ v\n```\n````\n' + console('$ z', 'z'))
    parts = readme.parse(text)
    tap.equal([c.text for c in readme.commands_of(parts)], ['z'])
    tap.equal(readme.format_parts(parts), text)


tap.main()
