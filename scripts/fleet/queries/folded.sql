-- The mean dump of a service's version on a day, as folded stacks for flame graphs.
-- settings: service, version, day
SELECT concat(arrayStringConcat(arrayMap(f -> replaceAll(f, ';', ':'), frames), ';'), ' ', toString(toUInt64(mean + 0.5)))
FROM (
    SELECT stack, b / k AS mean
    FROM (
        SELECT 1 AS one, stack, sum(inuse_bytes) AS b FROM heap.samples_all FINAL
        WHERE service = '{service}' AND version = '{version}' AND day = '{day}' GROUP BY stack HAVING b >= 1)
    GLOBAL ALL INNER JOIN (
        SELECT 1 AS one, uniqExact(run, dump) AS k FROM heap.dumps_all
        WHERE service = '{service}' AND version = '{version}' AND day = '{day}')
    USING one)
GLOBAL ALL INNER JOIN (SELECT stack, any(frames) AS frames FROM heap.stacks_all GROUP BY stack) USING stack
ORDER BY stack
FORMAT TSVRaw
