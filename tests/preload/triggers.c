/* SPDX-License-Identifier: MIT */
/* A program that does something and then waits until its standard input is closed. argv[1] names
 * the command. */
#include "program.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1 << 20)

static void *volatile sink;
static int stop;

static void say_ready_and_wait(void)
{
	char byte;

	if (write(1, "ready\n", 6) != 6)
		_Exit(97);
	while (read(0, &byte, 1) > 0)
		;
}

static NOINLINE void allocate_some(void)
{
	for (int i = 0; i < 10; i++)
		sink = malloc(1000);
}

static int do_wait(char **argv)
{
	allocate_some();
	say_ready_and_wait();
	return 0;
}

/* Allocates a million bytes and keeps them. */
static int do_grow(char **argv)
{
	for (int i = 0; i < 100; i++)
		allocate_some();
	say_ready_and_wait();
	return 0;
}

static NOINLINE void allocate_and_free(void)
{
	void *volatile p = malloc(10000);

	free(p);
}

static int is_input_closed(void)
{
	struct pollfd input = {.fd = 0, .events = POLLIN};

	return poll(&input, 1, 0) > 0;
}

static void say_ready_and_work(void)
{
	if (write(1, "ready\n", 6) != 6)
		_Exit(97);
	while (!is_input_closed())
		allocate_and_free();
}

static int do_work(char **argv)
{
	allocate_some();
	say_ready_and_work();
	return 0;
}

static int do_crash(char **argv)
{
	const struct rlimit none = {0};

	setrlimit(RLIMIT_CORE, &none);
	allocate_some();
	*(volatile int *)8 = 1;
	return 0;
}

/* Checks that the dump signal's handler has SA_ONSTACK, on which threads and coroutines with a
 * small stack rely. */
static int do_signal_stack(char **argv)
{
	struct sigaction action;

	if (sigaction(SIGUSR2, NULL, &action) != 0 || action.sa_handler == SIG_DFL)
		return 97;
	return action.sa_flags & SA_ONSTACK ? 0 : 96;
}

static int do_touch(char **argv)
{
	allocate_some();
	char *p = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(p, 1, 64 * MIB);
	say_ready_and_work();
	return 0;
}

static void *touch(void *main_thread)
{
	pthread_join(*(pthread_t *)main_thread, NULL);
	exit(do_touch(NULL));
}

/* Ends the main thread while another thread goes on. */
static int do_touch_without_main(char **argv)
{
	static pthread_t main_thread;
	pthread_t thread;

	main_thread = pthread_self();
	pthread_create(&thread, NULL, touch, &main_thread);
	pthread_exit(NULL);
}

static void *make_and_free(void *unused)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		for (int i = 0; i < 100; i++) {
			void *volatile p = malloc(i);

			free(p);
		}
	return NULL;
}

static int do_threads(char **argv)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, make_and_free, NULL);
	say_ready_and_wait();
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static int do_fork(char **argv)
{
	allocate_some();
	pid_t pid = fork();

	if (pid == 0) {
		allocate_some();
		say_ready_and_wait();
		exit(0);
	}
	return waitpid(pid, NULL, 0) == pid ? 0 : 96;
}

/* Forks a child that neither allocates nor frees. */
static int do_fork_and_wait(char **argv)
{
	allocate_some();
	pid_t pid = fork();

	if (pid == 0) {
		say_ready_and_wait();
		exit(0);
	}
	return waitpid(pid, NULL, 0) == pid ? 0 : 96;
}

/* Forks a child that asks for a dump before it does anything that the profiler could notice. */
static int do_fork_and_raise(char **argv)
{
	allocate_some();
	pid_t pid = fork();

	if (pid == 0) {
		raise(SIGUSR2);
		_exit(0);
	}
	say_ready_and_wait();
	return waitpid(pid, NULL, 0) == pid ? 0 : 96;
}

/* Allocates and frees 40 blocks. Ten of them use up an interval of 10,000 bytes. */
static int do_grow_and_shrink(char **argv)
{
	static void *blocks[40];

	for (int i = 0; i < 40; i++)
		blocks[i] = malloc(1000);
	for (int i = 0; i < 40; i++)
		free(blocks[i]);
	return 0;
}

static volatile sig_atomic_t is_interrupted;

static void raise_within(int signal)
{
	raise(SIGUSR2);
	is_interrupted = 1;
}

/* Asks for dumps by a signal that interrupts the thread at arbitrary points, also inside the
 * profiler. */
static int do_signals_within(char **argv)
{
	signal(SIGALRM, raise_within);
	for (int i = 0; i < 300; i++) {
		const struct itimerval soon = {.it_value.tv_usec = 1 + i % 50};

		is_interrupted = 0;
		setitimer(ITIMER_REAL, &soon, NULL);
		while (!is_interrupted)
			allocate_and_free();
	}
	return 0;
}

static void *be_idle(void *barrier)
{
	pthread_barrier_wait(barrier);
	pause();
	return NULL;
}

static void *do_nothing(void *unused)
{
	return NULL;
}

/* Forks while the threads of the parent have more stacks than the C library keeps. When a thread
 * ends in the child, the C library frees the first of these stacks and the memory of those threads,
 * while it holds the lock of all stacks. */
static int do_fork_and_join(char **argv)
{
	pthread_t threads[8], thread;
	pthread_barrier_t barrier;

	pthread_barrier_init(&barrier, NULL, 9);
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, be_idle, &barrier);
	pthread_barrier_wait(&barrier);
	pid_t pid = fork();

	if (pid == 0) {
		pthread_create(&thread, NULL, do_nothing, NULL);
		pthread_join(thread, NULL);
		_exit(0);
	}
	int status;

	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 96;
}

const struct command commands[] = {
	{"grow", do_grow},
	{"wait", do_wait},
	{"work", do_work},
	{"crash", do_crash},
	{"signal-stack", do_signal_stack},
	{"touch", do_touch},
	{"touch-without-main", do_touch_without_main},
	{"threads", do_threads},
	{"fork", do_fork},
	{"fork-and-wait", do_fork_and_wait},
	{"fork-and-raise", do_fork_and_raise},
	{"grow-and-shrink", do_grow_and_shrink},
	{"signals-within", do_signals_within},
	{"fork-and-join", do_fork_and_join},
	{NULL, NULL},
};
