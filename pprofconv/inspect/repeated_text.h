/* SPDX-License-Identifier: MIT */
/* Repeated texts are the strings that occur most often in memory. A string is a run of printable
 * ASCII characters. The table's size is bounded: when it is full, it drops what has occurred least,
 * so counts are lower bounds. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

enum {
	REPEATED_TEXT_MIN = 8,    /* characters; shorter runs are mostly no text */
	REPEATED_TEXT_SHOWN = 63, /* characters that are kept */
};

struct repeated_text {
	uint64_t hash;
	uint64_t count; /* 0: an empty slot */
	uint64_t size;  /* of the whole string */
	char text[REPEATED_TEXT_SHOWN + 1];
};

struct repeated_texts;

/* Returns an empty table, or NULL if memory is out. */
struct repeated_texts *repeated_texts_new(void);
void repeated_texts_free(struct repeated_texts *texts); /* takes NULL */
DEFINE_CLEANUP(struct repeated_texts *, repeated_texts_free)

/* Adds the strings in a piece of memory. A string that crosses the end of a piece counts as two. */
void repeated_texts_add(struct repeated_texts *texts, const char *bytes, size_t size);

/* Sets `out` to the strings that occurred at least twice and take the most bytes together, at most
 * `max` of them, the first first. Returns how many these are. */
size_t repeated_texts_top(const struct repeated_texts *texts, struct repeated_text *out,
			  size_t max);
