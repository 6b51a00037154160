/* SPDX-License-Identifier: MIT */
/* Pools as frames. The path of a pool, such as Top/Cache/Plan, has a function for each of its
 * parts: Top/Cache/Plan, in Top/Cache, in Top. So a pool holds what is in it, and cumulatively also
 * what is in the pools that it contains. Memory without a pool is one of its own. */
#include "transform/frames.h"

#include <errno.h>
#include <stdio.h>

#include "model/pool_labels.h"

#define NO_POOL "(no pool)"

enum {
	PARTS_MAX = 64, /* of a path; deeper ones are one pool */
};

struct keys { /* strings of the profile; PROFILE_NONE: no label has this key */
	uint32_t memory, name, path;
};

static uint32_t find_key(const struct profile *profile, const char *name)
{
	vec_foreach (label, &profile->labels)
		if (label->text && strcmp(profile_string(profile, label->key), name) == 0)
			return label->key;
	return PROFILE_NONE;
}

static const char *find_text(const struct profile *profile, uint32_t set, uint32_t key)
{
	size_t n;
	const struct profile_label *labels = profile_label_set(profile, set, &n);

	for (size_t i = 0; i < n; i++)
		if (labels[i].key == key && labels[i].text)
			return profile_string(profile, labels[i].text);
	return NULL;
}

/* --- paths --------------------------------------------------------------------------------- */

static int push_pool(struct frames *frames, const char *name, size_t size, struct frame_pool *pool)
{
	char *text = strndup(name, size);
	uint32_t number;
	int r = text ? frames_add_function(frames, text, "", &number) : -ENOMEM;

	free(text);
	if (!r)
		r = vec_push(&frames->of_pools, number);
	pool->n++;
	return r;
}

static int push_path(struct frames *frames, const char *path, struct frame_pool *pool)
{
	size_t size = strlen(path), at = size;
	int r = push_pool(frames, path, size, pool);

	while (!r && at > 0 && pool->n < PARTS_MAX) {
		const char *slash = memrchr(path, '/', at);

		at = slash ? (size_t)(slash - path) : 0;
		if (at > 0)
			r = push_pool(frames, path, at, pool);
	}
	return r;
}

static int add_pool(struct frames *frames, const struct keys *keys, uint32_t set)
{
	struct frame_pool pool = {.first = (uint32_t)frames->of_pools.n};
	const char *memory = find_text(frames->profile, set, keys->memory);
	const char *name = find_text(frames->profile, set, keys->name);
	const char *path = find_text(frames->profile, set, keys->path);
	int r = 0;

	if (name)
		r = strtab_intern(&frames->strings, name, strlen(name), &pool.name);
	if (!r && frames->view.by == FRAMES_BY_POOL) {
		if (memory && strcmp(memory, POOL_MEMORY_SLACK) == 0)
			path = POOL_SLACK_FUNCTION;
		r = push_path(frames, path ? path : name ? name : NO_POOL, &pool);
	}
	return r ? r : vec_push(&frames->pools, pool);
}

/* --- functions in pools -------------------------------------------------------------------- */

static uint64_t key_of(uint32_t function, uint32_t set)
{
	return (uint64_t)function << 32 | set;
}

static int name_in_pool(struct frames *frames, uint32_t function, uint32_t set)
{
	const char *pool = strtab_text(&frames->strings, frames->pools.items[set].name);
	uint32_t number;
	char *name;
	int r;

	if (asprintf(&name, "%s [%s]", frames_name(frames, function), pool) < 0)
		return -ENOMEM;
	r = frames_add_function(frames, name, frames_file(frames, function), &number);
	free(name);
	return r ? r : number_map_insert(&frames->in_pools, key_of(function, set), number);
}

/* Adds the innermost functions of all samples that have a pool. */
static int add_functions(struct frames *frames)
{
	frame_vec stack = {0};
	int r = 0;

	for (size_t i = 0; !r && i < frames->profile->samples.n; i++) {
		const struct profile_sample *sample = &frames->profile->samples.items[i];

		if (!frames->pools.items[sample->labels].name)
			continue;
		r = frames_of_stack(frames, sample->stack, &stack);
		if (!r && stack.n &&
		    number_map_find(&frames->in_pools, key_of(stack.items[0], sample->labels)) ==
			    NUMBER_MAP_NONE)
			r = name_in_pool(frames, stack.items[0], sample->labels);
	}
	vec_deinit(&stack);
	return r;
}

/* --- what frames.c calls ------------------------------------------------------------------- */

int frames_pools_init(struct frames *frames)
{
	const struct profile *profile = frames->profile;
	struct keys keys;
	int r = 0;

	if (frames->view.by != FRAMES_BY_POOL && frames->view.by != FRAMES_BY_POOL_FUNCTION)
		return 0;
	keys = (struct keys){find_key(profile, POOL_LABEL_MEMORY),
			     find_key(profile, POOL_LABEL_NAME),
			     find_key(profile, POOL_LABEL_PATH)};
	for (uint32_t i = 0; !r && i < profile->label_sets.n; i++)
		r = add_pool(frames, &keys, i);
	if (!r && frames->view.by == FRAMES_BY_POOL_FUNCTION)
		r = add_functions(frames);
	return r;
}

void frames_pools_deinit(struct frames *frames)
{
	vec_deinit(&frames->pools);
	vec_deinit(&frames->of_pools);
	number_map_deinit(&frames->in_pools);
}

int frames_of_sample(const struct frames *frames, uint32_t sample, frame_vec *out)
{
	const struct profile_sample *s = &frames->profile->samples.items[sample];
	const struct frame_pool *pool = vec_from(&frames->pools, s->labels);
	uint32_t in_pool;
	int r;

	if (frames->view.by == FRAMES_BY_POOL) {
		out->n = 0;
		return vec_append(out, vec_from(&frames->of_pools, pool->first), pool->n);
	}
	r = frames_of_stack(frames, s->stack, out);
	if (r || frames->view.by != FRAMES_BY_POOL_FUNCTION || !out->n || !pool->name)
		return r;
	in_pool = number_map_find(&frames->in_pools, key_of(out->items[0], s->labels));
	if (in_pool != NUMBER_MAP_NONE)
		out->items[0] = in_pool;
	return 0;
}
