/* SPDX-License-Identifier: MIT */
/* A program whose heap 40 functions allocate. scripts/diff-truth runs it under the profiler.
 *
 *	heap UNIT LEAK SIZE...
 *
 * Function f keeps (400 + 100 f) UNIT bytes in blocks of each SIZE. Function 20 also leaks LEAK
 * bytes in blocks of 64 bytes. With every third block another block of the same size is allocated
 * and freed. */
#include <stdlib.h>

#define NOINLINE __attribute__((noinline))

enum {
	LEAKING = 20,
	LEAK_SIZE = 64
};

static void *volatile kept; /* the last block; no block is freed */
static unsigned calls[40];

/* Defines a function that keeps a block. Each has a counter of its own, so that the compiler does
 * not merge the functions. */
#define KEEP(n)                                    \
	static NOINLINE void keep_##n(size_t size) \
	{                                          \
		void *volatile extra = NULL;       \
                                                   \
		kept = malloc(size);               \
		if (calls[n]++ % 3 == 0)           \
			extra = malloc(size);      \
		free(extra);                       \
	}

/* clang-format off */
KEEP(0) KEEP(1) KEEP(2) KEEP(3)
KEEP(4) KEEP(5) KEEP(6) KEEP(7)
KEEP(8) KEEP(9) KEEP(10) KEEP(11)
KEEP(12) KEEP(13) KEEP(14) KEEP(15)
KEEP(16) KEEP(17) KEEP(18) KEEP(19)
KEEP(20) KEEP(21) KEEP(22) KEEP(23)
KEEP(24) KEEP(25) KEEP(26) KEEP(27)
KEEP(28) KEEP(29) KEEP(30) KEEP(31)
KEEP(32) KEEP(33) KEEP(34) KEEP(35)
KEEP(36) KEEP(37) KEEP(38) KEEP(39)

#define TEN(n) keep_##n##0, keep_##n##1, keep_##n##2, keep_##n##3, keep_##n##4, \
	       keep_##n##5, keep_##n##6, keep_##n##7, keep_##n##8, keep_##n##9

static void (*const keepers[])(size_t) = {
	keep_0, keep_1, keep_2, keep_3, keep_4, keep_5, keep_6, keep_7, keep_8, keep_9,
	TEN(1), TEN(2), TEN(3),
};
/* clang-format on */

static void keep_bytes(int function, size_t bytes, size_t size)
{
	for (size_t i = 0; i < bytes / size; i++)
		keepers[function](size);
}

int main(int argc, char **argv)
{
	size_t unit, leak;

	if (argc < 4)
		return 2;
	unit = strtoul(argv[1], NULL, 0);
	leak = strtoul(argv[2], NULL, 0);
	for (int i = 3; i < argc; i++)
		for (int f = 0; f < 40; f++)
			keep_bytes(f, (400 + 100 * (size_t)f) * unit, strtoul(argv[i], NULL, 0));
	keep_bytes(LEAKING, leak, LEAK_SIZE);
	return 0;
}
