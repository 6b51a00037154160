# SPDX-License-Identifier: MIT
"""Reads a page that pprofconv html wrote, without a browser."""

import base64
import hashlib
import html.parser
import itertools
import json
import pathlib


SMALL = ('small functions', '')


class _Parser(html.parser.HTMLParser):
    """Collects the elements of a page, and the text of its scripts and styles."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.inside = [], [], None

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ('script', 'style', 'title'):
            self.inside = (tag, dict(attrs).get('type', ''))
            self.texts.append((*self.inside, ''))

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.texts[-1] = (*self.inside, self.texts[-1][2] + data)


class Page:
    def __init__(self, path):
        self.path = path
        self.text = pathlib.Path(path).read_text(encoding='utf-8')
        parser = _Parser()
        parser.feed(self.text)
        self.elements = parser.elements
        self.scripts = [text for tag, kind, text in parser.texts if tag == 'script' and not kind]
        self.styles = [text for tag, _, text in parser.texts if tag == 'style']
        self.title = next(text for tag, _, text in parser.texts if tag == 'title')
        self.json = next(text for tag, kind, text in parser.texts if kind == 'application/json')
        self.data = json.loads(self.json)
        self.nodes = list(itertools.accumulate(self.data['records']['nodes']))  # of the records
        self.policy = next(attrs['content'] for tag, attrs in self.elements
                           if attrs.get('http-equiv') == 'Content-Security-Policy')

    def numbers(self, part, column):
        """Returns a list per record with its number in each dump."""
        n = len(self.data['dumps'])
        differences = [int(x or 0) for x in part['columns'][column].split(',')]
        records = [differences[i:i + n] for i in range(0, len(differences), n)]
        return [[sum(record[:i + 1]) for i in range(n)] for record in records]

    def stack(self, node):
        """Returns the functions of a node, the leaf first, as (name, file); None: merged stacks."""
        data, out = self.data, []
        while node:
            frame = data['nodes'][2 * node - 1]
            function = data['frames'][4 * frame]
            out.append(None if function < 0 else tuple(
                data['strings'][data['functions'][2 * function + i]] for i in (0, 1)))
            node -= data['nodes'][2 * node - 2]
        return out

    def sums(self, type_, dump=-1):
        """Returns {(name, file): [flat, cumulative]} of a sample type in one dump. SMALL is all
        functions that the page does not show by themselves."""
        column = 1 + [t['type'] for t in self.data['types']].index(type_)
        out = {}

        def add(function, kind, value):
            if value:
                out.setdefault(function, [0, 0])[kind] += value

        records = self.data['records']
        for node, values in zip(self.nodes, self.numbers(records, column)):
            stack = self.stack(node)
            if stack[0]:
                add(stack[0], 0, values[dump])
            for function in {f for f in stack if f}:
                add(function, 1, values[dump])
        for kind, name in enumerate(('restFlat', 'restCumulative')):
            rest = self.data[name]
            for function, values in zip(rest['functions'],
                                        self.numbers(rest, column) if rest['functions'] else []):
                add(SMALL if function < 0 else
                    tuple(self.data['strings'][self.data['functions'][2 * function + i]]
                          for i in (0, 1)), kind, values[dump])
        return out


def digest(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
