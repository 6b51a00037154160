# SPDX-License-Identifier: MIT
"""Parses a README with commands and their output, and compares two outputs.

A fenced block that begins with ```console contains commands and their output. The first line of a
command begins with `$ `, its other lines with `> `. After `console` there may be `until=WORD`. Then,
in each output of the block, the lines after the first line with that word may differ from run to run.
The word must be in one of these outputs. With `free` the whole output may differ. The output of
`$ echo $?` is always compared literally."""

import dataclasses
import re

FENCE = '```'
LANGUAGE = 'console'
ASK_STATUS = 'echo $?'


class Malformed(Exception):
    """It is not clear what to run in a README."""


@dataclasses.dataclass
class Command:
    """One command and its output, in the README or in a run."""
    text: str
    output: list[str]
    until: str = ''
    is_free: bool = False
    status: int = 0
    block: int = 0  # the number of the line with its fence

    def lines(self):
        first, *more = self.text.split('\n')
        return [f'$ {first}', *(f'> {line}' for line in more), *self.output]


@dataclasses.dataclass
class Prose:
    """The lines between two blocks, with the fences of both."""
    text: list[str]

    def lines(self):
        return self.text


def _take_command(lines, options, block):
    text = [lines.pop(0).removeprefix('$ ')]
    while lines and lines[0].startswith('> '):
        text.append(lines.pop(0).removeprefix('> '))
    output = []
    while lines and not lines[0].startswith('$ '):
        output.append(lines.pop(0))
    return Command('\n'.join(text), output, options['until'], options['free'], block=block)


def _parse_options(words, line):
    options = {'until': '', 'free': False}
    for word in words:
        name, equals, value = word.partition('=')
        if word == 'free':
            options['free'] = True
        elif name == 'until' and equals and value:
            options['until'] = value
        else:
            raise Malformed(f'line {line}: no option of a block: {word}')
    return options


def _commands(block, options, line):
    """Returns the commands in the lines of a block."""
    if not block or not block[0].startswith('$ '):
        raise Malformed(f'line {line}: a block that begins with no command')
    commands = []
    while block:
        commands.append(_take_command(block, options, line))
    return commands


# Matches a fence of CommonMark, and the text after it.
_ANY_FENCE = re.compile(r'\s*(`{3,}|~{3,})(.*)')


def _block_end(lines, start, fence):
    """Returns the number of the line that closes the block that begins at `start`."""
    for n in range(start + 1, len(lines)):
        found = _ANY_FENCE.fullmatch(lines[n])
        if found and found[1].startswith(fence) and not found[2].strip():
            return n
    raise Malformed(f'line {start + 1}: a block without end')


def parse(text):
    """Returns the parts of a README: commands and prose."""
    lines = text.splitlines()
    parts, prose, at = [], [], 0
    while at < len(lines):
        found = _ANY_FENCE.fullmatch(lines[at])
        if not found:
            prose.append(lines[at])
            at += 1
            continue
        language, *words = found[2].split() or ['']
        end = _block_end(lines, at, found[1])
        if language == LANGUAGE and lines[at].startswith(FENCE + LANGUAGE):
            commands = _commands(lines[at + 1:end], _parse_options(words, at + 1), at + 1)
            parts += [Prose([*prose, lines[at]]), *commands]
            prose = [lines[end]]
        elif language.casefold() == LANGUAGE:
            raise Malformed(f'line {at + 1}: would not be run: {lines[at]}')
        else:
            prose += lines[at:end + 1]
        at = end + 1
    return [*parts, Prose(prose)]


def commands_of(parts):
    return [part for part in parts if isinstance(part, Command)]


def unused_words(commands):
    """Returns a message for each word of `until=` that is in no output of its block. The message
    has the line of the block."""
    blocks = {(command.block, command.until): [] for command in commands if command.until}
    for command in commands:
        if command.until:
            blocks[command.block, command.until] += command.output
    return [f'line {block}: no output has the word of until={word}'
            for (block, word), output in blocks.items()
            if not any(word in line for line in output)]


def format_parts(parts):
    return '\n'.join(line for part in parts for line in part.lines()) + '\n'


# What varies from run to run: dates and times as pprof writes them, build IDs, numbers with their
# units, bars, and the spaces that align columns.
_MONTH = r'(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)'
_DATE = rf'\b{_MONTH} \d+, \d+ at \d+:\d+[ap]m\b'
_HASH = r'\b[0-9a-f]{16,}\b'
_NUMBER = r'(?:0x[0-9a-f]+|\d+(?:[.,]\d+)*(?:e[-+]?\d+)?)'
_UNIT = r'(?: ?(?:[kKMGT]i?B?|B|bytes|ns|us|µs|ms|s|min|h)\b)?'
_VARYING = [
    (re.compile(_DATE), '#'),
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
    """Returns the shapes of the lines that must be the same in each run."""
    if command.text == ASK_STATUS:
        return output
    if command.is_free:
        return []
    shapes = [shape(line) for line in output]
    if command.until:
        for n, line in enumerate(output, 1):
            if command.until in line:
                return shapes[:n]
    return shapes


def differs(command, output):
    """Returns whether an output has another shape than that in the README."""
    return _compared(command, command.output) != _compared(command, output)
