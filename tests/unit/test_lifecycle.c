/* SPDX-License-Identifier: MIT */
/* The profiler's start, and fork children that no fork handler has prepared: the profiler may
 * notice such a child only when it has several threads. */
#include "control/startup.h"
#include "record/session.h"
#include "test.h"
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	N_THREADS = 2,
	N_FORKS = 100
};

static int status_of(pid_t pid)
{
	int status = -1;

	CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int errno_after_init;

/* The profiler's start must not change errno: the program's first allocation may come while errno
 * still matters. */
static void test_errno_stays(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		errno = 4711;
		hp_startup_register();
		_exit(errno != 4711);
	}
	CHECK_INT_EQ(status_of(pid), 0);
	CHECK_INT_EQ(errno_after_init, 4711);
}

static void *enter_once(void *unused)
{
	struct hp_thread *t = hp_session_enter();

	if (t)
		hp_session_leave(t);
	return t;
}

static uint32_t n_missing; /* threads that have not started yet */

static void *enter_together(void *unused)
{
	__atomic_sub_fetch(&n_missing, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&n_missing, __ATOMIC_SEQ_CST) > 0)
		;
	return enter_once(NULL);
}

/* Exits with the number of times that the process was made ready, or with 99 if a thread could not
 * enter. */
static void be_child_of_threads(void)
{
	uint32_t inherited = hp_session.own;
	pthread_t threads[N_THREADS];
	void *result;

	n_missing = N_THREADS;
	for (int i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, enter_together, NULL);
	for (int i = 0; i < N_THREADS; i++) {
		pthread_join(threads[i], &result);
		if (!result)
			_exit(99);
	}
	_exit((int)(hp_session.own - inherited));
}

static void test_one_thread_begins(void)
{
	for (int i = 0; i < N_FORKS && test_failures == 0; i++) {
		pid_t pid = _Fork();

		if (pid == 0)
			be_child_of_threads();
		CHECK_INT_EQ(status_of(pid), 1);
	}
}

static pthread_barrier_t has_entered, may_end;

static void *enter_and_stay(void *unused)
{
	void *t = enter_once(NULL);

	pthread_barrier_wait(&has_entered);
	pthread_barrier_wait(&may_end);
	return t;
}

/* Exits with status 0 if each of the two threads has a struct of its own, and with 1 otherwise. */
static void be_child_noticed_by_another_thread(void)
{
	pthread_t thread;
	void *its, *own;

	pthread_barrier_init(&has_entered, NULL, 2);
	pthread_barrier_init(&may_end, NULL, 2);
	pthread_create(&thread, NULL, enter_and_stay, NULL);
	pthread_barrier_wait(&has_entered);
	own = hp_session_enter();
	pthread_barrier_wait(&may_end);
	pthread_join(thread, &its);
	_exit(own && its && own != its ? 0 : 1);
}

static void test_noticed_by_another_thread_than_forked(void)
{
	struct hp_thread *t = hp_session_enter();
	pid_t pid;

	CHECK(t);
	hp_session_leave(t);
	pid = _Fork();
	if (pid == 0)
		be_child_noticed_by_another_thread();
	CHECK_INT_EQ(status_of(pid), 0);
}

static bool can_another_thread_enter(void)
{
	pthread_t thread;
	void *result;

	pthread_create(&thread, NULL, enter_once, NULL);
	pthread_join(thread, &result);
	return result;
}

static void enter_here(void)
{
	enter_once(NULL);
}

static void enter_in_another_thread(void)
{
	can_another_thread_enter();
}

/* Registers the test's fork handlers, then the profiler's. So `prepare` runs after the profiler's
 * handler before the fork, and `in_child` runs before the profiler's handler in the child. */
static void register_with(void (*prepare)(void), void (*in_child)(void))
{
	pthread_atfork(prepare, NULL, in_child);
	hp_startup_register();
	alarm(20);
}

/* In a fork child, another thread may make the process ready before the profiler's handler runs.
 * The parent's pause must be over for the thread that forked, too. */
static void test_another_thread_begins_in_a_fork_handler(void)
{
	pid_t pid = _Fork();

	if (pid == 0) {
		register_with(NULL, enter_in_another_thread);
		pid = fork();
		if (pid == 0) {
			pid = fork();
			_exit(pid > 0 ? status_of(pid) : 7);
		}
		_exit(status_of(pid));
	}
	CHECK_INT_EQ(status_of(pid), 7);
}

/* A fork child that the profiler has not noticed forks. The profiler's handler must notice the
 * child before it begins the pause for this fork: otherwise enter_here(), the next handler, would
 * notice the child and thereby end the pause. */
static void test_fork_of_an_unseen_child(void)
{
	pid_t pid = _Fork();

	if (pid == 0) {
		register_with(enter_here, NULL);
		pid = _Fork();
		if (pid == 0) {
			pid = fork();
			_exit(pid > 0 && status_of(pid) == 0 ? !can_another_thread_enter() : 0);
		}
		_exit(status_of(pid));
	}
	CHECK_INT_EQ(status_of(pid), 0);
}

static __attribute__((constructor)) void prepare(void)
{
	setenv("HEAPPROFILE", "/nowhere/p", true);
	errno = 4711;
	hp_startup_init();
	errno_after_init = errno;
	if (!hp_session_is_running())
		exit(1);
}

TEST_MAIN(TEST(test_errno_stays), TEST(test_one_thread_begins),
	  TEST(test_noticed_by_another_thread_than_forked),
	  TEST(test_another_thread_begins_in_a_fork_handler), TEST(test_fork_of_an_unseen_child))
