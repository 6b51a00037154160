/* SPDX-License-Identifier: MIT */
#include "record/trigger.h"
#include "test.h"
#include <pthread.h>

#define KIB 1024
#define MIB (1024 * KIB)

static struct hp_options options;

static void start(uint64_t allocated, uint64_t freed, uint64_t inuse)
{
	options.allocation_interval = allocated;
	options.deallocation_interval = freed;
	options.inuse_interval = inuse;
	hp_trigger_start(&options);
}

static void report(uint64_t allocated, uint64_t sampled, uint64_t freed)
{
	struct hp_trigger_news news = {allocated, sampled, freed};

	hp_trigger_report(&news);
	CHECK_UINT_EQ(news.allocated + news.sampled + news.freed, 0);
}

/* Returns true if a dump is due. Its reason must contain `word`. */
static bool is_due(const char *word)
{
	HP_TEXT_LOCAL(reason, 160);

	if (!hp_trigger_is_due(&reason))
		return false;
	if (!strstr(hp_text_terminate(&reason), word))
		TEST_FAIL("the reason is \"%s\"", reason.buffer);
	return true;
}

static void test_allocated(void)
{
	start(10 * MIB, 0, 0);
	for (int i = 1; i <= 35; i++) {
		report(MIB, 0, 0);
		CHECK_INT_EQ(is_due("allocated cumulatively"), i % 10 == 0);
		CHECK(!is_due("")); /* only one caller gets the answer */
	}
}

/* If one report covers several intervals, one dump is due. */
static void test_several_intervals_at_once(void)
{
	start(MIB, 0, 0);
	report(100 * MIB, 0, 0);
	CHECK(is_due("100 MiB allocated"));
	CHECK(!is_due(""));
	report(MIB - 1, 0, 0);
	CHECK(!is_due(""));
	report(1, 0, 0);
	CHECK(is_due("allocated"));
}

static void test_freed(void)
{
	start(0, MIB, 0);
	report(10 * MIB, 10 * MIB, MIB - 1);
	CHECK(!is_due(""));
	report(0, 0, 1);
	CHECK(is_due("freed cumulatively"));
}

/* Only a new high-water mark counts, not the sum of what comes into use. */
static void test_inuse(void)
{
	start(0, 0, 10 * MIB);
	for (int i = 0; i < 100; i++) {
		report(MIB, MIB, MIB);
		CHECK(!is_due(""));
	}
	report(0, 10 * MIB, 0);
	CHECK(is_due("in use"));
	report(0, 0, 10 * MIB);
	report(0, 10 * MIB, 0);
	CHECK(!is_due("")); /* not above the last mark */
	report(0, 10 * MIB, 0);
	CHECK(is_due("in use"));
}

/* A dump for one reason begins the other intervals anew, because it shows what their dumps would
 * show. */
static void test_all_begin_anew(void)
{
	start(10 * MIB, 10 * MIB, 10 * MIB);
	report(6 * MIB, 6 * MIB, 0);
	report(4 * MIB, 4 * MIB, 0);
	CHECK(is_due("allocated")); /* the interval of bytes in use has passed as well */
	CHECK(!is_due(""));
	report(0, 9 * MIB, 0);
	CHECK(!is_due(""));
	report(0, 0, 10 * MIB);
	CHECK(is_due("freed")); /* fewer bytes are in use, but the high-water mark is the same */
	report(0, 10 * MIB, 0);
	CHECK(!is_due(""));
	report(0, MIB, 0);
	CHECK(is_due("in use"));
}

static void test_off(void)
{
	start(0, 0, 0);
	report(UINT64_MAX / 2, UINT64_MAX / 2, UINT64_MAX / 4);
	CHECK(!is_due(""));
	CHECK_UINT_EQ(hp_trigger_step(), 1 << 24);
}

static void test_totals(void)
{
	start(0, 0, 0);
	report(100, 80, 30);
	struct hp_trigger_totals t = hp_trigger_totals();

	CHECK_UINT_EQ(t.allocated, 100);
	CHECK_UINT_EQ(t.freed, 30);
	CHECK_UINT_EQ(t.inuse, 50);
	report(0, 0, 100); /* freed bytes may exceed the sampled ones, because both are estimates */
	CHECK_UINT_EQ(hp_trigger_totals().inuse, 0);
}

static void test_step_shrinks_near_an_interval(void)
{
	start(16 * MIB, 0, 0);
	CHECK_UINT_EQ(hp_trigger_step(), 4 * MIB);
	report(8 * MIB, 0, 0);
	CHECK_UINT_EQ(hp_trigger_step(), 2 * MIB);
	report(8 * MIB - 10 * KIB, 0, 0);
	CHECK_UINT_EQ(hp_trigger_step(), 4 * KIB);
	report(9 * KIB, 0, 0);
	CHECK_UINT_EQ(hp_trigger_step(), KIB);
	report(KIB - 1, 0, 0);
	CHECK_UINT_EQ(hp_trigger_step(), 1);
}

/* Near the end of an interval of bytes freed or in use, the step stays at 4 KiB or more: those
 * bytes may stay just below the end for ever, and without a minimum all steps would then be tiny.
 */
static void test_step_near_an_end_that_may_not_come(void)
{
	start(0, 0, 16 * MIB);
	report(0, 16 * MIB - 1, 0);
	CHECK_UINT_EQ(hp_trigger_step(), 4 * KIB);
	start(0, 16 * MIB, 0);
	report(0, 0, 16 * MIB - 1);
	CHECK_UINT_EQ(hp_trigger_step(), 4 * KIB);
}

static void test_small_intervals(void)
{
	start(100, 0, 0);
	CHECK_UINT_EQ(hp_trigger_step(), 100);
	start(0, 100, 0);
	CHECK_UINT_EQ(hp_trigger_step(), 26);
	start(0, 0, 100);
	CHECK_UINT_EQ(hp_trigger_step(), 26);
}

static void test_fork_child(void)
{
	start(10 * MIB, 10 * MIB, 10 * MIB);
	report(9 * MIB, 9 * MIB, 2 * MIB);
	hp_trigger_after_fork();
	struct hp_trigger_totals t = hp_trigger_totals();

	CHECK_UINT_EQ(t.allocated, 0);
	CHECK_UINT_EQ(t.freed, 0);
	CHECK_UINT_EQ(t.inuse, 7 * MIB);
	report(9 * MIB, 0, 0);
	CHECK(!is_due(""));
	report(MIB, 0, 0);
	CHECK(is_due("allocated"));
}

static size_t n_due;

static void *report_and_ask(void *unused)
{
	for (int i = 0; i < 100000; i++) {
		HP_TEXT_LOCAL(reason, 160);

		report(100, 0, 0);
		if (hp_trigger_is_due(&reason))
			__atomic_add_fetch(&n_due, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* The threads report 40 million bytes. At most 40 dumps are due. There may be somewhat fewer,
 * because each interval begins at the last dump. */
static void test_one_of_many_threads_dumps(void)
{
	pthread_t threads[4];

	start(1000000, 0, 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, report_and_ask, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT_LE(n_due, 40);
	CHECK_INT_LE(20, n_due);
	CHECK_UINT_EQ(hp_trigger_totals().allocated, 40000000);
}

/* The intervals are doubled after the dump at 4 MiB. The dump at 4 MiB stays, as do those at even
 * numbers of MiB. */
static void test_intervals_double(void)
{
	start(MIB, 0, 0);
	for (int i = 1; i <= 20; i++) {
		report(MIB, 0, 0);
		CHECK_INT_EQ(is_due("allocated"), i <= 4 || i % 2 == 0);
		if (i == 4)
			hp_trigger_widen();
	}
	hp_trigger_after_fork();
	report(MIB, 0, 0);
	CHECK(is_due("1 MiB allocated"));
	start(0, 0, 0);
	hp_trigger_widen();
	report(1, 1, 1);
	CHECK(!is_due(""));
}

TEST_MAIN(TEST(test_allocated), TEST(test_several_intervals_at_once), TEST(test_freed),
	  TEST(test_inuse), TEST(test_all_begin_anew), TEST(test_off), TEST(test_totals),
	  TEST(test_step_near_an_end_that_may_not_come), TEST(test_small_intervals),
	  TEST(test_step_shrinks_near_an_interval), TEST(test_fork_child),
	  TEST(test_intervals_double), TEST(test_one_of_many_threads_dumps))
