/* SPDX-License-Identifier: MIT */
#include "analysis/leftover.h"

#include "heap_profile.h"

#define KIB 1024.0
#define MIB (1024 * KIB)

/* Returns what leftover_find() finds in a profile with those bytes. If `interval` is 1, the profile
 * is exact. */
static struct leftover find(double inuse, double allocated, int64_t interval, const char *reason)
{
	struct profile *profile = heap_profile_new("a", interval);
	struct profile_sample key = {.stack = profile_add_stack(profile, NULL, 0)};
	struct leftover found;

	profile_add_sample(profile, key, (int64_t[]){1, (int64_t)allocated, 1, (int64_t)inuse});
	if (reason)
		profile_add_comment(profile, reason, strlen(reason));
	found = leftover_find(profile);
	profile_free(profile);
	return found;
}

static bool is_leftover(double inuse, double allocated)
{
	return find(inuse, allocated, 1, "reason: exit").is_leftover;
}

static void test_sums(void)
{
	struct leftover found = find(3 * KIB, 2 * MIB, 1, NULL);

	CHECK_NEAR(found.inuse, 3 * KIB, 0);
	CHECK_NEAR(found.allocated, 2 * MIB, 0);
}

static void test_1_mib_must_have_been_allocated(void)
{
	CHECK(is_leftover(KIB, MIB));
	CHECK(!is_leftover(KIB, MIB - 1));
}

static void test_less_than_a_hundredth_may_be_in_use(void)
{
	CHECK(is_leftover(0, 2 * MIB));
	CHECK(is_leftover(10 * KIB - 1, 1000 * KIB * 2));
	CHECK(!is_leftover(20 * KIB, 2000 * KIB));
}

static void test_no_more_than_256_kib_and_two_samples(void)
{
	/* In an exact profile, a sample counts for one byte. */
	CHECK(is_leftover(256 * KIB + 2, 100 * MIB));
	CHECK(!is_leftover(256 * KIB + 3, 100 * MIB));
	CHECK(find(256 * KIB + 2 * HEAP_INTERVAL, 1000 * MIB, HEAP_INTERVAL, NULL).is_leftover);
	CHECK(!find(256 * KIB + 2 * HEAP_INTERVAL + 1, 1000 * MIB, HEAP_INTERVAL, NULL)
		       .is_leftover);
}

static void test_a_dump_at_work_is_none(void)
{
	CHECK(find(KIB, 2 * MIB, 1, NULL).is_leftover);
	CHECK(!find(KIB, 2 * MIB, 1, NULL).is_at_work);
	CHECK(!find(KIB, 2 * MIB, 1, "reason: exit").is_at_work);
	CHECK(find(KIB, 2 * MIB, 1, "reason: signal").is_at_work);
	CHECK(!find(KIB, 2 * MIB, 1, "reason: signal").is_leftover);
}

static void test_a_profile_without_both_types(void)
{
	struct profile *profile = profile_new();
	struct leftover found;

	profile_add_sample_type(profile, "alloc_space", "bytes");
	profile_add_sample(profile,
			   (struct profile_sample){.stack = profile_add_stack(profile, NULL, 0)},
			   (int64_t[]){2 * 1024 * 1024});
	found = leftover_find(profile);
	CHECK(!found.is_leftover);
	CHECK_NEAR(found.allocated, 0, 0);
	profile_free(profile);
}

TEST_MAIN(TEST(test_sums), TEST(test_1_mib_must_have_been_allocated),
	  TEST(test_less_than_a_hundredth_may_be_in_use),
	  TEST(test_no_more_than_256_kib_and_two_samples), TEST(test_a_dump_at_work_is_none),
	  TEST(test_a_profile_without_both_types))
