/* SPDX-License-Identifier: MIT */
/* A heap builder fills a profile with what a heap dump holds, in the same way for all formats: four
 * sample types, estimates instead of samples, the mean size as a label, and the allocators' own
 * functions left out. */
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
	VEC(uint64_t) addresses; /* of the calls in the next stack */
	VEC(uint32_t) locations;
	uint32_t stack; /* of the records that are added */
};

/* Sets up an empty profile. The builder is valid as long as the profile. */
void heap_builder_init(struct heap_builder *builder, struct profile *profile, int64_t interval);
void heap_builder_deinit(struct heap_builder *builder);

/* Leaves out Go's runtime instead of allocators, except for the part of it that calls the program's
 * functions. */
void heap_builder_drop_go(struct heap_builder *builder);

/* Adds the next frame, outward from the leaf, to the next stack. */
void heap_builder_push(struct heap_builder *builder, uint64_t return_address);

/* Makes a stack of the frames that were pushed. The following records have this stack. */
void heap_builder_take_stack(struct heap_builder *builder);

/* Adds a record. It gets `label`, unless that is NULL, in addition to the label of its size. */
void heap_builder_add(struct heap_builder *builder, const struct heap_counts *counts,
		      const struct profile_label *label);
