/* SPDX-License-Identifier: MIT */
#include "symbolize/whole_name.h"

#include "test.h"

/* Checks the name that a function gets which was read with these names. */
static void check(const char *name, const char *system_name, const char *expected)
{
	_cleanup_(profile_freep) struct profile *profile = profile_new();

	CHECK(profile);
	profile_add_function(profile, &(struct profile_function){
					      .name = profile_intern(profile, name),
					      .system_name = profile_intern(profile, system_name)});
	CHECK_INT_EQ(whole_name_restore(profile), 0);
	CHECK_STR_EQ(profile_string(profile, profile->functions.items[0].name), expected);
}

static void test_short_names_become_whole(void)
{
	check("std::vector<...>::push_back", "_ZNSt6vectorIiSaIiEE9push_backERKi",
	      "std::vector<int, std::allocator<int> >::push_back");
	check("f<...>::{lambda}::operator()", "f<std::string, std::string>::{lambda}::operator()",
	      "f<std::string, std::string>::{lambda}::operator()");
}

static void test_other_names_stay(void)
{
	check("std::vector<...>::pop_back", "_ZNSt6vectorIiSaIiEE9push_backERKi",
	      "std::vector<...>::pop_back");
	check("main.Map[...].Get", "main.Map[...].Get", "main.Map[...].Get");
	check("f<...>", "", "f<...>");
	check("push_back", "_ZNSt6vectorIiSaIiEE9push_backERKi", "push_back");
}

static void test_what_follows(void)
{
	CHECK(whole_name_follows("_Z3fooIiEvT_", "foo<int>"));
	CHECK(whole_name_follows("foo.cold", "foo"));
	CHECK(whole_name_follows("foo<int>", "foo<int>"));
	CHECK(!whole_name_follows("operator()", "main::{lambda}::operator()"));
}

TEST_MAIN(TEST(test_short_names_become_whole), TEST(test_other_names_stay), TEST(test_what_follows))
