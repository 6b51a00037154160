/* SPDX-License-Identifier: MIT */
#include "analysis/diff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/shared_samples.h"
#include "analysis/statistics.h"
#include "base/hash.h"
#include "transform/moved_files.h"

/* --- inputs -------------------------------------------------------------------------------- */

int diff_input_init(struct diff_input *input, const struct profile *profile, enum frames_by by,
		    const struct strtab *fileless, const struct filter_rules *rules)
{
	const struct frames_view view = {by, fileless, rules ? rules->hide : NULL};
	int r;

	*input = (struct diff_input){.profile = profile};
	r = frames_init_view(&input->frames, profile, &view);
	if (!r && rules && (rules->tags || rules->focus || rules->ignore || rules->suppressions))
		r = filter_init(&input->filter, rules, profile);
	return r;
}

void diff_input_deinit(struct diff_input *input)
{
	frames_deinit(&input->frames);
	filter_deinit(&input->filter);
}

/* --- rows ---------------------------------------------------------------------------------- */

/* Hashes the name and the file of a function. `file` is "" if the file is unknown. */
static uint64_t hash_of(uint32_t name, const char *file)
{
	return hash_bytes(name, file, strlen(file));
}

static int add_row(struct diff *diff, uint32_t name, const char *file, uint32_t *out_row)
{
	uint32_t file_string;
	int r = strtab_intern(&diff->strings, file, strlen(file), &file_string);

	*out_row = (uint32_t)diff->rows.n;
	if (!r)
		r = index_insert(&diff->row_index, hash_of(name, file), *out_row);
	if (!r)
		r = vec_push(&diff->run_flat, 0);
	if (!r)
		r = vec_push(&diff->run_cumulative, 0);
	if (!r)
		r = vec_push(&diff->pair_flat, 0);
	if (!r)
		r = vec_push(&diff->pair_cumulative, 0);
	return r ? r : vec_push(&diff->rows, (struct diff_row){.name = name, .file = file_string});
}

/* Returns the number of the row with this name and file, or PROFILE_NONE if there is none. */
static uint32_t find_row(const struct diff *diff, uint32_t name, const char *file)
{
	struct index_walk walk = index_walk(&diff->row_index, hash_of(name, file));
	uint32_t row;

	while (index_next(&walk, &row))
		if (diff->rows.items[row].name == name &&
		    strcmp(diff_file(diff, &diff->rows.items[row]), file) == 0)
			return row;
	return PROFILE_NONE;
}

/* --- summing ------------------------------------------------------------------------------- */

/* A run that is being added to the diff. */
struct run {
	struct diff *diff;
	enum diff_side side;
	const struct diff_input *input;
	const struct shared_samples *shared; /* samples that are shared with the base; NULL: none */
	struct sampling sampling;
	double total;
	VEC(uint32_t) rows;    /* for each function of the input: the number of its row */
	VEC(uint32_t) seen_in; /* for each function: 1 + the last sample that was counted */
	frame_vec stack;
	struct moved_files unmet; /* rows that no function of the run has matched yet */
	uint32_t no_stack;        /* for samples without a stack; PROFILE_NONE: no row yet */
};

static int name_of(struct run *run, uint32_t function, uint32_t *out_name)
{
	const char *name = frames_name(&run->input->frames, function);

	return strtab_intern(&run->diff->strings, name, strlen(name), out_name);
}

/* Matches the functions that have a row with the same name and file. These are matched before
 * functions whose files may have moved, so that no such function gets one of these rows. */
static int match_same_files(struct run *run)
{
	const struct frames *frames = &run->input->frames;
	int r = 0;

	for (uint32_t i = 0; !r && i < frames->functions.n; i++) {
		uint32_t name;

		r = name_of(run, i, &name);
		if (!r)
			r = vec_push(&run->rows, find_row(run->diff, name, frames_file(frames, i)));
		if (!r)
			r = vec_push(&run->seen_in, 0);
	}
	return r;
}

/* Collects the rows that no function of the run has matched: their files may have moved. */
static int find_unmet(struct run *run)
{
	const struct diff *diff = run->diff;
	bool *is_met = calloc(diff->rows.n + 1, sizeof(*is_met));
	int r = is_met ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < run->rows.n; i++)
		if (run->rows.items[i] != PROFILE_NONE)
			is_met[run->rows.items[i]] = true;
	for (uint32_t i = 0; !r && i < diff->rows.n; i++)
		if (!is_met[i])
			r = moved_files_add(&run->unmet, diff->rows.items[i].name,
					    diff_file(diff, &diff->rows.items[i]), i);
	free(is_met);
	return r ? r : moved_files_build(&run->unmet);
}

static int match_other_files(struct run *run)
{
	const struct frames *frames = &run->input->frames;
	int r = find_unmet(run);

	for (uint32_t i = 0; !r && i < frames->functions.n; i++) {
		const char *file = frames_file(frames, i);
		uint32_t *row = &run->rows.items[i], name;

		if (*row != PROFILE_NONE)
			continue;
		r = name_of(run, i, &name);
		if (!r)
			*row = moved_files_take(&run->unmet, name, file);
		if (!r && *row == MOVED_FILES_NONE)
			r = add_row(run->diff, name, file, row);
	}
	return r;
}

static int run_init(struct run *run)
{
	int r = match_same_files(run);

	return r ? r : match_other_files(run);
}

static void run_deinit(struct run *run)
{
	vec_deinit(&run->rows);
	vec_deinit(&run->seen_in);
	vec_deinit(&run->stack);
	moved_files_deinit(&run->unmet);
}

/* The estimates that a sample adds to each of its functions. */
struct addition {
	struct estimate estimate, shared;
};

static void add_to(struct diff_measure *measure, enum diff_side side,
		   const struct addition *addition)
{
	estimate_add(&measure->sums[side], &addition->estimate);
	estimate_add(&measure->shared, &addition->shared);
}

static void add_flat(struct run *run, uint32_t row, const struct addition *addition)
{
	add_to(&run->diff->rows.items[row].flat, run->side, addition);
	run->diff->run_flat.items[row] += addition->estimate.value;
}

static void add_cumulative(struct run *run, uint32_t row, const struct addition *addition)
{
	add_to(&run->diff->rows.items[row].cumulative, run->side, addition);
	run->diff->run_cumulative.items[row] += addition->estimate.value;
}

static int find_no_stack(struct run *run)
{
	static const char text[] = PROFILE_NO_STACK;
	uint32_t name;
	int r = strtab_intern(&run->diff->strings, text, strlen(text), &name);

	if (!r)
		run->no_stack = find_row(run->diff, name, "");
	if (!r && run->no_stack == PROFILE_NONE)
		r = add_row(run->diff, name, "", &run->no_stack);
	return r;
}

static int add_without_stack(struct run *run, const struct addition *addition)
{
	int r = 0;

	if (run->no_stack == PROFILE_NONE)
		r = find_no_stack(run);
	if (r)
		return r;
	add_flat(run, run->no_stack, addition);
	add_cumulative(run, run->no_stack, addition);
	return 0;
}

/* Adds a sample to the functions of its stack. A function that is in the stack several times counts
 * once. */
static int add_stack(struct run *run, uint32_t sample, const struct addition *addition)
{
	int r = frames_of_sample(&run->input->frames, sample, &run->stack);

	if (r)
		return r;
	if (!run->stack.n)
		return add_without_stack(run, addition);
	add_flat(run, run->rows.items[run->stack.items[0]], addition);
	vec_foreach (function, &run->stack) {
		if (run->seen_in.items[*function] != sample + 1)
			add_cumulative(run, run->rows.items[*function], addition);
		run->seen_in.items[*function] = sample + 1;
	}
	return 0;
}

static struct estimate shared_estimate(const struct run *run, uint32_t sample)
{
	struct sampling own = sampling_of_sample(&run->sampling, sample);
	double n = run->shared ? run->shared->n.items[sample] : 0;

	if (n <= 0)
		return (struct estimate){0};
	return sampling_weigh(&own, n, sampling_own_size(&run->sampling, sample));
}

static int add_sample(struct run *run, uint32_t sample)
{
	struct addition addition = {.estimate = sampling_estimate(&run->sampling, sample)};
	enum filter_verdict verdict = filter_judge(&run->input->filter, sample);

	if (addition.estimate.value == 0 && addition.estimate.n == 0)
		return 0;
	if (verdict == FILTER_SUPPRESSED)
		run->diff->suppressed[run->side] += addition.estimate.value;
	if (verdict != FILTER_KEPT)
		return 0;
	addition.shared = shared_estimate(run, sample);
	add_to(&run->diff->total, run->side, &addition);
	run->total += addition.estimate.value;
	return add_stack(run, sample, &addition);
}

static double square(double x)
{
	return x * x;
}

/* Ends a run's part in a measure: adds the square of its value, and of a pair, with its second run,
 * the square of the difference. Sets *pair to the difference so far, and *value to 0. */
static void close_measure(struct diff_measure *measure, enum diff_side side, double *pair,
			  double *value)
{
	measure->squares[side] += square(*value);
	if (side == DIFF_BASE) {
		*pair = -*value;
	} else {
		measure->pair_squares += square(*pair + *value);
		*pair = 0;
	}
	*value = 0;
}

/* Ends a run. Adds the squares of its values to the diff, which computes the spread among the runs
 * from them. */
static void close_run(struct run *run)
{
	struct diff *diff = run->diff;

	close_measure(&diff->total, run->side, &diff->pair_total, &run->total);
	for (size_t i = 0; i < diff->rows.n; i++) {
		struct diff_row *row = &diff->rows.items[i];

		close_measure(&row->flat, run->side, &diff->pair_flat.items[i],
			      &diff->run_flat.items[i]);
		close_measure(&row->cumulative, run->side, &diff->pair_cumulative.items[i],
			      &diff->run_cumulative.items[i]);
	}
	diff->n_runs[run->side]++;
	if (sampling_is_sampled(&run->sampling))
		diff->interval[run->side] = fmax(diff->interval[run->side], run->sampling.interval);
}

static int add_run(struct diff *diff, enum diff_side side, const struct diff_input *input,
		   const struct shared_samples *shared)
{
	int value = profile_find_sample_type(input->profile, diff->type);
	struct run run = {
		.diff = diff,
		.side = side,
		.input = input,
		.shared = shared,
		.no_stack = PROFILE_NONE,
	};
	int r;

	sampling_init(&run.sampling, input->profile, (size_t)value);
	diff->is_bytes = run.sampling.is_bytes;
	r = run_init(&run);
	for (uint32_t i = 0; !r && i < input->profile->samples.n; i++)
		r = add_sample(&run, i);
	if (!r)
		close_run(&run);
	run_deinit(&run);
	return r;
}

/* Adds one dump to each side. Both dumps are of the same run. */
static int add_pair(struct diff *diff, const struct diff_input *base, const struct diff_input *new)
{
	struct shared_samples shared;
	int r = shared_samples_init(
		&shared, base->profile, (size_t)profile_find_sample_type(base->profile, diff->type),
		new->profile, (size_t)profile_find_sample_type(new->profile, diff->type));

	if (!r)
		r = add_run(diff, DIFF_BASE, base, NULL);
	if (!r)
		r = add_run(diff, DIFF_NEW, new, &shared);
	shared_samples_deinit(&shared);
	return r;
}

static void divide_suppressed(struct diff *diff)
{
	for (int side = 0; side < 2; side++)
		if (diff->n_runs[side])
			diff->suppressed[side] /= (double)diff->n_runs[side];
}

int diff_init(struct diff *diff, const char *type, const struct diff_input *base, size_t n_base,
	      const struct diff_input *new, size_t n_new)
{
	int r = 0;

	*diff = (struct diff){.type = type};
	if (n_base == 1 && n_new == 1 && shared_samples_is_one_run(base->profile, new->profile))
		return add_pair(diff, base, new);
	for (size_t i = 0; !r && i < n_base; i++)
		r = add_run(diff, DIFF_BASE, &base[i], NULL);
	for (size_t i = 0; !r && i < n_new; i++)
		r = add_run(diff, DIFF_NEW, &new[i], NULL);
	divide_suppressed(diff);
	return r;
}

int diff_init_pairs(struct diff *diff, const char *type, const struct diff_input *base,
		    const struct diff_input *new, size_t n)
{
	int r = 0;

	*diff = (struct diff){.type = type, .is_paired = true};
	for (size_t i = 0; !r && i < n; i++) {
		r = add_run(diff, DIFF_BASE, &base[i], NULL);
		r = r ? r : add_run(diff, DIFF_NEW, &new[i], NULL);
	}
	divide_suppressed(diff);
	return r;
}

void diff_deinit(struct diff *diff)
{
	strtab_deinit(&diff->strings);
	vec_deinit(&diff->rows);
	index_deinit(&diff->row_index);
	vec_deinit(&diff->run_flat);
	vec_deinit(&diff->run_cumulative);
	vec_deinit(&diff->pair_flat);
	vec_deinit(&diff->pair_cumulative);
}

/* --- changes ------------------------------------------------------------------------------- */

/* Returns the mean of the runs of one side, with the error of sampling. */
static struct estimate sampled_mean(const struct diff *diff, const struct diff_measure *measure,
				    enum diff_side side)
{
	double n = (double)diff->n_runs[side];
	struct estimate mean = measure->sums[side];

	if (n < 2)
		return mean;
	mean.value /= n;
	mean.variance /= n * n;
	mean.third /= n * n * n;
	mean.seen /= n;
	mean.missed_value /= n; /* a block missed in one run changes the mean by 1/n of its value */
	return mean;
}

/* Gives a mean the error that follows from a spread instead of that of sampling. Its skewness is
 * unknown, and other runs may have less than what was seen. */
static void set_spread(struct estimate *mean, double spread)
{
	mean->variance = spread;
	mean->third = 0;
	mean->seen = 0;
	mean->n = fmax(mean->n, 1); /* exact values have a spread too */
}

/* Returns the variance of the mean of n values, by the sum of their squares. */
static double spread_of(double squares, double mean, double n)
{
	return (squares - n * square(mean)) / (n - 1) / n;
}

/* Returns the mean of the runs of one side, with the larger of two errors: that of sampling and
 * that of the spread among the runs. Sets *out_freedom to the degrees of freedom of this error. */
static struct estimate mean(const struct diff *diff, const struct diff_measure *measure,
			    enum diff_side side, double *out_freedom)
{
	struct estimate mean = sampled_mean(diff, measure, side);
	double n = (double)diff->n_runs[side], spread;

	*out_freedom = STATISTICS_NORMAL;
	if (n < 2)
		return mean;
	spread = spread_of(measure->squares[side], mean.value, n);
	if (spread <= mean.variance)
		return mean;
	set_spread(&mean, spread);
	*out_freedom = n - 1;
	return mean;
}

/* Sets the sides of a change of pairs: by the paired t-test (Student, The Probable Error of a Mean,
 * Biometrika 6, 1908). The error of the mean difference counts as one of the new side, and that of
 * the base as none. For `factor * base` in place of the base, this is the error at the factor 1. */
static void set_pairs(const struct diff *diff, const struct diff_measure *measure,
		      struct estimated_change *change)
{
	double n = (double)diff->n_runs[DIFF_NEW], spread;

	change->base = sampled_mean(diff, measure, DIFF_BASE);
	change->new = sampled_mean(diff, measure, DIFF_NEW);
	change->base_freedom = change->new_freedom = STATISTICS_NORMAL;
	spread = spread_of(measure->pair_squares, estimated_change_difference(change), n);
	if (spread <= change->base.variance + change->new.variance)
		return;
	set_spread(&change->base, 0);
	set_spread(&change->new, spread);
	change->new.n += change->base.n;
	change->new_freedom = n - 1;
}

static double unseen(const struct diff *diff, enum diff_side side)
{
	return diff->n_runs[side] ? diff->interval[side] / (double)diff->n_runs[side] : 0;
}

struct estimated_change diff_change(const struct diff *diff, const struct diff_measure *measure)
{
	struct estimated_change change = {
		.shared = measure->shared,
		.is_objects = !diff->is_bytes,
	};

	if (diff->is_paired) {
		set_pairs(diff, measure, &change);
	} else {
		change.base = mean(diff, measure, DIFF_BASE, &change.base_freedom);
		change.new = mean(diff, measure, DIFF_NEW, &change.new_freedom);
	}
	if (diff->is_bytes) {
		change.base_unseen = unseen(diff, DIFF_BASE);
		change.new_unseen = unseen(diff, DIFF_NEW);
	}
	return change;
}

bool diff_has_samples(const struct diff_measure *measure)
{
	return measure->sums[DIFF_BASE].n > 0 || measure->sums[DIFF_NEW].n > 0 ||
	       measure->sums[DIFF_BASE].value != 0 || measure->sums[DIFF_NEW].value != 0;
}

/* --- order --------------------------------------------------------------------------------- */

static double size_of_change(const struct diff *diff, const struct diff_measure *measure)
{
	double base = measure->sums[DIFF_BASE].value, new = measure->sums[DIFF_NEW].value;

	if (diff->n_runs[DIFF_BASE])
		base /= (double)diff->n_runs[DIFF_BASE];
	if (diff->n_runs[DIFF_NEW])
		new /= (double)diff->n_runs[DIFF_NEW];
	return fabs(new - base);
}

static int compare_diff_rows(const void *left, const void *right, void *context)
{
	const struct diff_row *a = left, *b = right;
	const struct diff *diff = context;
	double by_flat = size_of_change(diff, &b->flat) - size_of_change(diff, &a->flat);
	double by_cumulative =
		size_of_change(diff, &b->cumulative) - size_of_change(diff, &a->cumulative);
	int order;

	if (by_flat != 0)
		return by_flat > 0 ? 1 : -1;
	if (by_cumulative != 0)
		return by_cumulative > 0 ? 1 : -1;
	order = strcmp(diff_name(diff, a), diff_name(diff, b));
	return order ? order : strcmp(diff_file(diff, a), diff_file(diff, b));
}

void diff_sort(struct diff *diff)
{
	if (diff->rows.n)
		qsort_r(diff->rows.items, diff->rows.n, sizeof(*diff->rows.items),
			compare_diff_rows, diff);
	index_deinit(&diff->row_index); /* the numbers of the rows have changed */
}
