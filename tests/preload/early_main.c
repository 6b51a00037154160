/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

int early_is_linked(void);

static void *volatile sink;

static __attribute__((noinline)) void allocate_here(int n)
{
	for (int i = 0; i < n; i++) {
		sink = malloc(1000);
		if (!sink)
			_Exit(99);
	}
}

int main(int argc, char **argv)
{
	allocate_here(argc > 1 ? atoi(argv[1]) : 10);
	return !early_is_linked();
}
