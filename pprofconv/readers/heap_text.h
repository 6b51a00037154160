/* SPDX-License-Identifier: MIT */
/* heap_text reads the grammar that the text dumps of tcmalloc's family share: a header, records of
 * counts and addresses, a memory map. Each function reads one line. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"

struct heap_counts {
	int64_t inuse_objects;
	int64_t inuse_bytes;
	int64_t alloc_objects;
	int64_t alloc_bytes;
};

struct heap_header {
	struct heap_counts totals;
	struct cursor kind; /* the word after '@', such as heap_v2; may be empty */
	int64_t period;     /* the number after the kind; 0 if there is none */
};

/* These two functions read a header and the counts of a record. Each returns NULL, or a constant
 * string that says what is wrong with the line. If `any_inuse` is true, the counts in use may have
 * any signs, and there may be bytes in use without objects. */
const char *heap_text_header(struct cursor line, bool any_inuse, struct heap_header *out_header);
const char *heap_text_counts(struct cursor *line, bool any_inuse, struct heap_counts *out_counts);

/* Same as heap_text_counts() with false for `any_inuse`, but reads counts that have no '@' after
 * them. */
const char *heap_text_pairs(struct cursor *line, struct heap_counts *out_counts);

/* Returns whether the first line of `head` is a header of this family. */
bool heap_text_probe(struct cursor head);

/* Takes the next line, sets *out_line to the line without its line end, and returns true. If the
 * end of the line is not in `head`, takes nothing and returns false. */
bool heap_text_next_line(struct cursor *head, struct cursor *out_line);

/* Takes the next address of a record, sets *out_address to it and returns true. Returns false at
 * the end of the line, and on failure, which sets line->failed. */
bool heap_text_address(struct cursor *line, uint64_t *out_address);

/* Returns whether the line is blank or a comment. */
bool heap_text_is_comment(struct cursor line);

/* Returns whether the memory map begins after this line. */
bool heap_text_is_map_title(struct cursor line);
