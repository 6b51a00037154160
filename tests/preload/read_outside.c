/* SPDX-License-Identifier: MIT */
/* Reads another process as pprofconv does, and prints the dump:
 *
 *	read_outside PID
 *	read_outside PID N      reads it N times; each dump is followed by a line "---"
 *	read_outside PID N -q   prints the cost instead: CPU milliseconds, the best and the median,
 *	                        and the bytes copied
 *	read_outside PID N -s   reads it with all its threads stopped, each time in a child
 *	read_outside PID 1 -h   stops the process until the end of standard input; reads nothing */
#include "target/snapshot.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

/* What to do N times. */
enum mode {
	SHOW,
	MEASURE,
	STOP,
	HOLD,
};

static enum mode parse_mode(const char *text)
{
	return strcmp(text, "-q") == 0   ? MEASURE
	       : strcmp(text, "-s") == 0 ? STOP
	       : strcmp(text, "-h") == 0 ? HOLD
					 : SHOW;
}

static void hold(void)
{
	char c;

	if (write(STDOUT_FILENO, "stopped\n", 8) == 8)
		while (read(STDIN_FILENO, &c, 1) == 1)
			;
}

static int read_once(int pid, enum mode mode, bool is_series, double *out_ms, uint64_t *out_bytes)
{
	struct hp_target *target;
	double start = cpu_ms();
	char *text = NULL;
	size_t size = 0;
	int r = hp_target_open_process(pid, &target);

	if (!r && mode >= STOP)
		r = hp_target_stop(target);
	if (!r && mode == HOLD)
		hold();
	else if (!r)
		r = hp_snapshot_dump(target, &text, &size, NULL);
	*out_ms = cpu_ms() - start;
	*out_bytes = target ? target->n_bytes_read : 0;
	if (r)
		fprintf(stderr, "%s\n", target ? target->message : "out of memory");
	else if (mode == SHOW)
		printf("%.*s%s", (int)size, text, is_series ? "---\n" : "");
	free(text);
	hp_target_close(target);
	return r;
}

/* Some threads stay traced until the reader ends. */
static int read_in_child(int pid)
{
	double ms;
	uint64_t n_bytes;
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(read_once(pid, STOP, false, &ms, &n_bytes));
	return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}

int main(int argc, char **argv)
{
	int pid = argc > 1 ? atoi(argv[1]) : 0, n = argc > 2 ? atoi(argv[2]) : 1;
	enum mode mode = argc > 3 ? parse_mode(argv[3]) : SHOW;
	double *ms = calloc((size_t)n + 1, sizeof(*ms));
	uint64_t n_bytes = 0;

	for (int i = 0; i < n; i++)
		if (!ms || (mode == STOP ? read_in_child(pid)
					 : read_once(pid, mode, n > 1, &ms[i], &n_bytes)))
			return 2;
	if (mode == MEASURE && n > 0) {
		qsort(ms, (size_t)n, sizeof(*ms), compare);
		printf("best %.2f ms, median %.2f ms, %.2f MB copied\n", ms[0], ms[n / 2],
		       (double)n_bytes / 1e6);
	}
	free(ms);
	return 0;
}
