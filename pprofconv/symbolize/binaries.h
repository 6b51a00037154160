/* SPDX-License-Identifier: MIT */
/* The files that were looked for, each opened once, for all mappings of it in all profiles. */
#pragma once
#include "base/index.h"
#include "base/vec.h"
#include "symbolize/binary.h"
#include "symbolize/find_binary.h"

struct opened_binary {
	struct find_binary_wanted wanted; /* with strings of its own */
	struct find_binary_result located;
	struct binary *binary; /* NULL if it was not found */
};

/* All zeroes is a valid one. */
struct binaries {
	VEC(struct opened_binary) opened;
	struct index index; /* of them, by what was wanted */
};

/* Finds what is wanted, under the same options each time, and sets *out_located to what came of it
 * and *out_binary to what was opened, NULL if nothing was: valid until the binaries are shrunk. 0
 * or -ENOMEM. */
int binaries_get(struct binaries *binaries, const struct find_binary_wanted *wanted,
		 const struct find_binary_options *options, struct find_binary_result *out_located,
		 struct binary **out_binary);

/* Closes all if there are more than a program has: a fleet has many builds. */
void binaries_shrink(struct binaries *binaries);

void binaries_deinit(struct binaries *binaries);
