/* SPDX-License-Identifier: MIT */
#include "transform/filter.h"

#include "heap_profile.h"

struct rig {
	struct profile *profile;
	struct suppressions suppressions;
	regex_t focus, ignore;
	struct filter_rules rules;
	struct filter filter;
};

/* Adds a sample with a label that is a text and one that is a number. */
static void add_sample(struct profile *profile, uint32_t stack, const char *pool, int64_t number)
{
	const int64_t values[4] = {1, 1, 1, 1};
	const struct profile_label labels[] = {
		{.key = profile_intern(profile, "pool"), .text = profile_intern(profile, pool)},
		{.key = profile_intern(profile, "bytes"), .number = number},
	};

	profile_add_sample(
		profile,
		(struct profile_sample){.stack = stack,
					.labels = profile_add_labels(profile, labels, 2)},
		values);
}

/* Prepares a profile with two stacks, main -> parse and main -> cache; cache is in cache.c. Each is
 * that of a sample with the same number. */
static void begin(struct rig *rig, const char *focus, const char *ignore, const char *suppressed)
{
	*rig = (struct rig){.profile = heap_profile_new("1", 1)};
	profile_add_mapping(rig->profile,
			    &(struct profile_mapping){
				    .start = 0x1000,
				    .limit = 0x9000,
				    .file = profile_intern(rig->profile, "/opt/server"),
			    });
	uint32_t root = heap_profile_add_function(rig->profile, "main", "main.c");
	uint32_t parse = heap_profile_add_function(rig->profile, "parse", "parse.c");
	uint32_t cache = heap_profile_add_function(rig->profile, "cache", "cache.c");

	CHECK_UINT_EQ(profile_add_stack(rig->profile, (uint32_t[]){parse, root}, 2), 0);
	CHECK_UINT_EQ(profile_add_stack(rig->profile, (uint32_t[]){cache, root}, 2), 1);
	add_sample(rig->profile, 0, "Parser", 24);
	add_sample(rig->profile, 1, "Cache", 4096);
	if (focus && regcomp(&rig->focus, focus, REG_EXTENDED | REG_NOSUB) == 0)
		rig->rules.focus = &rig->focus;
	if (ignore && regcomp(&rig->ignore, ignore, REG_EXTENDED | REG_NOSUB) == 0)
		rig->rules.ignore = &rig->ignore;
	if (suppressed) {
		CHECK_INT_EQ(vec_push(&rig->suppressions.patterns, strdup(suppressed)), 0);
		rig->rules.suppressions = &rig->suppressions;
	}
	CHECK_INT_EQ(filter_init(&rig->filter, &rig->rules, rig->profile), 0);
}

static void end(struct rig *rig)
{
	filter_deinit(&rig->filter);
	if (rig->rules.focus)
		regfree(&rig->focus);
	if (rig->rules.ignore)
		regfree(&rig->ignore);
	suppressions_deinit(&rig->suppressions);
	profile_free(rig->profile);
}

static void check(const char *focus, const char *ignore, const char *suppressed,
		  enum filter_verdict parse, enum filter_verdict cache)
{
	struct rig rig;

	begin(&rig, focus, ignore, suppressed);
	CHECK_INT_EQ(filter_judge(&rig.filter, 0), parse);
	CHECK_INT_EQ(filter_judge(&rig.filter, 1), cache);
	end(&rig);
}

static void test_no_rules(void)
{
	static const struct filter keeps_all;

	check(NULL, NULL, NULL, FILTER_KEPT, FILTER_KEPT);
	CHECK_INT_EQ(filter_judge(&keeps_all, 12345), FILTER_KEPT);
}

static void test_focus(void)
{
	check("^cache$", NULL, NULL, FILTER_LEFT_OUT, FILTER_KEPT);
	check("main", NULL, NULL, FILTER_KEPT, FILTER_KEPT);
	check("nothing", NULL, NULL, FILTER_LEFT_OUT, FILTER_LEFT_OUT);
}

static void test_ignore(void)
{
	check(NULL, "^parse$", NULL, FILTER_LEFT_OUT, FILTER_KEPT);
	check(NULL, "main", NULL, FILTER_LEFT_OUT, FILTER_LEFT_OUT);
	check("cache", "main", NULL, FILTER_LEFT_OUT, FILTER_LEFT_OUT);
}

/* A stack that matches a suppression counts as suppressed, whatever else it matches. */
static void test_suppressions(void)
{
	check(NULL, NULL, "cac*e", FILTER_KEPT, FILTER_SUPPRESSED);
	check("parse", "cache", "cache", FILTER_KEPT, FILTER_SUPPRESSED);
}

static void test_files_and_mappings(void)
{
	check("cache\\.c", NULL, NULL, FILTER_LEFT_OUT, FILTER_KEPT);
	check(NULL, "/opt/serv", NULL, FILTER_LEFT_OUT, FILTER_LEFT_OUT);
	check(NULL, NULL, "server", FILTER_SUPPRESSED, FILTER_SUPPRESSED);
}

static void check_tags(const char *key, const char *pattern, enum filter_verdict parse,
		       enum filter_verdict cache)
{
	struct filter_tag tag = {.key = strdup(key)};
	filter_tag_vec tags = {.items = &tag, .n = 1};
	struct rig rig;

	CHECK_INT_EQ(regcomp(&tag.regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	begin(&rig, NULL, NULL, NULL);
	filter_deinit(&rig.filter);
	rig.rules.tags = &tags;
	CHECK_INT_EQ(filter_init(&rig.filter, &rig.rules, rig.profile), 0);
	CHECK_INT_EQ(filter_judge(&rig.filter, 0), parse);
	CHECK_INT_EQ(filter_judge(&rig.filter, 1), cache);
	end(&rig);
	regfree(&tag.regex);
	free(tag.key);
}

static void test_tags(void)
{
	check_tags("pool", "^Cache$", FILTER_LEFT_OUT, FILTER_KEPT);
	check_tags("pool", "a", FILTER_KEPT, FILTER_KEPT);
	check_tags("poo", "a", FILTER_LEFT_OUT, FILTER_LEFT_OUT);
	check_tags("bytes", "^24$", FILTER_KEPT, FILTER_LEFT_OUT);
}

TEST_MAIN(TEST(test_no_rules), TEST(test_focus), TEST(test_ignore), TEST(test_suppressions),
	  TEST(test_files_and_mappings), TEST(test_tags))
