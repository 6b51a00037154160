/* SPDX-License-Identifier: MIT */
#include "transform/reproducible.h"

#include "heap_profile.h"

#define N 40

/* Returns a profile of a program at `base`. Its samples are in reverse order if `is_reversed`. They
 * are as they were taken at `kept_interval`, or already estimates if that is 0. */
static struct profile *make(uint64_t base, bool is_reversed, int64_t kept_interval)
{
	struct profile *profile = heap_profile_new("12", HEAP_INTERVAL);
	uint32_t program =
		profile_add_mapping(profile, &(struct profile_mapping){
						     .start = base,
						     .limit = base + 0x10000,
						     .file = profile_intern(profile, "/bin/app"),
					     });

	for (uint64_t i = 0; i < N; i++) {
		uint64_t at = is_reversed ? N - 1 - i : i;
		struct profile_location location = {
			.address = base + 0x10 * at,
			.mapping = program,
		};
		uint32_t number = profile_add_location(profile, &location, NULL, 0);
		struct profile_sample key = {
			.stack = profile_add_stack(profile, &number, 1),
		};
		int64_t n = (int64_t)at % 7 + 1, size = 100 + 37 * (int64_t)at;

		profile_add_sample(profile, key, (int64_t[]){n, n * size, n, n * size});
	}
	profile_add_comment(profile, "program: app", 12);
	profile_add_comment(profile, "pid: 99", 7);
	profile->time_nanos = (int64_t)base;
	profile->duration_nanos = 5;
	profile->kept_interval = kept_interval;
	CHECK_INT_EQ(profile_status(profile), 0);
	return profile;
}

static struct profile *copy_of(struct profile *profile)
{
	struct profile *copy = reproducible_copy(profile);

	profile_free(profile);
	CHECK(copy != NULL);
	return copy;
}

static void check_equal(const struct profile *a, const struct profile *b)
{
	CHECK_UINT_EQ(a->samples.n, N);
	CHECK_UINT_EQ(b->samples.n, N);
	CHECK_INT_EQ(memcmp(a->values.items, b->values.items, N * 4 * sizeof(int64_t)), 0);
	for (size_t i = 0; i < N; i++) {
		size_t n;
		uint32_t left = *profile_stack(a, a->samples.items[i].stack, &n);
		uint32_t right = *profile_stack(b, b->samples.items[i].stack, &n);

		CHECK_HEX_EQ(a->locations.items[left].address, b->locations.items[right].address);
	}
	CHECK_HEX_EQ(a->mappings.items[0].start, b->mappings.items[0].start);
	CHECK_INT_EQ(a->time_nanos, b->time_nanos);
}

static void test_order_and_place_do_not_matter(void)
{
	struct profile *a = copy_of(make(0x555500000000, false, 0));
	struct profile *b = copy_of(make(0x560000000000, true, 0));

	check_equal(a, b);
	profile_free(a);
	profile_free(b);
}

/* The remainders of rounding are carried over in the new order, so the copies are equal and the sum
 * is right. */
static void test_samples_become_estimates(void)
{
	struct profile *a = copy_of(make(0x555500000000, false, HEAP_INTERVAL));
	struct profile *b = copy_of(make(0x560000000000, true, HEAP_INTERVAL));
	double exact = 0;
	int64_t sum = 0;

	check_equal(a, b);
	for (int i = 0; i < N; i++)
		exact += (i % 7 + 1) * (100 + 37.0 * i) / -expm1(-(100 + 37.0 * i) / HEAP_INTERVAL);
	for (size_t i = 0; i < N; i++)
		sum += profile_values(a, i)[3];
	CHECK_INT_EQ(sum, llround(exact));
	profile_free(a);
	profile_free(b);
}

static void test_what_a_run_leaves_is_gone(void)
{
	struct profile *copy = copy_of(make(0x555500000000, false, 0));

	CHECK_INT_EQ(copy->time_nanos, 0);
	CHECK_INT_EQ(copy->duration_nanos, 0);
	CHECK_UINT_EQ(copy->comments.n, 1);
	CHECK_STR_EQ(profile_string(copy, copy->comments.items[0]), "program: app");
	CHECK(copy->mappings.items[0].start < 0x1000000);
	profile_free(copy);
}

static void test_estimates_beyond_64_bits(void)
{
	struct profile *profile = heap_profile_new("1", INT64_MAX);
	struct profile_sample key = {.stack = profile_add_stack(profile, NULL, 0)};

	profile_add_sample(profile, key, (int64_t[]){1, 1, INT64_C(1) << 40, INT64_C(1) << 40});
	profile->kept_interval = INT64_MAX;
	CHECK(reproducible_copy(profile) == NULL);
	profile_free(profile);
}

TEST_MAIN(TEST(test_order_and_place_do_not_matter), TEST(test_samples_become_estimates),
	  TEST(test_what_a_run_leaves_is_gone), TEST(test_estimates_beyond_64_bits))
