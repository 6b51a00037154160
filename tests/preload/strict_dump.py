# SPDX-License-Identifier: MIT
"""Reads dumps strictly, and names their addresses by the programs' own symbol tables."""
import bisect
import collections
import os
import re
import subprocess

from tap import check, equal

Counts = collections.namedtuple('Counts', 'inuse_objects inuse_bytes alloc_objects alloc_bytes')
Mapping = collections.namedtuple('Mapping', 'start end offset path')

_COUNTS = r'(\d+): (\d+) \[(\d+): (\d+)\] @'
_HEADER = re.compile(rf'heap profile: {_COUNTS} (heapprofile|heap_v2/(\d+))')
_RECORD = re.compile(rf'{_COUNTS}((?: 0x[0-9a-f]+)+)')
_POOLS = re.compile(r'# pools: (\d+) ([\w.-]{1,31})(?: (.+))?')
_BLOCK = re.compile(r'# block: (\d+)')
_OBJECT = re.compile(r'# object: (.*)')
_POOL = re.compile(r'# pool: (\d+)')
_LEVEL = re.compile(r'# level: ([1-9]\d*)')
_LEVEL_MAX = 19
_METADATA = re.compile(r'# ([a-z_]+): (.*)')
_MAPPING = re.compile(r'([0-9a-f]+)-([0-9a-f]+) (r.xp|..xp) ([0-9a-f]+) [0-9a-f]+:[0-9a-f]+ \d+ *(.*)')
_BUILD_ID = re.compile(r'# buildid: ([0-9a-f]+) (/.*|\[.*|.*)')

KEYS = ['heapprof', 'program', 'pid', 'run', 'dump', 'reason', 'time', 'uptime_ms',
        'sample_interval', 'samples', 'samples_dropped', 'stacks', 'allocated_bytes', 'rss_bytes',
        'anonymous_bytes', 'profiler_bytes']


def add(a, b):
    return Counts(*(x + y for x, y in zip(a, b)))


class Dump:
    """A dump that has been read. Whatever its grammar does not allow fails the test."""

    def __init__(self, path, text=None):
        self.path = path
        if text is None:
            with open(path, 'rb') as f:
                text = f.read().decode('utf-8', errors='surrogateescape')
        check(text.endswith('\n# end\n'), f'{path} has no end: {text[-80:]!r}')
        self.text = text
        lines = text[:-1].split('\n')
        for line in lines:
            check(len(line) < 65536, f'{path}: a line of {len(line)} bytes')
        separator = lines.index('')
        self._read_header(lines[0])
        self._read_records(lines[1:separator])
        equal(lines[separator + 1], 'MAPPED_LIBRARIES:', path)
        self._read_mappings(lines[separator + 2:-1])
        self._check_sums()
        self._check_addresses()

    def _fail(self, line):
        raise AssertionError(f'{self.path}: {line[:200]!r} is not in the grammar')

    def _read_header(self, line):
        m = _HEADER.fullmatch(line) or self._fail(line)
        self.total = Counts(*map(int, m.group(1, 2, 3, 4)))
        self.interval = int(m.group(6) or 1)
        check(m.group(6) != '1', f'{self.path}: an exact dump in the form of a sampled one')

    def _read_records(self, lines):
        self.metadata, self.records = {}, []
        self.pools = {}  # by ID: kind, path
        self.blocks = {}  # by the number of a record: the ID of a pool
        self.objects = []  # counts, stack, ID
        after = ''  # what the line before was, if a line may refer to it
        self.levels = []  # of the records; None before the first line that says one
        level = None
        for line in lines:
            is_after, after = after, ''
            if m := _LEVEL.fullmatch(line):
                self._check_level(level, int(m.group(1)))
                level = int(m.group(1))
            elif m := _POOLS.fullmatch(line):
                check(not self.records and not self.objects, f'{self.path}: a late {line}')
                check(m.group(1) not in self.pools, f'{self.path}: {line} twice')
                self.pools[m.group(1)] = m.group(2, 3)
            elif m := _BLOCK.fullmatch(line):
                equal(is_after, 'record', f'{self.path}: before {line}')
                self.blocks[len(self.records) - 1] = m.group(1)
            elif m := _OBJECT.fullmatch(line):
                m = _RECORD.fullmatch(m.group(1)) or self._fail(line)
                self.objects.append((*self._record(m), None))
                after = 'object'
            elif m := _POOL.fullmatch(line):
                equal(is_after, 'object', f'{self.path}: before {line}')
                self.objects[-1] = (*self.objects[-1][:2], m.group(1))
            elif line.startswith('#'):
                check(not self.records and not self.objects, f'{self.path}: metadata among the records')
                m = _METADATA.fullmatch(line) or self._fail(line)
                check(m.group(1) not in self.metadata, f'{self.path}: {m.group(1)} twice')
                self.metadata[m.group(1)] = m.group(2)
            else:
                m = _RECORD.fullmatch(line) or self._fail(line)
                self.records.append(self._record(m))
                self.levels.append(level)
                after = 'record'
        self._check_pools()
        missing = [k for k in KEYS if k not in self.metadata]
        check(not missing, f'{self.path}: no {missing}')
        equal(int(self.metadata['sample_interval']), self.interval, 'sample_interval')
        equal(self.metadata['heapprof'], '1' if level is None and not self.pools else '2',
              f'{self.path}: the version')
        equal(self.metadata.get('interval_mode', 'auto'), 'auto', 'interval_mode')
        check(level is None or ((self.levels[-1:] == [level] or self.objects) and
                                self.is_automatic()), f'{self.path}: level {level}')
        check(self.is_automatic() == ('interval_since_ms' in self.metadata), 'interval_since_ms')
        check(not self.is_automatic() or
              self.number('interval_since_ms') <= self.number('uptime_ms'), 'since when')
        check(not self.is_automatic() or
              self.interval in [2**n for n in range(_LEVEL_MAX + 1)], f'R = {self.interval}')

    def _check_level(self, last, level):
        """Levels rise from one line to the next, above the dump's own, and each has records."""
        check(max(self.interval, 2**(last or 0)) < 2**level <= 2**_LEVEL_MAX,
              f'{self.path}: level {level} after {last}, R = {self.interval}')
        check(last is None or self.levels[-1:] == [last] or self.objects, f'{self.path}: no record of level {last}')

    def _record(self, m):
        return (Counts(*map(int, m.group(1, 2, 3, 4))),
                tuple(int(a, 16) for a in m.group(5).split()))

    def _check_pools(self):
        """Every object has a pool, and the names are those of blocks and objects."""
        equal({*self.blocks.values(), *(i for _, _, i in self.objects)}, {*self.pools},
              f'{self.path}: pools')
        for c, _, _ in self.objects:
            check(c.alloc_objects >= c.inuse_objects and c.alloc_bytes >= c.inuse_bytes and
                  c.alloc_objects > 0, f'{self.path}: an object {c}')

    def is_automatic(self):
        return 'interval_mode' in self.metadata

    def _read_mappings(self, lines):
        self.mappings, self.build_ids = [], {}
        for line in lines:
            if line.startswith('#'):
                m = _BUILD_ID.fullmatch(line) or self._fail(line)
                equal(m.group(2), self.mappings[-1].path, f'{self.path}: whose build ID')
                self.build_ids[m.group(2)] = m.group(1)
            else:
                m = _MAPPING.fullmatch(line) or self._fail(line)
                self.mappings.append(Mapping(*(int(m.group(i), 16) for i in (1, 2, 4)),
                                             m.group(5)))

    def _check_sums(self):
        total = Counts(0, 0, 0, 0)
        for c, _ in self.records:
            total = add(total, c)
            check(c.alloc_objects >= c.inuse_objects and c.alloc_bytes >= c.inuse_bytes,
                  f'{self.path}: more in use than allocated: {c}')
            check(c.alloc_objects > 0, f'{self.path}: an empty record')
            check(c.inuse_objects > 0 or c.inuse_bytes == 0, f'{self.path}: bytes of nothing: {c}')
        equal(self.total, total, f'{self.path}: the header against the sum of records')

    def _check_addresses(self):
        """Checks that leaves are in a mapping. (Outer frames may be in generated code.)"""
        for m in self.mappings:
            check(m.start < m.end, f'{self.path}: an empty mapping')
        ordered = sorted(self.mappings)
        for a, b in zip(ordered, ordered[1:]):
            check(a.end <= b.start, f'{self.path}: mappings overlap: {a} and {b}')
        for _, stack in self.records:
            check(self.mapping_of(stack[0]), f'{self.path}: {stack[0]:x} is nowhere')

    def mapping_of(self, return_address):
        for m in self.mappings:
            if m.start < return_address <= m.end:
                return m
        return None

    def name(self, return_address):
        """Returns the name of the function that contains a return address, or "file+offset"."""
        m = self.mapping_of(return_address)
        if not m:
            return '?'
        offset = return_address - 1 - m.start + m.offset
        return Symbols.of(m.path).name(offset) or f'{os.path.basename(m.path)}+{offset:x}'

    def stacks(self):
        """Returns for each stack its counts and the names of its functions, leaf first."""
        return [(c, [self.name(a) for a in stack]) for c, stack in self.records]

    def by_leaf(self):
        sums = collections.defaultdict(lambda: Counts(0, 0, 0, 0))
        for c, names in self.stacks():
            sums[names[0]] = add(sums[names[0]], c)
        return sums

    def number(self, key):
        return int(self.metadata[key])


class Symbols:
    """The functions of an ELF file by their offset in the file, from nm and readelf."""
    _known = {}

    @classmethod
    def of(cls, path):
        if path not in cls._known:
            cls._known[path] = cls(path)
        return cls._known[path]

    def __init__(self, path):
        self.starts, self.symbols, self.segments = [], [], []
        if not os.path.isfile(path):
            return
        found = {}
        for option in ([], ['-D']):
            out = subprocess.run(['nm', '-S', '--defined-only', *option, path],
                                 capture_output=True, text=True).stdout
            for m in re.finditer(r'^([0-9a-f]+) ([0-9a-f]+) [tTwWiu] (.+)$', out, re.M):
                found.setdefault(int(m.group(1), 16), (int(m.group(2), 16), m.group(3)))
        self.starts = sorted(found)
        self.symbols = [found[s] for s in self.starts]
        out = subprocess.run(['readelf', '-lW', path], capture_output=True, text=True).stdout
        for m in re.finditer(r'^ +LOAD +0x(\w+) 0x(\w+) 0x\w+ 0x(\w+) ', out, re.M):
            self.segments.append(tuple(int(x, 16) for x in m.groups()))

    def name(self, offset):
        for file_offset, address, size in self.segments:
            if file_offset <= offset < file_offset + size:
                return self._name_at(offset - file_offset + address)
        return None

    def _name_at(self, address):
        i = bisect.bisect_right(self.starts, address) - 1
        if i < 0 or address >= self.starts[i] + self.symbols[i][0]:
            return None
        return self.symbols[i][1].split('@')[0]


def names_of_dumps(folder):
    return sorted(n for n in os.listdir(folder) if n.endswith('.heap'))


def dumps_in(folder, pattern=r'p\.\d+\.heap'):
    """Reads and returns all dumps whose names match. Fails if there is any other file."""
    for name in os.listdir(folder):
        check('.tmp' not in name, f'{name} was left behind')
    return [Dump(os.path.join(folder, n)) for n in names_of_dumps(folder)
            if re.fullmatch(pattern, n)]


def last_dump(folder, pattern=r'p\.\d+\.heap'):
    dumps = dumps_in(folder, pattern)
    check(dumps, f'no dump in {os.listdir(folder)}')
    return dumps[-1]
