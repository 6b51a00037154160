# SPDX-License-Identifier: MIT
"""Writes profiles in pprof's protobuf format, with one value and a stack of one frame for each
sample."""


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def number(field, n):
    return varint(field << 3) + varint(n)


def message(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def write(path, samples, type_='inuse_space', unit='bytes'):
    """Writes a profile; returns its path. `samples` are tuples (function, file, value)."""
    strings = ['', type_, unit]

    def text(s):
        if s not in strings:
            strings.append(s)
        return strings.index(s)

    out = message(1, number(1, 1) + number(2, 2))
    for i, (name, file, value) in enumerate(samples, 1):
        out += message(2, message(1, varint(i)) + message(2, varint(value)))
        out += message(4, number(1, i) + message(4, number(1, i)))
        out += message(5, number(1, i) + number(2, text(name)) + number(4, text(file)))
    out += b''.join(message(6, s.encode()) for s in strings)
    with open(path, 'wb') as profile:
        profile.write(out)
    return path


def fields(data):
    """Yields (number, value) for each field of a message. The value is a number, or bytes."""
    at = 0

    def take():
        nonlocal at
        n = shift = 0
        while True:
            n |= (data[at] & 127) << shift
            shift += 7
            at += 1
            if data[at - 1] < 128:
                return n

    while at < len(data):
        tag = take()
        value = take()
        if tag & 7 == 2:
            at += value
            value = data[at - value:at]
        yield tag >> 3, value
