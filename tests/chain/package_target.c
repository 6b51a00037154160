/* SPDX-License-Identifier: MIT */
/* A program to attach to. It allocates, frees and checks what it holds all the time: in its only
 * thread or, with -DTHREADS=N, in N more. For each line on standard input, a number, it leaks as
 * many blocks and prints how many it has leaked. It ends with status 0 at the end of the input. */
#include <poll.h>
#ifdef THREADS
#include <pthread.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	HELD = 64,
	SIZE_MAX_BYTES = 3000,
	LEAK_BYTES = 4096,
	STEPS = 200,
};

struct holder {
	unsigned seed;
	unsigned char *blocks[HELD];
	size_t sizes[HELD];
};

static void *volatile last;

__attribute__((noinline)) static void leak(int n)
{
	for (int i = 0; i < n; i++)
		last = malloc(LEAK_BYTES);
}

/* Replaces one block, after a look whether it is as it was left. */
static void step(struct holder *h)
{
	size_t i = (size_t)rand_r(&h->seed) % HELD,
	       size = (size_t)rand_r(&h->seed) % SIZE_MAX_BYTES;

	for (size_t at = 0; h->blocks[i] && at < h->sizes[i]; at++)
		if (h->blocks[i][at] != (unsigned char)i)
			abort();
	free(h->blocks[i]);
	h->blocks[i] = malloc(size);
	if (!h->blocks[i])
		abort();
	memset(h->blocks[i], (int)i, size);
	h->sizes[i] = size;
}

#ifdef THREADS
static void *work(void *seed)
{
	static __thread struct holder holder;

	holder.seed = (unsigned)(size_t)seed;
	for (;;)
		step(&holder);
	return NULL;
}

static void start(void)
{
	for (size_t i = 1; i <= THREADS; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, work, (void *)i))
			abort();
	}
}

static void wait_for_line(void)
{
}
#else
static void start(void)
{
}

static void wait_for_line(void)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	static struct holder holder;

	while (poll(&input, 1, 0) == 0)
		for (int i = 0; i < STEPS; i++)
			step(&holder);
}
#endif

/* Reads by itself, since stdio may have read more than one line. */
static int read_number(void)
{
	int n = 0;
	char c;

	wait_for_line();
	while (read(STDIN_FILENO, &c, 1) == 1) {
		if (c == '\n')
			return n;
		n = 10 * n + (c - '0');
	}
	return -1;
}

int main(void)
{
	int total = 0, n;

	start();
	while ((n = read_number()) >= 0) {
		leak(n);
		printf("%d\n", total += n);
		fflush(stdout);
	}
	return 0;
}
