/* SPDX-License-Identifier: MIT */
/* A writer writes one output format. Writers are the rows of a table. To add a writer, add a file
 * that defines a `const struct writer`, its declaration in writers.h and a row in registry.c. */
#pragma once
#include <stdbool.h>

#include "base/output.h"
#include "model/profile.h"

struct writer_moment {      /* a profile of a series */
	int64_t time_nanos; /* since the epoch */
	int64_t total;      /* of the sample type that is shown */
};

struct writer {
	const char *name;    /* --to=NAME */
	const char *summary; /* one line of `pprofconv formats` */
	const char *suffix;  /* of file names, with the dot */
	bool is_binary;      /* is not written to a terminal */
	bool takes_samples;  /* sampled counts are not scaled to estimates when an input is read */

	/* Returns 0, or an error with a message if the format can't express the profile. NULL: it
	 * can express all. write() gets no profile that it refuses. */
	int (*check)(const struct profile *profile, struct diag *diag);

	/* Writes the profile. A format with one value per sample uses the sample type with the
	 * index `value`. Returns 0 or -ENOMEM; errors in writing are kept in the output and
	 * reported when it is committed. */
	int (*write)(const struct profile *profile, size_t value, struct output *output);

	/* Writes the last profile of a series, of which there are `n` moments, in order of time. It
	 * is NULL in formats that have no place for the moments. */
	int (*write_series)(const struct profile *profile, size_t value,
			    const struct writer_moment *moments, size_t n, struct output *output);
};

/* All writers, the default first; ends with NULL. */
extern const struct writer *const writers[];

/* Returns the writer with that name, or NULL if there is none. */
const struct writer *writer_find(const char *name);
