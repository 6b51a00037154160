/* SPDX-License-Identifier: MIT */
/* Measures blocks so large that, if they stay untouched, nearly all of their cost is the kernel's.
 *
 *	big_blocks realloc MIB     grows a block to MIB in steps of 1 MiB; prints milliseconds
 *	big_blocks calloc N MIB    N untouched blocks of MIB; prints milliseconds and resident KiB
 */
#include "bench.h"

#define MIB ((size_t)1 << 20)

static void grow(size_t n_steps)
{
	double start = bench_now_ns();
	char *p = NULL;

	for (size_t i = 1; i <= n_steps; i++) {
		p = bench_check(realloc(p, i * MIB));
		*(volatile char *)p = 1;
	}
	printf("%.3f\n", (bench_now_ns() - start) / 1e6);
	free(p);
}

static void leave_untouched(size_t n_blocks, size_t size)
{
	long before = bench_smaps_kib("Rss:");
	char **blocks = bench_check(calloc(n_blocks, sizeof(*blocks)));
	double start = bench_now_ns();

	for (size_t i = 0; i < n_blocks; i++)
		blocks[i] = bench_check(calloc(1, size));
	double end = bench_now_ns();

	printf("%.3f %ld\n", (end - start) / 1e6, bench_smaps_kib("Rss:") - before);
	for (size_t i = 0; i < n_blocks; i++)
		free(blocks[i]);
	free(blocks);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "realloc") == 0)
		grow(atol(argv[2]));
	else if (argc == 4 && strcmp(argv[1], "calloc") == 0)
		leave_untouched(atol(argv[2]), atol(argv[3]) * MIB);
	else
		return 2;
	return 0;
}
