/* SPDX-License-Identifier: MIT */
/* Packs what is written to it and passes it on to an output, in gzip's format. The same bytes in
 * give the same bytes out, with any number of threads: no time and no name are noted. */
#pragma once
#include <stddef.h>

#include "base/cleanup.h"
#include "base/output.h"

#define GZIP_THREADS_MAX 4

struct gzip;

/* Level 1 is the fastest, 9 packs the most. Packing goes on in `n_threads` other threads (at most
 * GZIP_THREADS_MAX, and fewer where the system has no more to give) while the caller makes the next
 * bytes; with 0 the caller packs. NULL if memory is out. */
struct gzip *gzip_new(struct output *output, int level, size_t n_threads);

/* How many threads are worth having here: 0 where there is one processor only. */
size_t gzip_best_threads(void);

/* Takes NULL. */
void gzip_free(struct gzip *gzip);
DEFINE_CLEANUP(struct gzip *, gzip_free)

void gzip_write(struct gzip *gzip, const void *data, size_t size);

/* Writes what is left and the end; nothing may be written afterwards. Failures of the output show
 * when that is committed. */
void gzip_finish(struct gzip *gzip);
