/* SPDX-License-Identifier: MIT */
#include "commands/moments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/leftover.h"
#include "analysis/shared_samples.h"
#include "commands/repeated_inputs.h"

/* The facts about an input that are kept after its profile is freed. */
struct read_input {
	int input;
	char *run; /* the ID of its run; NULL: none, or several */
	uint64_t number;
	int64_t time_nanos;
	struct moment_dump dump;
};

typedef VEC(struct read_input) read_vec;

static int read_input(const struct settings *settings, int input, struct repeated_inputs *repeated,
		      struct read_input *out)
{
	const char *name = settings->inputs[input];
	_cleanup_(profile_freep) struct profile *profile = command_load(settings, name);
	const char *run, *reason;

	if (!profile || repeated_inputs_check(repeated, profile, name))
		return EXIT_BAD;
	run = shared_samples_run(profile);
	reason = profile_metadata(profile, "reason");
	*out = (struct read_input){
		.input = input,
		.run = run ? strdup(run) : NULL,
		.number = profile_metadata_number(profile, "dump"),
		.time_nanos = profile->time_nanos,
		.dump.inuse = leftover_find(profile).inuse,
		.dump.is_exit = reason && strcmp(reason, "exit") == 0,
	};
	return run && !out->run ? command_error("%s", strerror(ENOMEM)) : EXIT_DONE;
}

static int check_no_standard_input(const struct settings *settings)
{
	for (int i = 0; i < settings->n_inputs; i++)
		if (strcmp(settings->inputs[i], "-") == 0)
			return command_error(
				"--at reads its inputs twice, so none can be standard input");
	return EXIT_DONE;
}

static int read_all(const struct settings *settings, int *n_left_out, read_vec *all)
{
	struct repeated_inputs repeated = {0};
	int status = check_no_standard_input(settings);

	for (int i = 0; !status && i < settings->n_inputs; i++) {
		struct read_input read;

		status = read_input(settings, i, &repeated, &read);
		if (status && n_left_out) {
			++*n_left_out;
			status = EXIT_DONE;
		} else if (!status && vec_push(all, read) < 0) {
			free(read.run);
			status = command_error("%s", strerror(ENOMEM));
		}
	}
	repeated_inputs_deinit(&repeated);
	return status;
}

static int compare_numbers(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

/* Compares by process, then by the order in which the dumps of a process were written. */
static int compare_inputs(const void *left, const void *right)
{
	const struct read_input *a = left, *b = right;
	int by = compare_numbers(a->run != NULL, b->run != NULL);

	if (!by && a->run)
		by = strcmp(a->run, b->run);
	if (!by)
		by = compare_numbers((int64_t)a->number, (int64_t)b->number);
	if (!by)
		by = compare_numbers(a->time_nanos, b->time_nanos);
	return by ? by : compare_numbers(a->input, b->input);
}

/* Returns how many inputs, from `first` on, are of the same process as *first. */
static size_t count_process(const struct read_input *first, size_t n)
{
	size_t found = 1;

	while (found < n && first->run && strcmp(first->run, first[found].run) == 0)
		found++;
	return found;
}

static int choose_dump(enum moment moment, const struct read_input *inputs, size_t n,
		       moments_vec *out)
{
	struct moment_dump *dumps = calloc(n, sizeof(*dumps));
	size_t chosen = 0;
	int r = dumps ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < n; i++)
		dumps[i] = inputs[i].dump;
	if (!r)
		r = moment_choose(moment, dumps, n, &chosen);
	free(dumps);
	return r ? r
		 : vec_push(out,
			    (struct moments_choice){inputs[chosen].input, inputs[n - 1].input});
}

static int choose_all(enum moment moment, const read_vec *all, moments_vec *out)
{
	int r = 0;

	if (all->n)
		qsort(all->items, all->n, sizeof(*all->items), compare_inputs);
	for (size_t i = 0, n; !r && i < all->n; i += n) {
		n = count_process(&all->items[i], all->n - i);
		r = choose_dump(moment, &all->items[i], n, out);
	}
	return r ? command_error("%s", strerror(-r)) : EXIT_DONE;
}

static void warn_of_no_run(const struct settings *settings, const read_vec *all)
{
	size_t n = 0;

	vec_foreach (read, all)
		n += !read->run;
	if (n && all->n > 1 && !settings->quiet)
		command_error("%zu of %zu inputs name no run; each counts as a process of its own",
			      n, all->n);
}

int moments_find(const struct settings *settings, enum moment moment, int *n_left_out,
		 moments_vec *out)
{
	read_vec all = {0};
	int status = read_all(settings, n_left_out, &all);

	if (!status) {
		warn_of_no_run(settings, &all);
		status = choose_all(moment, &all, out);
	}
	vec_foreach (read, &all)
		free(read->run);
	vec_deinit(&all);
	return status;
}
