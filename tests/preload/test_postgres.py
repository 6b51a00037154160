#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""PostgreSQL, a server of many processes, under pgbench. Each process has dumps of its own, all
whole, and the server stops as usual."""
import os

from postgres import N_CLIENTS, Cluster, library_for_all, own
from strict_dump import dumps_in
from tap import check, equal, main, test


@test(interval=['1', '64K'])
def test_postgres(folder, interval):
    dumps_folder = f'{folder}/dumps'
    os.mkdir(dumps_folder)
    own(folder)
    own(dumps_folder)
    with Cluster(folder) as cluster:
        cluster.start(dict(cluster.plain, LD_PRELOAD=library_for_all(folder),
                           HEAPPROFILE=f'{dumps_folder}/p', HEAP_PROFILE_SAMPLE_INTERVAL=interval,
                           HEAP_PROFILE_ALLOCATION_INTERVAL='8M'))
        cluster.bench()
        equal(cluster.stop(), (0, []), 'exit status, and lines of the profiler')
        check('database system is shut down' in cluster.log, 'the end')
        check('PANIC' not in cluster.log and 'terminated by signal' not in cluster.log, 'a crash')
    check_dumps(dumps_folder, cluster.server.pid)


def check_dumps(folder, postmaster):
    owner, others = dumps_in(folder), dumps_in(folder, r'p_\d+\.\d+\.heap')
    check(owner, 'no dump of the postmaster')
    equal({d.number('pid') for d in owner}, {postmaster}, 'owner')
    by_pid = {}
    for dump in others:
        check(f'p_{dump.metadata["pid"]}.' in dump.path, f'{dump.path} is of another process')
        by_pid.setdefault(dump.number('pid'), []).append(dump)
    # Processes for the clients of pgbench -i, pgbench and the check, and the server's helpers.
    check(len(by_pid) >= N_CLIENTS + 6, f'files of {len(by_pid)} processes')
    for pid, dumps in by_pid.items():
        equal(sorted(d.number('dump') for d in dumps), list(range(1, len(dumps) + 1)),
              f'dumps of {pid}')
        equal(len({d.metadata['run'] for d in dumps}), 1, f'runs of {pid}')


main()
