/* SPDX-License-Identifier: MIT */
/* A service that forwards requests. It has a clock of its own: an hour is 10,000 requests. Each
 * request allocates memory and frees it. Pages are cached until the cache is full. Each night the
 * table of routes is loaded again. Requests that are being served keep the old table, which is
 * freed after the last of them. The defect: a request that fails does not let go of its table. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	REQUESTS_PER_HOUR = 10000,
	HOURS_PER_DAY = 24,
	N_PAGES = 8192,
	PAGE_BYTES = 8192,
	PAGES_WANTED_EVERY = 20, /* requests */
	FAILS_EVERY = 50000,
	N_ROUTES = 160000,
	PIECE_BYTES = 512,
	ANSWER_PIECES = 8
};

struct route {
	struct route *next;
	uint32_t target;
	char prefix[48];
};

struct table {
	struct table *older; /* the list of all tables in use, for the status page */
	struct route *routes;
	int n_users; /* requests that use it, plus 1 while it is the newest */
};

struct request {
	struct table *table;
	char *headers;
};

static char *cache[N_PAGES];
static struct table *newest;
static uint32_t random_state = 1;

static uint32_t next_random(void)
{
	random_state = random_state * 1664525 + 1013904223;
	return random_state >> 8;
}

static void *or_abort(void *p)
{
	if (!p)
		abort();
	return p;
}

/* --- routes -------------------------------------------------------------------------------- */

static struct table *table_load(void)
{
	struct table *table = or_abort(malloc(sizeof(*table)));

	*table = (struct table){.n_users = 1, .older = newest};
	for (uint32_t i = 0; i < N_ROUTES; i++) {
		struct route *route = or_abort(malloc(sizeof(*route)));

		snprintf(route->prefix, sizeof(route->prefix), "/customers/%u", i);
		route->target = next_random();
		route->next = table->routes;
		table->routes = route;
	}
	return table;
}

static void table_free(struct table *table)
{
	while (table->routes) {
		struct route *route = table->routes;

		table->routes = route->next;
		free(route);
	}
	free(table);
}

static void table_let_go(struct table *table)
{
	struct table **at = &newest;

	if (--table->n_users > 0)
		return;
	while (*at != table)
		at = &(*at)->older;
	*at = table->older;
	table_free(table);
}

static void reload(void)
{
	struct table *before = newest;

	newest = table_load();
	if (before)
		table_let_go(before);
}

/* --- requests ------------------------------------------------------------------------------ */

static const char *page_get(uint32_t number)
{
	if (!cache[number]) {
		cache[number] = or_abort(malloc(PAGE_BYTES));
		memset(cache[number], 'p', PAGE_BYTES);
	}
	return cache[number];
}

static void request_parse(struct request *request)
{
	size_t size = 256 + next_random() % 1024;

	request->headers = or_abort(malloc(size));
	memset(request->headers, 'h', size);
	request->table = newest;
	request->table->n_users++;
}

/* Writes an answer into a block that grows. The caller frees it. */
static char *answer_build(const char *from)
{
	size_t size = PIECE_BYTES;
	char *answer = or_abort(malloc(size));

	for (size_t used = 0; used < ANSWER_PIECES * PIECE_BYTES; used += PIECE_BYTES) {
		if (used == size)
			answer = or_abort(realloc(answer, size *= 2));
		memcpy(answer + used, from, PIECE_BYTES);
	}
	return answer;
}

static void request_serve(uint32_t number)
{
	static const char empty_page[PIECE_BYTES];
	struct request request;
	const char *page = empty_page;

	request_parse(&request);
	if (number % PAGES_WANTED_EVERY == 0)
		page = page_get(next_random() % N_PAGES);
	free(answer_build(page));
	free(request.headers);
	if (number % FAILS_EVERY == FAILS_EVERY - 1)
		return; /* the defect: keeps the table */
	table_let_go(request.table);
}

int main(int argc, char **argv)
{
	uint32_t n_days = argc > 1 ? (uint32_t)atoi(argv[1]) : 10;
	uint32_t requests_per_day = HOURS_PER_DAY * REQUESTS_PER_HOUR;

	for (uint32_t i = 0; i < n_days * requests_per_day; i++) {
		if (i % requests_per_day == 0)
			reload();
		request_serve(i);
	}
	printf("%u days, %u requests\n", n_days, n_days * requests_per_day);
	return 0;
}
