-- What holds most in the last dump of each host of a service, with the error of sampling at 95 %.
-- settings: service, from, to (days; dumps of other days are left out)
SELECT site, round(sum(inuse_bytes) / 1048576, 2) AS mib, round(1.96 * sqrt(sum(inuse_var)) / 1048576, 2) AS error,
    sum(n) AS sampled, uniqExact(host) AS hosts
FROM heap.samples_all FINAL
WHERE service = '{service}' AND day >= '{from}' AND day <= '{to}' AND (host, time, run, dump) GLOBAL IN (
    SELECT host, max(tuple(time, run, dump)).1, max(tuple(time, run, dump)).2, max(tuple(time, run, dump)).3
    FROM heap.dumps_all WHERE service = '{service}' AND day >= '{from}' AND day <= '{to}' GROUP BY host)
GROUP BY site HAVING sampled > 0 ORDER BY mib DESC, site LIMIT 50
FORMAT TabSeparatedWithNames
