/* SPDX-License-Identifier: MIT */
#include "commands/commands.h"
#include "readers/reader.h"
#include "writers/writer.h"

static const char *const groups[READER_GROUPS] = {
	[READER_PROFILERS] = "Heap profilers",
	[READER_LEAKS] = "Tools that look for leaks",
	[READER_MEMORY] = "The kernel's view of a process",
	[READER_GENERAL] = "Formats of many tools",
};

static void print_group(enum reader_group group)
{
	printf("\n%s:\n", groups[group]);
	for (size_t i = 0; readers[i]; i++) {
		if (readers[i]->group != group)
			continue;
		printf("  %-18s%s\n", readers[i]->name, readers[i]->summary);
		if (readers[i]->made_by)
			printf("  %-18smade by: %s\n", "", readers[i]->made_by);
	}
}

static int run_formats(const struct settings *settings)
{
	if (settings->n_inputs)
		return command_error("formats takes no input");
	printf("Reads (--from); each may be packed by gzip or zstd.\n");
	for (enum reader_group group = 0; group < READER_GROUPS; group++)
		print_group(group);
	printf("\nWrites (--to):\n");
	for (size_t i = 0; writers[i]; i++)
		printf("  %-18s%s\n", writers[i]->name, writers[i]->summary);
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
