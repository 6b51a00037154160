/* SPDX-License-Identifier: MIT */
#include "analysis/gate.h"

#include <unistd.h>

#include "test.h"

static struct gate parse(const char *text)
{
	struct diag diag = {0};
	struct gate gate;

	CHECK_INT_EQ(gate_parse(&gate, text, false, &diag), 0);
	return gate;
}

static void test_limits(void)
{
	CHECK_STR_EQ(parse("inuse_space=0").type, "inuse_space");
	CHECK_NEAR(parse("a=2.5%").limit, 0.025, 1e-15);
	CHECK(parse("a=2%").is_percent);
	CHECK(!parse("a=2").is_percent);
	CHECK_NEAR(parse("a=10M").limit, 10 * 1048576.0, 0);
	CHECK_NEAR(parse("a=1.5k").limit, 1536, 0);
	CHECK_NEAR(parse("a=3G").limit, 3 * 1073741824.0, 0);
}

static void test_bad_limits(void)
{
	static const char *const bad[] = {"",       "a",     "a=",    "=1",    "a=-1",
					  "a=x",    "a=1x",  "a=1%%", "a=nan", "a=inf",
					  "a=0x10", "a=1e9", "a=1 M", "a=1MB", "a=1.2.3"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct diag diag = {0};
		struct gate gate;

		if (gate_parse(&gate, bad[i], false, &diag) != GATE_E_SYNTAX)
			TEST_FAIL("'%s' is taken for a limit", bad[i]);
		diag_deinit(&diag);
	}
}

static bool match(const char *pattern, const char *text)
{
	struct suppressions suppressions = {0};
	char *copy = strdup(pattern);
	bool found;

	CHECK_INT_EQ(vec_push(&suppressions.patterns, copy), 0);
	found = suppressions_match(&suppressions, text);
	suppressions_deinit(&suppressions);
	return found;
}

static void test_patterns(void)
{
	CHECK(match("cache", "my_cache_fill"));
	CHECK(!match("cash", "my_cache_fill"));
	CHECK(match("my*fill", "my_cache_fill"));
	CHECK(match("*", "x"));
	CHECK(match("^my", "my_cache"));
	CHECK(!match("^cache", "my_cache"));
	CHECK(match("cache$", "my_cache"));
	CHECK(!match("my$", "my_cache"));
	CHECK(match("^my*e$", "my_cache"));
	CHECK(!match("^my*h$", "my_cache"));
	CHECK(match("aab", "aaab"));
	CHECK(match("a*ab$", "aaabab"));
	CHECK(!match("x", ""));
}

static int read_text(const char *text, struct suppressions *out)
{
	char path[] = "/tmp/test_gate.XXXXXX";
	struct input *input = NULL;
	struct diag diag = {0};
	int fd = mkstemp(path), r;

	CHECK_INT_EQ(write(fd, text, strlen(text)), (int64_t)strlen(text));
	close(fd);
	CHECK_INT_EQ(input_open(&input, path, 0, &diag), 0);
	r = suppressions_read(out, input, &diag);
	input_free(input);
	unlink(path);
	diag_deinit(&diag);
	return r;
}

static void test_suppression_files(void)
{
	struct suppressions suppressions = {0};

	CHECK_INT_EQ(read_text("# why\n\n  leak:a*b \nrace:c\nleak:x\n", &suppressions), 0);
	CHECK_UINT_EQ(suppressions.patterns.n, 2);
	CHECK_STR_EQ(suppressions.patterns.items[0], "a*b");
	CHECK_INT_EQ(read_text("leak\n", &suppressions), SUPPRESSIONS_E_SYNTAX);
	CHECK_INT_EQ(read_text("leak:\n", &suppressions), SUPPRESSIONS_E_SYNTAX);
	suppressions_deinit(&suppressions);
}

TEST_MAIN(TEST(test_limits), TEST(test_bad_limits), TEST(test_patterns),
	  TEST(test_suppression_files))
