/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/reproducible.h"
#include "base/input.h"
#include "commands.h"
#include "writers/writer.h"

static bool is_directory(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* The name without `suffix` at its end, if it is there. */
static int size_without(const char *name, const char *suffix)
{
	size_t size = strlen(name), suffix_size = strlen(suffix);

	if (size > suffix_size && strcmp(name + size - suffix_size, suffix) == 0)
		size -= suffix_size;
	return (int)size;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Where the profile of `input` goes, which the caller frees: NULL if memory is out. */
static char *output_path(const struct settings *settings, const struct writer *writer,
			 const char *input)
{
	const char *output = settings->output;
	bool into_directory = output && is_directory(output);
	char *path;

	if (output && !into_directory)
		return strdup(output);
	if (!output && (strcmp(input, "-") == 0 || !writer->is_binary))
		return strdup("-");
	if (strcmp(input, "-") == 0)
		input = "stdin";
	if (into_directory)
		input = last_part(input);
	if (asprintf(&path, "%s%s%.*s%s", into_directory ? output : "", into_directory ? "/" : "",
		     size_without(input, ".heap"), input, writer->suffix) < 0)
		return NULL;
	return path;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat a_status, b_status;

	return stat(a, &a_status) == 0 && stat(b, &b_status) == 0 && S_ISREG(a_status.st_mode) &&
	       a_status.st_dev == b_status.st_dev && a_status.st_ino == b_status.st_ino;
}

static int save_reproducible(const struct settings *settings, struct profile *profile,
			     const struct writer *writer, const char *path)
{
	_cleanup_(profile_freep) struct profile *copy = reproducible_copy(profile);

	return copy ? command_save(settings, copy, writer, path)
		    : command_error("%s", strerror(ENOMEM));
}

static int convert(const struct settings *settings, const struct writer *writer, const char *input)
{
	_cleanup_(profile_freep) struct profile *profile = command_load(settings, input);
	_cleanup_(freep) void *output = profile ? output_path(settings, writer, input) : NULL;

	if (!profile)
		return EXIT_BAD;
	if (!output)
		return command_error("%s", strerror(ENOMEM));
	if (is_same_file(input, output))
		return command_error("%s: input and output are the same file", input);
	if (command_symbolize(settings, profile))
		return EXIT_BAD;
	if (settings->is_reproducible)
		return save_reproducible(settings, profile, writer, output);
	return command_save(settings, profile, writer, output);
}

static int run(const struct settings *settings)
{
	const struct writer *writer = writer_find(settings->to);
	int status = EXIT_DONE;

	if (!writer)
		return command_error("--to: no format '%s'; '" PROGRAM " formats' lists them",
				     settings->to);
	if (!settings->n_inputs)
		return command_error("no input; '" PROGRAM " --help' tells how to use it");
	if (settings->n_inputs > 1 && settings->output && !is_directory(settings->output))
		return command_error("several inputs, so -o must name a folder; '" PROGRAM
				     " merge' makes one profile of them");
	for (int i = 0; i < settings->n_inputs; i++)
		if (convert(settings, writer, settings->inputs[i]))
			status = EXIT_BAD;
	return status;
}

static const struct option_row options[] = {
	{"output", 'o', OPTION_TEXT, offsetof(struct settings, output), "FILE",
	 "Where to write. A folder gets one file for each input; - is standard output. By default "
	 "a "
	 "profile is written beside its input, with .pb.gz instead of .heap or behind the name, "
	 "and "
	 "text to standard output."},
	{"to", 't', OPTION_TEXT, offsetof(struct settings, to), "FORMAT",
	 "The format to write. The default is pprof."},
	{"reproducible", 0, OPTION_FLAG, offsetof(struct settings, is_reproducible), NULL,
	 "Leaves out what differs between two runs that did the same: addresses, process numbers, "
	 "times. Equal runs give equal files: where every allocation was recorded, or with "
	 "HEAP_PROFILE_SEED set, as long as threads do the same in the same order."},
	OPTION_ROW_FROM,
	OPTION_ROW_SAMPLE_TYPE,
	OPTION_ROWS_SYMBOLS,
	OPTION_ROW_MAX_INPUT,
	OPTION_ROW_QUIET,
	OPTION_ROW_VERBOSE,
	OPTION_ROW_HELP,
	{0},
};

const struct command command_convert = {
	.name = "convert",
	.arguments = "INPUT...",
	.summary = "make a pprof profile of each input",
	.description =
		"The word convert may be left out. Sampled dumps become estimates of what the "
		"program allocated. Addresses get the names of functions, with what was inlined "
		"there, files and lines, from the programs and libraries on this machine that have "
		"the same build IDs.",
	.options = options,
	.defaults = {.to = "pprof", .max_input_bytes = INPUT_BYTES_LIMIT},
	.run = run,
};
