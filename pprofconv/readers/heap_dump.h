/* SPDX-License-Identifier: MIT */
/* A text dump while it is being read: header, records, memory map. What the formats of this family
 * do alike is here; each of them says what its comments mean and how it ends. */
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
	bool is_kind_heap;         /* as the first tcmalloc wrote, and Go does */
	struct heap_header header; /* but for its kind, which is gone with its line */
	struct heap_counts sums;   /* of all records */
	/* Whether what is in use may be less than nothing, or bytes without objects. May be set
	 * after heap_dump_init(); does not count for a sampled dump. */
	bool any_inuse;
	uint64_t n_odd; /* records that are so */
};

void heap_dump_init(struct heap_dump *dump, struct profile *profile, struct input *input,
		    struct diag *diag);
void heap_dump_deinit(struct heap_dump *dump);

/* Notes what is wrong with the line that was read last, or that it was cut short if it was. Returns
 * READER_E_CORRUPT. */
int heap_dump_corrupt(struct heap_dump *dump, const char *what);

/* The first line; sets up the profile. */
int heap_dump_read_header(struct heap_dump *dump);

/* The lines up to the memory map's title, or to the end if there is none: sets *out_has_map.
 * `on_record`, unless that is NULL, is called before each record is read, and `on_comment` with
 * comments, without '#' and spaces; it returns 0 or what is to be returned here. */
int heap_dump_read_records(struct heap_dump *dump, void (*on_record)(struct heap_dump *dump),
			   int (*on_comment)(struct heap_dump *dump, struct cursor text),
			   bool *out_has_map);

/* Where the header's totals are the sums of the records, nothing can be missing from the middle: 0,
 * or READER_E_CORRUPT with a message. */
int heap_dump_check_sums(struct heap_dump *dump);
