# SPDX-License-Identifier: MIT
"""What the command-line tests share: running pprofconv and other programs."""

import fcntl
import os
import pty
import struct
import sys
import termios

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'common'))

import running  # noqa: E402: after the path to it

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data')
PPROFCONV = os.environ.get('PPROFCONV', 'pprofconv')
PATIENCE = 300  # seconds


def data(name):
    return os.path.join(DATA, name)


def pprofconv(*args, **options):
    """Runs pprofconv; returns its Result (see running.py)."""
    return run(PPROFCONV, *args, **options)


def run(*args, **options):
    return running.run(args, patience=PATIENCE, **options)


def succeed(*args, **options):
    """Runs pprofconv, which must exit with status 0 and print nothing to stderr; returns its
    stdout."""
    done = pprofconv(*args, **options)
    assert done.returncode == 0, f'{args}: exit {done.returncode}: {done.stderr}'
    assert done.stderr == '', f'{args}: {done.stderr}'
    return done.stdout


def go_pprof(*args):
    """Runs `go tool pprof`, which must exit with status 0; returns its stdout."""
    done = run('go', 'tool', 'pprof', *args)
    assert done.returncode == 0, f'go tool pprof {args}: {done.stderr}'
    return done.stdout


def on_terminal(*args, width=80, **variables):
    """Returns what pprofconv prints on standard output, a terminal of so many columns."""
    main, other = pty.openpty()
    fcntl.ioctl(main, termios.TIOCSWINSZ, struct.pack('HHHH', 24, width, 0, 0))
    env = {key: value for key, value in os.environ.items() if key not in ('NO_COLOR', 'COLUMNS')}
    run('sh', '-c', 'exec "$0" "$@" >/dev/fd/%d' % other, PPROFCONV, *args,
        env={**env, 'TERM': 'xterm', 'LC_ALL': 'C.UTF-8', **variables}, pass_fds=[other])
    os.close(other)
    text = b''
    try:
        while piece := os.read(main, 65536):
            text += piece
    except OSError:  # all has been read
        pass
    os.close(main)
    return text.decode()
