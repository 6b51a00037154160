/* SPDX-License-Identifier: MIT */
#include "hooks/trampolines.h"
#include "hooks/next_alloc.h"
#include "hooks/next_jemalloc.h"
#include <string.h>

void *hp_trampolines[HP_ATTACHED_N_FUNCTIONS];
struct hp_next_alloc hp_next;
struct hp_next_jemalloc hp_next_jemalloc;

/* Where a trampoline is stored in one of the structs by which the hooks of interpose.c and
 * interpose_jemalloc.c call it. */
static const struct {
	enum hp_attached_function function;
	void *pointer;
} pointers[] = {
	{HP_ATTACHED_MALLOC, &hp_next.malloc},
	{HP_ATTACHED_FREE, &hp_next.free},
	{HP_ATTACHED_CALLOC, &hp_next.calloc},
	{HP_ATTACHED_REALLOC, &hp_next.realloc},
	{HP_ATTACHED_POSIX_MEMALIGN, &hp_next.posix_memalign},
	{HP_ATTACHED_MEMALIGN, &hp_next.memalign},
	{HP_ATTACHED_ALIGNED_ALLOC, &hp_next.aligned_alloc},
	{HP_ATTACHED_VALLOC, &hp_next.valloc},
	{HP_ATTACHED_PVALLOC, &hp_next.pvalloc},
	{HP_ATTACHED_MALLOCX, &hp_next_jemalloc.mallocx},
	{HP_ATTACHED_RALLOCX, &hp_next_jemalloc.rallocx},
	{HP_ATTACHED_XALLOCX, &hp_next_jemalloc.xallocx},
	{HP_ATTACHED_DALLOCX, &hp_next_jemalloc.dallocx},
	{HP_ATTACHED_SDALLOCX, &hp_next_jemalloc.sdallocx},
};

/* A form of operator new that throws, and what its hook may call instead. */
static const struct {
	enum hp_attached_function form, quiet, plain;
} throwing[] = {
	{HP_ATTACHED_NEW, HP_ATTACHED_NEW_NOTHROW, HP_ATTACHED_MALLOC},
	{HP_ATTACHED_NEW_ARRAY, HP_ATTACHED_NEW_ARRAY_NOTHROW, HP_ATTACHED_MALLOC},
	{HP_ATTACHED_NEW_ALIGNED, HP_ATTACHED_NEW_ALIGNED_NOTHROW, HP_ATTACHED_MEMALIGN},
	{HP_ATTACHED_NEW_ARRAY_ALIGNED, HP_ATTACHED_NEW_ARRAY_ALIGNED_NOTHROW,
	 HP_ATTACHED_MEMALIGN},
};

bool hp_trampolines_are_enough(const uint64_t t[HP_ATTACHED_N_FUNCTIONS])
{
	bool are_enough = t[HP_ATTACHED_MALLOC] && t[HP_ATTACHED_FREE] && t[HP_ATTACHED_CALLOC] &&
			  t[HP_ATTACHED_REALLOC];

	for (size_t i = 0; i < sizeof(throwing) / sizeof(throwing[0]); i++)
		are_enough = are_enough &&
			     (!t[throwing[i].form] || t[throwing[i].quiet] || t[throwing[i].plain]);
	return are_enough;
}

void hp_trampolines_set(const uint64_t t[HP_ATTACHED_N_FUNCTIONS])
{
	memcpy(hp_trampolines, t, sizeof(hp_trampolines));
	for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++)
		memcpy(pointers[i].pointer, &hp_trampolines[pointers[i].function], sizeof(void *));
}

/* --- there is no boot buffer --------------------------------------------------------------- */

bool hp_next_alloc_is_boot(const void *p)
{
	return false;
}

void *hp_next_alloc_realloc_boot(void *p, size_t size)
{
	return hp_next.realloc(p, size);
}

size_t hp_next_alloc_boot_size(const void *p)
{
	return 0;
}
