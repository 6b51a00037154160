/* SPDX-License-Identifier: MIT */
#include "base/huge_alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

/* Returns memory that begins and ends at the boundaries of huge pages, or NULL if memory is out.
 * The kernel may still use small pages. */
static void *alloc_huge(size_t size)
{
	void *memory;

	if (__builtin_add_overflow(size, HUGE_PAGE - 1, &size))
		return NULL;
	size &= ~(HUGE_PAGE - 1);
	if (size > PTRDIFF_MAX) /* malloc()'s limit; sanitizers report such a call as an error */
		return NULL;
	memory = aligned_alloc(HUGE_PAGE, size);
	if (memory)
		madvise(memory, size, MADV_HUGEPAGE);
	return memory;
}

void *huge_alloc_calloc(size_t n, size_t size)
{
	size_t n_bytes;
	void *memory;

	if (__builtin_mul_overflow(n, size, &n_bytes))
		return NULL;
	if (n_bytes < HUGE_PAGE)
		return calloc(n, size);
	memory = alloc_huge(n_bytes);
	return memory ? memset(memory, 0, n_bytes) : NULL;
}

void *huge_alloc_realloc(void *memory, size_t n_used, size_t size)
{
	void *grown;

	if (size < HUGE_PAGE)
		return realloc(memory, size);
	grown = alloc_huge(size);
	if (grown && n_used)
		memcpy(grown, memory, n_used);
	if (grown)
		free(memory);
	return grown;
}
