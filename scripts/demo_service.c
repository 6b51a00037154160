/* SPDX-License-Identifier: MIT */
/* A small service with a leak, for scripts/demo. Four threads serve requests: each request is
 * parsed, answered and freed. Page bodies are cached; the cache fills up and stays full. Sessions
 * are never freed: that is the leak. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	N_THREADS = 4,
	N_PAGES = 4096,
	PAGE_BYTES = 2048,
	LINE_BYTES = 32,
	REQUESTS_PER_SESSION = 256
};

struct request {
	uint32_t page;
	uint32_t user;
	char *headers;
};

struct page {
	char body[PAGE_BYTES];
};

struct session {
	struct session *next;
	uint32_t user;
	char history[1000];
};

static struct page *cache[N_PAGES];
static struct session *sessions;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int n_requests = 2000000; /* per thread */

static void *allocate_or_die(void *p)
{
	if (!p) {
		perror("demo_service");
		exit(1);
	}
	return p;
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void render_page(struct page *page, uint32_t number)
{
	for (int at = 0; at < PAGE_BYTES; at += LINE_BYTES)
		snprintf(page->body + at, LINE_BYTES, "page %u line %d", number, at / LINE_BYTES);
}

static const struct page *cache_get(uint32_t number)
{
	pthread_mutex_lock(&lock);
	if (!cache[number]) {
		cache[number] = allocate_or_die(malloc(sizeof(struct page)));
		render_page(cache[number], number);
	}
	pthread_mutex_unlock(&lock);
	return cache[number];
}

static void session_remember(const struct request *request)
{
	struct session *session = allocate_or_die(malloc(sizeof(*session)));

	session->user = request->user;
	snprintf(session->history, sizeof(session->history), "page %u", request->page);
	pthread_mutex_lock(&lock);
	session->next = sessions;
	sessions = session;
	pthread_mutex_unlock(&lock);
}

static void request_parse(struct request *request, uint32_t *random)
{
	size_t size = 256 + next_random(random) % 1024;

	request->page = next_random(random) % N_PAGES;
	request->user = next_random(random);
	request->headers = allocate_or_die(malloc(size));
	memset(request->headers, 'h', size);
}

/* Returns a response of a page's length, written into a block that grows. The caller frees it. */
static char *response_build(const struct request *request, const struct page *page)
{
	size_t used = 0, size = 512;
	char *response = allocate_or_die(malloc(size));

	while (used < PAGE_BYTES) {
		if (used + LINE_BYTES > size)
			response = allocate_or_die(realloc(response, size *= 2));
		memcpy(response + used, page->body + used, LINE_BYTES);
		used += LINE_BYTES;
	}
	response[0] = request->headers[0];
	return response;
}

static void request_serve(const struct request *request)
{
	char *response = response_build(request, cache_get(request->page));

	if (request->user % REQUESTS_PER_SESSION == 0)
		session_remember(request);
	free(response);
}

static void *serve(void *argument)
{
	uint32_t random = (uint32_t)(uintptr_t)argument;

	for (int i = 0; i < n_requests; i++) {
		struct request request;

		request_parse(&request, &random);
		request_serve(&request);
		free(request.headers);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[N_THREADS];

	if (argc > 1)
		n_requests = atoi(argv[1]);
	for (uintptr_t i = 0; i < N_THREADS; i++)
		if (pthread_create(&threads[i], NULL, serve, (void *)(i + 1)) != 0)
			return 1;
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("served %d requests\n", N_THREADS * n_requests);
	return 0;
}
