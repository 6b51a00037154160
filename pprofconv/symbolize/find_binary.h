/* SPDX-License-Identifier: MIT */
/* Finds the file that a mapping of a profile was made from, and makes sure that it is that one. */
#pragma once
#include "symbolize/debugfile.h"

struct find_binary_options {
	const char *const *binaries; /* files that the user named; they come first */
	size_t n_binaries;
	bool *was_used; /* of each, set where something took it; may be NULL */
	struct debugfile_paths paths;
	int process; /* that the profile was read from; 0: none, or it may have gone */
};

struct find_binary_wanted {
	const char *file;      /* its path when the profile was made, "" if not known */
	const char *build_id;  /* "" if not known: then a file with the right name will do */
	bool is_program;       /* the program itself, not a library */
	int process;           /* that it was mapped in, as in the options */
	bool was_deleted;      /* its path names another file now, if any */
	uint64_t start, limit; /* of the mapping, where `options.process` has one */
};

enum find_binary_outcome {
	FIND_BINARY_FOUND,
	FIND_BINARY_NO_FILE,    /* the mapping is not of a file: [vdso], anonymous memory */
	FIND_BINARY_NOT_FOUND,  /* there is no such file any more */
	FIND_BINARY_REPLACED,   /* it was gone when the profile was made, and nothing tells whether
			      what   is there now is the same */
	FIND_BINARY_OTHER_ID,   /* there is, but with another build ID */
	FIND_BINARY_NOT_ELF,    /* it is no program or library */
	FIND_BINARY_UNREADABLE, /* it can't be opened, see the errno */
};

struct find_binary_result {
	enum find_binary_outcome outcome;
	int error; /* a positive errno; with FIND_BINARY_UNREADABLE */
	char other_id[2 * BUILD_ID_MAX +
		      1]; /* with FIND_BINARY_OTHER_ID; "" if the file has none */
};

/* Opens the file. The outcome says what came of the most likely place; *out_object is written with
 * FIND_BINARY_FOUND only. 0 or -ENOMEM. */
int find_binary(const struct find_binary_wanted *wanted, const struct find_binary_options *options,
		struct find_binary_result *out_result, struct object **out_object);
