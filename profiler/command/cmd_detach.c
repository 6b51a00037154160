/* SPDX-License-Identifier: MIT */
#include "command/attach/attach_session.h"
#include "command/commands.h"

static int run_detach(const struct settings *settings)
{
	struct found_target target;
	int status = target_find_only(settings, "detach", &target);

	if (status)
		return status;
	status = attach_end_all(&target, settings->quiet);
	found_target_deinit(&target);
	return status;
}

static const struct option_row options[] = {OPTION_ROW_QUIET, OPTION_ROW_HELP, {0}};

static const struct settings defaults = {0};

const struct command command_detach = {
	.name = "detach",
	.arguments = "PID|NAME",
	.summary = "undo what attach has done to a process",
	.description =
		"Ends the recording and puts every byte of the process's code back, also in the "
		"processes that it has forked meanwhile. The library stays loaded, but nothing "
		"calls it. It need not be the same heapprof that attached: also what one left that "
		"was killed is put in order.",
	.argument_kind = ARGUMENTS_TARGET,
	.options = options,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.run = run_detach,
};
