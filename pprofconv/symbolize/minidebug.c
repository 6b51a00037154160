/* SPDX-License-Identifier: MIT */
#include "symbolize/minidebug.h"

#include <errno.h>
#include <lzma.h>

#define DECODER_BYTES_MAX (128u << 20) /* the largest preset of xz needs 65 MiB */

typedef VEC(uint8_t) bytes;

/* Unpacks into a buffer that doubles when it is full, up to the limit. Returns 0; MINIDEBUG_E_NONE
 * if the data is damaged or too large; -ENOMEM. */
static int unpack_all(lzma_stream *stream, bytes *out)
{
	lzma_ret result = LZMA_OK;

	while (result == LZMA_OK) {
		if (out->n == out->capacity) {
			if (out->n >= MINIDEBUG_BYTES_MAX)
				return MINIDEBUG_E_NONE;
			if (vec_reserve(out, out->n + 65536))
				return -ENOMEM;
		}
		stream->next_out = out->items + out->n;
		stream->avail_out = out->capacity - out->n;
		result = lzma_code(stream, LZMA_FINISH);
		out->n = out->capacity - stream->avail_out;
	}
	if (result == LZMA_MEM_ERROR)
		return -ENOMEM;
	return result == LZMA_STREAM_END ? 0 : MINIDEBUG_E_NONE;
}

static int unpack(const Elf_Data *packed, bytes *out)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	int r;

	stream.next_in = packed->d_buf;
	stream.avail_in = packed->d_size;
	if (lzma_stream_decoder(&stream, DECODER_BYTES_MAX, 0 /* flags */) != LZMA_OK)
		return -ENOMEM;
	r = unpack_all(&stream, out);
	lzma_end(&stream);
	return r;
}

int minidebug_open(const struct object *object, struct object **out_minidebug)
{
	Elf_Data *packed = object_section_data(object, ".gnu_debugdata");
	bytes image = {0};
	int r;

	if (!packed)
		return MINIDEBUG_E_NONE;
	r = unpack(packed, &image);
	if (r) {
		vec_deinit(&image);
		return r;
	}
	r = object_open_image(object->path, image.items, image.n, out_minidebug);
	return r > 0 ? MINIDEBUG_E_NONE : r;
}
