/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/input.h"
#include "commands/commands.h"
#include "commands/empty.h"
#include "commands/files.h"
#include "commands/input_list.h"
#include "commands/labels.h"
#include "commands/moments.h"
#include "commands/repeated_inputs.h"
#include "transform/merge.h"
#include "transform/reproducible.h"
#include "writers/writer.h"

struct merge_settings {
	struct settings common;
	const char *output;
	const char *to;
	const char *moment;
	const char *files_from;
	bool keep_going;
};

/* A run of the command. */
struct merging {
	const struct settings *settings;
	bool keep_going;
	struct merge *merge;
	struct repeated_inputs repeated;
	int n_left_out;
	bool is_broken; /* the sum is; no other input can be added */
};

static int explain_error(const char *input, int code)
{
	return command_error("%s: %s", input,
			     code == -EOVERFLOW ? "values add up to more than 64 bits hold"
						: strerror(-code));
}

static int add_profile(const struct merging *merging, struct profile *profile, struct diag *diag)
{
	_cleanup_(profile_freep) struct profile *copy = NULL;

	if (!merging->settings->is_reproducible)
		return merge_add(merging->merge, profile, diag);
	copy = reproducible_copy(profile);
	return copy ? merge_add(merging->merge, copy, diag) : -ENOMEM;
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

/* Adds a profile to the sum. Its locations are named before that. Naming the sum instead would
 * leave locations without names, since a mapping of which some locations have names gets no others.
 */
static int name_and_add(struct merging *merging, int number, struct profile *profile)
{
	const struct settings *settings = merging->settings;
	const char *input = settings->inputs[number];
	struct diag diag = {.file = input};
	int r;

	if (labels_add_to_input(profile, settings, number))
		return EXIT_BAD;
	if (command_symbolize(settings, (size_t)settings->n_inputs, profile)) {
		merging->is_broken = true; /* the options are, for all inputs */
		return EXIT_BAD;
	}
	r = add_profile(merging, profile, &diag);
	diag_print(&diag, program_name(), !settings->quiet, stderr);
	if (r < 0 && !diag_has_error(&diag))
		explain_error(input, r);
	diag_deinit(&diag);
	merging->is_broken |= r < 0;
	return r ? EXIT_BAD : EXIT_DONE;
}

static int add_input(struct merging *merging, int number)
{
	const char *input = merging->settings->inputs[number];
	_cleanup_(profile_freep) struct profile *profile = command_load(merging->settings, input);

	if (!profile || repeated_inputs_check(&merging->repeated, profile, input))
		return EXIT_BAD;
	return name_and_add(merging, number, profile);
}

/* With --keep-going, counts an input that could not be added, and returns EXIT_DONE. */
static int forgive(struct merging *merging, int status)
{
	if (!status || !merging->keep_going || merging->is_broken)
		return status;
	merging->n_left_out++;
	return EXIT_DONE;
}

/* Adds all inputs, or with --keep-going those that can be added. */
static int add_all(struct merging *merging)
{
	const struct settings *settings = merging->settings;
	int status = EXIT_DONE;

	for (int i = 0; !status && i < settings->n_inputs; i++)
		status = forgive(merging, add_input(merging, i));
	if (!status)
		repeated_inputs_warn(&merging->repeated, settings,
				     "what both hold is counted twice; --at takes one dump of each "
				     "run");
	return status;
}

/* Adds the values of an input whose sample types have names that begin with `prefix`; NULL: all. */
static int add_values(struct merging *merging, int number, const char *prefix)
{
	_cleanup_(profile_freep) struct profile *profile =
		command_load(merging->settings, merging->settings->inputs[number]);

	if (!profile)
		return EXIT_BAD;
	if (prefix)
		keep_values(profile, prefix);
	return name_and_add(merging, number, profile);
}

static int add_choice(struct merging *merging, const struct moments_choice *choice)
{
	const struct settings *settings = merging->settings;
	int status;

	if (settings->verbose)
		command_error("%s: represents its process", settings->inputs[choice->inuse]);
	if (choice->inuse == choice->allocated)
		return add_values(merging, choice->inuse, NULL);
	status = add_values(merging, choice->inuse, "inuse_");
	return status ? status : add_values(merging, choice->allocated, "alloc_");
}

static int add_moments(struct merging *merging, enum moment moment)
{
	moments_vec choices = {0};
	int *n_left_out = merging->keep_going ? &merging->n_left_out : NULL;
	int status = moments_find(merging->settings, moment, n_left_out, &choices);

	for (size_t i = 0; !status && i < choices.n; i++)
		status = forgive(merging, add_choice(merging, &choices.items[i]));
	vec_deinit(&choices);
	return status;
}

static int check_left_out(const struct merging *merging)
{
	int n = merging->n_left_out, n_inputs = merging->settings->n_inputs;

	if (n && n == n_inputs)
		return command_error("no input can be merged");
	if (n)
		command_error("%d of %d inputs are left out", n, n_inputs);
	return EXIT_DONE;
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

static int add_inputs(struct merging *merging, const char *moment_name)
{
	enum moment moment;

	if (!moment_name)
		return add_all(merging);
	if (moment_parse(moment_name, &moment))
		return add_moments(merging, moment);
	return command_error(
		"--at: unknown moment '%s'; expected level, peak, last-interval or exit",
		moment_name);
}

static int merge_inputs(const struct merge_settings *settings, const struct writer *writer)
{
	const struct settings *common = &settings->common;
	_cleanup_(merge_freep) struct merge *merge = merge_new();
	_cleanup_(profile_freep) struct profile *merged = NULL;
	struct merging merging = {
		.settings = common,
		.keep_going = settings->keep_going,
		.merge = merge,
	};
	int status;

	if (!merge)
		return command_error("%s", strerror(ENOMEM));
	status = add_inputs(&merging, settings->moment);
	repeated_inputs_deinit(&merging.repeated);
	if (!status)
		status = check_left_out(&merging);
	if (status)
		return status;
	merged = finish(common, merge);
	if (!merged)
		return command_error("%s", strerror(ENOMEM));
	if (command_can_write(merged, "the sum", writer) || empty_set_note(merged))
		return EXIT_BAD;
	empty_warn(common, merged, settings->output);
	return command_save(common, merged, writer, settings->output);
}

static int check_and_merge(const struct merge_settings *settings)
{
	const struct settings *common = &settings->common;
	const struct writer *writer = writer_find(settings->to);
	const struct texts list = {
		.items = (const char *[]){settings->files_from},
		.n = settings->files_from != NULL,
	};

	if (!writer)
		return command_error("--to: unknown format '%s'; '" PROGRAM
				     " formats' lists the formats",
				     settings->to);
	if (!common->n_inputs)
		return command_error("no input; see '" PROGRAM " merge --help'");
	if (!settings->output)
		return command_error("merge needs -o FILE; -o - is standard output");
	if (files_check(common, (const struct texts *[]){&list, NULL}, settings->output))
		return EXIT_BAD;
	return merge_inputs(settings, writer);
}

static int run_merge(const struct settings *common)
{
	struct merge_settings settings = *SETTINGS_OF(struct merge_settings, common);
	struct input_list list = {0};
	int status = input_list_read(&list, common->inputs, (size_t)common->n_inputs,
				     settings.files_from);

	input_list_use(&list, &settings.common);
	if (!status)
		status = check_and_merge(&settings);
	input_list_deinit(&list);
	return status;
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
	OPTION_ROW_FILES_FROM(struct merge_settings),
	{"keep-going", 0, OPTION_FLAG, offsetof(struct merge_settings, keep_going), NULL,
	 "Leaves out inputs that can't be read or are there twice, names them, and counts them in "
	 "the last line. The exit status is 0 if any input was merged."},
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
		       "sample types. The same dump may not be given twice. Dumps of one process "
		       "should not be added up: --at takes one of them. The result does not depend "
		       "on the order of the inputs, nor on sums that were made of some of them "
		       "before, if those are merged with --no-symbols.",
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_merge,
};
