-- Version a against version b on the hosts that ran both: d is a host's difference of means. The error is that of
-- the paired t-test (Student, Biometrika 6, 1908), or that of sampling if it is larger; p and `holm` are as in
-- compare.sql.
-- settings: service, a, b, from, to
SELECT t.2 AS site, hosts, round(t.3 / 1048576, 3) AS grew, round(1.96 * t.4 / 1048576, 3) AS error,
    round(1.96 * t.5 / 1048576, 3) AS error_sampling, t.1 AS p, adjusted AS holm, if(adjusted < 0.05, '*', '') AS star
FROM (
    SELECT any(n) AS hosts, arraySort(groupArray(tuple(p, site, m, se, se_sampling))) AS rows,
        arrayMap((t, i) -> least(1., t.1 * (length(rows) + 1 - i)), rows, arrayEnumerate(rows)) AS own,
        arrayMap(i -> arrayReduce('max', arraySlice(own, 1, i)), arrayEnumerate(own)) AS holms
    FROM (
        SELECT site, n, s / n AS m, sqrt(vs) / n AS se_sampling, n - 1 AS f,
            greatest(sqrt(greatest(0., (q - s * s / n) / (n - 1) / n)), se_sampling) AS se,
            erfc((8 * f + 1) / (8 * f + 3) * sqrt(f * log(1 + pow(m / se, 2) / f)) / sqrt(2)) AS p
        FROM (
            SELECT site, 1 AS one, sum(d) AS s, sum(d * d) AS q, sum(v) AS vs
            FROM (
                SELECT site, host, sum(if(version = '{b}', b / k, -b / k)) AS d, sum(w / k) AS v
                FROM (
                    SELECT site, version, host, sum(inuse_bytes) AS b, sum(inuse_var) AS w
                    FROM heap.samples_all FINAL
                    WHERE service = '{service}' AND version IN ('{a}', '{b}') AND day >= '{from}' AND day <= '{to}'
                        AND host GLOBAL IN (
                            SELECT host FROM heap.dumps_all
                            WHERE service = '{service}' AND version IN ('{a}', '{b}')
                                AND day >= '{from}' AND day <= '{to}'
                            GROUP BY host HAVING uniqExact(version) = 2)
                    GROUP BY site, version, host)
                GLOBAL ALL INNER JOIN (
                    SELECT version, host, uniqExact(run, dump) AS k FROM heap.dumps_all
                    WHERE service = '{service}' AND version IN ('{a}', '{b}') AND day >= '{from}' AND day <= '{to}'
                    GROUP BY version, host)
                USING (version, host)
                GROUP BY site, host)
            GROUP BY site)
        GLOBAL ALL INNER JOIN (
            SELECT 1 AS one, count() AS n FROM (
                SELECT host FROM heap.dumps_all
                WHERE service = '{service}' AND version IN ('{a}', '{b}') AND day >= '{from}' AND day <= '{to}'
                GROUP BY host HAVING uniqExact(version) = 2))
        USING one
        WHERE n > 1 AND se > 0))
ARRAY JOIN rows AS t, holms AS adjusted
ORDER BY p, site LIMIT 50
FORMAT TabSeparatedWithNames
