/* SPDX-License-Identifier: MIT */
#include "command/serve/serve_symbols.h"

#include <errno.h>

#include "test.h"

static int parse(const char *body, address_vec *out)
{
	vec_deinit(out);
	return serve_symbols_parse(body, strlen(body), out);
}

static void test_addresses(void)
{
	address_vec found = {0};

	CHECK_INT_EQ(parse("0x0000000000401136+0X7fFf12+ab\r\n", &found), 0);
	CHECK_UINT_EQ(found.n, 3);
	CHECK_HEX_EQ(found.items[0], 0x401136);
	CHECK_HEX_EQ(found.items[1], 0x7fff12);
	CHECK_HEX_EQ(found.items[2], 0xab);
	CHECK_INT_EQ(parse("0xffffffffffffffff", &found), 0);
	CHECK_HEX_EQ(found.items[0], UINT64_MAX);
	CHECK_INT_EQ(parse("", &found), 0);
	CHECK_INT_EQ(parse("\n", &found), 0);
	CHECK_UINT_EQ(found.n, 0);
	vec_deinit(&found);
}

static void test_bodies_that_are_refused(void)
{
	static const char *const bodies[] = {
		"0x",
		"0x1+",
		"+0x1",
		"0x1++0x2",
		"0x1 0x2",
		"0x1,0x2",
		"x",
		"main",
		"0x0x1",
		"0x1&",
		"a=0x1",
		"-1",
		"0x10000000000000000",
		"0x00000000000000001",
		"\t0x1",
	};
	address_vec found = {0};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		if (parse(bodies[i], &found) != -EINVAL)
			TEST_FAIL("'%s' is accepted", bodies[i]);
	vec_deinit(&found);
	CHECK_INT_EQ(serve_symbols_parse("0x1\0", 4, &found), -EINVAL);
	vec_deinit(&found);
}

/* Adds a location whose lines are these functions, the innermost first. */
static void add(struct profile *profile, uint64_t address, const char *inner, const char *outer)
{
	struct profile_location location = {.address = address, .mapping = PROFILE_NONE};
	struct profile_line lines[2] = {{0}};
	const char *names[] = {inner, outer};
	size_t n = 0;

	while (n < 2 && names[n]) {
		struct profile_function function = {.name = profile_intern(profile, names[n])};

		lines[n++].function = profile_add_function(profile, &function);
	}
	profile_add_location(profile, &location, lines, n);
}

static void test_names(void)
{
	struct profile *profile = profile_new();
	uint64_t asked[] = {0x3000, 0x1000, 0x1001, 0x2001, 0x1000, 0x1002, 0, UINT64_MAX};
	address_vec addresses = {0};
	size_t size = 0;
	char *text;

	add(profile, 0x2000, "keep", "remember");
	add(profile, 0x1000, "main", NULL);
	add(profile, 0x3000, NULL, NULL);
	add(profile, UINT64_MAX, "a\n0x5\tb\x1b[31m", NULL);
	CHECK_INT_EQ(vec_append(&addresses, asked, sizeof(asked) / sizeof(asked[0])), 0);
	text = serve_symbols_answer(profile, &addresses, &size);
	/* Address 0 returns from nowhere: the call at UINT64_MAX wraps to it. */
	CHECK_STR_EQ(text, "0x0000000000000000\ta?0x5?b?[31m\n"
			   "0x0000000000001000\tmain\n"
			   "0x0000000000001001\tmain\n"
			   "0x0000000000002001\tremember--keep\n"
			   "0xffffffffffffffff\ta?0x5?b?[31m\n");
	CHECK_UINT_EQ(size, text ? strlen(text) : 0);
	free(text);
	vec_deinit(&addresses);
	text = serve_symbols_answer(profile, &addresses, &size);
	CHECK_STR_EQ(text, "");
	free(text);
	profile_free(profile);
}

TEST_MAIN(TEST(test_addresses), TEST(test_bodies_that_are_refused), TEST(test_names))
