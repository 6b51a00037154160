/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/input.h"
#include "base/path.h"
#include "commands/commands.h"
#include "commands/inspect_graph.h"
#include "commands/outside.h"
#include "readers/reader.h"

static int open_core(struct input *input, struct target_work *work, struct diag *diag)
{
	if (!outside_is_core(input))
		return diag_error(diag, READER_E_UNSUPPORTED,
				  "is not a core; 'heapprof inspect' looks at processes");
	return outside_open_core(input, work, diag);
}

static int look_at(const struct inspect_settings *settings, struct input *input,
		   struct mappings_look *look, struct diag *diag)
{
	struct target_work work = {0};
	int r;

	r = open_core(input, &work, diag);
	return r ? r : mappings_look_init(look, &work, settings->show_content, diag);
}

static int inspect_graph_of_core(const struct inspect_settings *settings, const char *path)
{
	_cleanup_(input_freep) struct input *input = NULL;
	struct target_work work = {0};
	struct diag diag = {.file = path};
	int r = input_open(&input, path, settings->common.max_input_bytes, &diag);

	r = r ? r : open_core(input, &work, &diag);
	diag_print(&diag, program_name(), !settings->common.quiet, stderr);
	diag_deinit(&diag);
	return r ? EXIT_BAD : inspect_graph(settings, &work, path_last_part(path), path);
}

static int inspect_core(const struct inspect_settings *settings, const char *path)
{
	_cleanup_(input_freep) struct input *input = NULL;
	struct mappings_look look = {0};
	struct diag diag = {.file = path};
	int r = input_open(&input, path, settings->common.max_input_bytes, &diag);

	if (!r)
		r = look_at(settings, input, &look, &diag);
	diag_print(&diag, program_name(), !settings->common.quiet, stderr);
	diag_deinit(&diag);
	r = r ? EXIT_BAD : inspect_print_mappings(settings, path_last_part(path), &look, NULL);
	mappings_look_deinit(&look);
	return r;
}

static int run_inspect(const struct settings *common)
{
	const struct inspect_settings *settings = SETTINGS_OF(struct inspect_settings, common);
	int status = inspect_check(settings);

	if (status)
		return status;
	if (common->n_inputs != 1)
		return command_error("expected one core; see '" PROGRAM " inspect --help'");
	if (outside_pid(common->inputs[0]))
		return command_error("%s is a process; type 'heapprof inspect %s'",
				     common->inputs[0], common->inputs[0] + strlen("pid:"));
	return (settings->graph ? inspect_graph_of_core : inspect_core)(settings,
									common->inputs[0]);
}

static const struct option_row options[] = {
	INSPECT_ROW_MAPPINGS("Shows the memory that the process had mapped, by what it is for."),
	INSPECT_ROW_GRAPH,
	INSPECT_ROW_SHOW_CONTENT,
	INSPECT_ROW_FORMAT,
	INSPECT_ROW_LINES,
	INSPECT_ROW_MEMORY,
	OPTION_ROWS_SYMBOLS,
	OPTION_ROW_COLOR,
	OPTION_ROW_MAX_INPUT,
	OPTION_ROW_QUIET,
	OPTION_ROW_HELP,
	{0},
};

static const struct inspect_settings defaults = {
	.common.max_input_bytes = INPUT_BYTES_LIMIT,
	.format = "text",
	.n_lines = 6,
	.memory_max = INSPECT_MEMORY_MAX,
};

const struct command command_inspect = {
	.name = "inspect",
	.arguments = "CORE",
	.summary = "show what the memory in a core is for, and what is lost",
	.description =
		"Shows the memory in a core. With --graph, for a program that heapprof has "
		"recorded: which blocks are lost, as no path of pointers leads to them from a "
		"variable, a thread or other memory, and who holds the others. At least as "
		"much is lost as is shown: an old pointer that was never overwritten holds a "
		"block, "
		"too. With --mappings, for any program: of which kind the memory is, how much of "
		"it is in the core, and which share of its bytes is zero. A ? marks what is "
		"guessed "
		"from where a mapping is. The numbers that only the kernel has, as of memory that "
		"was never touched, are those of 'heapprof inspect', for processes.",
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_inspect,
};
