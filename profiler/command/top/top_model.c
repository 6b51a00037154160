/* SPDX-License-Identifier: MIT */
#include "command/top/top_model.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis/common_interval.h"
#include "analysis/shared_samples.h"
#include "analysis/statistics.h"
#include "cli/command.h"

#define TYPE               "inuse_space"
#define CLASSES_PER_OCTAVE 16 /* see shared_samples.c */

void top_model_init(struct top_model *model, const struct settings *settings, const regex_t *hide)
{
	*model = (struct top_model){0};
	top_names_init(&model->names, settings, hide);
}

/* Forgets all readings, and the names: the files that these are from may be other ones now. */
static void forget(struct top_model *model)
{
	const struct settings *settings = model->names.settings;
	const regex_t *hide = model->names.hide;

	top_names_deinit(&model->names);
	top_names_init(&model->names, settings, hide);
	vec_deinit(&model->open);
	if (model->base != model->last)
		profile_free(model->base);
	profile_free(model->last);
	model->base = model->last = NULL;
	vec_deinit(&model->records);
	number_map_deinit(&model->record_map);
	vec_deinit(&model->rows);
	model->n_readings = model->n_points = 0;
}

void top_model_deinit(struct top_model *model)
{
	forget(model);
}

/* --- readings ------------------------------------------------------------------------------ */

struct adding { /* a reading that is being added */
	struct top_model *model;
	const struct profile *profile;
	struct sampling inuse;
	size_t inuse_objects, alloc_space; /* sample types */
	top_stack_vec stacks;
	struct shared_samples shared;
	size_t slot; /* in allocated[] */
};

static int find_record(struct adding *adding, size_t sample, struct top_record **out)
{
	struct top_model *model = adding->model;
	uint32_t stack = adding->stacks.items[sample];
	double size = sampling_size(&adding->inuse, sample);
	uint64_t class = size > 0 ? (uint64_t)(CLASSES_PER_OCTAVE * log2(size)) : 0;
	uint64_t key = hash_mix(stack, class);
	uint32_t number = number_map_find(&model->record_map, key);
	int r = 0;

	if (number == NUMBER_MAP_NONE) {
		number = (uint32_t)model->records.n;
		r = vec_push(&model->records, (struct top_record){.stack = stack});
		if (!r)
			r = number_map_insert(&model->record_map, key, number);
	}
	if (r)
		return r;
	*out = &model->records.items[number];
	(*out)->size = size;
	return 0;
}

static int add_sample(struct adding *adding, size_t sample)
{
	const int64_t *values = profile_values(adding->profile, sample);
	struct estimate new = sampling_estimate(&adding->inuse, sample), shared;
	struct top_record *record;
	int r = find_record(adding, sample, &record);

	if (r)
		return r;
	estimate_add(&record->new, &new);
	record->blocks += (double)values[adding->inuse_objects];
	record->allocated[adding->slot] += (double)values[adding->alloc_space];
	if (!adding->shared.n.n || adding->shared.n.items[sample] <= 0)
		return 0;
	shared = sampling_weigh(&adding->inuse, adding->shared.n.items[sample],
				sampling_own_size(&adding->inuse, sample));
	estimate_add(&record->shared, &shared);
	return 0;
}

/* Finds the samples that the reading shares with the mark. */
static int find_shared(struct adding *adding)
{
	const struct top_model *model = adding->model;
	size_t type = adding->inuse.value;

	if (!model->base || top_model_is_exact(model))
		return 0;
	return shared_samples_init(&adding->shared, model->base, type, adding->profile, type);
}

static int add_samples(struct adding *adding)
{
	struct top_model *model = adding->model;
	int r = find_shared(adding);

	vec_foreach (record, &model->records) {
		record->new = record->shared = (struct estimate){0};
		record->blocks = record->allocated[adding->slot] = 0;
	}
	for (size_t i = 0; !r && i < adding->profile->samples.n; i++)
		r = add_sample(adding, i);
	return r;
}

/* Drops every second point, so that there is room for as many again. */
static void thin_points(struct top_model *model)
{
	for (size_t i = 1; 2 * i < model->n_points; i++) {
		model->point_times[i] = model->point_times[2 * i];
		vec_foreach (record, &model->records)
			record->points[i] = record->points[2 * i];
	}
	model->n_points = (model->n_points + 1) / 2;
	model->stride *= 2;
}

static void add_point(struct top_model *model)
{
	if (model->n_since_mark++ % model->stride)
		return;
	if (model->n_points == TOP_POINTS - 1)
		thin_points(model);
	model->point_times[model->n_points] = model->now;
	vec_foreach (record, &model->records)
		record->points[model->n_points] = (float)record->new.value;
	model->n_points++;
}

static void begin_points(struct top_model *model)
{
	model->n_points = model->n_since_mark = 0;
	model->stride = 1;
	add_point(model);
}

static void begin_adding(struct adding *adding, struct top_model *model,
			 const struct profile *profile)
{
	int objects = profile_find_sample_type(profile, "inuse_objects");
	int allocated = profile_find_sample_type(profile, "alloc_space");

	*adding = (struct adding){
		.model = model,
		.profile = profile,
		.inuse_objects = objects < 0 ? 0 : (size_t)objects,
		.alloc_space = allocated < 0 ? 0 : (size_t)allocated,
	};
}

static int add_reading(struct top_model *model, const struct profile *profile)
{
	int type = profile_find_sample_type(profile, TYPE), r;
	struct adding adding;
	int status;

	if (type < 0)
		return command_error("the reading has no values of " TYPE);
	begin_adding(&adding, model, profile);
	adding.slot = model->n_readings % TOP_WINDOW;
	sampling_init(&adding.inuse, profile, (size_t)type);
	model->interval = sampling_is_sampled(&adding.inuse) ? adding.inuse.interval : 1;
	status = top_names_find(&model->names, profile, &adding.stacks);
	r = status ? 0 : add_samples(&adding);
	shared_samples_deinit(&adding.shared);
	vec_deinit(&adding.stacks);
	return r ? command_error("%s", strerror(-r)) : status;
}

/* Returns when the recording began, since the epoch. */
static int64_t begin_of(const struct profile *reading)
{
	return reading->time_nanos -
	       (int64_t)profile_metadata_number(reading, "uptime_ms") * 1000000;
}

static int add_at(struct top_model *model, const struct profile *reading, double now)
{
	int status = add_reading(model, reading);

	model->now = now;
	model->times[model->n_readings++ % TOP_WINDOW] = now;
	return status;
}

/* Begins again with the mark, as if no reading had come after it. */
static int begin_with_mark(struct top_model *model)
{
	struct profile *mark = model->base;
	int status;

	if (model->last != mark)
		profile_free(model->last);
	vec_deinit(&model->records);
	number_map_deinit(&model->record_map);
	model->n_readings = 0;
	model->base = NULL;
	model->last = mark;
	status = add_at(model, mark, model->mark_time);
	top_model_mark(model);
	return status;
}

/* Goes on with a reading that has another sample interval than the last one or is of another
 * recording. If the interval of one recording has risen, thins the mark to it, so that growth
 * still counts from there. */
static int follow(struct top_model *model, struct profile *reading)
{
	struct profile *const both[] = {model->base, reading};
	int r = common_interval_set(both, 2);

	if (r)
		return command_error("%s", strerror(-r));
	if (shared_samples_is_one_run(model->base, reading))
		return begin_with_mark(model);
	model->began_anew = true;
	forget(model);
	return EXIT_DONE;
}

int top_model_add(struct top_model *model, struct profile *reading, double now)
{
	int status = EXIT_DONE;

	model->began_anew = false;
	if (model->last && !shared_samples_is_one_run(model->last, reading))
		status = follow(model, reading);
	if (!model->last)
		model->recording_nanos = begin_of(reading);
	if (!status)
		status = add_at(model, reading, now);
	if (model->last != model->base)
		profile_free(model->last);
	model->last = reading;
	if (!status && !model->base)
		top_model_mark(model);
	else if (!status)
		add_point(model);
	return status;
}

void top_model_mark(struct top_model *model)
{
	if (model->base != model->last)
		profile_free(model->base);
	model->base = model->last;
	model->mark_time = model->now;
	vec_foreach (record, &model->records) {
		record->base = record->shared = record->new;
		record->blocks_base = record->blocks;
	}
	begin_points(model);
}
