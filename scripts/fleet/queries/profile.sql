-- One dump as a heap profile with names, in the format of Go, which pprofconv and go tool pprof read. Addresses are
-- made up: they are the hash of a name and its place.
-- settings: service, host, day, run (a number), dump
SELECT concat(toString(n), ': ', toString(bytes), ' [', toString(alloc_n), ': ', toString(alloc_bytes), '] @ ',
    arrayStringConcat(arrayMap(a -> concat('0x', lower(hex(a + 1))), addresses), ' '), '\n',
    arrayStringConcat(arrayMap((a, f, p) -> concat('#\t0x', lower(hex(a)), '\t', f, '+0x0\t', if(p = '', ':0', p)),
        addresses, fs, ps), '\n'), '\n')
FROM (
    SELECT n, bytes, alloc_n, alloc_bytes, arrayReverse(frames) AS fs, arrayReverse(places) AS ps,
        arrayMap((f, p) -> bitAnd(cityHash64(f, p), 140737488355327) + 4096, fs, ps) AS addresses
    FROM (
        SELECT stack, n, bytes, alloc_n, alloc_bytes FROM heap.samples_all FINAL
        WHERE service = '{service}' AND host = '{host}' AND day = '{day}' AND run = {run} AND dump = {dump})
    GLOBAL ALL INNER JOIN (
        SELECT stack, any(frames) AS frames, any(places) AS places FROM heap.stacks_all GROUP BY stack)
    USING stack)
FORMAT TSVRaw
