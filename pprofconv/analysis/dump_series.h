/* SPDX-License-Identifier: MIT */
/* A dump series is what each function held in each of several dumps, with its trend. */
#pragma once
#include "analysis/diff.h"
#include "analysis/trend.h"

struct dump_series_row {
	uint32_t name, file; /* strings of the series */
	size_t first_point;  /* the first of series.n_dumps in series.points */
	struct trend trend;
	size_t n_judged; /* points that the trend is made of: those before the program wound down */
	double p_limit;  /* how likely the series is if it grows no faster than the limit */
};

struct dump_series {
	struct strtab strings;
	/* The fastest growing first; the total is not among them. */
	VEC(struct dump_series_row) rows;
	VEC(struct trend_point) points;
	struct dump_series_row total;
	size_t n_dumps;
	bool has_time; /* dumps have times, each later than the last; else they are numbered */
	bool has_equal_times; /* why has_time is false: all dumps have times, but some are equal */
	bool is_bytes;
	bool is_one_run;
	bool ends_at_exit; /* the last dump, or one merged into it, was written at exit */
	bool winds_down;   /* if not, most is given back in the last tenth of the run */
	double interval;   /* the largest R; 1 or less: exact */
	bool has_blocks;   /* all dumps say how many blocks, or samples, there are */
	const char *type;  /* belongs to the caller */

	/* Private: the index of the rows. */
	struct index row_index;
};

/* Follows the values of that sample type through `n` dumps, in order, which must outlive the
 * series. `limit` is growth in an hour, or in a dump if dumps are numbered. Returns 0 or -ENOMEM;
 * call dump_series_deinit() on failure too. */
int dump_series_init(struct dump_series *series, const char *type, const struct diff_input *dumps,
		     size_t n, double confidence, double limit);
void dump_series_deinit(struct dump_series *series);

static inline bool dump_series_is_cut(const struct dump_series *series,
				      const struct dump_series_row *row)
{
	return row->n_judged < series->n_dumps;
}

/* Returns what would decide a row whose verdict is "not sure". */
struct trend_remedy dump_series_find_remedy(const struct dump_series *series,
					    const struct dump_series_row *row, double confidence);

static inline const struct trend_point *dump_series_points(const struct dump_series *series,
							   const struct dump_series_row *row)
{
	return vec_from(&series->points, row->first_point);
}
