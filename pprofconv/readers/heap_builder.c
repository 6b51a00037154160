/* SPDX-License-Identifier: MIT */
#include "readers/heap_builder.h"

#include <errno.h>

/* This expression matches functions that only pass a request to the allocator, and the allocators'
 * own functions. Users want to see the function that calls them. pprof matches each alternative
 * with a whole name, without its arguments, and drops a matching frame together with all frames
 * that it called. So a function that runs code of the program, such as a constructor, must not be
 * listed here. The list that pprof itself uses for a dump has the bare word `allocate`, but many
 * programs have a function of that name. */
#define POSIX                                                                                   \
	"(malloc|calloc|realloc|reallocarray|free|cfree|memalign|posix_memalign|aligned_alloc|" \
	"valloc|pvalloc|free_sized|free_aligned_sized)"

static const char drop_frames[] = POSIX
	/* glibc */
	"|(__GI_)?__(libc_)?" POSIX
	/* C++ */
	"|operator (new|delete)(\\[\\])?"
	"|__builtin_(vec_)?(new|delete)"
	"|(std|__gnu_cxx)::(__)?new_allocator<.*>::(de)?allocate"
	"|std::(allocator|allocator_traits)<.*>::(de)?allocate"
	"|std::__allocate_guarded<.*>"
	"|std::.*::_M_(allocate|allocate_map|allocate_buckets|get_node|create)"
	/* Rust */
	"|__(rust|rdl|rg)_(alloc|alloc_zeroed|realloc|dealloc)"
	"|alloc::alloc::(alloc|alloc_zeroed|realloc|exchange_malloc|Global::.*)"
	"|<alloc::alloc::Global as core::alloc::Allocator>::.*"
	/* tcmalloc, jemalloc, mimalloc */
	"|tc_(new|delete|newarray|deletearray|" POSIX ")(_.*)?"
	"|tcmalloc::.*|(::)?do_malloc(_no_errno|_pages)?|DoSampledAllocation"
	"|(je_|_rjem_)?(mallocx|rallocx|xallocx|dallocx|sdallocx)"
	"|(je_|_rjem_)" POSIX
	"|je_(prof_backtrace|prof_tctx_create|malloc_default|realloc_hard|.*_slow_path)"
	"|_?mi_(new|zalloc|page_malloc|heap_malloc|" POSIX ")(_.*)?"
	/* frames without a name in these allocators */
	"|lib(jemalloc|tcmalloc|mimalloc)[^/]*\\+0x[0-9a-f]+";

void heap_builder_init(struct heap_builder *builder, struct profile *profile, int64_t interval)
{
	*builder = (struct heap_builder){.profile = profile, .interval = interval};
	builder->bytes_key = profile_intern(profile, "bytes");
	profile_add_sample_type(profile, "alloc_objects", "count");
	profile_add_sample_type(profile, "alloc_space", "bytes");
	profile_add_sample_type(profile, "inuse_objects", "count");
	profile_add_sample_type(profile, "inuse_space", "bytes");
	profile->default_sample_type = profile_intern(profile, "inuse_space");
	profile->period_type.type = profile_intern(profile, "space");
	profile->period_type.unit = profile_intern(profile, "bytes");
	profile->period = interval;
	profile->drop_frames = profile_intern(profile, drop_frames);
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

static uint32_t add_labels(struct heap_builder *builder, const struct heap_counts *counts,
			   const struct profile_label *label)
{
	struct profile_label labels[2];
	size_t n = 0;

	if (label)
		labels[n++] = *label;
	labels[n++] = (struct profile_label){
		.key = builder->bytes_key,
		.number = mean_size(counts),
	};
	return profile_add_labels(builder->profile, labels, n);
}

void heap_builder_add(struct heap_builder *builder, const struct heap_counts *counts,
		      const struct profile_label *label)
{
	struct profile *profile = builder->profile;
	struct heap_counts estimate = *counts;
	struct profile_sample key = {
		.stack = builder->stack,
		.labels = add_labels(builder, counts, label),
	};

	if (unsample(&builder->alloc, builder->interval, &estimate.alloc_objects,
		     &estimate.alloc_bytes) < 0 ||
	    unsample(&builder->inuse, builder->interval, &estimate.inuse_objects,
		     &estimate.inuse_bytes) < 0)
		profile_fail(profile, -EOVERFLOW);
	profile_add_sample(profile, key,
			   (int64_t[]){estimate.alloc_objects, estimate.alloc_bytes,
				       estimate.inuse_objects, estimate.inuse_bytes});
}
