# SPDX-License-Identifier: MIT
"""Reads the output of `go tool pprof -symbolize=none -raw`."""

import re

import cli

SAMPLE = re.compile(r'((?: +-?\d+)+): ((?:\d+ )*)$')
LOCATION = re.compile(r' *(\d+): (0x[0-9a-f]+) (?:M=(\d+) )?(.*)$')
MAPPING = re.compile(r'(\d+): (0x[0-9a-f]+)/(0x[0-9a-f]+)/(0x[0-9a-f]+) (.*)$')


class Raw:
    """A profile as pprof reads it.
    
    types: names of the values; samples: [(addresses, labels, values)]; mappings: [(start, limit,
    offset, rest)]; mapping_of: address -> mapping; names: address -> names."""

    def __init__(self, text):
        self.types, self.samples, self.mappings = [], [], []
        self.mapping_of, self.names, self.period = {}, {}, None
        self._locations, self._samples, self._mapping_ids = {}, [], {}
        section = self._head
        for line in text.splitlines():
            if line in ('Samples:', 'Locations', 'Mappings'):
                section = {'S': self._sample, 'L': self._location, 'M': self._mapping}[line[0]]
            else:
                section(line)
        for ids, labels, values in self._samples:
            addresses = tuple(self._locations[i][0] for i in ids)
            self.samples.append((addresses, labels, values))
        for address, mapping in self._locations.values():
            self.mapping_of[address] = self._mapping_ids.get(mapping)

    def _head(self, line):
        if line.startswith('Period:'):
            self.period = int(line.split()[1])

    def _sample(self, line):
        found = SAMPLE.match(line)
        if not self.types:
            self.types = [t.split('/')[0] for t in line.split()]
        elif found:
            values = tuple(int(v) for v in found.group(1).split())
            ids = [int(i) for i in found.group(2).split()]
            self._samples.append((ids, '', values))
        else:
            ids, labels, values = self._samples[-1]
            self._samples[-1] = (ids, labels + line.strip(), values)

    def _location(self, line):
        found = LOCATION.match(line)
        if found:
            self._last = int(found.group(2), 16)
            self._locations[int(found.group(1))] = (self._last, found.group(3))
        name = (found.group(4) if found else line).strip()
        if name:
            self.names.setdefault(self._last, []).append(name)

    def _mapping(self, line):
        found = MAPPING.match(line)
        start, limit, offset = (int(found.group(i), 16) for i in (2, 3, 4))
        mapping = (start, limit, offset, found.group(5).split())
        self.mappings.append(mapping)
        self._mapping_ids[found.group(1)] = mapping


def read(path):
    return Raw(cli.go_pprof('-symbolize=none', '-raw', path))
