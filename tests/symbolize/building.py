# SPDX-License-Identifier: MIT
"""Builds the programs for the tests of the symbolizer."""

import os
import re
import subprocess
import sys
import typing

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.append(os.path.join(HERE, "..", "common"))

import tap  # noqa: E402: after the path to it

BUILD = os.environ.get("BUILD", os.path.join(HERE, "..", "..", "build"))
FRAMES = os.path.join(BUILD, "tests", "symbolize", "frames")  # built from frames.c
PPROFCONV = os.path.join(BUILD, "pprofconv", "pprofconv")
PROGRAMS = os.path.join(HERE, "programs")
SOURCES = {"c": ["main.c", "chain.c"], "c++": ["main.cc", "shop.cc"], "rust": ["main.rs"]}
COMPILERS = {
    "gcc": {"c": "gcc", "c++": "g++"},
    "clang": {"c": "clang", "c++": "clang++"},
    "rustc": {"rust": "rustc"},
}


class Way(typing.NamedTuple):
    """How a program is built."""
    compiler: str
    language: str
    flags: list

    def __str__(self):
        return " ".join([self.compiler, self.language, *self.flags])


def run(*command, **options):
    """Runs a program, which must exit with status 0; returns its stdout."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    tap.check(done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def compile_program(folder, way):
    """Builds a program from separate object files, as its users do, so that DWARF is in relocated
    sections; returns its path."""
    driver = COMPILERS[way.compiler][way.language]
    tap.need(driver, *(["ld.lld"] if "-fuse-ld=lld" in way.flags else []))
    sources = [os.path.join(PROGRAMS, name) for name in SOURCES[way.language]]
    program = os.path.join(folder, "a program")
    if way.language == "rust":
        run(driver, "--edition=2021", *way.flags, "-o", program, *sources, cwd=folder)
        return program
    objects = []
    for source in sources:
        objects.append(os.path.basename(source) + ".o")
        run(driver, *way.flags, "-c", source, "-o", objects[-1], cwd=folder)
    run(driver, *way.flags, *objects, "-o", program, cwd=folder)
    return program


def call_sites(program):
    """Returns the addresses that a heap profile would have: for each call, the byte before its
    return address."""
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
    """Parses the output of frames and of llvm-symbolizer: name and place of each frame, then an
    empty line."""
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
