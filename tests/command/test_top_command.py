#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`heapprof top`: screens are compared with texts in screens/, in which numbers that depend on time are
masked. UPDATE_SCREENS=1 writes these texts anew; look at them before you commit them."""

import os
import pathlib
import re
import shlex
import signal
import subprocess

import command
import cli
import tap
from command import HEAPPROF
from shop import Shop
from terminal import Terminal, shell

tap.need('tmux', 'g++', 'bash')

PPROFCONV = str(command.BUILD / 'pprofconv' / 'pprofconv')
SCREENS = pathlib.Path(__file__).resolve().parent / 'screens'


def top(*args):
    """Returns the command line; with an hour between two rounds, a round is made when a key asks for it."""
    return shlex.join([HEAPPROF, 'top', '--every', '1h', *map(str, args)])


def watch(folder, shop, *args, width=80, height=24, before='', **env):
    """Opens a screen that shows the functions of the namespace shop."""
    settings = ' '.join(f'{name}={shlex.quote(value)}' for name, value in env.items())
    terminal = Terminal(folder, shell(f'cd {folder}', before,
                                      f'env {settings} {top(*args, shop.pid)}; echo status=$?'),
                        width, height, command.environment(folder))
    terminal.wait_for('q quit')
    if not args:
        terminal.type('/shop::')
        terminal.wait_for('Enter filter')
        terminal.press('Enter')
        terminal.wait_for(', /shop::', without=['Enter filter'])
    return terminal


def masked(text):
    """Masks numbers that depend on time or on the machine."""
    text = re.sub(r'^\d+ \(', 'PID (', text)
    text = re.sub(r': \S+ in use, RSS \S+?(, memory\.max .*|$)', ': N in use, RSS N', text, flags=re.M)
    text = re.sub(r'; \S+ in [^,]+, since \S+?; recorded since \S+', '; +N in TIME, since TIME', text)
    text = re.sub(r', (one every [^;\n]+|\d+ a second|but none in the last .*|most of it at once .*)',
                  ', PERIOD', text)
    text = re.sub(r'at this rate \S+ \S+ a day(, memory.max in .*)?', 'at this rate N a day', text)
    text = re.sub(r' \u2190 main\b.*', ' \u2190 main', text)  # the C library's names differ
    # in an exact profile, ALLOC/S is in these columns
    return re.sub(r'^( *\S+ +[-+]?[\d.]+[BKMG]?[ *]) +[\d.]+[BKMG]?  ', r'\1       N  ', text, flags=re.M)


def compare(name, text):
    path = SCREENS / f'{name}.txt'
    text = masked(text) + '\n'
    if os.environ.get('UPDATE_SCREENS'):
        path.write_text(text, encoding='utf-8')
    expected = path.read_text(encoding='utf-8')
    tap.check(text == expected, f'{path.name} differs:\n--- found\n{text}--- expected\n{expected}')


def next_round(terminal, *texts):
    terminal.press('Space')
    return terminal.wait_for(*texts)


# --- the screen ------------------------------------------------------------------------------------


@tap.test(width=[80, 120])
def a_leak_is_seen_as_it_grows(folder, width):
    with Shop(folder) as shop, watch(folder, shop, width=width) as terminal:
        compare(f'opened-{width}', terminal.wait_for('fill_cache'))
        shop.do('login 20', 'refresh 10', 'request 50', 'order 3')
        next_round(terminal, '30 blocks of 4.0 KiB')
        compare(f'grown-{width}', terminal.screen())
        terminal.press('Right')
        terminal.wait_for('login')
        compare(f'stacks-{width}', terminal.screen())
        terminal.press('Down')
        terminal.press('Enter')
        terminal.wait_for('__libc_start')
        terminal.press('Left')
        terminal.wait_for('login', without=['  shop::login\n'])
        terminal.press('Left', 'Left')
        terminal.wait_for('keep_in', without=['login'])


@tap.test
def growth_counts_from_the_mark(folder):
    with Shop(folder) as shop, watch(folder, shop) as terminal:
        shop.do('login 5')
        next_round(terminal, '+20.0K*')
        terminal.press('m')
        terminal.wait_for('growth counts from here', without=['+20.0K*'])
        shop.do('login 2')
        next_round(terminal, '+8.00K*', '2 blocks of 4.0 KiB')


@tap.test
def keys_choose_rows_and_order(folder):
    with Shop(folder) as shop, watch(folder, shop) as terminal:
        shop.do('login 3', 'order 4', 'request 500')
        next_round(terminal, '+12.0K*')
        terminal.press('u')
        terminal.wait_for('rows by memory in use')
        compare('by-inuse-80', terminal.screen())
        terminal.press('a')
        terminal.wait_for('rows by allocation rate')
        tap.is_in('shop::serve_request', terminal.screen().splitlines()[4])
        terminal.press('g', 'H', 's')
        terminal.wait_for('STACK', 'hidden')
        compare('all-stacks-80', terminal.screen())
        terminal.press('c')
        terminal.wait_for('FUNCTION, WITH ALL THAT IT CALLS')
        tap.is_in('shop::login', terminal.screen())
        terminal.press('c', 'H')
        terminal.wait_for('FUNCTION', without=['hidden', 'CALLS'])
        terminal.press('Escape')
        terminal.wait_for('rows by growth', without=[', /shop'])
        terminal.press('?')
        terminal.wait_for('back to the list')
        compare('help-80', terminal.screen())
        terminal.press('x')
        terminal.wait_for('q quit')


@tap.test
def a_wrong_filter_is_reported(folder):
    with Shop(folder) as shop, watch(folder, shop) as terminal:
        terminal.type('/[')
        terminal.wait_for('/shop::[')
        terminal.press('Enter')
        terminal.wait_for('--filter:', 'shop::fill_cache')
        terminal.type('/x')
        terminal.press(*['BSpace'] * len('shop::x'))
        terminal.type('cache')
        terminal.wait_for('/cache')
        terminal.press('Enter')
        terminal.wait_for('1 row by growth, /cache')


@tap.test
def names_are_shortened_to_fit(folder):
    with Shop(folder) as shop, watch(folder, shop) as terminal:
        shop.do('order 1')
        shown = next_round(terminal, 'keep_in')
        tap.is_in('shop::keep_in_the_index_of_all_orders<\u2026>', shown)
        terminal.press('f')
        terminal.wait_for('all_orders<std::')
        tap.equal([len(line) for line in terminal.screen().splitlines() if len(line) > 80], [])


@tap.test
def a_reading_is_saved(folder):
    with Shop(folder) as shop, watch(folder, shop) as terminal:
        for number in (1, 2):
            terminal.press('w')
            terminal.wait_for(f'saved: shop.{shop.pid}.000{number}.heap')
        done = cli.run(PPROFCONV, 'top', '-q', f'{folder}/shop.{shop.pid}.0002.heap')
        tap.is_in('shop::fill_cache', done.stdout)


@tap.test
def a_save_that_fails_is_reported(folder):
    with Shop(folder) as shop, watch(folder, shop, before='mkdir gone; cd gone; rmdir ../gone') as terminal:
        terminal.press('w')
        terminal.wait_for(f'{shop.pid}.0001.heap: ')
        terminal.press('q')
        terminal.wait_for('status=0')


@tap.test
def the_window_changes_its_size(folder):
    with Shop(folder) as shop, watch(folder, shop) as terminal:
        shop.do('login 30')
        next_round(terminal, '30 blocks')
        for width, height in ((120, 30), (60, 10), (20, 4), (5, 2), (300, 50)):
            terminal.resize(width, height)
            terminal.press('Space')
            terminal.wait_for('shop'[:width] if height > 2 else 'q')
        terminal.resize(80, 24)
        compare('resized-80', terminal.wait_for(f'{shop.pid} (shop)', 'q quit', '30 blocks'))
        terminal.press('q')
        terminal.wait_for('status=0')


# --- terminals -------------------------------------------------------------------------------------


@tap.test
def colours_can_be_off(folder):
    with Shop(folder) as shop:
        for env, is_coloured in (({}, True), ({'NO_COLOR': '1'}, False), ({'TERM': 'vt100'}, False)):
            with watch(folder, shop, **env) as terminal:
                shop.do('login 1')
                next_round(terminal, '+4.00K*')
                tap.equal('\x1b[31m' in terminal.screen(colours=True), is_coloured, env)


@tap.test
def a_terminal_without_utf8(folder):
    with Shop(folder) as shop, watch(folder, shop, LC_ALL='C') as terminal:
        shop.do('login 1', 'order 1')
        next_round(terminal, '+4.00K*')
        terminal.press('Enter')
        shown = terminal.wait_for('<- ')
        tap.check(shown.isascii(), shown)


@tap.test
def a_terminal_without_a_cursor_gets_text(folder):
    with Shop(folder) as shop, Terminal(
            folder, shell(f'TERM=dumb {HEAPPROF} top --every 1h {shop.pid}'), env=command.environment(folder)
    ) as terminal:
        shown = terminal.wait_for('FUNCTION', 'shop::fill_cache')
        tap.check('q quit' not in shown, shown)


@tap.test
def the_terminal_is_restored(folder):
    ends = {'q': ('key', 0), 'C-c': ('key', 0), 'TERM': (signal.SIGTERM, 143), 'QUIT': (signal.SIGQUIT, 131),
            'SEGV': (signal.SIGSEGV, 139), 'ABRT': (signal.SIGABRT, 134)}
    with Shop(folder) as shop:
        for name, (how, status) in ends.items():
            script = (f'cd {folder}', 'ulimit -c 0', 'trap : INT QUIT', 'echo before', 'stty -g >before',
                      top(shop.pid), 'status=$?', 'stty -g >after', 'echo status=$status')
            with Terminal(folder, shell(*script), env=command.environment(folder)) as terminal:
                terminal.wait_for('q quit')
                if how == 'key':
                    terminal.press(name)
                else:
                    os.kill(child_of(terminal), how)
                terminal.wait_for('before', f'status={status}', without=['q quit'])
                tap.equal(pathlib.Path(folder, 'after').read_text(encoding='utf-8'),
                          pathlib.Path(folder, 'before').read_text(encoding='utf-8'), name)
                tap.equal(terminal.tmux('display', '-p', '#{cursor_flag} #{alternate_on}'), '1 0\n', name)


def child_of(terminal):
    """Returns the process ID of `heapprof` in the terminal."""
    shell_pid = terminal.tmux('display', '-p', '#{pane_pid}').strip()
    children = pathlib.Path(f'/proc/{shell_pid}/task/{shell_pid}/children').read_text(encoding='utf-8')
    return int(children.split()[0])


@tap.test
def it_stops_and_goes_on(folder):
    with Shop(folder) as shop, Terminal(folder, '', interactive=True,
                                        env=command.environment(folder)) as terminal:
        terminal.type(f'cd {folder}; {top(shop.pid)}')
        terminal.press('Enter')
        terminal.wait_for('q quit')
        terminal.press('C-z')
        terminal.wait_for('Stopped', without=['q quit'])
        terminal.type('fg')
        terminal.press('Enter')
        terminal.wait_for('q quit', 'fill_cache')
        terminal.press('q')
        terminal.wait_for('Stopped', without=['q quit'])


# --- the process -----------------------------------------------------------------------------------


@tap.test
def the_last_screen_stays_when_the_process_ends(folder):
    with Shop(folder) as shop, watch(folder, shop) as terminal:
        shop.do('login 3')
        next_round(terminal, '+12.0K*')
        shop.process.kill()
        shop.process.wait()
        terminal.wait_for('the process has ended; this is its last reading', '+12.0K*')
        terminal.press('Space', 'm')
        terminal.wait_for('growth counts from here')
        terminal.press('q')
        terminal.wait_for('status=0')


@tap.test
def names_from_the_process_reach_the_terminal_without_controls(folder):
    tap.need('objcopy')
    name = '\x1b[2Jevil\x9b\u202e\x07.so'
    path = f'{folder}/\x1b[31mred\u202e'
    source = f'{folder}/evil.c'
    command.write_program(source, '''#include <stdio.h>
#include <stdlib.h>
void *volatile kept;
__attribute__((noinline)) void evil(void) { kept = malloc(12345); }
int main(void) { evil(); puts("ready"); fflush(stdout); return getchar(); }
''')
    tap.equal(cli.run('gcc', '-O1', '-c', '-o', f'{folder}/evil.o', source).returncode, 0)
    tap.equal(cli.run('objcopy', f'--redefine-sym=evil={name}', f'{folder}/evil.o').returncode, 0)
    tap.equal(cli.run('gcc', '-o', path, f'{folder}/evil.o').returncode, 0)
    with Shop(folder, path=path) as shop:
        with Terminal(folder, shell(top(shop.pid)), env=command.environment(folder)) as terminal:
            terminal.wait_for('?[2Jevil', '?[31mred', 'q quit')
        text = command.heapprof(folder, 'top', '--once', str(shop.pid)).stdout
        tap.check(all(c == '\n' or c.isprintable() for c in text), repr(text))


# --- text ------------------------------------------------------------------------------------------


def rounds(folder, *args, **env):
    done = command.heapprof(folder, 'top', *map(str, args), env=command.environment(folder, **env))
    tap.equal((done.returncode, done.stderr), (0, ''))
    return done.stdout


@tap.test
def one_round_has_no_growth(folder):
    with Shop(folder) as shop:
        lines = rounds(folder, '--once', shop.pid).splitlines()
        tap.equal(lines[2], ' IN USE ALLOC/S  FUNCTION')
        tap.check(re.fullmatch(r'  4\.00M +\S+  shop::fill_cache', lines[3]), lines[3])
        tap.check(re.fullmatch(rf'{shop.pid} \(shop\): 4\.\d+M in use, RSS \S+(, memory.max .*)?', lines[0]),
                  lines[0])


@tap.test
def rounds_show_growth_from_the_first(folder):
    with Shop(folder) as shop:
        process = subprocess.Popen([HEAPPROF, 'top', '--every=1s', '--rounds=3', str(shop.pid)],
                                   stdout=subprocess.PIPE, text=True, env=command.environment(folder))
        first = process.stdout.readline()
        shop.do('login 30')
        rest = process.stdout.read()
        tap.equal(process.wait(), 0)
        tap.is_in('in use', first)
        tap.equal(rest.count('FUNCTION'), 3)
        tap.check(re.search(r'^ +120K +\+120K\* +\S+  shop::remember_session\n'
                            r' +30 blocks of 4\.0 KiB, ', rest, flags=re.M), rest)


@tap.test
def text_fits_into_columns(folder):
    with Shop(folder) as shop:
        shop.do('order 5')
        shop.do('login 5')
        for width in (20, 40, 80, 120):
            text = rounds(folder, '--once', '--stacks', shop.pid, COLUMNS=width, LC_ALL='C.UTF-8')
            tap.equal([line for line in text.splitlines() if len(line) > width], [])
        tap.is_in('__libc_start_main', rounds(folder, '--once', '--stacks', shop.pid))


@tap.test
def text_goes_on_until_the_process_ends(folder):
    with Shop(folder) as shop:
        process = subprocess.Popen([HEAPPROF, 'top', '--every=1h', str(shop.pid)], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=command.environment(folder))
        process.stdout.readline()
        shop.process.kill()
        out, err = process.stdout.read(), process.stderr.read()
        tap.equal((process.wait(), err), (0, f'heapprof: {shop.pid} (shop): the process has ended\n'))
        tap.equal(out.count('FUNCTION'), 1)


@tap.test
def an_estimate_has_its_error(folder):
    with Shop(folder, interval=65536) as shop:
        lines = rounds(folder, '--once', shop.pid, LC_ALL='C').splitlines()
        tap.equal(lines[2], ' IN USE     +- ALLOC/S  FUNCTION')
        tap.check(re.fullmatch(r' +\S+M +\S+[KM] +\S+  shop::fill_cache', lines[3]), lines[3])
        tap.is_in('R 64K', lines[1])


@tap.test
def names_are_hidden(folder):
    with Shop(folder) as shop:
        shop.do('order 10')
        text = rounds(folder, '--once', '--lines=0', '--hide=^std::|^void|^operator|shop::keep', shop.pid)
        tap.is_in('shop::order', text)
        tap.check('std::' not in text, text)


# --- what is refused -------------------------------------------------------------------------------


def refusal(folder, *args):
    done = command.heapprof(folder, 'top', *map(str, args), cwd=folder)
    tap.equal((done.returncode, done.stdout), (2, ''))
    tap.equal(len(done.stderr.splitlines()), 1, done.stderr)
    return done.stderr.removeprefix('heapprof: ').rstrip('\n')


@tap.test
def wrong_options_are_refused(folder):
    pid = os.getpid()
    tap.equal(refusal(folder), "expected one process ID or name; see 'heapprof top --help'")
    tap.equal(refusal(folder, '--sort=name', pid),
              "--sort: unknown order 'name'; expected growth, inuse or rate")
    tap.equal(refusal(folder, '--every=0', pid), "--every: invalid time '0'; expected one such as 2s or 5m")
    tap.equal(refusal(folder, '--once', '--rounds=2', pid), '--once and --rounds exclude each other; give one')
    tap.equal(refusal(folder, '--stacks', '--cum', pid), '--stacks and --cum exclude each other; give one')
    tap.is_in("--hide: '(': ", refusal(folder, '--hide=(', pid))


@tap.test
def a_process_without_the_library_is_refused(folder):
    with command.Waiting('sh', '-c', 'echo; exec sleep 1000', env=command.environment(folder)) as pid:
        tap.is_in('heapprof is not in it', refusal(folder, pid))


@tap.test
def the_other_program_is_named(folder):
    pathlib.Path(folder, 'x.heap').write_text('', encoding='utf-8')
    tap.equal(refusal(folder, 'x.heap'), 'x.heap is a file, not a process; to read a dump or a core, type '
              "'pprofconv top x.heap'")
    done = cli.run(PPROFCONV, 'top', '4711', cwd=folder)
    tap.equal((done.returncode, done.stderr),
              (2, "pprofconv: no file '4711'; to watch that process, type 'heapprof top 4711', or give "
               'pid:4711\n'))


tap.main()
