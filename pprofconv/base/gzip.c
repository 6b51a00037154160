/* SPDX-License-Identifier: MIT */
#include "base/gzip.h"

#include <errno.h>
#include <stdint.h>
#include <zlib.h>

#define PACKED_SIZE 65536

struct gzip {
	struct output *output;
	z_stream zlib;
	unsigned char packed[PACKED_SIZE];
};

struct gzip *gzip_new(struct output *output, int level)
{
	struct gzip *gzip = calloc(1, sizeof(*gzip));

	if (!gzip)
		return NULL;
	gzip->output = output;
	if (deflateInit2(&gzip->zlib, level, Z_DEFLATED, 15 + 16 /* gzip, largest window */,
			 8 /* default memory */, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(gzip);
		return NULL;
	}
	return gzip;
}

void gzip_free(struct gzip *gzip)
{
	if (!gzip)
		return;
	deflateEnd(&gzip->zlib);
	free(gzip);
}

/* Packs what is in zlib's hands and passes on whatever comes out. */
static void pack(struct gzip *gzip, int flush)
{
	int r;

	do {
		gzip->zlib.next_out = gzip->packed;
		gzip->zlib.avail_out = PACKED_SIZE;
		r = deflate(&gzip->zlib, flush);
		output_write(gzip->output, gzip->packed, PACKED_SIZE - gzip->zlib.avail_out);
	} while (r == Z_OK && gzip->zlib.avail_out == 0);
	if (r == Z_STREAM_ERROR)
		output_fail(gzip->output, -EIO);
}

void gzip_write(struct gzip *gzip, const void *data, size_t size)
{
	const unsigned char *at = data;

	while (size) {
		uInt piece = size < UINT32_MAX ? (uInt)size : UINT32_MAX;

		gzip->zlib.next_in = (unsigned char *)at;
		gzip->zlib.avail_in = piece;
		pack(gzip, Z_NO_FLUSH);
		at += piece;
		size -= piece;
	}
}

void gzip_finish(struct gzip *gzip)
{
	pack(gzip, Z_FINISH);
}
