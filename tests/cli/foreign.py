# SPDX-License-Identifier: MIT
"""What the tests of other tools' files share."""

import json
import os
import re

import cli
import tap

HERE = os.path.dirname(os.path.abspath(__file__))


def write(folder, content, name='x'):
    path = os.path.join(folder, name)
    with open(path, 'wb') as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return path


def fixture(name):
    with open(cli.data(name), encoding='utf-8') as file:
        return file.read()


def read(path, *args):
    """Returns the profile of a file, as the JSON that pprofconv writes, and the warnings."""
    done = cli.pprofconv('convert', '-t', 'json', '-o', '-', '-n', *args, path)
    assert done.returncode == 0, done.stderr
    prefix = f'pprofconv: {path}: warning: '
    lines = done.stderr.splitlines()
    assert all(line.startswith(prefix) for line in lines), lines
    return json.loads(done.stdout), [line[len(prefix):] for line in lines]


def totals(profile):
    """Returns the sum of each sample type, by its name."""
    names = [kind['type'] for kind in profile['sample_type']]
    sums = [sum(column) for column in zip(*(s['value'] for s in profile['sample']))]
    return dict(zip(names, sums or [0] * len(names)))


def names_of(profile, sample):
    """Returns the names of a sample's functions, the leaf first."""
    return [profile['function'][line['function']]['name'] for number in sample['location']
            for line in profile['location'][number]['line']]


def by_label(profile, key, value):
    """Returns the sums of a sample type for each value of a label."""
    at = [kind['type'] for kind in profile['sample_type']].index(value)
    found = {}
    for sample in profile['sample']:
        text = next(label['str'] for label in sample['label'] if label['key'] == key)
        found[text] = found.get(text, 0) + sample['value'][at]
    return found


def top(path, *args):
    """Returns the first row of `top`: the bytes as they are printed, and the function."""
    text = cli.pprofconv('top', '-q', *args, path).stdout
    row = re.match(r'\s*(\S+ \S+)\s.*%\s\s(\S.*?)(?:  \S+)?$', text.splitlines()[2])
    return row[1], row[2]


def refuse(path, *args):
    """Runs a command that must refuse the file; returns what it says after the name of the file."""
    done = cli.pprofconv('info', *args, path)
    tap.equal((done.returncode, done.stdout), (2, ''))
    assert done.stderr.startswith(f'pprofconv: {path}') and done.stderr.count('\n') == 1, done.stderr
    return done.stderr[len(f'pprofconv: {path}'):].lstrip(': ').rstrip('\n')
