/* SPDX-License-Identifier: MIT */
/* A program that locks all of its memory, so that it is never paged out, as programs with deadlines
 * do. At the end it prints how much memory it has mapped. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define N_BLOCKS 10000

static char status[8192];

static long mapped_kib(void)
{
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = read(fd, status, sizeof(status) - 1);
	const char *line;

	close(fd);
	status[n > 0 ? n : 0] = '\0';
	line = strstr(status, "VmPeak:");
	return line ? strtol(line + 7, NULL, 10) : 0;
}

static int allocate_blocks(void)
{
	static char *blocks[N_BLOCKS];

	for (int i = 0; i < N_BLOCKS; i++) {
		blocks[i] = malloc(100);
		if (!blocks[i])
			return 0;
		memset(blocks[i], 1, 100);
	}
	for (int i = 0; i < N_BLOCKS; i++)
		free(blocks[i]);
	return 1;
}

int main(void)
{
	char text[32];

	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		return 3;
	if (!allocate_blocks())
		return 4;
	int n = snprintf(text, sizeof(text), "%ld\n", mapped_kib());

	return write(1, text, n) == n ? 0 : 5;
}
