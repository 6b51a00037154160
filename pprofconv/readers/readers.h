/* SPDX-License-Identifier: MIT */
/* The readers that the table in registry.c lists, each defined in a file of its own. */
#pragma once
#include "readers/reader.h"

#define READER_TOOL_GO "Go's runtime/pprof"

extern const struct reader reader_heapprof;
extern const struct reader reader_gperftools;
extern const struct reader reader_pprof;
extern const struct reader reader_jemalloc;
extern const struct reader reader_go_heap;
extern const struct reader reader_folded;
extern const struct reader reader_dhat;
extern const struct reader reader_heaptrack;
extern const struct reader reader_lsan;
extern const struct reader reader_massif;
extern const struct reader reader_postgres_contexts;
extern const struct reader reader_memcheck;
extern const struct reader reader_memcheck_xml;
extern const struct reader reader_memleak;
extern const struct reader reader_pmap;
extern const struct reader reader_smaps;
extern const struct reader reader_bpftrace;
extern const struct reader reader_jemalloc_stats;
extern const struct reader reader_memray;
extern const struct reader reader_mtrace;
extern const struct reader reader_v8_heapprofile;
extern const struct reader reader_xtree;
