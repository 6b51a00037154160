/* SPDX-License-Identifier: MIT */
/* A program that is attached to, and says what that costs it. It has N_THREADS threads, of which
 * all but one sleep for a millisecond at a time. The first one does what lines on standard input
 * say, and answers each with a line:
 *
 *	gap       spins from here to the next line, and then prints the longest time in microseconds
 *		  that it did not run
 *	pair N    makes N pairs of malloc and free, and prints nanoseconds per pair
 *
 *	attach_host N_THREADS
 */
#include "bench.h"
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	LIVE = 1000,
	SIZE_MAX_BYTES = 256,
	LINE_SIZE = 64,
};

static char *blocks[LIVE];

static void *sleep_for_ever(void *unused)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (;;)
		nanosleep(&ms, NULL);
	return unused;
}

static NOINLINE void replace_blocks(long n)
{
	uint32_t random = 2463534242;

	for (long i = 0; i < n; i++) {
		uint32_t r = bench_random(&random);
		char **block = &blocks[r % LIVE];

		free(*block);
		*block = bench_check(malloc(1 + (r >> 16) % SIZE_MAX_BYTES));
		*(volatile char *)*block = 1;
	}
}

/* Spins until there is input. Returns the longest time between two looks at the clock. */
static double spin(void)
{
	double last = bench_now_ns(), longest = 0;
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	do {
		for (int i = 0; i < 1000; i++) {
			double now = bench_now_ns();

			longest = now - last > longest ? now - last : longest;
			last = now;
		}
	} while (poll(&input, 1, 0) == 0);
	return longest / 1000;
}

static void make_threads(long n)
{
	pthread_t thread;

	for (long i = 1; i < n; i++)
		if (pthread_create(&thread, NULL, sleep_for_ever, NULL) != 0)
			exit(1);
}

int main(int argc, char **argv)
{
	char line[LINE_SIZE];

	setvbuf(stdin, NULL, _IONBF, 0); /* poll() sees what was not read */
	setvbuf(stdout, NULL, _IOLBF, LINE_SIZE);
	make_threads(bench_argument(argc, argv, 1, 1));
	replace_blocks(10 * LIVE);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		long n = strtol(line + strcspn(line, " "), NULL, 10);
		double start = bench_now_ns();

		if (strncmp(line, "pair", 4) == 0) {
			replace_blocks(n);
			printf("%.3f\n", (bench_now_ns() - start) / n);
		} else {
			double longest;

			puts("spins");
			longest = spin();
			if (!fgets(line, sizeof(line), stdin))
				break;
			printf("%.1f\n", longest);
		}
	}
	return 0;
}
