/* SPDX-License-Identifier: MIT */
/* Reads another process as pprofconv does, and prints the dump:
 *
 *	read_outside PID
 *	read_outside PID N      reads it N times; each dump is followed by a line "---"
 *	read_outside PID N -q   prints the cost instead: CPU milliseconds, the best and the median,
 *	                        and the bytes copied */
#include "target/snapshot.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static int read_once(int pid, bool is_quiet, bool is_series, double *out_ms, uint64_t *out_bytes)
{
	struct hp_target *target;
	double start = cpu_ms();
	char *text = NULL;
	size_t size = 0;
	int r = hp_target_open_process(pid, &target);

	if (!r)
		r = hp_snapshot_dump(target, &text, &size, NULL);
	*out_ms = cpu_ms() - start;
	*out_bytes = target ? target->n_bytes_read : 0;
	if (r)
		fprintf(stderr, "%s\n", target ? target->message : "out of memory");
	else if (!is_quiet)
		printf("%.*s%s", (int)size, text, is_series ? "---\n" : "");
	free(text);
	hp_target_close(target);
	return r;
}

int main(int argc, char **argv)
{
	int pid = argc > 1 ? atoi(argv[1]) : 0, n = argc > 2 ? atoi(argv[2]) : 1;
	bool is_quiet = argc > 3 && strcmp(argv[3], "-q") == 0;
	double *ms = calloc((size_t)n + 1, sizeof(*ms));
	uint64_t n_bytes = 0;

	for (int i = 0; i < n; i++)
		if (!ms || read_once(pid, is_quiet, n > 1, &ms[i], &n_bytes))
			return 2;
	if (is_quiet && n > 0) {
		qsort(ms, (size_t)n, sizeof(*ms), compare);
		printf("best %.2f ms, median %.2f ms, %.2f MB copied\n", ms[0], ms[n / 2],
		       (double)n_bytes / 1e6);
	}
	free(ms);
	return 0;
}
