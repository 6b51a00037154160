/* SPDX-License-Identifier: MIT */
/* Allocates large blocks that it never touches. argv: "realloc" or "calloc", MiB. Prints how many
 * pages became resident meanwhile. If a block grows by being copied, each page that is copied
 * becomes resident. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MIB ((size_t)1 << 20)

enum {
	N_CALLOCS = 8
};

static void *volatile sink[N_CALLOCS];

static long page_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* Grows a block in steps of 1 MiB. */
static int grow(size_t size)
{
	void *p = malloc(MIB);

	for (size_t n = 2 * MIB; p && n <= size; n += MIB)
		p = realloc(p, n);
	sink[0] = p;
	return !p;
}

static int clear(size_t size)
{
	for (int i = 0; i < N_CALLOCS; i++) {
		sink[i] = calloc(1, size);
		if (!sink[i])
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	long before = page_faults();
	size_t size = argc == 3 ? strtoul(argv[2], NULL, 10) * MIB : 0;
	int error = strcmp(argv[1], "realloc") == 0 ? grow(size) : clear(size);

	printf("%ld\n", page_faults() - before);
	return error;
}
