/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "command/attach/attach_session.h"
#include "command/commands.h"
#include "command/duration.h"
#include "command/end_signals.h"
#include "command/next_command.h"
#include "command/prefix_names.h"
#include "command/run/run_settings.h"

struct attach_settings {
	struct settings common;
	const char *dumps, *duration, *pools;
	uint64_t interval;
	bool exact;
};

struct attach {
	const struct attach_settings *settings;
	struct found_target target;
	struct attach_wish wish;
	uint64_t seconds; /* until it detaches; 0: it stays attached */
	int end_fd;
};

/* --- settings ------------------------------------------------------------------------------ */

static int parse_interval(struct attach *attach)
{
	const struct attach_settings *settings = attach->settings;

	if (settings->exact && settings->interval)
		return command_error("--exact and --interval exclude each other; give one");
	attach->wish.interval = settings->exact ? 1 : settings->interval;
	return EXIT_DONE;
}

static int parse_prefix(struct attach *attach)
{
	const char *given = attach->settings->dumps;
	_cleanup_(freep) void *absolute = NULL;
	_cleanup_(freep) void *complete = NULL;

	if (!given)
		return EXIT_DONE;
	if (!*given)
		return command_error("--dumps: the prefix is empty; name one such as /var/tmp/app");
	absolute = run_make_absolute(given, false /* it may have expansions */);
	if (absolute)
		complete = prefix_complete(absolute);
	if (!complete)
		return command_error("%s: %s", given, strerror(errno));
	if (strlen(complete) >= sizeof(attach->wish.prefix))
		return command_error("--dumps: the prefix is too long");
	memcpy(attach->wish.prefix, complete, strlen(complete) + 1);
	return EXIT_DONE;
}

static int parse(struct attach *attach)
{
	const struct attach_settings *settings = attach->settings;
	int status = parse_interval(attach);

	attach->wish.is_quiet = settings->common.quiet;
	if (!status && settings->duration && !duration_parse(settings->duration, &attach->seconds))
		status = command_error("--for: invalid time '%s'; expected one such as 90s or 10m",
				       settings->duration);
	if (!status)
		status = attach_parse_pools(settings->pools, &attach->wish);
	return status ? status : parse_prefix(attach);
}

/* --- attaching ----------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until the time is over, a signal asks for the end, or the process ends. */
static void wait_for_end(const struct attach *attach)
{
	struct pollfd ends[] = {{.fd = attach->target.pidfd, .events = POLLIN},
				{.fd = attach->end_fd, .events = POLLIN}};
	int64_t left, end = now_ms() + (int64_t)attach->seconds * 1000;

	while ((left = end - now_ms()) > 0 &&
	       poll(ends, 2, left < INT_MAX ? (int)left : INT_MAX) <= 0)
		;
}

static int attach_for_a_time(struct attach *attach)
{
	int status;

	attach->end_fd = end_signals_begin();
	if (attach->end_fd < 0)
		return command_error("%s", strerror(-attach->end_fd));
	status = attach_begin(&attach->target, &attach->wish);
	if (status)
		return status;
	wait_for_end(attach);
	return attach_end_all(&attach->target, attach->wish.is_quiet);
}

static int attach_and_leave(struct attach *attach)
{
	int status = attach_begin(&attach->target, &attach->wish);
	char id[16], *argument = id;

	if (status || attach->wish.is_quiet)
		return status;
	snprintf(id, sizeof(id), "%d", attach->target.pid);
	status = next_command_heapprof(stderr, "top", &argument, 1);
	return status ? status : next_command_heapprof(stderr, "detach", &argument, 1);
}

static int run_attach(const struct settings *common)
{
	_cleanup_(freep) void *memory = calloc(1, sizeof(struct attach));
	struct attach *attach = memory;
	int status;

	if (!attach)
		return command_error("%s", strerror(ENOMEM));
	attach->settings = SETTINGS_OF(struct attach_settings, common);
	status = parse(attach);
	if (!status)
		status = target_find_only(common, "attach", &attach->target);
	if (status)
		return status;
	status = attach->seconds ? attach_for_a_time(attach) : attach_and_leave(attach);
	found_target_deinit(&attach->target);
	return status;
}

static const struct option_row options[] = {
	{"dumps", 'd', OPTION_TEXT, offsetof(struct attach_settings, dumps), "PREFIX",
	 "Lets the process write dumps to PREFIX.0001.heap and so on, as with HEAPPROFILE in "
	 "libheapprof(3). Without it, the process writes nothing and is read from outside."},
	{"interval", 'i', OPTION_SIZE, offsetof(struct attach_settings, interval), "SIZE",
	 "The sample interval, such as 64K. By default it begins at 1 and rises as samples "
	 "accumulate, so that a small program is recorded exactly and a large one is sampled."},
	{"exact", 'x', OPTION_FLAG, offsetof(struct attach_settings, exact), NULL,
	 "Records every allocation."},
	{"for", 0, OPTION_TEXT, offsetof(struct attach_settings, duration), "TIME",
	 "Waits for TIME, such as 90s or 10m, and detaches then, or at Ctrl-C, SIGTERM or SIGHUP."},
	ATTACH_ROW_POOLS(offsetof(struct attach_settings, pools)),
	OPTION_ROW_QUIET,
	OPTION_ROW_HELP,
	{0},
};

static const struct attach_settings defaults = {0};

const struct command command_attach = {
	.name = "attach",
	.arguments = "PID|NAME",
	.summary = "record a process that was started without the library",
	.description =
		"Loads libheapprof into a running process and lets its allocator call the library. "
		"All that the process allocates from then on is recorded; what it had allocated "
		"before is not known. An allocator that is linked into the program is found by its "
		"exported symbols or, unless the program is stripped, by those of its file; "
		"jemalloc also if its names begin with je_ or _rjem_. The "
		"process is stopped for milliseconds. It stays attached "
		"until it ends, or until 'heapprof detach'; meanwhile every command reads it. "
		"Before anything is changed, attach refuses processes in which that can't be done, "
		"with the reason; 'heapprof check' gives the same reason.",
	.argument_kind = ARGUMENTS_TARGET,
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_attach,
};
