/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/cursor.h"
#include "command/attach/attach_session.h"
#include "command/commands.h"

#define INTERVAL     "interval="
#define INTERVAL_MAX (UINT64_C(512) << 10) /* the last one to which an automatic interval rises */

/* setting = "off" | "on" | "interval=" digits [ "K" | "M" | "G" ] */
static bool parse_setting(const char *text, struct attach_change *out)
{
	*out = (struct attach_change){0};
	if (strcmp(text, "off") == 0)
		out->kind = ATTACH_CHANGE_OFF;
	else if (strcmp(text, "on") == 0)
		out->kind = ATTACH_CHANGE_ON;
	else if (strncmp(text, INTERVAL, strlen(INTERVAL)) == 0)
		out->kind = ATTACH_CHANGE_INTERVAL;
	else
		return false;
	return out->kind != ATTACH_CHANGE_INTERVAL ||
	       (option_parse_size(text + strlen(INTERVAL), &out->interval) && out->interval);
}

/* An automatic interval doubles each time that it rises. */
static bool is_reached(uint64_t interval)
{
	return interval <= INTERVAL_MAX && (interval & (interval - 1)) == 0;
}

static int run_set(const struct settings *settings)
{
	struct attach_change change;
	struct found_target target;
	int status;

	if (settings->n_inputs != 2)
		return command_error("expected a process and a setting; see 'heapprof set --help'");
	if (!parse_setting(settings->inputs[1], &change))
		return command_error("unknown setting '%s'; expected off, on or one such as "
				     "interval=64K",
				     settings->inputs[1]);
	if (change.kind == ATTACH_CHANGE_INTERVAL && !is_reached(change.interval))
		return command_error("%s: the interval doubles from 1 to 512K; choose one such as "
				     "64K, 128K or 512K",
				     settings->inputs[1]);
	status = target_find(settings->inputs[0], "set", &target);
	if (status)
		return status;
	status = attach_change(&target, &change, settings->quiet);
	found_target_deinit(&target);
	return status;
}

static const struct option_row options[] = {OPTION_ROW_QUIET, OPTION_ROW_HELP, {0}};

static const struct settings defaults = {0};

const struct command command_set = {
	.name = "set",
	.arguments = "PID|NAME off|on|interval=SIZE",
	.summary = "change how an attached process records",
	.description =
		"interval=SIZE, such as interval=64K, raises the sample interval of a process that "
		"was attached to with the automatic one, to a power of 2 up to 512K; what was "
		"recorded stays, and the interval goes on rising by itself. A smaller interval "
		"than the present one is refused, since what was not recorded can't be shown; so "
		"is any change of a fixed one. off ends recording: what was recorded can be read, "
		"but is not kept up to date any more. on begins anew, with the automatic interval: "
		"what was freed meanwhile is not known, so nothing of before is shown.",
	.argument_kind = ARGUMENTS_TARGET,
	.options = options,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.run = run_set,
};
