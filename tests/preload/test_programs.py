#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs of unusual kinds have the same output and status with and without the library. Standard
error has only lines of the profiler in addition."""
import os
import shutil
import sys

from preload import environment, run
from strict_dump import dumps_in
from tap import check, equal, main, skip, test

PYTHON = '''
import json, threading, subprocess, os, sys, gc
def work(out):
    out.append(sum(len(json.dumps(list(range(n)))) for n in range(200)))
sums = []
threads = [threading.Thread(target=work, args=(sums,)) for _ in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
print(sums, subprocess.check_output(["echo", "from a child"]))
pid = os.fork()
if pid == 0:
    work(sums); os._exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
gc.collect()
print("to stderr", file=sys.stderr)
sys.exit(5)
'''
PERL = '''
my %h; $h{$_} = "x" x ($_ % 500) for 1..20000;
my $n = 0; $n += length for values %h;
print "$n\\n"; print `echo from a child`;
my $pid = fork; if (!$pid) { my @a = map { "y" x 100 } 1..1000; exit 3 }
waitpid $pid, 0; print $? >> 8, "\\n"; print STDERR "to stderr\\n"; exit 5;
'''
NODE = '''
const { Worker, isMainThread, parentPort } = require("worker_threads");
if (!isMainThread) { parentPort.postMessage(Buffer.alloc(100000, 1).reduce((a, b) => a + b)); }
else {
  const w = new Worker(__filename);
  w.on("message", m => {
    console.log(m, JSON.stringify([...Array(1000).keys()]).length);
    console.log(require("child_process").execSync("echo from a child").toString());
    console.error("to stderr"); process.exitCode = 5; });
}
'''
BASH = '''
seq 1 2000 | while read -r n; do echo "$((n * n))"; done | sort -n | tail -1
(exit 3); echo $?; a=$(printf 'x%.0s' $(seq 1000)); echo ${#a}
cat <(echo from a substitution); diff <(echo 1) <(echo 2); echo to stderr >&2
exec bash -c 'echo in place; exit 5'
'''
CGO = '''
package main
// #include <stdlib.h>
// #include <string.h>
// static long fill(int n) { long s = 0; for (int i = 1; i < n; i++) { char *p = malloc(i);
//   memset(p, 1, i); s += p[i - 1]; free(p); } return s; }
import "C"
import ("fmt"; "os"; "os/exec"; "runtime"; "sync")
func main() {
	var wg sync.WaitGroup
	sums := make([]int64, 8)
	for i := range sums {
		wg.Add(1)
		go func(i int) { defer wg.Done(); runtime.Gosched(); sums[i] = int64(C.fill(2000)) }(i)
	}
	wg.Wait()
	out, _ := exec.Command("echo", "from a child").Output()
	fmt.Print(sums, string(out))
	fmt.Fprintln(os.Stderr, "to stderr")
	os.Exit(5)
}
'''
RUST = '''
use std::{collections::HashMap, process, thread};
fn work(n: usize) -> usize {
    let m: HashMap<usize, String> = (0..n).map(|i| (i, "x".repeat(i % 300))).collect();
    m.values().map(|s| s.len()).sum()
}
fn main() {
    std::panic::set_hook(Box::new(|_| eprintln!("panicked")));
    let threads: Vec<_> = (1..5).map(|i| thread::spawn(move || work(i * 1000))).collect();
    for t in threads { println!("{}", t.join().unwrap()); }
    println!("{}", thread::spawn(|| { if work(10) > 0 { panic!("on purpose") } }).join().is_err());
    let out = process::Command::new("echo").arg("from a child").output().unwrap();
    print!("{}", String::from_utf8_lossy(&out.stdout));
    process::exit(5);
}
'''
JAVA = '''
import java.util.*;
public class Main {
    public static void main(String[] a) throws Exception {
        List<Thread> threads = new ArrayList<>();
        long[] sums = new long[4];
        for (int i = 0; i < 4; i++) {
            int n = i;
            Thread t = new Thread(() -> {
                for (int j = 0; j < 20000; j++) sums[n] += ("x" + j).hashCode();
                java.nio.ByteBuffer b = java.nio.ByteBuffer.allocateDirect(100000);
                sums[n] += b.capacity();
            });
            threads.add(t); t.start();
        }
        for (Thread t : threads) t.join();
        System.out.println(Arrays.toString(sums));
        System.out.print(new String(new ProcessBuilder("echo", "from a child").start()
            .getInputStream().readAllBytes()));
        System.err.println("to stderr"); System.exit(5);
    }
}
'''


def tool(name):
    path = shutil.which(name)
    if not path:
        skip(f'{name} is not installed')
    return path


def build(folder, argv):
    """Builds with the caches of the user, because compiling Go's library takes long."""
    result = run(argv, dict(os.environ, GO111MODULE='off'), cwd=folder)
    equal(result.returncode, 0, f'{argv}: {result.stderr[-1500:]}')


def write(folder, name, text):
    path = f'{folder}/{name}'
    with open(path, 'w') as f:
        f.write(text)
    return path


def cgo(folder):
    tool('go')
    tool('gcc')
    write(folder, 'main.go', CGO)
    build(folder, ['go', 'build', '-o', 'program', 'main.go'])
    return [f'{folder}/program']


def rust(folder):
    write(folder, 'main.rs', RUST)
    build(folder, [tool('rustc'), '-O', '-o', 'program', 'main.rs'])
    return [f'{folder}/program']


def java(folder):
    write(folder, 'Main.java', JAVA)
    build(folder, [tool('javac'), 'Main.java'])
    return [tool('java'), '-Xmx64m', '-XX:TieredStopAtLevel=1', '-cp', folder, 'Main']


LANGUAGES = {
    'python3': lambda folder: [sys.executable, '-c', PYTHON],
    'perl': lambda folder: [tool('perl'), '-e', PERL],
    'node': lambda folder: [tool('node'), write(folder, 'main.js', NODE)],
    'bash': lambda folder: [tool('bash'), '-c', BASH],
    'cgo': cgo,
    'rust': rust,
    'java': java,
}


def without_profilers_lines(text):
    return [line for line in text.splitlines() if not line.startswith('heapprof:')]


@test(language=LANGUAGES)
def test_same_behaviour(folder, language):
    argv = LANGUAGES[language](folder)
    env = dict(LC_ALL='C')
    bare = run(argv, environment(folder, preload=None, HEAPPROFILE=None, **env))
    equal(bare.returncode, 5, f'status without the library: {bare.stderr}')
    for interval in ('512K', '4K', '1'):
        dumps = f'{folder}/{interval}'
        os.mkdir(dumps)
        got = run(argv, environment(dumps, HEAP_PROFILE_SAMPLE_INTERVAL=interval, **env))
        equal(got.returncode, bare.returncode, f'status at {interval}')
        equal(got.stdout, bare.stdout, f'standard output at {interval}')
        equal(without_profilers_lines(got.stderr), bare.stderr.splitlines(),
              f'standard error at {interval}')
        check(dumps_in(dumps), f'no dump at {interval}')
        dumps_in(dumps, '.*')


main()
