/* SPDX-License-Identifier: MIT */
/* find_binary() finds the file that a mapping of a profile was made from, and verifies that it is
 * that file. */
#pragma once
#include "symbolize/debugfile.h"

struct find_binary_options {
	const char *const *binaries; /* files that the user named, which come first */
	size_t n_binaries;
	bool *was_used; /* for each file: set to true if it was used; may be NULL */
	struct debugfile_paths paths;
	int process; /* the process that the profile was read from; 0: none */
};

struct find_binary_wanted {
	const char *file;      /* its path when the profile was made, "" if not known */
	const char *build_id;  /* "" if not known: then the right name is enough */
	bool is_program;       /* the program itself, not a library */
	int process;           /* the process that has mapped it, as in the options */
	bool was_deleted;      /* the file was deleted; a file at its path now is another file */
	uint64_t start, limit; /* of the mapping, if `options.process` is set */
};

enum find_binary_outcome {
	FIND_BINARY_FOUND,
	FIND_BINARY_NO_FILE,    /* a mapping without a file: [vdso], anonymous memory */
	FIND_BINARY_NOT_FOUND,  /* no such file exists */
	FIND_BINARY_REPLACED,   /* deleted before the profile was made; no build ID to check by */
	FIND_BINARY_OTHER_ID,   /* the file has another build ID */
	FIND_BINARY_NOT_ELF,    /* the file is not a program or library */
	FIND_BINARY_UNREADABLE, /* the file can't be opened, see `error` */
};

struct find_binary_result {
	enum find_binary_outcome outcome;
	int error; /* with FIND_BINARY_UNREADABLE: a positive errno */
	/* With FIND_BINARY_OTHER_ID; "" if the file has none. */
	char other_id[2 * BUILD_ID_MAX + 1];
};

/* Finds and opens the file. Sets *out_result to the outcome at the most likely place. Sets
 * *out_object only with FIND_BINARY_FOUND. Returns 0 or -ENOMEM. */
int find_binary(const struct find_binary_wanted *wanted, const struct find_binary_options *options,
		struct find_binary_result *out_result, struct object **out_object);
