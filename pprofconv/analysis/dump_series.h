/* SPDX-License-Identifier: MIT */
/* A dump series is a sequence of dumps, with the value of each function in each dump and the
 * function's trend. */
#pragma once
#include "analysis/diff.h"
#include "analysis/trend.h"

struct dump_series_row {
	uint32_t name, file; /* numbers of strings of the series */
	size_t first_point; /* index of the row's first point in series.points, of series.n_dumps */
	struct trend trend;
	/* The number of points that the trend is computed from: those before the program wound
	 * down. */
	size_t n_judged;
	double p_limit; /* the probability of such growth if it is truly no faster than the limit */
};

struct dump_series {
	struct strtab strings;
	/* Sorted by verdict, then by slope, the steepest first. The total is not among them. */
	VEC(struct dump_series_row) rows;
	VEC(struct trend_point) points;
	struct dump_series_row total;
	size_t n_dumps;
	bool has_time; /* each dump has a later time than the one before; else dumps are numbered */
	bool has_equal_times; /* has_time is false because some dumps have the same time */
	bool is_bytes;
	bool is_one_run;
	bool ends_at_exit; /* the last dump, or one merged into it, was written at exit */
	/* There is no dump at exit, but most memory is freed in the last tenth of the run. */
	bool winds_down;
	double interval;  /* the largest R of the dumps; 1 or less: not sampled */
	bool has_blocks;  /* the number of blocks, or of samples, is known in all dumps */
	const char *type; /* belongs to the caller */

	/* Private: the index of the rows. */
	struct index row_index;
};

/* Follows the values of the sample type named `type` through `n` dumps, which are in order and must
 * outlive the series. `limit` is the growth that is allowed in an hour, or from one dump to the
 * next if dumps are numbered. Returns 0 or -ENOMEM; call dump_series_deinit() on failure too. */
int dump_series_init(struct dump_series *series, const char *type, const struct diff_input *dumps,
		     size_t n, double confidence, double limit);
void dump_series_deinit(struct dump_series *series);

/* Returns whether the program wound down, and the last dumps are left out of the row's trend. */
static inline bool dump_series_is_cut(const struct dump_series *series,
				      const struct dump_series_row *row)
{
	return row->n_judged < series->n_dumps;
}

/* Returns what it would take to decide a row whose verdict is "not sure". */
struct trend_remedy dump_series_find_remedy(const struct dump_series *series,
					    const struct dump_series_row *row, double confidence);

static inline const struct trend_point *dump_series_points(const struct dump_series *series,
							   const struct dump_series_row *row)
{
	return vec_from(&series->points, row->first_point);
}
