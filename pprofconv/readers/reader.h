/* SPDX-License-Identifier: MIT */
/* Input formats: a row for each. To add one: a file with a `const struct reader`, a row in
 * registry.c. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/cursor.h"
#include "base/diag.h"
#include "base/input.h"
#include "model/profile.h"

enum {
	READER_E_UNKNOWN = 16, /* no format that we know */
	READER_E_UNSUPPORTED,  /* known, but not read, or of a version that is not */
	READER_E_CORRUPT,      /* not what its format asks for, cut short, or damaged */
};

/* A longer line is in no format. */
#define READER_HEAD_MAX (1u << 20)

enum probe { /* whether input that begins so is meant to be in a format */
	PROBE_NO,
	PROBE_YES,
	PROBE_UNSURE, /* a longer beginning would tell; where there is none, no */
	PROBE_LIKELY, /* the same; where there is none, yes */
};

struct reader {
	const char *name;    /* --from=NAME */
	const char *summary; /* one line of `pprofconv formats` */

	/* Looks at the first bytes: a few KiB, and up to READER_HEAD_MAX where those leave it
	 * unsure. No side effects. */
	enum probe (*probe)(struct cursor head);

	/* Adds what the input holds to an empty profile, and sets profile.tool if it tells. 0,
	 * -errno, INPUT_E_* or READER_E_*, with a message unless it is profile_status() that
	 * failed. */
	int (*read)(struct profile *profile, struct input *input, struct diag *diag);
};

/* The formats, most particular first; ends with NULL. */
extern const struct reader *const readers[];

/* The row of that name, or NULL. */
const struct reader *reader_find(const char *name);

/* Reads the whole input with `reader`, or the first one whose probe takes it if that is NULL. The
 * caller frees *out_profile. 0, or as reader.read; always with a message. */
int reader_read(struct profile **out_profile, const struct reader *reader, struct input *input,
		struct diag *diag);

/* The same, but a sampled dump's counts stay as they were taken; profile.kept_interval says so. */
int reader_read_samples(struct profile **out_profile, const struct reader *reader,
			struct input *input, struct diag *diag);
