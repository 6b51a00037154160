# SPDX-License-Identifier: MIT
"""What the tests of the whole chain share: paths, and runs under the profiler."""

import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get('BUILD', ROOT / 'build'))

sys.path.append(str(ROOT / 'tests' / 'cli'))
os.environ['PPROFCONV'] = str(BUILD / 'pprofconv' / 'pprofconv')

import cli  # noqa: E402: after the path to it, and before what it adds to the path
import unprofiled  # noqa: E402

LIBRARY = BUILD / 'profiler' / 'libheapprof.so'
SERVICE = ROOT / 'scripts' / 'demo_service.c'


def succeed(*args, **options):
    """Runs a program, which must exit with status 0; returns its stdout."""
    done = cli.run(*[str(arg) for arg in args], **options)
    assert done.returncode == 0, f'{args}: exit {done.returncode}\n{done.stderr}'
    return done.stdout


def environment(**settings):
    """Returns our environment without the settings of the profiler, plus the settings given."""
    return {**unprofiled.environment(), **{k: str(v) for k, v in settings.items()}}


def compile_program(out, source, *flags, compiler='cc'):
    succeed(compiler, '-O2', '-g', '-o', out, source, *flags)
    return out


def run_service(folder):
    """Runs the service of the demo, built without inlining, so that all tools find the same names.
    Returns the paths of the program, of its first dump and of its last."""
    service = compile_program(os.path.join(folder, 'service'), SERVICE, '-pthread', '-fno-inline')
    library = os.path.join(folder, LIBRARY.name)
    os.symlink(LIBRARY, library)  # our folder may have spaces, which separate names in LD_PRELOAD
    succeed(service, 80000, env=environment(
        HEAPPROFILE=os.path.join(folder, 'p'), LD_PRELOAD=library,
        HEAP_PROFILE_SAMPLE_INTERVAL='16K', HEAP_PROFILE_ALLOCATION_INTERVAL='128M'))
    dumps = sorted(name for name in os.listdir(folder) if name.endswith('.heap'))
    assert len(dumps) >= 4, dumps
    return service, os.path.join(folder, dumps[0]), os.path.join(folder, dumps[-1])
