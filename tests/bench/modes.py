# SPDX-License-Identifier: MIT
"""The profilers and allocators that are compared, each run as its users would run it."""

import dataclasses
import os
import shutil

from interleaved import Mode

ALLOCATORS = {'glibc': '', 'jemalloc': 'libjemalloc.so.2',
              'tcmalloc': 'libtcmalloc_minimal.so.4', 'mimalloc': 'libmimalloc.so.2.0'}
PACKAGES = {'libjemalloc.so.2': 'libjemalloc2', 'libtcmalloc_minimal.so.4': 'libtcmalloc-minimal4',
            'libmimalloc.so.2.0': 'libmimalloc2.0', 'libtcmalloc.so.4': 'libgoogle-perftools4'}
FOLDERS = ('/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib')


def find_library(name):
    for folder in FOLDERS:
        if os.path.exists(os.path.join(folder, name)):
            return os.path.join(folder, name)
    return ''


def over(name, allocator):
    return name if allocator == 'glibc' else f'{name}, {allocator}'


class Modes:
    """All modes. `library` is the path of libheapprof.so, `folder` the folder for dumps."""

    def __init__(self, library, folder):
        self.library, self.prefix = library, os.path.join(folder, 'p')

    def _mode(self, name, allocator, preload, slowness=1.0, **settings):
        file = ALLOCATORS[allocator]
        found = find_library(file) if file else ''
        settings['LD_PRELOAD'] = ' '.join(x for x in (preload, found) if x)
        if not settings['LD_PRELOAD']:
            del settings['LD_PRELOAD']
        return Mode(over(name, allocator), settings, slowness=slowness,
                    missing=PACKAGES[file] if file and not found else '')

    def bare(self, allocator='glibc'):
        return self._mode('bare', allocator, '')

    def idle(self, allocator='glibc'):
        return self._mode('idle', allocator, self.library)

    def sampled(self, allocator='glibc', **settings):
        return self._mode('sampled 512K', allocator, self.library, HEAPPROFILE=self.prefix,
                          **settings)

    def exact(self, allocator='glibc', **settings):
        return self._mode('exact', allocator, self.library, 1.9, HEAPPROFILE=self.prefix,
                          HEAP_PROFILE_SAMPLE_INTERVAL='1', **settings)

    def ours(self, allocator='glibc'):
        return [self.bare(allocator), self.idle(allocator), self.sampled(allocator),
                self.exact(allocator)]

    def compared(self):
        """Returns our modes, and bare a second time: the difference between the two is noise."""
        bare, idle, sampled, exact = self.ours()
        return [bare, idle, sampled, dataclasses.replace(bare, name='bare again'), exact]

    def jemalloc(self, name, lg_sample, slowness):
        found = find_library('libjemalloc.so.2')
        conf = f'prof:true,lg_prof_sample:{lg_sample},prof_prefix:{self.prefix}'
        return Mode(name, {'LD_PRELOAD': found, 'MALLOC_CONF': conf}, slowness=slowness,
                    missing='' if found else 'libjemalloc2')

    def gperftools(self):
        found = find_library('libtcmalloc.so.4')
        return Mode('gperftools exact', {'LD_PRELOAD': found, 'HEAPPROFILE': self.prefix},
                    slowness=150, missing='' if found else 'libgoogle-perftools4')

    def heaptrack(self):
        found = shutil.which('heaptrack')
        data = os.path.join(os.path.dirname(self.prefix), 'heaptrack.data')
        return Mode('heaptrack', {}, ('heaptrack', '-o', data), '' if found else 'heaptrack', 2)

    def jemalloc_sampled(self):
        return self.jemalloc('jemalloc prof 512K', 19, 1)

    def jemalloc_exact(self):
        return self.jemalloc('jemalloc prof exact', 0, 80)

    def exact_peers(self):
        return [self.heaptrack(), self.gperftools(), self.jemalloc_exact()]

    def peers(self):
        return [self.jemalloc_sampled(), *self.exact_peers()]
