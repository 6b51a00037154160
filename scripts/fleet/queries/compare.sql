-- Version a against version b of a service, with hosts as units: x is a host's mean over its dumps. The error of
-- a version's mean is s/sqrt(N) with s^2 = (sum x^2 - (sum x)^2/N)/(N - 1), N hosts with a dump, those that
-- hold nothing included. It is not less than the error of sampling, which alone misleads: hosts differ more.
-- p is that of Welch's test (Biometrika 34, 1947). Student's distribution is approximated by the normal one, with
-- z = (8 f + 1)/(8 f + 3) sqrt(f log(1 + t^2/f)) for f degrees of freedom (Wallace, Annals of Mathematical Statistics
-- 30, 1959). `holm` is p adjusted for all functions (Holm, Scandinavian Journal of Statistics 6, 1979).
-- settings: service, a, b, from, to
SELECT t.2 AS site, round(t.3 / 1048576, 3) AS mib_a, round(t.4 / 1048576, 3) AS mib_b,
    round((t.4 - t.3) / 1048576, 3) AS grew, round(1.96 * t.5 / 1048576, 3) AS error,
    round(1.96 * t.6 / 1048576, 3) AS error_sampling, t.1 AS p, adjusted AS holm, if(adjusted < 0.05, '*', '') AS star
FROM (
    SELECT arraySort(groupArray(tuple(p, site, ma, mb, se, se_sampling))) AS rows,
        arrayMap((t, i) -> least(1., t.1 * (length(rows) + 1 - i)), rows, arrayEnumerate(rows)) AS own,
        arrayMap(i -> arrayReduce('max', arraySlice(own, 1, i)), arrayEnumerate(own)) AS holms
    FROM (
        SELECT site, na, nb, sa / na AS ma, sb / nb AS mb, sqrt(va / na / na + vb / nb / nb) AS se_sampling,
            greatest(0., (qa - sa * sa / na) / (na - 1) / na) AS ea, greatest(0., (qb - sb * sb / nb) / (nb - 1) / nb) AS eb,
            greatest(sqrt(ea + eb), se_sampling) AS se,
            if(ea + eb > 0, pow(ea + eb, 2) / (ea * ea / (na - 1) + eb * eb / (nb - 1)), na + nb - 2.) AS f,
            erfc((8 * f + 1) / (8 * f + 3) * sqrt(f * log(1 + pow((ma - mb) / se, 2) / f)) / sqrt(2)) AS p
        FROM (
            SELECT site, 1 AS one, sumIf(x, version = '{a}') AS sa, sumIf(x * x, version = '{a}') AS qa,
                sumIf(v, version = '{a}') AS va, sumIf(x, version = '{b}') AS sb,
                sumIf(x * x, version = '{b}') AS qb, sumIf(v, version = '{b}') AS vb
            FROM (
                SELECT site, version, b / k AS x, w / k AS v
                FROM (
                    SELECT site, version, host, sum(inuse_bytes) AS b, sum(inuse_var) AS w
                    FROM heap.samples_all FINAL
                    WHERE service = '{service}' AND version IN ('{a}', '{b}') AND day >= '{from}' AND day <= '{to}'
                    GROUP BY site, version, host)
                GLOBAL ALL INNER JOIN (
                    SELECT version, host, uniqExact(run, dump) AS k FROM heap.dumps_all
                    WHERE service = '{service}' AND version IN ('{a}', '{b}') AND day >= '{from}' AND day <= '{to}'
                    GROUP BY version, host)
                USING (version, host))
            GROUP BY site)
        GLOBAL ALL INNER JOIN (
            SELECT 1 AS one, uniqExactIf(host, version = '{a}') AS na, uniqExactIf(host, version = '{b}') AS nb
            FROM heap.dumps_all WHERE service = '{service}' AND day >= '{from}' AND day <= '{to}')
        USING one
        WHERE na > 1 AND nb > 1 AND se > 0))
ARRAY JOIN rows AS t, holms AS adjusted
ORDER BY p, site LIMIT 50
FORMAT TabSeparatedWithNames
