/* SPDX-License-Identifier: MIT */
#include "command/top/top_model.h"

#include "analysis/diff.h"
#include "heap_profile.h"
#include "model/sample_labels.h"

static const struct settings no_symbols = {.no_symbols = true, .quiet = true};

static struct profile *reading(const char *run, int64_t interval)
{
	struct profile *profile = heap_profile_new(run, interval);
	static const char uptime[] = "uptime_ms: 4000";

	profile_add_comment(profile, uptime, strlen(uptime));
	return profile;
}

/* Adds recorded blocks of one stack. `names` are its functions, the leaf first, between spaces. */
static void add(struct profile *profile, const char *names, double size, double inuse,
		double allocated)
{
	struct profile_label label = {
		.key = profile_intern(profile, "bytes"),
		.number = (int64_t)size,
	};
	int64_t inuse_bytes = heap_profile_estimate(profile, inuse, size);
	int64_t alloc_bytes = heap_profile_estimate(profile, allocated, size);
	uint32_t locations[8];
	char text[256], *rest = text, *name;
	size_t n = 0;

	snprintf(text, sizeof(text), "%s", names);
	while ((name = strsep(&rest, " ")))
		locations[n++] = heap_profile_add_function(profile, name, "file.c");
	profile_add_sample(profile,
			   (struct profile_sample){
				   .stack = profile_add_stack(profile, locations, n),
				   .labels = profile_add_labels(profile, &label, 1),
			   },
			   (int64_t[]){llround((double)alloc_bytes / size), alloc_bytes,
				       llround((double)inuse_bytes / size), inuse_bytes});
}

static void list(struct top_model *model, const struct top_choice *choice)
{
	CHECK_INT_EQ(top_model_list(model, choice), 0);
}

/* Returns the rows as text: the first function of each, with a star if it grew beyond the error. */
static const char *rows_of(const struct top_model *model)
{
	static char text[512];

	text[0] = '\0';
	vec_foreach (row, &model->rows) {
		size_t n = 0;
		const uint32_t *functions =
			row->kind == TOP_STACK ? top_chain_functions(&model->names, row->chain, &n)
					       : NULL;
		uint32_t function = n ? functions[0] : row->function;

		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s%s%s",
			 row == model->rows.items ? "" : " ",
			 row->kind == TOP_FUNCTION ? ""
			 : row->kind == TOP_STACK  ? "-"
						   : "--",
			 function == PROFILE_NONE ? "none"
						  : top_function_name(&model->names, function),
			 row->is_beyond_error ? "*" : "");
	}
	return text;
}

static double growth(const struct top_row *row)
{
	return estimated_change_difference(&row->values.change);
}

static void test_growth_in_exact_readings(void)
{
	struct top_choice choice = {0};
	struct top_growth how;
	struct top_model model;
	struct profile *profile = reading("a", 1);

	top_model_init(&model, &no_symbols, NULL);
	add(profile, "cache main", 1000, 50, 50);
	add(profile, "leak main", 4096, 10, 20);
	CHECK_INT_EQ(top_model_add(&model, profile, 100), EXIT_DONE);
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "cache leak");
	CHECK_NEAR(model.rows.items[1].values.rate, 20 * 4096 / 4.0, 1e-6);

	profile = reading("a", 1);
	add(profile, "cache main", 1000, 50, 60);
	add(profile, "leak main", 4096, 40, 60);
	CHECK_INT_EQ(top_model_add(&model, profile, 110), EXIT_DONE);
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "leak* cache");
	CHECK_NEAR(growth(&model.rows.items[0]), 30 * 4096, 1e-6);
	CHECK_NEAR(model.rows.items[0].values.rate, 40 * 4096 / 10.0, 1e-6);
	CHECK_NEAR(top_growth_error(&model.rows.items[0].values), 0, 0);
	CHECK_NEAR(growth(&model.rows.items[1]), 0, 0);

	top_model_growth(&model, &choice, &model.rows.items[0], 12345, &how);
	CHECK_NEAR(how.blocks, 30, 1e-6);
	CHECK_NEAR(how.size_low, 4096, 1e-6);
	CHECK_NEAR(how.size_high, 4096, 1e-6);
	CHECK_NEAR(how.seconds, 10, 1e-6);
	CHECK_NEAR(how.room, 12345, 0);
	CHECK(how.is_exact && how.is_beyond_error);
	CHECK_INT_EQ(how.n_points, 2);
	CHECK_NEAR(how.points[0], 40960, 1);
	CHECK_NEAR(how.points[1], 163840, 1);
	top_model_deinit(&model);
}

/* Writes the stacks by which a function grew: the function's caller, and by how much. */
static const char *grown_stacks(const struct top_model *model, uint32_t function)
{
	const struct top_choice choice = {0};
	static char text[256];
	top_row_vec stacks = {0};

	text[0] = '\0';
	CHECK_INT_EQ(top_model_grown_stacks(model, &choice, function, &stacks), 0);
	vec_foreach (stack, &stacks) {
		size_t n;
		const uint32_t *functions = top_chain_functions(&model->names, stack->chain, &n);

		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s %.0f",
			 stack == stacks.items ? "" : ", ",
			 top_function_name(&model->names, functions[1]), growth(stack));
	}
	vec_deinit(&stacks);
	return text;
}

static void test_stacks_by_which_a_function_grew(void)
{
	const struct top_choice choice = {0};
	struct top_model model;
	struct profile *profile = reading("a", 1);

	top_model_init(&model, &no_symbols, NULL);
	add(profile, "alloc cache main", 1000, 500, 500);
	add(profile, "alloc shrinks main", 1000, 100, 100);
	CHECK_INT_EQ(top_model_add(&model, profile, 100), EXIT_DONE);
	profile = reading("a", 1);
	add(profile, "alloc cache main", 1000, 500, 500);
	add(profile, "alloc shrinks main", 1000, 10, 100);
	add(profile, "alloc small main", 1000, 100, 100);
	add(profile, "alloc leak main", 1000, 200, 200);
	add(profile, "other leak main", 1000, 300, 300);
	CHECK_INT_EQ(top_model_add(&model, profile, 110), EXIT_DONE);
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "other* alloc*");
	CHECK_STR_EQ(grown_stacks(&model, model.rows.items[0].function), "leak 300000");
	CHECK_STR_EQ(grown_stacks(&model, model.rows.items[1].function),
		     "leak 200000, small 100000");
	top_model_deinit(&model);
}

static void test_sizes_are_a_range(void)
{
	struct top_choice choice = {0};
	struct top_growth how;
	struct top_model model;
	struct profile *profile = reading("a", 1);

	top_model_init(&model, &no_symbols, NULL);
	add(profile, "leak", 100, 1, 1);
	CHECK_INT_EQ(top_model_add(&model, profile, 0), EXIT_DONE);
	profile = reading("a", 1);
	add(profile, "leak", 16, 10, 10); /* 160 of 11,060 bytes: too few to count */
	add(profile, "leak", 100, 10, 10);
	add(profile, "leak", 1000, 10, 10);
	CHECK_INT_EQ(top_model_add(&model, profile, 1), EXIT_DONE);
	list(&model, &choice);
	top_model_growth(&model, &choice, &model.rows.items[0], -1, &how);
	CHECK_NEAR(how.size_low, 100, 1e-6);
	CHECK_NEAR(how.size_high, 1000, 1e-6);
	top_model_deinit(&model);
}

/* Returns a reading of a heap in which `n_leaked` samples of `leak` are in use. */
static struct profile *sampled(double n_leaked)
{
	struct profile *profile = reading("a", HEAP_INTERVAL);

	add(profile, "cache main", 100000, 40, 40);
	add(profile, "busy main", 2000, 5, 100 + n_leaked);
	if (n_leaked > 0)
		add(profile, "leak main", 4096, n_leaked, n_leaked);
	return profile;
}

/* Checks that a row says what `pprofconv diff` says about the function. */
static void check_as_diff(const struct top_model *model, const struct diff *diff)
{
	vec_foreach (row, &model->rows) {
		const char *name = top_function_name(&model->names, row->function);
		struct estimated_change change = {0};
		struct bounds bounds;
		double error;

		vec_foreach (other, &diff->rows)
			if (strcmp(diff_name(diff, other), name) == 0)
				change = diff_change(diff, &other->flat);
		bounds = estimated_change_bounds(&change, TOP_CONFIDENCE);
		error = fmax(bounds.high - estimated_change_difference(&change),
			     estimated_change_difference(&change) - bounds.low);
		CHECK_NEAR(growth(row), estimated_change_difference(&change), 1e-6);
		CHECK_NEAR(top_growth_error(&row->values), error, 1e-6);
		CHECK_NEAR(estimated_change_p_value(&row->values.change, 1, 0),
			   estimated_change_p_value(&change, 1, 0), 1e-9);
	}
}

static void test_growth_in_samples_is_as_in_a_diff(void)
{
	struct profile *base = sampled(0), *new = sampled(20);
	struct diff_input inputs[2];
	struct top_choice choice = {0};
	struct top_model model;
	struct diff diff;

	CHECK_INT_EQ(diff_input_init(&inputs[0], base, FRAMES_BY_FUNCTION, NULL, NULL), 0);
	CHECK_INT_EQ(diff_input_init(&inputs[1], new, FRAMES_BY_FUNCTION, NULL, NULL), 0);
	CHECK_INT_EQ(diff_init(&diff, "inuse_space", &inputs[0], 1, &inputs[1], 1), 0);
	top_model_init(&model, &no_symbols, NULL);
	CHECK_INT_EQ(top_model_add(&model, sampled(0), 0), EXIT_DONE);
	CHECK_INT_EQ(top_model_add(&model, sampled(20), 10), EXIT_DONE);
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "leak* cache busy");
	check_as_diff(&model, &diff);
	top_model_deinit(&model);
	diff_deinit(&diff);
	diff_input_deinit(&inputs[0]);
	diff_input_deinit(&inputs[1]);
	profile_free(base);
	profile_free(new);
}

static void test_a_sample_or_two_prove_nothing(void)
{
	struct top_choice choice = {0};
	struct top_growth how;
	struct top_model model;

	top_model_init(&model, &no_symbols, NULL);
	CHECK_INT_EQ(top_model_add(&model, sampled(0), 0), EXIT_DONE);
	CHECK_INT_EQ(top_model_add(&model, sampled(2), 10), EXIT_DONE);
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "cache busy leak");
	top_model_growth(&model, &choice, &model.rows.items[2], -1, &how);
	CHECK(!how.is_exact && !how.is_beyond_error);
	CHECK_NEAR(how.unseen, 3 * HEAP_INTERVAL, 0.01 * HEAP_INTERVAL);
	CHECK_NEAR(how.seen, 2, 0.01);
	top_model_deinit(&model);
}

static void test_a_mark_counts_from_now(void)
{
	struct top_choice choice = {0};
	struct top_model model;

	top_model_init(&model, &no_symbols, NULL);
	CHECK_INT_EQ(top_model_add(&model, sampled(0), 0), EXIT_DONE);
	CHECK_INT_EQ(top_model_add(&model, sampled(20), 10), EXIT_DONE);
	top_model_mark(&model);
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "cache leak busy");
	CHECK_NEAR(growth(&model.rows.items[1]), 0, 0);
	CHECK_INT_EQ(top_model_add(&model, sampled(40), 20), EXIT_DONE);
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "leak* cache busy");
	CHECK_NEAR(growth(&model.rows.items[0]) / (20.0 * HEAP_INTERVAL), 1, 0.01);
	CHECK_NEAR(model.mark_time, 10, 0);
	top_model_deinit(&model);
}

static void test_another_recording_begins_anew(void)
{
	struct top_choice choice = {0};
	struct profile *profile = reading("b", 1);
	struct top_model model;

	top_model_init(&model, &no_symbols, NULL);
	CHECK_INT_EQ(top_model_add(&model, sampled(20), 0), EXIT_DONE);
	CHECK(!model.began_anew);
	add(profile, "other main", 100, 1, 1);
	CHECK_INT_EQ(top_model_add(&model, profile, 10), EXIT_DONE);
	CHECK(model.began_anew);
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "other");
	CHECK_NEAR(growth(&model.rows.items[0]), 0, 0);
	CHECK(top_model_is_exact(&model));
	CHECK_INT_EQ(model.n_readings, 1);
	top_model_deinit(&model);
}

/* Adds blocks of 1,000 bytes that are samples up to an interval of 2^level. */
static void add_level(struct profile *profile, int64_t level, double n)
{
	uint32_t location = heap_profile_add_function(profile, "leak", "file.c");
	int64_t bytes = heap_profile_estimate(profile, n, 1000);
	struct profile_label labels[] = {
		{.key = profile_intern(profile, SAMPLE_LABEL_SIZE), .number = 1000},
		{.key = profile_intern(profile, SAMPLE_LABEL_LEVEL),
		 .unit = profile_intern(profile, SAMPLE_LABEL_UNIT),
		 .number = level},
	};

	profile_add_sample(profile,
			   (struct profile_sample){
				   .stack = profile_add_stack(profile, &location, 1),
				   .labels = profile_add_labels(profile, labels, 2),
			   },
			   (int64_t[]){bytes / 1000, bytes, bytes / 1000, bytes});
}

static void test_growth_counts_from_the_mark_as_the_interval_rises(void)
{
	struct profile *first = reading("a", 1), *second = reading("a", 1 << 11);
	struct top_choice choice = {0};
	struct top_model model;
	double weight = heap_profile_weight(second, 1000);

	top_model_init(&model, &no_symbols, NULL);
	add_level(first, 1 << 3, 5);
	add_level(first, 1 << 12, 5);
	CHECK_INT_EQ(top_model_add(&model, first, 10), EXIT_DONE);
	add_level(second, 1 << 12, 40);
	CHECK_INT_EQ(top_model_add(&model, second, 20), EXIT_DONE);
	CHECK(!model.began_anew);
	CHECK_INT_EQ(model.n_readings, 2);
	CHECK_NEAR(model.mark_time, 10, 0);
	CHECK_NEAR(model.now, 20, 0);
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "leak*");
	CHECK_NEAR(growth(&model.rows.items[0]), 35 * 1000 * weight, 2000);
	top_model_deinit(&model);
}

static void test_names_are_looked_up_once(void)
{
	struct top_model model;

	top_model_init(&model, &no_symbols, NULL);
	CHECK_INT_EQ(top_model_add(&model, sampled(0), 0), EXIT_DONE);
	CHECK_INT_EQ(model.names.n_named, 2);
	CHECK_INT_EQ(top_model_add(&model, sampled(0), 0), EXIT_DONE);
	CHECK_INT_EQ(model.names.n_named, 2);
	CHECK_INT_EQ(top_model_add(&model, sampled(1), 0), EXIT_DONE);
	CHECK_INT_EQ(model.names.n_named, 3);
	top_model_deinit(&model);
}

/* A program in which two callers share a container. */
static struct profile *containers(void)
{
	struct profile *profile = reading("a", 1);

	add(profile, "std::grow std::push users main", 100, 30, 30);
	add(profile, "std::grow std::push orders main", 100, 20, 20);
	add(profile, "users main", 100, 5, 5);
	return profile;
}

static void test_rows_by_choice(void)
{
	struct top_choice choice = {0};
	struct top_model model;
	regex_t hide, filter;

	CHECK_INT_EQ(regcomp(&hide, "^std::", REG_EXTENDED | REG_NOSUB), 0);
	CHECK_INT_EQ(regcomp(&filter, "order", REG_EXTENDED | REG_NOSUB), 0);
	top_model_init(&model, &no_symbols, &hide);
	CHECK_INT_EQ(top_model_add(&model, containers(), 0), EXIT_DONE);
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "std::grow users");
	choice.hidden = true;
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "users orders");
	CHECK_NEAR(model.rows.items[0].values.change.new.value, 3500, 0);
	choice.cumulative = true;
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "main users orders");
	choice = (struct top_choice){.stacks = true};
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "-std::grow -std::grow -users");
	choice.filter = &filter;
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "-std::grow");
	choice.stacks = false;
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "");
	CHECK_NEAR(model.total.change.new.value, 5500, 0);
	top_model_deinit(&model);
	regfree(&hide);
	regfree(&filter);
}

static void test_rows_open(void)
{
	struct top_choice choice = {0};
	struct top_model model;
	struct top_row stack;

	top_model_init(&model, &no_symbols, NULL);
	CHECK_INT_EQ(top_model_add(&model, containers(), 0), EXIT_DONE);
	list(&model, &choice);
	CHECK_INT_EQ(top_model_toggle(&model, &model.rows.items[0]), 0);
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "std::grow -std::grow -std::grow users");
	CHECK_NEAR(model.rows.items[1].values.change.new.value, 3000, 0);
	stack = model.rows.items[1];
	CHECK_INT_EQ(top_model_toggle(&model, &stack), 0);
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "std::grow -std::grow --std::grow --std::push --users --main "
				      "-std::grow users");
	CHECK_INT_EQ(top_model_toggle(&model, &stack), 0);
	CHECK_INT_EQ(top_model_toggle(&model, &model.rows.items[0]), 0);
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "std::grow users");
	top_model_deinit(&model);
}

static void test_order(void)
{
	struct top_choice choice = {.order = TOP_BY_RATE};
	struct top_model model;
	struct profile *profile = sampled(0);

	top_model_init(&model, &no_symbols, NULL);
	add(profile, "churn main", 4096, 1, 5000);
	CHECK_INT_EQ(top_model_add(&model, profile, 0), EXIT_DONE);
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "churn busy cache");
	choice.order = TOP_BY_INUSE;
	list(&model, &choice);
	CHECK_STR_EQ(rows_of(&model), "cache busy churn");
	top_model_deinit(&model);
}

/* More readings than there are points: these are thinned, the first one stays. */
static void test_points_of_a_long_time(void)
{
	struct top_choice choice = {0};
	struct top_growth how;
	struct top_model model;

	top_model_init(&model, &no_symbols, NULL);
	for (int i = 0; i < 200; i++) {
		struct profile *profile = reading("a", 1);

		add(profile, "leak", 10, 1 + i, 1 + i);
		CHECK_INT_EQ(top_model_add(&model, profile, i), EXIT_DONE);
	}
	list(&model, &choice);
	top_model_growth(&model, &choice, &model.rows.items[0], -1, &how);
	CHECK(how.n_points >= TOP_POINTS / 2 && how.n_points <= TOP_POINTS);
	for (size_t i = 0; i < how.n_points; i++)
		CHECK_NEAR(how.points[i], 10 * (1 + how.times[i]), 1e-3);
	CHECK_NEAR(how.times[0], 0, 0);
	CHECK_NEAR(how.times[how.n_points - 1], 199, 0);
	CHECK_NEAR(model.rows.items[0].values.rate, 10, 1e-6);
	top_model_deinit(&model);
}

TEST_MAIN(TEST(test_growth_in_exact_readings), TEST(test_stacks_by_which_a_function_grew),
	  TEST(test_sizes_are_a_range), TEST(test_growth_in_samples_is_as_in_a_diff),
	  TEST(test_a_sample_or_two_prove_nothing), TEST(test_a_mark_counts_from_now),
	  TEST(test_another_recording_begins_anew),
	  TEST(test_growth_counts_from_the_mark_as_the_interval_rises),
	  TEST(test_names_are_looked_up_once), TEST(test_rows_by_choice), TEST(test_rows_open),
	  TEST(test_order), TEST(test_points_of_a_long_time))
