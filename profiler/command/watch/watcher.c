/* SPDX-License-Identifier: MIT */
#include "command/watch/watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "command/dump_reason.h"
#include "command/prefix_names.h"

#define RETRY_MS 60000 /* until a process that can't be read is read again */

uint64_t watcher_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- messages ------------------------------------------------------------------------------ */

static void say(const struct watcher *watcher, const struct watched *process, const char *what,
		const char *more)
{
	char name[NAME_MAX + 32];

	if (watcher->voice != WATCHER_SAYS_ALL)
		return;
	found_target_name(&process->target, name, sizeof(name));
	command_error("%s: %s%s", name, what, more);
}

/* Prints why a process can't be read, unless that was the last thing said about it. */
static void complain(struct watcher *watcher, struct watched *process, int r,
		     const struct diag *diag)
{
	char name[NAME_MAX + 32];

	if (watcher->voice == WATCHER_SAYS_RIGHTS && (r != -EPERM || watcher->has_complained))
		return;
	watcher->has_complained = true;
	if (strcmp(process->complaint, diag->error) == 0)
		return;
	snprintf(process->complaint, sizeof(process->complaint), "%s", diag->error);
	found_target_name(&process->target, name, sizeof(name));
	command_error("%s: %s", name, diag->error);
}

/* Prints why a dump can't be written, unless the last dump failed for the same reason. */
static void complain_of_file(struct watcher *watcher, int r, const struct diag *diag)
{
	if (watcher->file_error != r)
		command_error("%s; no dump is written until that changes", diag->error);
	watcher->file_error = r;
}

/* --- files of /proc ------------------------------------------------------------------------ */

/* Reads a short file of a thread. Returns false if there is none. */
static bool read_proc(pid_t thread, const char *name, char *out, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", thread, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, out, size - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* statm = size " " resident " " ..., in pages */
static uint64_t read_rss(pid_t thread)
{
	char text[256], *at;

	if (!read_proc(thread, "statm", text, sizeof(text)))
		return 0;
	strtoull(text, &at, 10);
	return strtoull(at, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Returns the time of the start, in seconds since 1970, or 0. */
static uint64_t read_start(pid_t pid)
{
	uint64_t ticks = process_start_ticks(pid);
	struct timespec now, up;

	if (!ticks)
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return (uint64_t)(now.tv_sec - up.tv_sec) + ticks / (uint64_t)sysconf(_SC_CLK_TCK);
}

static struct watch_sight look_at(const struct watcher *watcher, const struct watched *process,
				  uint64_t now_ms)
{
	struct watch_sight sight = {.now_ms = now_ms, .memory_share = -1};
	struct memory_limit limit;

	if (watcher->rules.rss_bytes)
		sight.rss_bytes = read_rss(process->thread);
	if (watcher->rules.memory_share > 0 &&
	    memory_limit_find(&watcher->cgroups, process->thread, &limit))
		sight.memory_share = limit.share;
	return sight;
}

/* --- prefixes ------------------------------------------------------------------------------ */

static struct watch_series *series_of(const struct watcher *watcher, const struct watched *process)
{
	return &watcher->series.items[process->series];
}

static struct watch_series *find_series(const struct watcher *watcher, const char *prefix)
{
	vec_foreach (series, &watcher->series)
		if (strcmp(series->prefix, prefix) == 0)
			return series;
	return NULL;
}

/* Stores the number of a series that begins at a free place. */
static int begin_series(struct watcher *watcher, const char *prefix, size_t *out)
{
	struct watch_series *place = find_series(watcher, "");

	if (!place && vec_push(&watcher->series, (struct watch_series){0}))
		return -ENOMEM;
	if (!place)
		place = &watcher->series.items[watcher->series.n - 1];
	watch_series_init(place, prefix);
	*out = (size_t)(place - watcher->series.items);
	return 0;
}

/* Finds the series for a process: that of the prefix or, while another process has that, one with
 * the process ID in the name. */
static int take_series(struct watcher *watcher, struct watched *process, bool is_second)
{
	const struct prefix_values values = {process->target.pid, process->target.program,
					     read_start(process->thread)};
	char prefix[PATH_MAX];
	struct watch_series *series;
	bool has_pid = prefix_has(watcher->pattern, 'p');
	int r = 0;

	if (!prefix_expand(watcher->pattern, &values, prefix))
		return -ENAMETOOLONG;
	series = find_series(watcher, prefix);
	if (!has_pid && (is_second || (series && series->holder))) {
		size_t size = strlen(prefix);

		if (snprintf(prefix + size, sizeof(prefix) - size, "_%d", process->target.pid) >=
		    (int)(sizeof(prefix) - size))
			return -ENAMETOOLONG;
		has_pid = true;
		series = find_series(watcher, prefix);
	}
	if (series)
		process->series = (size_t)(series - watcher->series.items);
	else
		r = begin_series(watcher, prefix, &process->series);
	if (r)
		return r;
	series = series_of(watcher, process);
	series->holder = process->target.pid;
	series->is_of_one_process = has_pid;
	return 0;
}

/* A series that no other process can go on with is forgotten. */
static void leave_series(struct watch_series *series)
{
	series->holder = 0;
	if (series->is_of_one_process)
		watch_series_deinit(series);
}

/* --- processes ----------------------------------------------------------------------------- */

bool watcher_has(const struct watcher *watcher, pid_t pid)
{
	vec_foreach (process, &watcher->processes)
		if (process->target.pid == pid && !found_target_has_ended(&process->target))
			return true;
	return false;
}

int watcher_add(struct watcher *watcher, struct found_target *target, pid_t thread,
		unsigned patience, bool is_second)
{
	struct watched process = {.target = *target, .thread = thread, .patience = patience};
	int r = watcher->processes.n < WATCHED_MAX ? 0 : -EMFILE;

	if (!r)
		r = vec_reserve(&watcher->processes, 1);
	if (!r)
		r = take_series(watcher, &process, is_second);
	if (r) {
		found_target_deinit(target);
		return r;
	}
	(void)vec_push(&watcher->processes, process); /* there is room */
	return 0;
}

static void drop(struct watcher *watcher, size_t at)
{
	struct watched *process = &watcher->processes.items[at];
	char text[48];

	snprintf(text, sizeof(text), "; %" PRIu64 " dump%s", process->n_dumps,
		 process->n_dumps == 1 ? "" : "s");
	say(watcher, process, "has ended", text);
	leave_series(series_of(watcher, process));
	found_target_deinit(&process->target);
	watcher->processes.n--;
	memmove(process, process + 1, (watcher->processes.n - at) * sizeof(*process));
}

void watcher_drop_ended(struct watcher *watcher)
{
	for (size_t i = watcher->processes.n; i-- > 0;)
		if (found_target_has_ended(&watcher->processes.items[i].target))
			drop(watcher, i);
}

/* --- dumps --------------------------------------------------------------------------------- */

static void note_written(struct watcher *watcher, struct watched *process, const char *path,
			 enum watch_reason reason)
{
	char text[PATH_MAX + 64];

	watcher->file_error = 0;
	watcher->n_dumps++;
	process->n_dumps++;
	snprintf(watcher->last_path, sizeof(watcher->last_path), "%s", path);
	snprintf(text, sizeof(text), "%s (%s)", path,
		 watch_reason_text(reason) + strlen("outside: "));
	say(watcher, process, text, "");
}

static void write_dump(struct watcher *watcher, struct watched *process, struct reading *reading,
		       enum watch_reason reason)
{
	struct diag diag = {0};
	char path[PATH_MAX];
	int r = dump_reason_set(&reading->text, &reading->size, watch_reason_text(reason));

	if (r)
		diag_errno(&diag, r);
	else
		r = watch_series_write(series_of(watcher, process), watcher->n_keep, reading->text,
				       reading->size, path, &diag);
	if (r)
		complain_of_file(watcher, r, &diag);
	else
		note_written(watcher, process, path, reason);
	diag_deinit(&diag);
}

/* Reads the process. Returns 0, or a failure after it was printed where it is to be. */
static int read_process(struct watcher *watcher, struct watched *process, uint64_t now_ms,
			struct reading *reading)
{
	struct diag diag = {0};
	int r = reading_try(reading, &process->target, &diag);

	if (!r) {
		process->thread = reading->task ? reading->task : process->thread;
		process->patience = WATCH_PATIENCE;
		process->complaint[0] = '\0';
	} else if (r != -ESRCH && process->patience) {
		process->patience--;
	} else if (r != -ESRCH) {
		complain(watcher, process, r, &diag);
		process->retry_ms = now_ms + RETRY_MS;
	}
	process->is_readable = !r;
	diag_deinit(&diag);
	return r;
}

/* Writes a dump if one is due. A process that has not been read yet is read to find out whether it
 * can be. */
static void look(struct watcher *watcher, struct watched *process, uint64_t now_ms)
{
	struct watch_sight sight;
	enum watch_reason reason;
	struct reading reading = {0};

	if (!process->is_readable && now_ms < process->retry_ms)
		return;
	sight = look_at(watcher, process, now_ms);
	if (!process->is_seen)
		watch_marks_init(&process->marks, &watcher->rules, &sight);
	process->is_seen = true;
	reason = watch_rules_judge(&watcher->rules, &process->marks, &sight);
	if (reason == WATCH_NOTHING && process->is_readable)
		return;
	if (!read_process(watcher, process, now_ms, &reading) && reason != WATCH_NOTHING)
		write_dump(watcher, process, &reading, reason);
	if (process->is_readable)
		watch_rules_note_dump(&watcher->rules, &process->marks, &sight);
	reading_deinit(&reading);
}

void watcher_look(struct watcher *watcher, uint64_t now_ms)
{
	vec_foreach (process, &watcher->processes)
		look(watcher, process, now_ms);
}

static uint64_t next_of(const struct watcher *watcher, const struct watched *process,
			uint64_t now_ms)
{
	if (!process->is_readable && process->retry_ms > now_ms)
		return process->retry_ms;
	if (!process->is_readable || watcher->rules.rss_bytes || watcher->rules.memory_share > 0)
		return now_ms + WATCH_LOOK_MS;
	return watcher->rules.every_ms ? process->marks.next_ms : UINT64_MAX;
}

uint64_t watcher_next_ms(const struct watcher *watcher, uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX;

	vec_foreach (process, &watcher->processes) {
		uint64_t own_ms = next_of(watcher, process, now_ms);

		if (own_ms < next_ms)
			next_ms = own_ms;
	}
	return next_ms;
}

size_t watcher_fill_polls(const struct watcher *watcher, struct pollfd *out)
{
	for (size_t i = 0; i < watcher->processes.n; i++)
		out[i] = (struct pollfd){.fd = watcher->processes.items[i].target.pidfd,
					 .events = POLLIN};
	return watcher->processes.n;
}

void watcher_deinit(struct watcher *watcher)
{
	vec_foreach (process, &watcher->processes)
		found_target_deinit(&process->target);
	vec_foreach (series, &watcher->series)
		watch_series_deinit(series);
	vec_deinit(&watcher->processes);
	vec_deinit(&watcher->series);
}
