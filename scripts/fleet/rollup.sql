-- SPDX-License-Identifier: MIT
-- Fills heap.daily for DAY once the day is closed, on each server for its own hosts. It may run again: its
-- rows replace themselves. A materialized view would not do: a dump that was sent twice would stay in its
-- sums. Dumps of one run share samples, so the variance of their mean is at most the mean of the variances.

OPTIMIZE TABLE heap.samples PARTITION 'DAY' FINAL;
INSERT INTO heap.daily
SELECT day, service, version, region, host, site, dumps, b / dumps, v / dumps
FROM (
    SELECT day, service, version, any(region) AS region, host, site, sum(inuse_bytes) AS b, sum(inuse_var) AS v
    FROM heap.samples FINAL WHERE day = 'DAY' GROUP BY day, service, version, host, site)
ALL INNER JOIN (
    SELECT day, service, version, host, toUInt32(uniqExact(run, dump)) AS dumps
    FROM heap.dumps FINAL WHERE day = 'DAY' GROUP BY day, service, version, host)
USING (day, service, version, host);
