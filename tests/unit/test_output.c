/* SPDX-License-Identifier: MIT */
#include "base/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/input.h"
#include "test.h"

static char folder[] = "/tmp/test_output.XXXXXX";

static const char *in_folder(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* Returns how many files are in the folder, including hidden ones. */
static int count_files(void)
{
	DIR *dir = opendir(folder);
	int n = 0;

	for (struct dirent *entry; (entry = readdir(dir));)
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return n;
}

static void check_content(const char *path, const char *expected)
{
	struct diag diag = {0};
	struct input *input = NULL;
	struct cursor rest;

	CHECK_INT_EQ(input_open(&input, path, 0, &diag), 0);
	CHECK_INT_EQ(input_take_rest(input, &rest), 0);
	CHECK(cursor_equals(&rest, expected));
	input_free(input);
}

static struct output *begin(const char *path)
{
	struct diag diag = {0};
	struct output *output = NULL;

	CHECK_INT_EQ(output_open(&output, path, &diag), 0);
	return output;
}

static int finish(struct output *output)
{
	struct diag diag = {0};
	int r = output_commit(output, &diag);

	output_free(output);
	return r;
}

static void test_a_file_appears_when_committed(void)
{
	const char *path = in_folder("a");
	struct output *output = begin(path);

	output_text(output, "one ");
	output_printf(output, "%d", 2);
	CHECK_INT_EQ(access(path, F_OK), -1);
	CHECK_INT_EQ(finish(output), 0);
	check_content(path, "one 2");
	CHECK_INT_EQ(count_files(), 1);
	unlink(path);
}

static void test_what_is_given_up_leaves_nothing(void)
{
	struct output *output = begin(in_folder("a"));

	output_text(output, "one");
	output_free(output);
	CHECK_INT_EQ(count_files(), 0);
}

static void test_a_failure_leaves_what_was_there(void)
{
	const char *path = in_folder("a");
	struct output *output = begin(path);

	output_text(output, "old");
	finish(output);
	output = begin(path);
	output_text(output, "new");
	output_fail(output, -EIO);
	CHECK_INT_EQ(finish(output), -EIO);
	check_content(path, "old");
	CHECK_INT_EQ(count_files(), 1);
	unlink(path);
}

/* The last step, renaming, fails because a folder has taken the name. */
static void test_a_failed_renaming_leaves_nothing(void)
{
	const char *path = in_folder("a");
	struct output *output = begin(path);

	output_text(output, "new");
	CHECK_INT_EQ(mkdir(path, 0700), 0);
	CHECK_INT_EQ(finish(output), -EISDIR);
	CHECK_INT_EQ(count_files(), 1);
	rmdir(path);
}

static void test_replacing_keeps_permissions_and_links(void)
{
	char target[256];
	struct output *output;
	struct stat status;

	snprintf(target, sizeof(target), "%s", in_folder("target"));
	close(open(target, O_CREAT | O_WRONLY, 0600));
	CHECK_INT_EQ(chmod(target, 0640), 0);
	CHECK_INT_EQ(symlink("target", in_folder("link")), 0);
	output = begin(in_folder("link"));
	output_text(output, "new");
	CHECK_INT_EQ(finish(output), 0);
	check_content(target, "new");
	CHECK_INT_EQ(stat(target, &status), 0);
	CHECK_INT_EQ(status.st_mode & 07777, 0640);
	CHECK_INT_EQ(lstat(in_folder("link"), &status), 0);
	CHECK(S_ISLNK(status.st_mode));
	unlink(in_folder("link"));
	unlink(target);
}

static void test_devices_are_written_to_as_they_are(void)
{
	struct output *output = begin("/dev/null");
	struct stat status;

	output_text(output, "gone");
	CHECK_INT_EQ(finish(output), 0);
	CHECK_INT_EQ(stat("/dev/null", &status), 0);
	CHECK(S_ISCHR(status.st_mode));
	output = begin("/dev/full");
	output_text(output, "too much");
	CHECK_INT_EQ(finish(output), -ENOSPC);
}

static void test_places_where_nothing_can_be_written(void)
{
	struct diag diag = {0};
	struct output *output = NULL;

	CHECK_INT_EQ(output_open(&output, "/nonexistent/a", &diag), -ENOENT);
	CHECK_STR_EQ(diag.error, "/nonexistent/a: No such file or directory");
	diag_deinit(&diag);
	CHECK_INT_EQ(output_open(&output, folder, &diag), -EISDIR);
	diag_deinit(&diag);
	CHECK_INT_EQ(output_open(&output, "", &diag), -ENOENT);
	diag_deinit(&diag);
	CHECK_PTR_EQ(output, NULL);
}

static void test_more_than_a_buffer(void)
{
	const char *path = in_folder("a");
	struct output *output = begin(path);
	struct stat status;
	char piece[1000], *large = calloc(1, 1 << 20);

	memset(piece, 'x', sizeof(piece));
	for (int i = 0; i < 500; i++)
		output_write(output, piece, sizeof(piece));
	output_write(output, large, 1 << 20);
	CHECK_INT_EQ(finish(output), 0);
	CHECK_INT_EQ(stat(path, &status), 0);
	CHECK_INT_EQ(status.st_size, 500000 + (1 << 20));
	unlink(path);
	free(large);
}

static void test_a_new_file_replaces_none(void)
{
	char path[256];
	struct output *first, *second;

	snprintf(path, sizeof(path), "%s", in_folder("new"));
	first = begin(path);
	second = begin(path);
	output_refuse_replacing(first);
	output_refuse_replacing(second);
	output_text(first, "first");
	output_text(second, "second");
	CHECK_INT_EQ(finish(first), 0);
	CHECK_INT_EQ(finish(second), -EEXIST);
	check_content(path, "first");
	CHECK_INT_EQ(count_files(), 1);
	unlink(path);
}

static void test_a_file_that_is_open(void)
{
	struct output *output = NULL;
	struct diag diag = {0};
	int fd = open(in_folder("open"), O_RDWR | O_CREAT | O_EXCL, 0600);

	CHECK_INT_EQ(output_open_file(&output, fd, "its name", &diag), 0);
	output_text(output, "text");
	CHECK_INT_EQ(output_commit(output, &diag), 0);
	CHECK_STR_EQ(diag.file, "its name");
	output_free(output);
	CHECK_INT_EQ(write(fd, "+", 1), 1); /* the caller's descriptor is still open */
	close(fd);
	check_content(in_folder("open"), "text+");
	unlink(in_folder("open"));
	CHECK_INT_EQ(output_open_file(&output, fd, "its name", &diag), -EBADF);
	CHECK(diag_has_error(&diag));
	diag_deinit(&diag);
}

static void test_setup(void)
{
	CHECK(mkdtemp(folder) != NULL);
}

static void test_teardown(void)
{
	CHECK_INT_EQ(rmdir(folder), 0);
}

TEST_MAIN(TEST(test_setup), TEST(test_a_file_appears_when_committed),
	  TEST(test_what_is_given_up_leaves_nothing), TEST(test_a_failure_leaves_what_was_there),
	  TEST(test_a_failed_renaming_leaves_nothing),
	  TEST(test_replacing_keeps_permissions_and_links),
	  TEST(test_devices_are_written_to_as_they_are),
	  TEST(test_places_where_nothing_can_be_written), TEST(test_more_than_a_buffer),
	  TEST(test_a_new_file_replaces_none), TEST(test_a_file_that_is_open), TEST(test_teardown))
