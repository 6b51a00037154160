#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Servers that other people wrote are attached to, dumped and left, while they answer. With
HEAPPROF_ATTACH_ROUNDS=50 each is attached to as often; with HEAPPROF_ATTACH_LEAKS=1 `heapprof PID` is to
name a leak in a Go server and in a PostgreSQL session within a minute."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.request

import attached
import command
import cli
import postgres_server
import running
import tap
from command import HEAPPROF

ROUNDS = int(os.environ.get('HEAPPROF_ATTACH_ROUNDS', '1'))
BUSY = str(command.BUILD / 'tests' / 'command' / 'busy')


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def running_program(folder, *args, **options):
    process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               env=command.environment(folder), cwd=folder, text=True, bufsize=1, **options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


# --- servers: each yields the process ID and a function that lets it work -------------------------

@contextlib.contextmanager
def interpreter(folder, *args):
    """A program that answers lines with lines."""
    with running_program(folder, *args) as process:
        def ask():
            process.stdin.write('100\n')
            tap.equal(process.stdout.readline().strip(), '5050')

        ask()
        yield process.pid, ask


def python3(folder):
    return interpreter(folder, shutil.which('python3', path='/usr/bin'), '-uc', '''
import sys
for line in sys.stdin:
    print(sum([int(str(i)) for i in range(int(line) + 1)]))
''')


def node(folder):
    return interpreter(folder, 'node', '-e', '''
require('readline').createInterface({input: process.stdin}).on('line', line => {
    let sum = 0;
    for (const s of Array.from({length: +line + 1}, (_, i) => String(i))) sum += +s;
    console.log(Buffer.from(String(sum)).toString());
});
''')


def java(folder):
    command.write_program(f'{folder}/Sums.java', '''
public class Sums {
    public static void main(String[] args) throws Exception {
        var in = new java.io.BufferedReader(new java.io.InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null;) {
            int sum = 0;
            for (int i = 0; i <= Integer.parseInt(line); i++) sum += Integer.parseInt("" + i);
            System.out.println(sum);
        }
    }
}
''')
    return interpreter(folder, 'java', '-Xint', '-XX:TieredStopAtLevel=1', f'{folder}/Sums.java')


@contextlib.contextmanager
def redis_server(folder):
    path = f'{folder}/socket'
    with running_program(folder, 'redis-server', '--port', '0', '--unixsocket', path, '--save', '') as process:
        running.wait_until(lambda: os.path.exists(path), 'redis starts')

        def ask():
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(path)
                for i in range(1, 200):
                    s.sendall(f'SET key{i} {"x" * i}\r\n'.encode())
                    tap.equal(s.recv(100), b'+OK\r\n')

        yield process.pid, ask


@contextlib.contextmanager
def nginx(folder):
    port = free_port()
    command.write_program(f'{folder}/nginx.conf', f'''
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{ access_log off; server {{ listen 127.0.0.1:{port}; location / {{ return 200 "well"; }} }} }}
''')

    def ask():
        for _ in range(20):
            with urllib.request.urlopen(f'http://127.0.0.1:{port}/') as answer:
                tap.equal(answer.read(), b'well')

    def answers():
        with contextlib.suppress(OSError):
            ask()
            return True

    with running_program(folder, 'nginx', '-c', f'{folder}/nginx.conf', '-e', f'{folder}/error.log') as process:
        running.wait_until(answers, 'nginx answers')
        yield process.pid, ask


def busy(folder, how):
    """A program of ours that checks all that it does; with `many` in 8 threads: they allocate, open and
    close libraries, fork, execute, make threads, wait and get signals."""
    @contextlib.contextmanager
    def start():
        with running_program(folder, BUSY, how) as process:
            pid = int(process.stdout.readline())

            def ask():
                process.stdin.write('\n')
                tap.equal(process.stdout.readline(), '0 0\n')  # nothing wrong, no EINTR

            yield pid, ask
            process.communicate()  # its input ends, and so does the busy process
            tap.equal(process.returncode, 0)
    return start()


SERVERS = {'python3': python3, 'node': node, 'java': java, 'redis-server': redis_server, 'nginx': nginx,
           'busy many': lambda folder: busy(folder, 'many'), 'busy one': lambda folder: busy(folder, 'one')}


def detach(folder, pid):
    """A thread that waits in a function called by ours, as in java, may keep a page of ours."""
    done = command.heapprof(folder, 'detach', '-q', str(pid))
    if done.returncode:
        tap.equal(done.returncode, 2)
        tap.is_in('is detached, but one of its threads waits', done.stderr)


@tap.test(server=SERVERS)
def servers_answer_meanwhile(folder, server):
    if not server.startswith('busy'):
        tap.need(server)
    with SERVERS[server](folder) as (pid, ask):
        ask()
        for i in range(ROUNDS):
            attached.run(folder, 'attach', '-q', pid)
            ask()
            attached.run(folder, 'dump', '-q', '-o', f'{folder}/now.heap', pid)
            detach(folder, pid)
            ask()
            attached.check_as_before(pid)


# --- leaks that heapprof PID names -----------------------------------------------------------------

def check_named(folder, pid, sentence, leak, *args):
    """Calls `leak` again and again until `heapprof PID` prints the sentence; returns the seconds."""
    process = subprocess.Popen([*command.WITH_SIGNALS, HEAPPROF, str(pid), *args], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env=command.environment(folder))
    start = time.monotonic()
    text = attached.read_to(process, 'growth counts from here')
    while sentence not in text:
        leak()
        text += attached.read_to(process, 'recorded since')
        text += process.stdout.readline()
        text += process.stdout.readline() + process.stdout.readline()
        tap.check(time.monotonic() - start < 60, text)
    seconds = time.monotonic() - start
    process.terminate()
    process.communicate()
    print(f'# named after {seconds:.0f} s')


def need_leaks():
    if not os.environ.get('HEAPPROF_ATTACH_LEAKS'):
        tap.skip('HEAPPROF_ATTACH_LEAKS is not set')


@tap.test
def a_go_server_that_leaks_32_bytes_a_second_in_c(folder):
    need_leaks()
    tap.need('go', 'gcc')
    os.mkdir(f'{folder}/src')
    command.write_program(f'{folder}/src/go.mod', 'module leaks\ngo 1.18\n')
    command.write_program(f'{folder}/src/main.go', '''package main

// #include <stdlib.h>
// static void *volatile kept;
// __attribute__((noinline)) static void remember_in_c(void) { kept = malloc(32); }
import "C"

import (
	"fmt"
	"time"
)

func main() {
	fmt.Println("ready")
	for {
		C.remember_in_c()
		time.Sleep(time.Second)
	}
}
''')
    done = cli.run('go', 'build', '-o', f'{folder}/server', '.', cwd=f'{folder}/src',
                   env={**os.environ, 'GOFLAGS': '-mod=mod', 'GOPROXY': 'off'})
    tap.equal(done.returncode, 0, done.stderr)
    with running_program(folder, f'{folder}/server') as process:
        process.stdout.readline()
        check_named(folder, process.pid, 'remember_in_c', lambda: None)


@tap.test
def a_postgres_session_that_leaks_4_kib_30_times(folder):
    need_leaks()
    postgres_server.need_server()
    with postgres_server.postgres(folder) as env, postgres_server.session(env) as execute:
        n = 0

        def leak():
            nonlocal n
            n += 1
            if n == 1:
                execute(*["select audit_note('x')"] * 30)

        check_named(folder, execute.pid, 'audit_note', leak)


tap.main()
