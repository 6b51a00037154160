/* SPDX-License-Identifier: MIT */
/* A reader reads one input format. To add one: a file with a `const struct reader`, and a row in
 * registry.c. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/cursor.h"
#include "base/diag.h"
#include "base/input.h"
#include "model/profile.h"

enum {
	READER_E_UNKNOWN = 16, /* not a known format */
	READER_E_UNSUPPORTED,  /* a known format, or version of one, that is not read */
	READER_E_CORRUPT,      /* not valid in its format, truncated, or damaged */
};

/* No format has a longer line. */
#define READER_HEAD_MAX (1u << 20)

enum probe { /* whether input with this beginning is in a format */
	PROBE_NO,
	PROBE_YES,
	PROBE_UNSURE, /* read a longer beginning; if there is none: no */
	PROBE_LIKELY, /* read a longer beginning; if there is none: yes */
};

struct reader {
	const char *name;    /* --from=NAME */
	const char *summary; /* one line of `pprofconv formats` */

	/* Looks at the first bytes: a few KiB, and up to READER_HEAD_MAX if it is unsure of those.
	 * No side effects. */
	enum probe (*probe)(struct cursor head);

	/* Adds the content of the input to an empty profile, and sets profile.tool if the input
	 * says what wrote it. Returns 0, -errno, INPUT_E_* or READER_E_*, with a message unless
	 * profile_status() has failed. */
	int (*read)(struct profile *profile, struct input *input, struct diag *diag);
};

/* All readers, the most particular format first; ends with NULL. */
extern const struct reader *const readers[];

/* Returns the reader of that name, or NULL. */
const struct reader *reader_find(const char *name);

/* Reads the whole input with `reader`, or, if that is NULL, with the first one whose probe accepts
 * it. Returns 0, or as reader.read; always with a message. The caller frees *out_profile. */
int reader_read(struct profile **out_profile, const struct reader *reader, struct input *input,
		struct diag *diag);

/* Does the same, but leaves a sampled dump's counts as they were taken; profile.kept_interval says
 * so. */
int reader_read_samples(struct profile **out_profile, const struct reader *reader,
			struct input *input, struct diag *diag);
