/* SPDX-License-Identifier: MIT */
#include "base/file.h"
#include "folder.h"
#include <errno.h>
#include <signal.h>

static void test_descriptors_are_high(void)
{
	int fd = hp_file_open_private("/dev/null", O_RDONLY);

	CHECK_INT_LE(64, fd);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	CHECK_INT_EQ(hp_file_open_private("/no/such/file", O_RDONLY), -ENOENT);
	CHECK_INT_EQ(hp_file_move_up(-EMFILE), -EMFILE);
}

static void test_reading(void)
{
	char text[8];

	write_file(in_folder("a"), "12345");
	CHECK_INT_EQ(hp_file_read(in_folder("a"), text, sizeof(text)), 5);
	CHECK_STR_EQ(text, "12345");
	CHECK_INT_EQ(hp_file_read(in_folder("a"), text, 4), 3);
	CHECK_STR_EQ(text, "123");
	CHECK_INT_EQ(hp_file_read(in_folder("b"), text, sizeof(text)), -ENOENT);
	CHECK_INT_EQ(hp_file_read(folder, text, sizeof(text)), -EISDIR);
	CHECK_INT_EQ(mkfifo(in_folder("fifo"), 0600), 0);
	CHECK_INT_EQ(hp_file_read(in_folder("fifo"), text, sizeof(text)), 0);
}

/* A write to a pipe without a reader leaves no SIGPIPE pending, except one that was pending before:
 * that one is the program's. */
static void test_a_pipe_without_a_reader(void)
{
	sigset_t pipe_signal, pending;
	int ends[2];

	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	CHECK_INT_EQ(pipe(ends), 0);
	close(ends[0]);
	CHECK_INT_EQ(hp_file_write_quietly(ends[1], "x", 1), -EPIPE);
	CHECK_INT_EQ(sigprocmask(SIG_BLOCK, &pipe_signal, NULL), 0);
	CHECK_INT_EQ(hp_file_write_quietly(ends[1], "x", 1), -EPIPE);
	sigpending(&pending);
	CHECK(!sigismember(&pending, SIGPIPE));
	raise(SIGPIPE);
	CHECK_INT_EQ(hp_file_write_quietly(ends[1], "x", 1), -EPIPE);
	sigpending(&pending);
	CHECK(sigismember(&pending, SIGPIPE));
	close(ends[1]);
	signal(SIGPIPE, SIG_IGN); /* ignoring a pending signal discards it */
	sigprocmask(SIG_UNBLOCK, &pipe_signal, NULL);
	signal(SIGPIPE, SIG_DFL);
}

TEST_MAIN(TEST(test_descriptors_are_high), TEST(test_reading), TEST(test_a_pipe_without_a_reader))
