# SPDX-License-Identifier: MIT
"""The environment without a profiler."""

import os

STEERING = ('HEAP', 'LD_', 'MALLOC_', 'MESON', 'TCMALLOC')


def environment(inherited=None, also=()):
    """Our environment, or `inherited`, without the variables that preload or steer a profiler or an
    allocator, and without names that begin with one of `also`."""
    inherited = os.environ if inherited is None else inherited
    return {k: v for k, v in inherited.items() if not k.startswith((*STEERING, *also))}
