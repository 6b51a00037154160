#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A server that can't be restarted leaks. heapprof attaches to it, names the line, and leaves it."""

import pathlib
import re
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))

import cases  # noqa: E402: after the path to it
import tap  # noqa: E402


@tap.test
def the_function_is_named(run):
    text = run.output('--rounds 3')
    assert re.search(r'\+\S+\* .*  parse_headers\n +(about )?\d+ blocks of 216 B, ', text), text


@tap.test
def the_caller_is_named(run):
    assert re.search(r'parse_headers (<-|\u2190) check_coupon', run.output('--stacks')), run.output('--stacks')


@tap.test
def the_process_is_as_before(run):
    assert run.output('cat status', 1) == '2000 carts are open'
    assert 'is not attached' in run.output('heapprof detach', 1)


cases.main(__file__, needs=['cc'])
