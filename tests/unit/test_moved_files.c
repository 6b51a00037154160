/* SPDX-License-Identifier: MIT */
#include "transform/moved_files.h"

#include "test.h"

#define N 2000

static void fill(struct moved_files *moved, const char *const *files, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		CHECK_INT_EQ(moved_files_add(moved, 1, files[i], i), 0);
	CHECK_INT_EQ(moved_files_build(moved), 0);
}

static void test_longest_common_end(void)
{
	static const char *const files[] = {"/ci/x/a.c", "/ci/y/a.c", "/ci/y/b.c", "a.c"};
	struct moved_files moved = {0};

	fill(&moved, files, 4);
	CHECK_UINT_EQ(moved_files_take(&moved, 1, "/me/y/a.c"), 1);
	CHECK_UINT_EQ(moved_files_take(&moved, 1, "/me/x/a.c"), 0);
	CHECK_UINT_EQ(moved_files_take(&moved, 1, "/me/x/a.c"), 3);
	CHECK_UINT_EQ(moved_files_take(&moved, 1, "/me/x/a.c"), MOVED_FILES_NONE);
	moved_files_deinit(&moved);
}

static void test_what_is_no_match(void)
{
	static const char *const files[] = {"/ci/ba.c", "", "/ci/"};
	struct moved_files moved = {0};

	CHECK_INT_EQ(moved_files_build(&moved), 0);
	CHECK_UINT_EQ(moved_files_take(&moved, 1, "a.c"), MOVED_FILES_NONE);
	moved_files_deinit(&moved);
	fill(&moved, files, 3);
	CHECK_UINT_EQ(moved_files_take(&moved, 1, "/me/a.c"), MOVED_FILES_NONE);
	CHECK_UINT_EQ(moved_files_take(&moved, 1, "a.c"), MOVED_FILES_NONE);
	CHECK_UINT_EQ(moved_files_take(&moved, 2, "/me/ba.c"), MOVED_FILES_NONE);
	CHECK_UINT_EQ(moved_files_take(&moved, 1, ""), MOVED_FILES_NONE);
	CHECK_UINT_EQ(moved_files_take(&moved, 1, "/"), MOVED_FILES_NONE);
	CHECK_UINT_EQ(moved_files_take(&moved, 1, "ba.c"), 0);
	moved_files_deinit(&moved);
}

/* Each file finds its own counterpart, in any order, although all paths have the same end. */
static void test_many_of_one_name(void)
{
	static char files[N][32];
	struct moved_files moved = {0};

	for (uint32_t i = 0; i < N; i++) {
		snprintf(files[i], sizeof(files[i]), "/ci/%u/mod.rs", i);
		CHECK_INT_EQ(moved_files_add(&moved, i % 3, files[i], i), 0);
	}
	CHECK_INT_EQ(moved_files_build(&moved), 0);
	for (uint32_t i = 0; i < N; i++) {
		uint32_t wanted = i * 7 % N;
		char file[32];

		snprintf(file, sizeof(file), "/me/%u/mod.rs", wanted);
		CHECK_UINT_EQ(moved_files_take(&moved, wanted % 3, file), wanted);
	}
	for (uint32_t name = 0; name < 3; name++)
		CHECK_UINT_EQ(moved_files_take(&moved, name, "mod.rs"), MOVED_FILES_NONE);
	moved_files_deinit(&moved);
}

TEST_MAIN(TEST(test_longest_common_end), TEST(test_what_is_no_match), TEST(test_many_of_one_name))
