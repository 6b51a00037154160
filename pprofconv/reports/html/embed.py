#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the parts of the HTML page as a C source.

usage: embed.py PAGE.html STYLE.css SCRIPT.js... OUTPUT.c

The page has marks: @POLICY@, @STYLE@ and @SCRIPT@ are replaced here, @TITLE@ and @DATA@ by the program
that writes the page. The scripts become one, in a function of its own. The policy allows the style
and the script by their hashes, and nothing else.
"""

import base64
import hashlib
import pathlib
import re
import sys

LINE = 20  # bytes in a line of the C source
MARKS = re.compile('@(?:TITLE|DATA)@')


def digest(text):
    """Returns a source expression for a Content-Security-Policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def assemble(page, style, scripts):
    script = '"use strict";\n(() => {\n' + '\n'.join(scripts) + '})();\n'
    if '</' in style or '</s' in script.lower() or '<!--' in script:
        sys.exit('embed.py: the style or the script would end its element')
    policy = (f"default-src 'none'; script-src {digest(script)}; style-src {digest(style)}; "
              "base-uri 'none'; form-action 'none'")
    for mark, text in (('@POLICY@', policy), ('@STYLE@', style), ('@SCRIPT@', script)):
        if page.count(mark) != 1:
            sys.exit(f'embed.py: not one {mark}')
        page = page.replace(mark, text)
    return page


def array(name, text):
    data = text.encode() + b'\0'
    lines = [','.join(str(byte - 256 if byte > 127 else byte) for byte in data[i:i + LINE])
             for i in range(0, len(data), LINE)]
    return f'const char {name}[] = {{\n' + ',\n'.join(lines) + '\n};\n'


def main():
    *sources, output = sys.argv[1:]
    page, style, *scripts = (pathlib.Path(s).read_text(encoding='utf-8') for s in sources)
    parts = MARKS.split(assemble(page, style, scripts))
    names = ('html_before_title', 'html_before_data', 'html_after_data')
    if len(parts) != len(names):
        sys.exit('embed.py: expected @TITLE@, then @DATA@')
    pathlib.Path(output).write_text(
        '#include "reports/html/html_page.h"\n' +
        ''.join(array(name, part) for name, part in zip(names, parts)), encoding='utf-8')


main()
