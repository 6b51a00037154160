#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the seeds: for each fuzz target a folder of inputs, and a dictionary of words that occur in
its inputs.

usage: seeds.py FOLDER [STAMP]

The inputs are small and of every kind. They come from tests/data, from the functions below and from
compilers; found.py adds inputs that once failed. Each run makes the same inputs.
"""

import gzip
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

import found
from protobuf import Profile

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent / "data"
sys.path.insert(0, str(HERE.parent / "cli"))
import dumps  # noqa: E402  pylint: disable=wrong-import-position

SEPARATOR = b"\n%%\n"

# --- profiles --------------------------------------------------------------------------------

READERS = {  # beginnings of file names in tests/data, after "good-" or "bad-"
    "jemalloc_stats": ("jemalloc-stats",),
    "jemalloc": ("jemalloc",),
    "go_heap": ("go",),
    "folded": ("folded",),
    "memcheck_xml": ("memcheck.xml", "memcheck-counts.xml", "memcheck-entities.xml"),
    "memcheck": ("memcheck",),
    **{name: (name,) for name in ("dhat", "heaptrack", "lsan", "massif", "memleak", "pmap", "smaps")},
    "postgres_contexts": ("postgres-contexts",),
    "v8_heapprofile": ("v8-heapprofile",),
    **{name: (name,) for name in ("bpftrace", "memray", "mtrace", "xtree")},
    "gperftools": ("gperftools", "growth", "fragmentation", "heap-v1", "heap_v2", "heapz", "plain",
                   "brief", "mmap", "no-stack"),
}


def reader_of(name):
    rest = name.split("-", 1)[1]
    for reader, beginnings in READERS.items():
        if rest.startswith(beginnings):
            return reader
    return "heapprof"


def text_profiles():
    """Yields (reader, name, bytes) for each fixture, and for a generated dump of each kind."""
    for path in sorted(DATA.iterdir()):
        if path.name.startswith(("good-", "bad-")):
            yield reader_of(path.name), path.name, path.read_bytes()
    for kind in dumps.KINDS:
        text = dumps.make([7], kind).text.encode()
        reader = "heapprof" if kind in ("heapprof", "heapprof-sampled") else "gperftools"
        yield reader, f"made-{kind}", text[:4096]


def pprof_profiles():
    yield "empty", b""
    yield "small", small_pprof().encode()
    yield "packed", small_pprof(is_packed=True).encode()
    yield "unknown", small_pprof().encode() + b"\xa2\x06\x03abc\xa8\x06\x07"
    yield "forward", b"".join(reversed(small_pprof().parts))
    yield "named", named_pprof().encode()
    yield "large-numbers", extreme_pprof().encode()


def small_pprof(is_packed=False):
    profile = Profile(is_packed)
    for name, unit in (("objects", "count"), ("space", "bytes")):
        profile.sample_type(name, unit)
    profile.mapping(1, 0x400000, 0x500000, 0, "/bin/app", "abcdef")
    for number in (1, 2, 3):
        profile.location(number, 1, 0x400100 * number, [])
    profile.sample([1, 2, 3], [5, 4096], [("thread", "main"), ("bytes", 512)])
    profile.sample([2, 3], [-1, 1 << 40], [])
    profile.head(period=("space", "bytes", 524288), drop="malloc|calloc", time=1 << 60)
    profile.comment("run: 12ab")
    return profile


def named_pprof():
    profile = Profile()
    profile.sample_type("inuse_space", "bytes")
    profile.mapping(7, 0x1000, 0x9000, 0x1000, "/lib/libz.so.1", "00", has_names=True)
    profile.function(9, "f<int>", "_Z1fIiEvv", "a.cc", 12)
    profile.function(10, "g", "g", "b.c", 3)
    profile.location(1, 7, 0x1234, [(9, 13), (10, 4)], is_folded=True)
    profile.location(2, 7, 0x2345, [(10, 5)])
    profile.sample([1, 2], [77], [])
    profile.sample([2], [1], [("k", -3)])
    profile.head(drop="^(?:operator new|malloc)$", keep="^m", default="inuse_space")
    return profile


def extreme_pprof():
    profile = Profile()
    profile.sample_type("space", "bytes")
    profile.mapping(1, 0, (1 << 64) - 1, (1 << 64) - 1, "", "")
    profile.location((1 << 64) - 1, 1, (1 << 64) - 1, [])
    profile.sample([(1 << 64) - 1] * 3, [(1 << 63) - 1], [("bytes", -(1 << 63))])
    profile.head(period=("space", "bytes", 1), time=-1)
    return profile


def comparisons():
    exact = (DATA / "good-exact.heap").read_bytes()
    sampled = (DATA / "good-sampled.heap").read_bytes()
    pprof = small_pprof().encode()
    grown = sampled.replace(b" 1: ", b" 3: ")
    rules = b"# known\nleak:^main\nleak:a*b$"
    yield "exact", b"inuse_space=2%", rules, exact, exact
    yield "one-run", b"inuse_space=1K", b"", sampled, grown
    yield "kinds", b"inuse_objects=5000", b"", exact, sampled
    yield "pprof", b"space=1", rules, pprof, pprof
    yield "trend", b"inuse_space=10M", b"", sampled, grown, sampled
    yield "trend-of-folded", b"samples=1", b"leak:x", *[b"main;f 3\nmain;g 4\n"] * 4


def pages():
    """Yields the name of a seed, the name of its files, and profiles."""
    for name, _, _, *profiles in comparisons():
        yield name, name.encode(), *profiles[:3]
    yield "named", b"</script>", named_pprof().encode(), small_pprof().encode()
    yield "hostile", b"<!--\xff", (b"main;<img src=x onerror=f()>;</script><!-- 3\n"
                                   b"\xe2\x80\xa8;\xe2\x80\xae\x1b[2J;'`& 5\n")
    yield "extreme", b"x", extreme_pprof().encode()


# --- other text ------------------------------------------------------------------------------

RULES = [
    (b"inuse_space=2%", b"# why\nleak:operator new*\nleak:^a*b$\n", b"acb", b"^malloc$", b"m.*c"),
    (b"inuse_objects=1.5G", b"leak:*\n", b"x" * 100, b"^(?:a|b(?:c|d))$", b""),
    (b"=", b"leak:\nrace:f\n", b"", b"[", b"(("),
    (b"x=1e308%", b"leak:*a*a*a*b\n", b"a" * 60, b"(a+)+b", b"\\Qx\\E"),
]

SYMBOLS = """_ZN2ns1fEi _ZNSt6vectorIiSaIiEE9push_backERKi _ZZ4mainENKUlvE_clEv _ZTV3foo _ZSt4cout
_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE _RNvCs1234_7mycrate3foo _RINvNtC3std3mem8align_ofdE
_RNvMC0INtC4testKpE3foo f.cold g.constprop.0 _ZN3fooIXadL_Z3barvEEE1xE _ZThn16_N1A1fEv
_Z1fDTcl1gfp_EE _ZGVZ1fvE1x _ZN12_GLOBAL__N_11fEv.isra.0 _Z1fILi5EEvv""".split()

NAMES = """std::map<std::string, std::vector<int>>::operator[]
N::operator<< <std::string, std::string>(std::ostream&, int)
main::{lambda(std::vector<int>, long)#1}::operator()
(anonymous namespace)::f(int, char const*, long) const
<alloc::vec::Vec<alloc::string::String> as core::clone::Clone>::clone
core::ptr::<impl core::ops::Drop for T>::drop::<fn(u8) -> u8>
main.(*List[go.shape.struct { A int }]).Push
f<(1>2), a)b(c>]d[e, operator->, -> x <<< """.splitlines()

MAPS = [
    b"00400000-0040c000 r-xp 00000000 08:01 1234   /bin/cat\n"
    b"7f00-7f10 rw-p 00000000 00:00 0 \nffffffffff600000-ffffffffff601000 --xp 0 00:00 0 [vsyscall]\n",
    b"400000-500000 r-xp 0 0:0 1 /a\\012b (deleted)\n\n-\n12-34\n400000-",
    b"1-2 r-xp " + b"x" * 20000 + b"\n3-4 rw-p 0 0 0 /b\n",
]

OPTIONS = [
    [b"/tmp/x.%p.%e", b"524288", b"python3*,[!a-c]?\\,,*/x", b"512K", b"1G", b"0", b"100M", b"1", b"2", b"SIGUSR1", b"1", b"0"],
    [b"", b"0", b"16E", b"-1", b"18446744073709551616", b"1kk", b" 5", b"5 ", b"NSIG", b"yes", b"off"],
    [b"p"] + [b""] * 9 + [b"512", b"frame-pointer", b"on", b"true", b"64M", b"7", b"no", b"auto"],
]

POSTED = [
    b"", b"0x0000000000401136+0x0000000000401135+0x401136\n", b"401135+7f0012345678+0Xffffffffffffffff",
    b"0x+1", b"0x10000000000000000", b"127.0.0.1:8080", b"[::1]:0", b"localhost", b"127.0.0.1.example:1",
]

WORDS = {
    "reader_heapprof": ["heap profile: ", " @ heap_v2/", "heapprofile", "MAPPED_LIBRARIES:", "# end",
                        "# heapprof: 1", "# heapprof: 2", "# level: ", "# pools: 1 k ", "# object: ", "# pool: ", "# block: ", "# interval_mode: auto", "# run: ", "# buildid: ", "r-xp ", "] @ 0x", "(deleted)"],
    "reader_gperftools": ["heap profile: ", " @ heap_v2/", " @ heapz_v2/", " @ heap/", " @ growthz",
                          " @ fragmentationz", "MAPPED_LIBRARIES:", " [ ", "] @ 0x"],
    "reader_jemalloc": ["heap_v2/", "  t*: ", "  t0: ", "@ 0x", "MAPPED_LIBRARIES:", ": 0 [0: 0]"],
    "reader_go_heap": ["heap profile: ", " @ heap/", "# 0x", "#\\x09", "# runtime.MemStats", "# NumGC = ",
                  "MAPPED_LIBRARIES:"],
    "reader_postgres_contexts": ["level: 0; ", " total in ", " blocks; ", " free (", " chunks); ", " used", ": ",
                                 " more child contexts containing ", "Grand total: ", " bytes in ",
                                 "logging memory contexts of PID "],
    "reader_memcheck": ["==1== ", " bytes in ", " direct, ", " indirect)", " blocks are ", "definitely lost",
                        "indirectly lost", "possibly lost", "still reachable", " in loss record ", " of ", "   at 0x",
                        "   by 0x", ": ???", " (in ", "LEAK SUMMARY:", "suppressed: ", " (+1)", "All heap blocks were freed"],
    "reader_memcheck_xml": ["<error>", "</error>", "<stack>", "<frame>", "<ip>0x", "<fn>", "<obj>", "<file>", "<line>",
                            "<text>", "<leakedbytes>", "<leakedblocks>", "<!DOCTYPE", "&lt;", "<state>FINISHED"],
    "reader_heaptrack": ["v 10400 3\\x0a", "s 1 ", "i ", "t ", "a ", "+ ", "- ", "c ", "# strings: ", "# ips: "],
    "reader_massif": ["desc: ", "snapshot=", "mem_heap_B=", "heap_tree=detailed", "heap_tree=peak", "heap_tree=empty",
                      "n0: ", " n1: ", "0x1: ", "(heap allocation functions)", "(page allocation", " in 2 places"],
    "reader_dhat": ["dhatFileVersion", "mode", "heap", "copy", "ad-hoc", "pps", "ftbl", "fs", "tbk", "gbk", "ebk", "[root]"],
    "reader_lsan": ["ERROR: LeakSanitizer: detected memory leaks", "Direct leak of ", "Indirect leak of ", " byte(s) in ",
                    " object(s) allocated from:", "    #0 0x", " in ", "+0x", "(BuildId: ", "SUMMARY: ", "Omitting ",
                    " byte(s) leaked in ", " allocation(s).", "<empty stack>", "\\x1b[1m"],
    "reader_memleak": ["[1:2:3] Top ", " stacks with outstanding allocations:", " bytes in ", " allocations from stack",
                       "addr = ", " size = ", "[<", ">] ", "+0x1 [", "\\x09"],
    "reader_smaps": ["-", " rw-p ", " ---p ", "Size:", "Rss:", "Pss:", "Private_Dirty:", "Swap:", " kB", "VmFlags:",
                     "[heap]", "[anon:", "(deleted)", "\\\\012"],
    "reader_pmap": ["Address", "Kbytes", "RSS", "Dirty", "Mode", "Mapping", "Perm", "Rss", "Pss", "total kB", " KB", "----",
                    "====", "[ anon ]"],
    "reader_bpftrace": ["@bytes[", "@[", "\\x0a]: ", ", 7]: ", "    f+1\\x0a", "\\x097f00 f+1 (a)", "0x55", "[4K, 8K)"],
    "reader_jemalloc_stats": ["jemalloc", "arenas", "bin", "size", "lextent", "stats.arenas", "merged", "curregs",
                              "curlextents", "allocated", "pactive", "page"],
    "reader_memray": ["allocator,num_allocations,size,tid,thread_name,stack_trace\\x0a", "MALLOC,1,2,3,", ";1|", "\\x22", ","],
    "reader_mtrace": ["= Start\\x0a", "@ a:(f+0x1)[0x2] ", "+ 0x10 0x8", "- 0x10", "< 0x10", "> 0x10 0x8", "! (nil)", "= End"],
    "reader_v8_heapprofile": ["head", "callFrame", "functionName", "url", "lineNumber", "selfSize", "children", "samples", "size"],
    "reader_xtree": ["# callgrind format\\x0a", "creator: xtree-1", "events: totBk totB curBk curB", "fl=(1) a", "fn=(1) f",
                     "cfn=(1)", "calls=0 1", "totals: ", " DB DBk DIB IB IBk PB PBk RB RBk"],
    "reader_folded": [";", " 1\\x0a", "_[k]", "_[i]"],
    "rules": ["\\x0a%%\\x0a", "leak:", "%", "(?:", "[[:alpha:]]", "{1,2}", "\\\\Q", "=1e300"],
    "diff": ["\\x0a%%\\x0a", "inuse_space", "alloc_objects", "# run: ", "bytes", " @ heap_v2/512"],
    "demangle": ["_ZN", "_R", "INvC", "St", "Ul", "Dp", "DT", "17h", "E", "_ZTV", ".cold",
                 "<", ">", "(", ")", "operator", " as ", "::"],
    "html": ["\\x0a%%\\x0a", "</script>", "<!--", "# run: ", "bytes", ";", "\\xe2\\x80\\xa8"],
    "maps": ["r-xp ", "-", " 00:00 0 ", " (deleted)"],
    "symbols": ["0x", "+", "401136", "401135", "127.0.0.1", "[::1]", "localhost", ":80"],
    "options": ["\\x0a%%\\x0a", "SIG", "USR1", "18446744073709551615", "K", "M", "G", "0x"],
}
WORDS["reader_any"] = WORDS["reader_heapprof"] + WORDS["reader_jemalloc"]

# --- programs --------------------------------------------------------------------------------

LINK = ["-nostdlib", "-static", "-no-pie", "-Wl,-n", "-Wl,-e,start", "-Wl,--build-id=sha1"]
FREE = ["-ffreestanding", "-fno-exceptions", "-fno-asynchronous-unwind-tables", "-fno-stack-protector"]
PROGRAMS = {
    "c-5": ("gcc", "c", ["-gdwarf-5", "-O2"]),
    "c-4": ("gcc", "c", ["-gdwarf-4", "-O2"]),
    "c-3-types": ("gcc", "c++", ["-gdwarf-3", "-gstrict-dwarf", "-O1", "-fdebug-types-section"]),
    "cxx-5": ("gcc", "c++", ["-gdwarf-5", "-O2"]),
    "cxx-types": ("gcc", "c++", ["-gdwarf-4", "-O1", "-fdebug-types-section"]),
    "clang-5": ("clang", "c++", ["-gdwarf-5", "-O2"]),
    "clang-4": ("clang", "c++", ["-gdwarf-4", "-O1", "-gpubnames"]),
    "split": ("gcc", "c", ["-gdwarf-5", "-O2", "-gsplit-dwarf"]),
    "packed": ("gcc", "c", ["-g", "-O2", "-gz"]),
    "no-dwarf": ("gcc", "c++", ["-O2"]),
}


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, **options)


def compile_program(folder, compiler, language, flags, link=LINK):
    program = os.path.join(folder, "program")
    run(compiler, "-x", language, *FREE, *flags, *link, "-o", program, str(HERE / "program.cc"),
        cwd=folder)
    return program


def stripped(program):
    """Strips a program as distributions do: no .symtab; the symbols are packed by xz in a section."""
    shutil.copy(program, program + ".mini")
    run("xz", program + ".mini")
    run("strip", "--strip-all", program)
    run("objcopy", f"--add-section=.gnu_debugdata={program}.mini.xz", program)
    return program


def programs():
    with tempfile.TemporaryDirectory() as folder:
        for name, (compiler, language, flags) in PROGRAMS.items():
            if shutil.which(compiler):
                program = compile_program(folder, compiler, language, flags)
                yield name, pathlib.Path(program).read_bytes()
        plain = PROGRAMS["c-5"]
        program = compile_program(folder, *plain, link=["-c"])
        yield "object", pathlib.Path(program).read_bytes()
        program = compile_program(folder, *plain)
        run("objcopy", "--only-keep-debug", program)
        yield "only-debug", pathlib.Path(program).read_bytes()
        program = compile_program(folder, *plain)
        run("objcopy", "--add-gnu-debuglink=" + program, program)
        yield "debuglink", pathlib.Path(program).read_bytes()
        if shutil.which("xz"):
            program = stripped(compile_program(folder, *PROGRAMS["no-dwarf"]))
            yield "minidebug", pathlib.Path(program).read_bytes()
        library = ["-shared", "-nostdlib", "-fPIC", "-Wl,--build-id=sha1"]
        yield "library", pathlib.Path(compile_program(folder, "gcc", "c", ["-O2"], library)).read_bytes()


# --- other processes -------------------------------------------------------------------------


def note(kind, text):
    return struct.pack("<III", 5, len(text), kind) + b"CORE\0\0\0\0" + text + b"\0" * (-len(text) % 4)


def core(segments=3, offset=4096):
    """A small core: a program and some memory."""
    files = struct.pack("<QQQQQ", 1, 4096, 0x400000, 0x402000, 0) + b"/bin/program\0"
    notes = note(3, struct.pack("<24xi108x", 4711)) + note(0x46494c45, files)
    header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, segments + 1, 0, 0, 0)
    headers = struct.pack("<IIQQQQQQ", 4, 0, 1024, 0, 0, len(notes), 0, 1)
    for i in range(segments):
        headers += struct.pack("<IIQQQQQQ", 1, (5, 4, 6)[i % 3], offset * (i + 1),
                               0x400000 + i * 4096, 0, 4096, 4096, 4096)
    memory = b"".join(bytes([i]) * 4096 for i in range(segments))
    return ((header + headers).ljust(1024, b"\0") + notes).ljust(4096, b"\0") + memory


def changes():
    """Changes of what is read of a process: piece, byte, bits."""
    for i in range(60):
        yield b"".join(struct.pack("<HHBB", random.randrange(400), random.randrange(4096), 0,
                                   random.choice([1, 2, 0x80, 0xff])) for _ in range(i % 5))


# --- all -------------------------------------------------------------------------------------

def seeds():
    """Yields (target, name, bytes) for each seed."""
    for reader, name, text in text_profiles():
        yield f"reader_{reader}", name, text
        yield "reader_any", name, gzip.compress(text, mtime=0) if len(text) % 3 == 0 else text
    for name, encoded in pprof_profiles():
        yield "reader_pprof", name, encoded
    yield "reader_any", "pprof", gzip.compress(small_pprof().encode(), mtime=0)
    for name, *parts in comparisons():
        yield "diff", name, SEPARATOR.join(parts)
    for name, *parts in pages():
        yield "html", name, SEPARATOR.join(parts)
    for number, parts in enumerate(RULES):
        yield "rules", str(number), SEPARATOR.join(parts)
    for number, symbol in enumerate(SYMBOLS + NAMES):
        yield "demangle", str(number), symbol.encode()
    for number, text in enumerate(MAPS):
        yield "maps", str(number), text
    for number, body in enumerate(POSTED):
        yield "symbols", str(number), body
    for number, values in enumerate(OPTIONS):
        yield "options", str(number), SEPARATOR.join(values)
    for name, program in programs():
        yield "symbolize", name, program
        yield "elf_image", name, program[:4096]
    yield "core", "whole", core()
    yield "core", "many", core(30)
    yield "core", "overlap", core(4, 0)
    for number, change in enumerate(changes()):
        yield "view", str(number), change
    yield from found.inputs()


def write_words(folder):
    for target, words in WORDS.items():
        lines = [f'"{word}"\n' for word in words]
        (folder / f"{target}.dict").write_text("".join(lines), encoding="utf-8")


def main():
    folder = pathlib.Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    random.seed(1)
    for target, name, data in seeds():
        (folder / target).mkdir(parents=True, exist_ok=True)
        (folder / target / name).write_bytes(data)
    write_words(folder)
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).touch()


if __name__ == "__main__":
    main()
