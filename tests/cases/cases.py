# SPDX-License-Identifier: MIT
"""Runs a case: all commands of its README, in order, in one shell, in a copy of its folder.

A case is a folder with a README.md, the programs that the README is about, and a script test_NAME.py.
readme.py defines the form of commands in a README. The script checks that the output names the culprit:

    @tap.test
    def the_function_comes_first(run):
        assert 'leave_behind' in run.output('pprofconv diff').splitlines()[3]

    cases.main(__file__, needs=['valgrind'])

The case fails if a command fails and `$ echo $?` does not follow it, if the output in the README has
another shape than the output of this run, or if a check fails. With --write, if no check fails, the
README gets the output of this run. The commands find heapprof as if it were installed."""

import contextlib
import dataclasses
import os
import pathlib
import pwd
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path += [str(pathlib.Path(__file__).parent), str(ROOT / 'scripts'), str(ROOT / 'tests/common')]

import readme  # noqa: E402: after the path to it
import supervisor  # noqa: E402
import tap  # noqa: E402

BUILD = pathlib.Path(os.environ.get('BUILD', ROOT / 'build'))
PATIENCE = 500  # seconds after which a case counts as hanging
UNPRIVILEGED = 'nobody'
# Variables that control the profiler, tools and compilers. Cases set their own; those of the caller
# are removed.
STEERING = re.compile(
    'HEAP|PPROF|TCMALLOC|LD_|MALLOC_|MESON|PG|LC_|GIT_|GITHUB_|CI_|VALGRIND_|'
    r'BASH_ENV$|ENV$|MAKE|MFLAGS$|[A-Z]+SAN_OPTIONS$|(C|CXX|CPP|LD)FLAGS$|'
    'CGO_|GO(?!CACHE$|PATH$|ROOT$)')
MAX_SOCKET_PATH = 107

class Failed(AssertionError):
    """A command fails, hangs, or prints something else than the README shows."""


# --- the shell -----------------------------------------------------------------------------------

# The output of each command goes to a file of its own, so that later output of a background job is
# not mixed with that of other commands. `$?` is the status of the previous command, as when a user
# types the commands.
STEP = """(exit {last}); eval {command} </dev/null >>{output} 2>&1 {fd}>&-; echo $? >&{fd}
"""


def _quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


class Shell:
    """A bash that runs one command after the other."""

    def __init__(self, folder, env, user):
        self.folder, self.last = folder, 0
        self.deadline = time.monotonic() + PATIENCE
        self.statuses, for_shell = os.pipe()
        self.fd = for_shell
        self.process = subprocess.Popen(
            ['bash', '--norc', '--noprofile'], cwd=folder, env=env, stdin=subprocess.PIPE,
            start_new_session=True, pass_fds=[for_shell], **user)
        os.close(for_shell)

    def run(self, command, output):
        """Runs a command to its end; returns its exit status."""
        self.process.stdin.write(STEP.format(
            last=self.last, command=_quote(command), output=_quote(str(output)), fd=self.fd,
        ).encode())
        self.process.stdin.flush()
        left = max(0, self.deadline - time.monotonic())
        if not select.select([self.statuses], [], [], left)[0]:
            raise Failed(f'hangs: {command}')
        status = os.read(self.statuses, 16)
        if not status:
            raise Failed(f'the shell ended: {command}')
        self.last = int(status)
        return self.last

    def close(self):
        self.process.kill()
        self.process.communicate()
        os.close(self.statuses)
        supervisor.kill_descendants()


def _end_at_signals():
    """Makes a signal end this process in such a way that it cleans up."""
    def end(number, _):
        for each in supervisor.ENDING:
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    for each in supervisor.ENDING:
        signal.signal(each, end)


# --- a run ---------------------------------------------------------------------------------------


class Run:
    """One run of a README's commands."""

    def __init__(self, case, folder, user):
        self.case = case
        self.folder = os.path.realpath(folder)
        self.work = os.path.join(self.folder, case.name)
        self.user = user
        self.commands = []  # the commands that have run
        self.failure = None  # the reason why the other commands have not run

    def prepare(self, extra):
        """Copies the case and the files that it needs from the project, and installs heapprof."""
        skipped = shutil.ignore_patterns('README.md', 'test_*.py', '__pycache__', *self.case.kept)
        shutil.copytree(self.case.path, self.work, ignore=skipped)
        for path in extra:
            source, copy = ROOT / path, os.path.join(self.work, path)
            if source.is_dir():
                shutil.copytree(source, copy)
            else:
                os.makedirs(os.path.dirname(copy), exist_ok=True)
                shutil.copy(source, copy)
        for place, built in (('bin', 'pprofconv/pprofconv'), ('bin', 'profiler/command/heapprof'),
                             ('lib', 'profiler/libheapprof.so'), ('lib', 'profiler/libheapprof-attach.so')):
            os.makedirs(os.path.join(self.folder, 'install', place), exist_ok=True)
            shutil.copy(BUILD / built, os.path.join(self.folder, 'install', place))
        os.mkdir(os.path.join(self.folder, 'outputs'))
        if self.user:
            os.chmod(self.folder, 0o755)
            for top, folders, files in os.walk(self.folder):
                for name in ['.', *folders, *files]:
                    os.chown(os.path.join(top, name), self.user['user'], self.user['group'])

    def environment(self):
        """Returns our environment without the variables that control the profiler and the tools.
        git uses only the settings of a repository, and looks for no repository above the copy."""
        env = {k: v for k, v in os.environ.items() if not STEERING.match(k)}
        install = os.path.join(self.folder, 'install')
        env['PATH'] = os.path.join(install, 'bin') + ':' + env['PATH']
        env['LD_LIBRARY_PATH'] = os.path.join(install, 'lib')
        env['HEAPPROF_ATTACH_LIBRARY'] = os.path.join(install, 'lib', 'libheapprof-attach.so')
        env.update(HOME=self.work, LC_ALL='C.UTF-8', TZ='UTC', GIT_CONFIG_GLOBAL='/dev/null',
                   GIT_CONFIG_NOSYSTEM='1', GIT_CEILING_DIRECTORIES=self.folder)
        return env

    def shown(self, text):
        """Returns the text with the names of folders that a reader would have."""
        for here, there in ((self.work, f'/tmp/{self.case.name}'),
                            (os.path.join(self.folder, 'install'), '/usr/local')):
            text = text.replace(here, there)
            for char, escaped in (('-', '&#45;'), ('_', '&#95;')):  # in SVG; in Markdown
                text = text.replace(*(name.replace(char, escaped) for name in (here, there)))
        return text

    def run(self, commands):
        shell = Shell(self.work, self.environment(), self.user)
        try:
            for command in commands:
                output = pathlib.Path(self.folder, 'outputs', str(len(self.commands)))
                status = shell.run(command.text, output)
                text = self.shown(output.read_text(errors='replace'))
                self.commands.append(dataclasses.replace(
                    command, output=text.rstrip().splitlines(), status=status))
        except Failed as failure:
            self.failure = failure
        finally:
            shell.close()

    def output(self, part, nth=0):
        """Returns the output of the n-th command that contains `part`."""
        found = [c for c in self.commands if part in c.text]
        assert len(found) > nth, f'no command with {part!r}'
        return '\n'.join(found[nth].output)

    def path(self, name):
        """Returns the path of a file that the commands made. It exists while the checks run."""
        return os.path.join(self.work, name)


class Case:
    """A folder with a README."""

    def __init__(self, path, kept):
        self.path, self.kept = path, kept
        self.name = path.name
        self.readme = path / 'README.md'
        self.parts = readme.parse(self.readme.read_text())
        self.commands = readme.commands_of(self.parts)
        if not self.commands:
            raise readme.Malformed('it has no command')

    def write(self, run):
        """Writes the output of a run into the README, and replaces the files that are kept."""
        for command, done in zip(self.commands, run.commands):
            command.output = done.output
        self.readme.write_text(readme.format_parts(self.parts))
        for name in self.kept:
            made = pathlib.Path(run.path(name)).read_text()
            (self.path / name).write_text(run.shown(made))


def no_command_fails(run):
    if run.failure:
        raise run.failure
    following = [c.text for c in run.commands[1:]] + ['']
    for command, after in zip(run.commands, following):
        if command.status != 0 and after != readme.ASK_STATUS:
            lines = '\n'.join(command.lines())
            raise Failed(f'exit status {command.status}:\n{lines}')


def each_until_has_its_word(run):
    if unused := readme.unused_words(run.commands):
        raise Failed('\n'.join(unused))


def the_readme_is_what_they_print(run):
    wrong = [(old, new) for old, new in zip(run.case.commands, run.commands)
             if readme.differs(old, new.output)]
    if wrong:
        raise Failed('\n'.join(
            line for old, new in wrong
            for line in [*new.lines(), 'in the README:', *old.output, '']))


# --- the script of a case -------------------------------------------------------------------------


def _user(is_unprivileged):
    """Returns arguments for Popen that set the user of the commands: servers such as PostgreSQL
    refuse to run as root."""
    if not is_unprivileged or os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        tap.skip(f'there is no user {UNPRIVILEGED}')
    return {'user': user.pw_uid, 'group': user.pw_gid, 'extra_groups': []}


def _skip_without_place(run, socket):
    """Skips a case if its user has no access to the copy, or if the path of its socket is too
    long."""
    if run.user and subprocess.run(['test', '-w', run.work], check=False, cwd='/',
                                   **run.user).returncode != 0:
        tap.skip(f'{UNPRIVILEGED} has no access to {run.work}; set TMPDIR')
    path = os.path.join(run.work, socket)
    if socket and len(os.fsencode(path)) > MAX_SOCKET_PATH:
        tap.skip(f'{path} is too long for a socket; set TMPDIR')


def _tests(run, is_writing):
    """Returns the rows for tap: the checks that every case has, and between them the checks of its
    script."""
    if run.failure:
        return [('no_command_fails', no_command_fails)]
    last = [each_until_has_its_word] if is_writing else [each_until_has_its_word,
                                                         the_readme_is_what_they_print]
    return [('no_command_fails', no_command_fails), *tap.registered,
            *((check.__name__, check) for check in last)]


def main(script, needs=(), is_unprivileged=False, extra=(), kept=(), socket=''):
    """Runs the case of a test script. `needs`: commands, or files with full paths, without which
    the case is skipped. `extra`: files or folders of the project to copy along. `kept`: texts that
    the commands make and the README shows, such as pictures; --write keeps them next to the README.
    `socket`: the name of a socket that the commands make."""
    try:
        case = Case(pathlib.Path(script).resolve().parent, kept)
    except readme.Malformed as malformed:
        print(f'1..1\nnot ok 1 README.md: {malformed}')
        sys.exit(1)
    for need in needs:
        if not (os.path.exists(need) if need.startswith('/') else shutil.which(need)):
            tap.skip(f'{need} is not installed')
    is_writing = '--write' in sys.argv[1:]
    supervisor.adopt_orphans()
    _end_at_signals()
    folder = tempfile.mkdtemp(prefix='hp_')  # short, for tables, and with a character that is escaped
    try:
        run = Run(case, folder, _user(is_unprivileged))
        run.prepare(extra)
        _skip_without_place(run, socket)
        run.run(case.commands)
        n_failed = tap.run(_tests(run, is_writing), lambda: contextlib.nullcontext(run))
        if n_failed:
            for command in run.commands:
                print(tap.comment('\n'.join(command.lines())), end='')
        elif is_writing:
            case.write(run)
    finally:
        supervisor.kill_descendants()
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(n_failed != 0)
