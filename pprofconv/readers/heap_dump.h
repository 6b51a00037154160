/* SPDX-License-Identifier: MIT */
/* A heap dump is a text dump that is being read: header, records, memory map. The functions here
 * read what all formats of this family have in common; each reader defines what its comments mean
 * and how a dump ends. */
#pragma once
#include "base/diag.h"
#include "base/input.h"
#include "model/profile.h"
#include "readers/heap_builder.h"
#include "readers/heap_pools.h"
#include "readers/heap_text.h"
#include "readers/memory_map.h"

struct heap_dump {
	struct profile *profile;
	struct input *input;
	struct diag *diag;
	struct heap_builder builder;
	struct memory_map map;
	bool is_kind_heap; /* the header says "heap", as those of early tcmalloc and of Go do */
	struct heap_header header; /* except its `kind`, whose text is no longer in memory */
	struct heap_counts sums;   /* of all records */
	/* A label of the records that follow, which a reader may set; without a key: none. */
	struct profile_label label;
	struct heap_pools pools;
	/* The last record, until it is known what follows: a line may say that it is a pool's. */
	struct {
		bool is_one;
		bool needs_pool; /* it is of objects */
		struct heap_counts counts;
		struct profile_label label;
		enum heap_memory memory;
		const struct heap_pool *pool;
	} pending;
	/* If true, counts in use may be negative, and there may be bytes in use without objects. A
	 * reader may set this after heap_dump_init(). In a sampled dump it applies only to the
	 * header. */
	bool any_inuse;
	uint64_t n_odd; /* records with such counts */
};

void heap_dump_init(struct heap_dump *dump, struct profile *profile, struct input *input,
		    struct diag *diag);
void heap_dump_deinit(struct heap_dump *dump);

/* Reports that the line that was read last is truncated, if it is; otherwise reports `what` as an
 * error in this line. Returns READER_E_CORRUPT. */
int heap_dump_corrupt(struct heap_dump *dump, const char *what);

/* Reads the first line and sets up the profile. Returns 0, or an error as reader.read() does. */
int heap_dump_read_header(struct heap_dump *dump);

/* Reads the lines up to the title of the memory map, and sets *out_has_map to true. If there is no
 * such title, reads to the end and sets *out_has_map to false. Calls `on_record` before each
 * record, and `on_comment` with the text of each comment, without '#' and the spaces around the
 * text. Both may be NULL. Returns 0, or an error as reader.read() does. If on_comment() returns
 * anything except 0, stops and returns that. */
int heap_dump_read_records(struct heap_dump *dump, void (*on_record)(struct heap_dump *dump),
			   int (*on_comment)(struct heap_dump *dump, struct cursor text),
			   bool *out_has_map);

/* Reads a record of a pool's objects, which a comment contains; its pool must follow. It does not
 * count for the header's totals. Returns 0 or READER_E_CORRUPT, with a message. */
int heap_dump_read_object(struct heap_dump *dump, struct cursor record);

/* Reads the ID of the pool to which the last record belongs. `is_block`: it is a record of
 * malloc's, else one that heap_dump_read_object() read. Returns 0 or READER_E_CORRUPT, with a
 * message. */
int heap_dump_read_pool(struct heap_dump *dump, struct cursor id, bool is_block);

/* Returns 0 if the records add up to the header's totals, so that nothing is missing in the middle;
 * otherwise returns READER_E_CORRUPT, with a message. */
int heap_dump_check_sums(struct heap_dump *dump);
