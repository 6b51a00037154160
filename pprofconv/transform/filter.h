/* SPDX-License-Identifier: MIT */
/* Which samples of a profile count. A rule is tried on all that is known of each frame: its
 * functions with those inlined there, their source files, the program or library. */
#pragma once
#include <regex.h>
#include <stdint.h>

#include "model/profile.h"
#include "transform/suppressions.h"

enum filter_verdict {
	FILTER_KEPT,
	FILTER_SUPPRESSED, /* a frame is on the list */
	FILTER_LEFT_OUT,   /* not in focus, or to be ignored */
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
	VEC(uint8_t) locations; /* what matches each of them */
};

/* Both must outlive the filter. 0 or -ENOMEM; also on failure filter_deinit() is to be called. */
int filter_init(struct filter *filter, const struct filter_rules *rules,
		const struct profile *profile);
void filter_deinit(struct filter *filter);

enum filter_verdict filter_judge(const struct filter *filter, uint32_t stack);
