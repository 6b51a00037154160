/* SPDX-License-Identifier: MIT */
/* Profiles are first added up in the order they come in, then everything is copied in an order that
 * hangs on nothing but content. While profiles are added up, addresses are counted from the start
 * of their mapping, since that moves. */
#include "analysis/merge.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

#define PAGE          4096
#define COMPARE(a, b) ((a) < (b) ? -1 : (a) > (b))

struct merge {
	struct profile *sum;
	bool has_any;
	uint32_t program; /* number of a mapping, or PROFILE_NONE */
	struct index location_index;
	struct index mapping_index;
	VEC(bool) comments; /* by string: whether it is one already */
};

/* From the numbers of a profile that is added to those of the sum, or of a profile to its sorted
 * copy. */
struct translation {
	const struct profile *from;
	struct profile *to;
	VEC(uint32_t) strings; /* PROFILE_NONE: not needed so far */
	VEC(uint32_t) mappings, functions, locations, stacks;
	VEC(uint32_t) frames; /* a stack at hand */
	VEC(struct profile_line) lines;
	VEC(struct profile_label) labels;
};

static int translation_init(struct translation *translation, const struct profile *from,
			    struct profile *to)
{
	int r;

	*translation = (struct translation){.from = from, .to = to};
	r = vec_reserve(&translation->strings, strtab_count(&from->strings));
	for (size_t i = 0; !r && i < strtab_count(&from->strings); i++)
		r = vec_push(&translation->strings, PROFILE_NONE);
	return r;
}

static void translation_deinit(struct translation *translation)
{
	vec_deinit(&translation->strings);
	vec_deinit(&translation->mappings);
	vec_deinit(&translation->functions);
	vec_deinit(&translation->locations);
	vec_deinit(&translation->stacks);
	vec_deinit(&translation->frames);
	vec_deinit(&translation->lines);
	vec_deinit(&translation->labels);
}

static uint32_t translate_string(struct translation *t, uint32_t string)
{
	uint32_t *known = &t->strings.items[string];

	if (*known == PROFILE_NONE)
		*known = profile_intern_bytes(t->to, profile_string(t->from, string),
					      strtab_size(&t->from->strings, string));
	return *known;
}

static uint32_t translate_number(const uint32_t *numbers, uint32_t number)
{
	return number == PROFILE_NONE ? PROFILE_NONE : numbers[number];
}

/* --- things that are told apart by content ------------------------------------------------- */

static uint32_t translate_function(struct translation *t, uint32_t number)
{
	struct profile_function function = t->from->functions.items[number];

	function.name = translate_string(t, function.name);
	function.system_name = translate_string(t, function.system_name);
	function.filename = translate_string(t, function.filename);
	function.unknown = 0;
	return profile_add_function(t->to, &function);
}

static int translate_lines(struct translation *t, const struct profile_location *location)
{
	const struct profile_line *lines = profile_lines(t->from, location);
	int r = 0;

	t->lines.n = 0;
	for (size_t i = 0; !r && i < location->n_lines; i++) {
		struct profile_line line = lines[i];

		line.function = translate_number(t->functions.items, line.function);
		line.unknown = 0;
		r = vec_push(&t->lines, line);
	}
	return r;
}

static uint32_t translate_stack(struct translation *t, uint32_t stack)
{
	size_t n;
	const uint32_t *frames = profile_stack(t->from, stack, &n);

	t->frames.n = 0;
	if (vec_reserve(&t->frames, n) < 0) {
		profile_fail(t->to, -ENOMEM);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		t->frames.items[t->frames.n++] = t->locations.items[frames[i]];
	return profile_add_stack(t->to, t->frames.items, n);
}

static uint32_t translate_labels(struct translation *t, uint32_t labels)
{
	size_t n;
	const struct profile_label *from = profile_label_set(t->from, labels, &n);

	t->labels.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct profile_label label = from[i];

		label.key = translate_string(t, label.key);
		label.text = translate_string(t, label.text);
		label.unit = translate_string(t, label.unit);
		label.unknown = 0;
		if (vec_push(&t->labels, label) < 0)
			profile_fail(t->to, -ENOMEM);
	}
	return profile_add_labels(t->to, t->labels.items, t->labels.n);
}

static void translate_sample(struct translation *t, uint32_t sample)
{
	const struct profile_sample *from = &t->from->samples.items[sample];
	struct profile_sample key = {
		.stack = translate_stack(t, from->stack),
		.labels = translate_labels(t, from->labels),
	};

	profile_add_sample(t->to, key, profile_values(t->from, sample));
}

/* --- mappings ------------------------------------------------------------------------------ */

static uint64_t size_in_pages(const struct profile_mapping *mapping)
{
	return (mapping->limit - mapping->start + PAGE - 1) / PAGE;
}

/* One file in two processes: a build ID tells more than a name. */
static bool is_same_mapping(const struct profile_mapping *a, const struct profile_mapping *b)
{
	return size_in_pages(a) == size_in_pages(b) && a->offset == b->offset &&
	       a->file == b->file && a->build_id == b->build_id;
}

static uint64_t hash_mapping(const struct profile_mapping *mapping)
{
	uint64_t hash = hash_mix(hash_seed() ^ size_in_pages(mapping), mapping->offset);

	return hash_mix(hash ^ mapping->file, mapping->build_id);
}

/* The mapping lies where the lowest of its kind did, and knows of its locations what all know. */
static void join_mapping(struct profile_mapping *into, const struct profile_mapping *mapping)
{
	uint64_t size = into->limit - into->start;

	if (mapping->limit - mapping->start > size)
		size = mapping->limit - mapping->start;
	if (mapping->start < into->start)
		into->start = mapping->start;
	into->limit = into->start + size;
	into->has_functions &= mapping->has_functions;
	into->has_filenames &= mapping->has_filenames;
	into->has_line_numbers &= mapping->has_line_numbers;
	into->has_inline_frames &= mapping->has_inline_frames;
}

static uint32_t add_mapping(struct merge *merge, struct translation *t, uint32_t number)
{
	struct profile_mapping mapping = t->from->mappings.items[number];
	struct index_walk walk;
	uint32_t id;

	mapping.file = translate_string(t, mapping.file);
	mapping.build_id = translate_string(t, mapping.build_id);
	mapping.unknown = 0;
	walk = index_walk(&merge->mapping_index, hash_mapping(&mapping));
	while (index_next(&walk, &id))
		if (is_same_mapping(&t->to->mappings.items[id], &mapping)) {
			join_mapping(&t->to->mappings.items[id], &mapping);
			return id;
		}
	id = profile_add_mapping(t->to, &mapping);
	if (index_insert(&merge->mapping_index, hash_mapping(&mapping), id) < 0)
		profile_fail(t->to, -ENOMEM);
	return id;
}

/* --- locations ----------------------------------------------------------------------------- */

static bool is_same_location(const struct profile *profile, const struct profile_location *a,
			     const struct profile_location *b, const struct profile_line *b_lines)
{
	const struct profile_line *a_lines = profile_lines(profile, a);

	if (a->address != b->address || a->mapping != b->mapping || a->n_lines != b->n_lines ||
	    a->is_folded != b->is_folded)
		return false;
	for (size_t i = 0; i < a->n_lines; i++)
		if (a_lines[i].function != b_lines[i].function ||
		    a_lines[i].line != b_lines[i].line || a_lines[i].column != b_lines[i].column)
			return false;
	return true;
}

static uint64_t hash_location(const struct profile_location *location,
			      const struct profile_line *lines)
{
	uint64_t hash = hash_mix(hash_seed() ^ location->address, location->mapping);

	for (size_t i = 0; i < location->n_lines; i++)
		hash = hash_mix(hash ^ lines[i].function, (uint64_t)lines[i].line);
	return hash;
}

static uint32_t add_location(struct merge *merge, struct translation *t, uint32_t number)
{
	struct profile_location location = t->from->locations.items[number];
	struct index_walk walk;
	uint64_t hash;
	uint32_t id;

	if (translate_lines(t, &location) < 0) {
		profile_fail(t->to, -ENOMEM);
		return 0;
	}
	if (location.mapping != PROFILE_NONE) {
		location.address -= t->from->mappings.items[location.mapping].start;
		location.mapping = t->mappings.items[location.mapping];
	}
	location.unknown = 0;
	hash = hash_location(&location, t->lines.items);
	walk = index_walk(&merge->location_index, hash);
	while (index_next(&walk, &id))
		if (is_same_location(t->to, &t->to->locations.items[id], &location, t->lines.items))
			return id;
	id = profile_add_location(t->to, &location, t->lines.items, t->lines.n);
	if (index_insert(&merge->location_index, hash, id) < 0)
		profile_fail(t->to, -ENOMEM);
	return id;
}

/* --- what there is one of ------------------------------------------------------------------ */

static bool is_same_type(const struct profile *a, const struct profile_value_type *a_type,
			 const struct profile *b, const struct profile_value_type *b_type)
{
	return strcmp(profile_string(a, a_type->type), profile_string(b, b_type->type)) == 0 &&
	       strcmp(profile_string(a, a_type->unit), profile_string(b, b_type->unit)) == 0;
}

static bool counts_the_same(const struct profile *a, const struct profile *b)
{
	if (a->sample_types.n != b->sample_types.n)
		return false;
	for (size_t i = 0; i < a->sample_types.n; i++)
		if (!is_same_type(a, &a->sample_types.items[i], b, &b->sample_types.items[i]))
			return false;
	return is_same_type(a, &a->period_type, b, &b->period_type);
}

static void add_types(struct translation *t)
{
	vec_foreach (type, &t->from->sample_types)
		profile_add_sample_type(t->to, profile_string(t->from, type->type),
					profile_string(t->from, type->unit));
	t->to->period_type.type = translate_string(t, t->from->period_type.type);
	t->to->period_type.unit = translate_string(t, t->from->period_type.unit);
}

/* Of two texts the one that is there, else the first in the alphabet. */
static void choose_text(struct translation *t, uint32_t *text, uint32_t other)
{
	const char *now = profile_string(t->to, *text);
	const char *offered = profile_string(t->from, other);

	if (*offered && (!*now || strcmp(offered, now) < 0))
		*text = translate_string(t, other);
}

static int add_comment(struct merge *merge, uint32_t string)
{
	struct profile *sum = merge->sum;
	int r = 0;

	while (!r && merge->comments.n <= string)
		r = vec_push(&merge->comments, false);
	if (r || merge->comments.items[string])
		return r;
	merge->comments.items[string] = true;
	profile_add_comment(sum, profile_string(sum, string), strtab_size(&sum->strings, string));
	return 0;
}

static int add_head(struct merge *merge, struct translation *t)
{
	const struct profile *from = t->from;
	struct profile *to = t->to;
	int r = 0;

	if (from->time_nanos && (!to->time_nanos || from->time_nanos < to->time_nanos))
		to->time_nanos = from->time_nanos;
	if (__builtin_add_overflow(to->duration_nanos, from->duration_nanos, &to->duration_nanos))
		profile_fail(to, -EOVERFLOW);
	if (from->period > to->period)
		to->period = from->period;
	choose_text(t, &to->drop_frames, from->drop_frames);
	choose_text(t, &to->keep_frames, from->keep_frames);
	choose_text(t, &to->default_sample_type, from->default_sample_type);
	choose_text(t, &to->doc_url, from->doc_url);
	for (size_t i = 0; !r && i < from->comments.n; i++)
		r = add_comment(merge, translate_string(t, from->comments.items[i]));
	return r;
}

/* --- adding up ----------------------------------------------------------------------------- */

struct merge *merge_new(void)
{
	struct merge *merge = calloc(1, sizeof(*merge));

	if (!merge)
		return NULL;
	merge->program = PROFILE_NONE;
	merge->sum = profile_new();
	if (!merge->sum) {
		free(merge);
		return NULL;
	}
	return merge;
}

void merge_free(struct merge *merge)
{
	if (!merge)
		return;
	profile_free(merge->sum);
	index_deinit(&merge->location_index);
	index_deinit(&merge->mapping_index);
	vec_deinit(&merge->comments);
	free(merge);
}

/* Compares by content: what has no file comes last. */
static int compare_files(const struct profile *profile, uint32_t left, uint32_t right)
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
	return order ? order : COMPARE(size_in_pages(a), size_in_pages(b));
}

/* The program of a profile is its first mapping; of several programs, the first in the alphabet. */
static void choose_program(struct merge *merge, uint32_t mapping)
{
	if (merge->program == PROFILE_NONE ||
	    compare_files(merge->sum, mapping, merge->program) < 0)
		merge->program = mapping;
}

static int add_all(struct merge *merge, struct translation *t)
{
	const struct profile *from = t->from;
	int r = add_head(merge, t);

	for (uint32_t i = 0; !r && i < from->mappings.n; i++)
		r = vec_push(&t->mappings, add_mapping(merge, t, i));
	for (uint32_t i = 0; !r && i < from->functions.n; i++)
		r = vec_push(&t->functions, translate_function(t, i));
	for (uint32_t i = 0; !r && i < from->locations.n; i++)
		r = vec_push(&t->locations, add_location(merge, t, i));
	if (!r)
		r = profile_status(t->to);
	for (uint32_t i = 0; !r && i < from->samples.n; i++)
		translate_sample(t, i);
	if (!r && from->mappings.n)
		choose_program(merge, t->mappings.items[0]);
	return r ? r : profile_status(t->to);
}

int merge_add(struct merge *merge, const struct profile *profile, struct diag *diag)
{
	struct translation translation;
	int r;

	if (merge->has_any && !counts_the_same(merge->sum, profile))
		return diag_error(diag, MERGE_E_MISMATCH,
				  "its sample types are not those of the profiles before it");
	r = translation_init(&translation, profile, merge->sum);
	if (!r && !merge->has_any)
		add_types(&translation);
	merge->has_any = true;
	if (!r)
		r = add_all(merge, &translation);
	translation_deinit(&translation);
	return r;
}

/* --- sorting ------------------------------------------------------------------------------- */

typedef VEC(uint32_t) number_vec;

/* In which order the things of a profile come, and which place each of them has there. */
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
	return compare_files(ranking->profile, *a, *b);
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

/* Sets the ranking's order to that of the numbers 0 to n - 1. */
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

/* Sets (*places)[number] to the place of each thing in the order: its number in the copy. */
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

static int copy_mappings(struct translation *t, struct ranking *ranking)
{
	int r = rank(ranking, t->from->mappings.n, compare_mappings);

	if (!r)
		r = SET_PLACES(ranking, &t->mappings);
	for (size_t i = 0; !r && i < ranking->order.n; i++) {
		struct profile_mapping mapping = t->from->mappings.items[ranking->order.items[i]];

		mapping.file = translate_string(t, mapping.file);
		mapping.build_id = translate_string(t, mapping.build_id);
		profile_add_mapping(t->to, &mapping);
	}
	ranking->mapping_ranks = t->mappings.items;
	return r;
}

static int copy_functions(struct translation *t, struct ranking *ranking)
{
	int r = rank(ranking, t->from->functions.n, compare_functions);

	if (!r)
		r = SET_PLACES(ranking, &t->functions);
	for (size_t i = 0; !r && i < ranking->order.n; i++)
		translate_function(t, ranking->order.items[i]);
	ranking->function_ranks = t->functions.items;
	return r;
}

static int copy_location(struct translation *t, uint32_t number)
{
	struct profile_location location = t->from->locations.items[number];
	int r = translate_lines(t, &location);

	if (location.mapping != PROFILE_NONE) {
		location.address += t->from->mappings.items[location.mapping].start;
		location.mapping = t->mappings.items[location.mapping];
	}
	if (!r)
		profile_add_location(t->to, &location, t->lines.items, t->lines.n);
	return r;
}

static int copy_locations(struct translation *t, struct ranking *ranking)
{
	int r = rank(ranking, t->from->locations.n, compare_locations);

	if (!r)
		r = SET_PLACES(ranking, &t->locations);
	for (size_t i = 0; !r && i < ranking->order.n; i++)
		r = copy_location(t, ranking->order.items[i]);
	ranking->location_ranks = t->locations.items;
	return r;
}

static int copy_samples(struct translation *t, struct ranking *ranking)
{
	int r = rank(ranking, t->from->samples.n, compare_samples);

	for (size_t i = 0; !r && i < ranking->order.n; i++)
		translate_sample(t, ranking->order.items[i]);
	return r;
}

static int copy_head(struct translation *t, struct ranking *ranking)
{
	const struct profile *from = t->from;
	struct profile *to = t->to;
	int r = rank(ranking, from->comments.n, compare_comments);

	add_types(t);
	to->period = from->period;
	to->time_nanos = from->time_nanos;
	to->duration_nanos = from->duration_nanos;
	to->drop_frames = translate_string(t, from->drop_frames);
	to->keep_frames = translate_string(t, from->keep_frames);
	to->default_sample_type = translate_string(t, from->default_sample_type);
	to->doc_url = translate_string(t, from->doc_url);
	for (size_t i = 0; !r && i < ranking->order.n; i++) {
		uint32_t comment = from->comments.items[ranking->order.items[i]];

		profile_add_comment(to, profile_string(from, comment),
				    strtab_size(&from->strings, comment));
	}
	return r;
}

static int copy_sorted(struct translation *t, struct ranking *ranking)
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

struct profile *merge_finish(struct merge *merge)
{
	struct profile *sorted = profile_new();
	struct ranking ranking = {.profile = merge->sum, .program = merge->program};
	struct translation translation;
	int r = sorted ? translation_init(&translation, merge->sum, sorted) : -ENOMEM;

	if (!sorted)
		return NULL;
	if (!r)
		r = copy_sorted(&translation, &ranking);
	translation_deinit(&translation);
	vec_deinit(&ranking.order);
	if (r) {
		profile_free(sorted);
		return NULL;
	}
	return sorted;
}
