/* SPDX-License-Identifier: MIT */
#include "process/fork_mark.h"
#include "test.h"
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	IS_NEW = 1,
	IS_VFORK_CHILD = 2
};

static int what_am_i(void)
{
	return (hp_fork_mark_is_new_process() ? IS_NEW : 0) |
	       (hp_fork_mark_is_vfork_child() ? IS_VFORK_CHILD : 0);
}

static int status_of(pid_t pid)
{
	int status = -1;

	CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_known_process(void)
{
	CHECK_INT_EQ(what_am_i(), 0);
}

static void test_fork_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(what_am_i());
	CHECK_INT_EQ(status_of(pid), IS_NEW);
	CHECK_INT_EQ(what_am_i(), 0);
}

static void test_fork_child_becomes_known(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		hp_fork_mark_set();
		_exit(what_am_i());
	}
	CHECK_INT_EQ(status_of(pid), 0);
}

static void test_raw_clone(void)
{
	pid_t pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(what_am_i());
	CHECK_INT_EQ(status_of(pid), IS_NEW);
}

static void test_vfork_child(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(what_am_i());
	CHECK_INT_EQ(status_of(pid), IS_VFORK_CHILD);
	CHECK_INT_EQ(what_am_i(), 0);
}

static __attribute__((constructor)) void prepare(void)
{
	hp_fork_mark_init();
}

TEST_MAIN(TEST(test_known_process), TEST(test_fork_child), TEST(test_fork_child_becomes_known),
	  TEST(test_raw_clone), TEST(test_vfork_child))
