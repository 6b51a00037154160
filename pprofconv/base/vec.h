/* SPDX-License-Identifier: MIT */
/* VEC(type) is a growing array of any type, as in VEC(struct sample) samples. All zeroes is an
 * empty array. Items move when the array grows, so keep indexes, not pointers. */
#pragma once
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/huge_alloc.h"

#define VEC(type)                \
	struct {                 \
		type *items;     \
		size_t n;        \
		size_t capacity; \
	}

/* Makes room for `extra` more items. Gives 0, or -ENOMEM, which leaves the vector unchanged. */
#define vec_reserve(vec, extra)                                                             \
	((vec)->capacity - (vec)->n >= (extra) ? 0 : ({                                     \
		void *grown_ = vec_grow_((vec)->items, (vec)->n, &(vec)->capacity, (extra), \
					 sizeof(*(vec)->items));                            \
		if (grown_)                                                                 \
			(vec)->items = grown_;                                              \
		grown_ ? 0 : -ENOMEM;                                                       \
	}))

/* Adds one item at the end. Gives 0, or -ENOMEM, which leaves the vector unchanged. */
#define vec_push(vec, ...) \
	(vec_reserve(vec, 1) ? -ENOMEM : ((vec)->items[(vec)->n++] = (__VA_ARGS__), 0))

/* Adds `count` items, copied from `source`. Gives 0, or -ENOMEM, which leaves the vector
 * unchanged. */
#define vec_append(vec, source, count)                                                             \
	(vec_reserve(vec, count)                                                                   \
		 ? -ENOMEM                                                                         \
		 : (vec_copy_(vec_from(vec, (vec)->n), (source), (count) * sizeof(*(vec)->items)), \
		    (vec)->n += (count), 0))

#define vec_foreach(item, vec)                                                 \
	for (__typeof__(*(vec)->items) *item = (vec)->items,                   \
				       *item##_end_ = vec_from(vec, (vec)->n); \
	     item != item##_end_; item++)

/* A pointer to the item at index `first`, which may be the index after the last item; or NULL if
 * the vector never had an item. */
#define vec_from(vec, first) ((vec)->items ? (vec)->items + (first) : NULL)

/* Frees the items and leaves an empty vector. */
#define vec_deinit(vec)                         \
	do {                                    \
		free((vec)->items);             \
		(vec)->items = NULL;            \
		(vec)->n = (vec)->capacity = 0; \
	} while (0)

static inline void vec_copy_(void *to, const void *from, size_t size)
{
	if (size) {
		assert(to && from);
		memcpy(to, from, size);
	}
}

/* Grows the array by half, or more if `extra` items need more. Returns the new array. If memory is
 * out or a size overflows, returns NULL and leaves everything unchanged. */
static inline void *vec_grow_(void *items, size_t n, size_t *capacity, size_t extra,
			      size_t item_size)
{
	size_t wanted, at_least, bytes;
	void *grown;

	if (__builtin_add_overflow(n, extra, &at_least))
		return NULL;
	if (__builtin_add_overflow(n, n / 2 + 8, &wanted) || wanted < at_least)
		wanted = at_least;
	if (__builtin_mul_overflow(wanted, item_size, &bytes))
		return NULL;
	grown = huge_alloc_realloc(items, n * item_size, bytes);
	if (grown)
		*capacity = wanted;
	return grown;
}
