/* SPDX-License-Identifier: MIT */
/* A loss record is what valgrind's memcheck says of the blocks that one stack allocated and that
 * are in use at a search for leaks. The text log and the XML have the same headline for it. The
 * indirect part of a record is what only its blocks lead to; these blocks have records of their
 * own, so only the direct part counts. */
#pragma once
#include "base/cursor.h"
#include "model/profile.h"
#include "readers/named_stack.h"

enum leak_kind {
	LEAK_DEFINITE,
	LEAK_INDIRECT,
	LEAK_POSSIBLE,
	LEAK_REACHABLE,
	LEAK_KINDS,
};

struct leak_counts {
	int64_t bytes, blocks;
};

struct loss_record {
	enum leak_kind kind;
	struct leak_counts direct;
	int64_t bytes;   /* with the indirect ones */
	uint64_t number; /* of the record in its search, from 1 */
};

/* A search for leaks that is being read into a profile of its own. */
struct leak_search {
	struct profile *profile;
	struct named_stack stack;
	struct leak_counts shown[LEAK_KINDS]; /* sums of the records */
	uint64_t n_records;
};

/* How the summary of memcheck's log names a kind, as in "definitely lost". */
extern const char *const leak_kind_names[LEAK_KINDS];

/* amount = digit { digit | "," } [ " (" ("+"|"-") digits ")" ]: a number, and by how much it has
 * changed since the search before. Sets `failed` of `text` as the functions of a cursor do. Sets
 * *out_is_change if it isn't NULL and there is such a change. */
int64_t memcheck_take_amount(struct cursor *text, bool *out_is_change);

/* record = amount [ " (" amount " direct, " amount " indirect)" ] " bytes in " amount
 * " blocks are " kind " in " [ "new " ] "loss record " number " of " number
 * Returns false if the text is not the headline of a record. */
bool memcheck_take_record(struct cursor text, struct loss_record *out_record);

/* The profile must be empty; the search doesn't own it. */
void leak_search_init(struct leak_search *search, struct profile *profile);
void leak_search_deinit(struct leak_search *search);

/* Adds a record, whose frames have been added to the stack. */
void leak_search_add(struct leak_search *search, const struct loss_record *record);
