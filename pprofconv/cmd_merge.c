/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "analysis/merge.h"
#include "analysis/reproducible.h"
#include "base/input.h"
#include "command_files.h"
#include "commands.h"
#include "writers/writer.h"

static int explain(const char *input, int code)
{
	return command_error("%s: %s", input,
			     code == -EOVERFLOW ? "values add up to more than 64 bits hold"
						: strerror(-code));
}

/* The largest interval becomes that of the sum, so that its errors are taken for none too small. */
static void check_interval(const struct settings *settings, const struct profile *profile,
			   const char *input, int64_t *first)
{
	int64_t interval = profile_bytes_period(profile);

	if (!*first)
		*first = interval;
	if (interval && interval != *first && !settings->quiet)
		command_error("%s: sampled at another interval than those before; the largest will "
			      "stand for all",
			      input);
}

static int add(const struct settings *settings, struct merge *merge, struct profile *profile,
	       struct diag *diag)
{
	_cleanup_(profile_freep) struct profile *copy = NULL;

	if (!settings->is_reproducible)
		return merge_add(merge, profile, diag);
	copy = reproducible_copy(profile);
	return copy ? merge_add(merge, copy, diag) : -ENOMEM;
}

/* Names come from the files on this machine before profiles are put together: one may bring its own
 * already. */
static int add_input(const struct settings *settings, struct merge *merge, const char *input,
		     int64_t *interval)
{
	_cleanup_(profile_freep) struct profile *profile = command_load(settings, input);
	struct diag diag = {.file = input};
	int r;

	if (!profile || command_symbolize(settings, profile))
		return EXIT_BAD;
	check_interval(settings, profile, input, interval);
	r = add(settings, merge, profile, &diag);
	diag_print(&diag, PROGRAM, !settings->quiet, stderr);
	if (r < 0 && !diag_has_error(&diag))
		explain(input, r);
	diag_deinit(&diag);
	return r ? EXIT_BAD : EXIT_DONE;
}

/* Mappings that some inputs lack are laid out anew among the others. */
static struct profile *finish(const struct settings *settings, struct merge *merge)
{
	_cleanup_(profile_freep) struct profile *merged = merge_finish(merge);
	struct profile *result = merged;

	if (merged && settings->is_reproducible)
		return reproducible_copy(merged);
	merged = NULL;
	return result;
}

static int merge_inputs(const struct settings *settings, const struct writer *writer)
{
	_cleanup_(merge_freep) struct merge *merge = merge_new();
	_cleanup_(profile_freep) struct profile *merged = NULL;
	int64_t interval = 0;
	int status = EXIT_DONE;

	for (int i = 0; merge && !status && i < settings->n_inputs; i++)
		status = add_input(settings, merge, settings->inputs[i], &interval);
	if (status)
		return status;
	merged = merge ? finish(settings, merge) : NULL;
	if (!merged)
		return command_error("%s", strerror(ENOMEM));
	command_warn_of_no_samples(settings, merged, settings->output);
	return command_save(settings, merged, writer, settings->output);
}

static int run(const struct settings *settings)
{
	const struct writer *writer = writer_find(settings->to);

	if (!writer)
		return command_error("--to: no format '%s'; '" PROGRAM " formats' lists them",
				     settings->to);
	if (!settings->n_inputs)
		return command_error("no input; '" PROGRAM " merge --help' tells how to use it");
	if (!settings->output)
		return command_error("merge needs -o FILE; -o - is standard output");
	if (files_check(settings))
		return EXIT_BAD;
	return merge_inputs(settings, writer);
}

static const struct option_row options[] = {
	{"output", 'o', OPTION_TEXT, offsetof(struct settings, output), "FILE",
	 "Where to write; - is standard output."},
	{"to", 't', OPTION_TEXT, offsetof(struct settings, to), "FORMAT",
	 "The format to write. The default is pprof."},
	{"reproducible", 0, OPTION_FLAG, offsetof(struct settings, is_reproducible), NULL,
	 "Leaves out what differs between runs that did the same, as convert does."},
	OPTION_ROW_FROM,
	OPTION_ROW_SAMPLE_TYPE,
	OPTION_ROWS_SYMBOLS,
	OPTION_ROW_MAX_INPUT,
	OPTION_ROW_QUIET,
	OPTION_ROW_VERBOSE,
	OPTION_ROW_HELP,
	{0},
};

const struct command command_merge = {
	.name = "merge",
	.arguments = "INPUT... -o FILE",
	.summary = "add profiles up to one",
	.description = "For the processes of a fleet, or of a test suite. All must have the same "
		       "sample types. The result is the same whatever the order of the inputs.",
	.options = options,
	.defaults = {.to = "pprof", .max_input_bytes = INPUT_BYTES_LIMIT},
	.run = run,
};
