/* SPDX-License-Identifier: MIT */
#include "dump/dump_pools.h"
#include "tables/pool_names.h"
#include <string.h>

/* Returns the mark of the entry's stack (see frame.h), or 0. */
static uint64_t mark_of(const struct hp_stacks_copy_entry *entry)
{
	uint64_t last = 0;

	if (entry->frames && entry->n_frames > 0)
		last = entry->frames[entry->n_frames - 1];
	return hp_frame_is_pool(last) ? last : 0;
}

enum hp_dump_memory hp_dump_memory_of(const struct hp_stacks_copy_entry *entry)
{
	uint64_t mark = mark_of(entry);

	if (!mark)
		return HP_DUMP_MALLOC;
	return hp_frame_is_pool_block(mark) ? HP_DUMP_POOL_BLOCK : HP_DUMP_POOL_OBJECT;
}

size_t hp_dump_n_addresses(const struct hp_stacks_copy_entry *entry)
{
	return entry->n_frames - (mark_of(entry) != 0);
}

/* Returns true if the entry is printed: see dump_text.c. */
static bool is_shown(const struct hp_dump_content *c, const struct hp_stacks_copy_entry *entry)
{
	return entry->counts.alloc_objects > 0 && hp_stacks_key_level(entry->key) >= c->level;
}

bool hp_dump_has_pools(const struct hp_dump_content *c)
{
	for (size_t i = 0; i < c->n_entries; i++)
		if (mark_of(&c->entries[i]) && is_shown(c, &c->entries[i]))
			return true;
	return false;
}

/* A name that has no number of its own, or that could not be read, is one of the others. */
static uint32_t number_of(const struct hp_stacks_copy_entry *entry)
{
	uint32_t number = hp_frame_pool_name(mark_of(entry));

	return number < HP_POOL_NAMES_MAX ? number : HP_POOL_NAMES_MAX - 1;
}

static void print_number(struct hp_text *t, const char *key, uint32_t number)
{
	hp_text_string(t, "# ");
	hp_text_string(t, key);
	hp_text_string(t, ": ");
	hp_text_decimal(t, number);
}

static void print_pool(struct hp_text *t, const struct hp_dump_content *c, uint32_t number)
{
	struct hp_dump_pool pool;

	if (!c->source->get_pool(c->source, number, &pool))
		pool = (struct hp_dump_pool){"_", "(others)", strlen("(others)")};
	print_number(t, "pools", number);
	hp_text_char(t, ' ');
	hp_text_string(t, pool.kind);
	if (pool.path_size > 0) {
		hp_text_char(t, ' ');
		hp_text_escaped(t, pool.path, pool.path_size, HP_POOL_PATH_MAX);
	}
	hp_text_char(t, '\n');
}

void hp_dump_print_pools(struct hp_text *t, const struct hp_dump_content *c)
{
	uint64_t is_used[HP_POOL_NAMES_MAX / 64] = {0};

	for (size_t i = 0; i < c->n_entries; i++)
		if (mark_of(&c->entries[i]) && is_shown(c, &c->entries[i]))
			is_used[number_of(&c->entries[i]) / 64] |=
				UINT64_C(1) << number_of(&c->entries[i]) % 64;
	for (uint32_t number = 0; number < HP_POOL_NAMES_MAX; number++)
		if (is_used[number / 64] >> number % 64 & 1)
			print_pool(t, c, number);
}

void hp_dump_print_pool_of(struct hp_text *t, const struct hp_stacks_copy_entry *entry)
{
	enum hp_dump_memory memory = hp_dump_memory_of(entry);

	if (memory == HP_DUMP_MALLOC)
		return;
	print_number(t, memory == HP_DUMP_POOL_BLOCK ? "block" : "pool", number_of(entry));
	hp_text_char(t, '\n');
}
