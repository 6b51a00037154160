/* SPDX-License-Identifier: MIT */
#include "transform/canonical.h"

#include <errno.h>
#include <stdlib.h>

#include "transform/copy_between.h"

#define PAGE          4096
#define COMPARE(a, b) ((a) < (b) ? -1 : (a) > (b))

uint64_t canonical_size_in_pages(const struct profile_mapping *mapping)
{
	uint64_t size = mapping->limit - mapping->start;

	return size / PAGE + (size % PAGE != 0);
}

int canonical_compare_files(const struct profile *profile, uint32_t left, uint32_t right)
{
	const struct profile_mapping *a = &profile->mappings.items[left];
	const struct profile_mapping *b = &profile->mappings.items[right];
	int order;

	if (!a->file != !b->file)
		return a->file ? -1 : 1;
	order = strcmp(profile_string(profile, a->file), profile_string(profile, b->file));
	if (!order)
		order = strcmp(profile_string(profile, a->build_id),
			       profile_string(profile, b->build_id));
	if (!order)
		order = COMPARE(a->offset, b->offset);
	return order ? order : COMPARE(canonical_size_in_pages(a), canonical_size_in_pages(b));
}

typedef VEC(uint32_t) number_vec;

/* The sorted order of one kind of parts, such as functions. The rank of a part is its index in this
 * order; ranks of other kinds are kept to compare parts that refer to them. */
struct ranking {
	const struct profile *profile;
	uint32_t program;
	number_vec order;
	const uint32_t *mapping_ranks, *function_ranks, *location_ranks;
};

static int compare_strings(const struct profile *profile, uint32_t a, uint32_t b)
{
	return a == b ? 0 : strcmp(profile_string(profile, a), profile_string(profile, b));
}

static int compare_mappings(const void *left, const void *right, void *context)
{
	const uint32_t *a = left, *b = right;
	const struct ranking *ranking = context;
	const struct profile_mapping *mappings = ranking->profile->mappings.items;

	if (*a == ranking->program || *b == ranking->program)
		return *a == *b ? 0 : *a == ranking->program ? -1 : 1;
	if (mappings[*a].start != mappings[*b].start)
		return COMPARE(mappings[*a].start, mappings[*b].start);
	return canonical_compare_files(ranking->profile, *a, *b);
}

static int compare_functions(const void *left, const void *right, void *context)
{
	const struct ranking *ranking = context;
	const struct profile *profile = ranking->profile;
	const struct profile_function *a = &profile->functions.items[*(const uint32_t *)left];
	const struct profile_function *b = &profile->functions.items[*(const uint32_t *)right];
	int order = compare_strings(profile, a->name, b->name);

	if (!order)
		order = compare_strings(profile, a->filename, b->filename);
	if (!order)
		order = compare_strings(profile, a->system_name, b->system_name);
	return order ? order : COMPARE(a->start_line, b->start_line);
}

static uint32_t rank_of(const uint32_t *ranks, uint32_t number)
{
	return number == PROFILE_NONE ? PROFILE_NONE : ranks[number];
}

static int compare_lines(const struct ranking *ranking, const struct profile_line *a,
			 const struct profile_line *b)
{
	uint32_t a_function = rank_of(ranking->function_ranks, a->function);
	uint32_t b_function = rank_of(ranking->function_ranks, b->function);

	if (a_function != b_function)
		return COMPARE(a_function, b_function);
	if (a->line != b->line)
		return COMPARE(a->line, b->line);
	return COMPARE(a->column, b->column);
}

static int compare_locations(const void *left, const void *right, void *context)
{
	const struct ranking *ranking = context;
	const struct profile *profile = ranking->profile;
	const struct profile_location *a = &profile->locations.items[*(const uint32_t *)left];
	const struct profile_location *b = &profile->locations.items[*(const uint32_t *)right];
	uint32_t a_mapping = rank_of(ranking->mapping_ranks, a->mapping);
	uint32_t b_mapping = rank_of(ranking->mapping_ranks, b->mapping);

	if (a_mapping != b_mapping)
		return COMPARE(a_mapping, b_mapping);
	if (a->address != b->address)
		return COMPARE(a->address, b->address);
	if (a->n_lines != b->n_lines)
		return COMPARE(a->n_lines, b->n_lines);
	for (size_t i = 0; i < a->n_lines; i++) {
		int order = compare_lines(ranking, &profile_lines(profile, a)[i],
					  &profile_lines(profile, b)[i]);

		if (order)
			return order;
	}
	return COMPARE(a->is_folded, b->is_folded);
}

static int compare_stacks(const struct ranking *ranking, uint32_t left, uint32_t right)
{
	size_t n_left, n_right;
	const uint32_t *a = profile_stack(ranking->profile, left, &n_left);
	const uint32_t *b = profile_stack(ranking->profile, right, &n_right);

	for (size_t i = 0; i < n_left && i < n_right; i++) {
		uint32_t a_rank = ranking->location_ranks[a[i]];
		uint32_t b_rank = ranking->location_ranks[b[i]];

		if (a_rank != b_rank)
			return COMPARE(a_rank, b_rank);
	}
	return COMPARE(n_left, n_right);
}

static int compare_label(const struct profile *profile, const struct profile_label *a,
			 const struct profile_label *b)
{
	int order = compare_strings(profile, a->key, b->key);

	if (!order)
		order = compare_strings(profile, a->text, b->text);
	if (!order)
		order = COMPARE(a->number, b->number);
	return order ? order : compare_strings(profile, a->unit, b->unit);
}

static int compare_label_sets(const struct profile *profile, uint32_t left, uint32_t right)
{
	size_t n_left, n_right;
	const struct profile_label *a = profile_label_set(profile, left, &n_left);
	const struct profile_label *b = profile_label_set(profile, right, &n_right);

	for (size_t i = 0; i < n_left && i < n_right; i++) {
		int order = compare_label(profile, &a[i], &b[i]);

		if (order)
			return order;
	}
	return COMPARE(n_left, n_right);
}

static int compare_samples(const void *left, const void *right, void *context)
{
	const struct ranking *ranking = context;
	const struct profile *profile = ranking->profile;
	const struct profile_sample *a = &profile->samples.items[*(const uint32_t *)left];
	const struct profile_sample *b = &profile->samples.items[*(const uint32_t *)right];
	int order = compare_stacks(ranking, a->stack, b->stack);

	return order ? order : compare_label_sets(profile, a->labels, b->labels);
}

static int compare_comments(const void *left, const void *right, void *context)
{
	const struct ranking *ranking = context;
	const uint32_t *comments = ranking->profile->comments.items;

	return compare_strings(ranking->profile, comments[*(const uint32_t *)left],
			       comments[*(const uint32_t *)right]);
}

/* Sets the ranking's order to the numbers 0 to n - 1, sorted. Returns 0 or -ENOMEM. */
static int rank(struct ranking *ranking, size_t n,
		int (*compare)(const void *left, const void *right, void *context))
{
	ranking->order.n = 0;
	if (vec_reserve(&ranking->order, n) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		ranking->order.items[ranking->order.n++] = i;
	if (n)
		qsort_r(ranking->order.items, n, sizeof(uint32_t), compare, ranking);
	return 0;
}

/* Sets (*places)[number] to the rank of each part, which is its number in the copy. Returns 0 or
 * -ENOMEM. */
static int set_places(const struct ranking *ranking, uint32_t **places, size_t *n, size_t *capacity)
{
	number_vec set = {0};

	if (vec_reserve(&set, ranking->order.n) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < ranking->order.n; i++)
		set.items[ranking->order.items[i]] = i;
	*places = set.items;
	*n = ranking->order.n;
	*capacity = set.capacity;
	return 0;
}

/* --- the sorted copy ----------------------------------------------------------------------- */

#define SET_PLACES(ranking, vec) set_places(ranking, &(vec)->items, &(vec)->n, &(vec)->capacity)

static int copy_mappings(struct copy_between *t, struct ranking *ranking)
{
	int r = rank(ranking, t->from->mappings.n, compare_mappings);

	if (!r)
		r = SET_PLACES(ranking, &t->mappings);
	for (size_t i = 0; !r && i < ranking->order.n; i++) {
		struct profile_mapping mapping = t->from->mappings.items[ranking->order.items[i]];

		mapping.file = copy_between_string(t, mapping.file);
		mapping.build_id = copy_between_string(t, mapping.build_id);
		mapping.unknown = 0;
		profile_add_mapping(t->to, &mapping);
	}
	ranking->mapping_ranks = t->mappings.items;
	return r;
}

static int copy_functions(struct copy_between *t, struct ranking *ranking)
{
	int r = rank(ranking, t->from->functions.n, compare_functions);

	if (!r)
		r = SET_PLACES(ranking, &t->functions);
	for (size_t i = 0; !r && i < ranking->order.n; i++)
		copy_between_function(t, ranking->order.items[i]);
	ranking->function_ranks = t->functions.items;
	return r;
}

static int copy_location(struct copy_between *t, uint32_t number)
{
	struct profile_location location = t->from->locations.items[number];
	int r = copy_between_lines(t, &location);

	if (location.mapping != PROFILE_NONE) {
		location.address += t->from->mappings.items[location.mapping].start;
		location.mapping = t->mappings.items[location.mapping];
	}
	location.unknown = 0;
	if (!r)
		profile_add_location(t->to, &location, t->lines.items, t->lines.n);
	return r;
}

static int copy_locations(struct copy_between *t, struct ranking *ranking)
{
	int r = rank(ranking, t->from->locations.n, compare_locations);

	if (!r)
		r = SET_PLACES(ranking, &t->locations);
	for (size_t i = 0; !r && i < ranking->order.n; i++)
		r = copy_location(t, ranking->order.items[i]);
	ranking->location_ranks = t->locations.items;
	return r;
}

static int copy_samples(struct copy_between *t, struct ranking *ranking)
{
	int r = rank(ranking, t->from->samples.n, compare_samples);

	for (size_t i = 0; !r && i < ranking->order.n; i++)
		copy_between_sample(t, ranking->order.items[i]);
	return r;
}

static int copy_head(struct copy_between *t, struct ranking *ranking)
{
	const struct profile *from = t->from;
	struct profile *to = t->to;
	int r = rank(ranking, from->comments.n, compare_comments);

	copy_between_types(t);
	to->period = from->period;
	to->time_nanos = from->time_nanos;
	to->duration_nanos = from->duration_nanos;
	to->drop_frames = copy_between_string(t, from->drop_frames);
	to->keep_frames = copy_between_string(t, from->keep_frames);
	to->default_sample_type = copy_between_string(t, from->default_sample_type);
	to->doc_url = copy_between_string(t, from->doc_url);
	for (size_t i = 0; !r && i < ranking->order.n; i++) {
		uint32_t comment = from->comments.items[ranking->order.items[i]];

		profile_add_comment(to, profile_string(from, comment),
				    strtab_size(&from->strings, comment));
	}
	return r;
}

static int copy_sorted(struct copy_between *t, struct ranking *ranking)
{
	int r = copy_head(t, ranking);

	if (!r)
		r = copy_mappings(t, ranking);
	if (!r)
		r = copy_functions(t, ranking);
	if (!r)
		r = copy_locations(t, ranking);
	if (!r)
		r = profile_status(t->to);
	if (!r)
		r = copy_samples(t, ranking);
	return r ? r : profile_status(t->to);
}

struct profile *canonical_copy(const struct profile *profile, uint32_t program)
{
	struct profile *sorted = profile_new();
	struct ranking ranking = {.profile = profile, .program = program};
	struct copy_between translation;
	int r;

	if (!sorted)
		return NULL;
	r = copy_between_init(&translation, profile, sorted);
	if (!r)
		r = copy_sorted(&translation, &ranking);
	copy_between_deinit(&translation);
	vec_deinit(&ranking.order);
	if (r) {
		profile_free(sorted);
		return NULL;
	}
	return sorted;
}
