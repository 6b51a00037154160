/* SPDX-License-Identifier: MIT */
/* Pools are arenas of the program's own: see heapprof_pool.h. A kind is what is known of all pools
 * of one class. A name is a kind and a path, such as "Top/Cache/Plan"; it has a number, by which
 * stacks refer to it (see frame.h). Kinds and names are never removed, because dumps read them
 * without a lock; their numbers are limited.
 *
 * Any thread, from within a hook; may allocate: no. */
#pragma once
#include "base/view.h"
#include <stdbool.h>

enum {
	HP_POOL_KINDS_MAX = 16,
	HP_POOL_RANGES_MAX = 8,
	HP_POOL_NAMES_MAX = 4096, /* the last one stands for all that have no room */
	HP_POOL_PATH_MAX = 500,   /* bytes of a path; the rest is cut off */
	HP_POOL_NAMES_A_PIECE = 32,
};

struct hp_pool_kind {
	const void *class;
	char word[32]; /* ended by a NUL: letters, digits, '_', '-' and '.' */
	size_t (*describe)(const void *pool, char *name, size_t size); /* or NULL */
	uint32_t skip; /* how many innermost frames are left out of a stack */
	uint32_t n_ranges;
	struct {
		uintptr_t start, end;
	} ranges[HP_POOL_RANGES_MAX]; /* code that calls malloc for pools */
};

struct hp_pool_name {
	uint32_t hash;
	uint16_t size; /* bytes of the path */
	uint8_t kind;
	char path[HP_POOL_PATH_MAX + 5]; /* not ended by a NUL; may hold any bytes */
};

/* Adds a kind, or replaces what is known of this class. `kind->word` may hold any bytes. Returns
 * false if there is no room. */
bool hp_pool_names_add_kind(const struct hp_pool_kind *kind);

/* Returns the kind of a class, or NULL if it is not known. */
const struct hp_pool_kind *hp_pool_names_kind_of(const void *class);

/* Returns the first kind that has the return address `pc` in one of its ranges, and sets *out_range
 * to the number of the range. Returns NULL if there is none. */
const struct hp_pool_kind *hp_pool_names_kind_at(uintptr_t pc, uint32_t *out_range);

/* Returns true if there is a kind. */
bool hp_pool_names_has_kinds(void);

/* Describes the pool, and returns the number of its name, which is added if it is new. `pool` may
 * be NULL: the path is then empty. Takes no lock while it describes. */
uint32_t hp_pool_names_number(const struct hp_pool_kind *kind, const void *pool);

/* Returns the name with this number, or NULL if there is none. Sets *out_word to its kind's. */
const struct hp_pool_name *hp_pool_names_get(uint32_t number, const char **out_word);

void hp_pool_names_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_pool_names_view[9];
