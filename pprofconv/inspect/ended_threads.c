/* SPDX-License-Identifier: MIT */
/* The descriptor of a thread, at the top of its stack, begins with its own address, which is the
 * thread's fs_base, and has it again in its third word. */
#include "inspect/ended_threads.h"

enum {
	TOP_BYTES = 2 * 4096, /* the descriptor begins in them */
	ALIGNMENT = 64,
	ADDRESS_AT = 0,
	ADDRESS_AGAIN_AT = 2,
};

static bool is_alive(const struct hp_target_threads *threads, uint64_t descriptor)
{
	for (size_t i = 0; i < threads->n; i++)
		if (threads->items[i].fs_base == descriptor)
			return true;
	return false;
}

uint64_t ended_threads_find(struct hp_target *target, const struct hp_target_mapping *mapping,
			    const struct hp_target_threads *threads)
{
	uint64_t words[TOP_BYTES / sizeof(uint64_t)];
	uint64_t top = mapping->end - TOP_BYTES;

	if (mapping->path || mapping->end - mapping->start < TOP_BYTES ||
	    !hp_target_read(target, top, words, sizeof(words)))
		return mapping->start;
	for (size_t at = 0; at < TOP_BYTES; at += ALIGNMENT) {
		const uint64_t *descriptor = &words[at / sizeof(uint64_t)];

		if (descriptor[ADDRESS_AT] == top + at && descriptor[ADDRESS_AGAIN_AT] == top + at)
			return is_alive(threads, top + at) ? mapping->start : top + at;
	}
	return mapping->start;
}
