/* SPDX-License-Identifier: MIT */
#include "readers/heap_builder.h"

#include <errno.h>

#include "readers/heap_types.h"

enum {
	LABELS_MAX = 8, /* of a record, without its size */
};

void heap_builder_init(struct heap_builder *builder, struct profile *profile, int64_t interval)
{
	*builder = (struct heap_builder){.profile = profile, .interval = interval};
	builder->bytes_key = profile_intern(profile, "bytes");
	heap_types_add(profile, "alloc");
	heap_types_add(profile, "inuse");
	heap_types_set_exact(profile);
	profile->period = interval;
	if (profile->keeps_samples && interval > 1) {
		profile->kept_interval = interval;
		builder->interval = 1; /* counts are not scaled */
	}
}

/* Functions of Go's runtime that call functions of the program. The first line is pprof's list, the
 * second line has the functions that run deferred functions. If those were dropped, what a deferred
 * function allocates in a panic would count for the function that panicked. */
static const char go_keep_frames[] =
	"runtime\\.panic|runtime\\.reflectcall|runtime\\.call[0-9]*"
	"|runtime\\.(gopanic|Goexit|deferreturn|deferCallSave|runOpenDeferFrame)";

void heap_builder_drop_go(struct heap_builder *builder)
{
	struct profile *profile = builder->profile;

	profile->drop_frames = profile_intern(profile, "runtime\\..*");
	profile->keep_frames = profile_intern(profile, go_keep_frames);
}

void heap_builder_deinit(struct heap_builder *builder)
{
	vec_deinit(&builder->addresses);
	vec_deinit(&builder->locations);
}

void heap_builder_push(struct heap_builder *builder, uint64_t return_address)
{
	/* The return address minus 1 is in the call. The return address itself may be in the next
	 * function, if the call is the last instruction of its function. */
	if (vec_push(&builder->addresses, return_address - 1) < 0)
		profile_fail(builder->profile, -ENOMEM);
}

void heap_builder_take_stack(struct heap_builder *builder)
{
	size_t n = builder->addresses.n;

	builder->addresses.n = 0;
	if (vec_reserve(&builder->locations, n) < 0) {
		profile_fail(builder->profile, -ENOMEM);
		return;
	}
	profile_locations_at(builder->profile, builder->addresses.items, n,
			     builder->locations.items);
	builder->stack = profile_add_stack(builder->profile, builder->locations.items, n);
}

/* Returns the mean size as pprof defines it: of the objects in use if there are any, otherwise of
 * the allocated objects. */
static int64_t mean_size(const struct heap_counts *counts)
{
	if (counts->inuse_objects)
		return counts->inuse_bytes / counts->inuse_objects;
	return counts->alloc_objects ? counts->alloc_bytes / counts->alloc_objects : 0;
}

uint32_t heap_builder_labels(struct heap_builder *builder, const struct heap_counts *counts,
			     const struct profile_label *labels, size_t n)
{
	struct profile_label all[LABELS_MAX + 1];

	for (size_t i = 0; i < n && i < LABELS_MAX; i++)
		all[i] = labels[i];
	all[n] = (struct profile_label){
		.key = builder->bytes_key,
		.number = mean_size(counts),
	};
	return profile_add_labels(builder->profile, all, n + 1);
}

void heap_builder_estimate(struct heap_builder *builder, const struct heap_counts *counts,
			   int64_t *out_values)
{
	struct heap_counts estimate = *counts;

	if (unsample(&builder->alloc, builder->interval, &estimate.alloc_objects,
		     &estimate.alloc_bytes) < 0 ||
	    unsample(&builder->inuse, builder->interval, &estimate.inuse_objects,
		     &estimate.inuse_bytes) < 0)
		profile_fail(builder->profile, -EOVERFLOW);
	out_values[0] = estimate.alloc_objects;
	out_values[1] = estimate.alloc_bytes;
	out_values[2] = estimate.inuse_objects;
	out_values[3] = estimate.inuse_bytes;
}

void heap_builder_add(struct heap_builder *builder, const struct heap_counts *counts,
		      const struct profile_label *label)
{
	struct profile_sample key = {
		.stack = builder->stack,
		.labels = heap_builder_labels(builder, counts, label, label ? 1 : 0),
	};
	int64_t values[4];

	heap_builder_estimate(builder, counts, values);
	profile_add_sample(builder->profile, key, values);
}
