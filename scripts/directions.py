# SPDX-License-Identifier: MIT
"""Which way the rooms of a program use each other. ARCHITECTURE.md has them as the rows of a table: a
room may use itself and those above it. What lies in no room, main.c, may use all."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Rows of a table that begins with the program's name: | `base/` | rule | files |
# A room that is a program of its own, and whose rooms it uses in place of those above it.
GUESTS = {('profiler', 'command'): 'pprofconv'}
_ROOM = re.compile(r'^\| `([a-z]+)/` \|', re.M)
_INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


def rooms(program):
    """Their names, from the one that uses none on."""
    text = (ROOT / 'ARCHITECTURE.md').read_text(encoding='utf-8')
    table = text[text.index(f'\n| {program}/ |'):]
    return _ROOM.findall(table[:table.index('\n\n')])


def sources(program):
    """Each source and its path within the program."""
    for path in sorted((ROOT / program).rglob('*.[ch]')):
        place = path.relative_to(ROOT / program)
        if place.parts != ('main.c',):
            yield path, place


def misplaced(program, order):
    """Rooms that are no folder, and folders of sources that are no room, a line each."""
    found = {place.parts[0] for _, place in sources(program)}
    return [f'{program}/{name}: is no room of ARCHITECTURE.md' for name in sorted(found - set(order))
            ] + [f'ARCHITECTURE.md: there is no {program}/{name}/' for name in order
                 if name not in found]


def allowed(program, order, room):
    """The rooms that this one may include."""
    if (program, room) in GUESTS:
        return {room, *rooms(GUESTS[program, room])}
    return set(order[:order.index(room) + 1])


def wrong_includes(program, order):
    """A line for each include of a room below one's own, and each that names no room."""
    lines = []
    for path, place in sources(program):
        for included in _INCLUDE.findall(path.read_text(encoding='utf-8')):
            room = included.partition('/')[0]
            if included.endswith('.pb-c.h'):
                continue
            if room not in allowed(program, order, place.parts[0]):
                lines.append(f'{program}/{place} includes {included}')
    return lines


def symbols(archive):
    """Which object defines a name, and which names each object wants of others. Objects are named
    after the paths of their sources, as meson has it."""
    listed = subprocess.run(['nm', '--format=posix', '-A', archive], check=True, text=True,
                            capture_output=True).stdout
    defined, wanted = {}, {}
    for line in listed.splitlines():
        place, name, kind = line.split()[:3]
        member = place[place.index('[') + 1:place.index(']')].rpartition('/')[2]
        if kind in 'TDBRVi':
            defined[name] = member
        elif kind == 'U':
            wanted.setdefault(member, set()).add(name)
    return defined, wanted


def wrong_calls(order, archive, prefix):
    """A line for each function or variable of a room below one's own that an object uses: what an
    include does not show, as where a declaration was copied. Only names with that prefix are ours."""
    defined, wanted = symbols(archive)
    lines = []
    for member, names in sorted(wanted.items()):
        for name in sorted(name for name in names & set(defined) if name.startswith(prefix)):
            user, used = (place.split('_')[0] for place in (member, defined[name]))
            if order.index(used) > order.index(user):
                lines.append(f'{member} uses {name} of {defined[name]}')
    return lines


def faults(program, archive, prefix=''):
    """All of them, a line each."""
    order = rooms(program)
    return misplaced(program, order) or (wrong_includes(program, order)
                                         + wrong_calls(order, archive, prefix))
