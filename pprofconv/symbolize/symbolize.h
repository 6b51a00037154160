/* SPDX-License-Identifier: MIT */
/* Symbolizing gives the locations of a profile their functions, files and lines, so that it reads
 * the same on a machine that has none of the binaries. */
#pragma once
#include "model/profile.h"
#include "symbolize/binaries.h"
#include "symbolize/demangle.h"
#include "symbolize/find_binary.h"

struct symbolize_options {
	struct find_binary_options locate;
	enum demangle_style style;
	struct binaries *binaries; /* kept open for the next profile, unless NULL */
	/* Called from time to time with how many locations have been looked up; may be NULL. */
	void (*on_progress)(void *context, uint64_t n_locations);
	void *progress_context;
};

enum symbolize_outcome {
	SYMBOLIZE_UNUSED, /* the mapping has no locations */
	SYMBOLIZE_NAMED,
	SYMBOLIZE_ALREADY,     /* its locations had names already */
	SYMBOLIZE_NOT_LOCATED, /* see `located` */
	SYMBOLIZE_NO_SYMBOLS,  /* the file was found, and names none of the locations */
};

struct symbolize_result { /* of one mapping */
	enum symbolize_outcome outcome;
	struct find_binary_result located;
	uint32_t n_locations;
	uint32_t n_named;
	uint32_t n_lost_units; /* units whose .dwo files are missing */
	bool has_debuginfo;    /* else there are symbols only */
};

/* All zeroes is an empty one. */
struct symbolize_summary {
	VEC(struct symbolize_result) mappings; /* as many as the profile has */
	uint32_t n_locations;                  /* all, including those in no mapping */
	uint32_t n_named;                      /* including those that had names before */
};

/* Names the locations of each mapping, all of them or none: if its file names at least one, the
 * others become "FILE+0xADDRESS", with the address as linked. A mapping that has names already is
 * left as it is. The caller frees *summary. Returns 0; -ENOMEM or -EOVERFLOW, after which the
 * profile is of no further use. */
int symbolize_profile(struct profile *profile, const struct symbolize_options *options,
		      struct symbolize_summary *summary);

/* Writes one line about a mapping: its file, how many locations got names, and why others did not.
 * Returns false if there is nothing to say. */
bool symbolize_describe(const struct profile *profile, const struct symbolize_summary *summary,
			size_t mapping, char *out_text, size_t size);

void symbolize_summary_deinit(struct symbolize_summary *summary);
