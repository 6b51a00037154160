#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares pprofconv's time and memory with llvm-symbolizer's and addr2line's.

usage: symbolize.py PPROFCONV FOLDER [ROUNDS]

All name the same 20,000 call sites of a C++ program with DWARF, with inlined frames and demangled
names. pprofconv does a whole conversion: it reads a dump with these addresses and writes the
profile. The program is built in FOLDER unless it exists there. The tools take turns; the least time
and memory of each counts.
"""

import os
import random
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
N_ADDRESSES = 20000


def build(folder, compiler):
    program = os.path.join(folder, f"templates-{os.path.basename(compiler)}")
    if os.path.exists(program):
        return program
    subprocess.run([sys.executable, os.path.join(HERE, "make_templates.py"), folder], check=True)
    objects, running = [], []
    for source in sorted(name for name in os.listdir(folder) if name.endswith(".cc")):
        objects.append(os.path.join(folder, source + ".o"))
        command = [compiler, "-O2", "-g", "-c", os.path.join(folder, source), "-o", objects[-1]]
        running.append(subprocess.Popen(command))
        if len(running) == os.cpu_count():
            running.pop(0).wait()
    for process in running:
        process.wait()
    subprocess.run([compiler, *objects, "-no-pie", "-o", program], check=True)
    return program


def call_sites(program):
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", program], capture_output=True, text=True, check=True
    ).stdout
    sites, after_call = [], False
    for line in listing.splitlines():
        found = re.match(r"\s*([0-9a-f]+):\s+(\S+)", line)
        if found:
            if after_call:
                sites.append(int(found[1], 16) - 1)
            after_call = found[2].startswith("call")
    random.Random(1).shuffle(sites)
    return sites[:N_ADDRESSES]


def write_inputs(program, sites):
    """Writes the addresses as text, and a dump that has a record for each."""
    addresses, dump = program + ".addresses", program + ".heap"
    with open(addresses, "w") as file:
        file.writelines(f"{site:#x}\n" for site in sites)
    headers = subprocess.run(["readelf", "-lW", program], capture_output=True, text=True).stdout
    load = re.search(r"LOAD\s+(0x\S+) (0x\S+) 0x\S+ (0x\S+) 0x\S+ R E", headers)
    offset, start, size = (int(part, 16) for part in load.groups())
    n = len(sites)
    with open(dump, "w") as file:
        file.write(f"heap profile: {n}: {n} [ {n}: {n}] @ heapprofile\n")
        file.writelines(f"1: 1 [ 1: 1] @ {site + 1:#x}\n" for site in sites)
        end = start + size + 4095 & ~4095
        file.write("\nMAPPED_LIBRARIES:\n")
        file.write(f"{start:08x}-{end:08x} r-xp {offset:08x} 00:00 1 {program}\n")
    return addresses, dump


def measure(command, stdin):
    """Runs a command; returns its seconds, and the KiB at its peak."""
    with open(stdin) as source, open(os.devnull, "w") as nothing:
        start = time.monotonic()
        process = subprocess.Popen(command, stdin=source, stdout=nothing, stderr=nothing)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
    if status:
        sys.exit(f"{' '.join(command)}: status {status}")
    return seconds, usage.ru_maxrss


def compare(pprofconv, program, rounds):
    sites = call_sites(program)
    addresses, dump = write_inputs(program, sites)
    commands = {
        "pprofconv": [pprofconv, dump, "-o", program + ".pb.gz"],
        "llvm-symbolizer --inlines": ["llvm-symbolizer", "--inlines", f"--obj={program}"],
        "addr2line -i -f -C": ["addr2line", "-i", "-f", "-C", "-e", program],
    }
    best = {}
    for _ in range(rounds):
        for name, command in commands.items():
            result = measure(command, addresses)
            best[name] = min(best.get(name, result), result)
    ours = best["pprofconv"]
    print(f"{os.path.basename(program)}: {len(sites)} addresses, least of {rounds} rounds")
    for name, (seconds, memory) in best.items():
        print(
            f"  {name:28} {seconds:6.2f} s  {memory / 1024:6.0f} MiB"
            f"   {seconds / ours[0]:5.2f} times our time, {memory / ours[1]:5.2f} our memory"
        )


def main():
    pprofconv, folder = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    os.makedirs(folder, exist_ok=True)
    for compiler in "g++", "clang++":
        compare(os.path.abspath(pprofconv), build(os.path.abspath(folder), compiler), rounds)


if __name__ == "__main__":
    main()
