# SPDX-License-Identifier: MIT
"""An environment without a profiler."""

import os

STEERING = ('HEAP', 'LD_', 'MALLOC_', 'MESON', 'TCMALLOC')


def environment(inherited=None, also=()):
    """Returns our environment, or `inherited`, without the variables that preload or control a
    profiler or an allocator, and without those whose names begin with one of `also`."""
    inherited = os.environ if inherited is None else inherited
    return {k: v for k, v in inherited.items() if not k.startswith((*STEERING, *also))}
