/* SPDX-License-Identifier: MIT */
#include "command/run/run_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "command/prefix_names.h"
#include "command/run/descendants.h"
#include "command/watch/watcher.h"
#include "commands/outside.h"
#include "commands/relay.h"

#define KEEP        200 /* dumps of a process, as the library does by default */
#define READERS_MAX 256 /* processes that get dumps */

struct run_reader {
	int events; /* an epoll */
	int timer;  /* of --every; -1: none */
	pid_t child;
	char *pattern;
	uint64_t every_ms, now_ms; /* the clock counts the times that have come */
	struct watcher watcher;
	struct relay_server *relay;
	struct leak_server *leaks; /* the plan's, or NULL */
};

/* --- the relay ----------------------------------------------------------------------------- */

static int read_for_other(void *context, int pid, int *out_task, char **out_text, size_t *out_size,
			  struct diag *diag)
{
	const struct run_reader *reader = context;

	if (reader->child <= 0 || !descendants_have(reader->child, pid))
		return diag_error(diag, -ESRCH, "it does not belong to the run");
	return outside_read_directly(pid, out_task, out_text, out_size, diag);
}

/* --- dumps --------------------------------------------------------------------------------- */

/* Watches a process, if the library is in it and it is not left out. The library calls its dumps
 * PREFIX_PID if another process had the prefix before, or if it is a fork child. */
static void add(struct run_reader *reader, const struct process_line *line)
{
	_cleanup_(freep) void *memory = malloc(sizeof(struct process_facts));
	struct process_facts *facts = memory;
	struct found_target target;

	if (!facts || reader->watcher.processes.n >= READERS_MAX ||
	    target_open(line->pid, &target, facts))
		return;
	if (!facts->has_library || facts->is_left_out) {
		found_target_deinit(&target);
		return;
	}
	watcher_add(&reader->watcher, &target, facts->thread, 0 /* it has started */,
		    line->is_fork || (facts->owner && facts->owner != line->pid));
}

static void write_dumps(struct run_reader *reader)
{
	process_lines lines = {0};

	watcher_drop_ended(&reader->watcher);
	if (!descendants_find(reader->child, &lines))
		vec_foreach (line, &lines)
			if (!watcher_has(&reader->watcher, line->pid))
				add(reader, line);
	vec_deinit(&lines);
	watcher_look(&reader->watcher, reader->now_ms);
}

/* --- events -------------------------------------------------------------------------------- */

static void note_start(void *context, pid_t child)
{
	struct run_reader *reader = context;
	const time_t seconds = (time_t)(reader->every_ms / 1000);
	const struct itimerspec times = {{.tv_sec = seconds}, {.tv_sec = seconds}};

	reader->child = child;
	if (reader->timer >= 0)
		timerfd_settime(reader->timer, 0, &times, NULL);
	if (reader->leaks)
		leak_server_start(reader->leaks, child);
}

static void work(void *context)
{
	struct run_reader *reader = context;
	uint64_t n_times = 0;

	if (reader->relay)
		relay_server_work(reader->relay);
	if (reader->leaks)
		leak_server_work(reader->leaks);
	if (reader->timer < 0 || read(reader->timer, &n_times, sizeof(n_times)) < 0)
		return;
	reader->now_ms += n_times * reader->every_ms;
	write_dumps(reader);
}

struct child_events run_reader_events(struct run_reader *reader)
{
	return (struct child_events){reader->events, note_start, work, reader};
}

/* --- both ends ----------------------------------------------------------------------------- */

static int add_event(const struct run_reader *reader, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(reader->events, EPOLL_CTL_ADD, fd, &event);
}

static bool begin_dumps(struct run_reader *reader, const struct run_plan *plan)
{
	reader->every_ms = plan->every_seconds * 1000;
	if (!reader->every_ms)
		return true;
	reader->pattern = prefix_complete(plan->prefix);
	reader->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	reader->watcher = (struct watcher){
		.pattern = reader->pattern,
		.rules = {.every_ms = reader->every_ms, .is_due_at_once = true},
		.n_keep = KEEP,
		.voice = WATCHER_SAYS_RIGHTS,
	};
	return reader->pattern && reader->timer >= 0 && !add_event(reader, reader->timer);
}

/* Returns whether only ancestors, or fewer, may read a process: Yama's scope is not 0. */
static bool is_reading_restricted(void)
{
	int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
	char scope = '0';
	bool is_known = fd >= 0 && read(fd, &scope, 1) == 1;

	if (fd >= 0)
		close(fd);
	return is_known && scope != '0';
}

struct run_reader *run_reader_new(const struct run_plan *plan)
{
	struct run_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->timer = -1;
	reader->events = epoll_create1(EPOLL_CLOEXEC);
	reader->leaks = plan->leaks;
	if (reader->events < 0 || !begin_dumps(reader, plan) ||
	    (plan->leaks && add_event(reader, leak_server_fd(plan->leaks)) < 0)) {
		int error = errno;

		run_reader_free(reader);
		errno = error;
		return NULL;
	}
	reader->relay = relay_server_new(read_for_other, reader);
	if (reader->relay && add_event(reader, relay_server_fd(reader->relay)) < 0) {
		relay_server_free(reader->relay);
		reader->relay = NULL;
	}
	if (!reader->relay && is_reading_restricted())
		command_error("no folder for the socket by which other commands read the program; "
			      "set XDG_RUNTIME_DIR to a folder of your own");
	return reader;
}

void run_reader_free(struct run_reader *reader)
{
	if (!reader)
		return;
	relay_server_free(reader->relay);
	watcher_deinit(&reader->watcher);
	if (reader->timer >= 0)
		close(reader->timer);
	if (reader->events >= 0)
		close(reader->events);
	free(reader->pattern);
	free(reader);
}
