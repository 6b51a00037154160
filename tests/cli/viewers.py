# SPDX-License-Identifier: MIT
"""The rules of the files that viewers open, after their documented types: file-format-spec.ts of speedscope, and
version 60 of docs-developer/processed-profile-format.md of the Firefox Profiler."""

SPEEDSCOPE = 'https://www.speedscope.app/file-format-schema.json'
UNITS = ('none', 'nanoseconds', 'microseconds', 'milliseconds', 'seconds', 'bytes')


def check_speedscope(file):
    assert file['$schema'] == SPEEDSCOPE and file['exporter'].startswith('pprofconv@')
    frames = file['shared']['frames']
    for frame in frames:
        assert set(frame) <= {'name', 'file', 'line', 'col'} and isinstance(frame['name'], str), frame
        assert frame.get('line', 1) > 0, frame
    assert 0 <= file['activeProfileIndex'] < len(file['profiles'])
    for profile in file['profiles']:
        assert profile['type'] == 'sampled' and profile['unit'] in UNITS and profile['startValue'] == 0
        assert len(profile['samples']) == len(profile['weights'])
        assert all(weight > 0 for weight in profile['weights'])
        assert profile['endValue'] == sum(profile['weights'])
        for stack in profile['samples']:
            assert all(0 <= number < len(frames) for number in stack)


FIREFOX_TABLES = {  # each column with the table that it refers to; None: it refers to none
    'stackTable': {'frame': 'frameTable', 'prefix': 'stackTable'},
    'frameTable': {'address': None, 'inlineDepth': None, 'category': 'categories', 'subcategory': None,
                   'func': 'funcTable', 'nativeSymbol': 'nativeSymbols', 'innerWindowID': None, 'line': None,
                   'column': None},
    'funcTable': {'name': 'stringArray', 'isJS': None, 'relevantForJS': None, 'resource': None,
                  'source': 'sources', 'lineNumber': None, 'columnNumber': None},
    'resourceTable': {'type': None, 'lib': None, 'name': 'stringArray', 'host': 'stringArray'},
    'nativeSymbols': {'libIndex': None, 'address': None, 'name': 'stringArray', 'functionSize': None},
    'sources': {'uuid': None, 'filename': 'stringArray'},
}
VALUES = {'stack': 'stackTable', 'weight': None, 'time': None}
THREAD = {'name', 'isMainThread', 'processType', 'pid', 'tid', 'processStartupTime', 'processShutdownTime',
          'registerTime', 'unregisterTime', 'pausedRanges', 'markers', 'samples'}


def check_columns(table, columns, lengths, others=()):
    assert set(table) == {*columns, *others, 'length'}, sorted(table)
    for name, target in columns.items():
        column = table[name]
        if column is None:
            continue
        assert len(column) == table['length'], name
        if target:
            assert all(value is None or 0 <= value < lengths[target] for value in column), name


def check_firefox(file):
    shared, meta = file['shared'], file['meta']
    lengths = {name: shared[name]['length'] for name in FIREFOX_TABLES}
    lengths.update(stringArray=len(shared['stringArray']), categories=len(meta['categories']))
    assert set(shared) == {*FIREFOX_TABLES, 'stringArray'}, sorted(shared)
    assert all(isinstance(text, str) for text in shared['stringArray'])
    for name, columns in FIREFOX_TABLES.items():
        check_columns(shared[name], columns, lengths)
    for number, parent in enumerate(shared['stackTable']['prefix']):
        assert parent is None or parent < number, 'a child before its parent'
    assert meta['preprocessedProfileVersion'] == 60 and meta['markerSchema'] == []
    for key in ('interval', 'startTime', 'processType', 'product', 'stackwalk', 'version'):
        assert key in meta, key
    for number, thread in enumerate(file['threads']):
        assert THREAD <= set(thread) and thread['tid'] == number, sorted(thread)
        check_columns(thread['samples'], VALUES, lengths, ['weightType'])
        if 'nativeAllocations' in thread:
            check_columns(thread['nativeAllocations'], VALUES, lengths, ['weightType'])
    for counter in file.get('counters', []):
        assert set(counter) == {'name', 'category', 'description', 'pid', 'mainThreadIndex', 'samples'}
        check_columns(counter['samples'], {'time': None, 'count': None}, lengths)
        assert counter['samples']['time'] == sorted(counter['samples']['time'])
