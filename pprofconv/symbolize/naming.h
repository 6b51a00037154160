/* SPDX-License-Identifier: MIT */
/* Naming turns frames into lines with functions of a profile, their names demangled. */
#pragma once
#include "model/profile.h"
#include "symbolize/debuginfo.h"
#include "symbolize/demangle.h"

struct naming {
	struct profile *profile;
	enum demangle_style style;
	VEC(uint32_t) names; /* for each string of the profile, its demangled form, or 0 */
	VEC(char) path;      /* scratch */
};

/* Sets *out_line to the line for one frame; `fallback` names the function if the frame doesn't.
 * Returns 0 or -ENOMEM. */
int naming_line(struct naming *naming, const struct frame *frame, const char *fallback,
		struct profile_line *out_line);

void naming_deinit(struct naming *naming);
