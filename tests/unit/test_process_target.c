/* SPDX-License-Identifier: MIT */
#include "target/target.h"
#include "test.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t word = 4711;

/* Makes a child that executes another program once `hold` is closed. The end of `alive` is there
 * after that. */
static pid_t make_child(int *hold, int *alive)
{
	int held[2], lives[2];
	pid_t child;
	char c;

	if (pipe2(held, O_CLOEXEC) || pipe2(lives, O_CLOEXEC))
		abort();
	child = fork();
	if (child == 0) {
		close(held[1]);
		(void)!read(held[0], &c, 1);
		execlp("sleep", "sleep", "60", NULL);
		_exit(1);
	}
	close(held[0]);
	close(lives[1]);
	*hold = held[1];
	*alive = lives[0];
	return child;
}

static void test_an_exec_meanwhile(void)
{
	struct hp_target *t;
	int hold, alive;
	pid_t child = make_child(&hold, &alive);
	uint64_t got = 0;
	char c;

	CHECK_INT_EQ(hp_target_open_process(child, &t), 0);
	CHECK(hp_target_read(t, (uintptr_t)&word, &got, sizeof(got)) && got == word);
	CHECK_INT_EQ(t->ops->check(t), 0);
	close(hold);
	CHECK_INT_EQ(read(alive, &c, 1), 0);
	CHECK(!hp_target_read(t, (uintptr_t)&word, &got, sizeof(got)));
	hp_target_explain(t);
	CHECK_STR_EQ(t->message, "the process executed another program meanwhile; try again");
	CHECK_INT_EQ(t->ops->check(t), HP_TARGET_E);
	hp_target_close(t);
	close(alive);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

TEST_MAIN(TEST(test_an_exec_meanwhile))
