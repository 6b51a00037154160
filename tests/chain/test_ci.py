#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The scripts and recipes that CI of other projects uses."""

import json
import os
import re
import shutil

import chain
import cli
import tap

CI = chain.ROOT / 'scripts' / 'ci'
GATE = str(CI / 'heap-gate')
LIBRARY = os.path.join(chain.BUILD, 'profiler', 'libheapprof.so')
CONVERTER = os.path.join(chain.BUILD, 'pprofconv', 'pprofconv')
PROGRAM = r'''
#include <stdlib.h>
#include <string.h>
char *kept[100];
int main(int argc, char **argv)
{
	for (int i = 0; i < atoi(argv[1]); i++) {
		kept[i] = malloc(100000);
		memset(kept[i], 1, 100000);
	}
	return argc > 2 ? atoi(argv[2]) : 0;
}
'''


# Holds between 70 and 100 blocks of 10 KiB while it works, leaks another block every `leak` rounds,
# and frees all blocks at its end.
SERVICE = r'''
#include <stdlib.h>
#include <string.h>
static char *held[100], *leaked[2000];
static char *allocate(void)
{
	return memset(malloc(10240), 1, 10240);
}
int main(int argc, char **argv)
{
	int leak = atoi(argv[1]), n_leaked = 0;
	for (int round = 0; round < 2000; round++) {
		int wanted = 70 + abs((round + atoi(argv[2])) % 60 - 30);
		for (int i = 0; i < 100; i++) {
			if (i < wanted && (!held[i] || i == round % 70)) {
				free(held[i]);
				held[i] = allocate();
			} else if (i >= wanted) {
				free(held[i]);
				held[i] = 0;
			}
		}
		if (leak && round % leak == 0)
			leaked[n_leaked++] = allocate();
	}
	for (int i = 0; i < 100; i++)
		free(held[i]);
	while (n_leaked)
		free(leaked[--n_leaked]);
	return 0;
}
'''


def program(folder, name='bench', text=PROGRAM):
    source = os.path.join(folder, name + '.c')
    with open(source, 'w', encoding='utf-8') as file:
        file.write(text)
    return chain.compile_program(os.path.join(folder, name), source, '-g')


def gate(folder, *command, out='out', **settings):
    env = chain.environment(**{
        'HEAPPROF_LIBRARY': LIBRARY, 'PPROFCONV': CONVERTER, 'TMPDIR': folder,
        'HEAP_GATE_OUT': os.path.join(folder, out), 'HEAP_PROFILE_SAMPLE_INTERVAL': '1',
        **settings})
    return cli.run(GATE, *command, env=env, cwd=folder)


def held_by_main(folder, out='out'):
    """Returns the bytes in use that main allocated, summed over all processes, from the profile in
    a folder."""
    folded = cli.succeed('convert', '-q', '--to=folded', '-o', '-',
                         os.path.join(folder, out, 'profile.pb.gz'))
    lines = [line.rsplit(' ', 1) for line in folded.splitlines()]
    return sum(int(value) for stack, value in lines if 'main' in stack.split(';'))


def checkout(folder):
    """Puts a built heapprof into the folder of a user, as the first steps of the recipes do."""
    own = os.path.join(folder, 'heapprof')
    os.mkdir(own)
    os.symlink(chain.ROOT / 'scripts', os.path.join(own, 'scripts'))
    os.symlink(chain.BUILD, os.path.join(own, 'build'))


def shell_script(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write('#!/bin/sh\n' + text + '\n')
    os.chmod(path, 0o755)
    return path


@tap.test
def a_gate_that_passes_and_one_that_fails(folder):
    bench, base = program(folder), os.path.join(folder, 'base')
    first = gate(folder, '--html', '--', bench, '40', out='base',
                 HEAP_GATE_BASE=os.path.join(folder, 'no'))
    tap.equal(first.stderr.splitlines()[-1],
              f'heap-gate: the page is {os.path.join(base, "report.html")}')
    os.remove(os.path.join(base, 'report.html'))
    assert first.returncode == 0, first.stderr
    tap.is_in('nothing to compare with', first.stderr)
    same = gate(folder, bench, '40', HEAP_GATE_BASE=base)
    assert same.returncode == 0, same.stderr
    summary = os.path.join(folder, 'summary')
    more = gate(folder, bench, '50', HEAP_GATE_BASE=base, HEAP_GATE_SUMMARY=summary,
                HEAP_GATE_HTML='1')
    assert more.returncode == 1, more.stderr
    tap.is_in('gate failed: inuse_space total: ', more.stderr)
    tap.is_in('main', more.stdout)
    with open(summary, encoding='utf-8') as file:
        tap.is_in('### ❌ Heap profile: a gate failed', file.read())
    with open(os.path.join(folder, 'out', 'diff.json'), encoding='utf-8') as file:
        tap.equal(json.load(file)['total']['difference'], 1000000)
    with open(os.path.join(folder, 'out', 'report.html'), encoding='utf-8') as file:
        tap.is_in('"dumps":[{', file.read())
    tap.check(not os.path.exists(os.path.join(folder, 'base', 'report.html')), 'not asked for')
    tap.equal([name for name in os.listdir(folder) if name.startswith('heap-gate.')], [])


@tap.test
def bases_of_each_kind(folder):
    """A folder that contains a base of any kind is found to have one."""
    bench = program(folder)
    gate(folder, bench, '40', out='first')
    profile = os.path.join(folder, 'first', 'profile.pb.gz')
    for name in ('sub/x.pb.gz', 'x.folded'):
        base = os.path.join(folder, name.replace('/', '-'))
        out = os.path.join(base, name)
        os.makedirs(os.path.dirname(out))
        to = 'folded' if name.endswith('folded') else 'pprof'
        tap.equal(cli.pprofconv('-q', '--to', to, profile, '-o', out).returncode, 0)
        more = gate(folder, bench, '50', HEAP_GATE_BASE=base)
        assert more.returncode == 1, more.stderr
    empty = os.path.join(folder, 'empty.pb.gz')
    with open(empty, 'w', encoding='utf-8'):
        pass
    done = gate(folder, bench, '40', HEAP_GATE_BASE=empty)
    tap.equal(done.returncode, 0)
    tap.is_in('nothing to compare with', done.stderr)


@tap.test
def a_base_that_is_required(folder):
    bench, summary = program(folder), os.path.join(folder, 'summary')
    settings = {'HEAP_GATE_BASE': os.path.join(folder, 'hbsae'), 'HEAP_GATE_SUMMARY': summary}
    lenient = gate(folder, bench, '1', HEAP_GATE_REQUIRE_BASE='false', **settings)
    tap.equal(lenient.returncode, 0)
    tap.is_in('nothing to compare with in ' + settings['HEAP_GATE_BASE'], lenient.stderr)
    with open(summary, encoding='utf-8') as file:
        tap.is_in('### Heap profile: not compared\n', file.read())
    strict = gate(folder, bench, '1', HEAP_GATE_REQUIRE_BASE='true', **settings)
    tap.equal(strict.returncode, 2)
    tap.is_in('HEAP_GATE_BASE: nothing to compare with in ' + repr(settings['HEAP_GATE_BASE']),
              strict.stderr)
    settings['HEAP_GATE_BASE'] = os.path.join(folder, 'out')
    done = gate(folder, bench, '1', HEAP_GATE_REQUIRE_BASE='true', **settings)
    tap.equal((done.returncode, done.stderr), (0, ''))


@tap.test
def a_program_that_holds_nothing(folder):
    bench, base = program(folder), os.path.join(folder, 'base')
    tap.equal(gate(folder, bench, '0', out='base').returncode, 0)
    same = gate(folder, bench, '0', HEAP_GATE_BASE=base)
    assert same.returncode == 0, same.stderr
    more = gate(folder, bench, '1', HEAP_GATE_BASE=base)
    assert more.returncode == 1, more.stderr


@tap.test
def the_base_where_the_profile_goes(folder):
    """If the base and the profile have the same path, they are compared before the base is
    replaced."""
    bench, out = program(folder), os.path.join(folder, 'out')
    gate(folder, bench, '40')
    tap.equal(gate(folder, bench, '50', HEAP_GATE_BASE=out).returncode, 1)
    tap.equal(gate(folder, bench, '50', HEAP_GATE_BASE=out).returncode, 0)


@tap.test
def all_processes_are_judged(folder):
    bench = program(folder)
    script = shell_script(os.path.join(folder, 'all'),
                          f'cd /; "{bench}" 2; "{bench}" "$1"; exit 0')
    first = gate(folder, script, '3', out='base')
    assert first.returncode == 0, first.stderr
    tap.is_in('judging the sum of 3 processes: ', first.stderr)
    tap.is_in('2 bench', first.stderr)
    tap.equal(held_by_main(folder, 'base'), 500000)
    more = gate(folder, script, '4', HEAP_GATE_BASE=os.path.join(folder, 'base'))
    assert more.returncode == 1, more.stderr


@tap.test
def one_program_out_of_all(folder):
    bench = program(folder)
    other = os.path.join(folder, 'other')
    shutil.copy(bench, other)
    script = shell_script(os.path.join(folder, 'all'), f'"{bench}" 2; "{other}" 5; exit 0')
    done = gate(folder, script, HEAP_GATE_PROGRAM='other')
    tap.equal(done.returncode, 0)
    assert 'judging the sum' not in done.stderr, done.stderr
    tap.equal(held_by_main(folder), 500000)
    done = gate(folder, script, HEAP_GATE_PROGRAM='othre')
    tap.equal(done.returncode, 2)
    tap.is_in('othre left no dump, or was not run', done.stderr)


@tap.test
def one_dump_of_each_process(folder):
    """A process writes several dumps, and only one of them counts."""
    done = gate(folder, program(folder), '30', HEAP_PROFILE_ALLOCATION_INTERVAL='200000')
    assert done.returncode == 0, done.stderr
    assert 'judging the sum' not in done.stderr, done.stderr
    tap.equal(held_by_main(folder), 3000000)


@tap.test
def a_service_that_frees_all_at_its_end(folder):
    """The service is judged at work, although its memory swings and each run begins at another
    point of the swing. A leak of one block of 10 KiB in every 200 rounds amounts to a tenth of
    1,000 KiB."""
    service = program(folder, 'service', SERVICE)
    tap.equal(gate(folder, service, '0', '0', out='base').returncode, 0)
    base = os.path.join(folder, 'base')
    for phase in range(0, 60, 12):
        same = gate(folder, service, '0', str(phase), HEAP_GATE_BASE=base)
        assert same.returncode == 0, (phase, same.stdout, same.stderr)
        more = gate(folder, service, '200', str(phase), HEAP_GATE_BASE=base)
        assert more.returncode == 1, (phase, more.stdout, more.stderr)
        tap.is_in('gate failed: inuse_space total: ', more.stderr)


@tap.test
def moments(folder):
    service = program(folder, 'service', SERVICE)
    held = {}
    for moment in ('level', 'peak', 'last-interval', 'exit'):
        for args, settings in ((['--at', moment], {}), (['--at=' + moment, '--'], {}),
                               ([], {'HEAP_GATE_AT': moment})):
            done = gate(folder, *args, service, '0', '0', **settings)
            tap.equal((done.returncode, done.stdout), (0, ''))
            held.setdefault(moment, set()).add(held_by_main(folder))
    held = {moment: values.pop() // 10240 for moment, values in held.items() if len(values) == 1}
    assert 95 <= held['level'] <= held['peak'] <= 100, held
    assert 70 <= held['last-interval'] <= 100, held
    tap.equal(held['exit'], 0)
    for args in (['--at', 'now', 'true'], ['--at'], ['--att=exit', 'true']):
        done = gate(folder, *args)
        tap.equal(done.returncode, 2)
        tap.is_in('--at', done.stderr)


@tap.test
def an_end_that_holds_nothing_is_refused(folder):
    service, base = program(folder, 'service', SERVICE), os.path.join(folder, 'base')
    tap.equal(gate(folder, '--at=exit', service, '0', '0', out='base').returncode, 0)
    done = gate(folder, '--at=exit', service, '0', '0', HEAP_GATE_BASE=base)
    tap.equal(done.returncode, 2)
    tap.is_in('both sides have freed what they held', done.stderr)
    tap.is_in('omit --at exit to judge the program at work', done.stderr)
    done = gate(folder, '--at=exit', service, '0', '0', HEAP_GATE_BASE=base,
                HEAP_GATE_OPTIONS='--max-growth=inuse_space=5% --allow-empty')
    tap.equal(done.returncode, 0)


@tap.test
def no_dump_at_work_is_refused(folder):
    """The gate fails with an error if there is no dump at work, for whatever reason, or if the base
    is of another moment."""
    service, base = program(folder, 'service', SERVICE), os.path.join(folder, 'base')
    few = {'HEAP_PROFILE_ALLOCATION_INTERVAL': '1G'}
    tap.equal(gate(folder, service, '0', '0', out='base', **few).returncode, 0)
    for settings, said in ((few, 'both sides have freed what they held'),
                           ({'HEAP_PROFILE_MAX_DUMPS': '1'}, 'a level needs 16 dumps or more'),
                           ({'HEAP_PROFILE_MAX_DUMPS': '15'}, 'a level needs 16 dumps or more')):
        done = gate(folder, service, '200', '0', HEAP_GATE_BASE=base, **settings)
        tap.equal((done.returncode, settings), (2, settings))
        tap.is_in(said, done.stderr)
    tap.equal(gate(folder, service, '0', '0', HEAP_PROFILE_MAX_DUMPS='16').returncode, 0)
    tap.equal(gate(folder, service, '0', '0', out='base').returncode, 0)
    done = gate(folder, '--at=exit', service, '200', '0', HEAP_GATE_BASE=base)
    tap.equal(done.returncode, 2)
    tap.is_in('the base is of a program at work, the new side of one that has freed', done.stderr)


@tap.test
def all_that_was_allocated_counts(folder):
    """Memory in use is that of one moment; what was allocated is that of the whole run."""
    service, base = program(folder, 'service', SERVICE), os.path.join(folder, 'base')
    gates = '--max-growth=alloc_objects=9'
    gate(folder, service, '0', '0', out='base')
    for leak, status in (('223', 0), ('222', 1)):  # 9 more blocks, and 10
        done = gate(folder, service, leak, '0', HEAP_GATE_BASE=base, HEAP_GATE_OPTIONS=gates)
        tap.equal((leak, done.returncode), (leak, status))


@tap.test
def lines_of_shell(folder):
    bench = program(folder)
    for line, held in ((f'{bench} 1; {bench} 4', 5), (f'true && {bench} 4', 4),
                       (f'X=1 {bench} 2', 2), ('cd .. && ' + bench + ' 3', 3),
                       (f'{bench} 1\n{bench} 2\n', 3), (f'exec {bench} 7', 7),
                       (f'for i in 1 2; do {bench} "$i"; done', 3)):
        done = gate(folder, HEAP_GATE_COMMAND=line)
        assert done.returncode == 0, f'{line}: {done.stderr}'
        tap.equal((line, held_by_main(folder)), (line, held * 100000))
        assert not re.search(r'processes: (?!\d bench$)', done.stderr, re.M), done.stderr
    done = gate(folder, HEAP_GATE_COMMAND=f'{bench} 1 7\n{bench} 1')
    tap.equal(done.returncode, 7)
    tap.is_in('the command ended with exit status 7', done.stderr)


@tap.test
def what_is_wrong_is_no_failed_gate(folder):
    bench, none = program(folder), os.path.join(folder, 'none')
    file = os.path.join(folder, 'file')
    with open(file, 'w', encoding='utf-8'):
        pass
    for settings in ({'HEAP_GATE_OUT': '/proc/nope'}, {'HEAP_GATE_OUT': file}, {'TMPDIR': none},
                     {'HEAP_GATE_SUMMARY': none + '/summary'}, {'HEAPPROF_LIBRARY': none}):
        done = gate(folder, bench, '1', **settings)
        assert done.returncode == 2, f'{settings}: {done.returncode} {done.stderr}'
        tap.is_in('heap-gate: ', done.stderr)
    done = gate(folder, bench, '1', HEAP_GATE_OUT='-x')
    tap.equal(done.returncode, 0)
    tap.equal(gate(folder, bench, '2', HEAP_GATE_BASE='-x').returncode, 1)


@tap.test
def temporary_folders_of_all_kinds(folder):
    bench = program(folder)
    for name in ('100%p', 'a b', '.'):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        path = name if name == '.' else os.path.join(folder, name)
        done = gate(folder, 'sh', '-c', f'cd /; exec {bench} 3', TMPDIR=path)
        assert done.returncode == 0, f'{name}: {done.stderr}'
        tap.equal(held_by_main(folder), 300000)
        tap.equal([left for left in os.listdir(path if name != '.' else folder)
                   if left.startswith('heap-gate.')], [])


@tap.test
def a_library_named_from_here(folder):
    bench = program(folder)
    done = gate(folder, 'sh', '-c', f'cd /; {bench} 3; :',
                HEAPPROF_LIBRARY=os.path.relpath(LIBRARY, folder))
    assert done.returncode == 0, done.stderr
    tap.equal(held_by_main(folder), 300000)


@tap.test
def how_to_use_it(folder):
    done = cli.run(GATE, '--help')
    tap.equal((done.returncode, done.stderr), (0, ''))
    lines = done.stdout.splitlines()
    tap.equal(lines[2], 'Usage: scripts/ci/heap-gate [--at MOMENT] [--html] [--] COMMAND...')
    assert lines[-1].startswith('Exit status: '), lines[-1]
    tap.equal(gate(folder).returncode, 2)


@tap.test
def options_are_passed_on(folder):
    bench, base = program(folder), os.path.join(folder, 'base')
    gate(folder, bench, '40', out='base')
    done = gate(folder, bench, '50', HEAP_GATE_BASE=base,
                HEAP_GATE_OPTIONS='--max-growth=inuse_space=50% --top 3')
    assert done.returncode == 0, done.stderr
    for name in ('.ax', '.bx'):  # files that a shell would substitute for .*x
        with open(os.path.join(folder, name), 'w', encoding='utf-8'):
            pass
    done = gate(folder, bench, '50', HEAP_GATE_BASE=base,
                HEAP_GATE_OPTIONS='--ignore .*x --max-growth=inuse_space=50%')
    assert done.returncode == 0, done.stderr
    done = gate(folder, bench, '50', HEAP_GATE_BASE=base, HEAP_GATE_OPTIONS='--no-such')
    tap.equal(done.returncode, 2)


@tap.test
def a_program_that_fails(folder):
    done = gate(folder, program(folder), '1', '7')
    tap.equal(done.returncode, 7)
    tap.is_in('ended with exit status 7', done.stderr)
    tap.equal(gate(folder).returncode, 2)


def load(path):
    try:
        import yaml
    except ImportError as e:
        raise cli.Skipped('python3-yaml is not installed') from e
    return yaml.safe_load(path.read_text())


def workflow_steps():
    return load(CI / 'github' / 'workflow-example.yml')['jobs']['heap']['steps']


@tap.test
def yaml_is_well_formed(folder):
    for path in (CI / 'github' / 'action.yml', CI / 'github' / 'workflow-example.yml',
                 CI / 'gitlab.yml'):
        assert load(path), path
        assert '\t' not in path.read_text(), path


YAMLLINT = ('{extends: default, rules: {line-length: {max: 99}, document-start: disable, '
            'truthy: {check-keys: false}}}')


@tap.test
def yaml_is_linted(folder):
    tap.need('yamllint')
    done = cli.run('yamllint', '-s', '-d', YAMLLINT, str(CI))
    assert done.returncode == 0, done.stdout
    bad = os.path.join(folder, 'bad.yml')
    with open(bad, 'w', encoding='utf-8') as file:
        file.write('a: 1\na:  2\n')
    assert cli.run('yamllint', '-s', '-d', YAMLLINT, bad).returncode, 'it takes anything'


def is_shell(path):
    return path.is_file() and path.read_bytes().startswith(b'#!/bin/sh\n')


@tap.test
def the_recipes_set_an_interval(folder):
    """The recipes set a sample interval, because with the default, 512K, little is seen of a heap
    that a CI job can afford."""
    use = next(step for step in workflow_steps() if 'scripts/ci' in step.get('uses', ''))
    for env in (use['env'], load(CI / 'gitlab.yml')['.heapprof']['variables']):
        tap.equal(env['HEAP_PROFILE_SAMPLE_INTERVAL'], '16K')


@tap.test
def shell_is_checked(folder):
    """shellcheck checks the scripts, and the lines of shell in the recipes."""
    tap.need('shellcheck')
    scripts = [str(path) for path in (chain.ROOT / 'scripts').rglob('*') if is_shell(path)]
    assert GATE in scripts and len(scripts) > 5, scripts
    parts = [load(CI / 'github' / 'action.yml')['runs']['steps'][0]['run']]
    parts += [step['run'] for step in workflow_steps() if 'run' in step]
    jobs = load(CI / 'gitlab.yml')
    parts += jobs['.heapprof']['before_script']
    for job in ('.heap-base', '.heap-gate'):
        parts += jobs[job]['script']
    for number, part in enumerate(parts):
        scripts.append(os.path.join(folder, str(number)))
        with open(scripts[-1], 'w', encoding='utf-8') as file:
            file.write('#!/bin/sh\n' + part + '\n')
    # SC1091: files that are sourced; SC2154: variables that the runner sets
    done = cli.run('shellcheck', '-e', 'SC1091,SC2154', *scripts)
    assert done.returncode == 0, done.stdout


@tap.test
def the_actions_step_runs(folder):
    """The step of the action runs from the repository of a user, as in the workflow, with the
    inputs that a runner would set."""
    bench = program(folder)
    use = next(step for step in workflow_steps() if 'scripts/ci' in step.get('uses', ''))
    place = os.path.join(folder, use['uses'])
    tap.equal([step['with']['path'] for step in workflow_steps()
               if 'repository' in step.get('with', {})], ['heapprof'])
    step = load(CI / 'github' / 'action.yml')['runs']['steps'][0]
    inputs = load(CI / 'github' / 'action.yml')['inputs']
    env = chain.environment(**{
        **{name: value.replace('${{ github.workspace }}', folder)
           for name, value in use['env'].items()}, 'HEAP_PROFILE_SAMPLE_INTERVAL': 1})
    checkout(folder)

    def run(**given):
        values = {name: given.get(name.replace('-', '_'), spec.get('default'))
                  for name, spec in inputs.items()}
        values = {f'inputs.{name}': value for name, value in values.items()}
        values['github.action_path'] = place
        settings = {name: re.sub(r'\${{ (.*?) }}', lambda match: values[match[1]], value)
                    for name, value in step['env'].items()}
        return cli.run('sh', '-e', '-c', step['run'], cwd=folder, env={**env, **settings})

    tap.equal(run(command=f'{bench} 1', require_base='true').returncode, 2)
    first = run(command=f'cd /\nX=1 {bench} 2; {bench} 3', base='none', out='heap-base')
    assert first.returncode == 0, first.stderr
    tap.equal(held_by_main(folder, 'heap-base'), 500000)
    more = run(command=f'true && {bench} 2; {bench} 4', require_base='true')
    assert more.returncode == 1, more.stderr
    tap.equal(run(command=f'{bench} 1', program='nope').returncode, 2)


# Stands in for GitHub's client. Run 666 is newer, but of a pull request, which anybody may open.
GH = r'''
[ -z "$GH_FAILS" ] || exit 1
case "$*" in
"run list "*"--branch main "*"--event push "*) echo $GH_RUN ;;
"run list "*) echo 666 ;;
"run download $GH_RUN "*"--name heap-profile --dir heap-base") mkdir heap-base && : >heap-base/x ;;
*) exit 1 ;;
esac'''


@tap.test
def the_workflow_fetches_a_base(folder):
    step = next(step for step in workflow_steps() if step.get('name') == 'base profile')
    assert 'continue-on-error' not in step
    shell_script(os.path.join(folder, 'gh'), GH)

    def run(**settings):
        return cli.run('sh', '-e', '-c', step['run'], cwd=folder, env=chain.environment(
            PATH=folder + ':' + os.environ['PATH'], BASE_REF='main',
            **{'GH_FAILS': '', 'GH_RUN': '', **settings})).returncode

    base = os.path.join(folder, 'heap-base', 'x')
    tap.equal((run(), run(GH_FAILS='1'), os.path.exists(base)), (0, 0, False))
    tap.equal((run(GH_RUN='7'), os.path.exists(base)), (0, True))
    os.remove(base)
    assert run(GH_RUN='7') != 0, 'a download that fails'


@tap.test
def gitlabs_jobs_run(folder):
    """The job of main makes the base and renews it, whatever the old base was. Other jobs compare
    with the base."""
    jobs, bench = load(CI / 'gitlab.yml'), program(folder)
    base = jobs['.heapprof']
    where = {name: value.replace('$CI_PROJECT_DIR', folder)
             for name, value in base['variables'].items()}
    checkout(folder)

    def run(name, number, **group):
        tap.equal(jobs[name]['extends'], '.heapprof')
        script = '\n'.join(base['before_script'] + jobs[name]['script'])
        variables = {**where, **jobs[name].get('variables', {}), **group}
        variables['HEAP_PROFILE_SAMPLE_INTERVAL'] = 1
        return cli.run('sh', '-e', '-c', script, cwd=folder, env=chain.environment(
            HEAPPROF_BUILD=chain.BUILD, HEAP_GATE_COMMAND=f'{bench} {number}', **variables))

    for name, policy in (('.heap-base', 'push'), ('.heap-gate', 'pull')):
        tap.equal(jobs[name]['cache'], {'key': 'heap-base-$CI_DEFAULT_BRANCH', 'policy': policy,
                                        'paths': ['heap-base'], 'unprotect': True})
    group = {'HEAP_GATE_BASE': 'heap-base', 'HEAP_GATE_REQUIRE_BASE': '1'}  # set for all jobs
    tap.equal(run('.heap-gate', 3, **group).returncode, 2)
    for number in (3, 4):  # 4: growth that was merged
        done = run('.heap-base', number, **group)
        assert done.returncode == 0, done.stderr
    tap.equal(held_by_main(folder, 'heap-base'), 400000)
    tap.equal(run('.heap-gate', 4).returncode, 0)
    tap.equal(run('.heap-gate', 5).returncode, 1)


tap.main()
