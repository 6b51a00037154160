# SPDX-License-Identifier: MIT
"""A terminal that a test types into and whose screen it reads: a window of a tmux server of its own."""

import itertools
import shlex

import running


_numbers = itertools.count()  # a server that ends may still have its socket


class Terminal:
    """Runs a command line in a shell, which stays when the command has ended."""

    def __init__(self, folder, command, width=80, height=24, env=None, interactive=False):
        self.socket = f'{folder}/tmux.{next(_numbers)}'
        self.env = {**(env or {}), 'LC_ALL': 'C.UTF-8'}
        self.tmux('-f', '/dev/null', 'new-session', '-d', '-x', str(width), '-y', str(height),
                  'exec bash --norc --noprofile -i' if interactive else command)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        running.run(['tmux', '-S', self.socket, 'kill-server'], env=self.env)

    def tmux(self, *args):
        done = running.run(['tmux', '-u', '-S', self.socket, *args], env=self.env)
        assert done.returncode == 0, f'tmux {args}: {done.stderr}'
        return done.stdout

    def press(self, *keys):
        """Presses keys, which have tmux's names: Enter, Right, C-c."""
        self.tmux('send-keys', *keys)

    def type(self, text):
        self.tmux('send-keys', '-l', text)

    def resize(self, width, height):
        self.tmux('resize-window', '-x', str(width), '-y', str(height))

    def screen(self, colours=False):
        """Returns the text of the screen, with escape sequences for attributes if `colours` is set."""
        text = self.tmux('capture-pane', '-p', *(['-e'] if colours else []))
        return '\n'.join(line.rstrip() for line in text.rstrip('\n').split('\n'))

    def wait_for(self, *texts, without=()):
        """Waits until the screen has all texts and none of those in `without`; returns the screen."""
        shown = ''

        def is_shown():
            nonlocal shown
            shown = self.screen()
            return all(text in shown for text in texts) and not any(text in shown for text in without)

        try:
            running.wait_until(is_shown, f'the screen shows {texts} without {without}')
        except AssertionError as error:
            raise AssertionError(f'{error}; it shows\n{shown}') from None
        return shown


def shell(*lines):
    """Returns the command line of a shell that runs these lines and then waits."""
    return shlex.join(['sh', '-c', '\n'.join(lines) + '\nexec sleep 1000'])
