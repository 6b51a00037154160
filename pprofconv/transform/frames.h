/* SPDX-License-Identifier: MIT */
/* Frames are the stacks of a profile as people read them: with functions instead of addresses, with
 * inlined functions as frames of their own, with a substitute for each unknown name, and without
 * the functions of allocators that the profile's drop_frames matches. */
#pragma once
#include <regex.h>
#include <stdint.h>

#include "base/index.h"
#include "base/number_map.h"
#include "base/strtab.h"
#include "base/vec.h"
#include "model/profile.h"

/* A function. Two locations with the same name and file have the same function. */
struct frame_function {
	uint32_t name; /* string; if the function is unknown, its place in the file, such as
			  app+0x12f0 */
	uint32_t file; /* string; "" if unknown */
	/* With FRAMES_BY_LINE, whose files are FILE:LINE, the two alone; otherwise "" and 0. */
	uint32_t source;
	int64_t line;
};

/* The functions of one location of the profile. */
struct frame_location {
	uint32_t first;     /* the first of its functions in frames.of_locations */
	uint32_t n;         /* the number of its functions, without dropped ones */
	bool is_dropped;    /* dropped with everything that it called, unless at the root */
	bool drops_callees; /* its outer frames stay, but what they called is dropped */
};

/* What counts as one function. Code without a name is identified by its place in the file. */
enum frames_by {
	FRAMES_BY_FUNCTION, /* name and file */
	FRAMES_BY_FILE,    /* the source file, named by the last part of its path, or the mapping */
	FRAMES_BY_LINE,    /* name, file and line */
	FRAMES_BY_MAPPING, /* the program or library */
	FRAMES_BY_POOL,    /* the pool of a sample, which pools that contain it have "called" */
	FRAMES_BY_POOL_FUNCTION, /* name and file, and of the innermost function also the pool */
};

/* How stacks are shown. All zeroes: by function, with all frames. `fileless` and `hide` must
 * outlive the frames. */
struct frames_view {
	enum frames_by by;
	/* The names of functions whose files are ignored, because the other profile in a comparison
	 * has no files for them. */
	const struct strtab *fileless;
	/* If this matches the function, source file, program or library of a frame, the frame is
	 * hidden. */
	const regex_t *hide;
};

/* The functions that stand for the pool of a sample, and for those that contain it. */
struct frame_pool {
	uint32_t first, n; /* in frames.of_pools */
	uint32_t name;     /* string; 0: the sample has no pool */
};

struct frames {
	const struct profile *profile;
	struct frames_view view;
	struct strtab strings;
	VEC(struct frame_function) functions;
	struct index function_index;
	VEC(struct frame_location) locations;
	VEC(uint32_t) of_locations; /* the functions of each location, innermost first */

	/* Private to frames_pools.c. */
	VEC(struct frame_pool) pools; /* of each label set */
	VEC(uint32_t) of_pools;     /* the functions of each pool, that of the pool itself first */
	struct number_map in_pools; /* from a function and a label set to the function there */
};

typedef VEC(uint32_t) frame_vec;

/* Prepares the stacks of the profile, which must outlive the frames. An expression in drop_frames
 * that pattern.h does not support drops nothing. Returns 0 or -ENOMEM; call frames_deinit() on
 * failure too. */
int frames_init(struct frames *frames, const struct profile *profile);
int frames_init_view(struct frames *frames, const struct profile *profile,
		     const struct frames_view *view);

/* Adds to *out the names of the profile's functions whose files are unknown. Returns 0 or
 * -ENOMEM. */
int frames_find_fileless(const struct profile *profile, struct strtab *out);

void frames_deinit(struct frames *frames);

/* Sets *out to the numbers of the functions of a sample, leaf first: those of its stack, unless the
 * view is by pools. Returns 0 or -ENOMEM. */
int frames_of_sample(const struct frames *frames, uint32_t sample, frame_vec *out);

/* Sets *out to the numbers of the functions of a stack, leaf first. If there are more than a
 * million, the outer ones are left out. Returns 0 or -ENOMEM. */
int frames_of_stack(const struct frames *frames, uint32_t stack, frame_vec *out);

/* Sets *out to the places of the functions of a stack in frames.of_locations, leaf first. Frames of
 * one profile that differ in `by` alone have the same places. Returns 0 or -ENOMEM. */
int frames_places_of_stack(const struct frames *frames, uint32_t stack, frame_vec *out);

/* Sets *out_number to the function with that name and file, which is added if it is new. Returns 0
 * or -ENOMEM. Private to frames_pools.c, as the two functions that it has for frames.c. */
int frames_add_function(struct frames *frames, const char *name, const char *file,
			uint32_t *out_number);
int frames_pools_init(struct frames *frames);
void frames_pools_deinit(struct frames *frames);

const char *frames_name(const struct frames *frames, uint32_t function);
const char *frames_file(const struct frames *frames, uint32_t function);
const char *frames_source(const struct frames *frames, uint32_t function);
