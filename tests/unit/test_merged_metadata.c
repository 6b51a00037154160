/* SPDX-License-Identifier: MIT */
#include "model/merged_metadata.h"

#include "test.h"

enum {
	GROUPS = 3,
};

static int compare_texts(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static struct profile *profile_of(const char *const *comments, size_t n)
{
	struct profile *profile = profile_new();

	for (size_t i = 0; i < n; i++)
		profile_add_comment(profile, comments[i], strlen(comments[i]));
	CHECK_INT_EQ(profile_status(profile), 0);
	return profile;
}

/* Merges profiles with one of the comments each. The caller frees the result. */
static struct profile *merge(const char *const *comments, size_t n)
{
	struct merged_metadata merged = {0};
	struct profile *result = profile_new();

	for (size_t i = 0; i < n; i++) {
		struct profile *one = profile_of(&comments[i], 1);

		CHECK_INT_EQ(merged_metadata_add(&merged, one), 0);
		profile_free(one);
	}
	merged_metadata_finish(&merged, result);
	CHECK_INT_EQ(profile_status(result), 0);
	merged_metadata_deinit(&merged);
	return result;
}

/* Returns the profile's comments, sorted and joined. The caller frees the text. */
static char *comments_of(const struct profile *profile)
{
	size_t n = profile->comments.n, size;
	const char **texts = calloc(n + 1, sizeof(*texts));
	char *joined = NULL;
	FILE *stream = open_memstream(&joined, &size);

	for (size_t i = 0; i < n; i++)
		texts[i] = profile_string(profile, profile->comments.items[i]);
	qsort(texts, n, sizeof(*texts), compare_texts);
	for (size_t i = 0; i < n; i++)
		fprintf(stream, "%s%s", i ? "|" : "", texts[i]);
	fclose(stream);
	free(texts);
	return joined;
}

static void check_merge(const char *const *comments, size_t n, const char *expected)
{
	struct profile *merged = merge(comments, n);
	char *found = comments_of(merged);

	CHECK_STR_EQ(found, expected);
	free(found);
	profile_free(merged);
}

/* Fills `out` with n texts that `format` makes of the numbers from `first` on. */
static const char *const *numbered(char (*out)[64], const char **texts, const char *format,
				   size_t first, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		snprintf(out[i], sizeof(out[i]), format, first + i);
		texts[i] = out[i];
	}
	return texts;
}

#define NUMBERED(format, first, n) \
	numbered((char[n][64]){{0}}, (const char *[n]){NULL}, (format), (first), (n)), (n)

static void test_few_values_are_kept(void)
{
	const char *const comments[] = {"program: b", "program: a", "program: b", "note: x", "y z"};

	check_merge(comments, 5, "note: x|program: a|program: b|y z");
	check_merge(NUMBERED("pid: %zu", 1, 8),
		    "pid: 1|pid: 2|pid: 3|pid: 4|pid: 5|pid: 6|pid: 7|pid: 8");
}

static void test_many_values_are_folded(void)
{
	check_merge(NUMBERED("pid: %zu", 95, 9), "pid: 95 to 103");
	check_merge(NUMBERED("cmdline: app %zu", 1, 9), "cmdline: more than 8 different");
	check_merge(NUMBERED("time: 2026-01-02T03:04:%zu.5Z", 10, 30),
		    "time: 2026-01-02T03:04:10.5Z to 2026-01-02T03:04:39.5Z");
	check_merge(NUMBERED("run: %zx", 100, 30), "run: 30 different");
	check_merge(NUMBERED("word %zu", 100, 65), "more than 64 different comments");
}

static void test_dropped_samples_add_up(void)
{
	const char *const comments[] = {"samples_dropped: 5", "samples_dropped: 0",
					"samples_dropped: 5", "samples_dropped: x"};
	const char *const huge[] = {"samples_dropped: 18446744073709551615", "samples_dropped: 2"};

	check_merge(comments, 4, "samples_dropped: 10");
	check_merge(huge, 2, "samples_dropped: 18446744073709551615");
}

/* Merges three groups of the comments, then their sums; the groups depend on `seed`. */
static void check_grouping(const char *const *comments, size_t n, unsigned seed)
{
	const char *parts[GROUPS][128], *sums[128];
	size_t sizes[GROUPS] = {0}, n_sums = 0;
	struct profile *all = merge(comments, n), *merged[GROUPS], *again;
	char *expected = comments_of(all), *found;

	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		parts[seed % 65537 % GROUPS][sizes[seed % 65537 % GROUPS]++] = comments[i];
	}
	for (size_t i = 0; i < GROUPS; i++) {
		merged[i] = merge(parts[i], sizes[i]);
		for (size_t j = 0; j < merged[i]->comments.n; j++)
			sums[n_sums++] = profile_string(merged[i], merged[i]->comments.items[j]);
	}
	again = merge(sums, n_sums);
	found = comments_of(again);
	CHECK_STR_EQ(found, expected);
	for (size_t i = 0; i < GROUPS; i++)
		profile_free(merged[i]);
	profile_free(all);
	profile_free(again);
	free(expected);
	free(found);
}

static void test_grouping_does_not_matter(void)
{
	const char *const mixed[] = {"a: 5 to 9",
				     "a: 7",
				     "b: x",
				     "b: 3 different",
				     "a: t",
				     "samples_dropped: 3",
				     "b: 1 to 2000-01-01T00:00:00Z"};

	for (unsigned seed = 0; seed < 40; seed++) {
		check_grouping(NUMBERED("pid: %zu", 1, 8), seed);
		check_grouping(NUMBERED("pid: %zu", 95, 9), seed);
		check_grouping(NUMBERED("pid: %zu", 95, 40), seed);
		check_grouping(NUMBERED("cmdline: app %zu", 1, 20), seed);
		check_grouping(NUMBERED("run: %zx", 100, 30), seed);
		check_grouping(NUMBERED("run: %zx", 100, 7), seed);
		check_grouping(NUMBERED("word %zu", 1, 100), seed);
		check_grouping(NUMBERED("samples_dropped: %zu", 1, 10), seed);
		check_grouping(mixed, 7, seed);
	}
}

static void test_folded_values_are_recognized(void)
{
	static const char *const folded[] = {"5 to 9", "12 different", "more than 8 different",
					     "2026-01-02T03:04:05Z to 2026-01-02T03:04:05.1Z"};
	static const char *const plain[] = {"",     "5",           "5 to x",    "a to b",
					    "5to9", "x different", "more than", "5 to 9 to 12"};

	for (size_t i = 0; i < 4; i++)
		CHECK(merged_metadata_is_folded(folded[i]));
	for (size_t i = 0; i < 8; i++)
		CHECK(!merged_metadata_is_folded(plain[i]));
}

static void test_runs_are_counted(void)
{
	const char *const comments[] = {"run: 5 different", "run: abc", "program: x"};
	const char *const huge[] = {"run: 18446744073709551615 different", "run: abc"};
	struct profile *profile = profile_of(comments, 3);

	CHECK_UINT_EQ(merged_metadata_runs(profile), 6);
	profile_free(profile);
	profile = profile_of(comments + 2, 1);
	CHECK_UINT_EQ(merged_metadata_runs(profile), 0);
	profile_free(profile);
	profile = profile_of(huge, 2);
	CHECK_UINT_EQ(merged_metadata_runs(profile), UINT64_MAX);
	profile_free(profile);
}

TEST_MAIN(TEST(test_few_values_are_kept), TEST(test_many_values_are_folded),
	  TEST(test_dropped_samples_add_up), TEST(test_grouping_does_not_matter),
	  TEST(test_folded_values_are_recognized), TEST(test_runs_are_counted))
