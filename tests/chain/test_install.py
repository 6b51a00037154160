#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`meson install` installs the right files, and programs can be built with them."""

import os
import pathlib

import chain
import cli
import tap

# A program that names no function that we define. The C library allocates for it.
SILENT = '''
#include <string.h>
static char text[100000];
int main(void)
{
	memset(text, 'x', sizeof(text) - 1);
	char *volatile kept = strdup(text);
	return kept == NULL;
}
'''

GPERFTOOLS = '''
#include <gperftools/heap-profiler.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
	HeapProfilerStart(argv[1]);
	void *volatile kept = malloc(100000);
	if (!IsHeapProfilerRunning() || !kept)
		return 1;
	char *text = GetHeapProfile();
	if (!text || text[0] != 'h')
		return 2;
	free(text);
	HeapProfilerDump("asked for");
	HeapProfilerStop();
	return IsHeapProfilerRunning();
}
'''

# The linkers of most distributions drop libraries that the program does not use.
AS_NEEDED = '-Wl,--as-needed'


class Installed:
    """An installation in a folder of its own."""

    def __init__(self, folder):
        self.root = os.path.join(folder, 'root')
        chain.succeed('meson', 'install', '-C', chain.BUILD, '--no-rebuild',
                      '--quiet', '--destdir', self.root)
        self.files = {p.name: p for p in pathlib.Path(self.root).rglob('*') if not p.is_dir()}

    def pkg_config(self, *args):
        env = chain.environment(PKG_CONFIG_SYSROOT_DIR=self.root,
                                PKG_CONFIG_PATH=self.files['heapprof.pc'].parent)
        return chain.succeed('pkg-config', *args, env=env).split()

    def build(self, folder, text, *flags, compiler='cc', suffix='.c'):
        source = os.path.join(folder, 'program' + suffix)
        with open(source, 'w', encoding='utf-8') as file:
            file.write(text)
        program = os.path.join(folder, 'program')
        return chain.compile_program(program, source, *flags, compiler=compiler)

    def run(self, *command, **settings):
        libraries = self.files['libheapprof.so'].parent
        chain.succeed(*command, env=chain.environment(
            LD_LIBRARY_PATH=libraries, HEAP_PROFILE_SAMPLE_INTERVAL=1, **settings))


def check_dump(path):
    with open(path, encoding='utf-8') as file:
        text = file.read()
    tap.is_in('1: 100000 [1: 100000]', text)
    assert text.endswith('# end\n'), text[-100:]


@tap.test
def files(folder):
    installed = Installed(folder)
    places = {name: str(path.relative_to(installed.root)) for name, path in installed.files.items()}
    for name, place in {
            'heapprof.h': '/include/heapprof.h',
            'heap-profiler.h': '/include/heapprof-compat/gperftools/heap-profiler.h',
            'heapprof.pc': '/pkgconfig/heapprof.pc',
            'heapprof-gperftools.pc': '/pkgconfig/heapprof-gperftools.pc',
            'heapprof': '/bin/heapprof',
            'heapprof.1': '/man/man1/heapprof.1',
            'heapprof.bash': '/share/bash-completion/completions/heapprof.bash',
            'pprofconv.bash': '/share/bash-completion/completions/pprofconv.bash',
            '_heapprof': '/share/zsh/site-functions/_heapprof',
            '_pprofconv': '/share/zsh/site-functions/_pprofconv',
            'pprofconv': '/bin/pprofconv',
            'pprofconv.1': '/man/man1/pprofconv.1',
            'libheapprof.3': '/man/man3/libheapprof.3',
            'heapprof-server.7': '/man/man7/heapprof-server.7',
            'heapprof-statistics.7': '/man/man7/heapprof-statistics.7',
    }.items():
        assert places[name].endswith(place), places[name]
    libraries = {path.parent for name, path in installed.files.items() if '.so' in name}
    libraries.add(installed.files['libheapprof.a'].parent)
    tap.equal(len(libraries), 1)
    tap.equal(sorted(n for n in places if n.endswith('.h')),
              ['heap-profiler.h', 'heapprof.h', 'heapprof_mempool.h', 'heapprof_pmr.h',
               'heapprof_pool.h', 'heapprof_talloc.h'])


@tap.test
def the_program_finds_its_library(folder):
    installed = Installed(folder)
    program = installed.build(folder, SILENT)
    done = cli.run(installed.files['heapprof'], 'run', '--exact', '-d', f'{folder}/p', program,
                   env=chain.environment(TMPDIR=folder))
    tap.equal((done.returncode, done.stdout), (0, ''))
    check_dump(f'{folder}/p.0001.heap')
    tap.is_in(f'{installed.files["pprofconv"]} top {folder}/p.0001.heap', done.stderr)


@tap.test
def a_program_that_calls_nothing_of_ours(folder):
    installed = Installed(folder)
    program = installed.build(folder, SILENT, AS_NEEDED,
                              *installed.pkg_config('--cflags', '--libs', 'heapprof'))
    installed.run(program, HEAPPROFILE=f'{folder}/p')
    check_dump(f'{folder}/p.0001.heap')


@tap.test
def the_archive(folder):
    installed = Installed(folder)
    program = installed.build(folder, SILENT, AS_NEEDED,
                              *installed.pkg_config('--variable=archive_libs', 'heapprof'))
    tap.is_in('libgcc_s.so.1', chain.succeed('readelf', '-d', program))
    assert 'libheapprof.so' not in chain.succeed('readelf', '-d', program)
    installed.run(program, HEAPPROFILE=f'{folder}/p')
    check_dump(f'{folder}/p.0001.heap')


def check_gperftools_program(folder, **how):
    installed = Installed(folder)
    flags = installed.pkg_config('--cflags', '--libs', 'heapprof-gperftools')
    installed.run(installed.build(folder, GPERFTOOLS, AS_NEEDED, *flags, **how), f'{folder}/p')
    check_dump(f'{folder}/p.0001.heap')


@tap.test
def a_program_for_gperftools(folder):
    check_gperftools_program(folder)


@tap.test
def a_cxx_program_for_gperftools(folder):
    check_gperftools_program(folder, compiler='c++', suffix='.cc')


@tap.test
def the_header_is_strict_c(folder):
    installed = Installed(folder)
    for standard in ('c99', 'c17'):
        chain.succeed('cc', f'-std={standard}', '-pedantic', '-Wall', '-Wextra', '-Werror',
                      '-Wstrict-prototypes', '-fsyntax-only', installed.files['heapprof.h'])


tap.need('pkg-config', 'readelf', 'meson')
tap.main()
