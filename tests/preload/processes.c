/* SPDX-License-Identifier: MIT */
/* Programs of several processes. argv[1] names the command. Each process allocates in a function
 * that is named after the process's role, such as allocate_in_child(). */
#include "program.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void *volatile sink;

static NOINLINE void allocate_in_parent(void)
{
	for (int i = 0; i < 100; i++)
		sink = malloc(1000);
}

static NOINLINE void allocate_in_child(void)
{
	for (int i = 0; i < 10; i++)
		sink = malloc(500);
}

static void *allocate_and_free(void *stop)
{
	while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED))
		for (int i = 1; i < 200; i++) {
			void *p = malloc(i * 7);

			p = realloc(p, i * 9);
			free(p);
		}
	return NULL;
}

static void wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		printf("child %d ended with %x\n", (int)pid, status);
		_Exit(99);
	}
}

static int do_fork(char **argv)
{
	allocate_in_parent();
	pid_t pid = fork();

	if (pid == 0) {
		allocate_in_child();
		exit(0);
	}
	wait_for(pid);
	return 0;
}

/* The child frees half of the blocks that the parent allocated, and forks a child of its own. */
static int do_fork_twice(char **argv)
{
	static void *blocks[100];

	for (int i = 0; i < 100; i++)
		blocks[i] = malloc(1000);
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < 50; i++)
			free(blocks[i]);
		pid = fork();
		if (pid == 0) {
			allocate_in_child();
			exit(0);
		}
		wait_for(pid);
		exit(0);
	}
	wait_for(pid);
	return 0;
}

static NOINLINE void allocate_blocks(void **blocks, int n)
{
	for (int i = 0; i < n; i++)
		blocks[i] = malloc(100);
}

static void free_blocks(void **blocks, int n)
{
	for (int i = 0; i < n; i++)
		free(blocks[i]);
}

/* The child frees all blocks that it has inherited, and most of those that it allocates itself from
 * the same stack. */
static int do_fork_and_free(char **argv)
{
	static void *blocks[100], *own[60];

	for (int is_child = 0; is_child < 2; is_child++) {
		allocate_blocks(is_child ? own : blocks, is_child ? 60 : 100);
		pid_t pid = is_child ? -1 : fork();

		if (pid > 0) {
			wait_for(pid);
			return 0;
		}
	}
	free_blocks(own, 50);
	free_blocks(blocks, 100);
	return 0;
}

/* Forks by a system call of its own, so no fork handler runs. */
static int do_raw_fork(char **argv)
{
	allocate_in_parent();
	pid_t pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		allocate_in_child();
		exit(0);
	}
	wait_for(pid);
	return 0;
}

static int do_exec(char **argv)
{
	char *const arguments[] = {program_invocation_name, "leaf", NULL};

	allocate_in_parent();
	pid_t pid = fork();

	if (pid == 0) {
		execv(arguments[0], arguments);
		_exit(98);
	}
	wait_for(pid);
	return 0;
}

static int do_spawn(char **argv)
{
	char *const arguments[] = {program_invocation_name, "leaf", NULL};
	pid_t pid;

	allocate_in_parent();
	if (posix_spawn(&pid, arguments[0], NULL, NULL, arguments, environ) != 0)
		return 97;
	wait_for(pid);
	return 0;
}

static int do_vfork(char **argv)
{
	char *const arguments[] = {program_invocation_name, "leaf", NULL};

	allocate_in_parent();
	for (int i = 0; i < 20; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			sink = malloc(4321); /* not allowed, but programs do it */
			if (i == 0)
				execv(arguments[0], arguments);
			_exit(0);
		}
		wait_for(pid);
	}
	allocate_in_parent();
	return 0;
}

static int do_leaf(char **argv)
{
	allocate_in_child();
	return 0;
}

static int do_exec_in_place(char **argv)
{
	char *const arguments[] = {program_invocation_name, "leaf", NULL};

	allocate_in_parent();
	execv(arguments[0], arguments);
	return 98;
}

static int do_daemon(char **argv)
{
	allocate_in_parent();
	/* Keeps standard output open, so that its reader notices when the daemon ends. */
	if (daemon(1 /* stay in the working directory */, 1) != 0)
		return 97;
	allocate_in_child();
	return 0;
}

static int do_exit_now(char **argv)
{
	allocate_in_parent();
	_exit(3);
}

static int do_quick_exit(char **argv)
{
	allocate_in_parent();
	quick_exit(4);
}

static void leave(int signal)
{
	_exit(0);
}

/* Allocates until a signal ends the process. The signal interrupts the thread in the allocator, in
 * the profiler, or between the two. */
static NOINLINE void allocate_until_signal(void)
{
	struct itimerval soon = {.it_value = {.tv_usec = 2000 + getpid() % 512}};

	signal(SIGALRM, leave);
	for (int i = 0;; i++) {
		sink = malloc(100);
		free(sink);
		if (i == 0)
			setitimer(ITIMER_REAL, &soon, NULL);
	}
}

static int do_exit_in_handler(char **argv)
{
	int n = atoi(argv[0]);

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0)
			allocate_until_signal();
		wait_for(pid);
	}
	return 0;
}

/* Makes children while threads of the parent allocate. argv: number of children, "exec" or "fork",
 * number of children at a time */
static int do_storm(char **argv)
{
	static int stop;
	int n = atoi(argv[0]), n_forkers = atoi(argv[2]);
	pthread_t threads[3];
	char *const arguments[] = {program_invocation_name, "leaf", NULL};

	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, allocate_and_free, &stop);
	for (int i = 0; i < n; i += n_forkers) {
		pid_t pids[16];

		for (int j = 0; j < n_forkers; j++) {
			pids[j] = fork();
			if (pids[j] == 0) {
				allocate_in_child();
				if (strcmp(argv[1], "exec") == 0)
					execv(arguments[0], arguments);
				exit(0);
			}
		}
		for (int j = 0; j < n_forkers; j++)
			wait_for(pids[j]);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static NOINLINE void reuse_one(void)
{
	free(sink = malloc(24));
	sink = NULL; /* prevents a tail call */
}

/* Frees some blocks. The allocator keeps them for the thread that has freed them. Frees several,
 * because a block may be larger than was asked for, and then is not kept for requests of that size.
 */
static void free_some_for_reuse(void)
{
	void *blocks[7];

	for (int i = 0; i < 7; i++)
		blocks[i] = malloc(24);
	for (int i = 0; i < 7; i++)
		free(blocks[i]);
}

/* Makes children by a system call while other threads of the parent hold the allocator's locks.
 * Those threads do not exist in a child, so nobody releases the locks there. The blocks that the
 * allocator keeps for the forking thread need no lock. argv: number of children */
static int do_raw_storm(char **argv)
{
	static int stop;
	pthread_t threads[3];

	free_some_for_reuse();
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, allocate_and_free, &stop);
	for (int i = 0, n = atoi(argv[0]); i < n; i++) {
		pid_t pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

		if (pid == 0) {
			reuse_one();
			raise(40);
			_exit(0);
		}
		wait_for(pid);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static void *fork_some(void *n)
{
	for (int i = 0; i < *(int *)n; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			allocate_in_child();
			exit(0);
		}
		wait_for(pid);
	}
	return NULL;
}

/* Two threads fork at the same time while two others allocate. argv: number of children of each
 * thread */
static int do_fork_in_threads(char **argv)
{
	static int stop;
	int n = atoi(argv[0]);
	pthread_t threads[4];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, allocate_and_free, &stop);
	for (int i = 2; i < 4; i++)
		pthread_create(&threads[i], NULL, fork_some, &n);
	for (int i = 2; i < 4; i++)
		pthread_join(threads[i], NULL);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

const struct command commands[] = {
	{"fork", do_fork},
	{"fork-twice", do_fork_twice},
	{"fork-and-free", do_fork_and_free},
	{"raw-fork", do_raw_fork},
	{"exec", do_exec},
	{"spawn", do_spawn},
	{"vfork", do_vfork},
	{"leaf", do_leaf},
	{"exec-in-place", do_exec_in_place},
	{"daemon", do_daemon},
	{"_exit", do_exit_now},
	{"quick_exit", do_quick_exit},
	{"_exit-in-handler", do_exit_in_handler},
	{"storm", do_storm},
	{"raw-storm", do_raw_storm},
	{"fork-in-threads", do_fork_in_threads},
	{NULL, NULL},
};
