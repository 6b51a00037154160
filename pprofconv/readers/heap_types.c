/* SPDX-License-Identifier: MIT */
#include "readers/heap_types.h"

#include <stdio.h>

#define TYPE_MAX 64

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
	/* inline functions of heapprof_pool.h and the adaptors, in a program with debug information
	 */
	"|heapprof_(pool_alloc|talloc_made)"
	/* frames without a name in these allocators */
	"|lib(jemalloc|tcmalloc|mimalloc)[^/]*\\+0x[0-9a-f]+";

size_t heap_types_add(struct profile *profile, const char *what)
{
	char objects[TYPE_MAX], space[TYPE_MAX];
	size_t first;

	snprintf(objects, sizeof(objects), "%s_objects", what);
	snprintf(space, sizeof(space), "%s_space", what);
	first = profile_add_sample_type(profile, objects, "count");
	profile_add_sample_type(profile, space, "bytes");
	profile->default_sample_type = profile_intern(profile, space);
	return first;
}

void heap_types_set_exact(struct profile *profile)
{
	profile->period_type.type = profile_intern(profile, "space");
	profile->period_type.unit = profile_intern(profile, "bytes");
	profile->period = 1;
	heap_types_drop_allocators(profile);
}

void heap_types_drop_allocators(struct profile *profile)
{
	profile->drop_frames = profile_intern(profile, drop_frames);
}
