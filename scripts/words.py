# SPDX-License-Identifier: MIT
"""Phrases that make our prose hard to read, and what to write in their place. Each has come back more
than once. `scripts/check words` finds them in comments, messages and documents."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Where a sentence may begin: a line, a comment, a string, or after a full stop, colon or semicolon.
_BEGIN = r'(?:^\s*(?:/?\*+ |# |"""|\'\'\')?|/\* |# |[.:;!?] |["\'])'

PHRASES = (
    (r'\bby and by\b', 'gradually'),
    (r'\bto be had\b', 'available'),
    (r'\bwho(?:so)?ever\b', 'name the subject: a thread that, a caller that'),
    (r'\bthat which\b', 'what, or name it'),
    (r'\bor the like\b|\bits like\b|\band the like\b', 'name what is meant'),
    (r'\btells (?:of|how|what|why|which|whether|where|when)\b', 'says, shows, reports'),
    (r'\b(?:is|are) told (?:on|by|in|once|apart from)\b|\btold on\b', 'is reported'),
    (r'\bstands? (?:in|there|before|behind|nowhere|beside)\b', 'is in, is there; X defines'),
    (r'\bl(?:ies?|ying) (?:in|at|there|on|before|behind|within|together|beside)\b', 'is in, is at'),
    (r'\bbehind (?:it|them|that|a|an|the|each|every)\b', 'after'),
    (r'\bbeside\b', 'next to, in addition to'),
    (r'\bin all[.,;:)]', 'in total, altogether'),
    (r'\b(?:is|are|was|were) met\b', 'is reached, occurs'),
    (r'(?<![Tt]here\s)(?<![Tt]here\'s\s)\b(?:is|are) no (?!longer\b|more\b|less\b|one\b|better\b|worse\b)[a-z]',
     'is not a'),
    (_BEGIN + r'Who [a-z]+', 'name the subject: a thread that, a caller that'),
    (_BEGIN + r'What (?:is|are|was|were|has|have|had|comes?|can|could|does|do|did)\b(?![^.]*\?)',
     'name the subject: bytes that, files that'),
    (r'\bby turns\b', 'interleaved, alternately'),
    (r'\bslip of the pen\b', 'typo'),
)

# A phrase may continue on the next line of a comment.
_GAP = r'(?: |\n[ \t]*(?:\* |# )?)'
_PATTERNS = [(re.compile(pattern.replace(' ', _GAP), re.M), advice) for pattern, advice in PHRASES]
_SUFFIXES = {'.c', '.h', '.cc', '.py', '.md', '.in', '.build', '.sh', ''}


def is_prose(name):
    """Returns whether a file holds prose of ours."""
    path = pathlib.PurePath(name)
    return path.suffix in _SUFFIXES and path.name not in ('words.py', 'LICENSE')


def faults(names):
    """Returns a line for each phrase in these files: where it is, the phrase, and what to write."""
    lines = []
    for name in filter(is_prose, names):
        try:
            text = (ROOT / name).read_text(encoding='utf-8')
        except UnicodeDecodeError:
            continue
        for pattern, advice in _PATTERNS:
            for match in pattern.finditer(text):
                number = text.count('\n', 0, match.end()) + 1
                phrase = ' '.join(match.group().split()).strip('/*#"\' ')
                lines.append((name, number, f'{name}:{number}: "{phrase}": {advice}'))
    return [line for _, _, line in sorted(lines)]
