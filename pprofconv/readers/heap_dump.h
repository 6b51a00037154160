/* SPDX-License-Identifier: MIT */
/* A heap dump is a text dump that is being read: header, records, memory map. The functions here do
 * what all formats of this family have in common; each reader defines what its comments mean and
 * how a dump ends. */
#pragma once
#include "base/diag.h"
#include "base/input.h"
#include "model/profile.h"
#include "readers/heap_builder.h"
#include "readers/heap_text.h"
#include "readers/memory_map.h"

struct heap_dump {
	struct profile *profile;
	struct input *input;
	struct diag *diag;
	struct heap_builder builder;
	struct memory_map map;
	bool is_kind_heap;         /* written by the first tcmalloc, and by Go */
	struct heap_header header; /* except its kind, whose text is gone with its line */
	struct heap_counts sums;   /* of all records */
	/* Allows counts in use that are negative, or bytes without objects. May be set after
	 * heap_dump_init(); has no effect on a sampled dump. */
	bool any_inuse;
	uint64_t n_odd; /* records with such counts */
};

void heap_dump_init(struct heap_dump *dump, struct profile *profile, struct input *input,
		    struct diag *diag);
void heap_dump_deinit(struct heap_dump *dump);

/* Reports `what` as wrong with the line that was read last, or that this line was truncated, if it
 * was. Returns READER_E_CORRUPT. */
int heap_dump_corrupt(struct heap_dump *dump, const char *what);

/* Reads the first line and sets up the profile. Returns as reader.read. */
int heap_dump_read_header(struct heap_dump *dump);

/* Reads the lines up to the title of the memory map, or to the end if there is none: sets
 * *out_has_map. Calls `on_record`, unless it is NULL, before each record, and `on_comment`, unless
 * it is NULL, with the text of each comment, without '#' and spaces; a result other than 0 of that
 * ends the reading and is returned. */
int heap_dump_read_records(struct heap_dump *dump, void (*on_record)(struct heap_dump *dump),
			   int (*on_comment)(struct heap_dump *dump, struct cursor text),
			   bool *out_has_map);

/* Returns 0 if the records add up to the header's totals, so that nothing is missing in the middle;
 * else READER_E_CORRUPT with a message. */
int heap_dump_check_sums(struct heap_dump *dump);
