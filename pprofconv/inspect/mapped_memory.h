/* SPDX-License-Identifier: MIT */
/* Mapped memory is what a target has mapped, as parts: the mappings of one kind and one object
 * together, with how much of them is in memory, is written, was never touched, is zero. The
 * kernel's smaps has most of the numbers; for zeros the memory is read. It works for any process
 * and needs nothing in it. */
#pragma once
#include "base/vec.h"
#include "inspect/repeated_text.h"
#include "target/target.h"

enum mapped_value {
	MAPPED_SIZE,      /* of the address range */
	MAPPED_RESIDENT,  /* in memory; of a core: in the core */
	MAPPED_DIRTY,     /* written, so that it can't be read from a file again */
	MAPPED_SWAPPED,   /* in swap space */
	MAPPED_UNTOUCHED, /* private memory without a file that was never used, or given back */
	MAPPED_HUGE,      /* in huge pages */
	MAPPED_READ,      /* read for the next number: a sample of what is resident, if that is
			     much */
	MAPPED_ZERO,      /* of the bytes read: those that are 0 */
	MAPPED_COUNT,     /* mappings */
	MAPPED_VALUES,
};

enum {
	MAPPED_PARTS_MAX = 4096, /* then the rest of a kind is one part */
};

struct mapped_part {
	char kind[24];    /* of memory: "heap", "stack", "file", ... */
	char object[232]; /* what is mapped; text from the process */
	int64_t values[MAPPED_VALUES];
};

struct mapped_memory {
	VEC(struct mapped_part) parts;
	bool has_memory_numbers; /* false: only sizes and what was read, as of a core */
};

/* Reads the mappings of a target. `smaps` is the text of /proc/PID/smaps, or NULL for a core.
 * `texts`, unless NULL, gets the strings in the memory that is read. Returns 0 or HP_TARGET_E. */
int mapped_memory_init(struct mapped_memory *memory, struct hp_target *target, const char *smaps,
		       size_t smaps_size, struct repeated_texts *texts);
void mapped_memory_deinit(struct mapped_memory *memory);

/* Returns the part of that kind and object, or NULL. */
const struct mapped_part *mapped_memory_find(const struct mapped_memory *memory, const char *kind,
					     const char *object);
