# SPDX-License-Identifier: MIT
"""Packs pprof's messages by hand, valid and invalid ones. Field numbers are those in
proto/profile.proto."""


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def number_field(field, number):
    return varint(field << 3) + varint(number) if number else b""


def bytes_field(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


class Profile:
    def __init__(self, is_packed=False):
        self.is_packed = is_packed
        self.parts = []
        self.strings = {"": 0}

    def string(self, text):
        return self.strings.setdefault(text, len(self.strings))

    def numbers(self, field, values):
        if self.is_packed:
            return bytes_field(field, b"".join(varint(value) for value in values))
        return b"".join(varint(field << 3) + varint(value) for value in values)

    def value_type(self, name, unit):
        return number_field(1, self.string(name)) + number_field(2, self.string(unit))

    def sample_type(self, name, unit):
        self.parts.append(bytes_field(1, self.value_type(name, unit)))

    def sample(self, locations, values, labels):
        packed = self.numbers(1, locations) + self.numbers(2, values)
        for key, value in labels:
            label = number_field(1, self.string(key))
            if isinstance(value, str):
                label += number_field(2, self.string(value))
            else:
                label += number_field(3, value) + number_field(4, self.string("bytes"))
            packed += bytes_field(3, label)
        self.parts.append(bytes_field(2, packed))

    def mapping(self, number, start, limit, offset, file, build_id, has_names=False):
        fields = (number, start, limit, offset, self.string(file), self.string(build_id))
        packed = b"".join(number_field(i, value) for i, value in enumerate(fields, 1))
        packed += b"".join(number_field(i, has_names) for i in range(7, 11))
        self.parts.append(bytes_field(3, packed))

    def location(self, number, mapping, address, lines, is_folded=False):
        packed = number_field(1, number) + number_field(2, mapping) + number_field(3, address)
        for function, line in lines:
            packed += bytes_field(4, number_field(1, function) + number_field(2, line))
        self.parts.append(bytes_field(4, packed + number_field(5, is_folded)))

    def function(self, number, name, system_name, file, line):
        fields = (number, self.string(name), self.string(system_name), self.string(file), line)
        packed = b"".join(number_field(i, value) for i, value in enumerate(fields, 1))
        self.parts.append(bytes_field(5, packed))

    def head(self, drop="", keep="", default="", time=0, period=None):
        fields = {7: self.string(drop), 8: self.string(keep), 9: time, 14: self.string(default)}
        if period:
            self.parts.append(bytes_field(11, self.value_type(*period[:2])))
            fields[12] = period[2]
        self.parts += [number_field(field, value) for field, value in fields.items()]

    def comment(self, text):
        self.parts.append(number_field(13, self.string(text)))

    def encode(self):
        return b"".join(self.parts) + b"".join(bytes_field(6, text.encode()) for text in self.strings)
