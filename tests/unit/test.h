/* SPDX-License-Identifier: MIT */
/* The harness of the unit tests: CHECK macros, which print the expression, both values and the
 * line, and a main() that runs a list of test functions. The output is TAP. */
#pragma once
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int test_failures; /* failures of the test function that is running */

#define TEST_FAIL(...)                                   \
	do {                                             \
		printf("# %s:%d: ", __FILE__, __LINE__); \
		printf(__VA_ARGS__);                     \
		printf("\n");                            \
		test_failures++;                         \
	} while (0)

#define CHECK(cond)                                    \
	do {                                           \
		if (!(cond))                           \
			TEST_FAIL("CHECK(%s)", #cond); \
	} while (0)

#define TEST_COMPARE(a, b, type, op, fmt)                                                   \
	do {                                                                                \
		type a_ = (a);                                                              \
		type b_ = (b);                                                              \
		if (!(a_ op b_))                                                            \
			TEST_FAIL("%s %s %s: %" fmt " against %" fmt, #a, #op, #b, a_, b_); \
	} while (0)

#define CHECK_INT_EQ(a, b)  TEST_COMPARE(a, b, int64_t, ==, PRId64)
#define CHECK_UINT_EQ(a, b) TEST_COMPARE(a, b, uint64_t, ==, PRIu64)
#define CHECK_HEX_EQ(a, b)  TEST_COMPARE(a, b, uint64_t, ==, PRIx64)
#define CHECK_INT_LT(a, b)  TEST_COMPARE(a, b, int64_t, <, PRId64)
#define CHECK_INT_LE(a, b)  TEST_COMPARE(a, b, int64_t, <=, PRId64)
#define CHECK_PTR_EQ(a, b)  TEST_COMPARE(a, b, const void *, ==, "p")

#define CHECK_NEAR(a, b, tolerance)                                                         \
	do {                                                                                \
		double a_ = (a), b_ = (b), t_ = (tolerance);                                \
		if (!(a_ - b_ <= t_ && b_ - a_ <= t_))                                      \
			TEST_FAIL("%s is %g, not within %g of %s, %g", #a, a_, t_, #b, b_); \
	} while (0)

#define CHECK_STR_EQ(a, b)                                                                       \
	do {                                                                                     \
		const char *a_ = (a), *b_ = (b);                                                 \
		if (!a_ || !b_ || strcmp(a_, b_) != 0)                                           \
			TEST_FAIL("%s == %s: \"%s\" against \"%s\"", #a, #b, a_ ? a_ : "(null)", \
				  b_ ? b_ : "(null)");                                           \
	} while (0)

struct test {
	const char *name;
	void (*run)(void);
};

#define TEST(function)                             \
	{                                          \
		.name = #function, .run = function \
	}

/* Runs all tests, or only those whose names contain argv[1]. Returns the exit status: 1 if any
 * failed, 0 otherwise. */
static inline int test_main(const struct test *tests, size_t n_tests, int argc, char **argv)
{
	int n_failed = 0;

	printf("1..%zu\n", n_tests);
	for (size_t i = 0; i < n_tests; i++) {
		if (argc > 1 && !strstr(tests[i].name, argv[1])) {
			printf("ok %zu %s # SKIP not asked for\n", i + 1, tests[i].name);
			continue;
		}
		test_failures = 0;
		tests[i].run();
		printf("%s %zu %s\n", test_failures ? "not ok" : "ok", i + 1, tests[i].name);
		fflush(stdout);
		n_failed += test_failures != 0;
	}
	return n_failed != 0;
}

#define TEST_MAIN(...)                                                                 \
	int main(int argc, char **argv)                                                \
	{                                                                              \
		static const struct test tests[] = {__VA_ARGS__};                      \
		return test_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv); \
	}
