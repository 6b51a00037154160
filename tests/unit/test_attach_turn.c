/* SPDX-License-Identifier: MIT */
#include "command/attach/attach_turn.h"

#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

/* Starts a child that takes the turn of a process, and waits until it has it. */
static pid_t start_child(int pid)
{
	int ready[2];
	bool has_turn = false;
	pid_t child;

	CHECK_INT_EQ(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		has_turn = attach_turn_take(pid, 0);
		if (write(ready[1], &has_turn, 1) == 1)
			pause();
		_exit(1);
	}
	CHECK_INT_EQ(read(ready[0], &has_turn, 1), 1);
	CHECK(has_turn);
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void test_one_process_has_the_turn(void)
{
	int pid = (int)getpid();
	pid_t child = start_child(pid);

	CHECK(!attach_turn_take(pid, 0));
	CHECK(!attach_turn_take(pid, 15));
	CHECK(attach_turn_take((int)child, 0)); /* that of another process */
	kill(child, SIGKILL);
	CHECK_INT_EQ(waitpid(child, NULL, 0), child);
	CHECK(attach_turn_take(pid, 0));
}

static void test_no_process(void)
{
	CHECK(attach_turn_take(INT_MAX, 0));
}

TEST_MAIN(TEST(test_one_process_has_the_turn), TEST(test_no_process))
