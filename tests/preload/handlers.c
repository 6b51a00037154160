/* SPDX-License-Identifier: MIT */
/* Fork handlers that allocate and free. They are registered before the profiler's own handlers.
 * Before a fork they therefore run after the profiler's, and after the fork before the
 * profiler's. */
#include "program.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern void (*early_handlers[3])(void);

static void *volatile sink;
static void *kept;
static sem_t is_paused, is_freed;

static NOINLINE void allocate_in_prepare(void)
{
	sink = malloc(100);
	free(sink);
	sink = malloc(200);
	free(kept);
	kept = NULL;
}

static NOINLINE void allocate_in_parent(void)
{
	sink = malloc(300);
}

static NOINLINE void allocate_in_child(void)
{
	sink = malloc(400);
}

static NOINLINE void keep_one(void)
{
	kept = malloc(500);
}

static void fork_once(void)
{
	pid_t pid = fork();

	if (pid == 0)
		exit(0);
	waitpid(pid, NULL, 0);
}

static void *fork_some(void *n)
{
	for (int i = 0; i < *(int *)n; i++)
		fork_once();
	return NULL;
}

/* argv: number of forks */
static int do_allocate(char **argv)
{
	int n = atoi(argv[0]);

	early_handlers[0] = allocate_in_prepare;
	early_handlers[1] = allocate_in_parent;
	early_handlers[2] = allocate_in_child;
	for (int i = 0; i < n; i++) {
		keep_one();
		fork_once();
	}
	return 0;
}

/* argv: number of forks of each thread */
static int do_threads(char **argv)
{
	int n = atoi(argv[0]);
	pthread_t threads[4];

	early_handlers[0] = early_handlers[1] = allocate_in_parent;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, fork_some, &n);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static void *free_in_pause(void *unused)
{
	sem_wait(&is_paused);
	free(kept);
	sem_post(&is_freed);
	return NULL;
}

static void wait_for_free(void)
{
	sem_post(&is_paused);
	sem_wait(&is_freed);
}

/* Makes a fork take longer than the patience of another thread: the fork waits in a handler until
 * that thread has freed a block. */
static int do_hold(char **argv)
{
	pthread_t thread;

	keep_one();
	early_handlers[0] = wait_for_free;
	sem_init(&is_paused, 0, 0);
	sem_init(&is_freed, 0, 0);
	pthread_create(&thread, NULL, free_in_pause, NULL);
	fork_once();
	pthread_join(thread, NULL);
	return 0;
}

const struct command commands[] = {
	{"allocate", do_allocate},
	{"threads", do_threads},
	{"hold", do_hold},
	{NULL, NULL},
};
