#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What pprofconv and scripts/fleet do with the dumps of a simulated fleet, whose changes are
known."""

import json
import os

import chain
import cli
import tap

tap.need('cc', 'nm', 'readelf')
FLEET = chain.ROOT / 'scripts' / 'fleet'


def make_dumps(folder, hosts, dumps):
    """Writes a fleet; returns its list and what is known of it."""
    chain.succeed(FLEET / 'make-dumps', folder, '--hosts', str(hosts), '--dumps', str(dumps))
    with open(os.path.join(folder, 'truth.json'), encoding='utf-8') as file:
        return os.path.join(folder, 'list'), json.load(file)


def read(path):
    with open(path, 'rb') as file:
        return file.read()


@tap.test
def names_are_those_of_each_dump_alone(folder):
    """merge looks up a place once for all dumps. The sum is the same as that of profiles each of
    which was named by a run of its own."""
    listed, truth = make_dumps(folder, 14, 1)
    with open(listed, encoding='utf-8') as file:
        dumps = [line.split('\t')[0] for line in file if 'version=1.0' in line]
    tap.check(len(dumps) > 2, dumps)  # the third is the first for which nothing is looked up
    converted = [f'{dump}.pb.gz' for dump in dumps]
    for dump, profile in zip(dumps, converted):
        cli.succeed('-q', dump, '-o', profile)
    together, alone = (os.path.join(folder, name) for name in ('together', 'alone'))
    cli.succeed('merge', '-q', *dumps, '-o', together)
    cli.succeed('merge', '-q', *converted, '-o', alone)
    tap.equal(read(together), read(alone))
    tap.is_in(truth['grown'][0], cli.succeed('top', '-q', together))
    tap.is_in('run: ', cli.succeed('info', together))


tap.main()
