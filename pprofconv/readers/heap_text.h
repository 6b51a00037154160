/* SPDX-License-Identifier: MIT */
/* The grammar that the text dumps of tcmalloc's family share: a header, records of counts and
 * addresses, a memory map. The functions here read one line each. */
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
	struct cursor kind; /* what follows '@', such as heap_v2; empty if nothing does */
	int64_t period;     /* what follows the kind; 0 if nothing does */
};

/* Each returns NULL, or what is wrong with the line: a string that stays. With `any_inuse` the
 * counts in use may have any signs, and bytes without objects. */
const char *heap_text_header(struct cursor line, bool any_inuse, struct heap_header *out_header);
const char *heap_text_counts(struct cursor *line, bool any_inuse, struct heap_counts *out_counts);

/* The same without the '@' behind the counts. */
const char *heap_text_pairs(struct cursor *line, struct heap_counts *out_counts);

/* Whether a file that begins so has a header line of this family. */
bool heap_text_probe(struct cursor head);

/* Moves behind the next line, which is set without its end; false, and nothing moved, if its end is
 * not there. */
bool heap_text_next_line(struct cursor *head, struct cursor *out_line);

/* Takes the next address of a record; false at the end of the line and on failure, which the cursor
 * then tells. */
bool heap_text_address(struct cursor *line, uint64_t *out_address);

/* Whether the line is nothing but a comment or space. */
bool heap_text_is_comment(struct cursor line);

/* Whether the memory map begins behind this line. */
bool heap_text_is_map_title(struct cursor line);
