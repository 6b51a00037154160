# SPDX-License-Identifier: MIT
"""Builds the programs that the symbolizer's tests ask about."""

import os
import re
import shutil
import subprocess

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
SOURCES = {"c": ["main.c", "chain.c"], "c++": ["main.cc", "shop.cc"], "rust": ["main.rs"]}
COMPILERS = {
    "gcc": {"c": "gcc", "c++": "g++"},
    "clang": {"c": "clang", "c++": "clang++"},
    "rustc": {"rust": "rustc"},
}


def run(*command, **options):
    return subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True, **options
    ).stdout


class Missing(Exception):
    """A tool that is not on this machine."""


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            raise Missing(tool)


def compile_program(folder, compiler, language, flags):
    """Builds a program the way its users do, unit by unit, for DWARF in relocated sections."""
    driver = COMPILERS[compiler][language]
    need(driver)
    sources = [os.path.join(PROGRAMS, name) for name in SOURCES[language]]
    program = os.path.join(folder, "a program")
    if language == "rust":
        run(driver, "--edition=2021", *flags, "-o", program, *sources, cwd=folder)
        return program
    objects = []
    for source in sources:
        objects.append(os.path.basename(source) + ".o")
        run(driver, *flags, "-c", source, "-o", objects[-1], cwd=folder)
    run(driver, *flags, *objects, "-o", program, cwd=folder)
    return program


def call_sites(program):
    """The addresses that a heap profile would hold: a byte before where each call returns to."""
    sites, after_call = [], False
    for line in run("objdump", "-d", "--no-show-raw-insn", program).splitlines():
        found = re.match(r"\s*([0-9a-f]+):\s+(\S+)", line)
        if not found:
            continue
        if after_call:
            sites.append(int(found[1], 16) - 1)
        after_call = found[2].startswith("call")
    return sites


def parse_frames(output):
    """Both programs print name and place of each frame, then an empty line."""
    answers = []
    for block in output.strip("\n").split("\n\n"):
        lines = block.splitlines()
        frames = []
        for name, place in zip(lines[::2], lines[1::2]):
            file, line, _column = place.rsplit(":", 2)
            frames.append((name, os.path.normpath(file), int(line)))
        answers.append(frames)
    return answers


def ask(command, addresses):
    text = "".join(f"{address:#x}\n" for address in addresses)
    return parse_frames(run(*command, input=text))


def without_symbols(program):
    run("objcopy", "--wildcard", "--strip-symbol=*", program)


def build_id_of(program):
    return re.search(r"Build ID: ([0-9a-f]+)", run("readelf", "-n", program))[1]
