#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`pprofconv convert --since` on two dumps of a run of real programs: the result keeps the rules of the servers that
collect profiles (see push_rules.py).

HEAPPROF_PUSH=all runs slow programs too."""

import glob
import os
import pwd
import shutil
import sys

import chain
import cli
import push_rules
import tap

sys.path.append(str(chain.ROOT / 'tests' / 'soak'))

import soaked  # noqa: E402: after the path to it

ALL = os.environ.get('HEAPPROF_PUSH') == 'all'
USER = 'nobody'
PYTHON = 'import json; print(len(json.dumps([[str(i)] * 9 for i in range(30000)])))'
PERL = 'my %h; $h{$_} = "x" x ($_ % 99) for 1..50000; print scalar keys %h'
PHP = '$a = []; for ($i = 0; $i < 50000; $i++) $a["k$i"] = str_repeat("x", $i % 99); echo count($a);'
NODE = 'let m = new Map(); for (let i = 0; i < 1e5; i++) m.set(i, Buffer.alloc(i % 999)); console.log(m.size)'
ERLANG = 'io:format("~p", [length([integer_to_list(N) || N <- lists:seq(1, 99999)])]), halt().'
SQL = '''create table t(a integer primary key, b text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
insert into t select i, hex(randomblob(40)) from n;
create index u on t(b);
'''
CXX = '''#include <map>
#include <string>
int main() { std::map<std::string, int> m; m["a"] = 1; return m["b"]; }
'''
JAVA = '''class Work {
    public static void main(String[] words) {
        var map = new java.util.HashMap<String, String>();
        for (int i = 0; i < 100000; i++) map.put("k" + i, "v" + i);
        System.out.println(map.size());
    }
}
'''
NGINX = 'pid {0}/pid; error_log {0}/log; events {{}}\nhttp {{ access_log off; server {{ listen 127.0.0.1:1;\n{1} }} }}\n'


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, 'w', encoding='ascii') as file:
        file.write(text)
    return path


def run(folder, *argv, **options):
    """Runs a program under the library; its dumps are in the folder."""
    library = shutil.copy(chain.LIBRARY, folder)  # other users can't read the build
    env = chain.environment(LD_PRELOAD=library, HEAPPROFILE=f'{folder}/p', HEAP_PROFILE_SAMPLE_INTERVAL='16K',
                            HEAP_PROFILE_ALLOCATION_INTERVAL='512K')
    return cli.run(*argv, env=env, cwd=folder, **options)


def redis(folder):
    env = chain.environment(LD_PRELOAD=chain.LIBRARY, HEAPPROFILE=f'{folder}/p', HEAP_PROFILE_SAMPLE_INTERVAL='16K',
                            HEAP_PROFILE_ALLOCATION_INTERVAL='512K')
    load = soaked.Redis(folder, folder, env)
    try:
        load.start()
        load.work()
        load.stop()
    finally:
        load.kill()


def nginx(folder):
    """Nginx reads a large configuration."""
    places = '\n'.join(f'location /{i} {{ return 200 "{i}"; }}' for i in range(3000))
    run(folder, 'nginx', '-t', '-c', write(folder, 'conf', NGINX.format(folder, places)))


def postgres(folder):
    """The first processes of a server make its tables."""
    user = pwd.getpwnam(USER)
    os.chown(folder, user.pw_uid, user.pw_gid)
    run(folder, soaked.Postgres.folders[-1] + '/initdb', '-D', f'{folder}/data', '--no-sync', '--no-locale',
        **soaked.Postgres.as_unprivileged())


# Each program with what runs it, and whether that is quick.
PROGRAMS = {
    'sqlite3': (lambda folder: run(folder, 'sqlite3', f'{folder}/db', input=SQL.encode()), True),
    'perl': (lambda folder: run(folder, 'perl', '-e', PERL), True),
    'python3': (lambda folder: run(folder, 'python3', '-c', PYTHON), True),
    'nginx': (nginx, True),
    'redis-server': (redis, False),
    'g++': (lambda folder: run(folder, 'g++', '-c', write(folder, 'main.cc', CXX)), False),
    'php': (lambda folder: run(folder, 'php', '-r', PHP), False),
    'node': (lambda folder: run(folder, 'node', '-e', NODE), False),
    'java': (lambda folder: run(folder, 'java', write(folder, 'Work.java', JAVA)), False),
    'erl': (lambda folder: run(folder, 'erl', '-noshell', '-eval', ERLANG), False),
    'initdb': (postgres, False),
    'gdb': (lambda folder: run(folder, 'gdb', '-batch', '-ex', 'info functions ^main$', shutil.which('gdb')), False),
    'git': (lambda folder: run(folder, 'git', '-C', chain.ROOT, 'log', '-p', '-1'), False),
}


def longest_run(folder):
    """Returns the first and the last dump of the run that has most of them."""
    runs = {}
    for path in glob.glob(f'{folder}/p*.heap'):
        with open(path, encoding='utf-8', errors='replace') as file:
            values = dict(line[2:].rstrip('\n').split(': ', 1) for line in file if line.startswith('# ') and ': ' in line)
        runs.setdefault(values['run'], []).append((int(values['dump']), path))
    dumps = sorted(max(runs.values(), key=len, default=[]))
    tap.check(len(dumps) > 1, runs)
    return dumps[0][1], dumps[-1][1]


def is_installed(name):
    return bool(soaked.Postgres.folders if name == 'initdb' else shutil.which(name))


@tap.test(program=[name for name, (_, is_quick) in PROGRAMS.items() if is_quick or ALL])
def dumps_of_real_programs(folder, program):
    if not is_installed(program):
        tap.skip(f'{program} is not installed')
    PROGRAMS[program][0](folder)
    old, new = longest_run(folder)
    out = os.path.join(folder, 'out.pb.gz')
    done = cli.pprofconv('convert', '-q', '-o', out, '--since', old, new)
    tap.equal((done.returncode, done.stderr), (0, ''))
    strings, samples = push_rules.check(out)
    tap.check(len(samples) > 2, samples)
    allocated = sum(values[1] for _, _, values in samples)
    print(f'# {program}: {len(samples)} samples, {len(strings)} strings, {allocated >> 10} KiB allocated since', flush=True)


tap.main()
