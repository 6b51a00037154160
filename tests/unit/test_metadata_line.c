/* SPDX-License-Identifier: MIT */
#include "model/metadata_line.h"

#include "base/cleanup.h"
#include "test.h"

/* Returns a profile with these comments; NULL ends them. */
static struct profile *with_comments(const char *const *comments)
{
	struct profile *profile = profile_new();

	CHECK(profile);
	for (size_t i = 0; comments[i]; i++)
		profile_add_comment(profile, comments[i], strlen(comments[i]));
	return profile;
}

static void check_comments(const struct profile *profile, const char *const *expected)
{
	size_t n = 0;

	vec_foreach (comment, &profile->comments) {
		CHECK_STR_EQ(profile_string(profile, *comment), expected[n] ? expected[n] : "");
		n += expected[n] != NULL;
	}
	CHECK_PTR_EQ(expected[n], NULL);
}

/* Packs the comments and unpacks the line. */
static void check(const char *const *comments, const char *line, const char *const *expected)
{
	_cleanup_(profile_freep) struct profile *profile = with_comments(comments);
	_cleanup_(profile_freep) struct profile *read = NULL;
	comment_vec rest = {0};
	char *packed;

	CHECK_INT_EQ(metadata_line_pack(profile, &packed, &rest), 0);
	CHECK_STR_EQ(packed ? packed : "", line);
	read = with_comments((const char *const[]){packed, NULL});
	vec_foreach (comment, &rest)
		profile_add_comment(read, profile_string(profile, *comment),
				    strlen(profile_string(profile, *comment)));
	metadata_line_unpack(read);
	CHECK_INT_EQ(profile_status(read), 0);
	check_comments(read, expected);
	vec_deinit(&rest);
	free(packed);
}

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_one_line(void)
{
	check(TEXTS("run: 1f", "reason: exit", "program: /bin/a b%", "cmdline: a \xff\n= c",
		    "pid: 7"),
	      "heapprof: program=/bin/a%20b%25 pid=7 reason=exit run=1f cmdline=a%20%ff%0a=%20c",
	      TEXTS("program: /bin/a b%", "pid: 7", "reason: exit", "run: 1f",
		    "cmdline: a \xff\n= c"));
}

static void test_a_sum_has_several_values(void)
{
	check(TEXTS("run: 1", "program: a", "run: 2", "program: b"),
	      "heapprof: program=a program=b run=1 run=2",
	      TEXTS("program: a", "program: b", "run: 1", "run: 2"));
}

static void test_other_comments_stay(void)
{
	check(TEXTS("run: 1", "a sentence: of somebody", "note: no sample", "Key: v", ":"),
	      "heapprof: run=1",
	      TEXTS("run: 1", "a sentence: of somebody", "note: no sample", "Key: v", ":"));
}

static void test_profiles_of_others_have_no_line(void)
{
	check(TEXTS("version: 1"), "", TEXTS("version: 1"));
}

static void check_unpacked(const char *const *comments, const char *const *expected)
{
	_cleanup_(profile_freep) struct profile *profile = with_comments(comments);

	metadata_line_unpack(profile);
	CHECK_INT_EQ(profile_status(profile), 0);
	check_comments(profile, expected);
}

static void test_files_of_older_versions(void)
{
	check_unpacked(TEXTS("program: /bin/a", "run: 1"), TEXTS("program: /bin/a", "run: 1"));
}

/* go tool pprof keeps both lines when it adds two profiles. */
static void test_several_lines(void)
{
	check_unpacked(TEXTS("heapprof: program=a run=1", "x", "heapprof: program=a run=2"),
		       TEXTS("program: a", "run: 1", "x", "run: 2"));
}

static void test_damaged_lines(void)
{
	check_unpacked(TEXTS("heapprof:  run=1   =2 A=3 x y= z=%4 w=%4g v=%00 u=%%41 "),
		       TEXTS("run: 1", "y: ", "z: %4", "w: %4g", "v: %00", "u: %A"));
	check_unpacked(TEXTS("heapprof:run=1", "heapprof: "), TEXTS("heapprof:run=1"));
}

TEST_MAIN(TEST(test_one_line), TEST(test_a_sum_has_several_values), TEST(test_other_comments_stay),
	  TEST(test_profiles_of_others_have_no_line), TEST(test_files_of_older_versions),
	  TEST(test_several_lines), TEST(test_damaged_lines))
