# SPDX-License-Identifier: MIT
"""Checks which rooms of a program use which others. A room is a row of a table in ARCHITECTURE.md.
It may use itself and the rooms above it. main.c is in no room and may use all. The rooms of tools also
use the rooms of the profiler that read and change other processes."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
# A row of the table that begins with the program's name: | `base/` | rule | files |
_ROOM = re.compile(r'^\| `([a-z]+)/` \|', re.M)
_INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)
# A room that is a program of its own, and the program whose rooms it uses instead of those above it.
GUESTS = {('profiler', 'command'): 'pprofconv'}
# Rooms that also use others, and headers by which tools and the library understand each other.
LENT = {('pprofconv', 'commands'): {'target'}, ('pprofconv', 'inspect'): {'target'},
        ('profiler', 'command'): {'inject', 'target'}}
SHARED = {'control/attached.h', 'control/last_look.h'}


def rooms(program):
    """Returns the names of the rooms, in order. The first room uses no other."""
    text = (ROOT / 'ARCHITECTURE.md').read_text(encoding='utf-8')
    table = text[text.index(f'\n| {program}/ |'):]
    return _ROOM.findall(table[:table.index('\n\n')])


def sources(program):
    """Yields the path of each source, and its path within the program."""
    for path in sorted((ROOT / program).rglob('*.[ch]')):
        place = path.relative_to(ROOT / program)
        if place.parts != ('main.c',):
            yield path, place


def misplaced(program, order):
    """Returns a line for each folder of sources that is not a room, and each room without a
    folder."""
    found = {place.parts[0] for _, place in sources(program)}
    return [f'{program}/{name}/: not a room of ARCHITECTURE.md'
            for name in sorted(found - set(order))
            ] + [f'ARCHITECTURE.md: no sources in room {program}/{name}/'
                 for name in order if name not in found]


def allowed(program, order, room):
    """Returns the rooms whose headers a room may include."""
    if (program, room) in GUESTS:
        return {room, *rooms(GUESTS[program, room])}
    return set(order[:order.index(room) + 1])


def wrong_includes(program, order):
    """Returns a line for each include of a header that is in a lower room, or in no room."""
    lines = []
    for path, place in sources(program):
        for included in _INCLUDE.findall(path.read_text(encoding='utf-8')):
            room = included.partition('/')[0]
            if included.endswith('.pb-c.h') or included in SHARED or room in LENT.get(
                    (program, place.parts[0]), ()):
                continue
            if room not in allowed(program, order, place.parts[0]):
                lines.append(f'{program}/{place} includes {included}')
    return lines


def symbols(archive):
    """Returns {name: object that defines it} and {object: names that it uses and others define}.
    Objects are named after the paths of their sources, as meson names them. Those of generated
    sources are left out: they are in no room."""
    listed = subprocess.run(['nm', '--format=posix', '-A', archive], check=True, text=True,
                            capture_output=True).stdout
    defined, wanted = {}, {}
    for line in listed.splitlines():
        place, name, kind = line.split()[:3]
        member = place[place.index('[') + 1:place.index(']')].rpartition('/')[2]
        if member.startswith('meson-generated'):
            continue
        if kind in 'TDBRVi':
            defined[name] = member
        elif kind == 'U':
            wanted.setdefault(member, set()).add(name)
    return defined, wanted


def wrong_calls(order, archive, prefix):
    """Returns a line for each function or variable of a lower room that an object uses. Includes do
    not show all uses, because a declaration may have been copied. Only names with that prefix are
    ours."""
    defined, wanted = symbols(archive)
    lines = []
    for member, names in sorted(wanted.items()):
        for name in sorted(name for name in names & set(defined) if name.startswith(prefix)):
            user, used = (place.split('_')[0] for place in (member, defined[name]))
            if order.index(used) > order.index(user):
                lines.append(f'{member} uses {name} of {defined[name]}')
    return lines


def faults(program, archive, prefix=''):
    """Returns a line for each fault."""
    order = rooms(program)
    return misplaced(program, order) or (wrong_includes(program, order)
                                         + wrong_calls(order, archive, prefix))
