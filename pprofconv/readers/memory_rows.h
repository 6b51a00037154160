/* SPDX-License-Identifier: MIT */
/* Memory rows are the mappings of a process with their sizes, as the kernel or pmap prints them.
 * They become a profile whose stacks have two frames: the object that is mapped, called by the kind
 * of memory. Permissions and the start of a mapping are labels. Addresses differ from run to run,
 * so no name has one. A mapping without a name gets one from its neighbours, not from its size, so
 * that it keeps its name when it grows. */
#pragma once
#include "base/cursor.h"
#include "base/strtab.h"
#include "model/profile.h"

#define MEMORY_VALUES_MAX 6

struct memory_row {
	uint64_t start, end;
	char permissions[5]; /* such as "rw-p"; pmap's have "-" in place of "p" */
	uint32_t path;       /* in memory_rows.names; 0: nameless */
	int64_t values[MEMORY_VALUES_MAX];
};

/* All zeroes is an empty list. */
struct memory_rows {
	VEC(struct memory_row) rows; /* in the order of their addresses */
	struct strtab names;
};

void memory_rows_deinit(struct memory_rows *rows);

/* The place of a row: the thing that is mapped there. */
struct memory_place {
	const char *kind; /* of memory: constant text */
	char object[512];
	const char *file; /* the whole path, or "" */
};

/* Finds the place of row `i`. A name with a question mark is a guess from where the mapping is. */
void memory_rows_place(const struct memory_rows *rows, size_t i, struct memory_place *out);

/* Takes the line with which the kernel begins a mapping in maps and smaps:
 *
 *	mapping = start "-" end " " permissions offset device inode [ path ]
 *
 * Sets the addresses and permissions of *out, and *out_path. Returns false if it is another line.
 */
bool memory_rows_take_mapping(struct cursor line, struct memory_row *out, struct cursor *out_path);

/* Adds a row. `path` is the name as it is printed. Returns 0, -ENOMEM or -EOVERFLOW. */
int memory_rows_add(struct memory_rows *rows, const struct memory_row *row, struct cursor path);

/* Adds the rows to a profile, whose sample types are those of their values, and drops them. */
void memory_rows_finish(struct memory_rows *rows, struct profile *profile);
