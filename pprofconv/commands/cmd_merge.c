/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/input.h"
#include "commands/commands.h"
#include "commands/empty.h"
#include "commands/files.h"
#include "commands/moments.h"
#include "transform/merge.h"
#include "transform/reproducible.h"
#include "writers/writer.h"

struct merge_settings {
	struct settings common;
	const char *output;
	const char *to;
	const char *moment;
};

static int explain_error(const char *input, int code)
{
	return command_error("%s: %s", input,
			     code == -EOVERFLOW ? "values add up to more than 64 bits hold"
						: strerror(-code));
}

static int add_profile(const struct settings *settings, struct merge *merge,
		       struct profile *profile, struct diag *diag)
{
	_cleanup_(profile_freep) struct profile *copy = NULL;

	if (!settings->is_reproducible)
		return merge_add(merge, profile, diag);
	copy = reproducible_copy(profile);
	return copy ? merge_add(merge, copy, diag) : -ENOMEM;
}

/* Sets the values of all sample types to 0, except those whose names begin with `prefix`. */
static void keep_values(struct profile *profile, const char *prefix)
{
	for (size_t i = 0; i < profile->samples.n; i++)
		for (size_t j = 0; j < profile->sample_types.n; j++) {
			const char *type =
				profile_string(profile, profile->sample_types.items[j].type);

			if (strncmp(type, prefix, strlen(prefix)) != 0)
				profile_values(profile, i)[j] = 0;
		}
}

/* Adds an input to the sum. Its locations are named before that. Naming the sum instead would leave
 * locations without names, since a mapping of which some locations have names gets no others. If
 * `prefix` is not NULL, only values of sample types whose names begin with `prefix` are added. */
static int add_input(const struct settings *settings, struct merge *merge, const char *input,
		     const char *prefix)
{
	_cleanup_(profile_freep) struct profile *profile = command_load(settings, input);
	struct diag diag = {.file = input};
	int r;

	if (!profile || command_symbolize(settings, (size_t)settings->n_inputs, profile))
		return EXIT_BAD;
	if (prefix)
		keep_values(profile, prefix);
	r = add_profile(settings, merge, profile, &diag);
	diag_print(&diag, program_name(), !settings->quiet, stderr);
	if (r < 0 && !diag_has_error(&diag))
		explain_error(input, r);
	diag_deinit(&diag);
	return r ? EXIT_BAD : EXIT_DONE;
}

static int add_all(const struct settings *settings, struct merge *merge)
{
	int status = EXIT_DONE;

	for (int i = 0; !status && i < settings->n_inputs; i++)
		status = add_input(settings, merge, settings->inputs[i], NULL);
	return status;
}

static int add_choice(const struct settings *settings, struct merge *merge,
		      const struct moments_choice *choice)
{
	const char *inuse = settings->inputs[choice->inuse];
	const char *allocated = settings->inputs[choice->allocated];
	int status;

	if (settings->verbose)
		command_error("%s: represents its process", inuse);
	if (choice->inuse == choice->allocated)
		return add_input(settings, merge, inuse, NULL);
	status = add_input(settings, merge, inuse, "inuse_");
	return status ? status : add_input(settings, merge, allocated, "alloc_");
}

static int add_moments(const struct settings *settings, struct merge *merge, enum moment moment)
{
	moments_vec choices = {0};
	int status = moments_find(settings, moment, &choices);

	for (size_t i = 0; !status && i < choices.n; i++)
		status = add_choice(settings, merge, &choices.items[i]);
	vec_deinit(&choices);
	return status;
}

/* Returns the sum. For a reproducible result, its mappings are placed again: in an input that lacks
 * some of the mappings, the others were placed at other addresses. */
static struct profile *finish(const struct settings *settings, struct merge *merge)
{
	_cleanup_(profile_freep) struct profile *merged = merge_finish(merge);
	struct profile *result = merged;

	if (merged && settings->is_reproducible)
		return reproducible_copy(merged);
	merged = NULL;
	return result;
}

static int merge_inputs(const struct merge_settings *settings, const struct writer *writer)
{
	const struct settings *common = &settings->common;
	_cleanup_(merge_freep) struct merge *merge = merge_new();
	_cleanup_(profile_freep) struct profile *merged = NULL;
	enum moment moment;
	int status;

	if (!merge)
		return command_error("%s", strerror(ENOMEM));
	if (!settings->moment)
		status = add_all(common, merge);
	else if (moment_parse(settings->moment, &moment))
		status = add_moments(common, merge, moment);
	else
		status = command_error(
			"--at: unknown moment '%s'; expected level, peak, last-interval or exit",
			settings->moment);
	if (status)
		return status;
	merged = finish(common, merge);
	if (!merged)
		return command_error("%s", strerror(ENOMEM));
	if (empty_set_note(merged))
		return EXIT_BAD;
	empty_warn(common, merged, settings->output);
	return command_save(common, merged, writer, settings->output);
}

static int run_merge(const struct settings *common)
{
	const struct merge_settings *settings = SETTINGS_OF(struct merge_settings, common);
	const struct writer *writer = writer_find(settings->to);

	if (!writer)
		return command_error("--to: unknown format '%s'; '" PROGRAM
				     " formats' lists the formats",
				     settings->to);
	if (!common->n_inputs)
		return command_error("no input; see '" PROGRAM " merge --help'");
	if (!settings->output)
		return command_error("merge needs -o FILE; -o - is standard output");
	if (files_check(common, NULL /* no more */, settings->output))
		return EXIT_BAD;
	return merge_inputs(settings, writer);
}

static const struct option_row options[] = {
	{"output", 'o', OPTION_TEXT, offsetof(struct merge_settings, output), "FILE",
	 "Where to write; - is standard output."},
	{"to", 't', OPTION_TEXT, offsetof(struct merge_settings, to), "FORMAT",
	 "The format to write. The default is pprof."},
	{"at", 0, OPTION_TEXT, offsetof(struct merge_settings, moment), "MOMENT",
	 "Takes the inputs as dumps of the processes that their metadata name, and adds the memory "
	 "in use of each process at one moment only. level: what it kept returning to at work: of "
	 "the later half of its dumps the one that holds more than all but a twentieth of them, or "
	 "the dump at exit if that holds as much; dumps should be spread evenly, as by "
	 "HEAP_PROFILE_ALLOCATION_INTERVAL with HEAP_PROFILE_KEEP=spread. peak: the dump that "
	 "holds most. last-interval: the last dump that was not written at exit. exit: the last "
	 "dump. Total allocations always come from the last dump."},
	{"reproducible", 0, OPTION_FLAG, offsetof(struct settings, is_reproducible), NULL,
	 "Leaves out what differs between runs that did the same, like convert."},
	OPTION_ROW_FROM,
	OPTION_ROW_NTH,
	OPTION_ROW_SAMPLE_TYPE,
	OPTION_ROW_FULL_NAMES,
	OPTION_ROWS_SYMBOLS,
	OPTION_ROW_MAX_INPUT,
	OPTION_ROW_STOP,
	OPTION_ROW_QUIET,
	OPTION_ROW_VERBOSE,
	OPTION_ROW_HELP,
	{0},
};

static const struct merge_settings defaults = {
	.common.max_input_bytes = INPUT_BYTES_LIMIT,
	.to = "pprof",
};

const struct command command_merge = {
	.name = "merge",
	.arguments = "INPUT... -o FILE",
	.summary = "add profiles together into one",
	.description = "For the processes of a fleet or of a test suite. All must have the same "
		       "sample types. Dumps of one process should not be added up: --at takes one "
		       "of them. The result does not depend on the order of the inputs.",
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_merge,
};
