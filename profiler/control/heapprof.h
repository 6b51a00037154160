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

/* Starts profiling. Dumps are named PREFIX.NNNN.heap, with numbers after the highest existing one.
 * Does nothing if the profiler is running. */
void HeapProfilerStart(const char *prefix);

/* Returns non-zero if the profiler is running. */
int IsHeapProfilerRunning(void);

/* Stops profiling and forgets what was recorded. Writes nothing. */
void HeapProfilerStop(void);

/* Writes a dump; `reason` goes into its metadata. Does nothing if the profiler is not running. */
void HeapProfilerDump(const char *reason);

/* Returns the text of a dump; an empty text if the profiler is not running; or NULL if there is no
 * memory, or if another dump does not end. The caller frees it with free(). */
char *GetHeapProfile(void);

/* Returns a version such as "1.2.3". The string is valid as long as the library is loaded. */
const char *heapprof_version(void);

/* Returns the mean number of allocated bytes between two samples. 1 means that every allocation is
 * recorded. With HEAP_PROFILE_SAMPLE_INTERVAL=auto the number grows during a session. */
uint64_t heapprof_sample_interval(void);

/* Sets the sample interval for the next HeapProfilerStart(); it can't be set during a session.
 * 0 is ignored; more than 1 TiB counts as 1 TiB. */
void heapprof_set_sample_interval(uint64_t bytes);

/* Statistics of the present session or, between sessions, of the last one. A session begins with
 * HeapProfilerStart(), with the program, or with a fork. If only mappings are recorded, the bytes
 * are those of mappings. */
struct heapprof_statistics {
	uint64_t allocated_bytes; /* exact number of bytes asked for */
	uint64_t inuse_bytes;     /* estimate of bytes allocated and not freed */
	uint64_t freed_bytes;     /* estimate of bytes allocated in the session and freed */
	uint64_t samples;         /* number of recorded allocations */
	uint64_t samples_dropped; /* number of samples that could not be recorded */
	uint64_t profiler_bytes;  /* size of the profiler's own memory */
};

/* Sets the first `size` bytes of *out: pass sizeof(struct heapprof_statistics). */
void heapprof_get_statistics(struct heapprof_statistics *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
