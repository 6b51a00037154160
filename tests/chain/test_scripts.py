#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The scripts that newcomers and CI run."""

import json
import os
import shutil

import chain
import cli
import tap


# --- help ------------------------------------------------------------------------------------

@tap.test
def all_scripts_tell_their_usage(folder):
    """With --help the scripts print their usage and do nothing else: there is no build here that
    they could use."""
    env = chain.environment(HEAPPROF_SKIP_SETUP=1, HEAPPROF_BUILD=os.path.join(folder, 'none'))
    scripts = [path for path in (chain.ROOT / 'scripts').iterdir()
               if path.is_file() and not path.suffix] + [chain.ROOT / 'scripts/ci/heap-gate']
    assert len(scripts) > 15, scripts
    for script in scripts:
        for option in ('-h', '--help'):
            done = cli.run(str(script), option, env=env)
            tap.equal((done.returncode, done.stderr), (0, ''))
            tap.is_in('usage: ', done.stdout.lower())
            tap.is_in(script.name, done.stdout)


@tap.test
def what_names_an_interpreter_can_be_called(folder):
    dead = [path for place in ('scripts', 'tests') for path in (chain.ROOT / place).rglob('*')
            if path.is_file() and path.read_bytes()[:2] == b'#!' and not os.access(path, os.X_OK)]
    tap.equal(dead, [])


# --- the build that they take ----------------------------------------------------------------

NOTES_ITSELF = '#!/bin/sh\necho "${0##*/} $*" >>"$LOG"\n'


@tap.test
def scripts_build_what_they_run(folder):
    """The scripts build what they run. With HEAPPROF_BUILD they use that build instead."""
    log, build = os.path.join(folder, 'log'), os.path.join(folder, 'build')
    shutil.copytree(chain.ROOT / 'scripts', os.path.join(folder, 'scripts'))
    os.mkdir(os.path.join(folder, 'tests'))
    os.symlink(chain.ROOT / 'tests' / 'cli', os.path.join(folder, 'tests', 'cli'))
    for name in ('meson', 'ninja'):
        write_program(os.path.join(folder, name), NOTES_ITSELF)

    def noted(script, **settings):
        open(log, 'w', encoding='utf-8').close()
        done = cli.run(os.path.join(folder, 'scripts', script), env=chain.environment(
            PATH=f'{folder}:{os.environ["PATH"]}', LOG=log, HEAPPROF_SKIP_SETUP=1, **settings))
        assert done.returncode, f'{script} ran without a build'
        with open(log, encoding='utf-8') as file:
            return file.read(), done.stderr

    for script, tests in (('truth', 'true'), ('diff-truth', 'true'), ('gate-truth', 'true'),
                          ('bench-converter', 'false')):
        tap.equal(noted(script)[0],
                  f'meson setup {build} {folder} -Dtests={tests}\nninja -C {build}\n')
        tap.equal(noted(script, HEAPPROF_BUILD='/none')[0], '')
    tap.equal(noted('truth', HEAPPROF_BUILD='/none')[1],
              'truth: /none/tests/truth/truth_simulate: no such file\n')


# --- demo ------------------------------------------------------------------------------------

def demo(folder, *command, **settings):
    tap.need('go', 'dot')
    env = chain.environment(HEAPPROF_SKIP_SETUP=1, HEAPPROF_BUILD=chain.BUILD, TMPDIR=folder,
                            **settings)
    return cli.run(str(chain.ROOT / 'scripts' / 'demo'), *command, env=env)


def only_folder(folder):
    folders = [name for name in os.listdir(folder) if name.startswith('heapprof-demo.')]
    tap.equal(len(folders), 1)
    return os.path.join(folder, folders[0])


@tap.test
def demo_finds_the_leak(folder):
    done = demo(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    tap.is_in('session_remember', done.stdout)
    out = only_folder(folder)
    tap.is_in(out, done.stdout)
    with open(os.path.join(out, 'graph.svg'), encoding='utf-8') as svg:
        tap.is_in('session_remember', svg.read())


@tap.test
def demo_of_another_program(folder):
    """The service is a child of the shell, and the dumps compared are those of this child."""
    program = chain.compile_program(os.path.join(folder, 'service'), chain.SERVICE, '-pthread')
    done = demo(folder, 'sh', '-c', f'{program} 40000; exit 3', HEAP_PROFILE_SAMPLE_INTERVAL='16K')
    assert done.returncode == 0, done.stdout + done.stderr
    tap.is_in('(exit status 3)', done.stdout)
    tap.is_in('session_remember', done.stdout)


@tap.test
def demo_without_enough_dumps(folder):
    done = demo(folder, 'true')
    tap.equal(done.returncode, 1)
    tap.is_in('demo: one dump was written, but a diff needs two: '
              'set HEAP_PROFILE_ALLOCATION_INTERVAL below 64M', done.stderr)
    done = demo(folder, 'true', HEAP_PROFILE_EXIT_DUMP=0)
    tap.equal(done.returncode, 1)
    tap.is_in('demo: no dump was written', done.stderr)


@tap.test
def demo_of_nothing(folder):
    done = demo(folder, './no-such-program')
    tap.equal(done.returncode, 1)
    tap.is_in("demo: there is no program './no-such-program'", done.stderr)


# --- setup -----------------------------------------------------------------------------------

FAKE_APT_GET = '#!/bin/sh\necho "apt-get $*" >>"$LOG"\nls "$POLICY" >>"$LOG" 2>&1\nexit 0\n'
FAKE_DPKG_QUERY = '#!/bin/sh\ncase $* in *libdw-dev) exit 1 ;; esac\necho installed\n'
FAKE_SUDO = '#!/bin/sh\nexec "$@"\n'


def write_program(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    os.chmod(path, 0o755)


def setup(folder, *lists, **settings):
    """Runs scripts/setup on a system without libdw-dev; returns the result, and the log of what it
    called."""
    log, policy = os.path.join(folder, 'log'), os.path.join(folder, 'policy-rc.d')
    for name, text in (('apt-get', FAKE_APT_GET), ('dpkg-query', FAKE_DPKG_QUERY),
                       ('sudo', FAKE_SUDO)):
        write_program(os.path.join(folder, name), text)
    script = (chain.ROOT / 'scripts' / 'setup').read_text()
    tap.is_in('policy=/usr/sbin/policy-rc.d\n', script)
    copy = os.path.join(folder, 'setup')
    write_program(copy, script.replace('/usr/sbin/policy-rc.d', policy))
    settings.setdefault('PATH', f'{folder}:{os.environ["PATH"]}')
    done = cli.run(copy, *lists, env=chain.environment(LOG=log, POLICY=policy, **settings))
    assert not os.path.exists(policy), 'servers may not start any more'
    if not os.path.exists(log):
        return done, []
    with open(log, encoding='utf-8') as file:
        return done, file.read().splitlines()


@tap.test
def setup_installs_what_is_missing(folder):
    done, log = setup(folder, 'build', HEAPPROF_SKIP_SETUP=0)
    assert done.returncode == 0, done.stderr
    tap.is_in('setup: installing libdw-dev\n', done.stderr)
    updates = [line for line in log if line.endswith(' update')]
    installs = [i for i, line in enumerate(log) if ' install ' in line]
    tap.equal(len(updates), 1)
    tap.equal(len(installs), 1)
    assert log[installs[0]].endswith(' libdw-dev'), log
    # The policy file exists during the installation.
    tap.equal(log[installs[0] + 1], os.path.join(folder, 'policy-rc.d'))


@tap.test
def setup_installs_nothing_that_is_there(folder):
    done, log = setup(folder, 'demo', HEAPPROF_SKIP_SETUP=0)
    tap.equal((done.returncode, done.stderr, log), (0, '', []))


@tap.test
def setup_leaves_the_system_alone(folder):
    done, log = setup(folder, 'build', HEAPPROF_SKIP_SETUP=1)
    tap.equal((done.returncode, done.stderr, log), (0, '', []))


@tap.test
def setup_without_apt(folder):
    tools = os.path.join(folder, 'tools')
    os.mkdir(tools)
    for name in ('sh', 'sed'):
        os.symlink(f'/bin/{name}', os.path.join(tools, name))
    done, _ = setup(folder, 'build', PATH=tools, HEAPPROF_SKIP_SETUP=0)
    tap.equal(done.returncode, 1)
    tap.is_in('setup: no apt-get here; install what Debian calls gcc libc6-dev', done.stderr)


# --- counts ----------------------------------------------------------------------------------

def count(folder, *tests):
    """Runs count_tests.py on a log with these tests, each a tuple (result, output)."""
    log = os.path.join(folder, 'testlog.json')
    with open(log, 'w', encoding='utf-8') as file:
        for result, output in tests:
            file.write(json.dumps({'name': 't', 'result': result, 'stdout': output}) + '\n')
    done = cli.run('python3', str(chain.ROOT / 'scripts' / 'count_tests.py'), log)
    return done.returncode, done.stdout


@tap.test
def counts_of_functions(folder):
    output = '1..3\nok 1 a\n# ok\nok 2 b # SKIP no c\nok 3 c\n'
    tap.equal(count(folder, ('OK', output), ('OK', 'no TAP')), (0, '3 passed, 0 failed, 1 skipped\n'))
    tap.equal(count(folder, ('FAIL', '1..2\nok 1 a\nnot ok 2 b\n')), (1, '1 passed, 1 failed\n'))
    tap.equal(count(folder, ('SKIP', '1..0 # SKIP no go\n'), ('OK', '')),
              (0, '1 passed, 0 failed, 1 skipped\n'))


@tap.test
def counts_of_what_died(folder):
    tap.equal(count(folder, ('ERROR', '1..3\nok 1 a\n')), (1, '1 passed, 1 failed\n'))
    tap.equal(count(folder, ('TIMEOUT', '')), (1, '0 passed, 1 failed\n'))
    tap.equal(count(folder), (1, '0 passed, 0 failed\n'))


@tap.test
def the_slowest_are_named(folder):
    log = os.path.join(folder, 'testlog.json')
    with open(log, 'w', encoding='utf-8') as file:
        for i in range(12):
            file.write(json.dumps({'name': f'heapprof:unit / t{i}', 'result': 'OK', 'stdout': '',
                                   'duration': i / 2}) + '\n')
    lines = chain.succeed('python3', chain.ROOT / 'scripts' / 'count_tests.py', log).splitlines()
    tap.equal((len(lines), lines[1]), (2, '12 passed, 0 failed'))
    assert lines[0].startswith('slowest: t11 6 s, t10 5 s, ') and ' t1 ' not in lines[0], lines[0]


# --- the output of what failed ---------------------------------------------------------------

FAKE_MESON = r"""#!/bin/sh
cat >"$HEAPPROF_BUILD/meson-logs/testlog.json" <<'EOF'
{"name": "good", "result": "OK", "stdout": "1..1\n# all well\nok 1 a\n"}
{"name": "bad", "result": "FAIL", "stdout": "1..1\n# a reason\nnot ok 1 a\n", "stderr": "a cry\n"}
EOF
exit 1
"""


@tap.test
def the_notes_of_a_failed_test_are_shown(folder):
    write_program(os.path.join(folder, 'meson'), FAKE_MESON)
    os.mkdir(os.path.join(folder, 'meson-logs'))
    done = cli.run(chain.ROOT / 'scripts' / 'test', env=chain.environment(
        PATH=f'{folder}:{os.environ["PATH"]}', HEAPPROF_BUILD=folder, HEAPPROF_SKIP_SETUP=1))
    tap.equal((done.returncode, done.stdout), (1, """--- bad: FAIL, stdout
1..1
# a reason
not ok 1 a
--- bad: FAIL, stderr
a cry
1 passed, 1 failed
"""))


@tap.test
def the_end_of_much_output_is_shown(folder):
    log = os.path.join(folder, 'testlog.json')
    with open(log, 'w', encoding='utf-8') as file:
        lines = ''.join(f'{i}\n' for i in range(150))
        file.write(json.dumps({'name': 'long', 'result': 'TIMEOUT', 'stdout': lines}) + '\n')
    shown = chain.succeed('python3', chain.ROOT / 'scripts' / 'show_failures.py', log).splitlines()
    tap.equal(shown[0], '--- long: TIMEOUT, stdout, last 100 of 150 lines')
    tap.equal(shown[1:], [str(i) for i in range(50, 150)])


# --- check without a repository --------------------------------------------------------------

@tap.test
def check_in_an_unpacked_release(folder):
    tap.need('shellcheck', 'clang-format')

    def check(step='shellcheck'):
        return cli.run(os.path.join(folder, 'scripts', 'check'), step,
                       env=chain.environment(HEAPPROF_SKIP_SETUP=1))

    for name in ('scripts', '.ci'):
        shutil.copytree(chain.ROOT / name, os.path.join(folder, name))
    done = check()
    tap.equal(done.returncode, 0)
    tap.is_in('no git repository: checking all files outside build folders\n', done.stdout)
    os.mkdir(os.path.join(folder, 'build-x'))
    write_program(os.path.join(folder, 'build-x', 'bad'), '#!/bin/sh\necho $unquoted\n')
    tap.equal(check().returncode, 0)
    case = os.path.join(folder, 'tests', 'cases', 'bad')
    os.makedirs(case)
    for place in (os.path.join(folder, '.ci'), case):
        write_program(os.path.join(place, 'bad'), '#!/bin/sh\necho $unquoted\n')
        tap.equal(check().returncode, 1)
        os.remove(os.path.join(place, 'bad'))
    shutil.copy(chain.ROOT / '.clang-format', folder)
    write_program(os.path.join(case, 'an_example.h'), 'class A { };\n')
    for text, status in (('int f(void)\n{\n\treturn 1;\n}\n', 0), ('int f(void) { return 1; }\n', 1)):
        write_program(os.path.join(folder, 'tests', 'a.c'), text)
        tap.equal(check('clang-format').returncode, status)


# --- truth -----------------------------------------------------------------------------------

def truth(**programs):
    """Runs scripts/truth with these programs in place of those that it runs; returns status and
    stderr."""
    given = {'simulate': '/bin/true', 'program': '/bin/true', 'arena': '/bin/true', 'library': chain.LIBRARY, **programs}
    done = cli.run(str(chain.ROOT / 'scripts' / 'truth'), '--short',
                   *(f'--{name}={path}' for name, path in given.items()))
    return done.returncode, done.stderr


@tap.test
def truth_of_wrong_programs(folder):
    simulator = os.path.join(folder, 'simulator')
    write_program(simulator, '#!/bin/sh\necho 1:1 1:1 1:1 1:1 1:1:1:1\n')
    tap.equal(truth(), (2, 'truth: /bin/true: printed no runs\n'))
    tap.equal(truth(simulate='/bin/echo')[0], 2)
    tap.equal(truth(simulate=simulator),
              (2, "truth: /bin/true: expected the truth of 4 quantities, not ''\n"))
    tap.equal(truth(simulate=simulator, program='/bin/false'),
              (2, 'truth: /bin/false 16B 4096: exit status 1\n'))
    tap.equal(truth(program=f'{folder}/none'), (2, f'truth: {folder}/none: no such file\n'))


# --- what CI runs ----------------------------------------------------------------------------

def ci(folder, **scripts):
    """Runs .ci/run with these scripts in place of those that it calls; returns status and
    stdout."""
    os.makedirs(os.path.join(folder, '.ci'), exist_ok=True)
    os.makedirs(os.path.join(folder, 'scripts'), exist_ok=True)
    shutil.copy(chain.ROOT / '.ci' / 'run', os.path.join(folder, '.ci', 'run'))
    for name, text in scripts.items():
        write_program(os.path.join(folder, 'scripts', name), '#!/bin/sh\n' + text)
    done = cli.run(os.path.join(folder, '.ci', 'run'))
    return done.returncode, done.stdout


@tap.test
def ci_sums_tests_and_checks(folder):
    tests = 'echo "5 passed, 0 failed, 2 skipped"\n'
    tap.equal(ci(folder, test=tests, check='echo "9 passed, 0 failed"\n'),
              (0, '14 passed, 0 failed, 2 skipped\n'))


@tap.test
def ci_fails_with_either(folder):
    good, bad = 'echo "2 passed, 0 failed"\n', 'echo "1 passed, 1 failed"\nexit 1\n'
    tap.equal(ci(folder, test=bad, check=good), (1, '3 passed, 1 failed\n'))
    tap.equal(ci(folder, test=good, check=bad), (1, '3 passed, 1 failed\n'))
    tap.equal(ci(folder, test=good, check='exit 3\n'), (1, '2 passed, 0 failed\n'))
    tap.equal(ci(folder, test='exit 1\n', check='exit 1\n'), (1, '0 passed, 0 failed\n'))


tap.main()
