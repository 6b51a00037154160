/* SPDX-License-Identifier: MIT */
/* A child process serves; the test is its client. */
#include "command/serve/serve_http.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define LARGE_BYTES (64 << 20) /* more than the buffers of a socket hold */

static struct sockaddr_un place;
static socklen_t place_size;
static pid_t server;
static int end[2]; /* a pipe whose closing ends the server */

/* --- the server ---------------------------------------------------------------------------- */

static void drop(void *kept)
{
	(*(unsigned *)kept)++;
}

static void handle(void *context, struct http_request *request)
{
	static unsigned n_dropped;

	if (strcmp(request->path, "/large") == 0) {
		int fd = memfd_create("large", 0);
		struct http_page *page;

		if (ftruncate(fd, LARGE_BYTES) < 0)
			abort();
		page = http_page_of_file(fd, "text/plain", NULL);
		http_reply(request, page);
		http_page_free(page);
	} else if (strcmp(request->path, "/nothing") == 0) {
		/* A handler that answers nothing. */
	} else if (strcmp(request->path, "/wait") == 0 && !request->kept) {
		if (!http_wait(request, http_argument(request, "long") ? 600 : 1, &n_dropped, drop))
			http_refuse(request, HTTP_UNAVAILABLE, "too many");
	} else {
		http_refuse(request, HTTP_NOT_FOUND, "%u\x1b\n%zu", n_dropped, request->body_size);
	}
}

static void serve(int listener, unsigned idle_seconds)
{
	static const char *const posts[] = {"/post", NULL};
	const struct http_settings settings = {
		.connections_max = 4,
		.waiting_max = 2,
		.head_bytes_max = 4096,
		.body_bytes_max = 10,
		.idle_seconds = idle_seconds,
		.total_seconds = 2 * idle_seconds,
		.post_paths = posts,
		.handler = handle,
	};
	struct pollfd ends = {.fd = end[0], .events = POLLIN};
	struct http *http = http_new(listener, &settings);

	signal(SIGPIPE, SIG_IGN);
	close(end[1]);
	if (!http || http_serve(http, &ends, 1) < 0)
		_exit(1);
	http_free(http, "the end");
	_exit(0);
}

static void begin_with(unsigned idle_seconds)
{
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	place = (struct sockaddr_un){.sun_family = AF_UNIX};
	place_size = sizeof(sa_family_t); /* the kernel chooses an abstract name */
	CHECK_INT_EQ(bind(listener, (struct sockaddr *)&place, place_size), 0);
	place_size = sizeof(place);
	CHECK_INT_EQ(getsockname(listener, (struct sockaddr *)&place, &place_size), 0);
	CHECK_INT_EQ(listen(listener, 16), 0);
	CHECK_INT_EQ(pipe(end), 0);
	server = fork();
	if (!server)
		serve(listener, idle_seconds);
	close(listener);
	close(end[0]);
}

static void begin(void)
{
	begin_with(60);
}

/* Begins a server that soon drops its clients. */
static void begin_strict(void)
{
	begin_with(1);
}

static void stop(void)
{
	int status;

	close(end[1]);
	CHECK_INT_EQ(waitpid(server, &status, 0), server);
	CHECK_INT_EQ(status, 0);
}

/* --- the client ---------------------------------------------------------------------------- */

static int connect_to(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK_INT_EQ(connect(fd, (struct sockaddr *)&place, place_size), 0);
	return fd;
}

static int ask(const char *text)
{
	int fd = connect_to();

	CHECK_INT_EQ(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	return fd;
}

static int ask_for(const char *path)
{
	char text[256];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
	return ask(text);
}

/* Reads until an answer of small size is there or the connection ends, and closes it. Returns the
 * answer, or "" if there is none. */
static const char *answer(int fd)
{
	static char text[4096];
	size_t size = 0;
	ssize_t n = 1;
	char *body;

	*text = '\0';
	while (n > 0 && size < sizeof(text) - 1) {
		size_t length;

		n = recv(fd, text + size, sizeof(text) - 1 - size, 0);
		size += n > 0 ? (size_t)n : 0;
		text[size] = '\0';
		body = strstr(text, "\r\n\r\n");
		if (body &&
		    sscanf(strstr(text, "Content-Length:"), "Content-Length: %zu", &length) == 1 &&
		    strlen(body + 4) >= length)
			break;
	}
	close(fd);
	return text;
}

static void check_answer(int fd, int status, const char *line)
{
	const char *text = answer(fd), *body = strstr(text, "\r\n\r\n");

	CHECK_INT_EQ(atoi(text + strcspn(text, " ")), status);
	CHECK_STR_EQ(body ? body + 4 : NULL, line);
}

/* --- tests --------------------------------------------------------------------------------- */

static void test_an_error_is_one_plain_line(void)
{
	begin();
	check_answer(ask_for("/"), 404, "0??0\n");
	check_answer(ask("POST /post HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"
			 "0123456789"),
		     404, "0??10\n");
	check_answer(ask("POST /post HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n\r\n"),
		     413, "the body is too large\n");
	check_answer(ask("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n0"), 405,
		     "only GET is possible here\n");
	check_answer(ask("PUT /post HTTP/1.1\r\nHost: localhost\r\n\r\n"), 405,
		     "only GET and POST are possible here\n");
	stop();
}

static void test_a_handler_without_an_answer(void)
{
	begin();
	CHECK_STR_EQ(answer(ask_for("/nothing")), "");
	check_answer(ask_for("/"), 404, "0??0\n");
	stop();
}

static void test_a_wait(void)
{
	begin();
	check_answer(ask_for("/wait"), 404, "0??0\n");
	check_answer(ask_for("/"), 404, "1??0\n");
	stop();
}

static void test_a_wait_ends_with_its_client(void)
{
	int first, second;
	const char *text;

	begin();
	first = ask_for("/wait?long");
	second = ask_for("/wait?long");
	do
		text = answer(ask_for("/wait"));
	while (!strstr(text, "too many"));
	shutdown(first, SHUT_WR); /* a client that closes a TCP connection looks like this */
	CHECK_STR_EQ(answer(first), "");
	do
		text = answer(ask_for("/"));
	while (!strstr(text, "1??0"));
	close(second);
	do
		text = answer(ask_for("/"));
	while (!strstr(text, "2??0"));
	stop();
}

static void test_a_wait_ends_with_the_server(void)
{
	int first, second;

	begin();
	first = ask_for("/wait?long");
	second = ask_for("/wait?long");
	while (!strstr(answer(ask_for("/wait")), "too many")) {
	}
	close(end[1]);
	end[1] = -1;
	check_answer(first, 503, "the end\n");
	check_answer(second, 503, "the end\n");
	stop();
}

/* A client that sends nothing. */
static void test_idle_clients_are_dropped(void)
{
	int client;

	begin_strict();
	client = connect_to();
	CHECK_STR_EQ(answer(client), "");
	client = ask("GET / HTTP/1.1\r\nHost: ");
	CHECK_STR_EQ(answer(client), "");
	stop();
}

/* A client that is never idle, but never completes its request. */
static void test_clients_that_send_slowly_are_dropped(void)
{
	struct pollfd client;

	begin_strict();
	client = (struct pollfd){.fd = ask("GET / HTTP/1.1\r\nHost: localhost\r\nX: "),
				 .events = POLLIN};
	while (poll(&client, 1, 50) == 0)
		if (send(client.fd, "x", 1, MSG_NOSIGNAL) < 0)
			break;
	CHECK_STR_EQ(answer(client.fd), "");
	stop();
}

/* A client that reads its answer a few bytes at a time. */
static void test_clients_that_read_slowly_are_dropped(void)
{
	char bytes[16384];
	size_t size = 0;
	ssize_t n;
	int client;

	begin_strict();
	client = ask_for("/large");
	while ((n = recv(client, bytes, sizeof(bytes), 0)) > 0) {
		size += (size_t)n;
		poll(NULL, 0, 20);
	}
	close(client);
	CHECK(size < LARGE_BYTES);
	stop();
}

/* Clients that read nothing, up to the limit of connections; then others are served. */
static void test_clients_that_do_not_read_are_dropped(void)
{
	int clients[4];

	begin_strict();
	for (int i = 0; i < 4; i++)
		clients[i] = ask_for("/large");
	while (!strstr(answer(ask_for("/")), "0??0")) {
	}
	for (int i = 0; i < 4; i++)
		close(clients[i]);
	stop();
}

TEST_MAIN(TEST(test_an_error_is_one_plain_line), TEST(test_a_handler_without_an_answer),
	  TEST(test_a_wait), TEST(test_a_wait_ends_with_its_client),
	  TEST(test_a_wait_ends_with_the_server), TEST(test_idle_clients_are_dropped),
	  TEST(test_clients_that_send_slowly_are_dropped),
	  TEST(test_clients_that_read_slowly_are_dropped),
	  TEST(test_clients_that_do_not_read_are_dropped))
