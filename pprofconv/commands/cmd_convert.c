/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/input.h"
#include "base/path.h"
#include "commands/commands.h"
#include "commands/convert_series.h"
#include "commands/convert_since.h"
#include "commands/empty.h"
#include "commands/files.h"
#include "commands/input_list.h"
#include "commands/labels.h"
#include "commands/outside.h"
#include "transform/reproducible.h"
#include "writers/writer.h"

struct convert_settings {
	struct settings common;
	const char *files_from;
	const char *output;
	const char *to;
	const char *since;
};

static bool is_directory(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Returns the length of `name`, not counting `suffix` if the name ends with it and is longer. */
static int size_without(const char *name, const char *suffix)
{
	size_t size = strlen(name), suffix_size = strlen(suffix);

	if (size > suffix_size && strcmp(name + size - suffix_size, suffix) == 0)
		size -= suffix_size;
	return (int)size;
}

/* Returns the path of the output for `input`, which the caller frees, or NULL if memory is out. */
static char *output_path(const struct convert_settings *settings, const struct writer *writer,
			 const char *input)
{
	const char *output = settings->output;
	bool into_directory = output && is_directory(output);
	char *path, process[32];

	if (output && !into_directory)
		return strdup(output);
	if (!output && (strcmp(input, "-") == 0 || !writer->is_binary))
		return strdup("-");
	if (strcmp(input, "-") == 0)
		input = "stdin";
	if (outside_pid(input)) {
		/* go tool pprof would take "pid:N.pb.gz" for an address. */
		snprintf(process, sizeof(process), "pid-%d", outside_pid(input));
		input = process;
	}
	if (into_directory)
		input = path_last_part(input);
	if (asprintf(&path, "%s%s%.*s%s", into_directory ? output : "", into_directory ? "/" : "",
		     size_without(input, ".heap"), input, writer->suffix) < 0)
		return NULL;
	return path;
}

static int save_reproducible(const struct settings *settings, struct profile *profile,
			     const struct writer *writer, const char *path)
{
	_cleanup_(profile_freep) struct profile *copy = reproducible_copy(profile);

	if (!copy)
		return command_error("%s", strerror(ENOMEM));
	if (empty_set_note(copy))
		return EXIT_BAD;
	return command_save(settings, copy, writer, path);
}

/* --- outputs ------------------------------------------------------------------------------- */

struct job {
	int number; /* of the input */
	const char *input;
	char *output;
	/* The path of the output, with the real path of its folder: one file can be named by
	 * several paths. */
	char *place;
};

struct jobs {
	VEC(struct job) items;
};

static void jobs_deinit(struct jobs *jobs)
{
	vec_foreach (job, &jobs->items) {
		free(job->output);
		free(job->place);
	}
	vec_deinit(&jobs->items);
}

static char *find_place(const char *path)
{
	const char *name = path_last_part(path);
	_cleanup_(freep) void *folder =
		name > path ? strndup(path, (size_t)(name - path)) : strdup(".");
	_cleanup_(freep) void *real = folder ? realpath(folder, NULL) : NULL;
	char *place;

	if (!folder || asprintf(&place, "%s/%s", real ? (char *)real : (char *)folder, name) < 0)
		return NULL;
	return place;
}

static int jobs_init(struct jobs *jobs, const struct convert_settings *settings,
		     const struct writer *writer)
{
	int r = vec_reserve(&jobs->items, (size_t)settings->common.n_inputs);

	for (int i = 0; !r && i < settings->common.n_inputs; i++) {
		struct job *job = &jobs->items.items[jobs->items.n++];

		*job = (struct job){.number = i, .input = settings->common.inputs[i]};
		job->output = output_path(settings, writer, job->input);
		job->place = job->output ? find_place(job->output) : NULL;
		r = job->place ? 0 : -ENOMEM;
	}
	return r ? command_error("%s", strerror(-r)) : EXIT_DONE;
}

static int compare_places(const void *left, const void *right)
{
	const struct job *const *a = left, *const *b = right;

	return strcmp((*a)->place, (*b)->place);
}

/* Fails if two inputs have the same output, because their names differ only in their folders or in
 * the suffix that is replaced. */
static int check_places(const struct jobs *jobs)
{
	size_t n = jobs->items.n, n_files = 0;
	_cleanup_(freep) void *memory = calloc(n + 1, sizeof(const struct job *));
	const struct job **sorted = memory;

	if (!sorted)
		return command_error("%s", strerror(ENOMEM));
	vec_foreach (job, &jobs->items)
		if (strcmp(job->output, "-") != 0)
			sorted[n_files++] = job;
	qsort(sorted, n_files, sizeof(*sorted), compare_places);
	for (size_t i = 1; i < n_files; i++)
		if (strcmp(sorted[i - 1]->place, sorted[i]->place) == 0)
			return command_error("%s and %s would both be written to %s",
					     sorted[i - 1]->input, sorted[i]->input,
					     sorted[i]->output);
	return EXIT_DONE;
}

static int check_outputs(const struct convert_settings *settings, const struct jobs *jobs)
{
	struct files files = {0};
	int status = files_init(&files, &settings->common);

	if (!status && settings->since)
		status = files_add(&files, settings->since);
	for (size_t i = 0; !status && i < jobs->items.n; i++)
		status = files_check_output(&files, jobs->items.items[i].output);
	files_deinit(&files);
	return status;
}

/* --- converting ---------------------------------------------------------------------------- */

static struct profile *load(const struct convert_settings *settings, const char *input)
{
	const struct settings *common = &settings->common;
	struct profile *profile;

	if (settings->since)
		return convert_since(common, input, settings->since);
	profile = command_load(common, input);
	if (profile && command_symbolize(common, (size_t)common->n_inputs, profile)) {
		profile_free(profile);
		return NULL;
	}
	return profile;
}

static int convert(const struct convert_settings *own, const struct writer *writer,
		   const struct job *job)
{
	const struct settings *settings = &own->common;
	_cleanup_(profile_freep) struct profile *profile = load(own, job->input);

	if (!profile || labels_add_to_input(profile, settings, job->number) ||
	    command_can_write(profile, job->input, writer))
		return EXIT_BAD;
	empty_warn(settings, profile, job->input);
	if (settings->is_reproducible)
		return save_reproducible(settings, profile, writer, job->output);
	if (empty_set_note(profile))
		return EXIT_BAD;
	return command_save(settings, profile, writer, job->output);
}

/* Converts all inputs. Mistakes that can be found before anything is written stop all
 * conversions. */
static int convert_all(const struct convert_settings *settings, const struct writer *writer)
{
	struct jobs jobs = {0};
	int status = jobs_init(&jobs, settings, writer);

	if (!status)
		status = check_places(&jobs);
	if (!status)
		status = check_outputs(settings, &jobs);
	if (!status)
		status = files_check_inputs(&settings->common);
	for (size_t i = 0, n = status ? 0 : jobs.items.n; i < n; i++)
		if (convert(settings, writer, &jobs.items.items[i]))
			status = EXIT_BAD;
	jobs_deinit(&jobs);
	return status;
}

static int check_and_convert(const struct convert_settings *settings, const struct writer *writer)
{
	const struct settings *common = &settings->common;

	if (!common->n_inputs)
		return command_error("no input; see '" PROGRAM " convert --help'");
	if (settings->since && common->n_inputs > 1)
		return command_error("--since takes one input");
	if (settings->since && common->is_reproducible)
		return command_error("--since needs times, which --reproducible leaves out");
	if (common->n_inputs > 1 && writer->write_series &&
	    !(settings->output && is_directory(settings->output)))
		return convert_series(common, writer, settings->output ? settings->output : "-");
	if (common->n_inputs > 1 && settings->output && !is_directory(settings->output))
		return command_error("several inputs, so -o must name a folder; '" PROGRAM
				     " merge' makes one profile of them");
	if (labels_check(&common->labels))
		return EXIT_BAD;
	return convert_all(settings, writer);
}

static int run_convert(const struct settings *common)
{
	struct convert_settings settings = *SETTINGS_OF(struct convert_settings, common);
	const struct writer *writer = writer_find(settings.to);
	struct input_list list = {0};
	int status;

	if (!writer)
		return command_error("--to: unknown format '%s'; '" PROGRAM
				     " formats' lists the formats",
				     settings.to);
	settings.common.takes_samples = writer->takes_samples && !common->is_reproducible;
	status = input_list_read(&list, common->inputs, (size_t)common->n_inputs,
				 settings.files_from);
	input_list_use(&list, &settings.common);
	if (!status)
		status = check_and_convert(&settings, writer);
	input_list_deinit(&list);
	return status;
}

static const struct option_row options[] = {
	{"output", 'o', OPTION_TEXT, offsetof(struct convert_settings, output), "FILE",
	 "Where to write. A folder gets one file for each input; - is standard output. With "
	 "--to=firefox, a file of several inputs shows the last one and memory over time. By "
	 "default "
	 "a profile is written next to its input, with .pb.gz in place of .heap or after the name, "
	 "and text to standard output. Two inputs may not go to one file, and no output may "
	 "overwrite an input."},
	{"to", 't', OPTION_TEXT, offsetof(struct convert_settings, to), "FORMAT",
	 "The format to write. The default is pprof."},
	{"since", 0, OPTION_TEXT, offsetof(struct convert_settings, since), "OLD",
	 "Counts what was allocated since OLD, an older dump of the same run, with the time "
	 "between "
	 "the two as the duration. Memory in use stays as it is in the input. Servers that "
	 "collect "
	 "profiles take such files; see PUSHING."},
	{"reproducible", 0, OPTION_FLAG, offsetof(struct settings, is_reproducible), NULL,
	 "Leaves out what differs between two runs that did the same: addresses, process numbers, "
	 "times. Equal runs give equal files if every allocation was recorded, or if "
	 "HEAP_PROFILE_SEED was set and threads did the same in the same order."},
	OPTION_ROW_FILES_FROM(struct convert_settings),
	OPTION_ROW_LABEL,
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

static const struct convert_settings defaults = {
	.common.max_input_bytes = INPUT_BYTES_LIMIT,
	.to = "pprof",
};

const struct command command_convert = {
	.name = "convert",
	.arguments = "INPUT...",
	.summary = "make a pprof profile of each input",
	.description = "The word convert may be left out. Sampled dumps become estimates of what "
		       "the program allocated. Addresses get the names of functions, inlined ones "
		       "included, with files and lines, from the programs and libraries on this "
		       "machine that have the same build IDs.",
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_convert,
};
