#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""heapprof attaches to programs that have an allocator of their own linked into them."""

import contextlib
import os
import struct
import subprocess

import attached
import command
import cli
import tap

tap.need('cc')

SOURCE = '''
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef JEMALLOC
void *mallocx(size_t, int);
void sdallocx(void *, size_t, int);
#else
#define mallocx(size, flags) malloc(size)
#define sdallocx(block, size, flags) free(block)
#endif

static void *volatile kept;

__attribute__((noinline)) static void keep(void) { kept = malloc(1000); }
__attribute__((noinline)) static void keep_by_extension(void) { kept = mallocx(2000, 0); }
__attribute__((noinline)) static void drop_by_extension(void) { sdallocx(malloc(3000), 3000, 0); }
__attribute__((noinline)) static void duplicate(void) { kept = strdup("1234567"); }

int main(void)
{
	char line[16];

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		for (int i = 0; i < 10; i++) {
			keep();
			keep_by_extension();
			drop_by_extension();
			duplicate();
		}
		puts("done");
	}
	return 0;
}
'''

JEMALLOC = '-l:libjemalloc.a', '-lm', '-lpthread', '-lstdc++'
TCMALLOC = '-l:libtcmalloc_minimal.a', '-lm', '-lpthread', '-lstdc++'
HIDDEN = '-Wl,--exclude-libs,ALL'  # the C library has another allocator then
PUBLIC = ('malloc', 'free', 'calloc', 'realloc', 'posix_memalign', 'memalign', 'aligned_alloc', 'valloc', 'pvalloc',
          'malloc_usable_size', 'mallocx', 'rallocx', 'xallocx', 'dallocx', 'sdallocx')

KINDS = {
    'jemalloc': ('-DJEMALLOC', *JEMALLOC),
    'jemalloc, hidden': ('-DJEMALLOC', *JEMALLOC, HIDDEN),
    'jemalloc, je_': ('-DJEMALLOC', '-DPREFIX=je_', *JEMALLOC[1:]),
    'jemalloc, _rjem_, hidden': ('-DJEMALLOC', '-DPREFIX=_rjem_', *JEMALLOC[1:], HIDDEN),
    'tcmalloc': TCMALLOC,
    'tcmalloc, hidden': (*TCMALLOC, HIDDEN),
}


def with_prefix(folder, flags):
    """Gives the functions of jemalloc a prefix, as its option --with-jemalloc-prefix does, and lets the program call
    them by these names."""
    prefix = next((flag.partition('=')[2] for flag in flags if flag.startswith('-DPREFIX=')), None)
    if not prefix:
        return flags
    tap.need('objcopy')
    library = cli.run('cc', '-print-file-name=libjemalloc.a').stdout.strip()
    if not os.path.isabs(library):
        tap.skip('the allocator is not installed as a static library')
    done = cli.run('objcopy', *(f'--redefine-sym={name}={prefix}{name}' for name in PUBLIC), library,
                   f'{folder}/libprefixed.a')
    tap.equal(done.returncode, 0, done.stderr)
    return *(f'-D{name}={prefix}{name}' for name in PUBLIC), *flags, '-L', folder, '-l:libprefixed.a', *JEMALLOC[1:]


def build(folder, flags):
    source = command.write_program(f'{folder}/program.c', SOURCE)
    flags = with_prefix(folder, flags)
    done = cli.run('cc', '-O1', '-g', '-fno-builtin', '-o', f'{folder}/program', source, *flags)
    if 'cannot find -l' in done.stderr:
        tap.skip('the allocator is not installed as a static library')
    tap.equal(done.returncode, 0, done.stderr)
    return f'{folder}/program'


@contextlib.contextmanager
def started(folder, path):
    with subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                          env=command.environment(folder)) as process:
        def work():
            process.stdin.write('\n')
            tap.equal(process.stdout.readline(), 'done\n')

        tap.equal(process.stdout.readline(), 'ready\n')
        yield process.pid, work
        process.stdin.close()
        tap.equal(process.wait(), 0)


@tap.test(kind=KINDS)
def an_allocator_in_the_program(folder, kind):
    with started(folder, build(folder, KINDS[kind])) as (pid, work):
        work()
        said = attached.run(folder, 'attach', '-x', pid).stderr
        prefix = kind.split(', ')[1] if '_' in kind else ''
        is_own = prefix != '' or 'hidden' in kind
        tap.equal(f'calls an allocator of its own, {prefix}malloc(); ' in said, is_own, said)
        work()
        held = attached.held(folder, pid)
        tap.equal({name: held.get(name, 0) for name in ('keep', 'keep_by_extension', 'drop_by_extension')},
                  {'keep': 10000, 'keep_by_extension': 20000, 'drop_by_extension': 0})
        tap.equal(sum(size for name, size in held.items() if 'strdup' in name), 0 if is_own else 80)
        attached.run(folder, 'detach', '-q', pid)
        attached.check_as_before(pid)
        work()


def mutate_sections(content, change):
    """Changes the header of the table of symbols, which the loader does not read."""
    content = bytearray(content)
    table, = struct.unpack_from('<Q', content, 40)
    n, = struct.unpack_from('<H', content, 60)
    for at in range(table, table + 64 * n, 64):
        if struct.unpack_from('<I', content, at + 4)[0] == 2:  # SHT_SYMTAB
            change(content, at)
    return content


MUTATIONS = {
    'far away': lambda content, at: struct.pack_into('<Q', content, at + 24, 1 << 62),
    'huge': lambda content, at: struct.pack_into('<Q', content, at + 32, (1 << 64) - 1),
    'with names from no section': lambda content, at: struct.pack_into('<I', content, at + 40, 65535),
    'absent': lambda content, at: struct.pack_into('<H', content, 60, 0),
    'in headers beyond the numbers': lambda content, at: struct.pack_into('<Q', content, 40, (1 << 64) - 64),
}


@tap.test
def tables_of_symbols_that_lie(folder):
    """The program works on. The allocator that calls reach is the C library's then."""
    path = build(folder, KINDS['jemalloc, hidden'])
    with open(path, 'rb') as file:
        content = file.read()
    for name, change in MUTATIONS.items():
        with open(f'{path}-{list(MUTATIONS).index(name)}', 'wb') as file:
            file.write(mutate_sections(content, change))
        os.chmod(file.name, 0o755)
        with started(folder, file.name) as (pid, work):
            attached.run(folder, 'attach', '-qx', pid)
            work()
            tap.equal(attached.held(folder, pid).get('keep'), None, name)
            attached.run(folder, 'detach', '-q', pid)
            attached.check_as_before(pid)
            work()


tap.main()
