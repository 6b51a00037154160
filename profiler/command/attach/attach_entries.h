/* SPDX-License-Identifier: MIT */
/* Finds the allocator of a process, and the entries of its functions that are to be patched.
 *
 * The allocator is the library, or the program, whose malloc() the process calls: the first one in
 * the loader's order that exports it. A program may have one of its own under names that its
 * libraries do not find: it does not export them, so that only the table of symbols in its file
 * shows them, or they have a prefix, as je_malloc. Then it is that one, and what is allocated by
 * another one is not recorded. */
#pragma once
#include <stdbool.h>

#include "control/attached.h"
#include "inject/image.h"
#include "target/target.h"

struct attach_entries {
	bool has_library; /* the allocator is libheapprof, which was there from the start */
	struct hp_image allocator;
	const char *own_prefix; /* of the names of an allocator that only the program calls; NULL:
				   it is everybody's */
	uint64_t at[HP_ATTACHED_N_FUNCTIONS];   /* addresses; 0: not there, or another name of the
						   address of an earlier one */
	uint64_t size[HP_ATTACHED_N_FUNCTIONS]; /* of the functions, as their symbols say */
};

/* Returns the name of a function, as the library exports it, and the allocator but for a prefix. */
const char *attach_entry_name(size_t function);

/* Finds the allocator and its entries. The threads may run. Returns 0 or HP_TARGET_E. */
int attach_entries_find(struct hp_target *t, struct attach_entries *out);
