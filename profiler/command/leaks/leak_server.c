/* SPDX-License-Identifier: MIT */
/* A process connects, sends a byte, and waits until it receives one. It may also wait in the queue
 * of the listener: looks are taken one after the other. */
#include "command/leaks/leak_server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "command/duration.h"
#include "command/find_target.h"
#include "command/leaks/leak_log.h"
#include "command/leaks/leak_look.h"
#include "command/run/descendants.h"
#include "commands/compare.h"
#include "control/last_look.h"
#include "reports/leak_report.h"

#define WAITING_MAX     128 /* processes that are not accepted yet; more wait in connect(2) */
#define EVENTS_MAX      16
#define CONNECTIONS_MAX 256

struct leak_server {
	const struct leaks_settings *settings;
	struct suppressions suppressions;
	struct leak_log log;
	char name[40]; /* of the socket */
	int events, listener, timer;
	uint64_t after_seconds; /* 0: not given */
	pid_t child;
	size_t n_connections;
	size_t n_looks, n_leaking, n_failed; /* looks */
};

/* --- a look -------------------------------------------------------------------------------- */

static void name_process(pid_t pid, char *out, size_t size)
{
	_cleanup_(freep) void *memory = malloc(sizeof(struct process_facts));
	struct process_facts *facts = memory;
	struct found_target target;

	snprintf(out, size, "%d", pid);
	if (!facts || target_open(pid, &target, facts))
		return;
	found_target_name(&target, out, size);
	found_target_deinit(&target);
}

static int report(struct leak_server *server, pid_t pid, const struct leak_look *look,
		  struct leak_sums *out_sums)
{
	const struct leak_report report = {
		.profile = look->profile,
		.process = pid,
		.note = look->problem[0] ? look->problem : NULL,
		.suppressions = &server->suppressions,
	};
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	int r = stream ? leak_report_print(&report, stream, out_sums) : -ENOMEM;

	if (stream && fclose(stream) && !r)
		r = -ENOMEM;
	if (!r && size)
		r = leak_log_write(&server->log, pid, text, size);
	free(text);
	return r;
}

/* Looks at a process and reports what it has lost, or why that is not known. */
static void look_at(struct leak_server *server, pid_t pid)
{
	struct settings settings = server->settings->common;
	struct leak_sums sums = {0};
	struct leak_look look;
	char name[NAME_MAX + 32];
	struct diag diag = {.file = name};
	int r;

	name_process(pid, name, sizeof(name));
	settings.quiet = true;
	r = leak_look_init(&look, pid, &settings, &diag);
	if (!r && (r = report(server, pid, &look, &sums)))
		diag_error(&diag, r, "no report: %s", strerror(-r));
	diag_print(&diag, program_name(), false /* warnings */, stderr);
	diag_deinit(&diag);
	leak_look_deinit(&look);
	server->n_looks++;
	server->n_failed += r != 0;
	server->n_leaking += sums.objects > 0;
}

/* --- processes that ask -------------------------------------------------------------------- */

static int add_event(const struct leak_server *server, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(server->events, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* Returns the process at the other end, or 0 if it may not ask. */
static pid_t find_peer(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
	    (peer.uid != geteuid() && geteuid() != 0))
		return 0;
	return peer.pid;
}

static void accept_process(struct leak_server *server)
{
	struct sockaddr_un peer;
	socklen_t size = sizeof(peer);
	int fd = accept4(server->listener, (struct sockaddr *)&peer, &size,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (!find_peer(fd) || server->n_connections == CONNECTIONS_MAX || add_event(server, fd))
		close(fd);
	else
		server->n_connections++;
}

/* The byte says that the process is ready. */
static void answer(struct leak_server *server, int fd)
{
	char byte = 0;
	ssize_t n = recv(fd, &byte, sizeof(byte), 0);

	if (n > 0) {
		look_at(server, find_peer(fd));
		send(fd, &byte, sizeof(byte), MSG_NOSIGNAL);
	}
	if (n >= 0 || errno != EAGAIN) {
		close(fd); /* which also removes it from the events */
		server->n_connections--;
	}
}

/* --- the time of --after ------------------------------------------------------------------- */

static bool is_recording(pid_t pid)
{
	_cleanup_(freep) void *memory = malloc(sizeof(struct process_facts));
	struct process_facts *facts = memory;
	struct found_target target;

	if (!facts || target_open(pid, &target, facts))
		return false;
	found_target_deinit(&target);
	return facts->has_library && !facts->is_left_out;
}

static void look_at_all(struct leak_server *server)
{
	process_lines lines = {0};

	if (!descendants_find(server->child, &lines))
		vec_foreach (line, &lines)
			if (is_recording(line->pid))
				look_at(server, line->pid);
	vec_deinit(&lines);
}

void leak_server_start(struct leak_server *server, pid_t child)
{
	const struct itimerspec when = {.it_value.tv_sec = (time_t)server->after_seconds};

	server->child = child;
	timerfd_settime(server->timer, 0, &when, NULL);
}

static void work_at_time(struct leak_server *server)
{
	uint64_t n;

	if (read(server->timer, &n, sizeof(n)) > 0)
		look_at_all(server);
}

/* --- the server ---------------------------------------------------------------------------- */

/* Does what there is to do. Returns false if there is nothing. */
static bool work(struct leak_server *server)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(server->events, events, EVENTS_MAX, 0);

	for (int i = 0; i < n; i++) {
		if (events[i].data.fd == server->listener)
			accept_process(server);
		else if (events[i].data.fd == server->timer)
			work_at_time(server);
		else
			answer(server, events[i].data.fd);
	}
	return n > 0;
}

void leak_server_work(struct leak_server *server)
{
	work(server);
}

int leak_server_fd(const struct leak_server *server)
{
	return server->events;
}

/* Binds the listener to a name that nobody can guess. */
static int listen_for_processes(struct leak_server *server)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	uint64_t secret;
	size_t size;

	if (getrandom(&secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
		return -EIO;
	snprintf(server->name, sizeof(server->name), "heapprof-leaks-%016" PRIx64, secret);
	size = strlen(server->name);
	memcpy(address.sun_path + 1, server->name, size); /* in the abstract name space */
	server->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->listener < 0 ||
	    bind(server->listener, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + size)) < 0 ||
	    listen(server->listener, WAITING_MAX) < 0)
		return -errno;
	return add_event(server, server->listener);
}

static int begin(struct leak_server *server)
{
	const struct leaks_settings *settings = server->settings;
	const char *after = settings->after;
	int r;

	if (after && !duration_parse(after, &server->after_seconds))
		return command_error("--after: invalid time '%s'; expected one such as 60s, 5m or "
				     "1h",
				     after);
	if (compare_read_suppressions(&settings->common, &settings->suppressions,
				      &server->suppressions) ||
	    leak_log_init(&server->log, settings->log_file))
		return EXIT_BAD;
	server->events = epoll_create1(EPOLL_CLOEXEC);
	server->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	r = server->events < 0 || server->timer < 0 ? -errno : add_event(server, server->timer);
	r = r ? r : listen_for_processes(server);
	return r ? command_error("no socket for the processes to look at: %s", strerror(-r))
		 : EXIT_DONE;
}

int leak_server_new(const struct leaks_settings *settings, struct leak_server **out)
{
	struct leak_server *server = *out = calloc(1, sizeof(*server));
	int status;

	if (!server)
		return command_error("%s", strerror(ENOMEM));
	server->settings = settings;
	server->events = server->listener = server->timer = -1;
	status = begin(server);
	if (status) {
		leak_server_free(server);
		*out = NULL;
	}
	return status;
}

void leak_server_free(struct leak_server *server)
{
	if (!server)
		return;
	if (server->listener >= 0)
		close(server->listener);
	if (server->timer >= 0)
		close(server->timer);
	if (server->events >= 0)
		close(server->events);
	leak_log_deinit(&server->log);
	suppressions_deinit(&server->suppressions);
	free(server);
}

void leak_server_set_environment(const struct leak_server *server)
{
	char value[64];

	snprintf(value, sizeof(value), "%s:%s", server->settings->is_strict ? "strict" : "normal",
		 server->name);
	setenv(HP_LAST_LOOK_VARIABLE, value, true /* overwrite */);
}

int leak_server_finish(struct leak_server *server, int status)
{
	while (work(server))
		;
	if (!server->n_looks)
		command_error("no process was looked at: the program is not recorded, or was "
			      "ended by a signal; see LEAKS in heapprof(1)");
	else if (!server->n_leaking && !server->n_failed && !server->settings->common.quiet)
		fprintf(stderr, "%s: no leaks in %zu %s\n", program_name(), server->n_looks,
			server->n_looks == 1 ? "process" : "processes");
	return server->n_leaking && server->settings->exit_code ? (int)server->settings->exit_code
								: status;
}
