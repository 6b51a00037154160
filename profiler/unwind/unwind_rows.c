/* SPDX-License-Identifier: MIT */
#include "unwind/unwind_rows.h"

/* .eh_frame_hdr = version eh-frame-pointer-encoding count-encoding table-encoding
 *	eh-frame-pointer count { address entry }*	(Linux Standard Base, 10.6.2) */
struct header {
	uint8_t version, pointer_encoding, count_encoding, table_encoding;
	int32_t pointer;
	uint32_t count;
};

enum {
	PCREL_SDATA4 = 0x1b,
	UDATA4 = 0x03,
	DATAREL_SDATA4 = 0x3b
};

static bool read_row(struct hp_image_memory *image, uintptr_t rows, size_t i,
		     struct hp_unwind_row *out)
{
	uint64_t word;
	bool is_read = hp_image_memory_read_word(image, rows + i * sizeof(word), &word);

	memcpy(out, &word, sizeof(*out));
	return is_read;
}

bool hp_unwind_rows_find(struct hp_image_memory *image, uintptr_t ip, uintptr_t *out)
{
	uintptr_t at = image->object.eh_frame_hdr, rows = at + sizeof(struct header);
	int64_t wanted = (int64_t)(ip - at);
	struct header header;
	struct hp_unwind_row row;

	if (!at || !hp_image_memory_read(image, at, &header, sizeof(header)) ||
	    header.version != 1 || header.pointer_encoding != PCREL_SDATA4 ||
	    header.count_encoding != UDATA4 || header.table_encoding != DATAREL_SDATA4)
		return false;
	size_t low = 0, high = header.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (!read_row(image, rows, middle, &row))
			return false;
		if (row.ip <= wanted)
			low = middle + 1;
		else
			high = middle;
	}
	*out = rows + (low - 1) * sizeof(row);
	return low > 0;
}
