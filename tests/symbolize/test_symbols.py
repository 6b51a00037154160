#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the names from symbol tables with those of llvm-symbolizer on every call site.

usage: test_symbols.py FRAMES

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


def check(frames, compiler, language, flags, hide):
    with tempfile.TemporaryDirectory() as folder:
        program = compile_program(folder, compiler, language, flags)
        addresses = call_sites(program)
        everything = aliases(program)
        original = shutil.copy(program, os.path.join(folder, "original"))
        known = hide(program)
        command = ["llvm-symbolizer", "--functions=linkage", "--no-demangle", f"--obj={original}"]
        theirs = ask(command, addresses)
        ours = ask([frames, program, folder], addresses)
        named = sum(name_of(answer) != "??" for answer in ours)
        assert len(ours) == len(theirs) and named >= 10, f"{named} names only"
        return list(wrong_names(ours, theirs, addresses, everything, known)), named


WAYS = [
    (compiler, language, ["-O2", *flags], hide)
    for compiler, language in (("gcc", "c"), ("gcc", "c++"), ("clang", "c++"))
    for flags in (["-rdynamic"], ["-rdynamic", "-no-pie", "-fno-pie"])
    for hide in (stays, dynamic_only, minidebug)
]


def main():
    frames = sys.argv[1]
    if not shutil.which("llvm-symbolizer") or not shutil.which("objdump"):
        print("needs llvm-symbolizer and objdump")
        return 77
    print(f"1..{len(WAYS)}")
    failed = 0
    for number, (compiler, language, flags, hide) in enumerate(WAYS, 1):
        name = f"{compiler} {language} {' '.join(flags)} {hide.__name__}"
        named = 0
        try:
            wrong, named = check(frames, compiler, language, flags, hide)
        except Missing as missing:
            print(f"ok {number} - {name} # SKIP needs {missing}")
            continue
        except (subprocess.CalledProcessError, AssertionError) as error:
            wrong = [str(error), getattr(error, "stderr", "")]
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}: {named} call sites named")
        for line in wrong[:5]:
            print(f"# {line}")
        failed += bool(wrong)
        sys.stdout.flush()
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
