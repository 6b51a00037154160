#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Converts dumps that running programs print of themselves, and checks the names in the result."""

import os
import re
import shutil
import subprocess

from building import PPROFCONV, PROGRAMS, build_id_of, run
import tap

tap.need("go", "gcc", "objcopy", "readelf")

SOURCE = os.path.join(PROGRAMS, "live.c")
FUNCTIONS = [["near_site"], ["far_site"], ["inlined_site", "around_inlined"]]


class Place:
    """A folder with a program, the dump that it printed of itself, and the profile made of that."""

    def __init__(self, folder):
        self.folder = os.path.realpath(folder)
        self.environment = {k: v for k, v in os.environ.items() if "DEBUGINFOD" not in k}
        self.program = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def build(self, *flags, name="a program", source=SOURCE):
        flags = [*flags, "-Wl,--build-id"]
        run("gcc", "-g", "-O2", *flags, source, "-o", self.path(name))
        return self.path(name)

    def dump(self, program, build_id=True):
        """Runs the program, which prints a dump. The dump has its build ID if `build_id` is
        true."""
        lines = [f"# buildid: {build_id_of(program)} {program}"] if build_id else []
        with open(self.path("p.heap"), "w") as file:
            subprocess.run([program, *lines], stdout=file, check=True)

    def convert(self, *options):
        """Converts the dump to p.pb.gz; returns the messages."""
        done = subprocess.run(
            [PPROFCONV, "-v", *options, self.path("p.heap"), "-o", self.path("p.pb.gz")],
            env=self.environment,
            capture_output=True,
            text=True,
        )
        tap.equal(done.returncode, 0, done.stderr)
        return done.stderr

    def frames(self):
        """Returns for each record its bytes, and its frames as [(function, file, line)]."""
        raw = run("go", "tool", "pprof", "-symbolize=none", "-raw", self.path("p.pb.gz"))
        locations, records, number = {}, {}, None
        for line in raw.splitlines():
            sample = re.match(r"\s+\d+\s+\d+\s+\d+\s+(\d+): (\d+)", line)
            place = re.match(r"\s+(\d+): 0x\S+ M=\d+ ?(.*)", line)
            if sample:
                records[int(sample[1])] = int(sample[2])
            if place:
                number, line = int(place[1]), place[2]
                locations[number] = []
            elif not re.match(r"\s{10}", line):
                number = None
            found = re.match(r"\s*(\S.*?) (/.+?):(\d+)(?::\d+)? s=", line)
            if number and found:
                locations[number].append((found[1], found[2], int(found[3])))
        return [(size, locations[number]) for size, number in sorted(records.items())]

    def check_names(self, source=SOURCE):
        frames = self.frames()
        tap.equal(len(frames), 3, frames)
        for (size, found), functions in zip(frames, FUNCTIONS):
            tap.equal([name for name, _, _ in found], functions)
            tap.equal(found[0][1:], (source, size))

    def check_no_names(self):
        tap.equal([found for _, found in self.frames()], [[], [], []])

    def replace(self):
        """Builds another version of the program at the same path, in which the functions have
        moved."""
        source = self.path("other.c")
        with open(SOURCE) as original, open(source, "w") as changed:
            changed.write("\n" * 7 + original.read())
        self.build("-O0", source=source)

    def move(self):
        shutil.move(self.program, self.path("moved"))
        return self.path("moved")

    def mark_deleted(self):
        """Changes the dump as if the program had been replaced while it ran."""
        with open(self.path("p.heap")) as file:
            text = file.read()
        with open(self.path("p.heap"), "w") as file:
            file.write(re.sub(r"( r-xp .*/a program)$", r"\1 (deleted)", text, flags=re.M))

    def split(self, folder, suffix=".debug"):
        build_id = build_id_of(self.program)
        place = self.path(os.path.join(folder, build_id[:2], build_id[2:] + suffix))
        os.makedirs(os.path.dirname(place))
        run("objcopy", "--only-keep-debug", self.program, place)

    def said(self, *options):
        """Returns the messages without -v."""
        command = [PPROFCONV, "top", *options, self.path("p.heap")]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        tap.equal(done.returncode, 0, done.stderr)
        return done.stderr

    def serve(self):
        """Makes a debuginfod server of files, and a cache of our own."""
        build_id = build_id_of(self.program)
        place = self.path(f"server/buildid/{build_id}")
        os.makedirs(place)
        shutil.move(self.program, os.path.join(place, "executable"))
        self.environment["DEBUGINFOD_URLS"] = "file://" + self.path("server/")
        self.environment["DEBUGINFOD_CACHE_PATH"] = self.path("cache")


def dumped(folder):
    """Returns the place of a program that has printed its dump."""
    place = Place(folder)
    place.program = place.build()
    place.dump(place.program)
    return place


# --- the addresses of the dump have the right lines, however the program is linked ----------------


def check_layout(folder, *flags):
    place = Place(folder)
    program = place.build(*flags)
    for build_id in True, False:
        place.dump(program, build_id)
        tap.is_in("3 of 3 locations named", place.convert())
        place.check_names()


@tap.test
def pie(folder):
    check_layout(folder, "-pie", "-fPIE")


@tap.test
def no_pie(folder):
    check_layout(folder, "-no-pie", "-fno-pie")


@tap.test
def code_and_headers_in_one_segment(folder):
    check_layout(folder, "-Wl,-z,noseparate-code")


@tap.test
def two_segments_of_code(folder):
    check_layout(folder, "-no-pie", "-fno-pie", "-Wl,--section-start=.far=0x800000")


@tap.test
def two_segments_of_code_pie(folder):
    check_layout(folder, "-pie", "-fPIE", "-Wl,--section-start=.far=0x800000")


@tap.test
def lld(folder):
    tap.need("ld.lld")
    check_layout(folder, "-fuse-ld=lld")


@tap.test
def gold(folder):
    tap.need("ld.gold")
    check_layout(folder, "-fuse-ld=gold", "-Wl,--section-start=.far=0x800000", "-no-pie", "-fno-pie")


# --- C++ functions without a linkage name get a name from their scopes ----------------------------


def names_in(folder, compiler, *flags, options=()):
    place = Place(folder)
    program = place.path("names")
    source = os.path.join(PROGRAMS, "live.cc")
    run(compiler, "-g", *flags, source, "-o", program)
    place.dump(program, build_id=False)
    place.convert(*options)
    return [found[0][0] for _, found in place.frames()]


def check_names_in(folder, compiler, *flags):
    names = names_in(folder, compiler, *flags)
    tap.equal(names[0], "shop::(anonymous namespace)::Cart::add")
    tap.check(re.search(r"^main::(\{lambda.*\}|\$_0)::operator\(\)$", names[1]), names[1])
    tap.equal(names[2], "plain")


@tap.test
def gcc_inlined(folder):
    check_names_in(folder, "g++", "-O2")


@tap.test
def gcc_not_inlined(folder):
    check_names_in(folder, "g++", "-O0")


@tap.test
def clang_inlined(folder):
    tap.need("clang++")
    check_names_in(folder, "clang++", "-O2")


@tap.test
def styles(folder):
    tap.need("clang++")
    for style, expected in (
        ("short", "shop::(anonymous namespace)::Cart::add"),
        ("full", "shop::(anonymous namespace)::Cart::add()"),
        ("none", "_ZN4shop12_GLOBAL__N_14Cart3addEv"),
    ):
        names = names_in(folder, "clang++", "-O2", options=[f"--demangle={style}"])
        tap.equal(names[0], expected)


# --- the file that the names come from -------------------------------------------------------------


@tap.test
def diff_of_two_builds(folder):
    """Each record has as many bytes as its line number says, and all lines move by 7."""
    place = dumped(folder)
    place.convert()
    shutil.move(place.path("p.pb.gz"), place.path("base.pb.gz"))
    place.replace()
    place.dump(place.program)
    place.convert()
    os.remove(place.program)
    old, new = place.path("base.pb.gz"), place.path("p.pb.gz")
    top = run("go", "tool", "pprof", "-top", "-unit=B", "-diff_base", old, new)
    rows = re.findall(r"^ *(\S+)B .*% +(\w+)(?: \(inline\))?$", top, re.M)
    found = {name: int(size) for size, name in rows}
    tap.equal([found.get(names[0]) for names in FUNCTIONS], [7, 7, 7], top)


@tap.test
def deleted(folder):
    place = dumped(folder)
    os.remove(place.program)
    said = place.convert()
    tap.is_in(f"{place.program}: 3 locations without names: file not found", said)
    tap.is_in("0 of 3 locations named", said)
    place.check_no_names()


@tap.test
def replaced(folder):
    place = dumped(folder)
    place.replace()
    tap.is_in("the file there now has another build ID", place.convert())
    place.check_no_names()


@tap.test
def deleted_while_it_ran(folder):
    place = dumped(folder)
    place.dump(place.program, build_id=False)
    place.mark_deleted()
    tap.is_in("deleted while the program ran", place.convert())
    place.check_no_names()
    place.convert("--binary", place.program)
    place.check_names()


@tap.test
def deleted_while_it_ran_with_build_id(folder):
    place = dumped(folder)
    place.mark_deleted()
    place.convert()
    place.check_names()


@tap.test
def not_elf(folder):
    place = dumped(folder)
    with open(place.program, "w") as file:
        file.write("#!/bin/sh\n")
    tap.is_in("not an ELF file", place.convert())
    place.check_no_names()


@tap.test
def empty(folder):
    place = dumped(folder)
    os.truncate(place.program, 0)
    tap.is_in("not an ELF file", place.convert())


@tap.test
def pipe_in_its_place(folder):
    place = dumped(folder)
    os.remove(place.program)
    os.mkfifo(place.program)
    tap.is_in("not an ELF file", place.convert())


@tap.test
def no_symbols_in_it(folder):
    place = dumped(folder)
    run("strip", place.program)
    tap.is_in("no symbols in it", place.convert())
    place.check_no_names()


@tap.test
def binary(folder):
    place = dumped(folder)
    moved = place.move()
    place.replace()
    place.convert("--binary", moved)
    place.check_names()


@tap.test
def binary_of_another_build(folder):
    place = dumped(folder)
    moved = place.move()
    place.replace()
    os.rename(place.program, place.path("new"))
    os.rename(moved, place.program)
    place.convert("--binary", place.path("new"))
    place.check_names()


@tap.test
def binary_without_build_id(folder):
    place = dumped(folder)
    place.dump(place.program, build_id=False)
    moved = place.move()
    place.convert("--binary", moved)
    place.check_names()


@tap.test
def sysroot(folder):
    place = dumped(folder)
    target = place.path("root") + place.program
    os.makedirs(os.path.dirname(target))
    shutil.move(place.program, target)
    place.convert("--sysroot", place.path("root"))
    place.check_names()


@tap.test
def sysroot_does_not_fall_back(folder):
    place = dumped(folder)
    os.mkdir(place.path("root"))
    tap.is_in("file not found", place.convert("--sysroot", place.path("root")))


@tap.test
def no_symbols_asked_for(folder):
    place = dumped(folder)
    tap.check("locations named" not in place.convert("--no-symbols"), "it is in it")
    place.check_no_names()


@tap.test
def debug_dir(folder):
    place = dumped(folder)
    place.split("debug/.build-id")
    run("strip", place.program)
    os.mkdir(place.path("empty"))
    place.convert("--debug-dir", place.path("empty"), "--debug-dir", place.path("debug"))
    place.check_names()


@tap.test
def debug_dir_under_sysroot(folder):
    place = dumped(folder)
    place.split("root/debug/.build-id")
    os.makedirs(place.path("root") + place.folder)
    run("strip", place.program)
    shutil.move(place.program, place.path("root") + place.program)
    place.convert("--sysroot", place.path("root"), "--debug-dir", "/debug")
    place.check_names()


@tap.test
def debug_link_of_its_own_name(folder):
    place = dumped(folder)
    debug = os.path.join(place.path(".debug"), os.path.basename(place.program))
    os.mkdir(place.path(".debug"))
    run("objcopy", "--only-keep-debug", place.program, debug)
    run("strip", place.program)
    run("objcopy", "--add-gnu-debuglink=" + debug, place.program)
    place.convert()
    place.check_names()


@tap.test
def debug_file_alone(folder):
    place = dumped(folder)
    place.split("debug/.build-id")
    os.remove(place.program)
    place.convert("--debug-dir", place.path("debug"))
    place.check_names()


@tap.test
def program_by_build_id(folder):
    place = dumped(folder)
    build_id = build_id_of(place.program)
    target = place.path(f"debug/.build-id/{build_id[:2]}/{build_id[2:]}")
    os.makedirs(os.path.dirname(target))
    shutil.move(place.program, target)
    place.convert("--debug-dir", place.path("debug"))
    place.check_names()


@tap.test
def a_newline_in_the_name(folder):
    place = dumped(folder)
    place.program = place.build(name="new\nline")
    shown = place.program.replace("\n", "\\012")  # as the kernel does
    with open(place.path("p.heap"), "w") as file:
        line = f"# buildid: {build_id_of(place.program)} {shown}"
        subprocess.run([place.program, line], stdout=file, check=True)
    tap.is_in("3 of 3 locations named", place.convert())
    place.check_names()


@tap.test
def some_without_names(folder):
    place = dumped(folder)
    tap.check(place.program not in place.said(), "it is in it")
    run("strip", "--keep-symbol=far_site", place.program)
    said = place.said()
    tap.is_in("1 of 3 locations named; no debug information, and no symbols for the rest", said)
    tap.is_in("pprofconv: 1 of 3 locations named\n", said)


@tap.test
def a_binary_of_no_use(folder):
    place = dumped(folder)
    useless = "not used; no mapping without names"
    tap.check(useless not in place.said("--binary", place.program), "it is in it")
    other = shutil.which("objcopy")
    said = place.said("--binary", place.program, "--binary", other)
    tap.is_in(f"pprofconv: --binary: {other}: {useless}", said)
    tap.equal(said.count(useless), 1)
    tap.check(useless not in place.said("-q", "--binary", other), "it is in it")


@tap.test
def debug_file_of_another_build(folder):
    place = dumped(folder)
    place.split("debug/.build-id")
    found = [os.path.join(at, name) for at, _, names in os.walk(place.path("debug")) for name in names]
    place.replace()
    run("objcopy", "--only-keep-debug", place.program, found[0])
    shutil.move(place.build(), place.program)
    run("strip", place.program)
    tap.is_in("no symbols in it", place.convert("--debug-dir", place.path("debug")))


@tap.test
def debuginfod_is_not_asked(folder):
    place = dumped(folder)
    place.serve()
    tap.is_in("file not found", place.convert())
    tap.check(not os.path.exists(place.path("cache")), "it is there")


@tap.test
def debuginfod(folder):
    place = dumped(folder)
    place.serve()
    if "file not found" in place.convert("--debuginfod"):
        tap.skip("no libdebuginfod that takes file: URLs")
    place.check_names()


@tap.test
def bad_style(folder):
    place = dumped(folder)
    done = subprocess.run(
        [PPROFCONV, "--demangle=loud", place.path("p.heap"), "-o", place.path("p.pb.gz")],
        capture_output=True,
        text=True,
    )
    tap.equal(done.returncode, 2)
    tap.is_in("--demangle: unknown style 'loud'", done.stderr)
    tap.check(not os.path.exists(place.path("p.pb.gz")), "it is there")


tap.main()
