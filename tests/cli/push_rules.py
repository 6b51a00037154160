# SPDX-License-Identifier: MIT
"""What servers that collect profiles ask of a pprof file that is pushed to them: Pyroscope (its limits
max-profile-size-bytes, -stacktrace-samples, -stacktrace-depth and -symbol-value-length by default), Parca (which needs a
mapping of each address), and an OpenTelemetry collector (whose tables need valid references)."""

import gzip

import pprof_file

BYTES_MAX, SAMPLES_MAX, DEPTH_MAX, TEXT_MAX = 4 << 20, 16000, 1000, 65535
YEAR = 365 * 24 * 3600 * 10 ** 9


def signed(number):
    return number - (1 << 64) if number >> 63 else number


def group(data):
    """Returns {number of a field: [values]}."""
    out = {}
    for number, value in pprof_file.fields(data):
        out.setdefault(number, []).append(value)
    return out


def numbers(values):
    """Returns the numbers of a repeated field, packed or not."""
    out = []
    for value in values:
        if isinstance(value, int):
            out.append(value)
        else:
            at, n, shift = 0, 0, 0
            while at < len(value):
                n |= (value[at] & 127) << shift
                shift += 7
                if value[at] < 128:
                    out.append(n)
                    n = shift = 0
                at += 1
    return out


def by_id(messages, what):
    """Returns {id: fields}; IDs must not be 0, and differ."""
    out = {}
    for data in messages:
        fields = group(data)
        number = fields.get(1, [0])[0]
        assert number and number not in out, f'{what} {number}'
        out[number] = fields
    return out


def check(path):
    """Checks a file; returns (strings, samples), the samples as [(names of the frames, labels, values)]."""
    with open(path, 'rb') as file:
        packed = file.read()
    data = gzip.decompress(packed)
    assert len(data) <= BYTES_MAX, len(data)
    profile = group(data)
    strings = [text.decode() for text in profile[6]]
    assert strings[0] == '' and all(len(text) <= TEXT_MAX for text in strings)
    mappings = by_id(profile.get(3, []), 'mapping')
    locations = by_id(profile.get(4, []), 'location')
    functions = by_id(profile.get(5, []), 'function')
    assert all(strings[group(kind)[1][0]] and strings[group(kind)[2][0]] for kind in profile[1]), 'a type without a unit'
    n_types = len(profile[1])
    time, duration = profile[9][0], profile[10][0]
    assert 30 * YEAR < time < 100 * YEAR and 0 < duration < YEAR, (time, duration)
    used = {'mapping': {min(mappings, default=0)}, 'location': set(), 'function': set()}  # the program stays
    for number, location in locations.items():
        mapping = location.get(2, [0])[0]
        assert mapping in mappings, f'location {number} has no mapping'
        used['mapping'].add(mapping)
        for line in location.get(4, []):
            function = group(line).get(1, [0])[0]
            assert function in functions, f'location {number} has no function {function}'
            used['function'].add(function)
    for function in functions.values():
        assert strings[function[2][0]], 'a function without a name'
    samples, keys = [], set()
    for data in profile.get(2, []):
        sample = group(data)
        stack = tuple(numbers(sample.get(1, [])))
        values = [signed(value) for value in numbers(sample[2])]
        labels = tuple(sample.get(3, []))
        assert 0 < len(stack) <= DEPTH_MAX and set(stack) <= set(locations), stack
        assert len(values) == n_types and min(values) >= 0 and max(values) > 0, values
        assert (stack, labels) not in keys, 'a sample that is there twice'
        keys.add((stack, labels))
        used['location'] |= set(stack)
        names = [strings[functions[group(line)[1][0]][2][0]]
                 for number in stack for line in locations[number].get(4, [])]
        samples.append((names, labels, values))
    assert len(samples) <= SAMPLES_MAX, len(samples)
    for what, there in (('mapping', mappings), ('location', locations), ('function', functions)):
        assert used[what] == set(there), f'a {what} that no sample has'
    return strings, samples
