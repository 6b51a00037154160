/* SPDX-License-Identifier: MIT */
#include "base/outfile.h"
#include "base/sys.h"
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

typedef int create_function(struct hp_outfile *f, const char *final_path);

/* Ways to create a file: without a name, if the file system supports that, or with a temporary
 * name. */
static create_function *const creators[] = {hp_outfile_create, hp_outfile_create_named, NULL};
static create_function *create = hp_outfile_create;

#define FOR_BOTH_KINDS(i) for (int i = 0; (create = creators[i]); i++, clear_folder())

static void write_text(const char *text)
{
	hp_outfile_write(&file, text, strlen(text));
}

static void check_invisible_until_claimed(void)
{
	const char *path = in_folder("a.0001.heap");
	struct stat status;

	clear_folder();
	umask(0);
	CHECK_INT_EQ(create(&file, path), 0);
	write_text("one ");
	write_text("two");
	CHECK_STR_EQ(read_file(path), "(none)");
	CHECK_INT_EQ(hp_outfile_claim(&file, path), 0);
	CHECK_STR_EQ(read_file(path), "one two");
	CHECK_INT_EQ(count_files(), 1);
	CHECK_INT_EQ(stat(path, &status), 0);
	CHECK_INT_EQ(status.st_mode & 0777, 0600);
}

static void test_invisible_until_claimed(void)
{
	FOR_BOTH_KINDS(i)
	check_invisible_until_claimed();
}

static void check_discard_leaves_nothing(void)
{
	clear_folder();
	CHECK_INT_EQ(create(&file, in_folder("a")), 0);
	write_text("x");
	hp_outfile_discard(&file);
	CHECK_INT_EQ(count_files(), 0);
}

static void test_discard_leaves_nothing(void)
{
	FOR_BOTH_KINDS(i)
	check_discard_leaves_nothing();
}

static void check_nothing_is_replaced(void)
{
	const char *taken = in_folder("taken"), *link = in_folder("link"),
		   *free = in_folder("free");

	clear_folder();
	write_file(taken, "mine");
	CHECK_INT_EQ(symlink(in_folder("victim"), link), 0);
	CHECK_INT_EQ(create(&file, taken), 0);
	write_text("dump");
	CHECK_INT_EQ(hp_outfile_claim(&file, taken), -EEXIST);
	CHECK_INT_EQ(hp_outfile_claim(&file, link), -EEXIST);
	CHECK_INT_EQ(hp_outfile_claim(&file, free), 0);
	CHECK_STR_EQ(read_file(taken), "mine");
	CHECK_STR_EQ(read_file(in_folder("free")), "dump");
	CHECK_STR_EQ(read_file(in_folder("victim")), "(none)");
	CHECK_INT_EQ(count_files(), 3);
}

static void test_nothing_is_replaced(void)
{
	FOR_BOTH_KINDS(i)
	check_nothing_is_replaced();
}

/* Two writers use the same name, as in two containers. Neither writer touches the other's file. */
static void check_two_writers_of_one_name(void)
{
	static struct hp_outfile other;
	const char *path = in_folder("same");

	clear_folder();
	CHECK_INT_EQ(create(&file, path), 0);
	write_text("first, ");
	CHECK_INT_EQ(create(&other, path), 0);
	hp_outfile_write(&other, "second", 6);
	write_text("whole");
	CHECK_INT_EQ(hp_outfile_claim(&file, path), 0);
	CHECK_INT_EQ(hp_outfile_claim(&other, path), -EEXIST);
	CHECK_INT_EQ(hp_outfile_claim(&other, in_folder("second")), 0);
	CHECK_STR_EQ(read_file(in_folder("same")), "first, whole");
	CHECK_STR_EQ(read_file(in_folder("second")), "second");
}

static void test_two_writers_of_one_name(void)
{
	FOR_BOTH_KINDS(i)
	check_two_writers_of_one_name();
}

static void check_unwritable(void)
{
	char name[400];

	clear_folder();
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK_INT_EQ(create(&file, in_folder("no/folder")), -ENOENT);
	if (create(&file, in_folder(name)) == 0)
		CHECK_INT_EQ(hp_outfile_claim(&file, in_folder(name)), -ENAMETOOLONG);
	write_file(in_folder("file"), "");
	CHECK_INT_EQ(create(&file, in_folder("file/x")), -ENOTDIR);
	CHECK_INT_EQ(create(&file, "/proc/x"), -ENOENT);
	CHECK_INT_EQ(count_files(), 1);
}

static void test_unwritable(void)
{
	FOR_BOTH_KINDS(i)
	check_unwritable();
}

static void check_path_longer_than_any(void)
{
	static char path[8000];

	memset(path, '/', sizeof(path) - 1);
	CHECK_INT_EQ(create(&file, path), -ENAMETOOLONG);
}

static void test_path_longer_than_any(void)
{
	FOR_BOTH_KINDS(i)
	check_path_longer_than_any();
}

static void check_descriptors_are_high(void)
{
	clear_folder();
	CHECK_INT_EQ(create(&file, in_folder("a")), 0);
	CHECK_INT_LE(64, file.fd);
	CHECK(fcntl(file.fd, F_GETFD) & FD_CLOEXEC);
	hp_outfile_discard(&file);
}

static void test_descriptors_are_high(void)
{
	FOR_BOTH_KINDS(i)
	check_descriptors_are_high();
}

/* If the limit is below 64, a low descriptor number is better than no dump. */
static void check_descriptor_limit_below_64(void)
{
	struct rlimit old, low;

	clear_folder();
	CHECK_INT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 20;
	CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
	CHECK_INT_EQ(create(&file, in_folder("a")), 0);
	write_text("x");
	CHECK_INT_EQ(hp_outfile_claim(&file, in_folder("a")), 0);
	CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	CHECK_STR_EQ(read_file(in_folder("a")), "x");
}

static void test_descriptor_limit_below_64(void)
{
	FOR_BOTH_KINDS(i)
	check_descriptor_limit_below_64();
}

/* The host has closed all descriptors, and then got our number for a file of its own. */
static void check_descriptor_that_is_not_ours_any_more(void)
{
	int fd;

	clear_folder();
	CHECK_INT_EQ(create(&file, in_folder("a")), 0);
	write_text("x");
	fd = open(in_folder("host"), O_RDWR | O_CREAT, 0600);
	CHECK_INT_EQ(dup2(fd, file.fd), file.fd);
	fd = file.fd;
	write_text("must not get there");
	CHECK_INT_EQ(file.error, -EBADF);
	CHECK_INT_EQ(hp_outfile_claim(&file, in_folder("a")), -EBADF);
	CHECK_STR_EQ(read_file(in_folder("host")), "");
	CHECK(fcntl(fd, F_GETFD) >= 0); /* we did not close it either */
	close(fd);
	CHECK_INT_EQ(count_files(), 1);
}

static void test_descriptor_that_is_not_ours_any_more(void)
{
	FOR_BOTH_KINDS(i)
	check_descriptor_that_is_not_ours_any_more();
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
	if (create(&file, in_folder("a")) != 0)
		_exit(1);
	hp_outfile_write(&file, data, sizeof(data));
	if (file.error != -EFBIG || hp_outfile_claim(&file, in_folder("a")) != -EFBIG)
		_exit(2);
	sigprocmask(SIG_UNBLOCK, &set, NULL); /* kills us if a SIGXFSZ is pending */
	_exit(0);
}

static void check_size_limit_does_not_kill(void)
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

static void test_size_limit_does_not_kill(void)
{
	FOR_BOTH_KINDS(i)
	check_size_limit_does_not_kill();
}

static void test_full_disk(void)
{
	static char data[1 << 16];

	clear_folder();
	CHECK_INT_EQ(hp_outfile_create_named(&file, in_folder("a")), 0);
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

/* Once a file without a name is closed, the number of its inode may be used for another file. */
static void test_inode_that_is_not_ours_any_more(void)
{
	struct stat status;
	int fd;

	clear_folder();
	CHECK_INT_EQ(hp_outfile_create(&file, in_folder("a")), 0);
	if (file.temporary[0])
		return; /* the file system has no files without a name */
	write_text("x");
	fd = open(in_folder("host"), O_RDWR | O_CREAT, 0600);
	CHECK_INT_EQ(write(fd, "y", 1), 1);
	CHECK_INT_EQ(fstat(fd, &status), 0);
	CHECK_INT_EQ(dup2(fd, file.fd), file.fd);
	file.inode = status.st_ino;
	write_text("must not get there");
	CHECK_INT_EQ(file.error, -EBADF);
	file.error = 0;
	CHECK_INT_EQ(hp_outfile_claim(&file, in_folder("a")), -EBADF);
	CHECK_STR_EQ(read_file(in_folder("host")), "y");
	CHECK_INT_EQ(count_files(), 1);
	close(fd);
}

static void die_while_writing(bool has_written)
{
	create(&file, in_folder("a"));
	if (has_written)
		write_text("half a dump");
	kill(getpid(), SIGKILL);
}

/* Kills a child that writes a file. Returns how many files are left. */
static int die(bool has_written)
{
	int status = 0;
	pid_t pid;

	clear_folder();
	pid = fork();
	if (pid == 0)
		die_while_writing(has_written);
	CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	return count_files();
}

static const char *name_in_folder(void)
{
	static char name[256];
	DIR *d = opendir(folder);
	struct dirent *e;

	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			strcpy(name, e->d_name);
	closedir(d);
	return name;
}

static void test_death_leaves_nothing(void)
{
	clear_folder();
	int fd = open(folder, O_TMPFILE | O_WRONLY, 0600);
	bool is_nameless = fd >= 0; /* otherwise the file system has no files without a name */

	close(fd);
	create = hp_outfile_create;
	for (int has_written = 0; has_written < 2; has_written++)
		CHECK_INT_EQ(die(has_written), is_nameless ? 0 : 1);
}

static void test_stale_files_are_removed(void)
{
	create = hp_outfile_create_named;
	for (int has_written = 0; has_written < 2; has_written++) {
		CHECK_INT_EQ(die(has_written), 1);
		CHECK_INT_EQ(strncmp(name_in_folder(), "a.tmp.", 6), 0);
		hp_outfile_remove_stale(in_folder(name_in_folder()));
		CHECK_INT_EQ(count_files(), 0);
	}
}

static void test_files_of_the_living_are_not_stale(void)
{
	clear_folder();
	CHECK_INT_EQ(hp_outfile_create_named(&file, in_folder("a")), 0);
	hp_outfile_remove_stale(file.temporary);
	CHECK_INT_EQ(count_files(), 1);
	write_text("x");
	CHECK_INT_EQ(hp_outfile_claim(&file, in_folder("a")), 0);
	CHECK_STR_EQ(read_file(in_folder("a")), "x");
	CHECK_INT_EQ(symlink(in_folder("a"), in_folder("link")), 0);
	hp_outfile_remove_stale(in_folder("link"));
	CHECK_INT_EQ(count_files(), 2);
}

/* A fork child does not touch its parent's dump, and closes its own descriptor of the file. */
static void check_abandoned(void)
{
	int status = -1, fd;
	pid_t pid;

	clear_folder();
	CHECK_INT_EQ(create(&file, in_folder("a")), 0);
	write_text("one ");
	fd = file.fd;
	pid = fork();
	if (pid == 0) {
		hp_sys_write(fd, "two ", 4); /* as if the parent had written on */
		hp_outfile_abandon(&file);
		_exit(fcntl(fd, F_GETFD) >= 0 || count_files() != (file.temporary[0] != '\0'));
	}
	CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
	CHECK_INT_EQ(status, 0);
	file.size += 4;
	write_text("three");
	CHECK_INT_EQ(hp_outfile_claim(&file, in_folder("a")), 0);
	CHECK_STR_EQ(read_file(in_folder("a")), "one two three");
}

static void test_abandoned(void)
{
	FOR_BOTH_KINDS(i)
	check_abandoned();
}

TEST_MAIN(TEST(test_invisible_until_claimed), TEST(test_discard_leaves_nothing),
	  TEST(test_nothing_is_replaced), TEST(test_two_writers_of_one_name), TEST(test_unwritable),
	  TEST(test_path_longer_than_any), TEST(test_descriptors_are_high),
	  TEST(test_descriptor_limit_below_64), TEST(test_descriptor_that_is_not_ours_any_more),
	  TEST(test_size_limit_does_not_kill), TEST(test_full_disk),
	  TEST(test_inode_that_is_not_ours_any_more), TEST(test_death_leaves_nothing),
	  TEST(test_stale_files_are_removed), TEST(test_files_of_the_living_are_not_stale),
	  TEST(test_abandoned))
