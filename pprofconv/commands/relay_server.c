/* SPDX-License-Identifier: MIT */
/* The program that serves. It never waits for a client: sockets do not block, each connection has a
 * deadline, and there are few. A process is read when its request is complete, and the text is sent
 * as fast as the client takes it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "commands/relay.h"

#define CONNECTIONS_MAX 8
#define WAITING_MAX     64 /* clients that are not accepted yet */
#define EVENTS_MAX      (CONNECTIONS_MAX + 2)

struct connection {
	int fd; /* -1: free */
	uint64_t deadline_ms;
	struct relay_request request;
	size_t n_received;
	bool has_answer;
	char *answer; /* with its head */
	size_t size, n_sent;
};

struct relay_server {
	relay_read_function *read;
	void *context;
	int events, timer, listener, folder;
	char name[24]; /* of the socket */
	struct connection connections[CONNECTIONS_MAX];
};

static bool is_serving;

bool relay_is_server(void)
{
	return is_serving;
}

/* --- connections --------------------------------------------------------------------------- */

static void deinit_connection(struct connection *connection)
{
	if (connection->fd >= 0)
		close(connection->fd); /* which also removes it from the events */
	free(connection->answer);
	*connection = (struct connection){.fd = -1};
}

static bool is_allowed(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

/* Wakes the server at the earliest deadline. */
static void set_timer(struct relay_server *server)
{
	uint64_t first_ms = 0;
	struct itimerspec when = {0};

	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		const struct connection *connection = &server->connections[i];

		if (connection->fd >= 0 && (!first_ms || connection->deadline_ms < first_ms))
			first_ms = connection->deadline_ms;
	}
	when.it_value.tv_sec = (time_t)(first_ms / 1000);
	when.it_value.tv_nsec = (long)(first_ms % 1000) * 1000000;
	timerfd_settime(server->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static int add_event(struct relay_server *server, int fd, uint32_t events, void *data)
{
	struct epoll_event event = {.events = events, .data.ptr = data};

	return epoll_ctl(server->events, EPOLL_CTL_ADD, fd, &event);
}

/* Accepts one client, and drops it if it may not ask or there are too many. */
static void accept_client(struct relay_server *server)
{
	struct sockaddr_un address;
	socklen_t size = sizeof(address);
	int fd = accept4(server->listener, (struct sockaddr *)&address, &size,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (size_t i = 0; is_allowed(fd) && i < CONNECTIONS_MAX; i++) {
		struct connection *connection = &server->connections[i];

		if (connection->fd >= 0)
			continue;
		if (add_event(server, fd, EPOLLIN, connection) < 0)
			break;
		*connection = (struct connection){
			.fd = fd, .deadline_ms = relay_now_ms() + RELAY_PATIENCE_MS};
		return;
	}
	close(fd);
}

/* --- answers ------------------------------------------------------------------------------- */

static void make_answer(struct connection *connection, bool is_error, int task, const char *text,
			size_t size)
{
	const struct relay_answer head = {RELAY_MAGIC, is_error, (uint32_t)task, size};

	connection->answer = malloc(sizeof(head) + size);
	if (!connection->answer)
		return;
	memcpy(connection->answer, &head, sizeof(head));
	memcpy(connection->answer + sizeof(head), text, size);
	connection->size = sizeof(head) + size;
}

/* Reads the process. Without memory for the answer there is none, and the connection ends. */
static void answer(struct relay_server *server, struct connection *connection)
{
	struct diag diag = {0};
	char *text = NULL;
	size_t size = 0;
	int task = 0;
	int r = connection->request.pid > INT_MAX
			? diag_error(&diag, -ESRCH, "no such process")
			: server->read(server->context, (int)connection->request.pid, &task, &text,
				       &size, &diag);

	if (!r && size >= RELAY_TEXT_MAX)
		r = diag_error(&diag, -EFBIG, "the dump is larger than 1 GiB");
	if (r || !text)
		make_answer(connection, true /* an error */, 0, diag.error, strlen(diag.error));
	else
		make_answer(connection, false /* no error */, task, text, size);
	free(text);
	diag_deinit(&diag);
	connection->has_answer = true;
}

static bool is_request(const struct relay_request *request)
{
	return memcmp(request->magic, RELAY_MAGIC, sizeof(request->magic)) == 0 &&
	       !request->reserved;
}

/* Receives the request. Returns false at the end of the connection. */
static bool receive(struct relay_server *server, struct connection *connection)
{
	char *to = (char *)&connection->request;
	ssize_t n = recv(connection->fd, to + connection->n_received,
			 sizeof(connection->request) - connection->n_received, 0);

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	connection->n_received += (size_t)n;
	if (connection->n_received < sizeof(connection->request))
		return true;
	if (!is_request(&connection->request))
		return false;
	answer(server, connection);
	return connection->answer &&
	       epoll_ctl(server->events, EPOLL_CTL_MOD, connection->fd,
			 &(struct epoll_event){.events = EPOLLOUT, .data.ptr = connection}) == 0;
}

/* Sends what the client takes. Returns false at the end of the connection. */
static bool send_answer(struct connection *connection)
{
	ssize_t n = send(connection->fd, connection->answer + connection->n_sent,
			 connection->size - connection->n_sent, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	connection->n_sent += (size_t)n;
	return connection->n_sent < connection->size;
}

static void work_on(struct relay_server *server, struct connection *connection)
{
	if (connection->fd < 0)
		return;
	if (!(connection->has_answer ? send_answer(connection) : receive(server, connection)))
		deinit_connection(connection);
}

static void drop_late(struct relay_server *server)
{
	uint64_t now_ms = relay_now_ms();

	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (server->connections[i].fd >= 0 && server->connections[i].deadline_ms <= now_ms)
			deinit_connection(&server->connections[i]);
}

void relay_server_work(struct relay_server *server)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(server->events, events, EVENTS_MAX, 0 /* don't wait */);

	drop_late(server);
	for (int i = 0; i < n; i++)
		if (events[i].data.ptr == &server->listener)
			accept_client(server);
		else if (events[i].data.ptr != &server->timer)
			work_on(server, events[i].data.ptr);
	set_timer(server);
}

int relay_server_fd(const struct relay_server *server)
{
	return server->events;
}

/* --- the socket ---------------------------------------------------------------------------- */

/* Returns whether nobody listens at the address any more. */
static bool is_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool is_refused = fd >= 0 &&
			  connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
			  errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return is_refused;
}

/* Removes the sockets of processes that were killed. Each has the ID of its process as its name. */
static void remove_stale(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!entries && fd >= 0)
		close(fd);
	while (entries && (entry = readdir(entries)) != NULL) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10); /* 0 for other names */

		if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
			unlinkat(folder, entry->d_name, 0);
	}
	if (entries)
		closedir(entries);
}

/* Binds the listener to a name in the folder; the socket has mode 0600. A socket that a killed
 * process of our ID has left there is removed. */
static bool bind_in(struct relay_server *server, int folder)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct sockaddr *generic = (const struct sockaddr *)&address;
	mode_t saved = umask(S_IXUSR | S_IRWXG | S_IRWXO);
	int r;

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", folder,
		 server->name);
	r = bind(server->listener, generic, sizeof(address));
	if (r < 0 && errno == EADDRINUSE && is_stale(&address)) {
		unlinkat(folder, server->name, 0);
		r = bind(server->listener, generic, sizeof(address));
	}
	umask(saved);
	return r == 0;
}

/* Makes the first folder that can be used, and the socket in it. */
static bool find_place(struct relay_server *server)
{
	char path[PATH_MAX];

	for (unsigned n = 0; relay_folder(n, geteuid(), path); n++) {
		mkdir(path, S_IRWXU);
		server->folder = relay_open_folder(path, geteuid());
		if (server->folder >= 0 && bind_in(server, server->folder)) {
			remove_stale(server->folder);
			return true;
		}
		if (server->folder >= 0)
			close(server->folder);
		server->folder = -1;
	}
	return false;
}

static bool begin(struct relay_server *server)
{
	server->events = epoll_create1(EPOLL_CLOEXEC);
	server->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return server->events >= 0 && server->timer >= 0 && server->listener >= 0 &&
	       find_place(server) && listen(server->listener, WAITING_MAX) == 0 &&
	       add_event(server, server->listener, EPOLLIN, &server->listener) == 0 &&
	       add_event(server, server->timer, EPOLLIN, &server->timer) == 0;
}

struct relay_server *relay_server_new(relay_read_function *read, void *context)
{
	struct relay_server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->read = read;
	server->context = context;
	server->events = server->timer = server->listener = server->folder = -1;
	snprintf(server->name, sizeof(server->name), "%d", getpid());
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		server->connections[i].fd = -1;
	is_serving = begin(server);
	if (is_serving)
		return server;
	relay_server_free(server);
	return NULL;
}

static void close_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void relay_server_free(struct relay_server *server)
{
	if (!server)
		return;
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		deinit_connection(&server->connections[i]);
	if (server->folder >= 0)
		unlinkat(server->folder, server->name, 0);
	close_open(server->folder);
	close_open(server->listener);
	close_open(server->timer);
	close_open(server->events);
	free(server);
	is_serving = false;
}
