/* SPDX-License-Identifier: MIT */
/* Frames are dropped as pprof drops them. From the root on, the first frame that drop_frames
 * matches is dropped with everything that it called. But frames at the root stay even if they
 * match: a frame is dropped only if a frame outside it does not match. */
#include "transform/frames.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/path.h"
#include "transform/pattern.h"

#define FRAMES_MAX (1u << 20) /* functions of a stack; a location may have many lines */

/* --- dropping ------------------------------------------------------------------------------ */

/* Returns the size of a function's name without its arguments. The parentheses of "(anonymous
 * namespace)" and "operator()" hold no arguments. */
static size_t size_without_arguments(const char *name)
{
	static const char *const parts[] = {"(anonymous namespace)", "operator()"};
	const char *at = name;

	while ((at = strchr(at, '('))) {
		if (strncmp(at, parts[0], strlen(parts[0])) == 0)
			at += strlen(parts[0]);
		else if (at - name >= 8 && strncmp(at - 8, parts[1], strlen(parts[1])) == 0)
			at += 2;
		else
			return (size_t)(at - name);
	}
	return strlen(name);
}

struct pruner {
	struct pattern drop, keep; /* an invalid expression matches nothing */
	VEC(bool) functions; /* for each function of the profile: whether it is to be dropped */
};

static bool is_dropped(struct pruner *pruner, const char *name)
{
	char *bare;
	bool dropped;

	if (*name == '.') /* function names begin with '.' on some 64-bit PowerPC systems */
		name++;
	bare = strndup(name, size_without_arguments(name));
	dropped = bare && *bare && pattern_matches(&pruner->drop, bare) &&
		  !pattern_matches(&pruner->keep, bare);
	free(bare);
	return dropped;
}

static void pruner_deinit(struct pruner *pruner)
{
	pattern_deinit(&pruner->drop);
	pattern_deinit(&pruner->keep);
	vec_deinit(&pruner->functions);
}

static int compile(struct pattern *pattern, const char *text)
{
	int r = *text ? pattern_init(pattern, text) : 0;

	return r < 0 ? r : 0;
}

static int pruner_init(struct pruner *pruner, const struct profile *profile)
{
	int r = compile(&pruner->drop, profile_string(profile, profile->drop_frames));

	if (!r)
		r = compile(&pruner->keep, profile_string(profile, profile->keep_frames));
	for (size_t i = 0; !r && i < profile->functions.n; i++) {
		const char *name = profile_string(profile, profile->functions.items[i].name);

		r = vec_push(&pruner->functions, is_dropped(pruner, name));
	}
	return r;
}

/* --- functions ----------------------------------------------------------------------------- */

static int intern(struct frames *frames, const char *text, uint32_t *out)
{
	return strtab_intern(&frames->strings, text, strlen(text), out);
}

int frames_add_function(struct frames *frames, const char *name, const char *file,
			uint32_t *out_number)
{
	struct frame_function function = {0};
	struct index_walk walk;
	uint64_t hash;
	int r = intern(frames, name, &function.name);

	r = r ? r : intern(frames, file, &function.file);
	if (r)
		return r;
	hash = hash_mix(function.name, function.file);
	walk = index_walk(&frames->function_index, hash);
	while (index_next(&walk, out_number)) {
		const struct frame_function *known = &frames->functions.items[*out_number];

		if (known->name == function.name && known->file == function.file)
			return 0;
	}
	*out_number = (uint32_t)frames->functions.n;
	r = index_insert(&frames->function_index, hash, *out_number);
	return r ? r : vec_push(&frames->functions, function);
}

static const char *mapping_name(const struct profile *profile,
				const struct profile_location *location)
{
	if (location->mapping == PROFILE_NONE)
		return "";
	return path_last_part(
		profile_string(profile, profile->mappings.items[location->mapping].file));
}

/* Sets `name` to the location's program or library and its place in that file, such as app+0x12f0,
 * or to its address if the file is unknown. */
static void name_place(const struct profile *profile, const struct profile_location *location,
		       char *name, size_t size)
{
	const char *file = mapping_name(profile, location);
	const struct profile_mapping *mapping;

	if (*file) {
		mapping = &profile->mappings.items[location->mapping];
		snprintf(name, size, "%.200s+0x%" PRIx64, file,
			 location->address - mapping->start + mapping->offset);
	} else {
		snprintf(name, size, "0x%" PRIx64, location->address);
	}
}

static bool is_hidden(const struct frames *frames, const char *text)
{
	return frames->view.hide && regexec(frames->view.hide, text, 0, NULL, 0) == 0;
}

static bool is_mapping_hidden(const struct frames *frames, const struct profile_location *location)
{
	const struct profile *profile = frames->profile;

	return location->mapping != PROFILE_NONE &&
	       is_hidden(frames,
			 profile_string(profile, profile->mappings.items[location->mapping].file));
}

static int push_named(struct frames *frames, const char *name, const char *file)
{
	uint32_t number;
	int r = frames_add_function(frames, name, file, &number);

	return r ? r : vec_push(&frames->of_locations, number);
}

static int add_mapping(struct frames *frames, const struct profile_location *location)
{
	const char *name = mapping_name(frames->profile, location);

	return push_named(frames, *name ? name : "(no file)", "");
}

static int add_file_line(struct frames *frames, const char *name, const char *file, int64_t line)
{
	char *place;
	uint32_t number;
	int r;

	if (asprintf(&place, "%s:%" PRId64, file, line) < 0)
		return -ENOMEM;
	r = frames_add_function(frames, name, place, &number);
	free(place);
	if (!r)
		r = intern(frames, file, &frames->functions.items[number].source);
	if (r)
		return r;
	frames->functions.items[number].line = line;
	return vec_push(&frames->of_locations, number);
}

static bool is_fileless(const struct frames *frames, const char *name)
{
	return frames->view.fileless && strtab_has(frames->view.fileless, name, strlen(name));
}

static int add_line(struct frames *frames, const struct profile_location *location,
		    const struct profile_line *line)
{
	const struct profile *profile = frames->profile;
	const struct profile_function *function;
	const char *name, *file;

	if (line->function == PROFILE_NONE)
		return 0;
	function = &profile->functions.items[line->function];
	name = profile_string(profile, function->name);
	file = profile_string(profile, function->filename);
	if (is_hidden(frames, name) || is_hidden(frames, file))
		return 0;
	if (strcmp(name, PROFILE_NO_STACK) == 0)
		return push_named(frames, name, "");
	switch (frames->view.by) {
	case FRAMES_BY_FUNCTION:
	case FRAMES_BY_POOL:
	case FRAMES_BY_POOL_FUNCTION:
		break;
	case FRAMES_BY_LINE:
		return add_file_line(frames, name, file, line->line);
	case FRAMES_BY_FILE:
		return *file ? push_named(frames, path_last_part(file), file)
			     : add_mapping(frames, location);
	case FRAMES_BY_MAPPING:
		return add_mapping(frames, location);
	}
	return push_named(frames, name, is_fileless(frames, name) ? "" : file);
}

/* Returns whether the function of a line is to be dropped. */
static bool is_line_dropped(const struct pruner *pruner, const struct profile_line *line)
{
	if (line->function == PROFILE_NONE)
		return false;
	assert(line->function < pruner->functions.n);
	return pruner->functions.items[line->function];
}

/* Adds a location without lines. Its place in the file becomes the name of its function. */
static int add_nameless(struct frames *frames, struct pruner *pruner,
			const struct profile_location *location, struct frame_location *added)
{
	char name[256];

	name_place(frames->profile, location, name, sizeof(name));
	added->is_dropped = is_dropped(pruner, name);
	if (is_hidden(frames, name) || is_mapping_hidden(frames, location))
		return 0;
	if (frames->view.by == FRAMES_BY_FILE || frames->view.by == FRAMES_BY_MAPPING)
		return add_mapping(frames, location);
	return push_named(frames, name, "");
}

static int add_named(struct frames *frames, const struct pruner *pruner,
		     const struct profile_location *location, struct frame_location *added)
{
	const struct profile_line *lines = profile_lines(frames->profile, location);
	size_t n_dropped = location->n_lines;
	int r = 0;

	while (n_dropped > 0 && !is_line_dropped(pruner, &lines[n_dropped - 1]))
		n_dropped--;
	added->is_dropped = n_dropped == location->n_lines;
	added->drops_callees = n_dropped > 0 && !added->is_dropped;
	if (is_mapping_hidden(frames, location))
		return 0;
	/* a location that is to be dropped keeps its frames: it may stay at the root of a stack */
	for (size_t i = added->is_dropped ? 0 : n_dropped; !r && i < location->n_lines; i++)
		r = add_line(frames, location, &lines[i]);
	return r;
}

static int add_location(struct frames *frames, struct pruner *pruner,
			const struct profile_location *location)
{
	struct frame_location added = {.first = (uint32_t)frames->of_locations.n};
	int r = location->n_lines ? add_named(frames, pruner, location, &added)
				  : add_nameless(frames, pruner, location, &added);

	added.n = (uint32_t)frames->of_locations.n - added.first;
	return r ? r : vec_push(&frames->locations, added);
}

int frames_init(struct frames *frames, const struct profile *profile)
{
	return frames_init_view(frames, profile, &(struct frames_view){0});
}

int frames_init_view(struct frames *frames, const struct profile *profile,
		     const struct frames_view *view)
{
	struct pruner pruner = {0};
	int r;

	*frames = (struct frames){.profile = profile, .view = *view};
	r = pruner_init(&pruner, profile);
	for (size_t i = 0; !r && i < profile->locations.n; i++)
		r = add_location(frames, &pruner, &profile->locations.items[i]);
	pruner_deinit(&pruner);
	return r ? r : frames_pools_init(frames);
}

int frames_find_fileless(const struct profile *profile, struct strtab *out)
{
	uint32_t number;
	int r = 0;

	for (size_t i = 0; !r && i < profile->functions.n; i++) {
		const struct profile_function *function = &profile->functions.items[i];
		const char *name = profile_string(profile, function->name);

		if (!*profile_string(profile, function->filename))
			r = strtab_intern(out, name, strlen(name), &number);
	}
	return r;
}

void frames_deinit(struct frames *frames)
{
	strtab_deinit(&frames->strings);
	vec_deinit(&frames->functions);
	index_deinit(&frames->function_index);
	vec_deinit(&frames->locations);
	vec_deinit(&frames->of_locations);
	frames_pools_deinit(frames);
}

/* --- stacks -------------------------------------------------------------------------------- */

/* Returns how many locations of a stack are dropped, counted from the leaf. */
static size_t count_dropped(const struct frames *frames, const uint32_t *stack, size_t n)
{
	bool has_other = false;

	for (size_t i = n; i > 0; i--) {
		const struct frame_location *at = &frames->locations.items[stack[i - 1]];

		if (!at->is_dropped && !at->drops_callees)
			has_other = true;
		else if (has_other)
			return at->is_dropped ? i : i - 1;
	}
	return 0;
}

static int append_places(const struct frame_location *location, frame_vec *out)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < location->n; i++)
		r = vec_push(out, location->first + i);
	return r;
}

int frames_places_of_stack(const struct frames *frames, uint32_t stack, frame_vec *out)
{
	size_t n;
	const uint32_t *locations = profile_stack(frames->profile, stack, &n);
	int r = 0;

	out->n = 0;
	for (size_t i = count_dropped(frames, locations, n); !r && i < n; i++) {
		const struct frame_location *location = &frames->locations.items[locations[i]];

		if (location->n > FRAMES_MAX - out->n)
			break;
		r = append_places(location, out);
	}
	return r;
}

int frames_of_stack(const struct frames *frames, uint32_t stack, frame_vec *out)
{
	int r = frames_places_of_stack(frames, stack, out);

	for (size_t i = 0; !r && i < out->n; i++)
		out->items[i] = frames->of_locations.items[out->items[i]];
	return r;
}

const char *frames_name(const struct frames *frames, uint32_t function)
{
	return strtab_text(&frames->strings, frames->functions.items[function].name);
}

const char *frames_file(const struct frames *frames, uint32_t function)
{
	return strtab_text(&frames->strings, frames->functions.items[function].file);
}

const char *frames_source(const struct frames *frames, uint32_t function)
{
	return strtab_text(&frames->strings, frames->functions.items[function].source);
}
