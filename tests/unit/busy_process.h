/* SPDX-License-Identifier: MIT */
/* Processes that allocate, open libraries, fork, make threads, wait and get signals, and that check
 * all the time that nothing is wrong. */
#pragma once
#include "test.h"
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	N_THREADS = 8,
	PATIENCE_MS = 60000,
};

struct shared { /* by this process, a child and its callers */
	volatile int n_wrong, wrong_line, n_interrupted, is_end;
	volatile uint64_t n_rounds[N_THREADS];
	char message[512];
	uint64_t handle, result;
	volatile pid_t pid; /* of a child's child */
	volatile int is_to_fork;
};

static struct shared *shared;
static int shared_fd = -1;

/* Maps what is shared. A child that executes a program gets the descriptor by its environment. */
static void map_shared(void)
{
	const char *inherited = getenv("BUSY_SHARED");

	shared_fd = inherited ? atoi(inherited) : memfd_create("shared", 0);
	if (!inherited && ftruncate(shared_fd, sizeof(*shared)))
		abort();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, shared_fd, 0);
	if (shared == MAP_FAILED)
		abort();
}

static inline int asked(const char *name, int otherwise)
{
	const char *text = getenv(name);

	return text ? atoi(text) : otherwise;
}

/* --- work of a child -------------------------------------------------------------------------- */

static void check_at(bool is_right, int line)
{
	if (is_right)
		return;
	shared->wrong_line = line;
	__atomic_fetch_add(&shared->n_wrong, 1, __ATOMIC_RELAXED);
}

#define check(is_right) check_at(is_right, __LINE__)

/* Each block is filled with its number, and checked before it is freed. */
static void churn(unsigned *seed, int n)
{
	uint8_t *blocks[64] = {NULL};
	size_t sizes[64] = {0};

	for (int i = 0; i < n; i++) {
		unsigned k = (unsigned)rand_r(seed) % 64;
		size_t size = 1 + (size_t)rand_r(seed) % (i % 50 ? 600 : 200000);

		if (blocks[k])
			check(blocks[k][0] == k && blocks[k][sizes[k] - 1] == k);
		if (blocks[k] && i % 3) {
			free(blocks[k]);
			blocks[k] = NULL;
			continue;
		}
		blocks[k] = realloc(blocks[k], size);
		check(blocks[k] != NULL);
		memset(blocks[k], (int)k, size);
		sizes[k] = size;
	}
	for (int k = 0; k < 64; k++)
		free(blocks[k]);
}

static void *short_thread(void *context)
{
	unsigned seed = 5;

	churn(&seed, 200);
	return NULL;
}

static void open_and_close(void)
{
	void *library = dlopen("libz.so.1", RTLD_NOW);

	check(library && dlsym(library, "crc32"));
	if (library)
		dlclose(library);
}

static void fork_and_wait(void)
{
	pid_t child = fork(), got;
	unsigned seed = 7;
	int status = -1;

	if (child == 0) {
		churn(&seed, 500);
		_exit(0);
	}
	while ((got = waitpid(child, &status, 0)) < 0 && errno == EINTR)
		shared->n_interrupted++;
	check(got == child && status == 0);
}

static void run_a_command(void)
{
	FILE *pipe = popen("true", "re");

	check(pipe && pclose(pipe) == 0);
}

static void make_a_thread(void)
{
	pthread_t thread;

	check(pthread_create(&thread, NULL, short_thread, NULL) == 0);
	pthread_join(thread, NULL);
}

static void wait_for_events(void)
{
	static int fd = -1;
	struct epoll_event event;

	if (fd < 0)
		fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_wait(fd, &event, 1, 1) != 0)
		shared->n_interrupted++;
}

static void sleep_shortly(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	struct pollfd none = {.fd = -1};

	check(nanosleep(&ms, NULL) == 0);
	check(poll(&none, 1, 1) == 0);
	wait_for_events();
}

static void *work_on(void *context)
{
	static void (*const kinds[N_THREADS])(void) = {open_and_close, fork_and_wait, run_a_command,
						       make_a_thread, sleep_shortly};
	size_t k = (size_t)context;
	unsigned seed = (unsigned)k;

	while (!shared->is_end) {
		churn(&seed, 1000);
		if (kinds[k])
			kinds[k]();
		shared->n_rounds[k]++;
	}
	return NULL;
}

/* Signals with a handler interrupt threads: those that only compute, so that EINTR is only ours. */
static void on_signal(int signal)
{
}

static void set_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	const struct itimerval often = {{0, 2000}, {0, 2000}};

	sigaction(SIGPROF, &action, NULL);
	setitimer(ITIMER_PROF, &often, NULL);
}

static int run_many(void)
{
	pthread_t threads[N_THREADS];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPROF);
	for (size_t i = 0; i < N_THREADS; i++) {
		pthread_sigmask(i >= 5 ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
		pthread_create(&threads[i], NULL, work_on, (void *)i);
	}
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	set_signals();
	for (size_t i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static int run_one(void)
{
	set_signals();
	work_on((void *)5);
	return 0;
}

/* Works as thread 5; when it is asked to, makes a child that works as thread 6. */
static inline int run_and_fork(void)
{
	unsigned seed = 1;
	pid_t child;

	while (!shared->is_end && !shared->is_to_fork) {
		churn(&seed, 1000);
		shared->n_rounds[5]++;
	}
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		work_on((void *)6);
		_exit(0);
	}
	shared->pid = child;
	work_on((void *)5);
	return waitpid(child, NULL, 0) != child;
}

/* Memory that was not executable never becomes it. */
static inline int run_without_new_code(void)
{
	return prctl(65 /* PR_SET_MDWE */, 1, 0, 0, 0) && errno != EINVAL ? 1 : run_one();
}

static inline int run_waiting(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	while (!shared->is_end) {
		check(nanosleep(&ms, NULL) == 0);
		shared->n_rounds[5]++;
	}
	return 0;
}

/* --- a child ------------------------------------------------------------------------------------
 */

static void nap(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	nanosleep(&ms, NULL);
}

static pid_t busy_child; /* the last one */

static bool has_died(void)
{
	siginfo_t info = {0};

	return busy_child &&
	       waitid(P_PID, (id_t)busy_child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == busy_child;
}

static void await_rounds(int first, int end)
{
	for (int k = first; k < end; k++) {
		uint64_t wanted = shared->n_rounds[k] + 2;
		int i;

		for (i = 0; i < PATIENCE_MS && shared->n_rounds[k] < wanted && !has_died(); i++)
			nap();
		CHECK_INT_LT(i, PATIENCE_MS);
		CHECK(!has_died());
	}
}

static void await_all(int (*run)(void))
{
	await_rounds(run == run_many ? 0 : 5, run == run_many ? N_THREADS : 6);
}

/* Makes a child that executes this program anew, with a library that is loaded first. */
static void execute(int (*run)(void), const char *preload)
{
	char fd[16];

	snprintf(fd, sizeof(fd), "%d", shared_fd);
	setenv("BUSY_SHARED", fd, 1);
	setenv("BUSY_RUN", run == run_many ? "many" : "one", 1);
	setenv("LD_PRELOAD", preload, 1);
	execl("/proc/self/exe", "busy", NULL);
	_exit(127);
}

/* Runs what execute() asks for, in the program that it has executed. */
static inline void run_if_asked(void)
{
	const char *run = getenv("BUSY_RUN");

	if (!run)
		return;
	map_shared();
	unsetenv("LD_PRELOAD");
	_exit(strcmp(run, "many") == 0 ? run_many() : run_one());
}

static pid_t make_child_under(int (*run)(void), const char *preload)
{
	pid_t child;

	memset(shared, 0, sizeof(*shared));
	fflush(stdout);
	busy_child = child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (preload)
			execute(run, preload);
		_exit(run());
	}
	await_all(run);
	return child;
}

static inline pid_t make_child(int (*run)(void))
{
	return make_child_under(run, NULL);
}

/* Lets the child end, and checks that all was right. If a tool is killed while it stops the child,
 * the child may see that a call was interrupted. */
static void end_child_after_kills(pid_t child)
{
	int status = 0, i;

	shared->is_end = 1;
	busy_child = 0;
	for (i = 0; i < PATIENCE_MS && waitpid(child, &status, WNOHANG) == 0; i++)
		nap();
	CHECK_INT_LT(i, PATIENCE_MS);
	if (i == PATIENCE_MS)
		kill(child, SIGKILL), waitpid(child, NULL, 0);
	CHECK_INT_EQ(status, 0);
	CHECK_INT_EQ(shared->n_wrong, 0);
	CHECK_INT_EQ(shared->wrong_line, 0);
}

static inline void end_child(pid_t child)
{
	end_child_after_kills(child);
	CHECK_INT_EQ(shared->n_interrupted, 0);
}
