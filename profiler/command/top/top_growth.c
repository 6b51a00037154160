/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "command/top/top_values.h"

#define SIZES_LEFT_OUT 0.05 /* of the growth, at either end of the range of block sizes */

static bool is_in_row(const struct top_model *model, const struct top_choice *choice,
		      const struct top_row *row, const struct top_record *record)
{
	return row->kind == TOP_FUNCTION ? top_record_is_of(model, choice, record, row->function)
					 : top_record_chain(model, choice, record) == row->chain;
}

struct part { /* of a row's growth: blocks of about one size */
	double size, bytes;
};

static int compare_parts(const void *left, const void *right)
{
	const struct part *a = left, *b = right;

	return (a->size > b->size) - (a->size < b->size);
}

static double growth_of(const struct top_record *record)
{
	return record->new.value - record->base.value;
}

/* Returns the size of the blocks that a record grew by. */
static double size_of_growth(const struct top_model *model, const struct top_record *record)
{
	double blocks = record->blocks - record->blocks_base;

	return top_model_is_exact(model) && blocks > 0 ? growth_of(record) / blocks : record->size;
}

/* Sets the range of sizes that most of the growth is in. */
static void set_sizes(struct part *parts, size_t n, struct top_growth *out)
{
	double sum = 0, so_far = 0;

	if (n)
		qsort(parts, n, sizeof(*parts), compare_parts);
	for (size_t i = 0; i < n; i++)
		sum += parts[i].bytes;
	for (size_t i = 0; i < n; i++) {
		if (so_far <= SIZES_LEFT_OUT * sum)
			out->size_low = parts[i].size;
		if (so_far < (1 - SIZES_LEFT_OUT) * sum)
			out->size_high = parts[i].size;
		so_far += parts[i].bytes;
	}
}

static void add_points(const struct top_model *model, const struct top_record *record,
		       struct top_growth *out)
{
	for (size_t i = 0; i < model->n_points; i++)
		out->points[i] += record->points[i];
	if (out->n_points > model->n_points)
		out->points[model->n_points] += record->new.value;
}

static void begin_growth(const struct top_model *model, struct top_growth *out)
{
	out->n_points = model->n_points;
	memcpy(out->times, model->point_times, model->n_points * sizeof(double));
	if (model->n_points && model->point_times[model->n_points - 1] < model->now)
		out->times[out->n_points++] = model->now;
}

void top_model_growth(const struct top_model *model, const struct top_choice *choice,
		      const struct top_row *row, double room, struct top_growth *out)
{
	const struct top_values *values = &row->values;
	VEC(struct part) parts = {0};

	*out = (struct top_growth){
		.seconds = model->now - model->mark_time,
		.bytes = estimated_change_difference(&values->change),
		.blocks = values->blocks - values->blocks_base,
		.is_exact = top_model_is_exact(model),
		.is_beyond_error = row->is_beyond_error,
		.unseen = -log(1 - TOP_CONFIDENCE) * values->change.new_unseen,
		.room = room,
	};
	out->seen = out->is_exact ? out->blocks : values->change.new.n - values->change.shared.n;
	begin_growth(model, out);
	vec_foreach (record, &model->records) {
		if (!is_in_row(model, choice, row, record))
			continue;
		add_points(model, record, out);
		if (growth_of(record) > 0 && size_of_growth(model, record) > 0 &&
		    vec_push(&parts,
			     (struct part){size_of_growth(model, record), growth_of(record)}))
			break; /* without memory the sizes are those found so far */
	}
	set_sizes(parts.items, parts.n, out);
	vec_deinit(&parts);
}
