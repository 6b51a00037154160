/* SPDX-License-Identifier: MIT */
/* Binaries are the files that were looked for, each opened once, for all its mappings in all
 * profiles. */
#pragma once
#include "base/index.h"
#include "base/vec.h"
#include "symbolize/binary.h"
#include "symbolize/find_binary.h"

struct opened_binary {
	struct find_binary_wanted wanted; /* owns its strings */
	struct find_binary_result located;
	struct binary *binary; /* NULL if it was not found */
};

/* All zeroes is an empty one. */
struct binaries {
	VEC(struct opened_binary) opened;
	struct index index; /* into `opened`, by what was wanted */
};

/* Finds what is wanted; the options must be the same in each call. Sets *out_located to the outcome
 * and *out_binary to the opened file, or to NULL if there is none; it is valid until the binaries
 * are shrunk. Returns 0 or -ENOMEM. */
int binaries_get(struct binaries *binaries, const struct find_binary_wanted *wanted,
		 const struct find_binary_options *options, struct find_binary_result *out_located,
		 struct binary **out_binary);

/* Closes all if there are more than one program has: a fleet has many builds. */
void binaries_shrink(struct binaries *binaries);

void binaries_deinit(struct binaries *binaries);
