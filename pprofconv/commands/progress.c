/* SPDX-License-Identifier: MIT */
#include "commands/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "commands/command.h"

#define DELAY 2 /* seconds before the first line */

static time_t started; /* 0: not yet */
static time_t shown;   /* when a line was last written */

void progress_begin(struct progress *progress, const char *file, bool is_wanted)
{
	*progress = (struct progress){.file = file, .is_on = is_wanted && isatty(STDERR_FILENO)};
	if (!started)
		started = time(NULL);
}

static bool is_due(const struct progress *progress)
{
	time_t now;

	if (!progress->is_on)
		return false;
	now = time(NULL);
	if (now - started < DELAY || now == shown)
		return false;
	shown = now;
	return true;
}

static void show_line(struct progress *progress, uint64_t n, const char *what)
{
	if (!is_due(progress))
		return;
	fprintf(stderr, "\r\033[K" PROGRAM ": %s: %" PRIu64 " %s", progress->file, n, what);
	progress->is_shown = true;
}

void progress_read(void *progress, uint64_t n_bytes)
{
	show_line(progress, n_bytes >> 20, "MiB read");
}

void progress_named(void *progress, uint64_t n_locations)
{
	show_line(progress, n_locations, "locations looked up");
}

void progress_written(void *progress, uint64_t n_bytes)
{
	show_line(progress, n_bytes >> 20, "MiB written");
}

void progress_end(struct progress *progress)
{
	if (progress->is_shown)
		fputs("\r\033[K", stderr); /* back to an empty line */
	progress->is_shown = false;
}
