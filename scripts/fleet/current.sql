-- SPDX-License-Identifier: MIT
-- What servers of today add to schema.sql, which is written so that 18.16 takes it: codecs, and a time after
-- which rows are deleted.

ALTER TABLE heap.samples MODIFY COLUMN time DateTime CODEC(DoubleDelta, ZSTD);
ALTER TABLE heap.samples MODIFY COLUMN stack UInt64 CODEC(ZSTD);
ALTER TABLE heap.samples MODIFY COLUMN size UInt64 CODEC(T64, ZSTD);
ALTER TABLE heap.samples MODIFY COLUMN n UInt64 CODEC(T64, ZSTD);
ALTER TABLE heap.samples MODIFY COLUMN bytes UInt64 CODEC(T64, ZSTD);
ALTER TABLE heap.samples MODIFY COLUMN alloc_n UInt64 CODEC(T64, ZSTD);
ALTER TABLE heap.samples MODIFY COLUMN alloc_bytes UInt64 CODEC(T64, ZSTD);
ALTER TABLE heap.samples MODIFY TTL day + INTERVAL 30 DAY;
ALTER TABLE heap.dumps MODIFY TTL day + INTERVAL 400 DAY;
ALTER TABLE heap.daily MODIFY TTL day + INTERVAL 400 DAY;
