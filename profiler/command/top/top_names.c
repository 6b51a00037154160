/* SPDX-License-Identifier: MIT */
/* New stacks are copied to a profile of their own, which is then named and taken apart. So a round
 * costs as much as it has new stacks, however many the process has. */
#include "command/top/top_names.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "commands/command.h"
#include "model/pool_labels.h"
#include "transform/frames.h"

void top_names_init(struct top_names *names, const struct settings *settings, const regex_t *hide)
{
	*names = (struct top_names){.settings = settings, .hide = hide};
}

void top_names_deinit(struct top_names *names)
{
	strtab_deinit(&names->strings);
	vec_deinit(&names->functions);
	index_deinit(&names->function_index);
	vec_deinit(&names->chains.items);
	vec_deinit(&names->chains.functions);
	index_deinit(&names->chains.index);
	vec_deinit(&names->stacks);
	number_map_deinit(&names->known);
}

/* --- functions and chains ------------------------------------------------------------------ */

static int add_function(struct top_names *names, const char *name, const char *file,
			uint32_t *out_number)
{
	struct top_function function = {0};
	struct index_walk walk;
	uint64_t hash;
	int r = strtab_intern(&names->strings, name, strlen(name), &function.name);

	r = r ? r : strtab_intern(&names->strings, file, strlen(file), &function.file);
	if (r)
		return r;
	hash = hash_mix(function.name, function.file);
	walk = index_walk(&names->function_index, hash);
	while (index_next(&walk, out_number)) {
		const struct top_function *known = &names->functions.items[*out_number];

		if (known->name == function.name && known->file == function.file)
			return 0;
	}
	*out_number = (uint32_t)names->functions.n;
	r = vec_push(&names->functions, function);
	return r ? r : index_insert(&names->function_index, hash, *out_number);
}

static bool is_chain(const struct top_chains *chains, uint32_t number, const frame_vec *functions)
{
	const struct top_chain *chain = &chains->items.items[number];

	if (chain->n != functions->n)
		return false;
	for (size_t i = 0; i < chain->n; i++)
		if (chains->functions.items[chain->first + i] != functions->items[i])
			return false;
	return true;
}

static int add_chain(struct top_chains *chains, const frame_vec *functions, uint32_t *out_number)
{
	uint64_t hash = hash_bytes(0, functions->items, functions->n * sizeof(*functions->items));
	struct index_walk walk = index_walk(&chains->index, hash);
	struct top_chain chain = {(uint32_t)chains->functions.n, (uint32_t)functions->n};
	int r;

	while (index_next(&walk, out_number))
		if (is_chain(chains, *out_number, functions))
			return 0;
	*out_number = (uint32_t)chains->items.n;
	r = vec_append(&chains->functions, functions->items, functions->n);
	if (!r)
		r = vec_push(&chains->items, chain);
	return r ? r : index_insert(&chains->index, hash, *out_number);
}

/* --- new stacks ---------------------------------------------------------------------------- */

struct fresh_stack {
	uint32_t number; /* in `profile` */
	uint32_t pool;   /* its name, a string of `from`; 0: none */
	uint64_t key;
};

struct fresh { /* the stacks of a profile that are new, as a profile of their own */
	const struct profile *from;
	struct profile *profile;
	uint32_t pool_label;         /* the key of labels with names of pools, or PROFILE_NONE */
	VEC(uint64_t) location_keys; /* of each location of `from` */
	VEC(uint64_t) stack_keys;    /* of each stack of `from` */
	VEC(uint32_t) locations;     /* their numbers in `profile`; PROFILE_NONE: not copied yet */
	VEC(struct fresh_stack) stacks;
	struct number_map known; /* from a key to the number in `stacks` */
	frame_vec buffer;
};

/* Returns a key of a location: its file and its place in it. Addresses alone would not do, because
 * another library may be opened where one was closed. */
static uint64_t location_key(const struct profile *profile, const struct profile_location *location)
{
	const struct profile_mapping *mapping;
	const char *file, *id;

	if (location->mapping == PROFILE_NONE)
		return hash_mix(location->address, 0);
	mapping = &profile->mappings.items[location->mapping];
	file = profile_string(profile, mapping->file);
	id = profile_string(profile, mapping->build_id);
	return hash_mix(hash_bytes(hash_bytes(0, file, strlen(file)), id, strlen(id)),
			location->address - mapping->start + mapping->offset);
}

static uint64_t stack_key(const struct fresh *fresh, uint32_t stack)
{
	size_t n;
	const uint32_t *locations = profile_stack(fresh->from, stack, &n);
	uint64_t key = n;

	for (size_t i = 0; i < n; i++)
		key = hash_mix(key, fresh->location_keys.items[locations[i]]);
	return key;
}

/* Returns the name of the sample's pool, a string, or 0. */
static uint32_t pool_of(const struct fresh *fresh, uint32_t sample)
{
	const struct profile *from = fresh->from;
	size_t n;
	const struct profile_label *labels =
		profile_label_set(from, from->samples.items[sample].labels, &n);

	for (size_t i = 0; i < n; i++)
		if (labels[i].key == fresh->pool_label)
			return labels[i].text;
	return 0;
}

static uint64_t sample_key(const struct fresh *fresh, uint32_t sample)
{
	const char *pool = profile_string(fresh->from, pool_of(fresh, sample));
	uint64_t key;

	assert(fresh->stack_keys.items); /* a sample has a stack */
	key = fresh->stack_keys.items[fresh->from->samples.items[sample].stack];
	return *pool ? hash_bytes(key, pool, strlen(pool)) : key;
}

static uint32_t find_pool_label(const struct profile *profile)
{
	vec_foreach (label, &profile->labels)
		if (label->text &&
		    strcmp(profile_string(profile, label->key), POOL_LABEL_NAME) == 0)
			return label->key;
	return PROFILE_NONE;
}

static int fresh_init(struct fresh *fresh, const struct profile *from)
{
	int r = 0;

	*fresh = (struct fresh){.from = from, .pool_label = find_pool_label(from)};
	for (size_t i = 0; !r && i < from->locations.n; i++) {
		r = vec_push(&fresh->location_keys, location_key(from, &from->locations.items[i]));
		if (!r)
			r = vec_push(&fresh->locations, PROFILE_NONE);
	}
	for (uint32_t i = 0; !r && i < from->stacks.n; i++)
		r = vec_push(&fresh->stack_keys, stack_key(fresh, i));
	return r;
}

static void fresh_deinit(struct fresh *fresh)
{
	profile_free(fresh->profile);
	vec_deinit(&fresh->location_keys);
	vec_deinit(&fresh->locations);
	vec_deinit(&fresh->stack_keys);
	vec_deinit(&fresh->stacks);
	number_map_deinit(&fresh->known);
	vec_deinit(&fresh->buffer);
}

static uint32_t copy_string(struct fresh *fresh, uint32_t string)
{
	return profile_intern(fresh->profile, profile_string(fresh->from, string));
}

/* Begins the profile of new stacks: with all mappings, under the same numbers. */
static int begin_profile(struct fresh *fresh)
{
	fresh->profile = profile_new();
	if (!fresh->profile)
		return -ENOMEM;
	fresh->profile->process = fresh->from->process;
	fresh->profile->drop_frames = copy_string(fresh, fresh->from->drop_frames);
	fresh->profile->keep_frames = copy_string(fresh, fresh->from->keep_frames);
	vec_foreach (mapping, &fresh->from->mappings) {
		struct profile_mapping copy = *mapping;

		copy.file = copy_string(fresh, mapping->file);
		copy.build_id = copy_string(fresh, mapping->build_id);
		copy.unknown = 0;
		profile_add_mapping(fresh->profile, &copy);
	}
	return profile_status(fresh->profile);
}

static int copy_lines(struct fresh *fresh, const struct profile_location *location,
		      struct profile_line *out)
{
	const struct profile_line *lines = profile_lines(fresh->from, location);

	for (size_t i = 0; i < location->n_lines; i++) {
		struct profile_function function = {0};

		out[i] = lines[i];
		out[i].unknown = 0;
		if (lines[i].function == PROFILE_NONE)
			continue;
		function = fresh->from->functions.items[lines[i].function];
		function.name = copy_string(fresh, function.name);
		function.system_name = copy_string(fresh, function.system_name);
		function.filename = copy_string(fresh, function.filename);
		function.unknown = 0;
		out[i].function = profile_add_function(fresh->profile, &function);
	}
	return profile_status(fresh->profile);
}

/* Copies a location. Those of dumps have no lines yet. */
static int copy_location(struct fresh *fresh, uint32_t number)
{
	const struct profile_location *from = &fresh->from->locations.items[number];
	struct profile_location copy = *from;
	struct profile_line lines[LOCATION_LINES_MAX];
	int r;

	if (fresh->locations.items[number] != PROFILE_NONE)
		return 0;
	r = copy_lines(fresh, from, lines);
	copy.unknown = 0;
	if (!r)
		fresh->locations.items[number] =
			profile_add_location(fresh->profile, &copy, lines, from->n_lines);
	return r ? r : profile_status(fresh->profile);
}

/* Copies the stack of a sample. */
static int copy_stack(struct fresh *fresh, uint32_t sample, uint64_t key)
{
	size_t n;
	const uint32_t *locations =
		profile_stack(fresh->from, fresh->from->samples.items[sample].stack, &n);
	struct fresh_stack stack = {.pool = pool_of(fresh, sample), .key = key};
	int r = fresh->profile ? 0 : begin_profile(fresh);

	fresh->buffer.n = 0;
	for (size_t i = 0; !r && i < n && fresh->locations.items; i++) {
		r = copy_location(fresh, locations[i]);
		if (!r)
			r = vec_push(&fresh->buffer, fresh->locations.items[locations[i]]);
	}
	if (!r)
		r = number_map_insert(&fresh->known, key, (uint32_t)fresh->stacks.n);
	if (!r) {
		stack.number =
			profile_add_stack(fresh->profile, fresh->buffer.items, fresh->buffer.n);
		r = vec_push(&fresh->stacks, stack);
	}
	return r ? r : profile_status(fresh->profile);
}

/* Replaces a function by the same one in a pool. */
static int put_in_pool(struct top_names *names, const char *pool, uint32_t *function)
{
	const char *file = top_function_file(names, *function);
	char *name, *copy = strdup(file); /* the strings may move */
	int r = -ENOMEM;

	if (asprintf(&name, "%s [%s]", top_function_name(names, *function), pool) < 0)
		name = NULL;
	if (name && copy)
		r = add_function(names, name, copy, function);
	free(name);
	free(copy);
	return r;
}

/* Adds the chain of a stack of the profile of new stacks. `functions` has the number of each
 * function of the frames. */
static int name_stack(struct top_names *names, struct fresh *fresh, const struct frames *frames,
		      const uint32_t *functions, const struct fresh_stack *stack,
		      uint32_t *out_chain)
{
	int r = frames_of_stack(frames, stack->number, &fresh->buffer);

	if (r)
		return r;
	vec_foreach (function, &fresh->buffer) {
		assert(functions); /* the frames have functions if a stack has */
		*function = functions[*function];
	}
	if (stack->pool && fresh->buffer.n)
		r = put_in_pool(names, profile_string(fresh->from, stack->pool),
				&fresh->buffer.items[0]);
	return r ? r : add_chain(&names->chains, &fresh->buffer, out_chain);
}

/* Names all stacks of the profile of new stacks, as the expression says, and sets the chains. */
static int name_stacks(struct top_names *names, struct fresh *fresh, const regex_t *hide,
		       uint32_t *out_chains)
{
	const struct frames_view view = {.hide = hide};
	struct frames frames;
	VEC(uint32_t) functions = {0};
	int r = frames_init_view(&frames, fresh->profile, &view);

	for (uint32_t i = 0; !r && i < frames.functions.n; i++) {
		uint32_t number;

		r = add_function(names, frames_name(&frames, i), frames_file(&frames, i), &number);
		if (!r)
			r = vec_push(&functions, number);
	}
	for (uint32_t i = 0; !r && i < fresh->stacks.n; i++)
		r = name_stack(names, fresh, &frames, functions.items, &fresh->stacks.items[i],
			       &out_chains[i]);
	vec_deinit(&functions);
	frames_deinit(&frames);
	return r;
}

static int add_stacks(struct top_names *names, const struct fresh *fresh, const uint32_t *all,
		      const uint32_t *visible)
{
	int r = 0;

	for (size_t i = 0; !r && i < fresh->stacks.n; i++) {
		uint32_t number = (uint32_t)names->stacks.n;

		r = vec_push(&names->stacks, (struct top_named){all[i], visible[i]});
		if (!r)
			r = number_map_insert(&names->known, fresh->stacks.items[i].key, number);
	}
	names->n_named += fresh->stacks.n;
	return r;
}

static int take_names(struct top_names *names, struct fresh *fresh)
{
	size_t n = fresh->stacks.n;
	_cleanup_(freep) void *all = calloc(n, sizeof(uint32_t));
	_cleanup_(freep) void *visible = calloc(n, sizeof(uint32_t));
	int r = all && visible ? name_stacks(names, fresh, NULL, all) : -ENOMEM;

	if (!r)
		r = name_stacks(names, fresh, names->hide, visible);
	return r ? r : add_stacks(names, fresh, all, visible);
}

/* --- readings ------------------------------------------------------------------------------ */

/* Copies the stacks that are not known. */
static int find_new(const struct top_names *names, struct fresh *fresh)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < fresh->from->samples.n; i++) {
		uint64_t key = sample_key(fresh, i);

		if (number_map_find(&names->known, key) == NUMBER_MAP_NONE &&
		    number_map_find(&fresh->known, key) == NUMBER_MAP_NONE)
			r = copy_stack(fresh, i, key);
	}
	return r;
}

/* All stacks are known. */
static int find_numbers(const struct top_names *names, const struct fresh *fresh,
			top_stack_vec *out)
{
	int r = 0;

	out->n = 0;
	for (uint32_t i = 0; !r && i < fresh->from->samples.n; i++)
		r = vec_push(out, number_map_find(&names->known, sample_key(fresh, i)));
	return r;
}

int top_names_find(struct top_names *names, const struct profile *profile, top_stack_vec *out)
{
	struct fresh fresh;
	int r = fresh_init(&fresh, profile), status = EXIT_DONE;

	if (!r)
		r = find_new(names, &fresh);
	if (!r && fresh.profile)
		status = command_symbolize(names->settings, 1, fresh.profile);
	if (!r && !status && fresh.profile)
		r = take_names(names, &fresh);
	if (!r && !status)
		r = find_numbers(names, &fresh, out);
	fresh_deinit(&fresh);
	return r ? command_error("%s", strerror(-r)) : status;
}
