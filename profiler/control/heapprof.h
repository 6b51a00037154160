/* SPDX-License-Identifier: MIT */
/* heapprof: a sampling heap profiler for native programs.
 *
 * A program need not call anything here: with HEAPPROFILE=/path/prefix in the environment and
 * libheapprof preloaded or linked, dumps are written as /path/prefix.NNNN.heap. See libheapprof(3)
 * for the environment.
 *
 * The first five functions are those of gperftools' <gperftools/heap-profiler.h>. All functions may
 * be called from any thread; none from a signal handler. */
#ifndef HEAPPROF_H
#define HEAPPROF_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Starts profiling; dumps are named PREFIX.NNNN.heap, and numbering goes on after the highest
 * number present. Does nothing if the profiler is running. */
void HeapProfilerStart(const char *prefix);

/* Non-zero if the profiler is running. */
int IsHeapProfilerRunning(void);

/* Stops profiling and forgets what was recorded. Writes nothing. */
void HeapProfilerStop(void);

/* Writes a dump; `reason` goes into its metadata. Does nothing if the profiler is not running. */
void HeapProfilerDump(const char *reason);

/* The text of a dump, to be freed with free(); empty if the profiler is not running, NULL if there
 * is no memory. */
char *GetHeapProfile(void);

/* "1.2.3". Lives as long as the library. */
const char *heapprof_version(void);

/* The mean number of allocated bytes between two samples; 1: every allocation is recorded. */
uint64_t heapprof_sample_interval(void);

/* Sets it for the next HeapProfilerStart(): a dump has one sample interval. 0 is ignored,
 * more than 1 TiB is 1 TiB. */
void heapprof_set_sample_interval(uint64_t bytes);

/* Of this session, which began with HeapProfilerStart() or the program, or with a fork; between
 * sessions of the last one. Where only mappings are recorded, of these. */
struct heapprof_statistics {
	uint64_t allocated_bytes; /* asked for; exact */
	uint64_t inuse_bytes;     /* estimate: allocated and not freed */
	uint64_t freed_bytes;     /* estimate: of what was allocated in the session */
	uint64_t samples;         /* recorded */
	uint64_t samples_dropped; /* could not be recorded */
	uint64_t profiler_bytes;  /* the profiler's own memory */
};

/* Fills the first `size` bytes of a struct heapprof_statistics: pass sizeof. */
void heapprof_get_statistics(struct heapprof_statistics *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
