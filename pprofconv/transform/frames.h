/* SPDX-License-Identifier: MIT */
/* The stacks of a profile as people see them: functions instead of addresses, inlined ones apart,
 * the allocators' own left out as the profile's drop_frames says, and a name for what has none. */
#pragma once
#include <regex.h>
#include <stdint.h>

#include "base/index.h"
#include "base/strtab.h"
#include "base/vec.h"
#include "model/profile.h"

/* A function: two places of one name and file are the same one. */
struct frame_function {
	uint32_t name; /* string of the frames; of the place in the file, such as app+0x12f0, if
			  there is no function known */
	uint32_t file; /* string of the frames; "" if not known */
};

struct frame_location {
	uint32_t first;     /* of its functions, in frames.of_locations */
	uint32_t n;         /* less those that are dropped */
	bool is_dropped;    /* with all that it calls */
	bool drops_callees; /* it stays, but what it calls is dropped */
};

/* What is one function: what has no name for it is told apart by the place in the file. */
enum frames_by {
	FRAMES_BY_FUNCTION, /* name and file */
	FRAMES_BY_FILE,    /* the source file, its last part as the name; without one the program */
	FRAMES_BY_LINE,    /* name, file and line */
	FRAMES_BY_MAPPING, /* the program or library, as the name */
};

/* How stacks are looked at; all zeroes: by functions, with all that they have. What it points to
 * must outlive the frames. */
struct frames_view {
	enum frames_by by;
	/* Names that go without their files, as a profile to compare with has none for them. */
	const struct strtab *fileless;
	/* Leaves frames out if it matches the function, its source file, or the program or library.
	 */
	const regex_t *hide;
};

struct frames {
	const struct profile *profile;
	struct frames_view view;
	struct strtab strings;
	VEC(struct frame_function) functions;
	struct index function_index;
	VEC(struct frame_location) locations;
	VEC(uint32_t) of_locations; /* functions, innermost first */
};

typedef VEC(uint32_t) frame_vec;

/* Prepares the stacks of the profile, which must outlive the frames. 0 or -ENOMEM; also on failure
 * frames_deinit() is to be called. An expression in drop_frames that pattern.h does not know
 * drops nothing. */
int frames_init(struct frames *frames, const struct profile *profile);
int frames_init_view(struct frames *frames, const struct profile *profile,
		     const struct frames_view *view);

/* Adds the names of functions whose files are not known to *out. 0 or -ENOMEM. */
int frames_find_fileless(const struct profile *profile, struct strtab *out);

void frames_deinit(struct frames *frames);

/* Sets *out to the numbers of the functions of a stack, leaf first; the outer ones of more than a
 * million are left out. 0 or -ENOMEM. */
int frames_of_stack(const struct frames *frames, uint32_t stack, frame_vec *out);

const char *frames_name(const struct frames *frames, uint32_t function);
const char *frames_file(const struct frames *frames, uint32_t function);
