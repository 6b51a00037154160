/* SPDX-License-Identifier: MIT */
#include "analysis/pairing.h"

#include "heap_profile.h"

/* Returns a dump of that run. If `number` or `time_nanos` is 0, the dump does not contain it. */
static struct profile *dump_of(const char *run, int number, int64_t time_nanos)
{
	struct profile *profile = heap_profile_new(run, 1);
	char comment[32];

	if (number) {
		snprintf(comment, sizeof(comment), "dump: %d", number);
		profile_add_comment(profile, comment, strlen(comment));
	}
	profile->time_nanos = time_nanos;
	return profile;
}

static void check_reversed(struct profile *base, struct profile *new, bool expected)
{
	CHECK_INT_EQ(pairing_is_reversed(base, new), expected);
	profile_free(base);
	profile_free(new);
}

static void test_numbers_come_before_times(void)
{
	check_reversed(dump_of("a", 2, 0), dump_of("a", 1, 0), true);
	check_reversed(dump_of("a", 1, 0), dump_of("a", 2, 0), false);
	check_reversed(dump_of("a", 1, 90), dump_of("a", 2, 80), false);
	check_reversed(dump_of("a", 1, 90), dump_of("a", 1, 80), false); /* the same dump */
}

static void test_times_where_a_number_is_missing(void)
{
	check_reversed(dump_of("a", 0, 90), dump_of("a", 2, 80), true);
	check_reversed(dump_of("a", 2, 80), dump_of("a", 0, 90), false);
	check_reversed(dump_of("a", 0, 80), dump_of("a", 0, 80), false);
	check_reversed(dump_of("a", 0, 90), dump_of("a", 0, 0), false); /* one time is not known */
}

static void test_two_runs_have_no_order(void)
{
	check_reversed(dump_of("a", 2, 90), dump_of("b", 1, 80), false);
}

static const char *program_of(const char *first, const char *second)
{
	static char found[64];
	struct profile *profile = heap_profile_new("a", 1);
	const char *program;

	if (first)
		profile_add_comment(profile, first, strlen(first));
	if (second)
		profile_add_comment(profile, second, strlen(second));
	program = pairing_program(profile);
	snprintf(found, sizeof(found), "%s", program ? program : "(none)");
	profile_free(profile);
	return found;
}

static void test_the_program_is_known_by_its_name(void)
{
	CHECK_STR_EQ(program_of(NULL, NULL), "(none)");
	CHECK_STR_EQ(program_of("program: /usr/bin/app", NULL), "app");
	CHECK_STR_EQ(program_of("program: app", NULL), "app");
	CHECK_STR_EQ(program_of("program: /old/app", "program: /new/app"), "app");
	CHECK_STR_EQ(program_of("program: /usr/bin/app", "program: /usr/bin/other"), "(none)");
}

TEST_MAIN(TEST(test_numbers_come_before_times), TEST(test_times_where_a_number_is_missing),
	  TEST(test_two_runs_have_no_order), TEST(test_the_program_is_known_by_its_name))
