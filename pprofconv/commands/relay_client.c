/* SPDX-License-Identifier: MIT */
/* The program that asks. The folder of the socket is held by a descriptor from its check to the
 * connection, so that it can't be exchanged in between. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "commands/relay.h"

#define ANCESTORS_MAX 256

/* --- finding it ---------------------------------------------------------------------------- */

/* Returns the parent of a process, or 0. It is field 4; the name in field 2 ends at the last ")".
 */
static pid_t parent_of(pid_t pid)
{
	char path[64], text[1024];
	const char *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	end = strrchr(text, ')');
	return end && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

/* Returns whether it is known that the process at the other end is that server, of that user. */
static bool is_server(int fd, pid_t server, uid_t uid)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == server &&
	       peer.uid == uid;
}

/* Connects to the socket of a server in a folder. Returns a descriptor or -1. */
static int connect_in(int folder, pid_t server, uid_t uid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%d", folder, server);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    is_server(fd, server, uid))
		return fd;
	close(fd);
	return -1;
}

/* Connects to a process if it serves, and belongs to this user or to root. Root asks everybody. */
static int connect_to(pid_t server)
{
	char path[PATH_MAX];
	struct stat status;
	int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d", server);
	if (stat(path, &status) < 0 ||
	    (status.st_uid != geteuid() && status.st_uid != 0 && geteuid() != 0))
		return -1;
	for (unsigned n = 0; fd < 0 && relay_folder(n, status.st_uid, path); n++) {
		int folder = relay_open_folder(path, status.st_uid);

		if (folder < 0)
			continue;
		fd = connect_in(folder, server, status.st_uid);
		close(folder);
	}
	return fd;
}

static int connect_above(pid_t pid)
{
	int fd = -1;

	for (int i = 0; fd < 0 && i < ANCESTORS_MAX; i++) {
		pid = parent_of(pid);
		if (pid <= 1)
			break;
		fd = connect_to(pid);
	}
	return fd;
}

/* --- asking -------------------------------------------------------------------------------- */

/* Waits until the socket is ready. Returns 0 or a negative errno. */
static int wait_for(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd ready = {.fd = fd, .events = events};
	uint64_t now_ms = relay_now_ms();
	int n = now_ms >= deadline_ms ? 0 : poll(&ready, 1, (int)(deadline_ms - now_ms));

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n ? 0 : -ETIMEDOUT;
}

static int send_all(int fd, const void *data, size_t size, uint64_t deadline_ms)
{
	const char *at = data;
	int r = 0;

	while (!r && size) {
		ssize_t n = send(fd, at, size, MSG_NOSIGNAL);

		if (n > 0) {
			at += n;
			size -= (size_t)n;
		} else if (errno == EAGAIN) {
			r = wait_for(fd, POLLOUT, deadline_ms);
		} else if (errno != EINTR) {
			r = -errno;
		}
	}
	return r;
}

static int receive_all(int fd, void *data, size_t size, uint64_t deadline_ms)
{
	char *at = data;
	int r = 0;

	while (!r && size) {
		ssize_t n = recv(fd, at, size, 0);

		if (n > 0) {
			at += n;
			size -= (size_t)n;
		} else if (n == 0) {
			r = -ECONNRESET;
		} else if (errno == EAGAIN) {
			r = wait_for(fd, POLLIN, deadline_ms);
		} else if (errno != EINTR) {
			r = -errno;
		}
	}
	return r;
}

static bool is_answer(const struct relay_answer *answer)
{
	return memcmp(answer->magic, RELAY_MAGIC, sizeof(answer->magic)) == 0 &&
	       answer->is_error <= 1 &&
	       answer->size < (answer->is_error ? DIAG_TEXT_MAX : RELAY_TEXT_MAX);
}

static bool is_task_of(uint32_t task, int pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%u", pid, task);
	return access(path, F_OK) == 0;
}

/* Returns whether files under the process's own root folder can be found. Where only Yama refuses
 * its memory they can. */
static bool has_root(uint32_t task)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/root/", task);
	return access(path, F_OK) == 0;
}

/* Receives the bytes after the answer's head, with a NUL at their end. */
static int receive_text(int fd, uint64_t size, uint64_t deadline_ms, char **out)
{
	char *text = malloc(size + 1);
	int r = text ? receive_all(fd, text, size, deadline_ms) : -ENOMEM;

	if (r) {
		free(text);
		return r;
	}
	text[size] = '\0';
	*out = text;
	return 0;
}

static int ask(int fd, int pid, struct relay_answer *answer, char **out_text)
{
	const struct relay_request request = {RELAY_MAGIC, (uint32_t)pid, 0};
	uint64_t deadline_ms = relay_now_ms() + RELAY_PATIENCE_MS;
	int r = send_all(fd, &request, sizeof(request), deadline_ms);

	if (!r)
		r = receive_all(fd, answer, sizeof(*answer), deadline_ms);
	if (!r && (!is_answer(answer) || (!answer->is_error && !is_task_of(answer->task, pid))))
		r = -EPROTO;
	return r ? r : receive_text(fd, answer->size, deadline_ms, out_text);
}

int relay_ask(int pid, int *out_task, char **out_text, size_t *out_size, struct diag *diag)
{
	struct relay_answer answer;
	char *text = NULL;
	int fd = relay_is_server() ? -1 : connect_above(pid), r;

	if (fd < 0)
		return RELAY_NONE;
	r = ask(fd, pid, &answer, &text);
	close(fd);
	if (r)
		return diag_error(diag, r, "'heapprof run', which reads it: %s", strerror(-r));
	if (answer.is_error) {
		diag_error(diag, -EPROTO, "%s", text);
		free(text);
		return -EPROTO;
	}
	*out_task = has_root(answer.task) ? (int)answer.task : 0;
	*out_text = text;
	*out_size = answer.size;
	return 0;
}
