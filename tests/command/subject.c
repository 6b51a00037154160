/* SPDX-License-Identifier: MIT */
/* The program that `heapprof run` runs in tests: it grows, then waits for signals or ends as its
 * argument says. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK (64 << 10)

static void *volatile kept[1024];
static size_t n_kept;

static __attribute__((noinline)) void fill_cache(void)
{
	for (int i = 0; i < 64; i++)
		kept[n_kept++] = malloc(BLOCK);
}

static __attribute__((noinline)) void remember(void)
{
	kept[n_kept++] = malloc(BLOCK);
}

/* Keeps 20 MiB for good and allocates as much for a moment. */
static void grow(void)
{
	fill_cache();
	for (int i = 0; i < 320; i++) {
		void *volatile brief = malloc(BLOCK);

		free(brief);
		remember();
	}
}

static void say(const char *text)
{
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		_exit(99);
}

/* Prints the name of each signal. USR1 and TERM end the program; TSTP, TTIN and TTOU stop it. */
static int wait_for_signals(void)
{
	sigset_t set;
	int signal = 0;

	sigfillset(&set);
	sigdelset(&set, SIGTSTP);
	sigdelset(&set, SIGTTIN);
	sigdelset(&set, SIGTTOU);
	sigdelset(&set, SIGCONT);
	if (getenv("HEAPPROFILESIGNAL"))
		sigdelset(&set, atoi(getenv("HEAPPROFILESIGNAL")));
	sigprocmask(SIG_BLOCK, &set, NULL);
	say("ready\n");
	while (signal != SIGUSR1 && signal != SIGTERM) {
		const char *name = sigwait(&set, &signal) == 0 ? sigabbrev_np(signal) : NULL;

		say(name ? name : "another");
		say("\n");
	}
	return 7;
}

/* Waits in another thread, after the main thread has ended. */
static void *wait_elsewhere(void *unused)
{
	exit(wait_for_signals());
	return unused;
}

static int leave(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, wait_elsewhere, NULL) != 0)
		return 98;
	pthread_exit(NULL);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (strcmp(mode, "brief") == 0)
		return 0;
	grow();
	if (strcmp(mode, "wait") == 0)
		return wait_for_signals();
	if (strcmp(mode, "leave") == 0)
		return leave();
	if (strcmp(mode, "die") == 0)
		raise(atoi(argv[2]));
	puts("served");
	return atoi(mode);
}
