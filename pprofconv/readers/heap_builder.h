/* SPDX-License-Identifier: MIT */
/* A heap builder fills a profile from the records of a heap dump, in the same way for all formats:
 * with four sample types, estimates instead of sampled counts, the mean size as a label, and an
 * expression that drops the allocators' own functions. */
#pragma once
#include <stdint.h>

#include "model/profile.h"
#include "model/unsample.h"
#include "readers/heap_text.h"

struct heap_builder {
	struct profile *profile;
	int64_t interval; /* the sample interval; 1 or less: counts are not scaled */
	struct unsampler inuse, alloc;
	uint32_t bytes_key;
	VEC(uint64_t) addresses; /* of the calls in the next stack */
	VEC(uint32_t) locations;
	uint32_t stack; /* the stack of the records that are added */
};

/* Sets up the builder and `profile`, which must be empty and must outlive the builder. */
void heap_builder_init(struct heap_builder *builder, struct profile *profile, int64_t interval);
void heap_builder_deinit(struct heap_builder *builder);

/* Makes the profile drop Go's runtime instead of allocators, except the functions of the runtime
 * that call the program's functions. */
void heap_builder_drop_go(struct heap_builder *builder);

/* Adds a frame to the next stack. The frames of a stack are added from the leaf outward. */
void heap_builder_push(struct heap_builder *builder, uint64_t return_address);

/* Makes a stack of the frames that heap_builder_push() added. The following records have this
 * stack. */
void heap_builder_take_stack(struct heap_builder *builder);

/* heap_builder_add() in parts. heap_builder_labels() returns a label set of `n` labels and the mean
 * size, and heap_builder_estimate() sets the four values of a record. */
uint32_t heap_builder_labels(struct heap_builder *builder, const struct heap_counts *counts,
			     const struct profile_label *labels, size_t n);
void heap_builder_estimate(struct heap_builder *builder, const struct heap_counts *counts,
			   int64_t *out_values);

/* Adds a record. Its label is its mean size; unless `label` is NULL, it has this label too. */
void heap_builder_add(struct heap_builder *builder, const struct heap_counts *counts,
		      const struct profile_label *label);
