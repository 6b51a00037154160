/* SPDX-License-Identifier: MIT */
#include "command/serve/serve_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/command.h"

#define BACKLOG     64
#define UNIX_PREFIX "unix:"

static int make_socket(struct serve_listener *listener, int family)
{
	listener->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return listener->fd < 0 ? command_error("socket: %s", strerror(errno)) : EXIT_DONE;
}

/* --- unix sockets -------------------------------------------------------------------------- */

/* Binds the socket. Its file has mode 0600 from the start. */
static int bind_path(struct serve_listener *listener, const struct sockaddr_un *address)
{
	mode_t mask = umask(0177);
	int error =
		bind(listener->fd, (const struct sockaddr *)address, sizeof(*address)) ? errno : 0;
	struct stat status;

	umask(mask);
	if (error == EADDRINUSE)
		return command_error("%s: it exists; if no other program listens there, remove it",
				     address->sun_path);
	if (error)
		return command_error("%s: %s", address->sun_path, strerror(error));
	snprintf(listener->path, sizeof(listener->path), "%s", address->sun_path);
	if (lstat(listener->path, &status) < 0)
		return command_error("%s: %s", listener->path, strerror(errno));
	listener->device = status.st_dev;
	listener->inode = status.st_ino;
	return EXIT_DONE;
}

static int listen_at_path(struct serve_listener *listener, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int status;

	if (!*path)
		return command_error("--listen: a path follows " UNIX_PREFIX);
	if (strlen(path) >= sizeof(address.sun_path))
		return command_error("%s: the path of a unix socket has at most %zu bytes; use a "
				     "shorter one",
				     path, sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path); /* NOLINT: its size was checked */
	status = make_socket(listener, AF_UNIX);
	return status ? status : bind_path(listener, &address);
}

/* Returns whether the folder is this user's, and closed to others. */
static bool is_private(const char *folder)
{
	struct stat status;

	return *folder == '/' && lstat(folder, &status) == 0 && S_ISDIR(status.st_mode) &&
	       status.st_uid == geteuid() && (status.st_mode & 0077) == 0;
}

static const char *find_parent(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *temporary = getenv("TMPDIR");

	if (runtime && is_private(runtime))
		return runtime;
	return temporary && *temporary == '/' ? temporary : "/tmp";
}

/* Listens in a new folder of mode 0700. */
static int listen_in_folder(struct serve_listener *listener)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/heapprof-XXXXXX/serve.sock", find_parent());

	if (n < 0 || n >= (int)sizeof(path))
		return command_error("TMPDIR: %s", strerror(ENAMETOOLONG));
	snprintf(listener->folder, sizeof(listener->folder), "%.*s",
		 (int)(strrchr(path, '/') - path), path);
	if (!mkdtemp(listener->folder)) {
		int error = errno;

		command_error("can't make a folder %s: %s", listener->folder, strerror(error));
		listener->folder[0] = '\0';
		return EXIT_BAD;
	}
	memcpy(path, listener->folder, strlen(listener->folder));
	return listen_at_path(listener, path);
}

/* --- TCP ----------------------------------------------------------------------------------- */

static int read_port(struct serve_listener *listener)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);

	if (getsockname(listener->fd, (struct sockaddr *)&address, &size) < 0)
		return command_error("getsockname: %s", strerror(errno));
	listener->tcp.port =
		ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
						    : ((struct sockaddr_in *)&address)->sin_port);
	return EXIT_DONE;
}

static int listen_at_port(struct serve_listener *listener, const char *place)
{
	struct loopback *tcp = &listener->tcp;
	int status = make_socket(listener, tcp->address.ss_family), on = 1;

	if (status)
		return status;
	setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener->fd, (struct sockaddr *)&tcp->address, tcp->size) == 0)
		return read_port(listener);
	if (errno == EADDRINUSE)
		return command_error("%s: the port is taken; choose another, or 0 for a free one",
				     place);
	return command_error("%s: %s", place, strerror(errno));
}

static int listen_at_place(struct serve_listener *listener, const char *place)
{
	if (!place)
		return listen_in_folder(listener);
	if (strncmp(place, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return listen_at_path(listener, place + strlen(UNIX_PREFIX));
	switch (loopback_parse(place, true /* with a port */, &listener->tcp)) {
	case LOOPBACK_OURS:
		return listen_at_port(listener, place);
	case LOOPBACK_OTHER:
		return command_error("--listen: '%s' is not an address of this machine alone; use "
				     "127.0.0.1:PORT and, from elsewhere, 'ssh -L'",
				     place);
	case LOOPBACK_NO_PORT:
		break;
	}
	return command_error("--listen: '%s' has no port; expected 127.0.0.1:PORT or unix:PATH",
			     place);
}

/* --- both ---------------------------------------------------------------------------------- */

int serve_listener_open(struct serve_listener *listener, const char *place)
{
	int status;

	*listener = (struct serve_listener){.fd = -1};
	status = listen_at_place(listener, place);
	if (!status && listen(listener->fd, BACKLOG) < 0)
		status = command_error("listen: %s", strerror(errno));
	if (status)
		serve_listener_close(listener);
	return status;
}

void serve_listener_close(struct serve_listener *listener)
{
	struct stat status;

	if (listener->fd >= 0)
		close(listener->fd);
	listener->fd = -1;
	if (*listener->path && lstat(listener->path, &status) == 0 &&
	    status.st_dev == listener->device && status.st_ino == listener->inode)
		unlink(listener->path);
	if (*listener->folder)
		rmdir(listener->folder);
	listener->path[0] = listener->folder[0] = '\0';
}
