/* SPDX-License-Identifier: MIT */
/* Puts frames into a profile: as lines with functions, their names demangled. */
#pragma once
#include "model/profile.h"
#include "symbolize/debuginfo.h"
#include "symbolize/demangle.h"

struct naming {
	struct profile *profile;
	enum demangle_style style;
	VEC(uint32_t) names; /* for each string of the profile, what it is demangled, or 0 */
	VEC(char) path;      /* scratch */
};

/* The line for one frame; `fallback` names the function if the frame doesn't. 0 or -ENOMEM. */
int naming_line(struct naming *naming, const struct frame *frame, const char *fallback,
		struct profile_line *out_line);

void naming_deinit(struct naming *naming);
