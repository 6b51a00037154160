#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`heapprof PID`: what grows in a process, in rounds of text and on a terminal."""

import os
import re
import signal
import subprocess

import command
import cli
import tap
from command import HEAPPROF
from shop import Shop
from terminal import Terminal, shell

tap.need('g++')


def follow(folder, shop, *args):
    """Starts it on the shop, and waits for the first reading."""
    process = subprocess.Popen([*command.WITH_SIGNALS, HEAPPROF, str(shop.pid), *args], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env=command.environment(folder))
    read_to(process, 'growth counts from here')
    return process


def read_to(process, text):
    """Reads the output to the line with the text; returns it."""
    lines = []
    while not lines or text not in lines[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], f'no {text!r}: {lines}'
    return ''.join(lines)


@tap.test
def what_grew_is_named_and_the_rest_is_not(folder):
    with Shop(folder) as shop:
        process = follow(folder, shop, '--every=1s')
        shop.do('login 20', 'refresh 10', 'request 50')
        text = read_to(process, '30 blocks of 4.0 KiB') + read_to(process, 'shop::refresh')
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        tap.equal(process.returncode, 0)
        tap.check(re.search(r'^ +120K +\+120K\* +\S+  shop::remember_session\n +30 blocks of 4\.0 KiB, ',
                            text,
                            flags=re.M), text)
        for bytes_and_caller in (r'80\.0K \S+ shop::login', r'40\.0K \S+ shop::refresh'):
            tap.check(re.search(rf'^    \+{bytes_and_caller} (<-|\u2190) main', text, flags=re.M), text)
        tap.check('fill_cache' not in text + out and 'serve_request' not in text + out, text + out)
        tap.equal(err, f'  {HEAPPROF} {shop.pid} --stacks\n')


@tap.test
def callers_count_for_the_containers_that_they_call(folder):
    with Shop(folder) as shop:
        process = follow(folder, shop, '--every=1s')
        shop.do('order 40')
        text = read_to(process, '40 blocks of 503 B')
        process.terminate()
        process.communicate()
        tap.is_in('shop::order\n', text)
        tap.check('  std::' not in text and 'operator new' not in text, text)


@tap.test
def stacks_are_shown(folder):
    with Shop(folder) as shop:
        process = follow(folder, shop, '--every=1s', '--stacks')
        shop.do('login 20', 'refresh 10')
        text = read_to(process, '10 blocks of 4.0 KiB')
        process.terminate()
        _, err = process.communicate()
        tap.check(re.search(r'shop::remember_session (<-|\u2190) shop::login (<-|\u2190) main', text), text)
        tap.equal(err, f'  {HEAPPROF} dump {shop.pid}\n')


@tap.test
def no_growth_is_said(folder):
    with Shop(folder) as shop:
        done = command.heapprof(folder, str(shop.pid), '--every=1s', '--rounds=2', '-q')
        tap.equal((done.returncode, done.stderr), (0, ''))
        tap.equal(done.stdout.splitlines()[-1], 'nothing has grown by more than the sampling error')


@tap.test
def each_signal_that_asks_for_the_end_ends_it(folder):
    with Shop(folder) as shop:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            process = follow(folder, shop, '--every=1h')
            process.send_signal(number)
            tap.equal((process.communicate()[1], process.returncode), (f'  {HEAPPROF} {shop.pid} --stacks\n', 0))


@tap.test
def it_ends_when_nobody_reads_it(folder):
    with Shop(folder) as shop:
        process = follow(folder, shop, '--every=1s')
        process.stdout.close()
        tap.equal((process.wait(), process.stderr.read()), (-signal.SIGPIPE, ''))
        process.stderr.close()


@tap.test
def it_ends_with_the_process(folder):
    with Shop(folder) as shop:
        process = follow(folder, shop, '--every=1h')
        shop.process.kill()
        tap.equal((process.communicate()[1], process.returncode),
                  (f'heapprof: {shop.pid} (shop): the process has ended\n', 0))


@tap.test
def a_terminal_gets_the_screen(folder):
    tap.need('tmux', 'bash')
    with Shop(folder) as shop:
        script = ('trap : INT', f'{HEAPPROF} {shop.pid} --every=1h', 'echo status=$?')
        with Terminal(folder, shell(*script), env=command.environment(folder)) as terminal:
            terminal.wait_for('q quit')
            shop.do('login 3')
            terminal.press('Space')
            terminal.wait_for('3 blocks of 4.0 KiB', '+12.0K*')
            terminal.press('s')
            terminal.wait_for('STACK')
            terminal.press('C-c')
            terminal.wait_for(f' {shop.pid} --stacks', 'status=0', without=['q quit'])


@tap.test
def wrong_words_are_refused(folder):
    def refusal(*args):
        done = command.heapprof(folder, *map(str, args), cwd=folder)
        tap.equal((done.returncode, done.stdout), (2, ''))
        return done.stderr.removeprefix('heapprof: ').rstrip('\n')

    tap.equal(refusal(2147483647), 'no process 2147483647')
    tap.equal(refusal(os.getpid(), '--every=x'), "--every: invalid time 'x'; expected one such as 5s or 1m")
    tap.equal(refusal(os.getpid(), 4711), "expected one process ID or name; see 'heapprof --help'")
    tap.is_in("is a thread of process", refusal_of_a_thread(folder))


def refusal_of_a_thread(folder):
    code = 'import threading, time; t = threading.Thread(target=time.sleep, args=[1000], daemon=True); ' \
           't.start(); print(t.native_id, flush=True); time.sleep(1000)'
    with subprocess.Popen(['python3', '-c', code], stdout=subprocess.PIPE, text=True) as process:
        thread = int(process.stdout.readline())
        said = command.heapprof(folder, str(thread)).stderr
        process.kill()
    tap.is_in(f"type 'heapprof {process.pid}'\n", said)
    return said


@tap.test
def its_help_is_under_its_name(folder):
    text = command.heapprof(folder, 'help', 'PID').stdout
    assert text.startswith('Usage: heapprof PID [OPTION]...\n'), text
    tap.equal(cli.run(HEAPPROF, '4711', '--help').stdout, text)


tap.main()
