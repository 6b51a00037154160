/* SPDX-License-Identifier: MIT */
#include "transform/pattern.h"

#include <regex.h>

#include "test.h"

static bool matches(const char *expression, const char *text)
{
	struct pattern pattern;
	bool result;

	CHECK_INT_EQ(pattern_init(&pattern, expression), 0);
	result = pattern_matches(&pattern, text);
	CHECK_INT_EQ(pattern_matches(&pattern, text), result);
	pattern_deinit(&pattern);
	return result;
}

static void check_refused(const char *expression)
{
	struct pattern pattern;

	CHECK_INT_EQ(pattern_init(&pattern, expression), PATTERN_E_SYNTAX);
	CHECK(!pattern_matches(&pattern, ""));
	pattern_deinit(&pattern);
}

static void test_matches_the_whole_text(void)
{
	CHECK(matches("malloc", "malloc"));
	CHECK(!matches("malloc", "my_malloc"));
	CHECK(!matches("malloc", "mallocx"));
	CHECK(!matches("a", ""));
	CHECK(matches("", ""));
	CHECK(!matches("", "a"));
}

static void test_alternatives(void)
{
	const char *expression = "a|bc||(d|e|f)g";
	const char *const texts[] = {"a", "bc", "", "dg", "eg", "fg"};

	for (size_t i = 0; i < 6; i++)
		CHECK(matches(expression, texts[i]));
	CHECK(!matches(expression, "b"));
	CHECK(!matches(expression, "g"));
	CHECK(!matches(expression, "abc"));
}

static void test_repetitions(void)
{
	CHECK(matches("(je_)?(malloc|free)(_.*)?", "je_free_fast"));
	CHECK(matches("a*b+c?", "bb"));
	CHECK(!matches("a*b+c?", "acc"));
	CHECK(matches("(a*)*", ""));
	CHECK(matches("(a*)*b", "aaaab"));
	CHECK(matches("((a|)+)+?", "aa"));
	CHECK(!matches("(ab)+", "aba"));
}

static void test_brackets(void)
{
	CHECK(matches("[]a-c^-]+", "]-b^"));
	CHECK(!matches("[]a-c]", "d"));
	CHECK(matches("[^]a]", "b"));
	CHECK(!matches("[^]a]", "]"));
	CHECK(matches("[[:alpha:]_][[:alnum:]_]*", "_x1"));
	CHECK(matches("[\\]\\(", "\\("));
}

static void test_anchors(void)
{
	CHECK(matches("^a$|^b$", "b"));
	CHECK(matches("^^a", "a"));
	CHECK(!matches("a^b", "ab"));
	CHECK(!matches("a$b", "ab"));
	CHECK(matches("^$", ""));
}

static void test_what_is_refused(void)
{
	const char *const bad[] = {"(",         "a{2}",     "*a",    "(*)",     "a|+", "[",
				   "[]",        "[b-",      "[b-a]", "[[.a.]]", "\\1", "[[:x:]]",
				   "[[:alpha]", "[[:alpha", "a\\",   "(?:a)",   "\\Qx"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_refused(bad[i]);
}

static void test_too_large(void)
{
	static char text[PATTERN_BYTES_MAX + 2];

	memset(text, 'a', PATTERN_BYTES_MAX + 1);
	check_refused(text);
	text[PATTERN_BYTES_MAX] = '\0';
	CHECK(matches(text, text));
	memset(text, '(', PATTERN_NESTED_MAX + 1);
	memset(text + PATTERN_NESTED_MAX + 1, ')', PATTERN_NESTED_MAX + 1);
	text[2 * PATTERN_NESTED_MAX + 2] = '\0';
	check_refused(text);
	text[2 * PATTERN_NESTED_MAX + 1] = '\0';
	CHECK(matches(text + 1, ""));
}

/* The expression becomes thousands of states, which a long text passes through character by
 * character. */
static void test_costly_matching_ends(void)
{
	static char expression[PATTERN_BYTES_MAX + 1], text[65536];
	struct pattern pattern;

	for (size_t i = 0; i + 5 <= PATTERN_BYTES_MAX; i += 5)
		memcpy(expression + i, "(.*)*", 6);
	memset(text, 'a', sizeof(text) - 1);
	CHECK_INT_EQ(pattern_init(&pattern, expression), 0);
	CHECK(pattern_matches(&pattern, "a"));
	for (int i = 0; i < 100; i++)
		CHECK(!pattern_matches(&pattern, text));
	pattern_deinit(&pattern);
}

/* Appends a short random expression to `out`. It uses a small alphabet, and only syntax that POSIX
 * defines. */
static void make_expression(unsigned *seed, char *out, int depth)
{
	size_t n = strlen(out);
	int pieces = rand_r(seed) % 4;

	for (int i = 0; i < pieces && n < 100; i++) {
		static const char *const atoms[] = {"a", "b", ".", "[ab]", "[^a]", "a|b", "ab"};
		bool is_group = depth < 3 && rand_r(seed) % 3 == 0;

		strcat(out, "(");
		if (is_group)
			make_expression(seed, out, depth + 1);
		if (!is_group || out[strlen(out) - 1] == '(')
			strcat(out, atoms[rand_r(seed) % 7]);
		strcat(out, ")");
		strncat(out, &"*+?   "[rand_r(seed) % 6], 1);
		n = strlen(out);
		if (out[n - 1] == ' ')
			out[--n] = '\0';
	}
}

static void check_against_posix(const char *expression, const char *text)
{
	char anchored[1024];
	regex_t regex;
	bool expected;

	snprintf(anchored, sizeof(anchored), "^(%s)$", expression);
	CHECK_INT_EQ(regcomp(&regex, anchored, REG_EXTENDED | REG_NOSUB), 0);
	expected = regexec(&regex, text, 0, NULL, 0) == 0;
	if (matches(expression, text) != expected)
		TEST_FAIL("'%s' of '%s': expected %d", expression, text, expected);
	regfree(&regex);
}

static void test_agrees_with_posix(void)
{
	static const char *const texts[] = {"",    "a",    "b",    "ab",   "ba",
					    "aab", "abab", "bbbb", "abcab"};

	for (unsigned i = 1; i <= 2000; i++) {
		char expression[1024] = "";
		unsigned seed = i;

		make_expression(&seed, expression, 0);
		if (*expression)
			check_against_posix(expression, texts[i % 9]);
	}
}

TEST_MAIN(TEST(test_matches_the_whole_text), TEST(test_alternatives), TEST(test_repetitions),
	  TEST(test_brackets), TEST(test_anchors), TEST(test_what_is_refused), TEST(test_too_large),
	  TEST(test_costly_matching_ends), TEST(test_agrees_with_posix))
