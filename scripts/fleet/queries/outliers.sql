-- Hosts of a service on which a function holds another share of the heap than on most: z is the distance from the
-- median in units of the spread, 1.4826 times the median absolute deviation (Rousseeuw and Croux, JASA 88,
-- 1993), and of the error of sampling.
-- settings: service, day
SELECT site, host, round(x, 4) AS share, round(middle, 4) AS median, round((x - middle) / sqrt(pow(mad, 2) + v), 1) AS z
FROM (
    SELECT site, hs, xs, vs, arrayReduce('quantileExact', padded) AS middle,
        1.4826 * arrayReduce('quantileExact', arrayMap(y -> abs(y - middle), padded)) AS mad
    FROM (
        SELECT site, hs, xs, vs, arrayConcat(xs, arrayResize(emptyArrayFloat64(), n - length(xs))) AS padded
        FROM (
            SELECT site, 1 AS one, groupArray(host) AS hs, groupArray(b / t) AS xs, groupArray(w / t / t) AS vs
            FROM (
                SELECT site, host, sum(inuse_bytes) AS b, sum(inuse_var) AS w
                FROM heap.samples_all FINAL WHERE service = '{service}' AND day = '{day}' GROUP BY site, host)
            GLOBAL ALL INNER JOIN (
                SELECT host, sum(inuse_bytes) AS t
                FROM heap.dumps_all FINAL WHERE service = '{service}' AND day = '{day}' GROUP BY host)
            USING host
            WHERE t > 0 GROUP BY site)
        GLOBAL ALL INNER JOIN (
            SELECT 1 AS one, uniqExact(host) AS n FROM heap.dumps_all WHERE service = '{service}' AND day = '{day}')
        USING one))
ARRAY JOIN hs AS host, xs AS x, vs AS v
WHERE z > 6 AND x > 0.02 ORDER BY z DESC, site, host LIMIT 50
FORMAT TabSeparatedWithNames
