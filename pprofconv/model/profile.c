/* SPDX-License-Identifier: MIT */
#include "model/profile.h"

#include <assert.h>

#include "base/hash.h"
#include "base/path.h"

/* Records `r` if it is the first failure. Returns true if there is a failure, now or from
 * before. */
static bool failed(struct profile *profile, int r)
{
	if (r < 0 && !profile->status)
		profile->status = r;
	return profile->status < 0;
}

/* Returns whether a failed profile or the limit on numbers prevents the addition of an item after
 * the first `n`. Reaching the limit is recorded as a failure. */
static bool is_full(struct profile *profile, size_t n)
{
	return failed(profile, n >= PROFILE_NONE - 1 ? -EOVERFLOW : 0);
}

struct profile *profile_new(void)
{
	struct profile *profile = calloc(1, sizeof(*profile));

	if (profile && vec_push(&profile->label_sets, (struct profile_label_set){0}) < 0) {
		free(profile);
		return NULL;
	}
	return profile;
}

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	vec_deinit(&profile->sample_types);
	vec_deinit(&profile->samples);
	vec_deinit(&profile->values);
	vec_deinit(&profile->stacks);
	vec_deinit(&profile->frames);
	vec_deinit(&profile->label_sets);
	vec_deinit(&profile->labels);
	vec_deinit(&profile->locations);
	vec_deinit(&profile->lines);
	vec_deinit(&profile->functions);
	vec_deinit(&profile->mappings);
	vec_deinit(&profile->comments);
	strtab_deinit(&profile->strings);
	strtab_deinit(&profile->unknown_fields);
	index_deinit(&profile->sample_index);
	index_deinit(&profile->stack_index);
	index_deinit(&profile->label_index);
	number_map_deinit(&profile->address_map);
	index_deinit(&profile->function_index);
	free(profile);
}

int profile_status(const struct profile *profile)
{
	return profile->status;
}

void profile_fail(struct profile *profile, int code)
{
	failed(profile, code);
}

/* --- strings ------------------------------------------------------------------------------- */

uint32_t profile_intern_bytes(struct profile *profile, const char *text, size_t size)
{
	uint32_t string;

	if (failed(profile, 0) ||
	    failed(profile, strtab_intern(&profile->strings, text, size, &string)))
		return 0;
	return string;
}

uint32_t profile_intern(struct profile *profile, const char *text)
{
	return profile_intern_bytes(profile, text, strlen(text));
}

const char *profile_string(const struct profile *profile, uint32_t string)
{
	return strtab_text(&profile->strings, string);
}

/* --- samples ------------------------------------------------------------------------------- */

size_t profile_add_sample_type(struct profile *profile, const char *type, const char *unit)
{
	struct profile_value_type value_type = {
		.type = profile_intern(profile, type),
		.unit = profile_intern(profile, unit),
	};
	bool too_many = profile->sample_types.n == SAMPLE_TYPES_MAX;

	if (failed(profile, too_many ? -EOVERFLOW : 0) ||
	    failed(profile, vec_push(&profile->sample_types, value_type)))
		return 0;
	return profile->sample_types.n - 1;
}

int profile_find_sample_type(const struct profile *profile, const char *type)
{
	for (size_t i = 0; i < profile->sample_types.n; i++)
		if (!strcmp(profile_string(profile, profile->sample_types.items[i].type), type))
			return (int)i;
	return -1;
}

static bool same_sample(const struct profile_sample *a, const struct profile_sample *b)
{
	return a->stack == b->stack && a->labels == b->labels && a->unknown == b->unknown;
}

static uint64_t hash_sample(const struct profile_sample *sample)
{
	uint64_t hash = hash_mix(sample->stack, sample->labels);

	return sample->unknown ? hash_mix(hash, sample->unknown) : hash;
}

/* Returns the number of the sample with that key, or PROFILE_NONE. */
static uint32_t find_sample(const struct profile *profile, const struct profile_sample *key,
			    uint64_t hash)
{
	uint32_t id = profile->stacks.items[key->stack].first_sample;
	struct index_walk walk = index_walk(&profile->sample_index, hash);

	if (id == PROFILE_NONE || same_sample(&profile->samples.items[id], key))
		return id;
	while (index_next(&walk, &id))
		if (same_sample(&profile->samples.items[id], key))
			return id;
	return PROFILE_NONE;
}

static int sum_values(int64_t *sums, const int64_t *values, size_t n)
{
	bool overflow = false;

	for (size_t i = 0; i < n; i++)
		overflow |= __builtin_add_overflow(sums[i], values[i], &sums[i]);
	return overflow ? -EOVERFLOW : 0;
}

/* Makes find_sample() find the new sample `id`: through its stack if it is the stack's first
 * sample, otherwise through the index. Nearly all samples are the first of their stacks, so the
 * index of a large profile stays small, and most samples cost no cache miss in it. */
static int index_sample(struct profile *profile, uint32_t stack, uint64_t hash, uint32_t id)
{
	uint32_t *first = &profile->stacks.items[stack].first_sample;

	if (*first != PROFILE_NONE)
		return index_insert(&profile->sample_index, hash, id);
	*first = id;
	return 0;
}

uint32_t profile_add_sample(struct profile *profile, struct profile_sample key,
			    const int64_t *values)
{
	size_t n_values = profile->sample_types.n;
	uint64_t hash = hash_sample(&key);
	uint32_t id;

	if (is_full(profile, profile->samples.n))
		return 0;
	id = find_sample(profile, &key, hash);
	if (id != PROFILE_NONE) {
		failed(profile, sum_values(profile_values(profile, id), values, n_values));
		return id;
	}
	id = (uint32_t)profile->samples.n;
	if (failed(profile, index_sample(profile, key.stack, hash, id)) ||
	    failed(profile, vec_append(&profile->values, values, n_values)) ||
	    failed(profile, vec_push(&profile->samples, key)))
		return 0;
	return id;
}

/* --- stacks and labels --------------------------------------------------------------------- */

uint32_t profile_add_stack(struct profile *profile, const uint32_t *locations, size_t n)
{
	size_t n_bytes = n * sizeof(*locations), n_frames;
	uint64_t hash = hash_bytes(0, locations, n_bytes);
	struct index_walk walk = index_walk(&profile->stack_index, hash);
	struct profile_stack stack;
	uint32_t id;

	if (is_full(profile, profile->stacks.n) || is_full(profile, profile->frames.n + n))
		return 0;
	while (index_next(&walk, &id)) {
		const uint32_t *frames = profile_stack(profile, id, &n_frames);

		if (n_frames == n && (n == 0 || memcmp(frames, locations, n_bytes) == 0))
			return id;
	}
	id = (uint32_t)profile->stacks.n;
	stack = (struct profile_stack){
		.first_frame = (uint32_t)profile->frames.n,
		.n_frames = (uint32_t)n,
		.first_sample = PROFILE_NONE,
	};
	if (failed(profile, index_insert(&profile->stack_index, hash, id)) ||
	    failed(profile, vec_append(&profile->frames, locations, n)) ||
	    failed(profile, vec_push(&profile->stacks, stack)))
		return 0;
	return id;
}

static bool same_labels(const struct profile_label *a, const struct profile_label *b, size_t n)
{
	assert(!n || (a && b));
	for (size_t i = 0; i < n; i++)
		if (a[i].key != b[i].key || a[i].text != b[i].text || a[i].unit != b[i].unit ||
		    a[i].unknown != b[i].unknown || a[i].number != b[i].number)
			return false;
	return true;
}

static uint64_t hash_labels(const struct profile_label *labels, size_t n)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < n; i++) {
		hash = hash_mix(hash ^ labels[i].key, (uint64_t)labels[i].number);
		hash = hash_mix(hash ^ labels[i].text, labels[i].unit);
		hash = hash_mix(hash, labels[i].unknown);
	}
	return hash;
}

uint32_t profile_add_labels(struct profile *profile, const struct profile_label *labels, size_t n)
{
	uint64_t hash = hash_labels(labels, n);
	struct index_walk walk = index_walk(&profile->label_index, hash);
	struct profile_label_set set;
	uint32_t id;

	if (n == 0 || is_full(profile, profile->label_sets.n) ||
	    is_full(profile, profile->labels.n + n))
		return 0;
	while (index_next(&walk, &id)) {
		set = profile->label_sets.items[id];
		if (set.n_labels == n &&
		    same_labels(vec_from(&profile->labels, set.first_label), labels, n))
			return id;
	}
	id = (uint32_t)profile->label_sets.n;
	set = (struct profile_label_set){(uint32_t)profile->labels.n, (uint32_t)n};
	if (failed(profile, index_insert(&profile->label_index, hash, id)) ||
	    failed(profile, vec_append(&profile->labels, labels, n)) ||
	    failed(profile, vec_push(&profile->label_sets, set)))
		return 0;
	return id;
}

/* --- locations and functions --------------------------------------------------------------- */

uint32_t profile_location_at(struct profile *profile, uint64_t address)
{
	struct profile_location location = {.address = address, .mapping = PROFILE_NONE};
	uint32_t id = number_map_find(&profile->address_map, address);

	if (id != NUMBER_MAP_NONE)
		return id;
	id = profile_add_location(profile, &location, NULL, 0);
	if (!failed(profile, 0))
		failed(profile, number_map_insert(&profile->address_map, address, id));
	return id;
}

void profile_locations_at(struct profile *profile, const uint64_t *addresses, size_t n,
			  uint32_t *out_locations)
{
	for (size_t i = 0; i < n; i++)
		number_map_prefetch(&profile->address_map, addresses[i]);
	for (size_t i = 0; i < n; i++)
		out_locations[i] = profile_location_at(profile, addresses[i]);
}

uint32_t profile_add_location(struct profile *profile, const struct profile_location *location,
			      const struct profile_line *lines, size_t n_lines)
{
	uint32_t id = (uint32_t)profile->locations.n;

	if (is_full(profile, profile->locations.n) ||
	    failed(profile, vec_push(&profile->locations, *location)))
		return 0;
	profile->locations.items[id].n_lines = 0;
	profile_set_lines(profile, id, lines, n_lines);
	return id;
}

void profile_set_lines(struct profile *profile, uint32_t location, const struct profile_line *lines,
		       size_t n_lines)
{
	struct profile_location *changed;

	if (is_full(profile, profile->lines.n + n_lines) ||
	    failed(profile, n_lines > LOCATION_LINES_MAX ? -EOVERFLOW : 0))
		return;
	changed = &profile->locations.items[location];
	if (n_lines > changed->n_lines) {
		changed->first_line = (uint32_t)profile->lines.n;
		if (failed(profile, vec_append(&profile->lines, lines, n_lines)))
			return;
	} else if (n_lines) {
		memcpy(profile->lines.items + changed->first_line, lines, n_lines * sizeof(*lines));
	}
	changed->n_lines = (uint32_t)n_lines & INT32_MAX;
}

static bool same_function(const struct profile_function *a, const struct profile_function *b)
{
	return a->name == b->name && a->system_name == b->system_name &&
	       a->filename == b->filename && a->unknown == b->unknown &&
	       a->start_line == b->start_line;
}

static uint64_t hash_function(const struct profile_function *function)
{
	uint64_t hash = hash_mix(function->name, function->system_name);

	hash = hash_mix(hash ^ function->filename, (uint64_t)function->start_line);
	return hash_mix(hash, function->unknown);
}

uint32_t profile_add_function(struct profile *profile, const struct profile_function *function)
{
	uint64_t hash = hash_function(function);
	struct index_walk walk = index_walk(&profile->function_index, hash);
	uint32_t id;

	if (is_full(profile, profile->functions.n))
		return 0;
	while (index_next(&walk, &id))
		if (same_function(&profile->functions.items[id], function))
			return id;
	id = (uint32_t)profile->functions.n;
	if (failed(profile, index_insert(&profile->function_index, hash, id)) ||
	    failed(profile, vec_push(&profile->functions, *function)))
		return 0;
	return id;
}

uint32_t profile_add_mapping(struct profile *profile, const struct profile_mapping *mapping)
{
	if (is_full(profile, profile->mappings.n) ||
	    failed(profile, vec_push(&profile->mappings, *mapping)))
		return 0;
	return (uint32_t)profile->mappings.n - 1;
}

/* --- comments ------------------------------------------------------------------------------ */

void profile_extend_mapping(struct profile *profile, uint32_t mapping, uint64_t limit)
{
	if (mapping < profile->mappings.n && profile->mappings.items[mapping].limit < limit)
		profile->mappings.items[mapping].limit = limit;
}

void profile_add_comment(struct profile *profile, const char *text, size_t size)
{
	uint32_t string = profile_intern_bytes(profile, text, size);

	if (!profile->status)
		failed(profile, vec_push(&profile->comments, string));
}

int64_t profile_bytes_period(const struct profile *profile)
{
	bool is_told = profile->period > 0 &&
		       strcmp(profile_string(profile, profile->period_type.unit), "bytes") == 0;

	return is_told ? profile->period : 0;
}

const char *profile_comment_value(const struct profile *profile, uint32_t comment, const char *key)
{
	const char *text = profile_string(profile, comment);
	size_t key_size = strlen(key);

	if (strncmp(text, key, key_size) != 0 || strncmp(text + key_size, ": ", 2) != 0)
		return NULL;
	return text + key_size + 2;
}

const char *profile_program(const struct profile *profile)
{
	return profile->mappings.n
		       ? path_last_part(profile_string(profile, profile->mappings.items[0].file))
		       : "";
}

const char *profile_metadata(const struct profile *profile, const char *key)
{
	vec_foreach (comment, &profile->comments) {
		const char *value = profile_comment_value(profile, *comment, key);

		if (value)
			return value;
	}
	return NULL;
}

uint64_t profile_metadata_number(const struct profile *profile, const char *key)
{
	const char *text = profile_metadata(profile, key);

	return text ? strtoull(text, NULL, 10) : 0;
}
