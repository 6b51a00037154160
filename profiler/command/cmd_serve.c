/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/input.h"
#include "command/commands.h"
#include "command/find_target.h"
#include "command/serve/serve_listen.h"
#include "command/serve/serve_pages.h"
#include "commands/command.h"

struct serve_settings {
	struct settings common;
	const char *place; /* --listen; NULL if it is not given */
};

/* The most that clients can make the server hold. The body has room for 55,000 addresses. A fourth
 * of the connections stay free of requests that wait for ?seconds=N. */
#define CONNECTIONS_MAX 50
#define WAITING_MAX     38
#define HEAD_BYTES_MAX  (16 << 10)
#define BODY_BYTES_MAX  (1 << 20)
#define IDLE_SECONDS    15
#define TOTAL_SECONDS   120

/* Prints the command that fetches a profile, for people and scripts to read. It is written at once,
 * since the server goes on. */
static int print_place(const struct serve_listener *listener)
{
	_cleanup_(freep) void *path = shell_word(listener->path);

	if (!path)
		return command_error("%s", strerror(ENOMEM));
	if (*listener->path)
		printf("curl -o heap.pb.gz --unix-socket %s http://localhost/debug/pprof/heap\n",
		       (char *)path);
	else
		printf("go tool pprof http://%s:%d/debug/pprof/heap\n", listener->tcp.host,
		       listener->tcp.port);
	if (fflush(stdout) != 0)
		return command_error("standard output: %s", strerror(errno));
	return EXIT_DONE;
}

/* Returns a descriptor that is ready after a signal that ends the server, or -errno. A client that
 * has gone must not end it. */
static int catch_signals(void)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Serves until the process ends, or a signal comes. */
static int serve_until_end(struct serve_source *source, int listener, int signals)
{
	const struct http_settings settings = {
		.connections_max = CONNECTIONS_MAX,
		.waiting_max = WAITING_MAX,
		.head_bytes_max = HEAD_BYTES_MAX,
		.body_bytes_max = BODY_BYTES_MAX,
		.idle_seconds = IDLE_SECONDS,
		.total_seconds = TOTAL_SECONDS,
		.post_paths = serve_post_paths,
		.handler = serve_answer,
		.context = source,
	};
	struct pollfd ends[] = {{source->target->pidfd, POLLIN, 0}, {signals, POLLIN, 0}};
	struct http *http = http_new(listener, &settings);
	char name[NAME_MAX + 32], reason[NAME_MAX + 64];
	int r = http ? http_serve(http, ends, 2) : -ENOMEM;
	bool has_ended = found_target_has_ended(source->target);

	found_target_name(source->target, name, sizeof(name));
	snprintf(reason, sizeof(reason), "%s: %s", name,
		 has_ended ? "the process has ended" : "the server ends");
	http_free(http, reason);
	if (r)
		return command_error("%s", strerror(-r));
	if (has_ended)
		command_error("%s", reason);
	return EXIT_DONE;
}

/* Reads the target once, which reports whether that is possible and opens the files with names. */
static int read_first(struct serve_source *source, const struct settings *settings)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	struct reading reading;
	int status = reading_init(&reading, source->target);

	if (!status) {
		profile = reading_parse(&reading, source->target, settings);
		status = profile ? command_symbolize(settings, 1, profile) : EXIT_BAD;
	}
	reading_deinit(&reading);
	return status;
}

static int serve_target(const struct serve_settings *settings, const struct found_target *target)
{
	struct settings quiet = settings->common;
	struct serve_source source = {.target = target, .settings = &quiet};
	struct serve_listener listener;
	int signals = catch_signals();
	int status = signals < 0 ? command_error("signalfd: %s", strerror(-signals)) : EXIT_DONE;

	quiet.quiet = true;
	if (!status)
		status = read_first(&source, &settings->common);
	if (!status)
		status = serve_listener_open(&listener, settings->place);
	if (!status) {
		status = print_place(&listener);
		if (!status)
			status = serve_until_end(&source, listener.fd, signals);
		serve_listener_close(&listener);
	}
	serve_source_deinit(&source);
	if (signals >= 0)
		close(signals);
	return status;
}

static int run_serve(const struct settings *settings)
{
	struct found_target target;
	int status = target_find_only(settings, "serve", &target);

	if (status)
		return status;
	status = serve_target(SETTINGS_OF(struct serve_settings, settings), &target);
	found_target_deinit(&target);
	return status;
}

static const struct option_row options[] = {
	{"listen", 'l', OPTION_TEXT, offsetof(struct serve_settings, place), "PLACE",
	 "127.0.0.1:PORT for TCP, which every user of this machine can reach; port 0 means any "
	 "free port. Or unix:PATH for a unix socket, which only you can open. The default is a "
	 "unix socket in a new folder."},
	OPTION_ROWS_SYMBOLS,
	OPTION_ROW_QUIET,
	OPTION_ROW_HELP,
	{0},
};

static const struct serve_settings defaults = {.common.max_input_bytes = INPUT_BYTES_LIMIT};

const struct command command_serve = {
	.name = "serve",
	.arguments = "PID|NAME",
	.summary = "serve profiles of a process over HTTP, for pprof",
	.description = "Answers the requests of 'go tool pprof http://...' and google-pprof with "
		       "profiles of a process that has libheapprof. The process is read from "
		       "outside for each request, and need not know of HTTP. The first line on "
		       "standard output is a command that fetches a profile. The server runs until "
		       "the process ends or it gets a signal such as that of Ctrl-C.",
	.argument_kind = ARGUMENTS_TARGET,
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_serve,
};
