/* SPDX-License-Identifier: MIT */
/* Makes the heap profile that all readers of heap dumps make: four sample types, estimates instead
 * of samples, the mean size as a label, and the allocators' own functions left out. */
#pragma once
#include <stdint.h>

#include "model/profile.h"
#include "model/unsample.h"
#include "readers/heap_text.h"

struct heap_builder {
	struct profile *profile;
	int64_t interval; /* of the sampler; 1 or less: counts are exact */
	struct unsampler inuse, alloc;
	uint32_t bytes_key;
	VEC(uint64_t) addresses; /* of the stack to come: of the calls */
	VEC(uint32_t) locations;
	uint32_t stack; /* that records are added to */
};

/* Sets up an empty profile; the builder is only good as long as that is. */
void heap_builder_init(struct heap_builder *builder, struct profile *profile, int64_t interval);
void heap_builder_deinit(struct heap_builder *builder);

/* Has Go's runtime left out instead of allocators, but for what calls the program's functions. */
void heap_builder_drop_go(struct heap_builder *builder);

/* Adds the next frame, outward from the leaf, to the stack to come. */
void heap_builder_push(struct heap_builder *builder, uint64_t return_address);

/* Makes the frames that were pushed the stack of the records from now on. */
void heap_builder_take_stack(struct heap_builder *builder);

/* Adds a record, with `label` besides its size unless that is NULL. */
void heap_builder_add(struct heap_builder *builder, const struct heap_counts *counts,
		      const struct profile_label *label);
