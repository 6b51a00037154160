/* SPDX-License-Identifier: MIT */
/* A filter decides which samples of a profile count. A rule is matched against everything that is
 * known about a frame: its functions, including inlined ones, their source files, and the program
 * or library; or against a label of the sample. */
#pragma once
#include <regex.h>
#include <stdint.h>

#include "model/profile.h"
#include "transform/suppressions.h"

enum filter_verdict {
	FILTER_KEPT,
	FILTER_SUPPRESSED, /* a frame matches a suppression */
	FILTER_LEFT_OUT,   /* the stack is not in focus, or is ignored, or a tag does not match */
};

/* A sample matches if it has a label with this key whose text matches the expression; numbers are
 * texts here. */
struct filter_tag {
	char *key;
	regex_t regex;
};

typedef VEC(struct filter_tag) filter_tag_vec;

struct filter_rules {               /* all zeroes: keep all samples */
	const filter_tag_vec *tags; /* samples must match all of them; NULL: none */
	const regex_t *focus;
	const regex_t *ignore;
	const regex_t *hide; /* hides frames, not samples; see struct frames_view */
	const struct suppressions *suppressions;
};

struct filter { /* all zeroes: keeps all samples */
	const struct filter_rules *rules;
	const struct profile *profile;
	VEC(uint8_t) locations; /* for each location: the rules that match it */
	VEC(bool) label_sets;   /* whether all tags match it; empty if there are no tags */
};

/* Prepares a filter. The rules and the profile must outlive it. Returns 0 or -ENOMEM; call
 * filter_deinit() on failure too. */
int filter_init(struct filter *filter, const struct filter_rules *rules,
		const struct profile *profile);
void filter_deinit(struct filter *filter);

enum filter_verdict filter_judge(const struct filter *filter, uint32_t sample);
