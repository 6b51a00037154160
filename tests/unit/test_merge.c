/* SPDX-License-Identifier: MIT */
#include "transform/merge.h"

#include "model/sample_labels.h"
#include "sample_profile.h"
#include "test.h"
#include <errno.h>

/* Returns the profile of a process whose program is mapped at `base`. Two stacks are the same in
 * all processes; the third depends on `number`. */
static struct profile *process(uint64_t base, int number)
{
	struct profile *profile = profile_new();
	char comment[32];
	uint32_t program =
		profile_add_mapping(profile, &(struct profile_mapping){
						     .start = base,
						     .limit = base + 0x5000 - (unsigned)number,
						     .file = profile_intern(profile, "/bin/app"),
						     .build_id = profile_intern(profile, "ab"),
					     });
	struct profile_label label = {.key = profile_intern(profile, "bytes"), .number = 16};

	profile_add_sample_type(profile, "space", "bytes");
	for (uint64_t i = 0; i < 3; i++) {
		struct profile_location location = {
			.address = base + 0x100 * (i == 2 ? (unsigned)number : i),
			.mapping = program,
		};
		uint32_t at = profile_add_location(profile, &location, NULL, 0);
		struct profile_sample key = {
			.stack = profile_add_stack(profile, &at, 1),
			.labels = profile_add_labels(profile, &label, i < 2),
		};

		profile_add_sample(profile, key, (int64_t[]){number});
	}
	profile->time_nanos = 100 - number;
	profile->duration_nanos = number;
	profile->period = number;
	snprintf(comment, sizeof(comment), "pid: %d", number);
	profile_add_comment(profile, comment, strlen(comment));
	profile_add_comment(profile, "program: app", 12);
	CHECK_INT_EQ(profile_status(profile), 0);
	return profile;
}

#define MERGE(...)                                   \
	merge_all((struct profile *[]){__VA_ARGS__}, \
		  sizeof((struct profile *[]){__VA_ARGS__}) / sizeof(struct profile *))

/* Merges the profiles and frees them. The caller frees the result. */
static struct profile *merge_all(struct profile **profiles, size_t n)
{
	struct merge *merge = merge_new();
	struct profile *merged;
	struct diag diag = {0};

	for (size_t i = 0; i < n; i++) {
		CHECK_INT_EQ(merge_add(merge, profiles[i], &diag), 0);
		profile_free(profiles[i]);
	}
	merged = merge_finish(merge);
	CHECK(merged != NULL);
	merge_free(merge);
	return merged;
}

static void test_equal_places_in_two_processes_add_up(void)
{
	struct profile *merged = MERGE(process(0x70000000, 5), process(0x50000000, 7));

	CHECK_UINT_EQ(merged->mappings.n, 1);
	CHECK_HEX_EQ(merged->mappings.items[0].start, 0x50000000);
	CHECK_HEX_EQ(merged->mappings.items[0].limit, 0x50000000 + 0x5000 - 5);
	CHECK_UINT_EQ(merged->samples.n, 4);
	CHECK_INT_EQ(profile_values(merged, 0)[0], 12);
	CHECK_HEX_EQ(merged->locations.items[0].address, 0x50000000);
	CHECK_INT_EQ(merged->time_nanos, 93);
	CHECK_INT_EQ(merged->duration_nanos, 12);
	CHECK_INT_EQ(merged->period, 7);
	CHECK_UINT_EQ(merged->comments.n, 3);
	profile_free(merged);
}

static void check_same(struct profile *a, struct profile *b)
{
	struct written first = write_profile(a), second = write_profile(b);

	CHECK_UINT_EQ(cursor_left(&first.bytes), cursor_left(&second.bytes));
	CHECK(cursor_left(&first.bytes) == cursor_left(&second.bytes) &&
	      memcmp(first.bytes.at, second.bytes.at, cursor_left(&first.bytes)) == 0);
	input_free(first.input);
	input_free(second.input);
	profile_free(a);
	profile_free(b);
}

#define A process(0x30000000, 3)
#define B process(0x10000000, 9)
#define C process(0x20000000, 4)

static void test_order_does_not_matter(void)
{
	check_same(MERGE(A, B, C), MERGE(C, A, B));
	check_same(MERGE(A, B, C), MERGE(B, C, A));
	check_same(MERGE(make_profile(), make_profile()),
		   MERGE(MERGE(make_profile()), make_profile()));
}

static void test_grouping_does_not_matter(void)
{
	check_same(MERGE(A, B, C), MERGE(MERGE(A, B), C));
	check_same(MERGE(A, B, C), MERGE(A, MERGE(B, C)));
	check_same(MERGE(A, B, C), MERGE(MERGE(C), MERGE(B, A)));
}

/* --- sample intervals ------------------------------------------------------------------------ */

/* Returns a profile with one sample, which was sampled at `interval`; 0: not known. Unless `level`
 * is 0, the sample has it. */
static struct profile *sampled(int64_t interval, int64_t value, int64_t level)
{
	struct profile *profile = profile_new();
	struct profile_label labels[] = {
		{.key = profile_intern(profile, SAMPLE_LABEL_SIZE), .number = 16},
		{.key = profile_intern(profile, SAMPLE_LABEL_LEVEL),
		 .unit = profile_intern(profile, SAMPLE_LABEL_UNIT),
		 .number = level},
	};
	uint32_t at = profile_location_at(profile, 0x10);
	struct profile_sample key = {
		.stack = profile_add_stack(profile, &at, 1),
		.labels = profile_add_labels(profile, labels, level ? 2 : 1),
	};

	profile_add_sample_type(profile, "inuse_space", "bytes");
	profile_add_sample(profile, key, &value);
	profile->period_type.type = profile_intern(profile, "space");
	profile->period_type.unit = profile_intern(profile, "bytes");
	profile->period = interval;
	return profile;
}

/* Returns the value that was sampled at `interval` in a merged profile; 0 stands for no label. */
static int64_t value_at(const struct profile *merged, int64_t interval)
{
	uint32_t key = sample_labels_key(merged, SAMPLE_LABEL_INTERVAL, SAMPLE_LABEL_UNIT);
	int64_t sum = 0;

	for (size_t i = 0; i < merged->samples.n; i++)
		if (sample_labels_number(merged, i, key) == interval)
			sum += profile_values(merged, i)[0];
	return sum;
}

static void test_samples_keep_their_intervals(void)
{
	struct profile *merged = MERGE(sampled(512, 5, 0), sampled(1, 3, 0), sampled(64, 4, 0));

	CHECK_INT_EQ(merged->period, 512);
	CHECK_UINT_EQ(merged->samples.n, 3);
	CHECK_INT_EQ(value_at(merged, 0), 5);
	CHECK_INT_EQ(value_at(merged, 1), 3);
	CHECK_INT_EQ(value_at(merged, 64), 4);
	profile_free(merged);
}

static void test_one_interval_needs_no_label(void)
{
	struct profile *merged = MERGE(sampled(64, 5, 0), sampled(64, 3, 0));

	CHECK_UINT_EQ(merged->samples.n, 1);
	CHECK_UINT_EQ(merged->labels.n, 1);
	profile_free(merged);
}

static void test_intervals_do_not_depend_on_the_order(void)
{
#define S(interval) sampled((interval), (interval) + 1, 0)
	check_same(MERGE(S(1), S(64), S(512)), MERGE(S(512), S(1), S(64)));
	check_same(MERGE(S(1), S(64), S(512)), MERGE(S(64), S(512), S(1)));
	check_same(MERGE(S(1), S(64), S(512)), MERGE(MERGE(S(64), S(1)), S(512)));
	check_same(MERGE(S(1), S(64), S(512)), MERGE(S(64), MERGE(S(512), S(1))));
	check_same(MERGE(S(0), S(64), S(512)), MERGE(S(64), S(0), S(512)));
	check_same(MERGE(S(0), S(64), S(512)), MERGE(S(512), S(64), S(0)));
#undef S
}

static void test_unknown_intervals_are_taken_for_the_largest(void)
{
	struct profile *merged = MERGE(sampled(64, 4, 0), sampled(0, 3, 0), sampled(512, 5, 0));

	CHECK_UINT_EQ(merged->samples.n, 2);
	CHECK_INT_EQ(value_at(merged, 0), 3 + 5);
	CHECK_INT_EQ(value_at(merged, 64), 4);
	profile_free(merged);
}

static void test_levels_are_left_out(void)
{
	struct profile *merged = MERGE(sampled(64, 5, 64), sampled(64, 3, 512));

	CHECK_UINT_EQ(merged->samples.n, 1);
	CHECK_INT_EQ(value_at(merged, 0), 8);
	CHECK_UINT_EQ(sample_labels_key(merged, SAMPLE_LABEL_LEVEL, NULL), 0);
	profile_free(merged);
}

/* --- errors ---------------------------------------------------------------------------------- */

static void test_profiles_that_count_different_things(void)
{
	struct profile *other = profile_new(), *one = A;
	struct merge *merge = merge_new();
	struct diag diag = {.file = "x"};

	profile_add_sample_type(other, "space", "pages");
	CHECK_INT_EQ(merge_add(merge, one, &diag), 0);
	CHECK_INT_EQ(merge_add(merge, other, &diag), MERGE_E_MISMATCH);
	CHECK(diag_has_error(&diag));
	merge_free(merge);
	profile_free(other);
	profile_free(one);
}

/* If the durations can't be added up, the merge fails. The mappings that come next are not added,
 * so they must not be entered in the index either. */
static void test_durations_beyond_64_bits(void)
{
	struct profile *longest = profile_new(), *other = B;
	struct merge *merge = merge_new();
	struct diag diag = {.file = "x"};
	struct profile_mapping same = other->mappings.items[0];

	profile_add_sample_type(longest, "space", "bytes");
	longest->duration_nanos = INT64_MAX;
	same.file = profile_intern(other, "/lib/other");
	profile_add_mapping(other, &same);
	CHECK_INT_EQ(merge_add(merge, longest, &diag), 0);
	CHECK_INT_EQ(merge_add(merge, other, &diag), -EOVERFLOW);
	merge_free(merge);
	profile_free(other);
	profile_free(longest);
}

static void test_names_are_kept(void)
{
	struct profile *merged = MERGE(make_profile(), make_profile());
	const struct profile_line *lines = profile_lines(merged, &merged->locations.items[0]);

	CHECK_UINT_EQ(merged->locations.items[0].n_lines, 2);
	CHECK_INT_EQ(lines[0].column, 3);
	CHECK_STR_EQ(profile_string(merged, merged->functions.items[lines[0].function].system_name),
		     "_ZN2ns1fEi");
	CHECK(merged->mappings.items[0].has_functions);
	CHECK_INT_EQ(profile_values(merged, 0)[0], -6);
	CHECK_STR_EQ(profile_string(merged, merged->drop_frames), "malloc");
	profile_free(merged);
}

TEST_MAIN(TEST(test_equal_places_in_two_processes_add_up), TEST(test_order_does_not_matter),
	  TEST(test_grouping_does_not_matter), TEST(test_samples_keep_their_intervals),
	  TEST(test_one_interval_needs_no_label), TEST(test_intervals_do_not_depend_on_the_order),
	  TEST(test_unknown_intervals_are_taken_for_the_largest), TEST(test_levels_are_left_out),
	  TEST(test_profiles_that_count_different_things), TEST(test_durations_beyond_64_bits),
	  TEST(test_names_are_kept))
