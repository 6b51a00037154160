/* SPDX-License-Identifier: MIT */
/* A program that allocates by talloc, and reports that to heapprof: requests that go with all that
 * they hold, and a server that keeps some. */
#include <string.h>
#include <talloc.h>

#include <heapprof_talloc.h>

static void *volatile sink;

__attribute__((noinline)) static void answer(void *server)
{
	void *request = talloc_named_const(server, 0, "request");
	char *text = talloc_array(request, char, 1000);
	int *numbers = talloc_zero(text, int);

	sink = numbers;
	text = talloc_realloc(request, text, char, 3000);
	sink = talloc_asprintf(request, "%d numbers", *numbers);
	talloc_free(request);
}

__attribute__((noinline)) static void remember(void *server)
{
	sink = talloc_strdup(server, "a line of nineteen."); /* 20 bytes */
}

int main(void)
{
	void *server = talloc_named_const(NULL, 0, "server"), *cache = talloc_new(server);

	for (int i = 0; i < 100; i++) {
		answer(server);
		remember(server);
	}
	sink = talloc_memdup(cache, "12345", 5);
	sink = talloc_size(sink, 7);
	talloc_free_children(cache);
	return 0;
}
