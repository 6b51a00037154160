#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Converts dumps that running programs print of themselves, and looks at the names in the result.

usage: test_convert.py PPROFCONV
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from building import PROGRAMS, build_id_of, run

PPROFCONV = os.path.abspath(sys.argv.pop(1))
SOURCE = os.path.join(PROGRAMS, "live.c")
FUNCTIONS = [["near_site"], ["far_site"], ["inlined_site", "around_inlined"]]


class ConvertTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.realpath(folder.name)
        self.environment = {k: v for k, v in os.environ.items() if "DEBUGINFOD" not in k}

    def path(self, name):
        return os.path.join(self.folder, name)

    def build(self, *flags, name="a program", source=SOURCE):
        flags = [*flags, "-Wl,--build-id"]
        subprocess.run(["gcc", "-g", "-O2", *flags, source, "-o", self.path(name)], check=True)
        return self.path(name)

    def dump(self, program, build_id=True):
        """Runs the program; its dump says which build ID it has."""
        lines = [f"# buildid: {build_id_of(program)} {program}"] if build_id else []
        with open(self.path("p.heap"), "w") as file:
            subprocess.run([program, *lines], stdout=file, check=True)

    def convert(self, *options):
        """What pprofconv says; the profile is p.pb.gz then."""
        done = subprocess.run(
            [PPROFCONV, "-v", *options, self.path("p.heap"), "-o", self.path("p.pb.gz")],
            env=self.environment,
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def frames(self):
        """For each record its bytes and its frames as (function, file, line), or None."""
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
        self.assertEqual(len(frames), 3, frames)
        for (size, found), functions in zip(frames, FUNCTIONS):
            self.assertEqual([name for name, _, _ in found], functions)
            self.assertEqual(found[0][1:], (source, size))

    def check_no_names(self):
        self.assertEqual([found for _, found in self.frames()], [[], [], []])


class Layouts(ConvertTest):
    """However the program is linked, the addresses of the dump lead to the right lines."""

    def check(self, *flags):
        program = self.build(*flags)
        for build_id in True, False:
            self.dump(program, build_id)
            self.assertIn("3 of 3 locations named", self.convert())
            self.check_names()

    def test_pie(self):
        self.check("-pie", "-fPIE")

    def test_no_pie(self):
        self.check("-no-pie", "-fno-pie")

    def test_code_and_headers_in_one_segment(self):
        self.check("-Wl,-z,noseparate-code")

    def test_two_segments_of_code(self):
        self.check("-no-pie", "-fno-pie", "-Wl,--section-start=.far=0x800000")

    def test_two_segments_of_code_pie(self):
        self.check("-pie", "-fPIE", "-Wl,--section-start=.far=0x800000")

    @unittest.skipUnless(shutil.which("ld.lld"), "needs lld")
    def test_lld(self):
        self.check("-fuse-ld=lld")

    @unittest.skipUnless(shutil.which("ld.gold"), "needs gold")
    def test_gold(self):
        self.check("-fuse-ld=gold", "-Wl,--section-start=.far=0x800000", "-no-pie", "-fno-pie")


class Names(ConvertTest):
    """C++ functions without a linkage name get one from what they are declared in."""

    def names(self, compiler, *flags, options=()):
        program = self.path("names")
        source = os.path.join(PROGRAMS, "live.cc")
        subprocess.run([compiler, "-g", *flags, source, "-o", program], check=True)
        self.dump(program, build_id=False)
        self.convert(*options)
        return [found[0][0] for _, found in self.frames()]

    def check(self, compiler, *flags):
        names = self.names(compiler, *flags)
        self.assertEqual(names[0], "shop::(anonymous namespace)::Cart::add")
        self.assertRegex(names[1], r"^main::(\{lambda.*\}|\$_0)::operator\(\)$")
        self.assertEqual(names[2], "plain")

    def test_gcc_inlined(self):
        self.check("g++", "-O2")

    def test_gcc_not_inlined(self):
        self.check("g++", "-O0")

    @unittest.skipUnless(shutil.which("clang++"), "needs clang")
    def test_clang_inlined(self):
        self.check("clang++", "-O2")


    @unittest.skipUnless(shutil.which("clang++"), "needs clang")
    def test_styles(self):
        for style, expected in (
            ("short", "shop::(anonymous namespace)::Cart::add"),
            ("full", "shop::(anonymous namespace)::Cart::add()"),
            ("none", "_ZN4shop12_GLOBAL__N_14Cart3addEv"),
        ):
            names = self.names("clang++", "-O2", options=[f"--demangle={style}"])
            self.assertEqual(names[0], expected)


class Files(ConvertTest):
    """Which file the names come from."""

    def setUp(self):
        super().setUp()
        self.program = self.build()
        self.dump(self.program)

    def replace(self):
        """Another build at the same path, its functions moved."""
        source = self.path("other.c")
        with open(SOURCE) as original, open(source, "w") as changed:
            changed.write("\n" * 7 + original.read())
        self.build("-O0", source=source)

    def test_diff_of_two_builds(self):
        """Each record is as many bytes as the number of its line, and all lines moved by 7."""
        self.convert()
        shutil.move(self.path("p.pb.gz"), self.path("base.pb.gz"))
        self.replace()
        self.dump(self.program)
        self.convert()
        os.remove(self.program)
        old, new = self.path("base.pb.gz"), self.path("p.pb.gz")
        top = run("go", "tool", "pprof", "-top", "-unit=B", "-diff_base", old, new)
        rows = re.findall(r"^ *(\S+)B .*% +(\w+)(?: \(inline\))?$", top, re.M)
        found = {name: int(size) for size, name in rows}
        self.assertEqual([found.get(names[0]) for names in FUNCTIONS], [7, 7, 7], top)

    def move(self):
        shutil.move(self.program, self.path("moved"))
        return self.path("moved")

    def test_deleted(self):
        os.remove(self.program)
        said = self.convert()
        self.assertIn(f"{self.program}: 3 locations without names: file not found", said)
        self.assertIn("0 of 3 locations named", said)
        self.check_no_names()

    def test_replaced(self):
        self.replace()
        self.assertIn("the file there now has another build ID", self.convert())
        self.check_no_names()

    def mark_deleted(self):
        """The dump as it would be had the program been replaced while it ran."""
        with open(self.path("p.heap")) as file:
            text = file.read()
        with open(self.path("p.heap"), "w") as file:
            file.write(re.sub(r"( r-xp .*/a program)$", r"\1 (deleted)", text, flags=re.M))

    def test_deleted_while_it_ran(self):
        self.dump(self.program, build_id=False)
        self.mark_deleted()
        self.assertIn("deleted while the program ran", self.convert())
        self.check_no_names()
        self.convert("--binary", self.program)
        self.check_names()

    def test_deleted_while_it_ran_with_build_id(self):
        self.mark_deleted()
        self.convert()
        self.check_names()

    def test_not_elf(self):
        with open(self.program, "w") as file:
            file.write("#!/bin/sh\n")
        self.assertIn("not an ELF file", self.convert())
        self.check_no_names()

    def test_empty(self):
        os.truncate(self.program, 0)
        self.assertIn("not an ELF file", self.convert())

    def test_pipe_in_its_place(self):
        os.remove(self.program)
        os.mkfifo(self.program)
        self.assertIn("not an ELF file", self.convert())

    def test_no_symbols_in_it(self):
        run("strip", self.program)
        self.assertIn("no symbols in it", self.convert())
        self.check_no_names()

    def test_binary(self):
        moved = self.move()
        self.replace()
        self.convert("--binary", moved)
        self.check_names()

    def test_binary_of_another_build(self):
        moved = self.move()
        self.replace()
        os.rename(self.program, self.path("new"))
        os.rename(moved, self.program)
        self.convert("--binary", self.path("new"))
        self.check_names()

    def test_binary_without_build_id(self):
        self.dump(self.program, build_id=False)
        moved = self.move()
        self.convert("--binary", moved)
        self.check_names()

    def test_sysroot(self):
        place = self.path("root") + self.program
        os.makedirs(os.path.dirname(place))
        shutil.move(self.program, place)
        self.convert("--sysroot", self.path("root"))
        self.check_names()

    def test_sysroot_does_not_fall_back(self):
        os.mkdir(self.path("root"))
        self.assertIn("file not found", self.convert("--sysroot", self.path("root")))

    def test_no_symbols_asked_for(self):
        self.assertNotIn("locations named", self.convert("--no-symbols"))
        self.check_no_names()

    def split(self, folder, suffix=".debug"):
        build_id = build_id_of(self.program)
        place = self.path(os.path.join(folder, build_id[:2], build_id[2:] + suffix))
        os.makedirs(os.path.dirname(place))
        run("objcopy", "--only-keep-debug", self.program, place)

    def test_debug_dir(self):
        self.split("debug/.build-id")
        run("strip", self.program)
        os.mkdir(self.path("empty"))
        self.convert("--debug-dir", self.path("empty"), "--debug-dir", self.path("debug"))
        self.check_names()

    def test_debug_dir_under_sysroot(self):
        self.split("root/debug/.build-id")
        os.makedirs(self.path("root") + self.folder)
        run("strip", self.program)
        shutil.move(self.program, self.path("root") + self.program)
        self.convert("--sysroot", self.path("root"), "--debug-dir", "/debug")
        self.check_names()

    def test_debug_link_of_its_own_name(self):
        debug = os.path.join(self.path(".debug"), os.path.basename(self.program))
        os.mkdir(self.path(".debug"))
        run("objcopy", "--only-keep-debug", self.program, debug)
        run("strip", self.program)
        run("objcopy", "--add-gnu-debuglink=" + debug, self.program)
        self.convert()
        self.check_names()

    def test_debug_file_alone(self):
        self.split("debug/.build-id")
        os.remove(self.program)
        self.convert("--debug-dir", self.path("debug"))
        self.check_names()

    def test_program_by_build_id(self):
        build_id = build_id_of(self.program)
        place = self.path(f"debug/.build-id/{build_id[:2]}/{build_id[2:]}")
        os.makedirs(os.path.dirname(place))
        shutil.move(self.program, place)
        self.convert("--debug-dir", self.path("debug"))
        self.check_names()

    def said(self, *options):
        """What pprofconv says without being asked for more."""
        command = [PPROFCONV, "top", *options, self.path("p.heap")]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def test_a_newline_in_the_name(self):
        self.program = self.build(name="new\nline")
        shown = self.program.replace("\n", "\\012")  # as the kernel does
        with open(self.path("p.heap"), "w") as file:
            line = f"# buildid: {build_id_of(self.program)} {shown}"
            subprocess.run([self.program, line], stdout=file, check=True)
        self.assertIn("3 of 3 locations named", self.convert())
        self.check_names()

    def test_some_without_names(self):
        self.assertNotIn(self.program, self.said())
        run("strip", "--keep-symbol=far_site", self.program)
        said = self.said()
        self.assertIn("1 of 3 locations named; no debug information, and no symbols for the rest", said)
        self.assertIn("pprofconv: 1 of 3 locations named\n", said)

    def test_a_binary_of_no_use(self):
        useless = "not used; no mapping without names"
        self.assertNotIn(useless, self.said("--binary", self.program))
        other = shutil.which("objcopy")
        said = self.said("--binary", self.program, "--binary", other)
        self.assertIn(f"pprofconv: --binary: {other}: {useless}", said)
        self.assertEqual(said.count(useless), 1)
        self.assertNotIn(useless, self.said("-q", "--binary", other))

    def test_debug_file_of_another_build(self):
        self.split("debug/.build-id")
        found = [os.path.join(at, name) for at, _, names in os.walk(self.path("debug")) for name in names]
        self.replace()
        run("objcopy", "--only-keep-debug", self.program, found[0])
        shutil.move(self.build(), self.program)
        run("strip", self.program)
        self.assertIn("no symbols in it", self.convert("--debug-dir", self.path("debug")))

    def serve(self):
        """A debuginfod server made of files, with a cache of our own."""
        build_id = build_id_of(self.program)
        place = self.path(f"server/buildid/{build_id}")
        os.makedirs(place)
        shutil.move(self.program, os.path.join(place, "executable"))
        self.environment["DEBUGINFOD_URLS"] = "file://" + self.path("server/")
        self.environment["DEBUGINFOD_CACHE_PATH"] = self.path("cache")

    def test_debuginfod_is_not_asked(self):
        self.serve()
        self.assertIn("file not found", self.convert())
        self.assertFalse(os.path.exists(self.path("cache")))

    def test_debuginfod(self):
        self.serve()
        if "file not found" in self.convert("--debuginfod"):
            self.skipTest("no libdebuginfod that takes file: URLs")
        self.check_names()

    def test_bad_style(self):
        done = subprocess.run(
            [PPROFCONV, "--demangle=loud", self.path("p.heap"), "-o", self.path("p.pb.gz")],
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 2)
        self.assertIn("--demangle: 'loud'", done.stderr)
        self.assertFalse(os.path.exists(self.path("p.pb.gz")))


if __name__ == "__main__":
    for tool in "go", "gcc", "objcopy", "readelf":
        if not shutil.which(tool):
            print(f"needs {tool}")
            sys.exit(77)
    unittest.main()
