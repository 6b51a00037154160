# SPDX-License-Identifier: MIT
"""A README with commands and what they print: its parts, and how two printings compare.

A fenced block that begins with ```console holds commands and their output. `$ ` stands before a
command, `> ` before each further line of it. Behind `console` may stand `until=WORD`: of each
output, the lines behind the first with that word are shown, but may differ from run to run. `free`
says so of the whole block."""

import dataclasses
import re

FENCE = '```'
LANGUAGE = 'console'


@dataclasses.dataclass
class Command:
    """One command, and what it printed: in the README, or in a run."""
    text: str
    output: list[str]
    until: str = ''
    is_free: bool = False
    status: int = 0

    def lines(self):
        first, *more = self.text.split('\n')
        return [f'$ {first}', *(f'> {line}' for line in more), *self.output]


@dataclasses.dataclass
class Prose:
    """Lines between blocks, with the fences of both."""
    text: list[str]

    def lines(self):
        return self.text


def _take_command(lines, options):
    text = [lines.pop(0).removeprefix('$ ')]
    while lines and lines[0].startswith('> '):
        text.append(lines.pop(0).removeprefix('> '))
    output = []
    while lines and not lines[0].startswith('$ '):
        output.append(lines.pop(0))
    until = [o.removeprefix('until=') for o in options if o.startswith('until=')]
    return Command('\n'.join(text), output, ''.join(until), 'free' in options)


def _take_block(lines, options):
    """The commands up to the end of a block; the fence stays."""
    block = []
    while lines[0] != FENCE:
        block.append(lines.pop(0))
    commands = []
    while block:
        assert block[0].startswith('$ '), f'a block begins with {block[0]!r}, not with a command'
        commands.append(_take_command(block, options))
    return commands


def parse(text):
    """The parts of a README, commands and prose."""
    lines = text.splitlines()
    parts, prose, is_foreign = [], [], False
    while lines:
        line = lines.pop(0)
        prose.append(line)
        if not line.startswith(FENCE):
            continue
        language, *options = line.removeprefix(FENCE).split() or ['']
        if is_foreign or language != LANGUAGE:
            is_foreign = not is_foreign
            continue
        parts += [Prose(prose), *_take_block(lines, options)]
        prose = [lines.pop(0)]
    return [*parts, Prose(prose)]


def commands_of(parts):
    return [part for part in parts if isinstance(part, Command)]


def format_parts(parts):
    return '\n'.join(line for part in parts for line in part.lines()) + '\n'


# What varies from run to run: build IDs, numbers with their units, dates, bars, and the spaces that
# align.
_HASH = r'\b[0-9a-f]{16,}\b'
_NUMBER = r'(?:0x[0-9a-f]+|\d+(?:[.,]\d+)*(?:e[-+]?\d+)?)'
_UNIT = r'(?: ?(?:[kKMGT]i?B?|B|bytes|ns|us|µs|ms|s|min|h)\b)?'
_VARYING = [
    (re.compile(_HASH), '#'),
    (re.compile(rf'{_NUMBER}{_UNIT}'), '#'),
    (re.compile('[▁▂▃▄▅▆▇█]+'), '▁'),
    (re.compile('─+|-{2,}'), '-'),
    (re.compile('[ \t]+'), ' '),
]


def shape(line):
    for pattern, one in _VARYING:
        line = pattern.sub(one, line)
    return line.strip()


def _compared(command, output):
    """The shapes of those lines that must be the same each time."""
    if command.is_free:
        return []
    shapes = [shape(line) for line in output]
    if command.until:
        for n, line in enumerate(output, 1):
            if command.until in line:
                return shapes[:n]
    return shapes


def differs(command, output):
    """Whether an output is of another shape than the README's."""
    return _compared(command, command.output) != _compared(command, output)
