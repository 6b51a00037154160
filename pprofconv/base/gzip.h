/* SPDX-License-Identifier: MIT */
/* A gzip is a stream that compresses what is written to it and passes the result on to an output,
 * in gzip's format. The same bytes in give the same bytes out, with any number of threads: no time
 * and no name are recorded. */
#pragma once
#include <stddef.h>

#include "base/cleanup.h"
#include "base/output.h"

#define GZIP_THREADS_MAX 4

struct gzip;

/* Level 1 is the fastest, 9 compresses most. `n_threads` other threads compress (at most
 * GZIP_THREADS_MAX, and fewer if the system refuses more) while the caller makes the next bytes;
 * with 0 the caller compresses. `output` must outlive the result. Returns NULL if memory is out. */
struct gzip *gzip_new(struct output *output, int level, size_t n_threads);

/* Returns how many threads are worth having on this machine: 0 if it has one processor only. */
size_t gzip_best_threads(void);

/* Takes NULL. */
void gzip_free(struct gzip *gzip);
DEFINE_CLEANUP(struct gzip *, gzip_free)

void gzip_write(struct gzip *gzip, const void *data, size_t size);

/* Writes the rest and gzip's trailer. Nothing may be written afterwards. output_commit() reports
 * failures of the output. */
void gzip_finish(struct gzip *gzip);
