-- SPDX-License-Identifier: MIT
-- Tables for the rows of `pprofconv convert --to=rows`, on each server. CLUSTER is replaced by load by the
-- name of the cluster. Each statement ends with a ';' at the end of its line.

CREATE DATABASE IF NOT EXISTS heap;

-- One row a dump: the denominator of all means. A function without a row in `samples` holds 0 there.
CREATE TABLE IF NOT EXISTS heap.dumps (
    day Date, time DateTime, service String, version String, region String, host String, run UInt64, dump UInt32,
    program String, build_id String, pid UInt32, r UInt64, uptime_ms UInt64, samples UInt64, dropped UInt64,
    allocated UInt64, rss UInt64, inuse_bytes Float64, inuse_var Float64, labels Array(String)
) ENGINE = ReplacingMergeTree PARTITION BY toMonday(day) ORDER BY (service, host, time, run, dump);

-- One row for each stack and mean size of a dump. The key is that of the row, so a dump that is sent twice
-- replaces itself. Estimates follow from what was sampled: of blocks of s bytes, one in 1/(1 - exp(-s/r)).
CREATE TABLE IF NOT EXISTS heap.samples (
    day Date, time DateTime, service String, version String, region String, host String, run UInt64, dump UInt32,
    r UInt64, site String, stack UInt64, size UInt64, n UInt64, bytes UInt64, alloc_n UInt64, alloc_bytes UInt64,
    inuse_objects Float64 ALIAS if(n = 0, 0., if(r > 1, n / (1 - exp(-bytes / n / r)), toFloat64(n))),
    inuse_bytes Float64 ALIAS if(n = 0, 0., if(r > 1, bytes / (1 - exp(-bytes / n / r)), toFloat64(bytes))),
    inuse_var Float64 ALIAS if(n = 0 OR r <= 1, 0.,
        exp(-bytes / n / r) / pow(1 - exp(-bytes / n / r), 2) * bytes * bytes / n),
    total_bytes Float64 ALIAS if(alloc_n = 0, 0.,
        if(r > 1, alloc_bytes / (1 - exp(-alloc_bytes / alloc_n / r)), toFloat64(alloc_bytes)))
) ENGINE = ReplacingMergeTree PARTITION BY day ORDER BY (service, time, host, run, dump, site, stack, size);

-- One row a stack, of all dumps.
CREATE TABLE IF NOT EXISTS heap.stacks (
    stack UInt64, site String, frames Array(String), places Array(String)
) ENGINE = ReplacingMergeTree ORDER BY stack;

-- Sums a day, host and site, which rollup.sql fills. inuse_bytes and inuse_var are means over the dumps of
-- the day.
CREATE TABLE IF NOT EXISTS heap.daily (
    day Date, service String, version String, region String, host String, site String, dumps UInt32,
    inuse_bytes Float64, inuse_var Float64
) ENGINE = ReplacingMergeTree PARTITION BY toMonday(day) ORDER BY (service, site, day, version, host);

-- A host is on one server, so that its dumps replace each other there.
CREATE TABLE IF NOT EXISTS heap.dumps_all AS heap.dumps
    ENGINE = Distributed(CLUSTER, heap, dumps, cityHash64(host));
CREATE TABLE IF NOT EXISTS heap.samples_all AS heap.samples
    ENGINE = Distributed(CLUSTER, heap, samples, cityHash64(host));
CREATE TABLE IF NOT EXISTS heap.stacks_all AS heap.stacks
    ENGINE = Distributed(CLUSTER, heap, stacks, stack);
CREATE TABLE IF NOT EXISTS heap.daily_all AS heap.daily
    ENGINE = Distributed(CLUSTER, heap, daily, cityHash64(host));
