/* SPDX-License-Identifier: MIT */
#include "command/run/descendants.h"
#include "test.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_lines(void)
{
	struct process_line line;

	CHECK(process_line_parse("47 (a) b) S 11 47 47 0 -1 4194368 1 2", &line));
	CHECK_INT_EQ(line.pid, 47);
	CHECK_INT_EQ(line.parent, 11);
	CHECK(line.is_fork);
	CHECK(process_line_parse("47 (a) S 11 47 47 0 -1 4194304 64 2", &line));
	CHECK(!line.is_fork);
	CHECK(process_line_parse("47 (a) S 11 4", &line));
	CHECK(!line.is_fork);
}

static void test_texts_that_are_no_lines(void)
{
	static const char *const texts[] = {
		"",     "47", "47 (a", "47 (a)", "47 (a) S", "x (a) S 11 47", "-4 (a) S 11 47",
		")))))"};
	struct process_line line;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CHECK(!process_line_parse(texts[i], &line));
}

/* Starts a child with a child of its own, which is returned. Both wait. */
static pid_t start_two(pid_t *out_child)
{
	pid_t grandchild = 0;
	int ends[2];

	CHECK_INT_EQ(pipe(ends), 0);
	*out_child = fork();
	if (*out_child == 0) {
		grandchild = fork();
		if (grandchild == 0)
			for (;;)
				pause();
		if (write(ends[1], &grandchild, sizeof(grandchild)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	CHECK_INT_EQ(read(ends[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	close(ends[0]);
	close(ends[1]);
	return grandchild;
}

static void test_processes(void)
{
	process_lines lines = {0};
	pid_t child, grandchild = start_two(&child);

	CHECK_INT_EQ(descendants_find(child, &lines), 0);
	CHECK_UINT_EQ(lines.n, 2);
	CHECK_INT_EQ(lines.items[0].pid, child);
	CHECK_INT_EQ(lines.items[1].pid, grandchild);
	CHECK(lines.items[1].is_fork);
	CHECK(descendants_have(getpid(), grandchild));
	CHECK(descendants_have(grandchild, grandchild));
	CHECK(!descendants_have(grandchild, child));
	CHECK(!descendants_have(child, 1));
	CHECK(!descendants_have(child, INT_MAX));
	CHECK(!descendants_have(child, -1));
	kill(grandchild, SIGKILL);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	lines.n = 0;
	CHECK_INT_EQ(descendants_find(child, &lines), -ESRCH);
	vec_deinit(&lines);
}

TEST_MAIN(TEST(test_lines), TEST(test_texts_that_are_no_lines), TEST(test_processes))
