/* SPDX-License-Identifier: MIT */
#include "analysis/dump_series.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/shared_samples.h"
#include "base/hash.h"

#define NANOS_PER_HOUR   3.6e12
#define DUMPS_LEAST      3    /* dumps that a trend needs */
#define EXIT_SHARE       0.9  /* of an earlier dump; at exit, less shows that memory was freed */
#define DOWN_SHARE       0.25 /* same as EXIT_SHARE, if the last dump was not written at exit */
#define TAIL_SHARE       0.1  /* the last part of the run, in which programs wind down */
#define DESTRUCTOR_SHARE 0.9  /* of an earlier dump; less was written by a destructor */
#define EXIT_DEVIATIONS  2    /* a fall by more standard deviations is not chance */

static double square(double x)
{
	return x * x;
}

/* --- times --------------------------------------------------------------------------------- */

/* Returns whether all dumps have times, each later than the one before. */
static bool has_times(const struct diff_input *dumps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!dumps[i].profile->time_nanos ||
		    (i > 0 && dumps[i].profile->time_nanos <= dumps[i - 1].profile->time_nanos))
			return false;
	return true;
}

static bool all_have_times(const struct diff_input *dumps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!dumps[i].profile->time_nanos)
			return false;
	return true;
}

static double time_of(const struct dump_series *series, const struct diff_input *dumps, size_t i)
{
	uint64_t first = (uint64_t)dumps[0].profile->time_nanos;

	if (!series->has_time)
		return (double)i;
	/* The difference is not negative, but may exceed an int64_t. */
	return (double)((uint64_t)dumps[i].profile->time_nanos - first) / NANOS_PER_HOUR;
}

/* --- rows ---------------------------------------------------------------------------------- */

static int add_points(struct dump_series *series, const struct diff_input *dumps, size_t *out_first)
{
	int r = 0;

	*out_first = series->points.n;
	for (size_t i = 0; !r && i < series->n_dumps; i++)
		r = vec_push(&series->points,
			     (struct trend_point){.time = time_of(series, dumps, i)});
	return r;
}

static int find_row(struct dump_series *series, const struct diff_input *dumps, const char *name,
		    const char *file, uint32_t *out_row)
{
	struct dump_series_row row = {0};
	struct index_walk walk;
	uint64_t hash;
	int r = strtab_intern(&series->strings, name, strlen(name), &row.name);

	if (!r)
		r = strtab_intern(&series->strings, file, strlen(file), &row.file);
	if (r)
		return r;
	hash = hash_mix(row.name, row.file);
	walk = index_walk(&series->row_index, hash);
	while (index_next(&walk, out_row))
		if (series->rows.items[*out_row].name == row.name &&
		    series->rows.items[*out_row].file == row.file)
			return 0;
	*out_row = (uint32_t)series->rows.n;
	r = add_points(series, dumps, &row.first_point);
	if (!r)
		r = index_insert(&series->row_index, hash, *out_row);
	return r ? r : vec_push(&series->rows, row);
}

/* --- dumps --------------------------------------------------------------------------------- */

/* Returns the doubt of a sample's value (see struct trend_point): the sum of the squares of the
 * values of its blocks or, in a sampled profile, of its recorded samples. */
static double doubt_of(const struct sampling *sampling, size_t sample)
{
	struct estimate estimate = sampling_estimate(sampling, sample);

	if (estimate.n <= 0)
		return estimate.value * estimate.value;
	return estimate.value * estimate.value / estimate.n;
}

/* A dump that is being added to the series. */
struct reading {
	struct dump_series *series;
	const struct diff_input *dumps;
	size_t number; /* the number of the dump */
	struct sampling inuse, allocated;
	bool has_allocated;
	VEC(uint32_t) rows; /* for each function of the dump: its row; PROFILE_NONE: no row yet */
	frame_vec stack;
};

/* If the series follows a value in use, finds the sample type that counts everything ever
 * allocated. */
static void find_allocated(struct reading *reading, const struct profile *profile)
{
	const char *type = reading->series->is_bytes ? "alloc_space" : "alloc_objects";
	int found = strncmp(reading->series->type, "inuse_", 6) == 0
			    ? profile_find_sample_type(profile, type)
			    : -1;

	reading->has_allocated = found >= 0;
	if (found >= 0)
		sampling_init(&reading->allocated, profile, (size_t)found);
}

static void add_point(struct reading *reading, size_t first_point, const struct trend_point *added)
{
	struct trend_point *point = &reading->series->points.items[first_point + reading->number];

	point->value += added->value;
	point->doubt += added->doubt;
	point->allocated += added->allocated;
}

static int row_of(struct reading *reading, uint32_t *out_row)
{
	const struct frames *frames = &reading->dumps[reading->number].frames;
	uint32_t function = reading->stack.n ? reading->stack.items[0] : 0;
	int r;

	if (!reading->stack.n)
		return find_row(reading->series, reading->dumps, PROFILE_NO_STACK, "", out_row);
	*out_row = reading->rows.items[function];
	if (*out_row != PROFILE_NONE)
		return 0;
	r = find_row(reading->series, reading->dumps, frames_name(frames, function),
		     frames_file(frames, function), out_row);
	reading->rows.items[function] = *out_row;
	return r;
}

static int read_sample(struct reading *reading, uint32_t sample)
{
	const struct diff_input *dump = &reading->dumps[reading->number];
	uint32_t row;
	struct trend_point point = {
		.value = (double)profile_values(dump->profile, sample)[reading->inuse.value],
		.doubt = doubt_of(&reading->inuse, sample),
	};
	int r;

	if (filter_judge(&dump->filter, sample) != FILTER_KEPT)
		return 0;
	if (reading->has_allocated)
		point.allocated = doubt_of(&reading->allocated, sample);
	r = frames_of_sample(&dump->frames, sample, &reading->stack);
	if (!r)
		r = row_of(reading, &row);
	if (r)
		return r;
	add_point(reading, reading->series->rows.items[row].first_point, &point);
	add_point(reading, reading->series->total.first_point, &point);
	return 0;
}

static int read_dump(struct dump_series *series, const struct diff_input *dumps, size_t number)
{
	const struct profile *profile = dumps[number].profile;
	int value = profile_find_sample_type(profile, series->type), r = 0;
	struct reading reading = {.series = series, .dumps = dumps, .number = number};

	sampling_init(&reading.inuse, profile, (size_t)value);
	series->is_bytes = reading.inuse.is_bytes;
	if (sampling_is_sampled(&reading.inuse))
		series->interval = fmax(series->interval, reading.inuse.interval);
	series->has_blocks &= sampling_is_sampled(&reading.inuse) || reading.inuse.objects >= 0 ||
			      !profile->samples.n;
	find_allocated(&reading, profile);
	for (size_t i = 0; !r && i < dumps[number].frames.functions.n; i++)
		r = vec_push(&reading.rows, PROFILE_NONE);
	for (uint32_t i = 0; !r && i < profile->samples.n; i++)
		r = read_sample(&reading, i);
	vec_deinit(&reading.rows);
	vec_deinit(&reading.stack);
	return r;
}

/* --- trends -------------------------------------------------------------------------------- */

static bool is_far_below(const struct trend_point *p, const struct trend_point *before,
			 double share)
{
	return p->value < share * before->value;
}

static bool is_beyond_chance(const struct trend_point *p, const struct trend_point *before)
{
	return square(before->value - p->value) >
	       square(EXIT_DEVIATIONS) * (before->doubt + p->doubt);
}

/* Returns whether `last` is low because the program freed its memory when it ended. Such a fall is
 * not part of a trend. `before` is the dump before the program wound down; at least two dumps come
 * before it. A fall that may be chance does not count unless `last` is also far below these two
 * dumps: a few samples that are in `before` alone would be gone in any other dump too. */
static bool is_freed(const struct trend_point *last, const struct trend_point *before, double share)
{
	return is_far_below(last, before, share) &&
	       (is_beyond_chance(last, before) ||
		(is_far_below(last, before - 1, share) && is_far_below(last, before - 2, share)));
}

/* Returns the index of the first dump in the last tenth of the run, but not less than DUMPS_LEAST:
 * that many dumps must come before it, to show a trend and the level from which memory falls. The
 * series has more than DUMPS_LEAST dumps. */
static size_t find_tail(const struct dump_series *series)
{
	const struct trend_point *points = dump_series_points(series, &series->total);
	size_t n = series->n_dumps, first = n - 1;
	double span = points[n - 1].time - points[0].time;

	while (first > DUMPS_LEAST &&
	       points[n - 1].time - points[first - 1].time <= TAIL_SHARE * span)
		first--;
	return first;
}

/* Returns whether the dump before the one at exit was written by a destructor while memory was
 * being freed. This can happen because destructors may allocate too. */
static bool has_destructor_dump(const struct dump_series *series, const struct trend_point *points)
{
	size_t n = series->n_dumps;
	const struct trend_point *last = &points[n - 1], *before = &points[n - 3];

	return series->ends_at_exit && n >= DUMPS_LEAST + 2 && is_freed(last, before, EXIT_SHARE) &&
	       is_far_below(last - 1, before, DESTRUCTOR_SHARE);
}

/* Returns the number of dumps from which the trend is computed: those before the program wound
 * down, or all if it did not. */
static size_t count_judged(const struct dump_series *series, const struct trend_point *points)
{
	size_t n = series->n_dumps, tail;
	double share = series->ends_at_exit ? EXIT_SHARE : DOWN_SHARE;

	if ((!series->ends_at_exit && !series->winds_down) || n <= DUMPS_LEAST)
		return n;
	tail = find_tail(series);
	if (tail == n - 1 && has_destructor_dump(series, points))
		return n - 2;
	if (is_freed(&points[n - 1], &points[tail - 1], share))
		return tail;
	return series->ends_at_exit && is_freed(&points[n - 1], &points[n - 2], share) ? n - 1 : n;
}

/* Returns whether the program left no dump at exit, but its total falls for good in the last tenth
 * of the run. */
static bool winds_down(const struct dump_series *series)
{
	const struct trend_point *points = dump_series_points(series, &series->total);
	size_t n = series->n_dumps;

	return n > DUMPS_LEAST && !series->ends_at_exit &&
	       is_freed(&points[n - 1], &points[find_tail(series) - 1], DOWN_SHARE);
}

/* Returns the square of the difference between the step that leads to `to` and the step that the
 * slope predicts. */
static double square_of_step(const struct trend_point *to, double slope)
{
	const struct trend_point *from = to - 1;

	return square(to->value - from->value - slope * (to->time - from->time));
}

/* Estimates the doubts of a series in which the number of blocks is unknown. If the steps of the
 * series differ from the slope only by chance, the variance of their sum is the sum of the squares
 * of these differences. Half of this doubt is counted as allocated, the other half as freed. */
static void doubt_by_steps(struct trend_point *points, size_t n, double slope)
{
	double squares = 0;

	for (size_t i = 1; i < n; i++)
		squares += square_of_step(&points[i], slope);
	points[0].doubt = squares;
	points[0].allocated = 0;
	for (size_t i = 1; i < n; i++) {
		points[i].doubt = squares;
		points[i].allocated =
			points[i - 1].allocated + square_of_step(&points[i], slope) / 2;
	}
}

static int judge_row(struct dump_series *series, struct dump_series_row *row, double confidence,
		     double limit)
{
	struct trend_point *points = vec_from(&series->points, row->first_point);
	bool knows_doubts = series->is_one_run || !series->has_blocks;
	size_t n = count_judged(series, points);
	int r;

	row->n_judged = n;
	if (!series->has_blocks)
		doubt_by_steps(points, n, 0);
	r = trend_judge(&row->trend, points, n, knows_doubts, confidence);
	if (!series->has_blocks)
		doubt_by_steps(points, n, limit);
	if (!r)
		row->p_limit = trend_exceeds(&row->trend, points, n, knows_doubts, limit);
	return r;
}

static int compare_series_rows(const void *left, const void *right, void *context)
{
	const struct dump_series_row *a = left, *b = right;
	const struct dump_series *series = context;
	int order;

	if (a->trend.verdict != b->trend.verdict)
		return a->trend.verdict < b->trend.verdict ? -1 : 1;
	if (a->trend.slope != b->trend.slope)
		return a->trend.slope > b->trend.slope ? -1 : 1;
	order = strcmp(strtab_text(&series->strings, a->name),
		       strtab_text(&series->strings, b->name));
	return order ? order
		     : strcmp(strtab_text(&series->strings, a->file),
			      strtab_text(&series->strings, b->file));
}

static bool is_empty(const struct dump_series *series, const struct dump_series_row *row)
{
	const struct trend_point *points = dump_series_points(series, row);

	for (size_t i = 0; i < series->n_dumps; i++)
		if (points[i].value != 0)
			return false;
	return true;
}

/* Drops functions that held nothing in any dump, for example because everything they allocated was
 * freed. After this, rows can no longer be found through the index. */
static void drop_empty_rows(struct dump_series *series)
{
	size_t n = 0;

	vec_foreach (row, &series->rows)
		if (!is_empty(series, row))
			series->rows.items[n++] = *row;
	series->rows.n = n;
}

struct trend_remedy dump_series_find_remedy(const struct dump_series *series,
					    const struct dump_series_row *row, double confidence)
{
	return trend_find_remedy(&row->trend, dump_series_points(series, row), row->n_judged,
				 series->is_one_run || !series->has_blocks, confidence);
}

static bool is_one_run(const struct diff_input *dumps, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (!shared_samples_is_one_run(dumps[0].profile, dumps[i].profile))
			return false;
	return true;
}

static bool was_at_exit(const struct profile *profile)
{
	vec_foreach (comment, &profile->comments) {
		const char *reason = profile_comment_value(profile, *comment, "reason");

		if (reason && strcmp(reason, "exit") == 0)
			return true;
	}
	return false;
}

int dump_series_init(struct dump_series *series, const char *type, const struct diff_input *dumps,
		     size_t n, double confidence, double limit)
{
	int r;

	*series = (struct dump_series){
		.type = type,
		.n_dumps = n,
		.has_time = has_times(dumps, n),
		.is_one_run = is_one_run(dumps, n),
		.ends_at_exit = n > 0 && was_at_exit(dumps[n - 1].profile),
		.has_blocks = true,
	};
	series->has_equal_times = !series->has_time && all_have_times(dumps, n);
	r = add_points(series, dumps, &series->total.first_point);
	for (size_t i = 0; !r && i < n; i++)
		r = read_dump(series, dumps, i);
	if (!r) {
		series->winds_down = winds_down(series);
		r = judge_row(series, &series->total, confidence, limit);
	}
	drop_empty_rows(series);
	for (size_t i = 0; !r && i < series->rows.n; i++)
		r = judge_row(series, &series->rows.items[i], confidence, limit);
	if (!r && series->rows.n)
		qsort_r(series->rows.items, series->rows.n, sizeof(*series->rows.items),
			compare_series_rows, series);
	return r;
}

void dump_series_deinit(struct dump_series *series)
{
	strtab_deinit(&series->strings);
	vec_deinit(&series->rows);
	vec_deinit(&series->points);
	index_deinit(&series->row_index);
}
