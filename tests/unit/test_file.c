/* SPDX-License-Identifier: MIT */
#include "file.h"
#include "folder.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static struct hp_outfile file;

static int count_files(void)
{
	DIR *d = opendir(folder);
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void clear_folder(void)
{
	remove_folder();
	CHECK_INT_EQ(mkdir(folder, 0700), 0);
}

static void write_text(const char *text)
{
	hp_outfile_write(&file, text, strlen(text));
}

static void test_invisible_until_claimed(void)
{
	const char *path = in_folder("a.0001.heap");
	struct stat status;

	clear_folder();
	umask(0);
	CHECK_INT_EQ(hp_outfile_create(&file, path), 0);
	write_text("one ");
	write_text("two");
	CHECK_STR_EQ(read_file(path), "(none)");
	CHECK_INT_EQ(hp_outfile_claim(&file, path), 0);
	CHECK_STR_EQ(read_file(path), "one two");
	CHECK_INT_EQ(count_files(), 1);
	CHECK_INT_EQ(stat(path, &status), 0);
	CHECK_INT_EQ(status.st_mode & 0777, 0600);
}

static void test_discard_leaves_nothing(void)
{
	clear_folder();
	CHECK_INT_EQ(hp_outfile_create(&file, in_folder("a")), 0);
	write_text("x");
	hp_outfile_discard(&file);
	CHECK_INT_EQ(count_files(), 0);
}

static void test_nothing_is_replaced(void)
{
	const char *taken = in_folder("taken"), *link = in_folder("link"),
		   *free = in_folder("free");

	clear_folder();
	write_file(taken, "mine");
	CHECK_INT_EQ(symlink(in_folder("victim"), link), 0);
	CHECK_INT_EQ(hp_outfile_create(&file, taken), 0);
	write_text("dump");
	CHECK_INT_EQ(hp_outfile_claim(&file, taken), -EEXIST);
	CHECK_INT_EQ(hp_outfile_claim(&file, link), -EEXIST);
	CHECK_INT_EQ(hp_outfile_claim(&file, free), 0);
	CHECK_STR_EQ(read_file(taken), "mine");
	CHECK_STR_EQ(read_file(in_folder("free")), "dump");
	CHECK_STR_EQ(read_file(in_folder("victim")), "(none)");
	CHECK_INT_EQ(count_files(), 3);
}

/* Of two writers of one name, as in two containers, neither touches the other's. */
static void test_two_writers_of_one_name(void)
{
	static struct hp_outfile other;
	const char *path = in_folder("same");

	clear_folder();
	CHECK_INT_EQ(hp_outfile_create(&file, path), 0);
	write_text("first, ");
	CHECK_INT_EQ(hp_outfile_create(&other, path), 0);
	hp_outfile_write(&other, "second", 6);
	write_text("whole");
	CHECK_INT_EQ(hp_outfile_claim(&file, path), 0);
	CHECK_INT_EQ(hp_outfile_claim(&other, path), -EEXIST);
	CHECK_INT_EQ(hp_outfile_claim(&other, in_folder("second")), 0);
	CHECK_STR_EQ(read_file(in_folder("same")), "first, whole");
	CHECK_STR_EQ(read_file(in_folder("second")), "second");
}

static void test_unwritable(void)
{
	char name[400];

	clear_folder();
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK_INT_EQ(hp_outfile_create(&file, in_folder("no/folder")), -ENOENT);
	CHECK_INT_EQ(hp_outfile_create(&file, in_folder(name)), -ENAMETOOLONG);
	write_file(in_folder("file"), "");
	CHECK_INT_EQ(hp_outfile_create(&file, in_folder("file/x")), -ENOTDIR);
	CHECK_INT_EQ(hp_outfile_create(&file, "/proc/x"), -ENOENT);
	CHECK_INT_EQ(count_files(), 1);
}

static void test_path_longer_than_any(void)
{
	static char path[8000];

	memset(path, '/', sizeof(path) - 1);
	CHECK_INT_EQ(hp_outfile_create(&file, path), -ENAMETOOLONG);
}

static void test_descriptors_are_high(void)
{
	int fd;

	clear_folder();
	CHECK_INT_EQ(hp_outfile_create(&file, in_folder("a")), 0);
	CHECK_INT_LE(64, file.fd);
	CHECK(fcntl(file.fd, F_GETFD) & FD_CLOEXEC);
	hp_outfile_discard(&file);
	fd = hp_file_open_private("/dev/null", O_RDONLY);
	CHECK_INT_LE(64, fd);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	CHECK_INT_EQ(hp_file_open_private("/no/such/file", O_RDONLY), -ENOENT);
}

/* Better a low number than no dump. */
static void test_descriptor_limit_below_64(void)
{
	struct rlimit old, low;

	clear_folder();
	CHECK_INT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 20;
	CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
	CHECK_INT_EQ(hp_outfile_create(&file, in_folder("a")), 0);
	write_text("x");
	CHECK_INT_EQ(hp_outfile_claim(&file, in_folder("a")), 0);
	CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	CHECK_STR_EQ(read_file(in_folder("a")), "x");
}

/* The host closes all descriptors and gets our number for a file of its own. */
static void test_descriptor_that_is_not_ours_any_more(void)
{
	int fd;

	clear_folder();
	CHECK_INT_EQ(hp_outfile_create(&file, in_folder("a")), 0);
	write_text("x");
	fd = open(in_folder("host"), O_RDWR | O_CREAT, 0600);
	CHECK_INT_EQ(dup2(fd, file.fd), file.fd);
	fd = file.fd;
	write_text("must not get there");
	CHECK_INT_EQ(file.error, -EBADF);
	CHECK_INT_EQ(hp_outfile_claim(&file, in_folder("a")), -EBADF);
	CHECK_STR_EQ(read_file(in_folder("host")), "");
	CHECK(fcntl(fd, F_GETFD) >= 0); /* nor did we close it */
	close(fd);
	CHECK_INT_EQ(count_files(), 1);
}

static void write_beyond_limit(bool is_blocked)
{
	struct rlimit limit = {100, 100};
	static char data[1000];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	if (is_blocked)
		sigprocmask(SIG_BLOCK, &set, NULL);
	setrlimit(RLIMIT_FSIZE, &limit);
	if (hp_outfile_create(&file, in_folder("a")) != 0)
		_exit(1);
	hp_outfile_write(&file, data, sizeof(data));
	if (file.error != -EFBIG || hp_outfile_claim(&file, in_folder("a")) != -EFBIG)
		_exit(2);
	sigprocmask(SIG_UNBLOCK, &set, NULL); /* kills us if one is pending */
	_exit(0);
}

static void test_size_limit_does_not_kill(void)
{
	for (int is_blocked = 0; is_blocked < 2; is_blocked++) {
		int status = -1;

		clear_folder();
		pid_t pid = fork();

		if (pid == 0)
			write_beyond_limit(is_blocked);
		CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
		CHECK_INT_EQ(status, 0);
		CHECK_INT_EQ(count_files(), 0);
	}
}

static void test_full_disk(void)
{
	static char data[1 << 16];

	clear_folder();
	CHECK_INT_EQ(hp_outfile_create(&file, in_folder("a")), 0);
	int full = open("/dev/full", O_WRONLY);
	struct stat status;

	CHECK_INT_EQ(dup2(full, file.fd), file.fd);
	CHECK_INT_EQ(fstat(full, &status), 0);
	file.device = status.st_dev;
	file.inode = status.st_ino;
	hp_outfile_write(&file, data, sizeof(data));
	CHECK_INT_EQ(file.error, -ENOSPC);
	CHECK_INT_EQ(hp_outfile_claim(&file, in_folder("a")), -ENOSPC);
	CHECK_INT_EQ(count_files(), 0);
	close(full);
}

static void test_reading(void)
{
	char text[8];

	clear_folder();
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

TEST_MAIN(TEST(test_invisible_until_claimed), TEST(test_discard_leaves_nothing),
	  TEST(test_nothing_is_replaced), TEST(test_two_writers_of_one_name), TEST(test_unwritable),
	  TEST(test_path_longer_than_any), TEST(test_descriptors_are_high),
	  TEST(test_descriptor_limit_below_64), TEST(test_descriptor_that_is_not_ours_any_more),
	  TEST(test_size_limit_does_not_kill), TEST(test_full_disk), TEST(test_reading))
