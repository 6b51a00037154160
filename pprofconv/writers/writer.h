/* SPDX-License-Identifier: MIT */
/* Output formats: a row for each. To add one: a file with a `const struct writer`, a row in
 * registry.c. */
#pragma once
#include <stdbool.h>

#include "base/output.h"
#include "model/profile.h"

struct writer {
	const char *name;    /* --to=NAME */
	const char *summary; /* one line of `pprofconv formats` */
	const char *suffix;  /* of file names, with its dot */
	bool is_binary;      /* not for a terminal */

	/* Writes the profile, whose values of place `value` count where the format has one value a
	 * sample. Failures go into the output; nothing else can fail but memory: 0 or -ENOMEM. */
	int (*write)(const struct profile *profile, size_t value, struct output *output);
};

/* The formats, the default first; ends with NULL. */
extern const struct writer *const writers[];

/* The row of that name, or NULL. */
const struct writer *writer_find(const char *name);
