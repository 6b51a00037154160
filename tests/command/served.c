/* SPDX-License-Identifier: MIT */
/* The process that `heapprof serve` serves in tests: it keeps a cache and then grows, a block at a
 * time, until its standard input ends. */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK    4096
#define PAUSE_MS 5

static void *volatile kept[1 << 16];
static size_t n_kept;

static inline __attribute__((always_inline)) void keep(void)
{
	kept[n_kept++ % (sizeof(kept) / sizeof(kept[0]))] = malloc(BLOCK);
}

static __attribute__((noinline)) void fill_cache(void)
{
	for (int i = 0; i < 64; i++)
		keep();
}

static __attribute__((noinline)) void remember(void)
{
	keep();
}

int main(void)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	fill_cache();
	remember();
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		return 1;
	while (poll(&input, 1, PAUSE_MS) == 0)
		remember();
	return 0;
}
