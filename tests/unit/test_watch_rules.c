/* SPDX-License-Identifier: MIT */
#include "command/watch/watch_rules.h"
#include "test.h"

#define MIB (UINT64_C(1) << 20)

static const struct watch_rules all = {
	.every_ms = 60000,
	.rss_bytes = 100 * MIB,
	.memory_share = 0.9,
};

static struct watch_marks begin(const struct watch_rules *rules, struct watch_sight sight)
{
	struct watch_marks marks;

	watch_marks_init(&marks, rules, &sight);
	return marks;
}

/* Returns the reason at a sight, after which there is a dump. */
static enum watch_reason judge(const struct watch_rules *rules, struct watch_marks *marks,
			       struct watch_sight sight)
{
	enum watch_reason reason = watch_rules_judge(rules, marks, &sight);

	if (reason)
		watch_rules_note_dump(rules, marks, &sight);
	return reason;
}

static void test_time(void)
{
	const struct watch_rules rules = {.every_ms = 1000};
	struct watch_marks marks = begin(&rules, (struct watch_sight){5000, 0, -1});

	CHECK_INT_EQ(judge(&rules, &marks, (struct watch_sight){5000, 0, -1}), WATCH_NOTHING);
	CHECK_INT_EQ(judge(&rules, &marks, (struct watch_sight){5999, 0, -1}), WATCH_NOTHING);
	CHECK_INT_EQ(judge(&rules, &marks, (struct watch_sight){6005, 0, -1}), WATCH_TIME);
	CHECK_INT_EQ(judge(&rules, &marks, (struct watch_sight){6999, 0, -1}), WATCH_NOTHING);
	CHECK_INT_EQ(judge(&rules, &marks, (struct watch_sight){7000, 0, -1}), WATCH_TIME);
	/* Times that have passed are one dump, and the rhythm stays. */
	CHECK_INT_EQ(judge(&rules, &marks, (struct watch_sight){11300, 0, -1}), WATCH_TIME);
	CHECK_UINT_EQ(marks.next_ms, 12000);
	CHECK_INT_EQ(judge(&rules, &marks, (struct watch_sight){11999, 0, -1}), WATCH_NOTHING);
}

static void test_first(void)
{
	const struct watch_rules rules = {.every_ms = 1000, .has_first = true};
	struct watch_marks marks = begin(&rules, (struct watch_sight){0, 0, -1});

	CHECK_INT_EQ(judge(&rules, &marks, (struct watch_sight){0, 0, -1}), WATCH_FIRST);
	CHECK_INT_EQ(judge(&rules, &marks, (struct watch_sight){1, 0, -1}), WATCH_NOTHING);
	CHECK_INT_EQ(judge(&rules, &marks, (struct watch_sight){1000, 0, -1}), WATCH_TIME);
}

static void test_rss(void)
{
	struct watch_marks marks = begin(&all, (struct watch_sight){0, 50 * MIB, -1});

	CHECK_INT_EQ(judge(&all, &marks, (struct watch_sight){1, 149 * MIB, -1}), WATCH_NOTHING);
	CHECK_INT_EQ(judge(&all, &marks, (struct watch_sight){2, 150 * MIB, -1}), WATCH_RSS);
	CHECK_INT_EQ(judge(&all, &marks, (struct watch_sight){3, 249 * MIB, -1}), WATCH_NOTHING);
	CHECK_INT_EQ(judge(&all, &marks, (struct watch_sight){4, 20 * MIB, -1}), WATCH_NOTHING);
	/* A dump by time has the mark that the next growth is measured from. */
	CHECK_INT_EQ(judge(&all, &marks, (struct watch_sight){60000, 20 * MIB, -1}), WATCH_TIME);
	CHECK_INT_EQ(judge(&all, &marks, (struct watch_sight){60001, 119 * MIB, -1}),
		     WATCH_NOTHING);
	CHECK_INT_EQ(judge(&all, &marks, (struct watch_sight){60002, 120 * MIB, -1}), WATCH_RSS);
}

static void test_memory_max(void)
{
	struct watch_marks marks = begin(&all, (struct watch_sight){0, 0, 0.5});
	static const struct {
		double share;
		bool is_due;
	} sights[] = {
		{0.89, false}, {0.9, true},   {0.92, false}, {0.949, false}, {0.951, true},
		{0.97, false}, {0.976, true}, {0.85, false}, {0.9, false}, /* 0.81 rearms it */
		{0.8, false},  {0.91, true},  {-1, false},   {0.95, true},
	};

	for (size_t i = 0; i < sizeof(sights) / sizeof(sights[0]); i++) {
		enum watch_reason reason =
			judge(&all, &marks, (struct watch_sight){1, 0, sights[i].share});

		if ((reason == WATCH_MEMORY_MAX) != sights[i].is_due)
			TEST_FAIL("sight %zu: %d", i, reason);
	}
}

static void test_off(void)
{
	const struct watch_rules none = {0};
	struct watch_marks marks = begin(&none, (struct watch_sight){0, 0, -1});

	CHECK_INT_EQ(judge(&none, &marks, (struct watch_sight){UINT64_MAX, 1 << 30, 1.5}),
		     WATCH_NOTHING);
}

TEST_MAIN(TEST(test_time), TEST(test_first), TEST(test_rss), TEST(test_memory_max), TEST(test_off))
