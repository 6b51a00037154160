/* SPDX-License-Identifier: MIT */
/* Symbolizes while the N-th allocation fails, for N = 1, 2, 3, ... until none fails. There must be
 * no crash, no leak (where the sanitizers look), and an error whenever names are missing. */
#include "no_memory.h"
#include "self.h"
#include "symbolize/symbolize.h"
#include "test.h"

__attribute__((noinline)) static void *here(void)
{
	return __builtin_return_address(0);
}

static int symbolize_self(void)
{
	static const struct symbolize_options options;
	struct symbolize_summary summary = {0};
	struct profile *profile = profile_new();
	int r;

	if (!profile)
		return -ENOMEM;
	add_location(profile, add_self(profile), (uintptr_t)here() - 1);
	r = profile_status(profile);
	if (!r)
		r = symbolize_profile(profile, &options, &summary);
	if (!r)
		CHECK_UINT_EQ(summary.n_named, 1);
	symbolize_summary_deinit(&summary);
	profile_free(profile);
	return r;
}

static void test_symbolize(void)
{
	check_no_memory(symbolize_self);
}

TEST_MAIN(TEST(test_symbolize))
