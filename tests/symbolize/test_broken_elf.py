#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Asks the symbolizer about programs with broken ELF and DWARF: it must neither crash nor hang.

Each seed changes a few bytes of a small program, in its headers or in one of the sections that the
symbolizer reads, or cuts the file. A build with sanitizers finds more. HEAPPROF_TEST_SEEDS=FIRST-END
tries other seeds than the usual 0-100.
"""

import os
import random
import re
import shutil
import subprocess

from building import FRAMES, Way, call_sites, compile_program, run
import tap

tap.need("objdump", "readelf")

SEEDS = range(*map(int, os.environ.get("HEAPPROF_TEST_SEEDS", "0-100").split("-")))
SECONDS_MAX = 20
SECTIONS = r"\.(debug_\S+|symtab|strtab|shstrtab|dynsym|dynstr|gnu_debug\S+|note\S*)"


def sections_of(program):
    """Returns (offset, size) of the headers, and of each section that the symbolizer reads."""
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
    tap.need("xz")
    shutil.copy(program, program + ".mini")
    run("strip", "--strip-debug", program + ".mini")
    run("xz", program + ".mini")
    run("strip", "--strip-all", program)
    run("objcopy", f"--add-section=.gnu_debugdata={program}.mini.xz", program)


def build(folder, way):
    os.mkdir(folder)
    program = compile_program(folder, way)
    addresses = "".join(f"{address:#x}\n" for address in call_sites(program))
    if "-g" not in way.flags[0]:
        add_minidebug(program)
    return program, addresses


def problem(program, addresses):
    """Returns the problem, or None. A message that rejects the file is not a problem."""
    try:
        done = subprocess.run(
            [FRAMES, program, os.path.dirname(program)],
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


@tap.test(way=[
    Way("gcc", "c++", ["-gdwarf-5", "-O2"]),
    Way("gcc", "c", ["-gdwarf-4", "-O2"]),
    Way("clang", "c++", ["-gdwarf-5", "-O2"]),
    Way("gcc", "c", ["-g", "-gz", "-O2"]),
    Way("gcc", "c", ["-O2"]),
])
def it_neither_crashes_nor_hangs(folder, way):
    program, addresses = build(os.path.join(folder, "whole"), way)
    sections = sections_of(program)
    with open(program, "rb") as file:
        whole = file.read()
    broken = os.path.join(folder, "broken")
    tap.equal(problem(program, addresses), None, "the whole program")
    for seed in SEEDS:
        with open(broken, "wb") as file:
            file.write(break_bytes(whole, sections, seed))
        tap.equal(problem(broken, addresses), None, f"seed {seed}")


tap.main()
