/* SPDX-License-Identifier: MIT */
/* Profiles are first added up in the order of the inputs, then everything is copied in canonical
 * order. While profiles are added up, addresses count from the start of their mapping, because
 * mappings may move. */
#include "transform/merge.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "model/merged_metadata.h"
#include "transform/canonical.h"
#include "transform/copy_between.h"
#include "transform/interval_labels.h"

struct merge {
	struct profile *sum;
	bool has_any;
	int64_t interval; /* of samples without an interval label */
	uint32_t program; /* number of the program's mapping, or PROFILE_NONE */
	struct index location_index;
	struct index mapping_index;
	struct merged_metadata metadata;
};

/* --- mappings ------------------------------------------------------------------------------ */

/* Returns whether both mappings are of the same part of the same file, in two processes. */
static bool is_same_mapping(const struct profile_mapping *a, const struct profile_mapping *b)
{
	return canonical_size_in_pages(a) == canonical_size_in_pages(b) && a->offset == b->offset &&
	       a->file == b->file && a->build_id == b->build_id;
}

static uint64_t hash_mapping(const struct profile_mapping *mapping)
{
	uint64_t hash = hash_mix(canonical_size_in_pages(mapping), mapping->offset);

	return hash_mix(hash ^ mapping->file, mapping->build_id);
}

/* Joins a mapping into another mapping of the same file. The result starts at the lower address of
 * the two and is as large as the larger. It has only the debug information that both have. */
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

static uint32_t add_mapping(struct merge *merge, struct copy_between *t, uint32_t number)
{
	struct profile_mapping mapping = t->from->mappings.items[number];
	struct index_walk walk;
	uint32_t id;

	mapping.file = copy_between_string(t, mapping.file);
	mapping.build_id = copy_between_string(t, mapping.build_id);
	mapping.unknown = 0;
	walk = index_walk(&merge->mapping_index, hash_mapping(&mapping));
	while (index_next(&walk, &id))
		if (is_same_mapping(&t->to->mappings.items[id], &mapping)) {
			join_mapping(&t->to->mappings.items[id], &mapping);
			return id;
		}
	id = profile_add_mapping(t->to, &mapping);
	if (!profile_status(t->to) &&
	    index_insert(&merge->mapping_index, hash_mapping(&mapping), id) < 0)
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
	uint64_t hash = hash_mix(location->address, location->mapping);

	for (size_t i = 0; i < location->n_lines; i++) {
		hash = hash_mix(hash ^ lines[i].function, (uint64_t)lines[i].line);
		hash = hash_mix(hash, (uint64_t)lines[i].column);
	}
	return hash;
}

static uint32_t add_location(struct merge *merge, struct copy_between *t, uint32_t number)
{
	struct profile_location location = t->from->locations.items[number];
	struct index_walk walk;
	uint64_t hash;
	uint32_t id;

	if (copy_between_lines(t, &location) < 0) {
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
	if (!profile_status(t->to) && index_insert(&merge->location_index, hash, id) < 0)
		profile_fail(t->to, -ENOMEM);
	return id;
}

/* --- single fields and comments ------------------------------------------------------------ */

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

/* Sets *text to `other` if *text is empty; if neither is empty, the first in alphabetical order is
 * used. */
static void choose_text(struct copy_between *t, uint32_t *text, uint32_t other)
{
	const char *now = profile_string(t->to, *text);
	const char *offered = profile_string(t->from, other);

	if (*offered && (!*now || strcmp(offered, now) < 0))
		*text = copy_between_string(t, other);
}

static int add_head(struct merge *merge, struct copy_between *t)
{
	const struct profile *from = t->from;
	struct profile *to = t->to;

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
	return merged_metadata_add(&merge->metadata, from);
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
	merged_metadata_deinit(&merge->metadata);
	free(merge);
}

/* Chooses the program of the sum. The program of a profile is its first mapping; of several
 * programs, the first in alphabetical order is chosen. */
static void choose_program(struct merge *merge, uint32_t mapping)
{
	if (merge->program == PROFILE_NONE ||
	    canonical_compare_files(merge->sum, mapping, merge->program) < 0)
		merge->program = mapping;
}

static int add_all(struct merge *merge, struct copy_between *t)
{
	const struct profile *from = t->from;
	int r = add_head(merge, t);

	for (uint32_t i = 0; !r && i < from->mappings.n; i++)
		r = vec_push(&t->mappings, add_mapping(merge, t, i));
	for (uint32_t i = 0; !r && i < from->functions.n; i++)
		r = vec_push(&t->functions, copy_between_function(t, i));
	for (uint32_t i = 0; !r && i < from->locations.n; i++)
		r = vec_push(&t->locations, add_location(merge, t, i));
	if (!r)
		r = profile_status(t->to);
	for (uint32_t i = 0; !r && i < from->samples.n; i++)
		copy_between_sample(t, i);
	if (!r && from->mappings.n)
		choose_program(merge, t->mappings.items[0]);
	return r ? r : profile_status(t->to);
}

int merge_add(struct merge *merge, const struct profile *profile, struct diag *diag)
{
	return merge_add_changed(merge, profile, NULL, diag);
}

int merge_add_changed(struct merge *merge, const struct profile *profile,
		      const struct copy_between_change *change, struct diag *diag)
{
	struct copy_between translation;
	struct copy_between_sampling sampling = {
		.from_default = profile_bytes_period(profile),
	};
	int r;

	if (merge->has_any && !counts_the_same(merge->sum, profile))
		return diag_error(diag, MERGE_E_MISMATCH,
				  "its sample types differ from those of the profiles before it");
	r = copy_between_init(&translation, profile, merge->sum);
	translation.change = change;
	if (!r && !merge->has_any)
		copy_between_types(&translation);
	if (!merge->has_any)
		merge->interval = sampling.from_default;
	sampling.to_default = merge->interval;
	translation.sampling = &sampling;
	merge->has_any = true;
	if (!r)
		r = add_all(merge, &translation);
	copy_between_deinit(&translation);
	return r;
}

struct profile *merge_finish(struct merge *merge)
{
	interval_labels_set_default(merge->sum, merge->interval, profile_bytes_period(merge->sum));
	merged_metadata_finish(&merge->metadata, merge->sum);
	if (profile_status(merge->sum))
		return NULL;
	return canonical_copy(merge->sum, merge->program);
}
