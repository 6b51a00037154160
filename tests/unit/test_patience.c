/* SPDX-License-Identifier: MIT */
#include "answer_calls.h"
#include "base/patience.h"
#include "test.h"
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

static uint32_t word;

static void test_what_it_took_is_taken_off(void)
{
	int64_t patience = HP_PATIENCE_OF_MS(100);

	hp_patience_sleep(&patience, &word, 0, 1000000);
	CHECK_INT_LT(patience, HP_PATIENCE_OF_MS(100));
}

/* One sleep subtracts at most 10 ms from the patience, however long the process was stopped
 * meanwhile and however long it asked to sleep. */
static void test_no_more_is_taken_off_than_one_sleep_may_take(void)
{
	int64_t patience = HP_PATIENCE_OF_MS(2000);

	hp_patience_sleep(&patience, &word, 0, 900 * 1000 * 1000);
	CHECK_INT_LE(HP_PATIENCE_OF_MS(1990), patience);
}

static void be_impatient(const int *refused)
{
	int64_t patience = HP_PATIENCE_OF_MS(20);

	alarm(60); /* in case the sleeps do not end */
	if (!answer_calls(refused, SECCOMP_RET_ERRNO | EPERM))
		_exit(77);
	while (patience > 0)
		hp_patience_sleep(&patience, &word, 0, 50 * 1000);
	_exit(0);
}

static void check_it_ends(const int *refused)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		be_impatient(refused);
	CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		printf("# no filters of system calls here\n");
	else
		CHECK_INT_EQ(WEXITSTATUS(status), 0);
}

static void test_it_ends_whatever_is_refused(void)
{
	check_it_ends((const int[]){SYS_clock_gettime, -1});
	check_it_ends((const int[]){SYS_futex, -1});
	check_it_ends((const int[]){SYS_clock_gettime, SYS_futex, -1});
}

TEST_MAIN(TEST(test_what_it_took_is_taken_off),
	  TEST(test_no_more_is_taken_off_than_one_sleep_may_take),
	  TEST(test_it_ends_whatever_is_refused))
