-- What a function holds on each day, the mean over all hosts of a service, with its error between hosts. Reads the
-- sums of rollup.sql.
-- settings: service, site, from, to
SELECT day, round(s / n / 1048576, 3) AS mib_a_host, round(1.96 * sqrt((q - s * s / n) / (n - 1) / n) / 1048576, 3) AS error,
    n AS hosts
FROM (
    SELECT day, sum(x) AS s, sum(x * x) AS q
    FROM (
        SELECT day, host, sum(inuse_bytes * dumps) / sum(dumps) AS x FROM heap.daily_all FINAL
        WHERE service = '{service}' AND site = '{site}' AND day >= '{from}' AND day <= '{to}' GROUP BY day, host)
    GROUP BY day)
GLOBAL ALL INNER JOIN (
    SELECT day, uniqExact(host) AS n FROM heap.dumps_all
    WHERE service = '{service}' AND day >= '{from}' AND day <= '{to}' GROUP BY day)
USING day
WHERE n > 1 ORDER BY day
FORMAT TabSeparatedWithNames
