/* SPDX-License-Identifier: MIT */
#include "analysis/dump_series.h"

#include "heap_profile.h"

#define N           6
#define SECOND      INT64_C(1000000000)
#define TEN_MINUTES (600 * SECOND)

struct rig {
	struct profile *profiles[N];
	struct diff_input dumps[N];
	struct dump_series series;
};

/* Makes a series in which "leak" grows by 100 bytes per dump and "late" appears in the fourth dump.
 */
static void begin(struct rig *rig, const char *run, int64_t nanos_apart)
{
	*rig = (struct rig){0};
	for (size_t i = 0; i < N; i++) {
		struct profile *profile = heap_profile_new(run, 1);

		heap_profile_add(profile, "leak", "l.c", 100, (double)i + 1, (double)i + 1);
		if (i >= 3)
			heap_profile_add(profile, "late", "l.c", 50, 1, 1);
		profile->time_nanos = nanos_apart * (int64_t)(i + 1);
		rig->profiles[i] = profile;
		CHECK_INT_EQ(
			diff_input_init(&rig->dumps[i], profile, FRAMES_BY_FUNCTION, NULL, NULL),
			0);
	}
	CHECK_INT_EQ(dump_series_init(&rig->series, "inuse_space", rig->dumps, N, 0.95, 500), 0);
}

static void end(struct rig *rig)
{
	dump_series_deinit(&rig->series);
	for (size_t i = 0; i < N; i++) {
		diff_input_deinit(&rig->dumps[i]);
		profile_free(rig->profiles[i]);
	}
}

static const struct dump_series_row *find(const struct dump_series *series, const char *name)
{
	vec_foreach (row, &series->rows)
		if (strcmp(strtab_text(&series->strings, row->name), name) == 0)
			return row;
	TEST_FAIL("no row '%s'", name);
	return series->rows.items;
}

static void test_values_of_each_function(void)
{
	struct rig rig;
	const struct trend_point *points;

	begin(&rig, "7", TEN_MINUTES);
	CHECK_UINT_EQ(rig.series.rows.n, 2);
	CHECK(rig.series.is_bytes);
	CHECK(rig.series.is_one_run);
	points = dump_series_points(&rig.series, find(&rig.series, "leak"));
	for (size_t i = 0; i < N; i++)
		CHECK_NEAR(points[i].value, 100 * (double)(i + 1), 0);
	points = dump_series_points(&rig.series, find(&rig.series, "late"));
	CHECK_NEAR(points[2].value, 0, 0);
	CHECK_NEAR(points[3].value, 50, 0);
	points = dump_series_points(&rig.series, &rig.series.total);
	CHECK_NEAR(points[5].value, 650, 0);
	end(&rig);
}

static void test_time_is_in_hours(void)
{
	struct rig rig;

	begin(&rig, "7", TEN_MINUTES);
	CHECK(rig.series.has_time);
	CHECK_NEAR(dump_series_points(&rig.series, &rig.series.total)[3].time, 0.5, 1e-12);
	CHECK_NEAR(find(&rig.series, "leak")->trend.slope, 600, 1e-9);
	end(&rig);
}

static void test_dumps_without_times(void)
{
	struct rig rig;

	begin(&rig, "7", 0);
	CHECK(!rig.series.has_time);
	CHECK_NEAR(find(&rig.series, "leak")->trend.slope, 100, 1e-9);
	end(&rig);
}

static void test_times_that_run_backwards(void)
{
	struct rig rig;

	begin(&rig, "7", -TEN_MINUTES);
	CHECK(!rig.series.has_time);
	end(&rig);
}

/* A profile may have any time; two may be further apart than an int64_t can hold. */
static void test_times_far_apart(void)
{
	struct rig rig;

	begin(&rig, "7", TEN_MINUTES);
	dump_series_deinit(&rig.series);
	rig.profiles[0]->time_nanos = INT64_MIN;
	rig.profiles[N - 1]->time_nanos = INT64_MAX;
	CHECK_INT_EQ(dump_series_init(&rig.series, "inuse_space", rig.dumps, N, 0.95, 500), 0);
	CHECK(rig.series.has_time);
	CHECK_NEAR(dump_series_points(&rig.series, &rig.series.total)[N - 1].time, 0x1p64 / 3.6e12,
		   1);
	end(&rig);
}

/* The limit is 500 bytes an hour. Growth by 600 may exceed it; growth by 300 certainly does not. */
static void test_limits(void)
{
	struct rig rig;

	begin(&rig, "7", TEN_MINUTES);
	CHECK_INT_EQ(find(&rig.series, "leak")->trend.verdict, TREND_GROWS);
	CHECK(find(&rig.series, "leak")->p_limit < 0.5);
	end(&rig);
	begin(&rig, "7", 2 * TEN_MINUTES); /* growth by 300 an hour */
	CHECK_NEAR(find(&rig.series, "leak")->p_limit, 1, 0);
	end(&rig);
}

static void test_growing_ones_come_first(void)
{
	struct rig rig;

	begin(&rig, "7", TEN_MINUTES);
	CHECK_PTR_EQ(find(&rig.series, "leak"), rig.series.rows.items);
	end(&rig);
}

TEST_MAIN(TEST(test_values_of_each_function), TEST(test_time_is_in_hours),
	  TEST(test_dumps_without_times), TEST(test_times_that_run_backwards),
	  TEST(test_times_far_apart), TEST(test_limits), TEST(test_growing_ones_come_first))
