# SPDX-License-Identifier: MIT
"""Which way the rooms of profiler/ use each other. ARCHITECTURE.md has them as the rows of a table: a
room may use itself and those above it."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Rows of that table: | `base/` | rule | files |
_ROOM = re.compile(r'^\| `([a-z]+)/` \|', re.M)
_INCLUDE = re.compile(r'^#include "([a-z]+)/([^"]+)"', re.M)


def rooms():
    """Their names, from the one that uses none on."""
    text = (ROOT / 'ARCHITECTURE.md').read_text(encoding='utf-8')
    table = text[text.index('\n| profiler/ |'):]
    return _ROOM.findall(table[:table.index('\n\n')])


def misplaced(order):
    """Sources that lie in no room, and rooms that are no folder, a line each."""
    folders = {path.parent.relative_to(ROOT / 'profiler').parts[:1]
               for path in (ROOT / 'profiler').rglob('*.[ch]')}
    found = {folder[0] if folder else '.' for folder in folders}
    return [f'profiler/{name}: holds sources, but is no room of ARCHITECTURE.md'
            for name in sorted(found - set(order))] + [
                f'ARCHITECTURE.md: there is no room profiler/{name}/' for name in order
                if name not in found]


def wrong_includes(order):
    """A line for each include of a room below one's own, and each that names none."""
    lines = []
    for path in sorted((ROOT / 'profiler').rglob('*.[ch]')):
        place = path.relative_to(ROOT / 'profiler')
        text = path.read_text(encoding='utf-8')
        for room, name in _INCLUDE.findall(text):
            if room not in order or order.index(room) > order.index(place.parts[0]):
                lines.append(f'profiler/{place} includes {room}/{name}')
        for name in re.findall(r'^#include "([^/"]+)"', text, re.M):
            lines.append(f'profiler/{place} includes {name} without its room')
    return lines


def symbols(archive):
    """Of each object, what it defines and what it wants of others; objects are named after the paths
    of their sources, as meson has it."""
    listed = subprocess.run(['nm', '--format=posix', '-A', archive], check=True, text=True,
                            capture_output=True).stdout
    defined, wanted = {}, {}
    for line in listed.splitlines():
        place, name, kind = line.split()[:3]
        member = place[place.index('[') + 1:place.index(']')]
        if kind in 'TDBRVi':
            defined[name] = member
        elif kind == 'U':
            wanted.setdefault(member, set()).add(name)
    return defined, wanted


def wrong_calls(order, archive):
    """A line for each function or variable of a room below one's own that an object uses: what an
    include does not show, as where a declaration was copied."""
    defined, wanted = symbols(archive)
    lines = []
    for member, names in sorted(wanted.items()):
        for name in sorted(n for n in names if n.startswith('hp_')):  # malloc is anybody's
            user, used = (m.split('_')[0] for m in (member, defined.get(name, member)))
            if order.index(used) > order.index(user):
                lines.append(f'{member} uses {name} of {defined[name]}')
    return lines


def faults(archive):
    """All of them, a line each."""
    order = rooms()
    return misplaced(order) or wrong_includes(order) + wrong_calls(order, archive)
