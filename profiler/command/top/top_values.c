/* SPDX-License-Identifier: MIT */
#include "command/top/top_values.h"

#include <math.h>

#include "analysis/statistics.h"

/* Returns the bytes that a record allocates per second: the mean over the last readings or, with
 * one reading, since recording began. */
static double rate_of(const struct top_model *model, const struct top_record *record)
{
	size_t last = model->n_readings - 1;
	size_t first = last >= TOP_WINDOW ? last - TOP_WINDOW + 1 : 0;
	double seconds = model->times[last % TOP_WINDOW] - model->times[first % TOP_WINDOW];
	double bytes = record->allocated[last % TOP_WINDOW];

	if (!last)
		seconds = (double)profile_metadata_number(model->last, "uptime_ms") / 1000;
	else
		bytes -= record->allocated[first % TOP_WINDOW];
	return bytes > 0 && seconds > 0 ? bytes / seconds : 0;
}

void top_values_add(const struct top_model *model, struct top_values *values,
		    const struct top_record *record)
{
	estimate_add(&values->change.base, &record->base);
	estimate_add(&values->change.new, &record->new);
	estimate_add(&values->change.shared, &record->shared);
	values->blocks_base += record->blocks_base;
	values->blocks += record->blocks;
	values->rate += rate_of(model, record);
}

void top_values_begin(const struct top_model *model, struct top_values *values)
{
	*values = (struct top_values){
		.change.base_freedom = STATISTICS_NORMAL,
		.change.new_freedom = STATISTICS_NORMAL,
	};
	if (!top_model_is_exact(model))
		values->change.base_unseen = values->change.new_unseen = model->interval;
}

double top_growth_error(const struct top_values *values)
{
	double growth = estimated_change_difference(&values->change);
	struct bounds bounds;

	if (estimated_change_is_exact(&values->change))
		return 0;
	bounds = estimated_change_bounds(&values->change, TOP_CONFIDENCE);
	return fmax(bounds.high - growth, growth - bounds.low);
}

struct bounds top_inuse_bounds(const struct top_values *values)
{
	double tail = (1 - TOP_CONFIDENCE) / 2, unseen = -log(1 - TOP_CONFIDENCE);

	if (estimated_change_is_exact(&values->change))
		return (struct bounds){values->change.new.value, values->change.new.value};
	return estimate_bounds(&values->change.new, statistics_quantile(tail, STATISTICS_NORMAL),
			       unseen * values->change.new_unseen);
}

double top_inuse_error(const struct top_values *values)
{
	struct bounds bounds = top_inuse_bounds(values);

	return fmax(bounds.high - values->change.new.value, values->change.new.value - bounds.low);
}

uint32_t top_record_chain(const struct top_model *model, const struct top_choice *choice,
			  const struct top_record *record)
{
	const struct top_named *named = &model->names.stacks.items[record->stack];

	return choice->hidden ? named->visible : named->all;
}

bool top_record_is_of(const struct top_model *model, const struct top_choice *choice,
		      const struct top_record *record, uint32_t function)
{
	size_t n;
	const uint32_t *functions =
		top_chain_functions(&model->names, top_record_chain(model, choice, record), &n);

	if (!n)
		return function == PROFILE_NONE;
	for (size_t i = 0; i < (choice->cumulative ? n : 1); i++)
		if (functions[i] == function)
			return true;
	return false;
}
