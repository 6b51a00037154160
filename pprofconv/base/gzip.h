/* SPDX-License-Identifier: MIT */
/* A gzip is a stream that compresses the bytes written to it and writes the result to an output, in
 * gzip's format. The same input gives the same output with any number of threads, and the header
 * holds neither a time nor a name. */
#pragma once
#include <stddef.h>

#include "base/cleanup.h"
#include "base/output.h"

#define GZIP_THREADS_MAX 4

struct gzip;

/* Returns a stream that writes to `output`, or NULL if memory is out. `output` must outlive the
 * stream. Level 1 is the fastest, 9 compresses most. `n_threads` threads compress while the caller
 * produces more data: at most GZIP_THREADS_MAX, and fewer if the system refuses more. If there are
 * no threads, the caller's thread compresses. */
struct gzip *gzip_new(struct output *output, int level, size_t n_threads);

/* Returns the best number of threads on this machine, 0 if it has only one processor. */
size_t gzip_best_threads(void);

/* Takes NULL. */
void gzip_free(struct gzip *gzip);
DEFINE_CLEANUP(struct gzip *, gzip_free)

void gzip_write(struct gzip *gzip, const void *data, size_t size);

/* Writes the rest and gzip's trailer. Nothing may be written afterwards. output_commit() reports
 * failures of the output. */
void gzip_finish(struct gzip *gzip);
