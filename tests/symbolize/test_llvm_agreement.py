#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the symbolizer with llvm-symbolizer on every call site of small programs.

usage: test_llvm_agreement.py FRAMES [NAME-PART]

Each program is built in many ways. Function (by its linkage name), file, line and inlined frames
of the address before each call's return address must be the same. llvm-symbolizer prefers the
names of .symtab, which have endings such as .isra.0, to those of DWARF; so the reference is asked
about a copy without that table.

FRAMES is the program built from frames.c. Prints TAP; ways that need a tool which is not here are
skipped.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from building import Missing, ask, build_id_of, call_sites, compile_program, need, run, without_symbols


def reference(program, addresses):
    command = ["llvm-symbolizer", "--inlines", "--functions=linkage", "--no-demangle"]
    return ask([*command, f"--obj={program}"], addresses)


# Ways to hide the DWARF of a program: each changes `program` and returns the folders with debug
# files.


def stays(program, folder):
    return []


def debug_link(program, folder):
    debug = os.path.join(folder, "a program.debug")
    run("objcopy", "--only-keep-debug", program, debug)
    run("objcopy", "--strip-all", program)
    run("objcopy", f"--add-gnu-debuglink={debug}", program)
    run("objcopy", "--remove-section=.note.gnu.build-id", program)
    run("objcopy", "--remove-section=.note.gnu.build-id", debug)
    # The checksum is that of the file as it is in the end.
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
    need("dwz")
    run("dwz", program)
    return []


def dwz_shared(program, folder):
    """Two programs whose common DWARF lies in a third file."""
    need("dwz")
    other = os.path.join(folder, "other")
    shutil.copy(program, other)
    run("dwz", "-m", "shared.debug", "-M", "shared.debug", "-h", os.path.basename(program), other,
        cwd=folder)
    assert ".gnu_debugaltlink" in run("readelf", "-SW", program), "dwz shared nothing"
    return []


# A row: compiler, language, flags, how the DWARF is hidden.
G, C, R = "gcc", "clang", "rustc"
WAYS = []
for language in "c", "c++":
    for compiler in G, C:
        lto = ["-flto", "-fuse-ld=lld"] if compiler == C else ["-flto=1"]
        for flags in (
            ["-O0", "-g"],
            ["-O2", "-g"],
            ["-O2", "-g", *lto],
            ["-O2", "-gdwarf-4"],
            ["-O2", "-gdwarf-5", "-no-pie", "-fno-pie"],
            ["-O2", "-g", "-gz"],
            ["-O2", "-gdwarf-5", "-gsplit-dwarf"],
            ["-O2", "-gdwarf-4", "-gsplit-dwarf"],
            ["-O2", "-g1"],
            ["-O2", "-g", "-ffunction-sections", "-Wl,--gc-sections", "-Wl,-z,noseparate-code"],
        ):
            WAYS.append((compiler, language, flags, stays))
        for hide in debug_link, build_id_folder, dwz_alone, dwz_shared:
            flags = ["-O2", "-gdwarf-4" if hide in (dwz_alone, dwz_shared) else "-g"]
            WAYS.append((compiler, language, [*flags, "-Wl,--build-id"], hide))
for flags in (
    ["-Cdebuginfo=2"],
    ["-Cdebuginfo=2", "-Copt-level=2"],
    ["-Cdebuginfo=2", "-Copt-level=2", "-Csymbol-mangling-version=v0"],
    ["-Cdebuginfo=2", "-Copt-level=2", "-Clto=fat"],
):
    WAYS.append((R, "rust", flags, stays))


def differences(ours, theirs, addresses):
    for address, mine, other in zip(addresses, ours, theirs):
        if mine != other:
            yield f"{address:#x}: {mine} instead of {other}"


def make_original(program, compiler, language, flags):
    """The copy that the reference is asked about, in the folder of the program.

    llvm-symbolizer 14 misses inlined frames of the first split unit of clang, so it gets the same
    code with its DWARF inside.
    """
    folder = os.path.dirname(program)
    if "-gsplit-dwarf" in flags:
        folder = os.path.join(folder, "whole")
        os.mkdir(folder)
        whole = [flag for flag in flags if flag != "-gsplit-dwarf"]
        program = compile_program(folder, compiler, language, whole)
        without_symbols(program)
    return shutil.copy(program, os.path.join(folder, "original"))


def check(frames, compiler, language, flags, hide):
    with tempfile.TemporaryDirectory() as folder:
        program = compile_program(folder, compiler, language, flags)
        sites = call_sites(program)
        without_symbols(program)
        original = make_original(program, compiler, language, flags)
        folders = hide(program, folder)
        theirs = reference(original, sites)
        ours = ask([frames, program, *folders], sites)
        inlined = sum(len(answer) > 1 for answer in theirs)
        assert len(ours) == len(theirs) == len(sites) > 10, "answers are missing"
        wrong = list(differences(ours, theirs, sites))
        return wrong, f"{len(sites)} call sites, {inlined} in inlined code"


def check_way(frames, wanted, number, way):
    """The lines of TAP about one way to build, and whether it failed."""
    compiler, language, flags, hide = way
    name = f"{compiler} {language} {' '.join(flags)} {hide.__name__}"
    if wanted and not all(part in name for part in wanted):
        return f"ok {number} - {name} # SKIP not asked for", False
    try:
        wrong, text = check(frames, *way)
    except Missing as missing:
        return f"ok {number} - {name} # SKIP needs {missing}", False
    except (subprocess.CalledProcessError, AssertionError) as error:
        wrong, text = [str(error), getattr(error, "stderr", "")], ""
    lines = [f"{'not ok' if wrong else 'ok'} {number} - {name}: {text}"]
    lines += [f"# {line}" for line in wrong[:5]]
    if len(wrong) > 5:
        lines.append(f"# and {len(wrong) - 5} more")
    return "\n".join(lines), bool(wrong)


def main():
    frames, wanted = sys.argv[1], sys.argv[2:]
    if not shutil.which("llvm-symbolizer") or not shutil.which("objdump"):
        print("needs llvm-symbolizer and objdump")
        return 77
    print(f"1..{len(WAYS)}")
    n_failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ways = enumerate(WAYS, 1)
        for text, failed in pool.map(lambda row: check_way(frames, wanted, *row), ways):
            print(text, flush=True)
            n_failed += failed
    return n_failed != 0


if __name__ == "__main__":
    sys.exit(main())
