#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Asks the symbolizer about programs with broken ELF and DWARF: it must neither crash nor hang.

usage: test_broken_elf.py FRAMES [SEEDS [FIRST-SEED]]

Each seed changes a few bytes of a small program, in its headers or in one of the sections that the
symbolizer reads, or cuts the file. A build with sanitizers finds more.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

from building import Missing, call_sites, compile_program, need, run

SECONDS_MAX = 20
SECTIONS = r"\.(debug_\S+|symtab|strtab|shstrtab|dynsym|dynstr|gnu_debug\S+|note\S*)"


def sections_of(program):
    """The (offset, size) of the headers and of each section that matters."""
    found = [(0, 64 + 56 * 8)]
    for line in run("readelf", "-SW", program).splitlines():
        row = re.match(rf"\s*\[ *\d+\] {SECTIONS}\s+\S+\s+\S+ (\S+) (\S+)", line)
        if row and int(row[3], 16):
            found.append((int(row[2], 16), int(row[3], 16)))
    size = os.path.getsize(program)
    headers = re.search(r"Start of section headers:\s+(\d+)", run("readelf", "-h", program))
    found.append((int(headers[1]), size - int(headers[1])))
    return found


def break_bytes(bytes_, sections, seed):
    chance = random.Random(seed)
    broken = bytearray(bytes_)
    for _ in range(chance.choice((1, 2, 4, 16))):
        start, size = chance.choice(sections)
        at = min(start + chance.randrange(size), len(broken) - 1)
        broken[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    if chance.random() < 0.1:
        del broken[chance.randrange(len(broken)) :]
    return broken


def add_minidebug(program):
    need("xz")
    shutil.copy(program, program + ".mini")
    run("strip", "--strip-debug", program + ".mini")
    run("xz", program + ".mini")
    run("strip", "--strip-all", program)
    run("objcopy", f"--add-section=.gnu_debugdata={program}.mini.xz", program)


def build(folder, compiler, language, flags):
    os.mkdir(folder)
    program = compile_program(folder, compiler, language, flags)
    addresses = "".join(f"{address:#x}\n" for address in call_sites(program))
    if "-g" not in flags[0]:
        add_minidebug(program)
    return program, addresses


def problem(frames, program, addresses):
    """What went wrong, or None; a refusal is right."""
    try:
        done = subprocess.run(
            [frames, program, os.path.dirname(program)],
            input=addresses,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        return f"no end after {SECONDS_MAX} seconds"
    if done.returncode not in (0, 1) or "runtime error" in done.stderr or "Sanitizer" in done.stderr:
        return f"status {done.returncode}: {done.stderr[-2000:]}"
    return None


WAYS = [
    ("gcc", "c++", ["-gdwarf-5", "-O2"]),
    ("gcc", "c", ["-gdwarf-4", "-O2"]),
    ("clang", "c++", ["-gdwarf-5", "-O2"]),
    ("gcc", "c", ["-g", "-gz", "-O2"]),
    ("gcc", "c", ["-O2"]),
]


def check(frames, folder, seeds, way):
    program, addresses = build(os.path.join(folder, "whole"), *way)
    sections = sections_of(program)
    with open(program, "rb") as file:
        whole = file.read()
    broken = os.path.join(folder, "broken")
    assert problem(frames, program, addresses) is None, "fails on the whole program"
    for seed in seeds:
        with open(broken, "wb") as file:
            file.write(break_bytes(whole, sections, seed))
        found = problem(frames, broken, addresses)
        if found:
            return f"seed {seed}: {found}"
    return None


def main():
    frames = sys.argv[1]
    n_seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    failed = 0
    print(f"1..{len(WAYS)}")
    for number, way in enumerate(WAYS, 1):
        name = f"{way[0]} {way[1]} {' '.join(way[2])}"
        with tempfile.TemporaryDirectory() as folder:
            try:
                found = check(frames, folder, range(first, first + n_seeds), way)
            except Missing as missing:
                print(f"ok {number} - {name} # SKIP needs {missing}")
                continue
        print(f"{'not ok' if found else 'ok'} {number} - {name}: {n_seeds} seeds")
        if found:
            print("# " + found.replace("\n", "\n# "))
        failed += bool(found)
        sys.stdout.flush()
    return failed != 0


if __name__ == "__main__":
    if not shutil.which("objdump") or not shutil.which("readelf"):
        print("needs objdump and readelf")
        sys.exit(77)
    sys.exit(main())
