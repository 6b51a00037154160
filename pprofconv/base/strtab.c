/* SPDX-License-Identifier: MIT */
/* The text of the strings is stored in chunks that never move, so pointers to it stay valid. */
#include "base/strtab.h"

#include <string.h>

#include "base/hash.h"

#define CHUNK_SIZE 65536

struct strtab_chunk {
	struct strtab_chunk *next;
	size_t used;
	size_t size;
	char text[];
};

/* Returns room for `size` bytes, in the newest chunk or in a new one, or NULL if memory is out. */
static char *reserve_text(struct strtab *table, size_t size)
{
	struct strtab_chunk *chunk = table->chunks;
	size_t chunk_size = size > CHUNK_SIZE ? size : CHUNK_SIZE;

	if (chunk && chunk->size - chunk->used >= size)
		return chunk->text + chunk->used;
	chunk = malloc(sizeof(*chunk) + chunk_size);
	if (!chunk)
		return NULL;
	*chunk = (struct strtab_chunk){.next = table->chunks, .size = chunk_size};
	table->chunks = chunk;
	return chunk->text;
}

static int store_bytes(struct strtab *table, const char *text, size_t size, uint64_t hash)
{
	char *copy = reserve_text(table, size + 1);

	if (!copy || vec_reserve(&table->entries, 1) < 0 ||
	    index_insert(&table->index, hash, (uint32_t)table->entries.n) < 0)
		return -ENOMEM;
	memcpy(copy, text, size);
	copy[size] = '\0';
	table->chunks->used += size + 1;
	return vec_push(&table->entries, (struct strtab_entry){copy, (uint32_t)size});
}

/* Returns the number of the string with these bytes, or 0 if the table does not have it. */
static uint32_t find_bytes(const struct strtab *table, const char *text, size_t size, uint64_t hash)
{
	struct index_walk walk = index_walk(&table->index, hash);
	uint32_t at;

	while (index_next(&walk, &at)) {
		const struct strtab_entry *entry = &table->entries.items[at];

		if (entry->size == size && memcmp(entry->text, text, size) == 0)
			return at + 1;
	}
	return 0;
}

int strtab_intern(struct strtab *table, const char *text, size_t size, uint32_t *out_id)
{
	uint64_t hash = hash_bytes(0, text, size);
	uint32_t id = size ? find_bytes(table, text, size, hash) : 0;
	int r;

	if (id || !size) {
		*out_id = id;
		return 0;
	}
	if (size >= UINT32_MAX || table->entries.n >= UINT32_MAX - 2)
		return -EOVERFLOW;
	r = store_bytes(table, text, size, hash);
	if (r < 0)
		return r;
	*out_id = (uint32_t)table->entries.n;
	return 0;
}

bool strtab_has(const struct strtab *table, const char *text, size_t size)
{
	return !size || find_bytes(table, text, size, hash_bytes(0, text, size));
}

void strtab_deinit(struct strtab *table)
{
	while (table->chunks) {
		struct strtab_chunk *chunk = table->chunks;

		table->chunks = chunk->next;
		free(chunk);
	}
	vec_deinit(&table->entries);
	index_deinit(&table->index);
}
