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

/* Each returns NULL, or what is wrong with the line: a constant string. With `any_inuse` the counts
 * in use may have any signs, and there may be bytes without objects. */
const char *heap_text_header(struct cursor line, bool any_inuse, struct heap_header *out_header);
const char *heap_text_counts(struct cursor *line, bool any_inuse, struct heap_counts *out_counts);

/* Reads the counts without an '@' after them. */
const char *heap_text_pairs(struct cursor *line, struct heap_counts *out_counts);

/* Returns whether the first line of `head` is a header of this family. */
bool heap_text_probe(struct cursor head);

/* Moves past the next line and sets *out_line to it, without its end. Returns false, without
 * moving, if the end of the line is not in `head`. */
bool heap_text_next_line(struct cursor *head, struct cursor *out_line);

/* Takes the next address of a record. Returns false at the end of the line and on failure; then the
 * cursor has failed. */
bool heap_text_address(struct cursor *line, uint64_t *out_address);

/* Returns whether the line is blank or a comment. */
bool heap_text_is_comment(struct cursor line);

/* Returns whether the memory map begins after this line. */
bool heap_text_is_map_title(struct cursor line);
