/* SPDX-License-Identifier: MIT */
/* Packs what is written to it and passes it on to an output, in gzip's format. The same bytes in
 * give the same bytes out: no time and no name are noted. */
#pragma once
#include <stddef.h>

#include "base/cleanup.h"
#include "base/output.h"

struct gzip;

/* Level 1 is the fastest, 9 packs the most. NULL if memory is out. */
struct gzip *gzip_new(struct output *output, int level);

/* Takes NULL. */
void gzip_free(struct gzip *gzip);
DEFINE_CLEANUP(struct gzip *, gzip_free)

void gzip_write(struct gzip *gzip, const void *data, size_t size);

/* Writes what is left and the end; nothing may be written afterwards. Failures of the output show
 * when that is committed. */
void gzip_finish(struct gzip *gzip);
