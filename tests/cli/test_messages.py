#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bad input and bad usage give one line that names the place, exit status 2, and no output."""

import gzip
import os
import re
import resource
import shutil
import signal
import subprocess

import cli
import raw
import tap


def fail(*args, **options):
    """Runs pprofconv, which must fail; returns its one line besides warnings."""
    done = cli.pprofconv(*args, **options)
    tap.equal(done.returncode, 2)
    tap.equal(done.stdout, '')
    lines = [line for line in done.stderr.splitlines() if ': warning: ' not in line]
    tap.equal(len(lines), 1)
    assert lines[0].startswith('pprofconv: '), lines
    return lines[0]


def refuse(folder, content, name='x.heap'):
    """Converts a file with that content, which must fail; returns the line without the names of
    program and file."""
    path, out = os.path.join(folder, name), os.path.join(folder, 'out.pb.gz')
    with open(path, 'wb') as file:
        file.write(content)
    line = fail(path, '-o', out)
    tap.equal(sorted(os.listdir(folder)), [name])
    prefix = f'pprofconv: {path}:'
    assert line.startswith(prefix), line
    return line[len(prefix):]


@tap.test
def every_bad_fixture(folder):
    for name in sorted(os.listdir(cli.DATA)):
        if not name.startswith(('bad-', 'unsupported-')):
            continue
        out = os.path.join(folder, 'out.pb.gz')
        line = fail(cli.data(name), '-o', out)
        assert re.match(r'pprofconv: .*%s:( byte )?\d+: \w' % re.escape(name), line), line
        assert not os.path.exists(out)


@tap.test
def a_missing_file(folder):
    path = os.path.join(folder, 'none.heap')
    tap.equal(fail(path), f'pprofconv: {path}: No such file or directory')
    tap.equal(os.listdir(folder), [])


@tap.test
def a_folder(folder):
    tap.equal(fail(folder), f'pprofconv: {folder}: Is a directory')


@tap.test
def dumps_that_lack_something(folder):
    """pprof reads these dumps, and so does pprofconv, with a warning and the same numbers."""
    no_map = 'warning: no MAPPED_LIBRARIES; only addresses of a --binary that is not '\
             'position-independent get names'
    no_interval = 'warning: sampled, but the dump gives no interval; counts stay as they are, far too low'
    for kind, warnings in (('heapprofile', [no_map]), ('heap_v2/524288', [no_map]),
                           ('heap_v2/0', [no_interval, no_map]), ('heap/0', [no_interval, no_map]),
                           ('heap_v2', [no_interval, no_map])):
        path, out = os.path.join(folder, 'x.heap'), os.path.join(folder, 'x.pb.gz')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(f'heap profile: 1: 10 [ 1: 10] @ {kind}\n1: 10 [ 1: 10] @ 0x1234\n')
        done = cli.pprofconv('-n', path, '-o', out)
        tap.equal((done.returncode, done.stderr.splitlines()),
                  (0, [f'pprofconv: {path}: {warning}' for warning in warnings]))
        if shutil.which('go'):
            theirs, ours = [raw.read(p).samples[0][2] for p in (path, out)]
            tap.equal(len(theirs), 2)
            assert all(0 <= x - y <= 1 for x, y in zip(ours[-2:], theirs)), (kind, theirs, ours)


@tap.test
def paths_of_options(folder):
    good, gone = cli.data('good-exact.heap'), os.path.join(folder, 'gone')
    for option in ('binary', 'sysroot', 'debug-dir'):
        tap.equal(fail(f'--{option}', gone, good, '-o', os.path.join(folder, 'x')),
                  f'pprofconv: --{option}: {gone}: No such file or directory')
    tap.equal(fail('--binary', good, good, '-o', os.path.join(folder, 'x')),
              f'pprofconv: --binary: {good}: not an ELF file')
    tap.equal(os.listdir(folder), [])


@tap.test
def an_empty_file(folder):
    tap.equal(refuse(folder, b''), '1: the file is empty')


@tap.test
def a_foreign_file(folder):
    tap.is_in('1: not a heap profile', refuse(folder, bytes(range(256))))
    tap.equal(refuse(folder, b'\x7fELF' + bytes(range(256))),
              '1: a program is not supported; give it as --binary')
    for size in (4, 17, 19):  # it may be a core
        tap.equal(refuse(folder, b'\x7fELF' + bytes(size - 4)),
                  f' a core or a program of which only {size} bytes are there; copy it again')
    tap.is_in('perf.data is not supported', refuse(folder, b'PERFILE2' + bytes(range(256))))


@tap.test
def a_truncated_file(folder):
    with open(cli.data('good-exact.heap'), 'rb') as file:
        whole = file.read()
    tap.equal(refuse(folder, whole[:-6]), "19: truncated: the last line is not '# end'")
    tap.equal(refuse(folder, whole[:500]), '16: truncated: the last line has no newline')


@tap.test
def truncated_gzip_data(folder):
    with open(cli.data('good-exact.heap'), 'rb') as file:
        packed = gzip.compress(file.read())
    tap.equal(refuse(folder, packed[:-20]), ' the gzip data is truncated')
    broken = bytearray(packed)
    broken[len(broken) // 2] ^= 0xff
    tap.is_in('gzip data is', refuse(folder, bytes(broken)))


@tap.test
def what_follows_gzip_data(folder):
    """Zeroes after the data are padding. Anything else means that the file is damaged, or is two
    files in one."""
    with open(cli.data('good-exact.heap'), 'rb') as file:
        packed = gzip.compress(file.read())
    for rest in (b'garbage', bytes(70000) + b'x', packed + b'x'):
        tap.is_in('unexpected bytes after the gzip data; the file is damaged',
                  refuse(folder, packed + rest))
    good = os.path.join(folder, 'good.gz')
    with open(good, 'wb') as file:
        file.write(packed + bytes(300000))
    cli.succeed('top', '-n', good)


@tap.test
def names_of_files_are_no_commands_to_terminals(folder):
    path = os.path.join(folder, 'a\033[31mb.heap')
    shutil.copy(cli.data('good-exact.heap'), path)
    done = cli.pprofconv('-v', '-n', path)
    tap.equal(done.returncode, 0)
    tap.equal(done.stderr.count('a?[31mb'), 2)
    assert '\033' not in done.stderr


@tap.test
def expressions_that_are_too_deep(folder):
    path = cli.data('good-folded.txt')
    deep = '(' * 60000 + 'a' + ')' * 60000
    for option in ('--focus', '--ignore', '--hide'):
        tap.is_in(f'{option}: parentheses are nested too deeply',
                  fail('diff', path, path, f'{option}={deep}'))
    cli.succeed('diff', path, path, '--focus=' + '(' * 100 + 'a' + ')' * 100)


@tap.test
def a_gzip_bomb(folder):
    record = b'1: 16 [ 1: 16] @ 0x401180\n'
    bomb = gzip.compress(b'heap profile: 1: 1 [ 1: 1] @ heapprofile\n' + record * 400000)
    path = os.path.join(folder, 'bomb.heap')
    with open(path, 'wb') as file:
        file.write(bomb)
    tap.is_in('more than 1048576 bytes of input; raise the limit with --max-input-bytes',
              fail('--max-input-bytes=1M', path))


@tap.test
def a_line_of_100_mb(folder):
    path = os.path.join(folder, 'long.heap')
    with open(path, 'wb') as file:
        file.write(b'heap profile: 1: 1 [ 1: 1] @ heapprofile\n')
        file.seek(100 << 20, os.SEEK_CUR)
        file.write(b'\n')
    tap.equal(fail(path), f'pprofconv: {path}:2: the line is longer than 16777216 bytes')


@tap.test
def places_that_cannot_be_written(folder):
    good = cli.data('good-exact.heap')
    path = os.path.join(folder, 'none', 'out.pb.gz')
    tap.equal(fail('-n', good, '-o', path), f'pprofconv: {path}: No such file or directory')
    tap.equal(fail('-n', good, '-o', '/dev/full'), 'pprofconv: /dev/full: No space left on device')
    if os.getuid() != 0:
        os.chmod(folder, 0o500)
        path = os.path.join(folder, 'out.pb.gz')
        tap.equal(fail('-n', good, '-o', path), f'pprofconv: {path}: Permission denied')


@tap.test
def an_old_output_stays(folder):
    out = os.path.join(folder, 'out.pb.gz')
    with open(out, 'w') as file:
        file.write('old')
    fail(cli.data('bad-no-at.heap'), '-o', out)
    with open(out) as file:
        tap.equal(file.read(), 'old')


@tap.test
def a_control_character_in_a_name(folder):
    path = os.path.join(folder, 'a\nb.heap')
    tap.equal(fail(path), f'pprofconv: {folder}/a?b.heap: No such file or directory')


@tap.test
def bad_usage(folder):
    tap.is_in("the command comes first: 'pprofconv trend -q ...'", fail('-q', 'trend', 'x.heap'))
    good = cli.data('good-exact.heap')
    tap.is_in("no such option: '--nonsense'", fail('--nonsense', good))
    tap.is_in("no such option: '-Z'", fail('-Z', good))
    tap.is_in("no such option: '-='", fail('-q=3', good))
    tap.is_in("no such option: '-Z'", fail('-qZn', good))
    tap.is_in("the option takes no argument: '--quiet=3'", fail('--quiet=3', good))
    tap.is_in("missing argument of the option '--output'", fail(good, '--output'))
    tap.is_in("missing argument of the option '-o'", fail(good, '-o'))
    tap.is_in("--from: unknown format 'nonsense'", fail('--from=nonsense', good))
    tap.is_in("--to: unknown format 'nonsense'", fail('--to=nonsense', good))
    tap.is_in("--max-input-bytes: invalid size 'lots'", fail('--max-input-bytes=lots', good))
    tap.is_in("no values of the type 'time'",
              fail('-n', '--sample-type=time', good, '-o', '/dev/null'))
    tap.is_in('no input', fail('convert'))
    tap.is_in('no input', fail('info'))
    tap.is_in("unknown command 'nonsense'", fail('help', 'nonsense'))
    tap.is_in('-o must name a folder', fail(good, good, '-o', os.path.join(folder, 'x')))


@tap.test
def what_is_for_heapprof_is_answered_with_its_command(folder):
    assert cli.succeed('--help').startswith(
        'heapprof touches processes, pprofconv reads files, and a core is a file.\n')
    tap.is_in("no file '4711'; to read that process, give pid:4711, or type 'heapprof check 4711'",
              fail('4711', cwd=folder))
    tap.is_in("'run' is a command of heapprof; type 'heapprof run ./app -x'",
              fail('run', './app', '-x', cwd=folder))
    tap.is_in("type 'heapprof run './le ak' '$(id)''", fail('run', './le ak', '$(id)', cwd=folder))
    for name in ('4711', 'run'):  # a file may have any name
        shutil.copy(cli.data('good-exact.heap'), os.path.join(folder, name))
        cli.succeed('-n', name, cwd=folder)


@tap.test
def what_is_not_a_process_id(folder):
    good = cli.data('good-exact.heap')
    for name in ('pid:0', 'pid:-1', 'pid:', 'pid:abc', 'pid:99999999999999999999'):
        expected = f'pprofconv: {name}: not a process ID; a file of that name is ./{name}'
        tap.equal(fail('top', name, cwd=folder), expected)
        tap.equal(fail('convert', good, name, '-o', folder, cwd=folder), expected)
        tap.equal(os.listdir(folder), [])
    shutil.copy(good, os.path.join(folder, 'pid:abc'))
    cli.succeed('info', './pid:abc', cwd=folder)


@tap.test
def a_format_for_a_process_or_a_core(folder):
    why = 'has none of the formats of --from; leave out --from'
    core = b'\x7fELF\x02\x01\x01' + bytes(9) + b'\x04\x00' + bytes(100)
    path = os.path.join(folder, 'core')
    with open(path, 'wb') as file:
        file.write(core)
    tap.equal(fail('top', '--from=heapprof', 'pid:1'), f'pprofconv: pid:1: a process {why}')
    tap.equal(fail('top', '--from=heapprof', path), f'pprofconv: {path}: a core {why}')


@tap.test
def a_packed_core_without_a_place_to_unpack_it(folder):
    path, gone = os.path.join(folder, 'core.gz'), os.path.join(folder, 'gone')
    with open(path, 'wb') as file:
        file.write(gzip.compress(b'\x7fELF\x02\x01\x01' + bytes(9) + b'\x04\x00' + bytes(100)))
    tap.equal(fail('top', path, env={**os.environ, 'TMPDIR': gone}),
              f'pprofconv: {path}: cannot create a temporary file in {gone}: No such file or '
              'directory; set TMPDIR to another folder')


@tap.test
def odd_folded_stacks(folder):
    big = b'main;work 99999999999999999999\n'
    expected = "expected a stack and a number, as in 'main;work 12'"
    tap.equal(refuse(folder, b'main;work 1\n' + big), f'2: {expected}')
    path = os.path.join(folder, 'x')
    with open(path, 'wb') as file:
        file.write(b'main;work 1\r\n\r\nmain;rest 2\r\n')
    tap.is_in('samples: total 3 count', cli.succeed('top', path))
    with open(path, 'wb') as file:
        file.write(b'main;a 9000000000000000000\nmain;b 9000000000000000000\n')
    tap.equal(fail('top', path), f'pprofconv: {path}: values add up to more than 64 bits hold')


@tap.test
def a_file_that_may_not_grow(folder):
    out = os.path.join(folder, 'out')
    limit = (2048, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    text = ''.join(f'main;f{i} 1\n' for i in range(2000))
    line = fail('-t', 'folded', '-', '-o', out, input=text.encode(),
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    tap.equal((line, os.listdir(folder)), (f'pprofconv: {out}: File too large', []))


@tap.test
def a_bus_error_that_is_none_of_ours(folder):
    def no_core():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    with subprocess.Popen([cli.PPROFCONV, '-', '-o', os.path.join(folder, 'out')],
                          stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                          preexec_fn=no_core) as pprofconv:
        pprofconv.stdin.write(b'main;work 1\n' * 100000)  # more than a pipe holds
        pprofconv.send_signal(signal.SIGBUS)
        tap.equal((pprofconv.stderr.read(), pprofconv.wait()), (b'', -signal.SIGBUS))


tap.main()
