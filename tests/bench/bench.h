/* SPDX-License-Identifier: MIT */
/* Functions that the measuring programs share. Each program prints one line of numbers and nothing
 * else. */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOINLINE __attribute__((noinline))

/* Use it after a call. It keeps the compiler from merging that call with another one, and from
 * making that call a jump or a loop. */
#define CALL_SITE(name) __asm__ volatile("# " name)

static inline double bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static inline uint32_t bench_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static inline void *bench_check(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		exit(1);
	}
	return p;
}

/* Returns the kilobytes after `key` ("Rss:") in the kernel's summary of all mappings. */
static inline long bench_smaps_kib(const char *key)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	long kib = -1;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0)
			kib = atol(line + strlen(key));
	if (file)
		fclose(file);
	return kib;
}

/* Returns argument number `i`, or `otherwise` if the argument was not given. */
static inline long bench_argument(int argc, char **argv, int i, long otherwise)
{
	return argc > i ? atol(argv[i]) : otherwise;
}
