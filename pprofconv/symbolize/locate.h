/* SPDX-License-Identifier: MIT */
/* Finds the file that a mapping of a profile was made from, and makes sure that it is that one. */
#pragma once
#include "symbolize/debugfile.h"

struct locate_options {
	const char *const *binaries; /* files that the user named; they come first */
	size_t n_binaries;
	bool *was_used; /* of each, set where something took it; may be NULL */
	struct debugfile_paths paths;
};

struct locate_wanted {
	const char *file;     /* its path when the profile was made, "" if not known */
	const char *build_id; /* "" if not known: then a file with the right name will do */
	bool is_program;      /* the program itself, not a library */
	bool was_deleted;     /* its path names another file now, if any */
};

enum locate_outcome {
	LOCATE_FOUND,
	LOCATE_NO_FILE,    /* the mapping is not of a file: [vdso], anonymous memory */
	LOCATE_NOT_FOUND,  /* there is no such file any more */
	LOCATE_REPLACED,   /* it was gone when the profile was made, and nothing tells whether what
			      is there now is the same */
	LOCATE_OTHER_ID,   /* there is, but with another build ID */
	LOCATE_NOT_ELF,    /* it is no program or library */
	LOCATE_UNREADABLE, /* it can't be opened, see the errno */
};

struct locate_result {
	enum locate_outcome outcome;
	int error;                           /* a positive errno; with LOCATE_UNREADABLE */
	char other_id[2 * BUILD_ID_MAX + 1]; /* with LOCATE_OTHER_ID; "" if the file has none */
};

/* Opens the file. The outcome says what came of the most likely place; *out_object is written with
 * LOCATE_FOUND only. 0 or -ENOMEM. */
int locate(const struct locate_wanted *wanted, const struct locate_options *options,
	   struct locate_result *out_result, struct object **out_object);
