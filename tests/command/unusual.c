/* SPDX-License-Identifier: MIT */
/* A process in an unusual state, which its argument names. It leaks as many blocks of 4,096 bytes
 * as each line on standard input says, and prints "done". */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static void *volatile last;

__attribute__((noinline)) static void leak(int n)
{
	for (int i = 0; i < n; i++)
		last = malloc(4096);
}

static void *serve(void *unused)
{
	char line[32];

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		leak(atoi(line));
		puts("done");
		fflush(stdout);
	}
	exit(0);
}

/* The main thread ends before the other one. */
static int leave(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, serve, NULL))
		return 1;
	pthread_exit(NULL);
}

/* The child of a vfork() has the memory, and does not end. */
static int wait_for_child(void)
{
	if (vfork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (write(STDOUT_FILENO, "ready\n", 6) == 6)
			pause();
		_exit(0);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *state = argc > 1 ? argv[1] : "";

	if (strcmp(state, "leave") == 0)
		return leave();
	if (strcmp(state, "vfork") == 0)
		return wait_for_child();
	serve(NULL);
	return 0;
}
