/* SPDX-License-Identifier: MIT */
#include "reports/html/html_model.h"

#include <errno.h>

#include "heap_profile.h"
#include "reports/html/html_small.h"

#define INUSE_SPACE 3 /* the type's number */

static const struct html_rules no_rules;

/* Adds a sample whose stack are the functions in `names`, one letter each, the leaf first. */
static void add(struct profile *profile, const char *names, int64_t size, int64_t n)
{
	struct profile_label label = {.key = profile_intern(profile, "bytes"), .number = size};
	uint32_t stack[16];
	size_t depth = strlen(names);

	for (size_t i = 0; i < depth; i++)
		stack[i] = heap_profile_add_function(profile, (char[]){names[i], '\0'}, "f.c");
	profile_add_sample(profile,
			   (struct profile_sample){
				   .stack = profile_add_stack(profile, stack, depth),
				   .labels = profile_add_labels(profile, &label, 1),
			   },
			   (int64_t[]){n, n * size, n, n * size});
}

static struct profile *make(void)
{
	return heap_profile_new("1", 1);
}

static int64_t sum_of(const struct html_model *model, size_t dump)
{
	size_t column = dump * html_model_n_columns(model) + 1 + INUSE_SPACE;
	int64_t sum = 0;

	for (size_t i = 0; i < model->tree.records.n; i++)
		sum += html_tree_values(&model->tree, i)[column];
	return sum;
}

/* Returns what a rest has for the function with this name, or 0. */
static int64_t rest_of(const struct html_model *model, const struct html_rest *rest,
		       const char *name)
{
	for (size_t i = 0; i < rest->functions.n; i++) {
		uint32_t function = rest->functions.items[i];
		const char *own = function == HTML_FUNCTION_SMALL
					  ? "small"
					  : strtab_text(&model->strings,
							model->functions.items[function].name);

		if (strcmp(own, name) == 0)
			return rest->values.items[i * model->tree.n_numbers + 1 + INUSE_SPACE];
	}
	return 0;
}

static void test_stacks_of_all_dumps_are_one_tree(void)
{
	struct profile *dumps[] = {make(), make()};
	struct html_model model;

	add(dumps[0], "ba", 100, 1);
	add(dumps[0], "ca", 100, 2);
	add(dumps[1], "ca", 100, 5);
	CHECK_INT_EQ(html_model_init(&model, (const struct profile *const *)dumps, 2, &no_rules),
		     0);
	CHECK_UINT_EQ(model.tree.nodes.n, 4); /* the root, a, b and c */
	CHECK_UINT_EQ(model.tree.records.n, 2);
	CHECK_UINT_EQ(model.functions.n, 3);
	CHECK_INT_EQ(sum_of(&model, 0), 300);
	CHECK_INT_EQ(sum_of(&model, 1), 500);
	html_model_deinit(&model);
	profile_free(dumps[0]);
	profile_free(dumps[1]);
}

static void test_sizes_of_blocks_make_records(void)
{
	struct profile *dump = make();
	struct html_model model;

	add(dump, "a", 100, 1);
	add(dump, "a", 200, 1);
	CHECK_INT_EQ(html_model_init(&model, (const struct profile *const *)&dump, 1, &no_rules),
		     0);
	CHECK_UINT_EQ(model.tree.nodes.n, 2);
	CHECK_UINT_EQ(model.tree.records.n, 2);
	CHECK_INT_EQ(html_tree_values(&model.tree, 1)[0], 200);
	CHECK_UINT_EQ(model.label_sets.n, 1); /* the page does not show the size as a label */
	html_model_deinit(&model);
	profile_free(dump);
}

static void test_sums_that_overflow_are_refused(void)
{
	struct profile *dump = make();
	struct html_model model;

	add(dump, "a", INT64_MAX, 1);
	add(dump, "a", INT64_MAX - 1, 1);
	CHECK_INT_EQ(html_model_init(&model, (const struct profile *const *)&dump, 1, &no_rules),
		     -EOVERFLOW);
	html_model_deinit(&model);
	profile_free(dump);
}

static void test_small_stacks_are_merged(void)
{
	struct profile *dump = make();
	struct html_model model;

	add(dump, "ba", 1000, 1000);
	add(dump, "ca", 10, 1);
	add(dump, "adca", 20, 1); /* a, recursively */
	add(dump, "e", 30, 1);
	CHECK_INT_EQ(html_model_init(&model, (const struct profile *const *)&dump, 1, &no_rules),
		     0);
	CHECK_UINT_EQ(model.tree.nodes.n, 7);
	CHECK_INT_EQ(html_small_merge(&model, &(struct html_limits){3, 1000, 1000}), 0);
	/* The root, a, b, the small ones below the root and those below a. */
	CHECK_UINT_EQ(model.tree.nodes.n, 5);
	CHECK_UINT_EQ(model.n_merged, 3);
	CHECK(model.threshold > 0 && model.threshold < 1);
	CHECK_INT_EQ(sum_of(&model, 0), 1000060);
	CHECK_INT_EQ(rest_of(&model, &model.rest_flat, "c"), 10);
	CHECK_INT_EQ(rest_of(&model, &model.rest_flat, "a"), 20);
	CHECK_INT_EQ(rest_of(&model, &model.rest_flat, "e"), 30);
	CHECK_INT_EQ(rest_of(&model, &model.rest_cumulative, "c"), 30);
	CHECK_INT_EQ(rest_of(&model, &model.rest_cumulative, "d"), 20);
	/* The node of a stays, and has the sum of what is below it. */
	CHECK_INT_EQ(rest_of(&model, &model.rest_cumulative, "a"), 0);
	html_model_deinit(&model);
	profile_free(dump);
}

static void test_small_functions_are_counted_together(void)
{
	struct profile *dump = make();
	struct html_model model;

	add(dump, "ba", 1000, 1000);
	add(dump, "ca", 10, 1);
	add(dump, "adca", 20, 1);
	add(dump, "ee", 30, 1);
	CHECK_INT_EQ(html_model_init(&model, (const struct profile *const *)&dump, 1, &no_rules),
		     0);
	CHECK_INT_EQ(html_small_merge(&model, &(struct html_limits){3, 2, 1000}), 0);
	CHECK_UINT_EQ(model.n_small_functions, 3); /* c, d and e */
	CHECK(model.function_threshold > 0 && model.function_threshold < 1);
	CHECK_INT_EQ(sum_of(&model, 0), 1000060);
	CHECK_INT_EQ(rest_of(&model, &model.rest_flat, "a"), 20);
	CHECK_INT_EQ(rest_of(&model, &model.rest_flat, "small"), 40);
	CHECK_INT_EQ(rest_of(&model, &model.rest_cumulative, "small"), 60);
	CHECK_INT_EQ(rest_of(&model, &model.rest_cumulative, "c"), 0);
	html_model_deinit(&model);
	profile_free(dump);
}

/* A function that many small stacks have is not small. */
static void test_a_function_of_small_stacks_stays(void)
{
	struct profile *dump = make();
	struct html_model model;

	add(dump, "ba", 1000, 1000);
	for (char c = 'c'; c <= 'l'; c++)
		add(dump, (char[]){'m', c, '\0'}, 1000, 10);
	CHECK_INT_EQ(html_model_init(&model, (const struct profile *const *)&dump, 1, &no_rules),
		     0);
	CHECK_INT_EQ(html_small_merge(&model, &(struct html_limits){3, 3, 1000}), 0);
	CHECK_UINT_EQ(model.n_small_functions, 10);
	CHECK_INT_EQ(rest_of(&model, &model.rest_flat, "m"), 100000);
	CHECK_INT_EQ(rest_of(&model, &model.rest_cumulative, "small"), 100000);
	html_model_deinit(&model);
	profile_free(dump);
}

/* The nodes that stay have no more functions than the limit. */
static void test_functions_limit_the_nodes(void)
{
	struct profile *dump = make();
	struct html_model model;

	add(dump, "ba", 1000, 1000);
	add(dump, "ca", 1000, 100);
	add(dump, "aba", 1000, 200);
	add(dump, "e", 30, 1);
	CHECK_INT_EQ(html_model_init(&model, (const struct profile *const *)&dump, 1, &no_rules),
		     0);
	CHECK_INT_EQ(html_small_merge(&model, &(struct html_limits){5, 2, 1000}), 0);
	/* The root, a, b, a below b, and the small ones below the root and below a. */
	CHECK_UINT_EQ(model.tree.nodes.n, 6);
	CHECK_UINT_EQ(model.functions.n, 2);
	CHECK_INT_EQ(sum_of(&model, 0), 1300030);
	html_model_deinit(&model);
	profile_free(dump);
}

static void test_what_nothing_uses_leaves_the_model(void)
{
	struct profile *dump = make();
	struct html_model model;

	add(dump, "ba", 1000, 1000);
	add(dump, "ca", 10, 1);
	add(dump, "e", 30, 1);
	CHECK_INT_EQ(html_model_init(&model, (const struct profile *const *)&dump, 1, &no_rules),
		     0);
	CHECK_INT_EQ(html_small_merge(&model, &(struct html_limits){3, 2, 1000}), 0);
	CHECK_UINT_EQ(model.functions.n, 2);
	CHECK_UINT_EQ(model.frames.n, 3); /* of a, b and small stacks */
	CHECK(strtab_has(&model.strings, "a", 1));
	CHECK(strtab_has(&model.strings, "f.c", 3));
	CHECK(!strtab_has(&model.strings, "c", 1));
	for (size_t i = 1; i < model.tree.nodes.n; i++)
		CHECK(model.tree.nodes.items[i].frame < model.frames.n);
	html_model_deinit(&model);
	profile_free(dump);
}

static void test_many_records_have_octaves(void)
{
	struct profile *dump = make();
	struct html_model model;

	for (int64_t size = 1024; size < 2048; size += 64)
		add(dump, "a", size, 1);
	CHECK_INT_EQ(html_model_init(&model, (const struct profile *const *)&dump, 1, &no_rules),
		     0);
	CHECK(model.tree.records.n > 8);
	CHECK_INT_EQ(html_small_merge(&model, &(struct html_limits){1000, 1000, 8}), 0);
	CHECK_UINT_EQ(model.tree.records.n, 1);
	CHECK_UINT_EQ(model.n_merged, 0);
	CHECK_INT_EQ(sum_of(&model, 0), 16 * 1024 + 64 * 120);
	html_model_deinit(&model);
	profile_free(dump);
}

TEST_MAIN(TEST(test_stacks_of_all_dumps_are_one_tree), TEST(test_sizes_of_blocks_make_records),
	  TEST(test_sums_that_overflow_are_refused), TEST(test_small_stacks_are_merged),
	  TEST(test_small_functions_are_counted_together),
	  TEST(test_a_function_of_small_stacks_stays), TEST(test_functions_limit_the_nodes),
	  TEST(test_what_nothing_uses_leaves_the_model), TEST(test_many_records_have_octaves))
