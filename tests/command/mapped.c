/* SPDX-License-Identifier: MIT */
/* The program that `heapprof inspect --mappings` looks at in tests: memory of several kinds, of
 * known sizes. Each line that it reads makes it grow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MIB (1 << 20)

static char *map(size_t size, int protection)
{
	char *p = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

/* Fills half of the bytes, with strings that repeat, and leaves the others 0. */
static void fill(char *p, size_t size)
{
	static const char text[] = "the password of the planted user is hunter2";

	for (size_t i = 0; i + 128 <= size; i += 128) {
		memset(p + i, 1, 64);
		memcpy(p + i, text, sizeof(text) - 1);
	}
}

int main(void)
{
	char line[16];

	fill(map(32 * MIB, PROT_READ | PROT_WRITE), 8 * MIB);
	map(4 * MIB, PROT_READ | PROT_WRITE | PROT_EXEC)[0] = 1;
	map(64 * MIB, PROT_NONE);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		fill(map(16 * MIB, PROT_READ | PROT_WRITE), 16 * MIB);
		puts("grown");
		fflush(stdout);
	}
	return 0;
}
