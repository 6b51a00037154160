/* SPDX-License-Identifier: MIT */
/* Makes the N-th allocation of the test program fail. Needs no_memory_dep, which wraps malloc(),
 * calloc() and realloc(). */
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "test.h"

static long countdown = -1; /* allocations until one fails; none fails if this is negative */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool is_due(void)
{
	return countdown >= 0 && countdown-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return is_due() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return is_due() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return is_due() ? NULL : __real_realloc(old, size);
}

/* Calls `work` while the N-th allocation fails, for N = 1, 2, 3, ... until none fails. `work` must
 * return -ENOMEM, or 0 if it did not need that allocation. */
static inline void check_no_memory(int (*work)(void))
{
	long n = 0;

	do {
		int r;

		countdown = n++;
		r = work();
		if (countdown >= 0) /* no allocation failed */
			CHECK_INT_EQ(r, 0);
		else if (r)
			CHECK_INT_EQ(r, -ENOMEM);
		countdown = countdown >= 0 ? -2 : -1;
	} while (countdown != -2);
	countdown = -1;
	CHECK(n > 10);
}
