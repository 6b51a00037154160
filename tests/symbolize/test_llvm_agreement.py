#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the symbolizer with llvm-symbolizer on every call site of small programs.

Each program is built in many ways. For the address before the return address of each call, both
must give the same function (by its linkage name), file, line and inlined frames. llvm-symbolizer
prefers the names of .symtab, which have endings such as .isra.0, to those of DWARF. It is therefore
asked about a copy of the program without that table.
"""

import itertools
import os
import shutil

from building import FRAMES, Way, ask, build_id_of, call_sites, compile_program, run, without_symbols
import tap

tap.need("llvm-symbolizer", "objdump")


def reference(program, addresses):
    command = ["llvm-symbolizer", "--inlines", "--functions=linkage", "--no-demangle"]
    return ask([*command, f"--obj={program}"], addresses)


# Functions that hide the DWARF of a program. Each changes `program` and returns the folders with
# debug files.


def stays(program, folder):
    return []


def debug_link(program, folder):
    debug = os.path.join(folder, "a program.debug")
    run("objcopy", "--only-keep-debug", program, debug)
    run("objcopy", "--strip-all", program)
    run("objcopy", f"--add-gnu-debuglink={debug}", program)
    run("objcopy", "--remove-section=.note.gnu.build-id", program)
    run("objcopy", "--remove-section=.note.gnu.build-id", debug)
    # The checksum of the link must be that of the final file.
    run("objcopy", "--remove-section=.gnu_debuglink", program)
    run("objcopy", f"--add-gnu-debuglink={debug}", program)
    return []


def build_id_folder(program, folder):
    build_id = build_id_of(program)
    place = os.path.join(folder, "debug", ".build-id", build_id[:2])
    os.makedirs(place)
    run("objcopy", "--only-keep-debug", program, os.path.join(place, build_id[2:] + ".debug"))
    run("objcopy", "--strip-all", program)
    return [os.path.join(folder, "debug")]


def dwz_alone(program, folder):
    tap.need("dwz")
    run("dwz", program)
    return []


def dwz_shared(program, folder):
    """Makes two programs whose common DWARF is in a third file."""
    tap.need("dwz")
    other = os.path.join(folder, "other")
    shutil.copy(program, other)
    run("dwz", "-m", "shared.debug", "-M", "shared.debug", "-h", os.path.basename(program), other,
        cwd=folder)
    assert ".gnu_debugaltlink" in run("readelf", "-SW", program), "dwz shared nothing"
    return []


# Ways to build a program, and those to hide its DWARF. Languages differ in the first ways only; the
# others of C++ and Rust run with HEAPPROF_ALL_WAYS=1.
LANGUAGE_WAYS = [
    (["-O2", "-g", "-Wl,--build-id"], [stays, debug_link, build_id_folder]),
    (["-O2", "-g", "-flto"], [stays]),
    (["-O2", "-gdwarf-4", "-Wl,--build-id"], [stays, dwz_alone, dwz_shared]),
    (["-O2", "-gdwarf-5", "-gsplit-dwarf"], [stays]),
    (["-O2", "-gdwarf-4", "-gsplit-dwarf"], [stays]),
]
OTHER_WAYS = [
    (["-O0", "-g"], [stays]),
    (["-O2", "-gdwarf-5", "-no-pie", "-fno-pie"], [stays]),
    (["-O2", "-g", "-gz"], [stays]),
    (["-O2", "-g1"], [stays]),
    (["-O2", "-g", "-ffunction-sections", "-Wl,--gc-sections", "-Wl,-z,noseparate-code"], [stays]),
]
RUST_WAYS = [["-Copt-level=2"], ["-Copt-level=2", "-Csymbol-mangling-version=v0"]]
OTHER_RUST_WAYS = [[], ["-Copt-level=2", "-Clto=fat"]]
LTO = {"gcc": ["-flto=1"], "clang": ["-flto", "-fuse-ld=lld"]}


def rows():
    has_all = bool(os.environ.get("HEAPPROF_ALL_WAYS"))
    for language in ("c", "c++"):
        ways = LANGUAGE_WAYS + (OTHER_WAYS if has_all or language == "c" else [])
        for compiler, (flags, hide) in itertools.product(LTO, ways):
            flags = [word for flag in flags for word in (LTO[compiler] if flag == "-flto" else [flag])]
            yield compiler, language, flags, hide
    for flags in RUST_WAYS + (OTHER_RUST_WAYS if has_all else []):
        yield "rustc", "rust", ["-Cdebuginfo=2", *flags], [stays]


WAYS = {str(Way(*row[:3])): (Way(*row[:3]), row[3]) for row in rows()}


def differences(ours, theirs, addresses):
    for address, mine, other in zip(addresses, ours, theirs):
        if mine != other:
            yield f"{address:#x}: {mine} instead of {other}"


def make_original(program, way):
    """Returns the copy about which llvm-symbolizer is asked.

    llvm-symbolizer 14 misses inlined frames of the first split unit of clang, so it gets the same
    code with its DWARF inside.
    """
    folder = os.path.dirname(program)
    if "-gsplit-dwarf" in way.flags:
        folder = os.path.join(folder, "whole")
        os.mkdir(folder)
        whole = [flag for flag in way.flags if flag != "-gsplit-dwarf"]
        program = compile_program(folder, way._replace(flags=whole))
        without_symbols(program)
    return shutil.copy(program, os.path.join(folder, "original"))


@tap.test(name=WAYS)
def the_same_frames(folder, name):
    """Each program is compiled only once for all ways to hide its DWARF."""
    way, ways_to_hide = WAYS[name]
    built = compile_program(folder, way)
    sites = call_sites(built)
    without_symbols(built)
    theirs = reference(make_original(built, way), sites)
    for hide in ways_to_hide:
        place = os.path.join(folder, hide.__name__)
        os.mkdir(place)
        program = shutil.copy(built, place)
        ours = ask([FRAMES, program, *hide(program, place)], sites)
        tap.check(len(ours) == len(theirs) == len(sites) > 10, f"{hide.__name__}: answers are missing")
        wrong = list(differences(ours, theirs, sites))
        tap.check(not wrong, "\n".join([
            f"{hide.__name__}: {len(wrong)} of {len(sites)} call sites", *wrong[:5]]))


tap.main(n_threads=os.cpu_count())
