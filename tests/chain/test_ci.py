#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The scripts that other people's CI calls."""

import json
import os
import re
import shutil

import chain
import cli

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


# Holds between 70 and 100 blocks of 10 KiB at work, leaks one more in every `leak` rounds, and frees
# all at its end.
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
    """The bytes in use that main allocated, in all processes, by the profile left in a folder."""
    folded = cli.succeed('convert', '-q', '--to=folded', '-o', '-',
                         os.path.join(folder, out, 'profile.pb.gz'))
    lines = [line.rsplit(' ', 1) for line in folded.splitlines()]
    return sum(int(value) for stack, value in lines if 'main' in stack.split(';'))


def checkout(folder):
    """heapprof beside a user's code, and built, as the recipes' first steps leave it."""
    own = os.path.join(folder, 'heapprof')
    os.mkdir(own)
    os.symlink(chain.ROOT / 'scripts', os.path.join(own, 'scripts'))
    os.symlink(chain.BUILD, os.path.join(own, 'build'))


def shell_script(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write('#!/bin/sh\n' + text + '\n')
    os.chmod(path, 0o755)
    return path


@cli.test
def a_gate_that_passes_and_one_that_fails(folder):
    bench, base = program(folder), os.path.join(folder, 'base')
    first = gate(folder, '--', bench, '40', out='base', HEAP_GATE_BASE=os.path.join(folder, 'no'))
    assert first.returncode == 0, first.stderr
    cli.is_in('nothing to compare with', first.stderr)
    same = gate(folder, bench, '40', HEAP_GATE_BASE=base)
    assert same.returncode == 0, same.stderr
    summary = os.path.join(folder, 'summary')
    more = gate(folder, bench, '50', HEAP_GATE_BASE=base, HEAP_GATE_SUMMARY=summary)
    assert more.returncode == 1, more.stderr
    cli.is_in('gate failed: inuse_space in all: ', more.stderr)
    cli.is_in('main', more.stdout)
    with open(summary, encoding='utf-8') as file:
        cli.is_in('### ❌ Heap profile: a gate failed', file.read())
    with open(os.path.join(folder, 'out', 'diff.json'), encoding='utf-8') as file:
        cli.equal(json.load(file)['total']['difference'], 1000000)
    cli.equal([name for name in os.listdir(folder) if name.startswith('heap-gate.')], [])


@cli.test
def bases_of_each_kind(folder):
    """A folder that holds something to compare with is never taken for none."""
    bench = program(folder)
    gate(folder, bench, '40', out='first')
    profile = os.path.join(folder, 'first', 'profile.pb.gz')
    for name in ('sub/x.pb.gz', 'x.folded'):
        base = os.path.join(folder, name.replace('/', '-'))
        out = os.path.join(base, name)
        os.makedirs(os.path.dirname(out))
        to = 'folded' if name.endswith('folded') else 'pprof'
        cli.equal(cli.pprofconv('-q', '--to', to, profile, '-o', out).returncode, 0)
        more = gate(folder, bench, '50', HEAP_GATE_BASE=base)
        assert more.returncode == 1, more.stderr
    empty = os.path.join(folder, 'empty.pb.gz')
    with open(empty, 'w', encoding='utf-8'):
        pass
    done = gate(folder, bench, '40', HEAP_GATE_BASE=empty)
    cli.equal(done.returncode, 0)
    cli.is_in('nothing to compare with', done.stderr)


@cli.test
def a_base_that_is_required(folder):
    bench, summary = program(folder), os.path.join(folder, 'summary')
    settings = {'HEAP_GATE_BASE': os.path.join(folder, 'hbsae'), 'HEAP_GATE_SUMMARY': summary}
    lenient = gate(folder, bench, '1', HEAP_GATE_REQUIRE_BASE='false', **settings)
    cli.equal(lenient.returncode, 0)
    cli.is_in('nothing to compare with in ' + settings['HEAP_GATE_BASE'], lenient.stderr)
    with open(summary, encoding='utf-8') as file:
        cli.is_in('### Heap profile: not compared\n', file.read())
    strict = gate(folder, bench, '1', HEAP_GATE_REQUIRE_BASE='true', **settings)
    cli.equal(strict.returncode, 2)
    cli.is_in('no base: nothing to compare with in ' + repr(settings['HEAP_GATE_BASE']),
              strict.stderr)
    settings['HEAP_GATE_BASE'] = os.path.join(folder, 'out')
    done = gate(folder, bench, '1', HEAP_GATE_REQUIRE_BASE='true', **settings)
    cli.equal((done.returncode, done.stderr), (0, ''))


@cli.test
def a_program_that_holds_nothing(folder):
    bench, base = program(folder), os.path.join(folder, 'base')
    cli.equal(gate(folder, bench, '0', out='base').returncode, 0)
    same = gate(folder, bench, '0', HEAP_GATE_BASE=base)
    assert same.returncode == 0, same.stderr
    more = gate(folder, bench, '1', HEAP_GATE_BASE=base)
    assert more.returncode == 1, more.stderr


@cli.test
def the_base_where_the_profile_goes(folder):
    """It is compared with before it is replaced."""
    bench, out = program(folder), os.path.join(folder, 'out')
    gate(folder, bench, '40')
    cli.equal(gate(folder, bench, '50', HEAP_GATE_BASE=out).returncode, 1)
    cli.equal(gate(folder, bench, '50', HEAP_GATE_BASE=out).returncode, 0)


@cli.test
def all_processes_are_judged(folder):
    bench = program(folder)
    script = shell_script(os.path.join(folder, 'all'),
                          f'cd /; "{bench}" 2; "{bench}" "$1"; exit 0')
    first = gate(folder, script, '3', out='base')
    assert first.returncode == 0, first.stderr
    cli.is_in('judged together, as the sum of 3 processes: ', first.stderr)
    cli.is_in('2 bench', first.stderr)
    cli.equal(held_by_main(folder, 'base'), 500000)
    more = gate(folder, script, '4', HEAP_GATE_BASE=os.path.join(folder, 'base'))
    assert more.returncode == 1, more.stderr


@cli.test
def one_program_out_of_all(folder):
    bench = program(folder)
    other = os.path.join(folder, 'other')
    shutil.copy(bench, other)
    script = shell_script(os.path.join(folder, 'all'), f'"{bench}" 2; "{other}" 5; exit 0')
    done = gate(folder, script, HEAP_GATE_PROGRAM='other')
    cli.equal(done.returncode, 0)
    assert 'judged together' not in done.stderr, done.stderr
    cli.equal(held_by_main(folder), 500000)
    done = gate(folder, script, HEAP_GATE_PROGRAM='othre')
    cli.equal(done.returncode, 2)
    cli.is_in('othre left no dump, or was not run', done.stderr)


@cli.test
def one_dump_of_each_process(folder):
    """There are several, which are not added up."""
    done = gate(folder, program(folder), '30', HEAP_PROFILE_ALLOCATION_INTERVAL='200000')
    assert done.returncode == 0, done.stderr
    assert 'judged together' not in done.stderr, done.stderr
    cli.equal(held_by_main(folder), 3000000)


@cli.test
def a_service_that_frees_all_at_its_end(folder):
    """It is judged at work, wherever its memory swings when a dump is written: each run begins at
    another point. Of 1,000 KiB a leak of one block of 10 KiB in 200 rounds comes to a tenth."""
    service = program(folder, 'service', SERVICE)
    cli.equal(gate(folder, service, '0', '0', out='base').returncode, 0)
    base = os.path.join(folder, 'base')
    for phase in range(0, 60, 12):
        same = gate(folder, service, '0', str(phase), HEAP_GATE_BASE=base)
        assert same.returncode == 0, (phase, same.stdout, same.stderr)
        more = gate(folder, service, '200', str(phase), HEAP_GATE_BASE=base)
        assert more.returncode == 1, (phase, more.stdout, more.stderr)
        cli.is_in('gate failed: inuse_space in all: ', more.stderr)


@cli.test
def moments(folder):
    service = program(folder, 'service', SERVICE)
    held = {}
    for moment in ('level', 'peak', 'last-interval', 'exit'):
        for args, settings in ((['--at', moment], {}), (['--at=' + moment, '--'], {}),
                               ([], {'HEAP_GATE_AT': moment})):
            done = gate(folder, *args, service, '0', '0', **settings)
            cli.equal((done.returncode, done.stdout), (0, ''))
            held.setdefault(moment, set()).add(held_by_main(folder))
    held = {moment: values.pop() // 10240 for moment, values in held.items() if len(values) == 1}
    assert 95 <= held['level'] <= held['peak'] <= 100, held
    assert 70 <= held['last-interval'] <= 100, held
    cli.equal(held['exit'], 0)
    for args in (['--at', 'now', 'true'], ['--at'], ['--att=exit', 'true']):
        done = gate(folder, *args)
        cli.equal(done.returncode, 2)
        cli.is_in('--at', done.stderr)


@cli.test
def an_end_that_holds_nothing_is_refused(folder):
    service, base = program(folder, 'service', SERVICE), os.path.join(folder, 'base')
    cli.equal(gate(folder, '--at=exit', service, '0', '0', out='base').returncode, 0)
    done = gate(folder, '--at=exit', service, '0', '0', HEAP_GATE_BASE=base)
    cli.equal(done.returncode, 2)
    cli.is_in('both sides have freed what they held', done.stderr)
    cli.is_in('without --at exit the program is judged at work', done.stderr)
    done = gate(folder, '--at=exit', service, '0', '0', HEAP_GATE_BASE=base,
                HEAP_GATE_OPTIONS='--max-growth=inuse_space=5% --allow-empty')
    cli.equal(done.returncode, 0)


@cli.test
def no_dump_at_work_is_refused(folder):
    """Whatever takes them away; and a base of another moment."""
    service, base = program(folder, 'service', SERVICE), os.path.join(folder, 'base')
    few = {'HEAP_PROFILE_ALLOCATION_INTERVAL': '1G'}
    cli.equal(gate(folder, service, '0', '0', out='base', **few).returncode, 0)
    for settings, said in ((few, 'both sides have freed what they held'),
                           ({'HEAP_PROFILE_MAX_DUMPS': '1'}, 'a level shows in 16 dumps or more'),
                           ({'HEAP_PROFILE_MAX_DUMPS': '15'}, 'a level shows in 16 dumps or more')):
        done = gate(folder, service, '200', '0', HEAP_GATE_BASE=base, **settings)
        cli.equal((done.returncode, settings), (2, settings))
        cli.is_in(said, done.stderr)
    cli.equal(gate(folder, service, '0', '0', HEAP_PROFILE_MAX_DUMPS='16').returncode, 0)
    cli.equal(gate(folder, service, '0', '0', out='base').returncode, 0)
    done = gate(folder, '--at=exit', service, '200', '0', HEAP_GATE_BASE=base)
    cli.equal(done.returncode, 2)
    cli.is_in('the base is of a program at work, the new side of one that has freed', done.stderr)


@cli.test
def all_that_was_allocated_counts(folder):
    """Memory in use is that of one moment, what was allocated that of the whole run."""
    service, base = program(folder, 'service', SERVICE), os.path.join(folder, 'base')
    gates = '--max-growth=alloc_objects=9'
    gate(folder, service, '0', '0', out='base')
    for leak, status in (('223', 0), ('222', 1)):  # 9 blocks more, and 10
        done = gate(folder, service, leak, '0', HEAP_GATE_BASE=base, HEAP_GATE_OPTIONS=gates)
        cli.equal((leak, done.returncode), (leak, status))


@cli.test
def lines_of_shell(folder):
    bench = program(folder)
    for line, held in ((f'{bench} 1; {bench} 4', 5), (f'true && {bench} 4', 4),
                       (f'X=1 {bench} 2', 2), ('cd .. && ' + bench + ' 3', 3),
                       (f'{bench} 1\n{bench} 2\n', 3), (f'exec {bench} 7', 7),
                       (f'for i in 1 2; do {bench} "$i"; done', 3)):
        done = gate(folder, HEAP_GATE_COMMAND=line)
        assert done.returncode == 0, f'{line}: {done.stderr}'
        cli.equal((line, held_by_main(folder)), (line, held * 100000))
        assert not re.search(r'processes: (?!\d bench$)', done.stderr, re.M), done.stderr
    done = gate(folder, HEAP_GATE_COMMAND=f'{bench} 1 7\n{bench} 1')
    cli.equal(done.returncode, 7)
    cli.is_in('the command ended with exit status 7', done.stderr)


@cli.test
def what_is_wrong_is_no_failed_gate(folder):
    bench, none = program(folder), os.path.join(folder, 'none')
    file = os.path.join(folder, 'file')
    with open(file, 'w', encoding='utf-8'):
        pass
    for settings in ({'HEAP_GATE_OUT': '/proc/nope'}, {'HEAP_GATE_OUT': file}, {'TMPDIR': none},
                     {'HEAP_GATE_SUMMARY': none + '/summary'}, {'HEAPPROF_LIBRARY': none}):
        done = gate(folder, bench, '1', **settings)
        assert done.returncode == 2, f'{settings}: {done.returncode} {done.stderr}'
        cli.is_in('heap-gate: ', done.stderr)
    done = gate(folder, bench, '1', HEAP_GATE_OUT='-x')
    cli.equal(done.returncode, 0)
    cli.equal(gate(folder, bench, '2', HEAP_GATE_BASE='-x').returncode, 1)


@cli.test
def temporary_folders_of_all_kinds(folder):
    bench = program(folder)
    for name in ('100%p', 'a b', '.'):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        path = name if name == '.' else os.path.join(folder, name)
        done = gate(folder, 'sh', '-c', f'cd /; exec {bench} 3', TMPDIR=path)
        assert done.returncode == 0, f'{name}: {done.stderr}'
        cli.equal(held_by_main(folder), 300000)
        cli.equal([left for left in os.listdir(path if name != '.' else folder)
                   if left.startswith('heap-gate.')], [])


@cli.test
def a_library_named_from_here(folder):
    bench = program(folder)
    done = gate(folder, 'sh', '-c', f'cd /; {bench} 3; :',
                HEAPPROF_LIBRARY=os.path.relpath(LIBRARY, folder))
    assert done.returncode == 0, done.stderr
    cli.equal(held_by_main(folder), 300000)


@cli.test
def how_to_use_it(folder):
    done = cli.run(GATE, '--help')
    cli.equal((done.returncode, done.stderr), (0, ''))
    lines = done.stdout.splitlines()
    cli.equal(lines[0], 'Usage: scripts/ci/heap-gate [--at MOMENT] [--] COMMAND...')
    assert lines[-1].startswith('Exit status: '), lines[-1]
    cli.equal(gate(folder).returncode, 2)


@cli.test
def options_are_passed_on(folder):
    bench, base = program(folder), os.path.join(folder, 'base')
    gate(folder, bench, '40', out='base')
    done = gate(folder, bench, '50', HEAP_GATE_BASE=base,
                HEAP_GATE_OPTIONS='--max-growth=inuse_space=50% --top 3')
    assert done.returncode == 0, done.stderr
    for name in ('.ax', '.bx'):  # which a shell would put in the place of .*x
        with open(os.path.join(folder, name), 'w', encoding='utf-8'):
            pass
    done = gate(folder, bench, '50', HEAP_GATE_BASE=base,
                HEAP_GATE_OPTIONS='--ignore .*x --max-growth=inuse_space=50%')
    assert done.returncode == 0, done.stderr
    done = gate(folder, bench, '50', HEAP_GATE_BASE=base, HEAP_GATE_OPTIONS='--no-such')
    cli.equal(done.returncode, 2)


@cli.test
def a_program_that_fails(folder):
    done = gate(folder, program(folder), '1', '7')
    cli.equal(done.returncode, 7)
    cli.is_in('ended with exit status 7', done.stderr)
    cli.equal(gate(folder).returncode, 2)


def load(path):
    try:
        import yaml
    except ImportError as e:
        raise cli.Skipped('python3-yaml is not installed') from e
    return yaml.safe_load(path.read_text())


def workflow_steps():
    return load(CI / 'github' / 'workflow-example.yml')['jobs']['heap']['steps']


@cli.test
def yaml_is_well_formed(folder):
    for path in (CI / 'github' / 'action.yml', CI / 'github' / 'workflow-example.yml',
                 CI / 'gitlab.yml'):
        assert load(path), path
        assert '\t' not in path.read_text(), path


YAMLLINT = ('{extends: default, rules: {line-length: {max: 99}, document-start: disable, '
            'truthy: {check-keys: false}}}')


@cli.test
def yaml_is_linted(folder):
    cli.need('yamllint')
    done = cli.run('yamllint', '-s', '-d', YAMLLINT, str(CI))
    assert done.returncode == 0, done.stdout
    bad = os.path.join(folder, 'bad.yml')
    with open(bad, 'w', encoding='utf-8') as file:
        file.write('a: 1\na:  2\n')
    assert cli.run('yamllint', '-s', '-d', YAMLLINT, bad).returncode, 'it takes anything'


def is_shell(path):
    return path.is_file() and path.read_bytes().startswith(b'#!/bin/sh\n')


@cli.test
def the_recipes_set_an_interval(folder):
    """The default, 512K, sees little of a heap that a CI job can afford."""
    use = next(step for step in workflow_steps() if 'scripts/ci' in step.get('uses', ''))
    for env in (use['env'], load(CI / 'gitlab.yml')['.heapprof']['variables']):
        cli.equal(env['HEAP_PROFILE_SAMPLE_INTERVAL'], '16K')


@cli.test
def shell_is_checked(folder):
    """The scripts, and the lines of shell within the recipes."""
    cli.need('shellcheck')
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


@cli.test
def the_actions_step_runs(folder):
    """From a user's repository as the workflow has it, with what a runner would set for the inputs."""
    bench = program(folder)
    use = next(step for step in workflow_steps() if 'scripts/ci' in step.get('uses', ''))
    place = os.path.join(folder, use['uses'])
    cli.equal([step['with']['path'] for step in workflow_steps()
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

    cli.equal(run(command=f'{bench} 1', require_base='true').returncode, 2)
    first = run(command=f'cd /\nX=1 {bench} 2; {bench} 3', base='none', out='heap-base')
    assert first.returncode == 0, first.stderr
    cli.equal(held_by_main(folder, 'heap-base'), 500000)
    more = run(command=f'true && {bench} 2; {bench} 4', require_base='true')
    assert more.returncode == 1, more.stderr
    cli.equal(run(command=f'{bench} 1', program='nope').returncode, 2)


# A stand-in for GitHub's client. What anybody may make, a run of a pull request, is newer.
GH = r'''
[ -z "$GH_FAILS" ] || exit 1
case "$*" in
"run list "*"--branch main "*"--event push "*) echo $GH_RUN ;;
"run list "*) echo 666 ;;
"run download $GH_RUN "*"--name heap-profile --dir heap-base") mkdir heap-base && : >heap-base/x ;;
*) exit 1 ;;
esac'''


@cli.test
def the_workflow_fetches_a_base(folder):
    step = next(step for step in workflow_steps() if step.get('name') == 'base profile')
    assert 'continue-on-error' not in step
    shell_script(os.path.join(folder, 'gh'), GH)

    def run(**settings):
        return cli.run('sh', '-e', '-c', step['run'], cwd=folder, env=chain.environment(
            PATH=folder + ':' + os.environ['PATH'], BASE_REF='main',
            **{'GH_FAILS': '', 'GH_RUN': '', **settings})).returncode

    base = os.path.join(folder, 'heap-base', 'x')
    cli.equal((run(), run(GH_FAILS='1'), os.path.exists(base)), (0, 0, False))
    cli.equal((run(GH_RUN='7'), os.path.exists(base)), (0, True))
    os.remove(base)
    assert run(GH_RUN='7') != 0, 'a download that fails'


@cli.test
def gitlabs_jobs_run(folder):
    """The job of main makes the base and renews it whatever was there; others compare with it."""
    jobs, bench = load(CI / 'gitlab.yml'), program(folder)
    base = jobs['.heapprof']
    where = {name: value.replace('$CI_PROJECT_DIR', folder)
             for name, value in base['variables'].items()}
    checkout(folder)

    def run(name, number, **group):
        cli.equal(jobs[name]['extends'], '.heapprof')
        script = '\n'.join(base['before_script'] + jobs[name]['script'])
        variables = {**where, **jobs[name].get('variables', {}), **group}
        variables['HEAP_PROFILE_SAMPLE_INTERVAL'] = 1
        return cli.run('sh', '-e', '-c', script, cwd=folder, env=chain.environment(
            HEAPPROF_BUILD=chain.BUILD, HEAP_GATE_COMMAND=f'{bench} {number}', **variables))

    for name, policy in (('.heap-base', 'push'), ('.heap-gate', 'pull')):
        cli.equal(jobs[name]['cache'], {'key': 'heap-base-$CI_DEFAULT_BRANCH', 'policy': policy,
                                        'paths': ['heap-base'], 'unprotect': True})
    group = {'HEAP_GATE_BASE': 'heap-base', 'HEAP_GATE_REQUIRE_BASE': '1'}  # as if set for all jobs
    cli.equal(run('.heap-gate', 3, **group).returncode, 2)
    for number in (3, 4):  # a growth that has been accepted
        done = run('.heap-base', number, **group)
        assert done.returncode == 0, done.stderr
    cli.equal(held_by_main(folder, 'heap-base'), 400000)
    cli.equal(run('.heap-gate', 4).returncode, 0)
    cli.equal(run('.heap-gate', 5).returncode, 1)


cli.main()
