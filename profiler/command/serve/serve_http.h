/* SPDX-License-Identifier: MIT */
/* The HTTP server of `heapprof serve`. It runs in the calling thread: a handler answers a request
 * at once, or lets it wait for some seconds while others are answered. Everything that a client can
 * make the server hold is bounded. Only this module uses libmicrohttpd. */
#pragma once
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

enum {
	HTTP_BAD_REQUEST = 400,
	HTTP_NOT_FOUND = 404,
	HTTP_UNAVAILABLE = 503,
};

/* A page is the body of an answer. It may be sent to several clients. */
struct http_page;

/* Makes a page of a file, which the page owns, also after a failure. `type` is its Content-Type;
 * `filename` is the name under which browsers save it, or NULL. Returns NULL if memory is out. */
struct http_page *http_page_of_file(int fd, const char *type, const char *filename);

/* Does the same with a copy of a text. */
struct http_page *http_page_of_text(const char *text, size_t size, const char *type);

/* Frees the caller's share of the page; the rest goes when it was sent. Takes NULL. */
void http_page_free(struct http_page *page);
DEFINE_CLEANUP(struct http_page *, http_page_free)

struct http_connection;

struct http_request { /* the handler may read it until it returns */
	bool is_post;
	const char *path;
	const char *body; /* of a POST; a NUL follows */
	size_t body_size;
	void *kept; /* as http_wait() got it; NULL when the handler is called first */
	struct http_connection *connection;
};

/* Returns the value of an argument in the request's query, "" if it has none, or NULL if the
 * argument is not there. */
const char *http_argument(const struct http_request *request, const char *name);

/* Exactly one of these three functions answers a request. The first sends a page, which the caller
 * keeps, or an error if it is NULL; the second sends an error with one line of text. The third
 * calls the handler again after some seconds, with `kept`; drop(kept) is called when the request
 * has been answered or its client has gone. It returns false, and does nothing, if too many
 * requests wait. */
void http_reply(struct http_request *request, struct http_page *page);
void http_refuse(struct http_request *request, unsigned status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool http_wait(struct http_request *request, unsigned seconds, void *kept, void (*drop)(void *));

struct http_settings {
	unsigned connections_max; /* clients beyond this number wait until one has gone */
	unsigned waiting_max;     /* requests in http_wait() */
	size_t head_bytes_max;    /* of the request line and headers */
	size_t body_bytes_max;
	unsigned idle_seconds;  /* in which nothing is read or sent, then the client is dropped */
	unsigned total_seconds; /* for a request and its answer, apart from http_wait() */
	const char *const
		*post_paths; /* which also take POST; others take GET only; ends with NULL */
	void (*handler)(void *context, struct http_request *request);
	void *context;
};

struct http;

/* Serves what connects to `listener`, which the caller keeps, and which must listen. The settings
 * must outlive the server. Returns NULL if memory is out. SIGPIPE must be ignored. */
struct http *http_new(int listener, const struct http_settings *settings);

/* Serves until one of the watched descriptors is ready; their `revents` say which. Returns 0 or
 * -errno. */
int http_serve(struct http *http, struct pollfd *watched, size_t n);

/* Frees the server. Requests that wait are answered with an error and the line `reason`; what is
 * being sent gets another second. Takes NULL. */
void http_free(struct http *http, const char *reason);
