# SPDX-License-Identifier: MIT
"""What the tests of faults share. A program runs with and without the library; the same fault
happens to it, and it must see the same."""
import collections
import os
import shutil
import subprocess

import unprofiled
from preload import LIB, environment, program, run
from strict_dump import Dump, names_of_dumps
from tap import check, equal, skip

VICTIM = program('victim')
INJECT = program('inject')
UNHARMED = 5  # the victim's exit status
NOBODY = '65534'

Outcome = collections.namedtuple('Outcome', 'told folder')


def stripped(argv, env):
    """Returns `argv` and `env` changed so that programs that run before the program, such as a
    shell, run without the library."""
    env = dict(env)
    preload = env.pop('LD_PRELOAD', None)
    return (['env', f'LD_PRELOAD={preload}', *argv] if preload else argv), env


def profiled(argv, folder, wrap=(), status=UNHARMED, **variables):
    """Runs a program in `folder` under the library, with the dumps p.*. Runs it also without the
    library, in a folder of its own, and checks that status and output are the same. Returns the
    lines that the library reported on standard error, and the folder."""
    seen = []
    for name in ('bare', 'profiled'):
        inside = f'{folder}/{name}'
        os.mkdir(inside)
        os.chmod(inside, 0o777)
        env = environment(inside, **variables)
        if name == 'bare':
            env = unprofiled.environment(env)
            if ':' in variables.get('preload', ''):
                env['LD_PRELOAD'] = variables['preload'].split(':', 1)[1]
        words, env = stripped(argv, env)
        seen.append(run([*wrap, *words], env, cwd=inside))
    bare, under = seen
    equal(bare.returncode, status, f'status of the bare program, which said {bare}')
    equal(bare.stderr, '', 'standard error of the bare program')
    equal((under.returncode, under.stdout), (bare.returncode, bare.stdout),
          f'status and output ({under.stderr})')
    told = under.stderr.splitlines()
    for line in told:
        check(line.startswith('heapprof: '), f'on standard error: {line}')
    return Outcome(told, f'{folder}/profiled')


def check_told(outcome, *lines):
    """Checks that as many lines were reported as words are given, and that each line contains its
    words."""
    equal(len(outcome.told), len(lines), f'lines in {outcome.told}')
    for line, words in zip(outcome.told, lines):
        check(words in line, f'no {words!r} in {line!r}')


def whole_dumps(folder):
    """Reads and returns every file with the name of a dump. There may be temporary files as
    well."""
    return [Dump(f'{folder}/{name}') for name in names_of_dumps(folder)]


def needs_namespaces():
    """Skips a test if there are no user and mount namespaces, as in some containers."""
    result = subprocess.run(in_namespace('mount -t tmpfs none "$PWD"'), cwd='/tmp',
                            capture_output=True, check=False)
    if result.returncode != 0:
        skip('no user and mount namespaces here')


def in_namespace(preparation, afterwards=':'):
    """Returns words to put before a command, so that it runs with mounts of its own. `preparation`
    and `afterwards` are shell commands that run before and after it."""
    return ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-ec',
            f'{preparation}; status=0; "$@" || status=$?; {afterwards}; exit $status', 'sh']


def for_all_users(folder, *paths):
    """Returns the paths of copies that every user can read."""
    copies = []
    for path in paths:
        copies.append(f'{folder}/{os.path.basename(path)}')
        shutil.copy(path, copies[-1])
        os.chmod(copies[-1], 0o755)
    return copies


# If linkat is refused, a dump has a temporary name until it is whole, instead of no name.
WAYS = {'nameless': 'none', 'named': 'linkat'}


# --- the N-th system call of the library -----------------------------------------------------------

Injected = collections.namedtuple('Injected', 'result n_seen name folder')


def inject(folder, calls, n, action, argv, wrap=(), refused='none', **variables):
    """Runs the victim once, and does something at the N-th system call of the library."""
    inside = f'{folder}/{n}'
    os.mkdir(inside)
    words, env = stripped(argv, environment(inside, **variables))
    report = f'{folder}/report'
    result = run([INJECT, os.path.realpath(LIB), report, calls, str(n), action, refused,
                  *wrap, *words], env, cwd=inside)
    if result.returncode == 125:
        skip(f'no seccomp listener here: {result.stderr.strip()}')
    with open(report, encoding='ascii') as f:
        n_seen, name = f.read().split()
    return Injected(result, int(n_seen), name, inside)


def for_each_call(folder, calls, action, argv, **settings):
    """Injects a fault at the first system call, in the next run at the second, and so on, until the
    program makes no further calls."""
    n = 1
    while True:
        done = inject(folder, calls, n, action, argv, **settings)
        if done.name == '-':
            check(n > 1, 'the library makes no such call')
            return
        yield done
        shutil.rmtree(done.folder)
        n += 1


def check_unharmed(done, output='worked\n'):
    """Checks that status and output are as without the library, except for lines of the library."""
    equal((done.result.returncode, done.result.stdout), (UNHARMED, output),
          f'status and output after {done.name} ({done.result.stderr})')
    for line in done.result.stderr.splitlines():
        check(line.startswith('heapprof: '), f'on standard error: {line}')

