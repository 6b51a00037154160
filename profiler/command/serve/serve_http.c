/* SPDX-License-Identifier: MIT */
/* libmicrohttpd parses requests and sends answers. Its descriptor for epoll is polled here, with
 * those of clients whose requests wait, so that one thread does everything. It limits the number of
 * connections, the size of their requests and the time in which nothing happens. It has no limit
 * for a client that sends or reads a byte now and then: such a connection is shut down here, after
 * which libmicrohttpd finds its end. */
#include "command/serve/serve_http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cursor.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "command/serve/loopback.h"

#define LINE_BYTES_MAX 512
#define LAST_SECOND_MS 1000
#define MILLISECONDS   1000
#define TEXT_TYPE      "text/plain; charset=utf-8"

/* libmicrohttpd before 0.9.74, as in Debian 11, has another name for this status. */
#ifndef MHD_HTTP_CONTENT_TOO_LARGE
#define MHD_HTTP_CONTENT_TOO_LARGE MHD_HTTP_PAYLOAD_TOO_LARGE
#endif

/* It asks since 0.9.72.5 whether somebody else ignores SIGPIPE. */
#if MHD_VERSION >= 0x00097205
#define IGNORES_SIGPIPE MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1
#else
#define IGNORES_SIGPIPE MHD_OPTION_STRICT_FOR_CLIENT, 1
#endif

struct http_page {
	struct MHD_Response *response;
};

struct http_connection {
	struct http *http;
	struct MHD_Connection *mhd;
	int fd;
	bool is_busy;     /* a request has begun and is not answered */
	bool is_waiting;  /* in http_wait() */
	bool is_gone;     /* the client went away while its request waited */
	bool is_answered; /* the handler has answered */
	uint64_t since;   /* in ms: when it was opened, or its last request was answered */
	uint64_t due;     /* in ms: when the wait ends */
	struct http_request request;
	void (*drop)(void *kept);
	char *body;
	size_t body_room;
};

struct http {
	const struct http_settings *settings;
	struct MHD_Daemon *daemon;
	VEC(struct http_connection *) connections;
	VEC(struct pollfd) polled;
	size_t n_waiting;
	bool has_closed;        /* a connection, since libmicrohttpd last ran */
	const char *end_reason; /* NULL until the server ends */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * MILLISECONDS + (uint64_t)now.tv_nsec / 1000000;
}

/* --- pages --------------------------------------------------------------------------------- */

/* Adds the headers of all answers. No browser may keep them, guess their type, or show them to the
 * pages of others. */
static void add_headers(struct MHD_Response *response, const char *type)
{
	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
}

static struct http_page *make_page(struct MHD_Response *response, const char *type)
{
	struct http_page *page = response ? malloc(sizeof(*page)) : NULL;

	if (page) {
		page->response = response;
		add_headers(response, type);
	} else if (response) {
		MHD_destroy_response(response);
	}
	return page;
}

struct http_page *http_page_of_file(int fd, const char *type, const char *filename)
{
	struct stat status;
	struct MHD_Response *response = NULL;
	struct http_page *page;
	char disposition[128];

	if (fstat(fd, &status) == 0)
		response = MHD_create_response_from_fd64((uint64_t)status.st_size, fd);
	if (!response)
		close(fd);
	page = make_page(response, type);
	if (page && filename) {
		snprintf(disposition, sizeof(disposition), "attachment; filename=\"%s\"", filename);
		MHD_add_response_header(response, "Content-Disposition", disposition);
	}
	return page;
}

static struct MHD_Response *copy_text(const char *text, size_t size)
{
	return MHD_create_response_from_buffer(size, (void *)text, MHD_RESPMEM_MUST_COPY);
}

struct http_page *http_page_of_text(const char *text, size_t size, const char *type)
{
	return make_page(copy_text(text, size), type);
}

void http_page_free(struct http_page *page)
{
	if (!page)
		return;
	MHD_destroy_response(page->response);
	free(page);
}

/* --- answers ------------------------------------------------------------------------------- */

static void queue(struct http_connection *connection, unsigned status,
		  struct MHD_Response *response)
{
	connection->is_answered = MHD_queue_response(connection->mhd, status, response) == MHD_YES;
}

const char *http_argument(const struct http_request *request, const char *name)
{
	const char *value = NULL;

	if (MHD_lookup_connection_value_n(request->connection->mhd, MHD_GET_ARGUMENT_KIND, name,
					  strlen(name), &value, NULL) == MHD_NO)
		return NULL;
	return value ? value : "";
}

void http_reply(struct http_request *request, struct http_page *page)
{
	if (page)
		queue(request->connection, MHD_HTTP_OK, page->response);
	else
		http_refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "%s", strerror(ENOMEM));
}

static bool takes_post(const struct http_request *request)
{
	const char *const *path = request->connection->http->settings->post_paths;

	while (*path && strcmp(*path, request->path) != 0)
		path++;
	return *path != NULL;
}

/* Replaces unprintable bytes by '?'. Returns the size of the line. */
static size_t make_plain(char *line)
{
	size_t size = strlen(line), step;

	for (size_t i = 0; i < size; i += step) {
		size_t n = utf8_printable(line + i, size - i);

		step = n ? n : 1;
		if (!n)
			line[i] = '?';
	}
	return size;
}

void http_refuse(struct http_request *request, unsigned status, const char *format, ...)
{
	struct MHD_Response *response;
	char line[LINE_BYTES_MAX];
	va_list args;
	size_t size;

	va_start(args, format);
	vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	size = make_plain(line);
	line[size++] = '\n';
	response = copy_text(line, size);
	if (!response)
		return;
	add_headers(response, TEXT_TYPE);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow",
					takes_post(request) ? "GET, POST" : "GET");
	queue(request->connection, status, response);
	MHD_destroy_response(response);
}

bool http_wait(struct http_request *request, unsigned seconds, void *kept, void (*drop)(void *))
{
	struct http_connection *connection = request->connection;
	struct http *http = connection->http;

	if (http->n_waiting >= http->settings->waiting_max)
		return false;
	request->kept = kept;
	connection->drop = drop;
	connection->due = now_ms() + (uint64_t)seconds * MILLISECONDS;
	connection->is_waiting = connection->is_answered = true;
	http->n_waiting++;
	MHD_suspend_connection(connection->mhd);
	return true;
}

/* Ends a wait: the handler is called again, unless the client has gone. */
static void wake(struct http_connection *connection)
{
	connection->is_waiting = false;
	connection->since = now_ms();
	connection->http->n_waiting--;
	MHD_resume_connection(connection->mhd);
}

/* --- what is refused ----------------------------------------------------------------------- */

struct head { /* of a request */
	const char *host;
	unsigned n_hosts;
	bool has_origin;
	bool has_coding;
	const char *length;
};

static enum MHD_Result read_header(void *context, enum MHD_ValueKind kind, const char *name,
				   const char *value)
{
	struct head *head = context;

	if (strcasecmp(name, "Host") == 0) {
		head->host = value ? value : "";
		head->n_hosts++;
	} else if (strcasecmp(name, "Origin") == 0) {
		head->has_origin = true;
	} else if (strcasecmp(name, "Sec-Fetch-Site") == 0) {
		head->has_origin |= value && strcasecmp(value, "none") != 0;
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		head->has_coding = true;
	} else if (strcasecmp(name, "Content-Length") == 0) {
		head->length = value ? value : "";
	}
	return MHD_YES;
}

/* Refuses requests that a page of another site may have made. A browser says in Origin whose page
 * asks or, for pictures and scripts, in Sec-Fetch-Site that a page does. In Host it says whom it
 * believes to ask: a site whose name leads here for a moment can't name this machine. The port may
 * be another, since a tunnel may lead here. */
static bool refuse_sites(struct http_request *request, const struct head *head)
{
	struct loopback host;

	if (head->n_hosts != 1)
		http_refuse(request, MHD_HTTP_BAD_REQUEST, "expected one Host header");
	else if (loopback_parse(head->host, false, &host) != LOOPBACK_OURS)
		http_refuse(request, MHD_HTTP_FORBIDDEN,
			    "the Host header must name this machine; use localhost or 127.0.0.1");
	else if (head->has_origin)
		http_refuse(request, MHD_HTTP_FORBIDDEN,
			    "requests of web pages are refused; use curl or pprof");
	else
		return false;
	return true;
}

static bool refuse_method(struct http_request *request, const char *method)
{
	request->is_post = strcmp(method, "POST") == 0;
	if (strcmp(method, "GET") == 0 || (request->is_post && takes_post(request)))
		return false;
	http_refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED, "only %s possible here",
		    takes_post(request) ? "GET and POST are" : "GET is");
	return true;
}

/* Refuses a body of unknown or large size, and one that a GET has. Makes room for the others. */
static bool refuse_body(struct http_request *request, const struct head *head)
{
	const char *text = head->length ? head->length : "0";
	struct cursor cursor = cursor_make(text, strlen(text));
	struct http_connection *connection = request->connection;
	uint64_t size = cursor_take_decimal(&cursor);

	if (head->has_coding || (request->is_post && !head->length))
		http_refuse(request, MHD_HTTP_LENGTH_REQUIRED, "the size of the body is missing");
	else if (cursor.failed || !cursor_at_end(&cursor))
		http_refuse(request, MHD_HTTP_BAD_REQUEST, "Content-Length is not a number");
	else if (size > (request->is_post ? connection->http->settings->body_bytes_max : 0))
		http_refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
	else
		connection->body_room = (size_t)size;
	if (connection->is_answered)
		return true;
	connection->body = malloc(connection->body_room + 1);
	if (!connection->body)
		http_refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "%s", strerror(ENOMEM));
	return !connection->body;
}

/* --- requests ------------------------------------------------------------------------------ */

static struct http_connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* Looks at the head of a request, before its body is read. */
static enum MHD_Result begin_request(struct http_connection *connection, const char *path,
				     const char *method)
{
	struct http_request *request = &connection->request;
	struct head head = {0};

	*request = (struct http_request){.path = path, .connection = connection};
	connection->is_busy = true;
	connection->is_answered = false;
	MHD_get_connection_values(connection->mhd, MHD_HEADER_KIND, read_header, &head);
	if (refuse_sites(request, &head) || refuse_method(request, method) ||
	    refuse_body(request, &head))
		return connection->is_answered ? MHD_YES : MHD_NO;
	return MHD_YES;
}

static enum MHD_Result take_body(struct http_connection *connection, const char *data, size_t *size)
{
	struct http_request *request = &connection->request;

	if (!connection->body || *size > connection->body_room - request->body_size)
		return MHD_NO;
	memcpy(connection->body + request->body_size, data, *size);
	request->body_size += *size;
	*size = 0;
	return MHD_YES;
}

static enum MHD_Result handle(struct http_connection *connection, const char *path)
{
	const struct http *http = connection->http;
	struct http_request *request = &connection->request;

	if (connection->is_gone || !connection->body)
		return MHD_NO;
	connection->body[request->body_size] = '\0';
	request->body = connection->body;
	request->path = path;
	connection->is_answered = false;
	if (http->end_reason)
		http_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "%s", http->end_reason);
	else
		http->settings->handler(http->settings->context, request);
	return connection->is_answered ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *mhd, const char *path,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **begun)
{
	struct http_connection *connection = connection_of(mhd);

	if (!connection)
		return MHD_NO;
	if (!*begun) {
		*begun = connection;
		return begin_request(connection, path, method);
	}
	return *size ? take_body(connection, data, size) : handle(connection, path);
}

static void on_answered(void *context, struct MHD_Connection *mhd, void **begun,
			enum MHD_RequestTerminationCode why)
{
	struct http_connection *connection = connection_of(mhd);

	if (!connection)
		return;
	if (connection->request.kept)
		connection->drop(connection->request.kept);
	free(connection->body);
	connection->body = NULL;
	connection->request = (struct http_request){0};
	connection->is_busy = false;
	connection->since = now_ms();
}

/* --- connections --------------------------------------------------------------------------- */

static struct http_connection *add_connection(struct http *http, struct MHD_Connection *mhd)
{
	struct http_connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->http = http;
	connection->mhd = mhd;
	connection->fd =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	connection->since = now_ms();
	if (vec_push(&http->connections, connection) == 0)
		return connection;
	free(connection);
	return NULL;
}

static void remove_connection(struct http *http, struct http_connection *connection)
{
	vec_foreach (at, &http->connections)
		if (*at == connection) {
			*at = http->connections.items[--http->connections.n];
			break;
		}
	free(connection);
}

static void on_connection(void *context, struct MHD_Connection *mhd, void **connection,
			  enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*connection = add_connection(context, mhd);
	} else if (*connection) {
		remove_connection(context, *connection);
		*connection = NULL;
		((struct http *)context)->has_closed = true;
	}
}

/* --- the loop ------------------------------------------------------------------------------ */

static uint64_t end_of(const struct http_connection *connection)
{
	if (connection->is_waiting)
		return connection->due;
	return connection->since +
	       (uint64_t)connection->http->settings->total_seconds * MILLISECONDS;
}

/* Returns the time in ms until the next connection is due, or -1 if there is none. At its limit of
 * connections libmicrohttpd does not listen. It does so again when it runs after one has closed,
 * for which there may be no other reason. */
static int find_timeout(const struct http *http)
{
	uint64_t now = now_ms(), least = http->has_closed ? 0 : INT32_MAX;
	MHD_UNSIGNED_LONG_LONG its;

	vec_foreach (at, &http->connections) {
		uint64_t end = end_of(*at), left = end > now ? end - now : 0;

		least = left < least ? left : least;
	}
	if (MHD_get_timeout(http->daemon, &its) == MHD_YES && its < least)
		least = its;
	return least < INT32_MAX ? (int)least : -1;
}

/* Wakes requests whose time has come or whose clients have gone, and drops clients that have
 * exceeded theirs. */
static void end_overdue(struct http *http)
{
	uint64_t now = now_ms();

	vec_foreach (at, &http->connections) {
		struct http_connection *connection = *at;

		if (connection->is_waiting && (connection->is_gone || end_of(connection) <= now)) {
			wake(connection);
		} else if (!connection->is_waiting && end_of(connection) <= now) {
			shutdown(connection->fd, SHUT_RDWR);
			connection->since = now; /* libmicrohttpd closes it soon */
		}
	}
}

static void note_gone(struct http *http, int fd)
{
	vec_foreach (at, &http->connections)
		if ((*at)->fd == fd && (*at)->is_waiting)
			(*at)->is_gone = true;
}

static int epoll_of(const struct http *http)
{
	return MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

static int collect(struct http *http, const struct pollfd *watched, size_t n)
{
	int r;

	http->polled.n = 0;
	r = vec_append(&http->polled, watched, n);
	r = r ? r : vec_push(&http->polled, (struct pollfd){epoll_of(http), POLLIN, 0});
	vec_foreach (at, &http->connections)
		if (!r && (*at)->is_waiting)
			r = vec_push(&http->polled, (struct pollfd){(*at)->fd, POLLRDHUP, 0});
	return r;
}

/* Waits for the next event and serves it. Returns the number of watched descriptors that are ready,
 * or -errno. */
static int serve_once(struct http *http, struct pollfd *watched, size_t n, int timeout)
{
	int r = collect(http, watched, n), n_ready = 0;

	if (r)
		return r;
	if (poll(http->polled.items, http->polled.n, timeout) < 0 && errno != EINTR)
		return -errno;
	for (size_t i = 0; i < n; i++) {
		watched[i].revents = http->polled.items[i].revents;
		n_ready += watched[i].revents != 0;
	}
	for (size_t i = n + 1; i < http->polled.n; i++)
		if (http->polled.items[i].revents)
			note_gone(http, http->polled.items[i].fd);
	end_overdue(http);
	http->has_closed = false;
	MHD_run(http->daemon);
	return n_ready;
}

int http_serve(struct http *http, struct pollfd *watched, size_t n)
{
	int r = 0;

	while (!r)
		r = serve_once(http, watched, n, find_timeout(http));
	return r < 0 ? r : 0;
}

/* --- beginning and end --------------------------------------------------------------------- */

struct http *http_new(int listener, const struct http_settings *settings)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		return NULL;
	http->settings = settings;
	http->daemon =
		MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
				 on_request, http, MHD_OPTION_LISTEN_SOCKET, listener,         /* */
				 MHD_OPTION_CONNECTION_LIMIT, settings->connections_max,       /* */
				 MHD_OPTION_CONNECTION_MEMORY_LIMIT, settings->head_bytes_max, /* */
				 MHD_OPTION_CONNECTION_TIMEOUT, settings->idle_seconds,        /* */
				 MHD_OPTION_NOTIFY_COMPLETED, on_answered, http,               /* */
				 MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,            /* */
				 MHD_OPTION_STRICT_FOR_CLIENT, 1,                              /* */
				 IGNORES_SIGPIPE, MHD_OPTION_END);
	if (http->daemon)
		return http;
	free(http);
	return NULL;
}

static bool is_any_busy(const struct http *http)
{
	vec_foreach (at, &http->connections)
		if ((*at)->is_busy)
			return true;
	return false;
}

void http_free(struct http *http, const char *reason)
{
	uint64_t end = now_ms() + LAST_SECOND_MS;

	if (!http)
		return;
	http->end_reason = reason;
	MHD_quiesce_daemon(http->daemon);
	vec_foreach (at, &http->connections)
		if ((*at)->is_waiting)
			wake(*at);
	while (is_any_busy(http) && now_ms() < end)
		if (serve_once(http, NULL, 0, (int)(end - now_ms())) < 0)
			break;
	MHD_stop_daemon(http->daemon);
	vec_deinit(&http->connections);
	vec_deinit(&http->polled);
	free(http);
}
