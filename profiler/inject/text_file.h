/* SPDX-License-Identifier: MIT */
/* The text of a program or a library is mapped from its file. A page that somebody has written to
 * is a copy. */
#pragma once
#include "target/target.h"

enum hp_text_state {
	HP_TEXT_SAME,    /* as its file */
	HP_TEXT_CHANGED, /* a copy with other bytes */
	HP_TEXT_UNKNOWN, /* a copy whose file can't be read, or no file's text */
};

struct hp_text_place { /* where in which file an address is mapped from */
	uint64_t device, inode, offset;
};

/* Sets *out to the file from which the address is mapped, by the target's maps. Returns false if it
 * is not in private text of a file. */
bool hp_text_place_of(const struct hp_target *t, uint64_t address, struct hp_text_place *out);

/* Opens the file from which the address is mapped, for reading. Returns a descriptor; or -1 if the
 * address is not in private text of a file, or the file can't be opened. */
int hp_text_open(const struct hp_target *t, uint64_t address);

/* Compares bytes with those of the file that the kernel says are mapped at this address. */
enum hp_text_state hp_text_compare(struct hp_target *t, uint64_t address, const void *bytes,
				   size_t size);

/* Returns true if the address's page is a private copy that holds the same bytes as its file. */
bool hp_text_is_needless_copy(struct hp_target *t, uint64_t page);
