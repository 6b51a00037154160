#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`heapprof inspect --mappings` and `pprofconv inspect --mappings`: the mapped memory of any process
and of cores."""

import json
import os
import re
import shutil
import signal
import subprocess

import command
import cli
import running
import tap
from command import BUILD, HEAPPROF

PPROFCONV = str(BUILD / 'pprofconv' / 'pprofconv')
MAPPED = str(BUILD / 'tests' / 'command' / 'mapped')
MIB = 1 << 20
SECRET = 'hunter2'


class Mapped:
    """The process under test. It grows by grow()."""

    def __init__(self, path=MAPPED, prefix=()):
        self.process = subprocess.Popen([*prefix, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdout.readline()

    def grow(self):
        self.process.stdin.write(b'\n')
        self.process.stdin.flush()
        tap.equal(self.process.stdout.readline(), b'grown\n')

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.communicate()


def inspect(folder, *args, status=0):
    done = command.heapprof(folder, 'inspect', '--mappings', *map(str, args))
    tap.equal((done.returncode, done.stderr if status == 0 else ''), (status, ''))
    return done.stdout if status == 0 else done.stderr


def sums(line):
    """Returns for each kind the sums of its values, from a line of JSON."""
    out = {}
    for part in json.loads(line)['memory']:
        kind = out.setdefault(part['kind'], {})
        for key, value in part.items():
            if key not in ('kind', 'object'):
                kind[key] = kind.get(key, 0) + value
    return out


@tap.test
def kinds_have_the_sizes_that_were_planted(folder):
    with Mapped() as mapped:
        found = sums(inspect(folder, '--format=json', mapped.process.pid))
        text = inspect(folder, mapped.process.pid)
    anonymous = found['anonymous']
    assert 8 * MIB <= anonymous['resident'] < 9 * MIB, anonymous
    assert 8 * MIB <= anonymous['dirty'] < 9 * MIB, anonymous
    assert 24 * MIB <= anonymous['untouched'] < 25 * MIB, anonymous
    assert 32 * MIB <= anonymous['size'] < 33 * MIB, anonymous
    assert 0.45 < anonymous['zero'] / anonymous['read'] < 0.55, anonymous
    assert anonymous['read'] <= anonymous['resident'], anonymous
    tap.equal((found['generated code']['size'], found['generated code']['resident']), (4 * MIB, 4096))
    assert 64 * MIB <= found['reserved']['size'], found
    tap.equal(found['reserved']['untouched'], 0)
    lines = text.splitlines()
    tap.is_in(f'{mapped.process.pid} (mapped): ', lines[0])
    tap.is_in('resident', lines[1])
    row = next(line for line in lines if line.endswith(' anonymous'))
    tap.is_in(' 50 % ', row)


@tap.test
def no_byte_of_the_memory_is_shown_unless_asked_for(folder):
    with Mapped() as mapped:
        pid = mapped.process.pid
        for text in inspect(folder, '--lines=0', pid), inspect(folder, '--format=json', pid):
            assert SECRET not in text, text
        shown = inspect(folder, '--show-content', pid)
        said = inspect(folder, '--show-content', '--format=json', pid, status=2)
    row = next(line for line in shown.splitlines() if SECRET in line).split()
    tap.equal(row[1], str(8 * MIB // 128))
    tap.is_in('--show-content is for text', said)


@tap.test
def growth_counts_from_the_first_look(folder):
    with Mapped() as mapped:
        looks = subprocess.Popen([HEAPPROF, 'inspect', '--mappings', '--every=1s', '--format=json',
                                  str(mapped.process.pid)], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, env=command.environment(folder))
        first = sums(looks.stdout.readline())
        assert 'grown' not in first['anonymous'], first
        mapped.grow()
        running.wait_until(lambda: sums(looks.stdout.readline())['anonymous']['grown'] >= 16 * MIB,
                           'a look with the growth')
        mapped.process.kill()
        mapped.process.wait()
        _, said = looks.communicate(timeout=running.PATIENCE)
    tap.equal((looks.returncode, said.split(': ')[-1]), (0, 'the process has ended\n'))


@tap.test
def a_stopped_process_is_read_and_stays_stopped(folder):
    with Mapped() as mapped:
        mapped.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, mapped.process.pid, os.WSTOPPED | os.WNOWAIT)
        tap.is_in('anonymous', inspect(folder, mapped.process.pid))
        with open(f'/proc/{mapped.process.pid}/stat', encoding='ascii') as stat:
            tap.equal(stat.read().rpartition(')')[2].split()[0], 'T')


@tap.test
def memory_that_was_never_touched_stays_so(folder):
    with Mapped() as mapped:
        def resident():
            """Returns the resident KiB of each mapping, by its line in smaps."""
            with open(f'/proc/{mapped.process.pid}/smaps', encoding='utf-8') as smaps:
                parts = re.findall(r'^([0-9a-f]+-.*)\n(?:\w.*\n)*?Rss: +(\d+) kB', smaps.read(), re.M)
            return {mapping: int(kib) for mapping, kib in parts}
        before = resident()
        inspect(folder, mapped.process.pid)
        after = resident()
        grown = {m: (before.get(m), kib) for m, kib in after.items() if kib > before.get(m, 0) + 64}
        assert len(before) > 5 and not grown, grown


@tap.test
def names_of_files_reach_no_terminal_as_they_are(folder):
    path = f'{folder}/\x1b[31mred\u202e'
    shutil.copy(MAPPED, path)
    with Mapped(path) as mapped:
        text = inspect(folder, '--lines=0', mapped.process.pid)
    assert '\x1b' not in text and '\u202e' not in text, text
    tap.is_in('red', text)


@tap.test
def wrong_use_is_one_line(folder):
    with Mapped() as mapped:
        pid = mapped.process.pid
        for args, wanted in (
                (('--format=xml', pid), "--format: unknown format 'xml'; expected text, json or pprof"),
                (('--every=0s', pid), "--every: invalid time '0s'"),
                (('--rounds=2', pid), '--rounds needs --every'),
                (('--color=red', pid), "--color: unknown word 'red'"),
                (('nobody-has-this-name',), "no process is named 'nobody-has-this-name'"),
                ((), 'expected one process ID or name')):
            said = inspect(folder, *args, status=2)
            tap.is_in(wanted, said)
            tap.equal(said.count('\n'), 1)
    done = command.heapprof(folder, 'inspect', '1')
    tap.equal((done.returncode, done.stderr), (2, 'heapprof: nothing to inspect; give --mappings or --graph\n'))


def core_of(folder, pid):
    tap.need('gcore')
    with open(f'/proc/{pid}/coredump_filter', 'w', encoding='ascii') as file:
        file.write('0x3f')
    done = cli.run('gcore', '-o', f'{folder}/core', str(pid))
    tap.equal(done.returncode, 0, done.stderr)
    return f'{folder}/core.{pid}'


@tap.test
def a_core_has_the_same_kinds(folder):
    with Mapped() as mapped:
        core = core_of(folder, mapped.process.pid)
    done = cli.run(PPROFCONV, 'inspect', '--mappings', '--format=json', core)
    tap.equal((done.returncode, done.stderr), (0, ''))
    anonymous = sums(done.stdout)['anonymous']
    assert anonymous['size'] >= 32 * MIB and anonymous['resident'] >= 8 * MIB, anonymous
    assert 'dirty' not in anonymous and 'untouched' not in anonymous, anonymous
    assert SECRET not in done.stdout
    text = cli.run(PPROFCONV, 'inspect', '--mappings', '--show-content', core).stdout
    tap.is_in('in core', text)
    tap.is_in(SECRET, text)


@tap.test
def a_damaged_core_and_another_file_are_refused(folder):
    with open(f'{folder}/cut', 'wb') as file:
        file.write(b'\x7fELF\x02\x01\x01' + bytes(9) + b'\x04\x00')
    with open(f'{folder}/text', 'w', encoding='ascii') as file:
        file.write('no core\n')
    for name, wanted in ('cut', 'is not a core'), ('text', 'is not a core'), ('none', 'No such file'):
        done = cli.run(PPROFCONV, 'inspect', '--mappings', f'{folder}/{name}')
        tap.equal((done.returncode, done.stdout, done.stderr.count('\n')), (2, '', 1))
        tap.is_in(wanted, done.stderr)
    tap.is_in("type 'heapprof inspect 1'", cli.run(PPROFCONV, 'inspect', '--mappings', 'pid:1').stderr)


@tap.test
def root_reads_with_the_rights_of_the_user(folder):
    if os.geteuid():
        tap.skip('root is needed')
    os.chmod(folder, 0o755)
    shutil.copy(MAPPED, f'{folder}/mapped')
    with Mapped(f'{folder}/mapped', ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']) as mapped:
        found = sums(inspect(folder, '--format=json', mapped.process.pid))
    assert 0.45 < found['anonymous']['zero'] / found['anonymous']['read'] < 0.55, found


tap.check(os.access(HEAPPROF, os.X_OK), HEAPPROF)
tap.main()
