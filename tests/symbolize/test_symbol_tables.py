#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the names from symbol tables with those of llvm-symbolizer on every call site.

usage: test_symbol_tables.py FRAMES

The programs have no DWARF. The reference knows the whole .symtab; the symbolizer is asked about the
program as it is, with .dynsym only, and with .dynsym and .gnu_debugdata. Where one address has
several names any of them will do.
"""

import os
import shutil
import subprocess
import sys
import tempfile

from building import Missing, ask, call_sites, compile_program, need, run


def aliases(program, *options):
    """For each symbol, the address that it names."""
    symbols = {}
    for line in run("nm", "--defined-only", *options, program).splitlines():
        address, _kind, name = line.split(" ", 2)
        symbols[name.split("@")[0]] = int(address, 16)
    return symbols


def stays(program):
    return aliases(program)


def dynamic_only(program):
    run("strip", "--strip-all", program)
    return aliases(program, "--dynamic")


def minidebug(program):
    need("xz")
    everything = aliases(program)
    packed = program + ".mini"
    run("objcopy", "--only-keep-debug", program, packed)
    run("xz", packed)
    run("strip", "--strip-all", program)
    run("objcopy", f"--add-section=.gnu_debugdata={packed}.xz", program)
    return everything


def name_of(frames):
    return frames[0][0]


def wrong_names(ours, theirs, addresses, everything, known):
    for address, mine, other in zip(addresses, ours, theirs):
        mine, other = name_of(mine), name_of(other)
        if mine == other:
            continue
        if mine == "??" and other not in known:
            continue
        if mine not in known or everything.get(mine) != everything.get(other):
            yield f"{address:#x}: {mine} instead of {other}"


def check(frames, folder, original, addresses, theirs, hide):
    program = shutil.copy(original, os.path.join(folder, hide.__name__))
    everything = aliases(program)
    known = hide(program)
    ours = ask([frames, program, folder], addresses)
    named = sum(name_of(answer) != "??" for answer in ours)
    assert len(ours) == len(theirs) and named >= 10, f"{named} names only"
    return list(wrong_names(ours, theirs, addresses, everything, known)), named


def check_all_hidings(frames, compiler, language, flags):
    """Builds a program, and yields for each way to hide names what was wrong."""
    command = ["llvm-symbolizer", "--functions=linkage", "--no-demangle"]
    with tempfile.TemporaryDirectory() as folder:
        program = compile_program(folder, compiler, language, flags)
        addresses = call_sites(program)
        theirs = ask([*command, f"--obj={program}"], addresses)
        for hide in HIDINGS:
            try:
                yield hide, check(frames, folder, program, addresses, theirs, hide)
            except Missing as missing:
                yield hide, missing
            except (subprocess.CalledProcessError, AssertionError) as error:
                yield hide, ([str(error), getattr(error, "stderr", "")], 0)


HIDINGS = [stays, dynamic_only, minidebug]
WAYS = [
    ("gcc", "c", ["-O2", "-rdynamic"]),
    ("gcc", "c++", ["-O2", "-rdynamic"]),
    ("gcc", "c++", ["-O2", "-rdynamic", "-no-pie", "-fno-pie"]),
    ("clang", "c++", ["-O2", "-rdynamic"]),
]


def main():
    frames = sys.argv[1]
    if not all(map(shutil.which, ("llvm-symbolizer", "objdump", "gcc", "g++"))):
        print("needs llvm-symbolizer, objdump, gcc and g++")
        return 77
    failed = number = 0
    for way in WAYS:
        if not shutil.which(way[0]):
            print(f"# needs {way[0]}")
            continue
        for hide, result in check_all_hidings(frames, *way):
            number += 1
            name = f"{number} - {way[0]} {way[1]} {' '.join(way[2])} {hide.__name__}"
            if isinstance(result, Missing):
                print(f"ok {name} # SKIP needs {result}")
                continue
            wrong, named = result
            print(f"{'not ok' if wrong else 'ok'} {name}: {named} call sites named", flush=True)
            for line in wrong[:5]:
                print(f"# {line}")
            failed += bool(wrong)
    print(f"1..{number}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
