/* SPDX-License-Identifier: MIT */
#include "transform/copy_between.h"

#include "test.h"
#include <errno.h>

#define N_PARTS 3 /* functions and locations in make_from() */

static uint32_t add_function(struct profile *profile, const char *name)
{
	struct profile_function function = {
		.name = profile_intern(profile, name),
		.system_name = profile_intern(profile, "_Z1fv"),
		.filename = profile_intern(profile, "f.cc"),
		.start_line = 7,
	};

	return profile_add_function(profile, &function);
}

/* Returns a profile with the functions f0, f1 and f2 and a location of each. It has two sample
 * types and no samples. */
static struct profile *make_from(void)
{
	struct profile *profile = profile_new();

	profile_add_sample_type(profile, "objects", "count");
	profile_add_sample_type(profile, "space", "bytes");
	for (int i = 0; i < N_PARTS; i++) {
		char name[] = {'f', (char)('0' + i), '\0'};
		struct profile_line line = {.function = add_function(profile, name), .line = i};

		profile_add_location(profile, &(struct profile_location){.mapping = PROFILE_NONE},
				     &line, 1);
	}
	return profile;
}

/* Adds a sample whose stack is one location. `label` is the number of its label. */
static uint32_t add_sample(struct profile *profile, uint32_t location, int64_t label, int64_t value)
{
	struct profile_label labels[] = {
		{.key = profile_intern(profile, "bytes"),
		 .unit = profile_intern(profile, "B"),
		 .number = label},
	};
	struct profile_sample key = {
		.stack = profile_add_stack(profile, &location, 1),
		.labels = profile_add_labels(profile, labels, 1),
	};

	return profile_add_sample(profile, key, (int64_t[]){value, 10 * value});
}

/* Begins a translation into a profile that already has some strings and one location. A location
 * of `from` becomes the location with the next higher number. */
static struct copy_between begin(const struct profile *from)
{
	struct profile *to = profile_new();
	struct copy_between t;

	profile_intern(to, "a");
	profile_intern(to, "f1");
	CHECK_INT_EQ(copy_between_init(&t, from, to), 0);
	for (uint32_t i = 0; i <= N_PARTS; i++) {
		struct profile_location location = {.mapping = PROFILE_NONE, .address = i};
		uint32_t number = profile_add_location(to, &location, NULL, 0);

		if (i > 0)
			CHECK_INT_EQ(vec_push(&t.locations, number), 0);
	}
	return t;
}

static void end(struct copy_between *t, struct profile *from)
{
	profile_free(t->to);
	copy_between_deinit(t);
	profile_free(from);
}

static void copy_samples(struct copy_between *t)
{
	copy_between_types(t);
	for (uint32_t i = 0; i < t->from->samples.n; i++)
		copy_between_sample(t, i);
}

/* Returns the sum of the first values of all samples with a stack of this location of `to`. */
static int64_t sum_at(const struct profile *to, uint32_t location)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < to->samples.n; i++) {
		size_t n;
		const uint32_t *stack = profile_stack(to, to->samples.items[i].stack, &n);

		if (n == 1 && stack[0] == location)
			sum += profile_values(to, i)[0];
	}
	return sum;
}

static void test_strings(void)
{
	struct profile *from = make_from();
	uint32_t with_nul = profile_intern_bytes(from, "x\0y", 3);
	struct copy_between t = begin(from);
	size_t n_strings = strtab_count(&t.to->strings);
	uint32_t copied = copy_between_string(&t, with_nul);

	CHECK_UINT_EQ(copy_between_string(&t, 0), 0);
	CHECK_UINT_EQ(strtab_size(&t.to->strings, copied), 3);
	CHECK(strtab_has(&t.to->strings, "x\0y", 3));
	CHECK_UINT_EQ(copy_between_string(&t, with_nul), copied);
	CHECK_UINT_EQ(copy_between_string(&t, from->functions.items[1].name),
		      profile_intern(t.to, "f1"));
	CHECK_UINT_EQ(strtab_count(&t.to->strings), n_strings + 1);
	end(&t, from);
}

static void test_functions(void)
{
	struct profile *from = make_from();
	struct copy_between t = begin(from);
	uint32_t known = add_function(t.to, "f2"), copied;
	const struct profile_function *function;

	from->functions.items[0].unknown = 1;
	copied = copy_between_function(&t, 0);
	CHECK_UINT_EQ(copy_between_function(&t, 2), known);
	CHECK(copied != known);
	CHECK_UINT_EQ(copy_between_function(&t, 0), copied);
	CHECK_UINT_EQ(t.to->functions.n, 2);
	function = &t.to->functions.items[copied];
	CHECK_STR_EQ(profile_string(t.to, function->name), "f0");
	CHECK_STR_EQ(profile_string(t.to, function->system_name), "_Z1fv");
	CHECK_STR_EQ(profile_string(t.to, function->filename), "f.cc");
	CHECK_INT_EQ(function->start_line, 7);
	CHECK_UINT_EQ(function->unknown, 0);
	end(&t, from);
}

static void test_lines(void)
{
	struct profile *from = make_from();
	struct copy_between t = begin(from);
	struct profile_line lines[] = {
		{.function = 2, .line = 5, .column = 6, .unknown = 1},
		{.function = PROFILE_NONE, .line = 8},
	};
	uint32_t two = profile_add_location(from, &(struct profile_location){0}, lines, 2);
	uint32_t none = profile_add_location(from, &(struct profile_location){0}, NULL, 0);

	for (uint32_t i = 0; i < N_PARTS; i++)
		CHECK_INT_EQ(vec_push(&t.functions, 40 + i), 0);
	CHECK_INT_EQ(copy_between_lines(&t, &from->locations.items[two]), 0);
	CHECK_UINT_EQ(t.lines.n, 2);
	CHECK_UINT_EQ(t.lines.items[0].function, 42);
	CHECK_INT_EQ(t.lines.items[0].line, 5);
	CHECK_INT_EQ(t.lines.items[0].column, 6);
	CHECK_UINT_EQ(t.lines.items[0].unknown, 0);
	CHECK_UINT_EQ(t.lines.items[1].function, PROFILE_NONE);
	CHECK_INT_EQ(t.lines.items[1].line, 8);
	CHECK_INT_EQ(copy_between_lines(&t, &from->locations.items[none]), 0);
	CHECK_UINT_EQ(t.lines.n, 0);
	end(&t, from);
}

/* A sample that is copied twice is one sample, with twice the values. */
static void test_samples(void)
{
	struct profile *from = make_from();
	struct copy_between t;
	const struct profile_label *label;
	uint32_t sample = add_sample(from, 1, 16, 3);
	size_t n;

	from->samples.items[sample].unknown = 1;
	from->labels.items[0].unknown = 1;
	from->period_type.type = profile_intern(from, "space");
	t = begin(from);
	copy_samples(&t);
	copy_between_sample(&t, 0);
	CHECK_INT_EQ(profile_status(t.to), 0);
	CHECK_UINT_EQ(t.to->samples.n, 1);
	CHECK_INT_EQ(profile_find_sample_type(t.to, "space"), 1);
	CHECK_STR_EQ(profile_string(t.to, t.to->sample_types.items[1].unit), "bytes");
	CHECK_STR_EQ(profile_string(t.to, t.to->period_type.type), "space");
	CHECK_INT_EQ(sum_at(t.to, 2), 6);
	CHECK_INT_EQ(profile_values(t.to, 0)[1], 60);
	CHECK_UINT_EQ(t.to->samples.items[0].unknown, 0);
	label = profile_label_set(t.to, t.to->samples.items[0].labels, &n);
	CHECK_UINT_EQ(n, 1);
	CHECK_STR_EQ(profile_string(t.to, label->key), "bytes");
	CHECK_STR_EQ(profile_string(t.to, label->unit), "B");
	CHECK_INT_EQ(label->number, 16);
	CHECK_UINT_EQ(label->unknown, 0);
	end(&t, from);
}

/* Each stack has four samples with the value 1. Half of each is 0 or 1, but the sum for the stack
 * is 2, although the samples of the two stacks alternate. */
static void test_rounding_errors_are_carried_over_in_each_stack(void)
{
	struct copy_between_change change = {.factor = 0.5};
	struct profile *from = make_from();
	struct copy_between t;

	for (int64_t label = 0; label < 4; label++)
		for (uint32_t location = 0; location < 2; location++)
			add_sample(from, location, label, 1);
	t = begin(from);
	t.change = &change;
	copy_samples(&t);
	CHECK_INT_EQ(profile_status(t.to), 0);
	CHECK_INT_EQ(sum_at(t.to, 1), 2);
	CHECK_INT_EQ(sum_at(t.to, 2), 2);
	CHECK_INT_EQ(profile_values(t.to, 0)[1], 5);
	end(&t, from);
}

static void test_values_beyond_64_bits(void)
{
	struct copy_between_change change = {.factor = 2};
	struct profile *from = make_from();
	struct copy_between t;

	add_sample(from, 0, 0, INT64_MAX / 10);
	t = begin(from);
	t.change = &change;
	copy_samples(&t);
	CHECK_INT_EQ(profile_status(t.to), -EOVERFLOW);
	end(&t, from);
}

static void test_a_label_is_added(void)
{
	struct copy_between_change change = {
		.factor = 1,
		.label_key = "run",
		.label_text = "old",
	};
	struct profile *from = make_from();
	struct copy_between t;
	const struct profile_label *labels;
	size_t n;

	add_sample(from, 0, 16, INT64_MAX / 10);
	t = begin(from);
	t.change = &change;
	copy_samples(&t);
	CHECK_INT_EQ(sum_at(t.to, 1), INT64_MAX / 10); /* a factor of 1 keeps every digit */
	labels = profile_label_set(t.to, t.to->samples.items[0].labels, &n);
	CHECK_UINT_EQ(n, 2);
	CHECK_INT_EQ(labels[0].number, 16);
	CHECK_STR_EQ(profile_string(t.to, labels[1].key), "run");
	CHECK_STR_EQ(profile_string(t.to, labels[1].text), "old");
	end(&t, from);
}

static void test_samples_that_a_filter_leaves_out(void)
{
	struct profile *from = make_from();
	struct filter_rules rules = {0};
	struct filter filter;
	struct copy_between_change change = {.factor = 1, .filter = &filter};
	struct copy_between t;
	regex_t ignore;

	for (uint32_t location = 0; location < N_PARTS; location++)
		add_sample(from, location, 0, 1);
	CHECK_INT_EQ(regcomp(&ignore, "^f1$", REG_EXTENDED | REG_NOSUB), 0);
	rules.ignore = &ignore;
	CHECK_INT_EQ(filter_init(&filter, &rules, from), 0);
	t = begin(from);
	t.change = &change;
	copy_samples(&t);
	CHECK_UINT_EQ(t.to->samples.n, 2);
	CHECK_INT_EQ(sum_at(t.to, 1), 1);
	CHECK_INT_EQ(sum_at(t.to, 2), 0);
	CHECK_INT_EQ(sum_at(t.to, 3), 1);
	end(&t, from);
	filter_deinit(&filter);
	regfree(&ignore);
}

TEST_MAIN(TEST(test_strings), TEST(test_functions), TEST(test_lines), TEST(test_samples),
	  TEST(test_rounding_errors_are_carried_over_in_each_stack),
	  TEST(test_values_beyond_64_bits), TEST(test_a_label_is_added),
	  TEST(test_samples_that_a_filter_leaves_out))
