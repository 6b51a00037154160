/* SPDX-License-Identifier: MIT */
#include "base/report.h"
#include "folder.h"
#include <errno.h>

static int real_stderr;

/* Makes standard error that file, as if it had been so when the program started. */
static void begin(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	dup2(fd, 2);
	close(fd);
	hp_report_init();
}

static void end(void)
{
	dup2(real_stderr, 2);
}

static void test_a_line(void)
{
	HP_TEXT_LOCAL(text, 64);

	begin(in_folder("a"));
	errno = 4711;
	hp_report("one");
	hp_text_string(&text, "two");
	hp_report_text(&text);
	CHECK_INT_EQ(errno, 4711);
	end();
	CHECK_STR_EQ(read_file(in_folder("a")), "heapprof: one\nheapprof: two\n");
}

static void test_no_line_can_be_forged(void)
{
	begin(in_folder("a"));
	hp_report("a\nheapprof: b\x1b[2J\x7f");
	end();
	CHECK_STR_EQ(read_file(in_folder("a")), "heapprof: a\\nheapprof: b\\x1b[2J\\x7f\n");
}

static void test_a_long_line_is_cut(void)
{
	static char line[3000];
	const char *written;

	memset(line, 'x', sizeof(line) - 1);
	begin(in_folder("a"));
	hp_report(line);
	end();
	written = read_file(in_folder("a"));
	CHECK_UINT_EQ(strlen(written), 1024);
	CHECK(written[1023] == '\n' && written[1022] == 'x');
}

/* The program has closed standard error, and a database has got its descriptor. */
static void test_another_file_in_its_place(void)
{
	int database;

	begin(in_folder("a"));
	close(2);
	database = open(in_folder("database"), O_WRONLY | O_CREAT, 0600);
	CHECK_INT_EQ(database, 2);
	hp_report("not into that");
	CHECK(!hp_report_is_terminal());
	end();
	CHECK_STR_EQ(read_file(in_folder("database")), "");
	CHECK_STR_EQ(read_file(in_folder("a")), "");
}

static void test_no_standard_error_at_start(void)
{
	close(2);
	hp_report_init();
	CHECK_INT_EQ(open(in_folder("a"), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
	hp_report("nowhere");
	end();
	CHECK_STR_EQ(read_file(in_folder("a")), "");
}

static void test_a_file_is_no_terminal(void)
{
	begin(in_folder("a"));
	CHECK(!hp_report_is_terminal());
	end();
}

static __attribute__((constructor)) void prepare(void)
{
	real_stderr = dup(2);
}

TEST_MAIN(TEST(test_a_line), TEST(test_no_line_can_be_forged), TEST(test_a_long_line_is_cut),
	  TEST(test_another_file_in_its_place), TEST(test_no_standard_error_at_start),
	  TEST(test_a_file_is_no_terminal))
