#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""go tool pprof reads our profiles without the binary."""

import json
import os
import shutil

import cli
import pprof_file
import raw
import tap


def convert(folder, name, text=None):
    dump, out = os.path.join(folder, name), os.path.join(folder, name + '.pb.gz')
    if text is None:
        shutil.copy(cli.data(name), dump)
    else:
        with open(dump, 'w') as file:
            file.write(text)
    cli.succeed('-n', '-q', dump, '-o', out)
    return out


@tap.test
def reports_of_all_sample_types(folder):
    profile = convert(folder, 'good-exact.heap')
    text = cli.go_pprof('-top', profile)
    tap.is_in('Type: inuse_space', text)
    tap.is_in('of 4.25kB total', text)
    for kind, total in (('alloc_space', '8.50kB'), ('alloc_objects', '6'), ('inuse_objects', '3')):
        tap.is_in(f'of {total} total', cli.go_pprof('-top', f'-sample_index={kind}', profile))


@tap.test
def metadata(folder):
    profile = convert(folder, 'good-exact.heap')
    tap.is_in('heapprof: program=/usr/bin/demo pid=4242 dump=1 reason=exit sample_interval=1 ',
              cli.go_pprof('-comments', profile))
    tap.equal(cli.go_pprof('-comments', profile).count('\n'), 1)
    text = cli.go_pprof('-raw', '-symbolize=none', profile)
    tap.is_in('Time: 2026-01-02 03:04:05.25', text)
    tap.is_in('inuse_space/bytes[dflt]', text)
    tap.is_in('PeriodType: space bytes', text)


def lasting(text):
    """Returns the output of info without its path, and without mappings: go tool pprof leaves out
    those without samples."""
    return [line for line in text.splitlines() if not line.startswith(('file: ', '  0x'))]


@tap.test
def metadata_survive_go_tool_pprof(folder):
    profile = convert(folder, 'good-exact.heap')
    again = os.path.join(folder, 'again.pb.gz')
    cli.go_pprof('-proto', '-symbolize=none', f'-output={again}', profile)
    tap.equal(lasting(cli.succeed('info', again)), lasting(cli.succeed('info', profile)))
    other = convert(folder, 'good-sampled.heap')
    tap.equal(*(cli.pprofconv('diff', '-n', other, new) for new in (again, profile)))
    tap.equal(cli.succeed('diff', '-n', '--format=json', profile, again).count('"one_run":true'), 1)


LONG = 'std::map<int, std::vector<{}, std::allocator<{}> > >::operator[]'


@tap.test
def names_are_short_in_files_and_whole_in_comparisons(folder):
    names = [LONG.format(word, word) for word in ('char', 'long')]
    whole = pprof_file.write(os.path.join(folder, 'whole.pb'),
                             [(names[0], 'a.h', 1 << 20), (names[1], 'a.h', 3 << 20)])
    short, full = (os.path.join(folder, f'{name}.pb.gz') for name in ('short', 'full'))
    cli.succeed('-q', whole, '-o', short)
    cli.succeed('-q', whole, '-o', full, '--full-names')
    tap.is_in(' std::map<...>::operator[]\n', cli.go_pprof('-top', short))
    tap.check('allocator' not in cli.go_pprof('-top', short), 'arguments are shown')
    tap.is_in(names[0], cli.go_pprof('-top', full))
    report = json.loads(cli.succeed('diff', '--format=json', whole, short))
    rows = {row['name']: row['flat']['difference'] for row in report['rows']}
    tap.equal(rows, {name: 0 for name in names})
    again = os.path.join(folder, 'again.pb.gz')
    cli.succeed('-q', short, '-o', again, '--full-names')
    tap.is_in(names[1], cli.go_pprof('-top', '-symbolize=none', again))


@tap.test
def graphs(folder):
    if not shutil.which('dot'):
        return
    svg = os.path.join(folder, 'x.svg')
    cli.go_pprof('-svg', '-output', svg, convert(folder, 'good-exact.heap'))
    with open(svg) as file:
        tap.is_in('<svg', file.read())


@tap.test
def a_dump_without_frees_against_one_with(folder):
    """A dump without frees and one with frees can be compared as our profiles. pprof itself refuses
    to compare the dumps."""
    maps = '\nMAPPED_LIBRARIES:\n400000-500000 r-xp 00000000 fe:00 1 /bin/a\n'
    old = convert(folder, 'old.heap', 'heap profile: 1: 100 [ 1: 100] @ heapprofile\n'
                  '1: 100 [ 1: 100] @ 0x400100\n' + maps)
    new = convert(folder, 'new.heap', 'heap profile: 3: 300 [ 4: 400] @ heapprofile\n'
                  '3: 300 [ 4: 400] @ 0x400100\n' + maps)
    tap.is_in('200B', cli.go_pprof('-top', '-diff_base', old, new))
    tap.is_in('200B', cli.go_pprof('-top', '-base', old, new))


@tap.test
def a_dump_without_samples(folder):
    profile = convert(folder, 'good-no-samples.heap')
    read = raw.read(profile)
    tap.equal(read.types, ['alloc_objects', 'alloc_space', 'inuse_objects', 'inuse_space'])
    tap.equal(read.samples, [])


@tap.test
def names_that_are_not_utf8(folder):
    profile = os.path.join(folder, 'x.pb.gz')
    with open(cli.data('good-exact.heap'), 'rb') as file:
        text = file.read().replace(b'# pid: 4242', b'# pid: \xff\xfe')
    done = cli.pprofconv('-n', '-', '-o', profile, input=text)
    tap.equal((done.returncode, done.stderr), (0, ''))
    tap.is_in('pid=%ff%fe', cli.go_pprof('-comments', profile))


@tap.test
def totals_beyond_64_bits_are_not_made_up(folder):
    path = pprof_file.write(os.path.join(folder, 'much.pb'),
                            [('f', 'a.c', 2**63 - 1), ('g', 'a.c', 2**63 - 1)])
    tap.is_in('inuse_space   more than 64 bits hold bytes\n', cli.succeed('info', path))


tap.need('go')
tap.main()
