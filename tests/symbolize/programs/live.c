/* SPDX-License-Identifier: MIT */
/* Prints a heap dump of itself, with a record for each call of leak(). The number of bytes of a
 * record is the line number of its call, so a test can check the line found for its address. The
 * functions are in two segments if the linker is asked to put .far elsewhere. */
#include <stdio.h>
#include <string.h>

#define FAR __attribute__((section(".far"), noinline))

/* Follows the last call of a function. Otherwise the compiler makes that call a jump, without a
 * return address. */
#define NO_TAIL_CALL() __asm__ volatile("")

static void *sites[8];
static int lines[8], n_sites;

__attribute__((noinline)) static void leak(int line)
{
	sites[n_sites] = __builtin_return_address(0);
	lines[n_sites++] = line;
}

__attribute__((noinline)) static void near_site(void)
{
	leak(__LINE__);
	NO_TAIL_CALL();
}

FAR static void far_site(void)
{
	leak(__LINE__);
	NO_TAIL_CALL();
}

static inline __attribute__((always_inline)) void inlined_site(void)
{
	leak(__LINE__);
}

__attribute__((noinline)) static void around_inlined(void)
{
	inlined_site();
	NO_TAIL_CALL();
}

static void print_maps(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[4096];

	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, " r-xp "))
			fputs(line, stdout);
}

static int total(void)
{
	int bytes = 0;

	for (int i = 0; i < n_sites; i++)
		bytes += lines[i];
	return bytes;
}

/* Prints the arguments as lines after the map. */
int main(int argc, char **argv)
{
	near_site();
	far_site();
	around_inlined();
	printf("heap profile: %d: %d [ %d: %d] @ heapprofile\n# heapprof: 1\n", n_sites, total(),
	       n_sites, total());
	for (int i = 0; i < n_sites; i++)
		printf("1: %d [ 1: %d] @ %p\n", lines[i], lines[i], sites[i]);
	printf("\nMAPPED_LIBRARIES:\n");
	print_maps();
	for (int i = 1; i < argc; i++)
		printf("%s\n", argv[i]);
	printf("# end\n");
	return 0;
}
