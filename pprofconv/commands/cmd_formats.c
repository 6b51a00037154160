/* SPDX-License-Identifier: MIT */
#include "commands/commands.h"
#include "readers/reader.h"
#include "writers/writer.h"

static int run_formats(const struct settings *settings)
{
	if (settings->n_inputs)
		return command_error("formats takes no input");
	printf("Reads (--from):\n");
	for (size_t i = 0; readers[i]; i++)
		printf("  %-12s%s\n", readers[i]->name, readers[i]->summary);
	printf("Each of them may be gzipped.\n\nWrites (--to):\n");
	for (size_t i = 0; writers[i]; i++)
		printf("  %-12s%s\n", writers[i]->name, writers[i]->summary);
	return EXIT_DONE;
}

static const struct option_row options[] = {OPTION_ROW_HELP, {0}};

static const struct settings defaults = {0};

const struct command command_formats = {
	.name = "formats",
	.arguments = "",
	.summary = "list the formats that can be read and written",
	.description = "The first word of each line is an argument for --from or --to.",
	.argument_kind = ARGUMENTS_NONE,
	.options = options,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.run = run_formats,
};
