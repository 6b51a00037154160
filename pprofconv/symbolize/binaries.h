/* SPDX-License-Identifier: MIT */
/* Binaries are the programs and libraries that mappings were made from. Each file is looked for and
 * opened only once, for all its mappings in all profiles. */
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

/* All zeroes is a valid start: nothing has been looked for. */
struct binaries {
	VEC(struct opened_binary) opened;
	struct index index; /* from what was wanted to the index in `opened` */
};

/* Finds and opens the file that `wanted` describes, unless an earlier call has done so. The options
 * must be the same in all calls for one `wanted.process`. Sets *out_located to the outcome, and
 * *out_binary to the opened file, which is valid until binaries_shrink() or binaries_deinit(), or
 * to NULL if no file was found. Returns 0 or -ENOMEM. */
int binaries_get(struct binaries *binaries, const struct find_binary_wanted *wanted,
		 const struct find_binary_options *options, struct find_binary_result *out_located,
		 struct binary **out_binary);

/* Closes all files if more are open than a single program is likely to have. The profiles of a
 * fleet of machines come from many builds, whose files would otherwise all stay open. */
void binaries_shrink(struct binaries *binaries);

void binaries_deinit(struct binaries *binaries);
