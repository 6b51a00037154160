/* SPDX-License-Identifier: MIT */
/* A strtab is a table that stores each distinct string once and gives it a number. Number 0 is
 * always "". All zeroes is a table without other strings. Strings may hold any byte; a NUL follows
 * each string. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/index.h"
#include "base/vec.h"

struct strtab_entry {
	const char *text;
	uint32_t size;
};

struct strtab_chunk;

struct strtab {
	struct strtab_chunk *chunks;      /* the text; the newest first */
	VEC(struct strtab_entry) entries; /* the strings from number 1 on */
	struct index index;
};

/* Sets *out_id to the number of the string of `size` bytes at `text`. A new string is copied.
 * Returns 0; -ENOMEM; or -EOVERFLOW if the size of a string or the number of strings exceeds 32
 * bits. */
int strtab_intern(struct strtab *table, const char *text, size_t size, uint32_t *out_id);

/* Returns whether the table holds the string of `size` bytes at `text`. */
bool strtab_has(const struct strtab *table, const char *text, size_t size);

/* Returns the text of the string with the number `id`, which must come from this table. The text is
 * valid until strtab_deinit(). */
static inline const char *strtab_text(const struct strtab *table, uint32_t id)
{
	return id ? table->entries.items[id - 1].text : "";
}

static inline size_t strtab_size(const struct strtab *table, uint32_t id)
{
	return id ? table->entries.items[id - 1].size : 0;
}

/* Returns how many strings there are, including number 0. */
static inline size_t strtab_count(const struct strtab *table)
{
	return table->entries.n + 1;
}

void strtab_deinit(struct strtab *table);
