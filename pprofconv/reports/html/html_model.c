/* SPDX-License-Identifier: MIT */
#include "reports/html/html_model.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/estimate.h"
#include "base/hash.h"
#include "model/sample_labels.h"
#include "transform/frames.h"
#include "transform/moved_files.h"

#define CLASSES_PER_OCTAVE 16 /* as the profiler's */

/* --- types --------------------------------------------------------------------------------- */

static bool have_all(const struct html_model *model, const char *type)
{
	for (size_t i = 0; i < model->n_dumps; i++)
		if (profile_find_sample_type(model->dumps[i], type) < 0)
			return false;
	return true;
}

/* Returns the number of the type of the model that is the sample type `value` of the first dump, or
 * -1. */
static int find_type(const struct html_model *model, int value)
{
	const struct profile *first = model->dumps[0];
	const char *type;

	if (value < 0)
		return -1;
	type = profile_string(first, first->sample_types.items[value].type);
	for (size_t i = 0; i < model->types.n; i++)
		if (strcmp(model->types.items[i].type, type) == 0)
			return (int)i;
	return -1;
}

static int add_types(struct html_model *model)
{
	const struct profile *first = model->dumps[0];
	int r = 0;

	vec_foreach (at, &first->sample_types) {
		struct html_type type = {profile_string(first, at->type),
					 profile_string(first, at->unit), -1, -1, false};

		if (!r && have_all(model, type.type))
			r = vec_push(&model->types, type);
	}
	for (size_t i = 0; !r && i < model->types.n; i++) {
		struct html_type *type = &model->types.items[i];
		struct sampling sampling;

		sampling_init(&sampling, first,
			      (size_t)profile_find_sample_type(first, type->type));
		type->is_bytes = sampling.is_bytes;
		type->bytes = find_type(model, sampling.bytes);
		type->objects = find_type(model, sampling.objects);
	}
	return r;
}

/* --- functions and frames ------------------------------------------------------------------ */

static int intern(struct html_model *model, const char *text, uint32_t *out)
{
	return strtab_intern(&model->strings, text, strlen(text), out);
}

static uint32_t find_function(const struct html_model *model, uint32_t name, uint32_t file)
{
	struct index_walk walk = index_walk(&model->function_index, hash_mix(name, file));
	uint32_t number;

	while (index_next(&walk, &number))
		if (model->functions.items[number].name == name &&
		    model->functions.items[number].file == file)
			return number;
	return PROFILE_NONE;
}

static int add_function(struct html_model *model, uint32_t name, uint32_t file, uint32_t *out)
{
	int r;

	*out = find_function(model, name, file);
	if (*out != PROFILE_NONE)
		return 0;
	*out = (uint32_t)model->functions.n;
	r = index_insert(&model->function_index, hash_mix(name, file), *out);
	return r ? r : vec_push(&model->functions, (struct html_function){name, file});
}

static bool is_same_frame(const struct html_frame *a, const struct html_frame *b)
{
	return a->function == b->function && a->line == b->line && a->library == b->library &&
	       a->is_inlined == b->is_inlined && a->is_small == b->is_small;
}

static int add_frame(struct html_model *model, const struct html_frame *frame, uint32_t *out)
{
	uint64_t hash = hash_mix(hash_mix(frame->function, frame->line),
				 hash_mix(frame->library, frame->is_inlined));
	struct index_walk walk = index_walk(&model->frame_index, hash);
	int r;

	while (index_next(&walk, out))
		if (is_same_frame(&model->frames.items[*out], frame))
			return 0;
	*out = (uint32_t)model->frames.n;
	r = index_insert(&model->frame_index, hash, *out);
	return r ? r : vec_push(&model->frames, *frame);
}

/* --- a dump -------------------------------------------------------------------------------- */

/* A dump that is being added. Its frames by function, line and mapping have the same places. */
struct reading {
	struct html_model *model;
	const struct html_rules *rules;
	const struct profile *profile;
	size_t number;
	struct frames functions, lines, libraries;
	struct sampling sampling;
	int values[SAMPLE_TYPES_MAX]; /* for each type: its index in the values of a sample */
	VEC(uint32_t) function_of;    /* for each function: its number in the model */
	VEC(bool) is_inlined;         /* for each place */
	VEC(uint32_t) frame_of;       /* for each place: its frame in the model */
	VEC(uint32_t) node_of;        /* for each stack: its node, or PROFILE_NONE: not known yet */
	VEC(uint32_t) label_set_of;   /* the same for each label set */
	frame_vec places;
};

static int init_frames(struct reading *reading)
{
	struct frames_view view = {FRAMES_BY_FUNCTION, reading->rules->fileless,
				   reading->rules->hide};
	int r = frames_init_view(&reading->functions, reading->profile, &view);

	view.by = FRAMES_BY_LINE;
	r = r ? r : frames_init_view(&reading->lines, reading->profile, &view);
	view.by = FRAMES_BY_MAPPING;
	return r ? r : frames_init_view(&reading->libraries, reading->profile, &view);
}

/* Interns the name and the file of a function of the dump. */
static int intern_function(struct reading *reading, uint32_t function, uint32_t *out_name,
			   uint32_t *out_file)
{
	int r = intern(reading->model, frames_name(&reading->functions, function), out_name);

	return r ? r : intern(reading->model, frames_file(&reading->functions, function), out_file);
}

/* Sets function_of for the functions that the model has, and PROFILE_NONE for the others. */
static int match_same_files(struct reading *reading)
{
	uint32_t name, file;
	int r = 0;

	for (uint32_t i = 0; !r && i < reading->functions.functions.n; i++) {
		r = intern_function(reading, i, &name, &file);
		r = r ? r
		      : vec_push(&reading->function_of, find_function(reading->model, name, file));
	}
	return r;
}

/* Collects the functions of the model that no function of the dump has matched. */
static int find_unmet(const struct reading *reading, struct moved_files *unmet)
{
	const struct html_model *model = reading->model;
	bool *is_met = calloc(model->functions.n + 1, sizeof(*is_met));
	int r = is_met ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < reading->function_of.n; i++)
		if (reading->function_of.items[i] != PROFILE_NONE)
			is_met[reading->function_of.items[i]] = true;
	for (uint32_t i = 0; !r && i < model->functions.n; i++)
		if (!is_met[i] && reading->rules->matches_moved_files)
			r = moved_files_add(
				unmet, model->functions.items[i].name,
				strtab_text(&model->strings, model->functions.items[i].file), i);
	free(is_met);
	return r ? r : moved_files_build(unmet);
}

static int match_other_files(struct reading *reading)
{
	struct moved_files unmet = {0};
	uint32_t name, file;
	int r = find_unmet(reading, &unmet);

	for (uint32_t i = 0; !r && i < reading->function_of.n; i++) {
		uint32_t *number = &reading->function_of.items[i];

		if (*number != PROFILE_NONE)
			continue;
		r = intern_function(reading, i, &name, &file);
		if (!r)
			*number = moved_files_take(&unmet, name,
						   strtab_text(&reading->model->strings, file));
		if (!r && *number == MOVED_FILES_NONE)
			r = add_function(reading->model, name, file, number);
	}
	moved_files_deinit(&unmet);
	return r;
}

/* Marks the places of inlined functions: all but the last of each location. */
static int mark_inlined(struct reading *reading)
{
	int r = 0;

	vec_foreach (location, &reading->functions.locations)
		for (uint32_t i = 0; !r && i < location->n; i++)
			r = vec_push(&reading->is_inlined, i + 1 < location->n);
	return r;
}

/* Returns the line of a function of the dump by line, whose file is FILE:LINE. */
static uint32_t line_of(const struct reading *reading, uint32_t function)
{
	const char *colon = strrchr(frames_file(&reading->lines, function), ':');
	long long line = colon ? strtoll(colon + 1, NULL, 10) : 0;

	return line > 0 && line < UINT32_MAX ? (uint32_t)line : 0;
}

static int add_frames(struct reading *reading)
{
	const struct frames *libraries = &reading->libraries;
	int r = 0;

	for (size_t i = 0; !r && i < reading->functions.of_locations.n; i++) {
		uint32_t function = reading->functions.of_locations.items[i], number;
		struct html_frame frame = {
			.function = reading->function_of.items[function],
			.line = line_of(reading, reading->lines.of_locations.items[i]),
			.is_inlined = reading->is_inlined.items[i],
		};

		r = intern(reading->model, frames_name(libraries, libraries->of_locations.items[i]),
			   &frame.library);
		r = r ? r : add_frame(reading->model, &frame, &number);
		r = r ? r : vec_push(&reading->frame_of, number);
	}
	return r;
}

/* Sets *out to the frame of samples without a stack. */
static int add_no_stack(struct html_model *model, uint32_t *out)
{
	struct html_frame frame = {0};
	uint32_t name;
	int r = intern(model, PROFILE_NO_STACK, &name);

	r = r ? r : add_function(model, name, 0 /* no file */, &frame.function);
	return r ? r : add_frame(model, &frame, out);
}

static int find_node(struct reading *reading, uint32_t stack, uint32_t *out)
{
	uint32_t frame, node = 0;
	int r = frames_places_of_stack(&reading->functions, stack, &reading->places);

	if (!r && !reading->places.n) {
		r = add_no_stack(reading->model, &frame);
		node = r ? 0 : html_tree_child(&reading->model->tree, 0, frame);
	}
	for (size_t i = reading->places.n; !r && i > 0 && node != UINT32_MAX; i--)
		node = html_tree_child(&reading->model->tree, node,
				       reading->frame_of.items[reading->places.items[i - 1]]);
	*out = node;
	return node == UINT32_MAX ? -ENOMEM : r;
}

static bool says_how_sampled(const struct reading *reading, const struct profile_label *label)
{
	static const char *const keys[] = {SAMPLE_LABEL_SIZE, SAMPLE_LABEL_INTERVAL,
					   SAMPLE_LABEL_LEVEL};
	const char *key = profile_string(reading->profile, label->key);

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!label->text && strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

static int add_label(struct reading *reading, const struct profile_label *label,
		     struct html_label *out)
{
	const struct profile *profile = reading->profile;
	char number[32];
	const char *value = profile_string(profile, label->text);
	int r = intern(reading->model, profile_string(profile, label->key), &out->key);

	snprintf(number, sizeof(number), "%" PRId64, label->number);
	return r ? r : intern(reading->model, label->text ? value : number, &out->value);
}

/* Adds a label set, unless the model has it, and sets *out to its number. The labels were just
 * added at the end of model->labels; they are removed if the set is not new. */
static int settle_label_set(struct html_model *model, uint32_t first, uint32_t *out)
{
	struct html_label_set set = {first, (uint32_t)(model->labels.n - first)};
	uint64_t hash = hash_bytes(set.n, vec_from(&model->labels, first),
				   set.n * sizeof(*model->labels.items));
	struct index_walk walk = index_walk(&model->label_index, hash);
	int r;

	while (index_next(&walk, out)) {
		const struct html_label_set *known = &model->label_sets.items[*out];

		if (known->n == set.n &&
		    memcmp(&model->labels.items[known->first], &model->labels.items[first],
			   set.n * sizeof(*model->labels.items)) == 0) {
			model->labels.n = first;
			return 0;
		}
	}
	*out = (uint32_t)model->label_sets.n;
	r = index_insert(&model->label_index, hash, *out);
	return r ? r : vec_push(&model->label_sets, set);
}

static int find_label_set(struct reading *reading, uint32_t labels, uint32_t *out)
{
	struct html_model *model = reading->model;
	uint32_t first = (uint32_t)model->labels.n;
	size_t n;
	const struct profile_label *items = profile_label_set(reading->profile, labels, &n);
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		struct html_label label;

		if (says_how_sampled(reading, &items[i]))
			continue;
		r = add_label(reading, &items[i], &label);
		r = r ? r : vec_push(&model->labels, label);
	}
	*out = 0;
	if (r || model->labels.n == first)
		return r;
	return settle_label_set(model, first, out);
}

static int find_key(struct reading *reading, uint32_t sample, struct html_record *out)
{
	const struct profile_sample *from = &reading->profile->samples.items[sample];
	uint32_t *node = &reading->node_of.items[from->stack];
	uint32_t *labels = &reading->label_set_of.items[from->labels];
	double size = sampling_size(&reading->sampling, sample);
	int r = 0;

	if (*node == PROFILE_NONE)
		r = find_node(reading, from->stack, node);
	if (!r && *labels == PROFILE_NONE)
		r = find_label_set(reading, from->labels, labels);
	*out = (struct html_record){
		.node = *node,
		.labels = *labels,
		.class = size > 0 ? (int32_t)(CLASSES_PER_OCTAVE * log2(size)) : 0,
		.interval = sample_labels_number(reading->profile, sample,
						 reading->sampling.interval_key),
	};
	return r;
}

static int add_sample(struct reading *reading, uint32_t sample)
{
	struct html_model *model = reading->model;
	const int64_t *from = profile_values(reading->profile, sample);
	struct html_record key;
	uint32_t record;
	int64_t *values;
	int r = find_key(reading, sample, &key);

	r = r ? r : html_tree_record(&model->tree, &key, &record);
	if (r)
		return r;
	values = html_tree_values(&model->tree, record) +
		 reading->number * html_model_n_columns(model);
	if (!values[0])
		values[0] =
			sample_labels_number(reading->profile, sample, reading->sampling.size_key);
	for (size_t i = 0; i < model->types.n; i++)
		if (__builtin_add_overflow(values[1 + i], from[reading->values[i]], &values[1 + i]))
			return -EOVERFLOW;
	return 0;
}

static int add_samples(struct reading *reading)
{
	const struct profile *profile = reading->profile;
	int r = 0;

	for (size_t i = 0; !r && i < profile->stacks.n; i++)
		r = vec_push(&reading->node_of, PROFILE_NONE);
	for (size_t i = 0; !r && i < profile->label_sets.n; i++)
		r = vec_push(&reading->label_set_of, PROFILE_NONE);
	for (uint32_t i = 0; !r && i < profile->samples.n; i++)
		r = add_sample(reading, i);
	return r;
}

static int read_dump(struct reading *reading)
{
	const struct html_model *model = reading->model;
	int r = init_frames(reading);

	for (size_t i = 0; i < model->types.n; i++)
		reading->values[i] =
			profile_find_sample_type(reading->profile, model->types.items[i].type);
	sampling_init(&reading->sampling, reading->profile, (size_t)reading->values[0]);
	if (!r)
		r = match_same_files(reading);
	if (!r)
		r = match_other_files(reading);
	if (!r)
		r = mark_inlined(reading);
	if (!r)
		r = add_frames(reading);
	return r ? r : add_samples(reading);
}

static void reading_deinit(struct reading *reading)
{
	frames_deinit(&reading->functions);
	frames_deinit(&reading->lines);
	frames_deinit(&reading->libraries);
	vec_deinit(&reading->function_of);
	vec_deinit(&reading->is_inlined);
	vec_deinit(&reading->frame_of);
	vec_deinit(&reading->node_of);
	vec_deinit(&reading->label_set_of);
	vec_deinit(&reading->places);
}

int html_model_init(struct html_model *model, const struct profile *const *dumps, size_t n,
		    const struct html_rules *rules)
{
	int r;

	*model = (struct html_model){.dumps = dumps, .n_dumps = n};
	r = vec_push(&model->label_sets, (struct html_label_set){0});
	r = r ? r : add_types(model);
	r = r ? r : html_tree_init(&model->tree, n * html_model_n_columns(model));
	for (size_t i = 0; !r && model->types.n && i < n; i++) {
		struct reading reading = {
			.model = model, .rules = rules, .profile = dumps[i], .number = i};

		r = read_dump(&reading);
		reading_deinit(&reading);
	}
	return r ? r : html_tree_sort(&model->tree);
}

static void rest_deinit(struct html_rest *rest)
{
	vec_deinit(&rest->functions);
	vec_deinit(&rest->values);
}

void html_model_deinit(struct html_model *model)
{
	strtab_deinit(&model->strings);
	vec_deinit(&model->types);
	vec_deinit(&model->functions);
	vec_deinit(&model->frames);
	vec_deinit(&model->labels);
	vec_deinit(&model->label_sets);
	html_tree_deinit(&model->tree);
	vec_deinit(&model->n_merged_to);
	rest_deinit(&model->rest_flat);
	rest_deinit(&model->rest_cumulative);
	index_deinit(&model->function_index);
	index_deinit(&model->frame_index);
	index_deinit(&model->label_index);
}
