/* SPDX-License-Identifier: MIT */
/* Naming turns frames from debug information into the lines and functions of a profile, with
 * demangled names. */
#pragma once
#include "model/profile.h"
#include "symbolize/debuginfo.h"
#include "symbolize/demangle.h"

struct naming {
	struct profile *profile;
	enum demangle_style style;
	VEC(uint32_t) names; /* for each string of the profile, its demangled form; 0: none yet */
	VEC(char) path;      /* scratch */
};

/* Sets *out_line to the line for one frame; `fallback` is the name of the function if the frame has
 * no name. Returns 0 or -ENOMEM. */
int naming_line(struct naming *naming, const struct frame *frame, const char *fallback,
		struct profile_line *out_line);

void naming_deinit(struct naming *naming);
