# SPDX-License-Identifier: MIT
"""Shared by the tests that attach to processes."""

import contextlib
import os

import command
import cli
import tap

PPROFCONV = str(command.BUILD / 'pprofconv' / 'pprofconv')


def run(folder, *args, status=0, **options):
    done = command.heapprof(folder, *map(str, args), **options)
    tap.equal(done.returncode, status, done.stderr)
    return done


def text_of(pid):
    """Returns the mappings of a process with code, each with its bytes in memory and in its file."""
    found = {}
    with open(f'/proc/{pid}/maps', encoding='utf-8') as maps, open(f'/proc/{pid}/mem', 'rb') as memory:
        for line in maps:
            places, rights, offset, _, _, *path = line.split()
            if 'x' not in rights or not path or not path[0].startswith('/') or 'heapprof' in path[0]:
                continue
            start, end = (int(place, 16) for place in places.split('-'))
            memory.seek(start)
            with contextlib.suppress(OSError), open(path[0], 'rb') as file:  # it may be closed meanwhile
                file.seek(int(offset, 16))
                found[path[0]] = memory.read(end - start), file.read(end - start)
    return found


def check_as_before(pid):
    texts = text_of(pid)
    tap.check(any('libc.so' in path for path in texts), texts.keys())
    for path, (found, expected) in texts.items():
        tap.check(found[:len(expected)] == expected, f'{path} differs')


def traces(pid):
    """Returns how much a process has of what attaching might leave in it."""
    with open(f'/proc/{pid}/smaps', encoding='utf-8') as smaps:
        lines = smaps.read().splitlines()
    heads = [line.split() for line in lines if '-' in line.split()[0]]
    copied, is_text = 0, False
    for line in lines:
        key, *values = line.split()
        if '-' in key:
            is_text = 'x' in values[0] and len(values) > 4 and values[4].startswith('/')
        elif is_text and key == 'Anonymous:':
            copied += int(values[0]) // 4
    return {'copied pages': copied, 'mappings': len(heads),
            'mappings of ours': sum(head[-1].endswith('/libheapprof-attach.so') for head in heads),
            'KiB of address space': sum(int(line.split()[1]) for line in lines if line.startswith('Size:')),
            'threads': len(os.listdir(f'/proc/{pid}/task')), 'descriptors': len(os.listdir(f'/proc/{pid}/fd'))}


def read_to(process, text):
    """Reads the output of a process to the line with the text; returns it."""
    found = ''
    while text not in found:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        found += line
    return found


def held(folder, pid):
    """Returns the bytes and blocks in use of each function."""
    done = run(folder, 'dump', pid, '-q', '-o', f'{folder}/now.heap')
    tap.equal(done.stderr, '')
    return held_in(f'{folder}/now.heap')


def held_in(path):
    done = cli.run(PPROFCONV, '-q', '--to=folded', '--sample-type=inuse_space', path)
    tap.equal(done.returncode, 0, done.stderr)
    found = {}
    for line in done.stdout.splitlines():
        stack, _, value = line.rpartition(' ')
        leaf = stack.split(';')[-1]
        found[leaf] = found.get(leaf, 0) + int(value)
    return found
