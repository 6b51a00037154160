/* SPDX-License-Identifier: MIT */
/* heapprof is a sampling heap profiler for native programs.
 *
 * A program need not call any of these functions: with HEAPPROFILE=/path/prefix in the environment
 * and libheapprof preloaded or linked, dumps are written as /path/prefix.NNNN.heap. See
 * libheapprof(3) for the environment.
 *
 * The first five functions are those of gperftools' <gperftools/heap-profiler.h>. All functions may
 * be called from any thread, and none from a signal handler. */
#ifndef HEAPPROF_H
#define HEAPPROF_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Starts profiling. Dumps are named PREFIX.NNNN.heap, numbered after the highest number present.
 * Does nothing if the profiler is running. */
void HeapProfilerStart(const char *prefix);

/* Returns non-zero if the profiler is running. */
int IsHeapProfilerRunning(void);

/* Stops profiling and forgets what was recorded. Writes nothing. */
void HeapProfilerStop(void);

/* Writes a dump; `reason` goes into its metadata. Does nothing if the profiler is not running. */
void HeapProfilerDump(const char *reason);

/* Returns the text of a dump, empty if the profiler is not running, or NULL if there is no memory.
 * The caller frees it with free(). */
char *GetHeapProfile(void);

/* Returns a version such as "1.2.3", which lives as long as the library. */
const char *heapprof_version(void);

/* Returns the mean number of allocated bytes between two samples. 1: every allocation is recorded.
 */
uint64_t heapprof_sample_interval(void);

/* Sets it for the next HeapProfilerStart(), for a dump has one sample interval. 0 is ignored; more
 * than 1 TiB is taken as 1 TiB. */
void heapprof_set_sample_interval(uint64_t bytes);

/* Statistics of the present session, or between sessions of the last one. A session begins with
 * HeapProfilerStart(), the program, or a fork. Where only mappings are recorded the bytes are those
 * of mappings. */
struct heapprof_statistics {
	uint64_t allocated_bytes; /* asked for; exact */
	uint64_t inuse_bytes;     /* estimate: allocated and not freed */
	uint64_t freed_bytes;     /* estimate: allocated in the session, and freed */
	uint64_t samples;         /* recorded */
	uint64_t samples_dropped; /* that could not be recorded */
	uint64_t profiler_bytes;  /* the profiler's own memory */
};

/* Fills in the first `size` bytes of a struct heapprof_statistics: pass its sizeof. */
void heapprof_get_statistics(struct heapprof_statistics *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
