#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the names from symbol tables with those of llvm-symbolizer on every call site.

The programs have no DWARF. llvm-symbolizer gets the whole .symtab. The symbolizer is asked about
the program as it is, with .dynsym only, and with .dynsym and .gnu_debugdata. If an address has
several names, any of them is right.
"""

import os
import shutil

from building import FRAMES, Way, ask, call_sites, compile_program, run
import tap

tap.need("llvm-symbolizer", "objdump", "xz")


def aliases(program, *options):
    """Returns {symbol: address}."""
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


@tap.test(way=[
    Way("gcc", "c", ["-O2", "-rdynamic"]),
    Way("gcc", "c++", ["-O2", "-rdynamic"]),
    Way("gcc", "c++", ["-O2", "-rdynamic", "-no-pie", "-fno-pie"]),
    Way("clang", "c++", ["-O2", "-rdynamic"]),
])
def the_same_names(folder, way):
    original = compile_program(folder, way)
    addresses = call_sites(original)
    command = ["llvm-symbolizer", "--functions=linkage", "--no-demangle", f"--obj={original}"]
    theirs = ask(command, addresses)
    for hide in (stays, dynamic_only, minidebug):
        program = shutil.copy(original, os.path.join(folder, hide.__name__))
        everything = aliases(program)
        known = hide(program)
        ours = ask([FRAMES, program, folder], addresses)
        n_named = sum(name_of(answer) != "??" for answer in ours)
        tap.check(len(ours) == len(theirs) and n_named >= 10, f"{hide.__name__}: {n_named} names only")
        wrong = list(wrong_names(ours, theirs, addresses, everything, known))
        tap.check(not wrong, "\n".join([hide.__name__, *wrong[:5]]))


tap.main()
