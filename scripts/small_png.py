# SPDX-License-Identifier: MIT
"""Writes a picture of a page as a small PNG: with a palette of its 256 most frequent colours, in
place of three bytes for each pixel."""

import collections
import struct
import sys
import zlib

SIGNATURE = b'\x89PNG\r\n\x1a\n'
COLOURS = 256
CHANNELS = {2: 3, 6: 4}  # by the colour type: RGB, and RGB with alpha


def chunks(data):
    at = len(SIGNATURE)
    while at < len(data):
        size, kind = struct.unpack_from('>I4s', data, at)
        yield kind, data[at + 8:at + 8 + size]
        at += 12 + size


def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def paeth(a, b, c):
    estimate = a + b - c
    near = [abs(estimate - a), abs(estimate - b), abs(estimate - c)]
    return (a, b, c)[near.index(min(near))]


def unfilter(kind, line, above, n):
    """Undoes the filter of a line, in place. `n` is the number of bytes of a pixel."""
    for i in range(len(line)):
        a = line[i - n] if i >= n else 0
        b, c = above[i], above[i - n] if i >= n else 0
        line[i] = (line[i] + (0, a, b, (a + b) // 2, paeth(a, b, c))[kind]) & 255


def read(path):
    """Returns the width, and the lines of a picture as lists of (red, green, blue)."""
    with open(path, 'rb') as file:
        data = file.read()
    parts = list(chunks(data))
    width, height, depth, colour_type = struct.unpack_from('>IIBB', parts[0][1])
    if data[:8] != SIGNATURE or depth != 8 or colour_type not in CHANNELS:
        sys.exit(f'small_png: {path}: expected a PNG of 8 bits per channel')
    n = CHANNELS[colour_type]
    raw = zlib.decompress(b''.join(part for kind, part in parts if kind == b'IDAT'))
    above, lines = bytearray(width * n), []
    for y in range(height):
        at = y * (width * n + 1)
        line = bytearray(raw[at + 1:at + 1 + width * n])
        if raw[at]:
            unfilter(raw[at], line, above, n)
        lines.append([tuple(line[i:i + 3]) for i in range(0, len(line), n)])
        above = line
    return width, lines


def nearest(colour, palette):
    return min(range(len(palette)), key=lambda i: sum(
        (a - b) ** 2 for a, b in zip(colour, palette[i])))


def write(source, to):
    width, lines = read(source)
    counts = collections.Counter(colour for line in lines for colour in line)
    palette = [colour for colour, _ in counts.most_common(COLOURS)]
    number = {colour: i for i, colour in enumerate(palette)}
    for colour in counts:
        if colour not in number:
            number[colour] = nearest(colour, palette)
    pixels = b''.join(b'\0' + bytes(number[colour] for colour in line) for line in lines)
    header = struct.pack('>IIBBBBB', width, len(lines), 8, 3, 0, 0, 0)
    with open(to, 'wb') as file:
        file.write(SIGNATURE + chunk(b'IHDR', header) +
                   chunk(b'PLTE', b''.join(map(bytes, palette))) +
                   chunk(b'IDAT', zlib.compress(pixels, 9)) + chunk(b'IEND', b''))
