/* SPDX-License-Identifier: MIT */
#include "record/pool_marks.h"
#include "base/tls.h"
#include "process/modules.h"
#include "tables/pool_names.h"

enum {
	N_LOOKED_AT = 4, /* innermost frames; between a pool's code and malloc are few functions */
};

/* The first range of a kind's code works for the pool that the thread has entered. */
static const void *pool_of_range(const struct hp_pool_kind *kind, uint32_t range)
{
	return range == 0 && hp_tls.pool_class == kind->class ? hp_tls.pool : NULL;
}

/* Returns the return address of a frame. In a library that was opened at run time, a frame is an
 * offset; the walker remembers the addresses of its last walk, unless the walk was odd. */
static uintptr_t address_of(const struct hp_walker *walker, size_t i)
{
	uint64_t frame = walker->frames[i];

	if (i < walker->n_steps && walker->steps[i].frame == frame)
		return walker->steps[i].pc;
	return hp_frame_module(frame) == HP_MODULE_PERMANENT ? hp_frame_pc(frame) : 0;
}

size_t hp_pool_marks_block(const struct hp_walker *walker, size_t n)
{
	if (!hp_pool_names_has_kinds())
		return n;
	for (size_t i = 0; i < n && i < N_LOOKED_AT; i++) {
		uint32_t range;
		const struct hp_pool_kind *kind =
			hp_pool_names_kind_at(address_of(walker, i), &range);

		if (kind) {
			uint32_t name = hp_pool_names_number(kind, pool_of_range(kind, range));

			walker->frames[n] = hp_frame_of_pool(name, true /* a block */);
			return n + 1;
		}
	}
	return n;
}
