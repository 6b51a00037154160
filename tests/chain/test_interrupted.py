#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Long-running scripts that a signal ends leave no process that they started, and no file."""

import os
import signal
import subprocess
import sys

import chain
import cli
import running
import tap

SCRIPTS = chain.ROOT / 'scripts'
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
DEFAULTS = ('env', '--default-signal=TERM,INT,HUP')  # even if the caller ignores them

# Replaces a program that a script runs. Writes its process ID and stays, in a session of its own.
STAYS = "#!/bin/sh\nsetsid sh -c 'echo $$ >{note}; exec sleep 1000' &\nwait\n"
COMPILES = "#!/bin/sh\nwhile [ \"$1\" != -o ]; do shift; done\ncp {stays} \"$2\"\n"
NINJA = "#!/bin/sh\ncase $* in *targets*) echo 'tests/fuzz/fuzz_x: phony' ;; esac\n"


def write_program(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    os.chmod(path, 0o755)
    return path


class Place:
    """A folder with a program that stays, programs that replace those of the system, and an empty
    TMPDIR."""

    def __init__(self, folder, programs=()):
        note = os.path.join(folder, 'pids')
        self.notes = running.Notes(note)
        self.stays = write_program(os.path.join(folder, 'stays'), STAYS.format(note=note))
        for name, text in dict(programs).items():
            write_program(os.path.join(folder, 'bin', name),
                          text.format(note=note, stays=self.stays))
        self.temporary = os.path.join(folder, 'temporary')
        os.mkdir(self.temporary)
        self.env = chain.environment(
            PATH=f'{folder}/bin:{os.environ["PATH"]}', TMPDIR=self.temporary,
            HEAPPROF_SKIP_SETUP=1, HEAPPROF_BUILD=chain.BUILD)

    def start(self, *command):
        return subprocess.Popen([*DEFAULTS, *map(str, command)], env=self.env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def is_clean(self, pids):
        for pid in pids:
            assert not os.path.exists(f'/proc/{pid}'), 'a program runs on'
        tap.equal(os.listdir(self.temporary), [])

    def ends(self, *command):
        """Checks that the script ends at each signal while a program that it started runs."""
        for number in SIGNALS:
            with self.start(*command) as script:
                try:
                    pid = self.notes.line(script)
                    script.send_signal(number)
                    tap.equal(script.wait(), 128 + number)
                finally:
                    script.kill()
            self.notes.forget()  # soak starts several programs, and restarts them
            self.is_clean([pid])


@tap.test
def truth(folder):
    place = Place(folder)
    place.ends(SCRIPTS / 'truth', '--short', '--simulate', place.stays)


@tap.test
def diff_truth(folder):
    place = Place(folder)
    place.ends(SCRIPTS / 'diff-truth', '--short', '--pprofconv', place.stays)


@tap.test
def gate_truth(folder):
    place = Place(folder)
    place.ends(SCRIPTS / 'gate-truth', '--short', '--no-service', '--pprofconv', place.stays)


@tap.test
def soak(folder):
    place = Place(folder, {'c++': COMPILES})
    place.ends(SCRIPTS / 'soak', '1000', '--loads', 'threads')


@tap.test
def plugin_storm(folder):
    place = Place(folder, {'cc': COMPILES})
    place.ends(SCRIPTS / 'plugin-storm', '1000')


@tap.test
def foreign(folder):
    place = Place(folder, {'apt-get': STAYS, 'dpkg-source': '#!/bin/sh\n'})
    place.ends(SCRIPTS / 'foreign', 'zlib')


@tap.test
def fuzz(folder):
    place = Place(folder, {'ninja': NINJA})
    build = os.path.join(folder, 'build')
    write_program(os.path.join(build, 'tests', 'fuzz', 'fuzz_x'), STAYS.format(note=f'{folder}/pids'))
    write_program(os.path.join(build, 'build.ninja'), '')
    place.env['HEAPPROF_FUZZ_BUILD'] = build
    place.ends(SCRIPTS / 'fuzz', '1000')


@tap.test
def bench(folder):
    """An interrupted scripts/bench reports the figures that it has."""
    place = Place(folder, {'cc': COMPILES})
    report = os.path.join(folder, 'report')
    place.ends(SCRIPTS / 'bench', '--only', '1 thread', '-o', report)
    with open(report, encoding='utf-8') as file:
        text = file.read()
    tap.is_in(f'**Interrupted by {SIGNALS[-1].name} in load 1 of ', text)
    tap.is_in('## All figures', text)


# --- the supervisor itself -------------------------------------------------------------------

def supervised(work):
    """Returns a command that runs `work`, the body of a function, under the supervisor."""
    return [sys.executable, '-c', f"""
import os, signal, subprocess, sys, tempfile
sys.path.append({str(SCRIPTS)!r})
import supervisor
def work(folder):
    {work}
sys.exit(supervisor.run(work, 'x.'))
"""]


@tap.test
def the_status_is_the_works(folder):
    def status(work):
        return cli.run(*supervised(work), env=place.env).returncode

    place = Place(folder)
    tap.equal(status('return 0'), 0)
    tap.equal(status('sys.exit(3)'), 3)
    tap.equal(status('raise OSError'), 1)
    tap.equal(status('os.kill(os.getpid(), signal.SIGSEGV)'), 128 + signal.SIGSEGV)
    place.is_clean([])


@tap.test
def what_the_work_leaves_goes_with_it(folder):
    place = Place(folder)
    with place.start(*supervised(
            f'tempfile.mkstemp(); subprocess.Popen([{place.stays!r}])')) as script:
        pid = place.notes.line(script)
    tap.equal(script.returncode, 0)
    place.is_clean([pid])


@tap.test
def what_the_caller_ignores_is_ignored(folder):
    """A signal that the caller ignores, as nohup does, stays ignored."""
    place = Place(folder)
    command = supervised(f'subprocess.run([{place.stays!r}])')
    with place.start('env', '--ignore-signal=HUP', *command) as script:
        pid = place.notes.line(script)
        script.send_signal(signal.SIGHUP)
        script.send_signal(signal.SIGTERM)
        tap.equal(script.wait(), 128 + signal.SIGTERM)
    place.is_clean([pid])


tap.main()
