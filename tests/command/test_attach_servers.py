#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Servers that other people wrote are attached to, dumped and left, while they answer. With
HEAPPROF_ATTACH_ROUNDS=50 each is attached to as often, for 2 seconds, and so are a session of PostgreSQL and
a Go program that allocates in C; with HEAPPROF_ATTACH_LEAKS=1 `heapprof PID` is to name a leak in a Go server
and in a PostgreSQL session within a minute."""

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import attached
import command
import cli
import postgres_server
import running
import tap
from command import HEAPPROF

ROUNDS = int(os.environ.get('HEAPPROF_ATTACH_ROUNDS', '1'))
SECONDS = 2 if ROUNDS > 1 else 0  # that a server stays attached
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
    tap.need('/usr/bin/python3')
    return interpreter(folder, shutil.which('python3', path='/usr/bin'), '-uc', '''
import sys
for line in sys.stdin:
    print(sum([int(str(i)) for i in range(int(line) + 1)]))
''')


def node(folder):
    tap.need('node')
    return interpreter(folder, 'node', '-e', '''
require('readline').createInterface({input: process.stdin}).on('line', line => {
    let sum = 0;
    for (const s of Array.from({length: +line + 1}, (_, i) => String(i))) sum += +s;
    console.log(Buffer.from(String(sum)).toString());
});
''')


def java(folder):
    tap.need('java')
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
    tap.need('redis-server')
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
    tap.need('nginx')
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


def need_rounds():
    if ROUNDS == 1:
        tap.skip('HEAPPROF_ATTACH_ROUNDS is not set')


def build_go(folder, source):
    """Builds a program of one file, which calls C."""
    tap.need('go', 'gcc')
    os.mkdir(f'{folder}/src')
    command.write_program(f'{folder}/src/go.mod', 'module example\ngo 1.18\n')
    command.write_program(f'{folder}/src/main.go', source)
    done = cli.run('go', 'build', '-o', f'{folder}/server', '.', cwd=f'{folder}/src',
                   env={**os.environ, 'GOFLAGS': '-mod=mod', 'GOPROXY': 'off'})
    tap.equal(done.returncode, 0, done.stderr)
    return f'{folder}/server'


def go(folder):
    need_rounds()
    return interpreter(folder, build_go(folder, '''package main

// #include <stdlib.h>
// #include <string.h>
// static int sum_in_c(int first, int n)
// {
// 	int *numbers = malloc(n * sizeof(int)), sum = 0;
//
// 	for (int i = 0; i < n; i++)
// 		numbers[i] = first + i;
// 	for (int i = 0; i < n; i++) {
// 		char *copy = strdup("a copy");
//
// 		sum += numbers[i] + (strcmp(copy, "a copy") != 0);
// 		free(copy);
// 	}
// 	free(numbers);
// 	return sum;
// }
import "C"

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		sums := make(chan int)
		for i := 0; i < 10; i++ {
			go func(i int) { sums <- int(C.sum_in_c(C.int(10*i+1), 10)) }(i)
		}
		sum := 0
		for i := 0; i < 10; i++ {
			sum += <-sums
		}
		fmt.Println(sum)
	}
}
'''))


@contextlib.contextmanager
def postgres_session(folder):
    need_rounds()
    postgres_server.need_server()
    with postgres_server.postgres(folder) as env, postgres_server.session(env) as execute:
        yield execute.pid, lambda: tap.equal(execute('select sum(i) from generate_series(1, 100) i'), ['5050'])


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
           'go': go, 'postgres': postgres_session,
           'busy many': lambda folder: busy(folder, 'many'), 'busy one': lambda folder: busy(folder, 'one')}


# --- rounds ----------------------------------------------------------------------------------------

@contextlib.contextmanager
def answering(ask):
    """Lets the server answer again and again meanwhile."""
    is_over = threading.Event()

    def ask_on():
        while not is_over.is_set():
            ask()

    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(ask_on)
        try:
            yield
        finally:
            is_over.set()
        answers.result()


def detach(folder, pid):
    """Returns whether all is gone: a thread that waits in a function called by ours, as in java, may keep a page
    of ours."""
    done = command.heapprof(folder, 'detach', '-q', str(pid))
    if done.returncode:
        tap.equal(done.returncode, 2)
        tap.is_in('is detached, but one of its threads waits', done.stderr)
    return done.returncode == 0


def do_round(folder, pid, ask):
    with answering(ask):
        attached.run(folder, 'attach', '-q', pid)
        time.sleep(SECONDS)
        attached.run(folder, 'dump', '-q', '-o', f'{folder}/now.heap', pid)
        is_gone = detach(folder, pid)
    ask()
    attached.check_as_before(pid)
    return is_gone


# How much more there may be in the last rounds than in the first: servers map memory by themselves, but what each
# round leaves is one mapping at least.
GROWTH = {'copied pages': 0, 'mappings of ours': 0, 'threads': 0, 'descriptors': 0, 'mappings': ROUNDS // 2}


def check_growth(traces, kind):
    """Compares the least of the last rounds with the most of the first: a server has more and fewer of them from
    round to round."""
    some = max(len(traces) // 10, 1)
    first = [trace[kind] for trace in traces[:some]]
    last = [trace[kind] for trace in traces[-some:]]
    print(f'# {kind}: {min(first)} to {max(first)} in the first rounds, {min(last)} to {max(last)} in the last')
    if kind in GROWTH:
        tap.check(min(last) <= max(first) + GROWTH[kind], f'{kind} grow')


def check_rounds(traces, n_gone):
    """The first trace is of before the first round, in which the library is loaded."""
    n = len(traces) - 1
    for trace in traces:
        tap.equal(trace['copied pages'], traces[0]['copied pages'])
    for kind in traces[0]:
        check_growth(traces[2:], kind)
    print(f'# {n} rounds without a fault: at most {1 - 0.05 ** (1 / n):.1%} of rounds have one, with 95 % '
          f'confidence; {n - n_gone} kept a page for a thread that waits')


@tap.test(server=SERVERS)
def servers_answer_meanwhile(folder, server):
    with SERVERS[server](folder) as (pid, ask):
        ask()
        traces, n_gone = [attached.traces(pid)], 0
        for _ in range(ROUNDS):
            n_gone += do_round(folder, pid, ask)
            traces.append(attached.traces(pid))
        if ROUNDS > 2:
            check_rounds(traces, n_gone)


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
    server = build_go(folder, '''package main

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
    with running_program(folder, server) as process:
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
