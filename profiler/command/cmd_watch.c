/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "command/commands.h"
#include "command/duration.h"
#include "command/next_command.h"
#include "command/prefix_names.h"
#include "command/run/run_settings.h"
#include "command/watch/watch_attach.h"
#include "command/watch/watcher.h"

#define EVERY_SECONDS 60 /* by default */
#define KEEP          200

struct watch_settings {
	struct settings common;
	const char *dumps, *every, *at_memory_max;
	uint64_t rss;
	uint64_t keep;
	bool attach;
};

struct watched_name { /* a TARGET that is a name */
	const char *name;
	bool is_waited_for; /* no process has it, and that was printed */
};

struct watch {
	const struct watch_settings *settings;
	struct watcher watcher;
	struct watch_attach attach;
	char *pattern;
	VEC(struct watched_name) names;
	bool is_full; /* a process could not be added, and that was printed */
	int signals;  /* a signalfd */
	struct pollfd polls[WATCHED_MAX + 1];
};

/* --- settings ------------------------------------------------------------------------------ */

/* share = digits [ "%" ] */
static bool parse_share(const char *text, double *out)
{
	struct cursor cursor = cursor_make(text, strlen(text));
	uint64_t percent = cursor_take_decimal(&cursor);

	if (!cursor.failed)
		cursor_accept(&cursor, '%');
	if (cursor.failed || !cursor_at_end(&cursor) || percent < 1 || percent > 99)
		return false;
	*out = (double)percent / 100;
	return true;
}

static int parse_rules(struct watch *watch)
{
	const struct watch_settings *settings = watch->settings;
	struct watch_rules *rules = &watch->watcher.rules;
	uint64_t seconds = settings->rss || settings->at_memory_max ? 0 : EVERY_SECONDS;

	if (settings->every && !duration_parse(settings->every, &seconds))
		return command_error("--every: invalid time '%s'; expected one such as 60s, 5m or "
				     "1h",
				     settings->every);
	if (settings->at_memory_max && !parse_share(settings->at_memory_max, &rules->memory_share))
		return command_error("--at-memory-max: invalid share '%s'; expected one from 1%% "
				     "to 99%%",
				     settings->at_memory_max);
	rules->every_ms = seconds * 1000;
	rules->rss_bytes = settings->rss;
	rules->has_first = true;
	return EXIT_DONE;
}

/* Appends the program's name if dumps of several TARGETs would otherwise be mixed. */
static char *separate(const struct watch *watch, const char *prefix)
{
	bool is_mixed = watch->settings->common.n_inputs > 1 && !prefix_has(prefix, 'e') &&
			!prefix_has(prefix, 'p');
	char *whole;

	return asprintf(&whole, "%s%s", prefix, is_mixed ? ".%e" : "") < 0 ? NULL : whole;
}

static int find_prefix(struct watch *watch)
{
	const char *given = watch->settings->dumps;
	_cleanup_(freep) void *absolute = NULL;
	_cleanup_(freep) void *complete = NULL;
	struct dump_place place;

	if (!given || !*given)
		return command_error("--dumps is missing; name a prefix for the dumps such as "
				     "/var/tmp/app");
	absolute = run_make_absolute(given, false /* it may have expansions */);
	if (absolute)
		complete = prefix_complete(absolute);
	if (complete)
		watch->pattern = separate(watch, complete);
	if (!watch->pattern)
		return command_error("%s: %s", given, strerror(errno));
	watch->watcher.pattern = watch->pattern;
	if (!dump_place_parse(&place, watch->pattern, false /* it has a file's name */))
		return EXIT_DONE; /* the folder depends on the process */
	return run_check_folder(place.folder);
}

/* --- targets ------------------------------------------------------------------------------- */

static void say(const struct watch *watch, const struct found_target *target, const char *prefix)
{
	char name[NAME_MAX + 32];

	if (watch->settings->common.quiet)
		return;
	found_target_name(target, name, sizeof(name));
	command_error("%s: found; its dumps are to be %s.NNNN.heap", name, prefix);
}

static int add(struct watch *watch, struct found_target *target, pid_t thread, unsigned patience)
{
	struct watcher *watcher = &watch->watcher;
	const struct found_target copy = *target;
	int r = watcher_add(watcher, target, thread, patience, false /* the names are ours */);

	if (!r) {
		size_t series = watcher->processes.items[watcher->processes.n - 1].series;

		say(watch, &copy, watcher->series.items[series].prefix);
	}
	return r;
}

static int add_process(struct watch *watch, const char *word)
{
	struct found_target target;
	int status = target_find(word, "watch", &target), r;

	if (status)
		return status;
	if (watcher_has(&watch->watcher, target.pid)) {
		found_target_deinit(&target);
		return EXIT_DONE;
	}
	if (!watch_attach_to(&watch->attach, &target, 0 /* it has started */)) {
		found_target_deinit(&target);
		return EXIT_BAD;
	}
	r = add(watch, &target, target.pid, 0 /* it has started */);
	return r ? command_error("%s: %s", word, strerror(-r)) : EXIT_DONE;
}

static int add_target(struct watch *watch, const char *word)
{
	pid_t pid;

	if (!*word || target_parse_id(word, &pid) || strchr(word, '/'))
		return add_process(watch, word);
	return vec_push(&watch->names, (struct watched_name){.name = word})
		       ? command_error("%s", strerror(ENOMEM))
		       : EXIT_DONE;
}

/* Opens a process that was found by its name. That fails without a word if it has ended. */
static void add_found(struct watch *watch, pid_t pid, unsigned patience)
{
	_cleanup_(freep) void *memory = malloc(sizeof(struct process_facts));
	struct process_facts *facts = memory;
	struct found_target target;
	int r = facts ? target_open(pid, &target, facts) : -ENOMEM;

	if (!r && !watch_attach_to(&watch->attach, &target, patience)) {
		found_target_deinit(&target);
		return;
	}
	if (!r)
		r = add(watch, &target, facts->thread, patience);
	if (r && r != -ESRCH && !watch->is_full)
		command_error("%d: it is not watched: %s", pid, strerror(-r));
	watch->is_full = r && r != -ESRCH;
}

static void find_name(struct watch *watch, struct watched_name *name, unsigned patience)
{
	process_vec found = {0};
	int r = process_find(name->name, &found);

	if (r)
		command_error("/proc: %s", strerror(-r));
	vec_foreach (pid, &found)
		if (!watcher_has(&watch->watcher, *pid))
			add_found(watch, *pid, patience);
	if (!r && !found.n && !name->is_waited_for && !watch->settings->common.quiet)
		command_error("waiting for a process that is named '%s'", name->name);
	name->is_waited_for = !found.n;
	vec_deinit(&found);
}

static void find_names(struct watch *watch, unsigned patience)
{
	vec_foreach (name, &watch->names)
		find_name(watch, name, patience);
}

/* --- watching ------------------------------------------------------------------------------ */

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Waits until there is something to look at. Returns false if a signal ends the watching. */
static bool wait_for_news(struct watch *watch)
{
	uint64_t now_ms = watcher_now_ms(), next_ms = watcher_next_ms(&watch->watcher, now_ms);
	size_t n = 1 + watcher_fill_polls(&watch->watcher, watch->polls + 1);
	uint64_t wait_ms = next_ms > now_ms ? next_ms - now_ms : 0;
	int timeout;

	if (watch->names.n && wait_ms > WATCH_LOOK_MS)
		wait_ms = WATCH_LOOK_MS;
	timeout = next_ms == UINT64_MAX && !watch->names.n ? -1
		  : wait_ms < INT_MAX                      ? (int)wait_ms
							   : INT_MAX;
	watch->polls[0] = (struct pollfd){.fd = watch->signals, .events = POLLIN};
	return poll(watch->polls, n, timeout) < 0 || !watch->polls[0].revents;
}

/* Returns whether there are processes, and none of them has been read. */
static bool is_hopeless(const struct watch *watch)
{
	vec_foreach (process, &watch->watcher.processes)
		if (process->is_readable)
			return false;
	return !watch->names.n && watch->watcher.processes.n > 0;
}

static int watch_all(struct watch *watch)
{
	find_names(watch, 0 /* what runs already has started */);
	watcher_look(&watch->watcher, watcher_now_ms());
	if (is_hopeless(watch))
		return EXIT_BAD;
	while ((watch->names.n || watch->watcher.processes.n) && wait_for_news(watch)) {
		watcher_drop_ended(&watch->watcher);
		find_names(watch, WATCH_PATIENCE);
		watcher_look(&watch->watcher, watcher_now_ms());
	}
	return EXIT_DONE;
}

static int report(struct watch *watch)
{
	char *path = watch->watcher.last_path;
	uint64_t n = watch->watcher.n_dumps;

	if (watch->settings->common.quiet)
		return EXIT_DONE;
	command_error("%s; %" PRIu64 " dump%s",
		      watch->polls[0].revents ? "ended by a signal" : "all processes have ended", n,
		      n == 1 ? "" : "s");
	return n ? next_command_pprofconv(stderr, "top", &path, 1) : EXIT_DONE;
}

static int watch_targets(struct watch *watch)
{
	const struct settings *common = &watch->settings->common;
	int rules = parse_rules(watch), prefix = find_prefix(watch);
	int status = rules || prefix ? EXIT_BAD : EXIT_DONE;

	for (int i = 0; !status && i < common->n_inputs; i++)
		status = add_target(watch, common->inputs[i]);
	if (status)
		return status;
	watch->signals = open_signals();
	if (watch->signals < 0)
		return command_error("signalfd: %s", strerror(errno));
	if (watch->watcher.rules.memory_share > 0)
		cgroup_mount_find(&watch->watcher.cgroups);
	status = watch_all(watch);
	return status ? status : report(watch);
}

static int run_watch(const struct settings *settings)
{
	_cleanup_(freep) void *memory = calloc(1, sizeof(struct watch));
	struct watch *watch = memory;
	int status;

	if (!watch)
		return command_error("%s", strerror(ENOMEM));
	if (!settings->n_inputs)
		return command_error("expected process IDs or names; see 'heapprof watch --help'");
	watch->settings = SETTINGS_OF(struct watch_settings, settings);
	watch->watcher.n_keep = watch->settings->keep;
	watch->watcher.voice = settings->quiet ? WATCHER_SAYS_ERRORS : WATCHER_SAYS_ALL;
	watch->attach.is_asked_for = watch->settings->attach;
	watch->attach.is_quiet = settings->quiet;
	status = watch_targets(watch);
	watch_attach_end(&watch->attach);
	watcher_deinit(&watch->watcher);
	vec_deinit(&watch->names);
	free(watch->pattern);
	return status;
}

static const struct option_row options[] = {
	{"dumps", 'd', OPTION_TEXT, offsetof(struct watch_settings, dumps), "PREFIX",
	 "Writes the dumps to PREFIX.0001.heap and so on, with the expansions of HEAPPROFILE in "
	 "libheapprof(3). While a process has that prefix, others have PREFIX_PID. With several "
	 "TARGETs and neither %e nor %p in PREFIX, '.%e' is appended: the program's name. Must be "
	 "given."},
	{"every", 'e', OPTION_TEXT, offsetof(struct watch_settings, every), "TIME",
	 "Writes a dump every TIME, such as 60s, 5m or 1h. The default is 60s, unless another "
	 "option says when."},
	{"rss", 'r', OPTION_SIZE, offsetof(struct watch_settings, rss), "SIZE",
	 "Writes a dump each time that the resident memory is larger by SIZE, such as 100M, than "
	 "at the last dump."},
	{"at-memory-max", 'm', OPTION_TEXT, offsetof(struct watch_settings, at_memory_max), "SHARE",
	 "Writes a dump when a cgroup of the process uses SHARE, such as 90%, of its memory.max, "
	 "without the pages of files that the kernel can drop, and again when half of what was "
	 "left is used."},
	{"keep", 'k', OPTION_COUNT, offsetof(struct watch_settings, keep), "N",
	 "Keeps the first and the newest dumps of each prefix, N in total, and removes others that "
	 "this watch wrote. The default is 200; 0 keeps all."},
	{"attach", 0, OPTION_FLAG, offsetof(struct watch_settings, attach), NULL,
	 "Attaches to processes that were started without the library, also to those that start "
	 "later under a NAME, as after a restart; and detaches from them at the end."},
	OPTION_ROW_QUIET,
	OPTION_ROW_HELP,
	{0},
};

static const struct watch_settings defaults = {.keep = KEEP};

const struct command command_watch = {
	.name = "watch",
	.arguments = "TARGET... --dumps PREFIX",
	.summary = "write dumps of processes by time and memory, from outside",
	.description =
		"TARGET is a process ID, or the name of an executable. All processes of a name are "
		"watched, also those that start later; watch goes on when they end. Their dumps "
		"continue the numbers. Each process gets a first dump, then others when an option "
		"says so; the dump's reason is in its metadata. Memory is looked at once a second. "
		"Nothing runs in the processes for it, and they are not stopped. Watch ends when "
		"all process IDs have ended, or by SIGTERM, SIGINT or SIGHUP.",
	.argument_kind = ARGUMENTS_TARGET,
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_watch,
};
