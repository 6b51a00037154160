# SPDX-License-Identifier: MIT
"""Inputs that once failed, each with the fault that it caused."""

from protobuf import Profile


def dropping(expression):
    profile = Profile()
    profile.sample_type("space", "bytes")
    profile.function(1, "f" * 40, "f", "f.c", 1)
    profile.location(1, 0, 0x1234, [(1, 3)])
    profile.sample([1], [5], [])
    profile.head(drop=expression)
    return profile.encode()


# (target, what went wrong, bytes)
FOUND = [
    ("rules", "the C library's compiler of expressions runs out of stack",
     b"x=1\n%%\n\n%%\nf\n%%\n" + b"(" * 500),
    ("reader_pprof", "the C library's compiler of expressions runs out of stack, by drop_frames",
     dropping("(" * 32000 + "a" + ")" * 32000)),
    ("reader_pprof", "nine seconds and two gigabytes for drop_frames", dropping("(a|b)*" * 8000)),
    ("rules", "each + doubles the expression", b"x=1\n%%\n\n%%\nf\n%%\n^a" + b"+" * 90),
    ("reader_go_heap", "a record without a stack: an offset to a null pointer",
     b"heap profile: 3: 3145728 [4: 4194304] @ heap/1048576\n2: 2097152 [3: 3145728] @\n"),
    ("reader_go_heap", "two records without a stack: a comparison with a null pointer",
     b"heap profile: 3: 3145728 [4: 4194304] @ heap/1048576\n2: 2097152 [3: 3145728] @ \n\n"
     b"1: 1048576 [1: 1048576] @ \n"),
    ("reader_gperftools", "permissions at the end of an expanded line: read beyond it",
     b"heap profile: 1: 8 [1: 8] @ heap_v2/1\n1: 8 [1: 8] @ 0x400010\n\nMAPPED_LIBRARIES:\n"
     b"a=400000\n$a-500000 r-xp"),
    ("demangle", "the demangled name is empty: an offset to a null pointer", b"_RNvIC0INtC4testKpE3foo"),
    ("demangle", "a Rust name that refers to itself, with the limit on recursion off",
     b"_RYB_" + b"i" * 1100),
    ("view", "a bool that is neither false nor true",
     bytes.fromhex("2400720200809800100500ff210113080002")),
]


def inputs():
    for number, (target, _what, data) in enumerate(FOUND):
        yield target, f"found-{number}", data
