/* SPDX-License-Identifier: MIT */
/* The recorder of pools handles an object of a pool from the hook on, as recorder.h does with a
 * block from malloc: it decides whether to sample the object, walks the stack, and counts the
 * object in a record, whose stack ends with a mark of the pool. Objects are parts of blocks: they
 * are not counted as allocated bytes of the program, and no dump is written because of them.
 *
 * The functions may be called from any thread, with hp_tls.in_hook set. */
#pragma once
#include "base/tls.h"
#include "tables/pool_names.h"
#include "unwind/unwind.h"

/* Counts `size` bytes of objects, as hp_recorder_count() does with those of malloc. */
static inline bool hp_pool_recorder_count(size_t size)
{
	bool is_due;

	__asm__("subq %[size], %[left]"
		: "=@ccbe"(is_due), [left] "+m"(hp_tls.objects_left)
		: [size] "r"(size));
	if (__builtin_expect(is_due, false))
		__asm__("addq %[size], %[left]"
			: [left] "+m"(hp_tls.objects_left)
			: [size] "r"(size)
			: "cc");
	return is_due;
}

/* Call it on the slow path, for an object that was not counted. Samples it if a mark is on it. */
void hp_pool_recorder_allocated(const struct hp_pool_kind *kind, const void *pool, void *object,
				size_t size, const struct hp_site *site);

/* Counts an object as freed, if it was sampled. */
void hp_pool_recorder_freeing(void *object);

/* Counts all sampled objects of a pool as freed. */
void hp_pool_recorder_resetting(const void *pool);

/* Marks a block from malloc, if it was sampled, as one of the pool's. */
void hp_pool_recorder_block(const struct hp_pool_kind *kind, const void *pool, void *block);
