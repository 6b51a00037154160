/* SPDX-License-Identifier: MIT */
/* A writer is an output format, a row in a table. To add one: a file with a `const struct writer`,
 * a row in registry.c. */
#pragma once
#include <stdbool.h>

#include "base/output.h"
#include "model/profile.h"

struct writer {
	const char *name;    /* --to=NAME */
	const char *summary; /* one line of `pprofconv formats` */
	const char *suffix;  /* of file names, with the dot */
	bool is_binary;      /* not for a terminal */

	/* Writes the profile. Formats that use one value per sample take that of the sample type
	 * with the index `value`. Returns 0 or -ENOMEM; failures to write go into the output. */
	int (*write)(const struct profile *profile, size_t value, struct output *output);
};

/* The formats, the default first; ends with NULL. */
extern const struct writer *const writers[];

/* Returns the row of that name, or NULL. */
const struct writer *writer_find(const char *name);
