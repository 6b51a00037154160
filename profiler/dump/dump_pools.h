/* SPDX-License-Identifier: MIT */
/* The comment lines of a dump about pools; dump_text.c defines the format. These functions take no
 * lock and allocate nothing. */
#pragma once
#include "dump/dump_text.h"

enum hp_dump_memory {
	HP_DUMP_MALLOC,
	HP_DUMP_POOL_BLOCK,  /* from malloc, for a pool */
	HP_DUMP_POOL_OBJECT, /* a part of a block: not in the totals */
};

enum hp_dump_memory hp_dump_memory_of(const struct hp_stacks_copy_entry *entry);

/* Returns the number of return addresses of an entry's stack, without the mark of a pool. */
size_t hp_dump_n_addresses(const struct hp_stacks_copy_entry *entry);

/* Returns true if any entry that is printed belongs to a pool. */
bool hp_dump_has_pools(const struct hp_dump_content *content);

/* Prints the names of the pools that entries belong to, a line each. */
void hp_dump_print_pools(struct hp_text *t, const struct hp_dump_content *content);

/* Prints the line that follows an entry of a pool; nothing for others. */
void hp_dump_print_pool_of(struct hp_text *t, const struct hp_stacks_copy_entry *entry);
