/* SPDX-License-Identifier: MIT */
/* Symbolizing gives the locations of a profile their functions, files and lines, so that the
 * profile shows names also on a machine without the binaries. */
#pragma once
#include "model/profile.h"
#include "symbolize/binaries.h"
#include "symbolize/demangle.h"
#include "symbolize/find_binary.h"

struct symbolize_options {
	struct find_binary_options locate;
	enum demangle_style style;
	struct binaries *binaries; /* stay open for the next profile; NULL: none stay open */
	/* Called from time to time with the number of locations that have been looked up so far;
	 * may be NULL. */
	void (*on_progress)(void *context, uint64_t n_locations);
	void *progress_context;
};

enum symbolize_outcome {
	SYMBOLIZE_UNUSED, /* the mapping has no locations */
	SYMBOLIZE_NAMED,
	SYMBOLIZE_ALREADY,     /* its locations had names already */
	SYMBOLIZE_NOT_LOCATED, /* no file was found; `located` says why */
	SYMBOLIZE_NO_SYMBOLS,  /* a file was found, but has a name for none of the locations */
};

struct symbolize_result { /* of one mapping */
	enum symbolize_outcome outcome;
	struct find_binary_result located;
	uint32_t n_locations;
	uint32_t n_named;
	uint32_t n_lost_units; /* units with a missing .dwo file */
	bool has_debuginfo;    /* false: only symbols were found */
};

/* All zeroes is an empty summary. */
struct symbolize_summary {
	VEC(struct symbolize_result) mappings; /* one per mapping of the profile */
	uint32_t n_locations;                  /* all, including those in no mapping */
	uint32_t n_named;                      /* including those that had names before */
};

/* Names all locations of a mapping or none of them, for each mapping of the profile. If the
 * mapping's file has a name for at least one location, the locations without a name become
 * "FILE+0xADDRESS", with the linked address. A mapping that has names already stays as it is. The
 * caller frees *summary by symbolize_summary_deinit(). Returns 0; or returns -ENOMEM or -EOVERFLOW,
 * after which the profile must not be used. */
int symbolize_profile(struct profile *profile, const struct symbolize_options *options,
		      struct symbolize_summary *summary);

/* Writes one line about a mapping: its file, how many locations got names, and why others did not.
 * Returns true, or returns false and writes nothing if the mapping has no locations. */
bool symbolize_describe(const struct profile *profile, const struct symbolize_summary *summary,
			size_t mapping, char *out_text, size_t size);

void symbolize_summary_deinit(struct symbolize_summary *summary);
