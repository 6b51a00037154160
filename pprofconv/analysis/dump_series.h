/* SPDX-License-Identifier: MIT */
/* A series of dumps, function by function: what each held in each dump, and what trend that is. */
#pragma once
#include "analysis/diff.h"
#include "analysis/trend.h"

struct dump_series_row {
	uint32_t name, file; /* strings of the series */
	size_t first_point;  /* of series.n_dumps, in series.points */
	struct trend trend;
	size_t n_judged; /* its trend ends before the dumps in which the program wound down */
	double p_limit;  /* how likely the series is where it grows no faster than the limit */
};

struct dump_series {
	struct strtab strings;
	VEC(struct dump_series_row)
	rows; /* the fastest growing first; the total is not among them */
	VEC(struct trend_point) points;
	struct dump_series_row total;
	size_t n_dumps;
	bool has_time;        /* else the dumps are counted: nothing tells when they were written */
	bool has_equal_times; /* what keeps it from being that: all tell, but not apart */
	bool is_bytes;
	bool is_one_run;
	bool ends_at_exit; /* the last dump, or one it was merged of, was written at exit */
	bool winds_down;  /* else, it gives back most of what it has in the last tenth of the run */
	double interval;  /* the largest R; 1 or less: exact */
	bool has_blocks;  /* all dumps tell how many blocks there are, or samples */
	const char *type; /* belongs to the caller */

	/* Private: what finds rows. */
	struct index row_index;
};

/* Follows the values of that type through `n` dumps, in order, which must outlive the series.
 * Limits are growth in an hour, or a dump. 0, -ENOMEM; also on failure dump_series_deinit() is to
 * be called. */
int dump_series_init(struct dump_series *series, const char *type, const struct diff_input *dumps,
		     size_t n, double confidence, double limit);
void dump_series_deinit(struct dump_series *series);

static inline bool dump_series_is_cut(const struct dump_series *series,
				      const struct dump_series_row *row)
{
	return row->n_judged < series->n_dumps;
}

/* What would make sure of a row that is not. */
struct trend_remedy dump_series_find_remedy(const struct dump_series *series,
					    const struct dump_series_row *row, double confidence);

static inline const struct trend_point *dump_series_points(const struct dump_series *series,
							   const struct dump_series_row *row)
{
	return vec_from(&series->points, row->first_point);
}
