/* SPDX-License-Identifier: MIT */
/* A filter decides which samples of a profile count. A rule is matched against all that is known of
 * each frame: its functions, inlined ones too, their source files, and the program or library. */
#pragma once
#include <regex.h>
#include <stdint.h>

#include "model/profile.h"
#include "transform/suppressions.h"

enum filter_verdict {
	FILTER_KEPT,
	FILTER_SUPPRESSED, /* a frame matches a suppression */
	FILTER_LEFT_OUT,   /* not in focus, or ignored */
};

struct filter_rules { /* all zeroes: keep all */
	const regex_t *focus;
	const regex_t *ignore;
	const regex_t *hide; /* frames, not samples: see struct frames_view */
	const struct suppressions *suppressions;
};

struct filter { /* all zeroes: keeps all */
	const struct filter_rules *rules;
	const struct profile *profile;
	VEC(uint8_t) locations; /* the rules that match each location */
};

/* The rules and the profile must outlive the filter. Returns 0 or -ENOMEM; call filter_deinit() on
 * failure too. */
int filter_init(struct filter *filter, const struct filter_rules *rules,
		const struct profile *profile);
void filter_deinit(struct filter *filter);

enum filter_verdict filter_judge(const struct filter *filter, uint32_t stack);
