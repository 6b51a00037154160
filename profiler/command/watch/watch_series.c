/* SPDX-License-Identifier: MIT */
#include "command/watch/watch_series.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/dump_writer.h"
#include "command/prefix_names.h"

void watch_series_init(struct watch_series *series, const char *prefix)
{
	*series = (struct watch_series){.number = prefix_last_number(prefix)};
	snprintf(series->prefix, sizeof(series->prefix), "%s", prefix);
}

void watch_series_deinit(struct watch_series *series)
{
	vec_deinit(&series->kept);
	*series = (struct watch_series){0};
}

/* Removes a dump, unless another file has taken its name. */
static void remove_dump(const struct watch_series *series, const struct kept_dump *dump)
{
	char path[PATH_MAX];
	struct stat status;

	if (dump_numbered_path(series->prefix, dump->number, path) && lstat(path, &status) == 0 &&
	    status.st_dev == dump->device && status.st_ino == dump->inode &&
	    status.st_mtim.tv_sec == dump->changed.tv_sec &&
	    status.st_mtim.tv_nsec == dump->changed.tv_nsec)
		unlink(path);
}

static void keep(struct watch_series *series, uint64_t n_keep, const char *path)
{
	struct kept_dump dump = {.number = series->number};
	struct stat status;
	size_t oldest = n_keep > 1;

	if (!n_keep || lstat(path, &status) < 0)
		return;
	dump.device = status.st_dev;
	dump.inode = status.st_ino;
	dump.changed = status.st_mtim;
	if (vec_push(&series->kept, dump) || series->kept.n <= n_keep)
		return;
	remove_dump(series, &series->kept.items[oldest]);
	series->kept.n--;
	memmove(&series->kept.items[oldest], &series->kept.items[oldest + 1],
		(series->kept.n - oldest) * sizeof(dump));
}

int watch_series_write(struct watch_series *series, uint64_t n_keep, const char *text, size_t size,
		       char out_path[PATH_MAX], struct diag *diag)
{
	mode_t saved = umask(S_IRWXG | S_IRWXO);
	int r = dump_write_next(series->prefix, &series->number, text, size, out_path, diag);

	umask(saved);
	if (!r)
		keep(series, n_keep, out_path);
	return r;
}
