/* SPDX-License-Identifier: MIT */
/* A shared reading is a reading of the target that all requests of about the same moment share,
 * with the pages that were made of it. */
#pragma once
#include <stdint.h>

#include "base/diag.h"
#include "command/find_target.h"
#include "command/serve/serve_http.h"

enum serve_page {
	PAGE_HEAP,      /* a profile whose default sample type is the memory in use */
	PAGE_ALLOCS,    /* the same with allocated memory */
	PAGE_HEAP_TEXT, /* both as text */
	PAGE_ALLOCS_TEXT,
	PAGE_DUMP, /* the dump itself */
	PAGES_N
};

struct serve_reading {
	unsigned n_shares;
	uint64_t read_at;  /* in ms of the monotonic clock: when it had been made */
	uint64_t valid_to; /* until when requests share it */
	struct reading raw;
	struct profile *profile;          /* with names */
	struct http_page *pages[PAGES_N]; /* made when they are asked for; else NULL */
	/* The last difference that was made of this reading, from `base`, for each page. */
	struct {
		struct serve_reading *base;
		struct http_page *page;
	} deltas[PAGES_N];
};

struct serve_source {
	const struct found_target *target;
	const struct settings *settings; /* for names; quiet */
	struct serve_reading *last;
};

/* Returns a share of the last reading or, if that is too old or is `base`, of a new one. `base` may
 * be NULL. The caller drops the share by serve_reading_drop(). Returns NULL with a message in
 * `diag` if the target can't be read. */
struct serve_reading *serve_reading_get(struct serve_source *source,
					const struct serve_reading *base, struct diag *diag);

/* Drops a share; takes NULL. */
void serve_reading_drop(struct serve_reading *reading);
static inline void serve_reading_dropp(struct serve_reading **reading)
{
	serve_reading_drop(*reading);
}

/* Returns a page of the reading, which the reading owns, or NULL if memory is out. */
struct http_page *serve_reading_page(struct serve_reading *reading, enum serve_page kind);

/* Returns the profile of what was allocated since `base`, and of the growth of the memory in use.
 * Does otherwise what serve_reading_page() does. */
struct http_page *serve_reading_delta(struct serve_reading *reading, struct serve_reading *base,
				      enum serve_page kind);

void serve_source_deinit(struct serve_source *source);
