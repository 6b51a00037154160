/* SPDX-License-Identifier: MIT */
/* A reader reads one input format. To add a reader, write a file with a `const struct reader` and
 * add a row to the table in registry.c. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/cursor.h"
#include "base/diag.h"
#include "base/input.h"
#include "model/profile.h"

enum {
	READER_E_UNKNOWN = 16, /* not a known format */
	READER_E_UNSUPPORTED,  /* a known format, or version of a format, that is not supported */
	READER_E_CORRUPT,      /* not valid in its format, truncated, or damaged */
};

/* The longest head that a probe gets. Lines may be longer, up to INPUT_LINE_MAX. */
#define READER_HEAD_MAX (1u << 20)

enum probe { /* whether an input is in a format, judging by its beginning */
	PROBE_NO,
	PROBE_YES,
	PROBE_UNSURE, /* a longer beginning is needed; if there is none: no */
	PROBE_LIKELY, /* a longer beginning is needed; if there is none: yes */
};

/* Whose files a reader reads: the groups of `pprofconv formats`. */
enum reader_group {
	READER_PROFILERS, /* profilers of the heap, sampling or exact */
	READER_LEAKS,     /* tools that look for leaks */
	READER_MEMORY,    /* what the kernel knows of a process's memory */
	READER_GENERAL,   /* formats of many tools */
	READER_GROUPS,    /* their number */
};

struct reader {
	const char *name;    /* --from=NAME */
	const char *summary; /* one line of `pprofconv formats` */
	enum reader_group group;
	const char *made_by; /* the command that makes such a file, or NULL */

	/* Looks at the first few KiB of an input, and is called with more, up to READER_HEAD_MAX,
	 * if the answer is PROBE_UNSURE or PROBE_LIKELY. Has no side effects. */
	enum probe (*probe)(struct cursor head);

	/* Adds the content of the input to an empty profile, and sets profile.tool if the input
	 * says what wrote it. Returns 0; or -errno, INPUT_E_* or READER_E_* with a message in
	 * `diag`. A failure of profile_status() has no message; the caller checks it. */
	int (*read)(struct profile *profile, struct input *input, struct diag *diag);
};

/* All readers, with NULL at the end. The reader of a more specific format comes first. */
extern const struct reader *const readers[];

/* Returns the reader with this name, or NULL if there is none. */
const struct reader *reader_find(const char *name);

/* Reads the whole input with `reader`, or, if that is NULL, with the first reader whose probe
 * accepts it. Returns 0 and sets *out_profile, which the caller frees; or returns an error as
 * reader.read() does, or READER_E_UNKNOWN. Every error has a message in `diag`. */
int reader_read(struct profile **out_profile, const struct reader *reader, struct input *input,
		struct diag *diag);

/* What of an input is read, and how. */
struct reader_wish {
	const struct reader *reader; /* NULL: found by content */
	uint64_t report;             /* of a log with several, from 1; 0: the last */
	bool keeps_samples;          /* as reader_read_samples() */
};

/* Same as reader_read(), for a wish. */
int reader_read_wish(struct profile **out_profile, const struct reader_wish *wish,
		     struct input *input, struct diag *diag);

/* Same as reader_read(), but does not scale the counts of a sampled dump to estimates, and sets
 * profile.kept_interval to the sample interval. */
int reader_read_samples(struct profile **out_profile, const struct reader *reader,
			struct input *input, struct diag *diag);
