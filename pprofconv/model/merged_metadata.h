/* SPDX-License-Identifier: MIT */
/* The metadata of a merged profile are comments "KEY: VALUE", as those of one dump. A key has a
 * comment for each different value, up to MERGED_METADATA_MAX. If there are more, they are folded
 * to one comment:
 *
 *	KEY: LOW to HIGH		if all values are numbers, or all are times
 *	run: N different		the runs, whose number is known
 *	KEY: more than 8 different	of other keys
 *
 * The exception is samples_dropped: its numbers are added up. Each form depends only on the dumps
 * that were merged, not on the order or the grouping in which they were. */
#pragma once
#include "base/strtab.h"
#include "model/profile.h"

#define MERGED_METADATA_MAX 8 /* values of one key that are not folded */
#define MERGED_COMMENTS_MAX \
	64 /* comments without a key; beyond it, one says that there were more */

/* Returns whether the value of a comment is folded, and so is not the value of any dump. */
bool merged_metadata_is_folded(const char *value);

/* Returns how many runs a profile was merged from, by its comments: 1 for a dump, 0 if it names no
 * run. */
uint64_t merged_metadata_runs(const struct profile *profile);

enum merged_metadata_kind { /* what all values of a key have in common */
	MERGED_METADATA_TEXTS,
	MERGED_METADATA_NUMBERS,
	MERGED_METADATA_TIMES,
};

struct merged_metadata_key {
	VEC(char *) values; /* different ones; the lowest and the highest if they are folded */
	enum merged_metadata_kind kind;
	bool is_folded;
	uint64_t number; /* of values if the key is run; the sum if it is samples_dropped */
};

/* Metadata that are being merged. All zeroes: none yet. */
struct merged_metadata {
	struct strtab names; /* of the keys; "" is that of comments without a key */
	VEC(struct merged_metadata_key) keys; /* by the numbers of their names */
};

/* Adds the comments of a profile. Returns 0 or a negative errno; call merged_metadata_deinit() on
 * failure too. */
int merged_metadata_add(struct merged_metadata *merged, const struct profile *profile);

/* Adds the merged comments to `to`. Failures are kept in its status. */
void merged_metadata_finish(const struct merged_metadata *merged, struct profile *to);

void merged_metadata_deinit(struct merged_metadata *merged);
