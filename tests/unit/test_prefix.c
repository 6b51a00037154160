/* SPDX-License-Identifier: MIT */
#include "dump/prefix.h"
#include "folder.h"
#include "process/process.h"
#include <limits.h>
#include <sys/utsname.h>

/* Sets the prefix and returns it as it is in this process, without the test's folder if it begins
 * with that. Returns "(refused)" if it can't be set. */
static const char *taken(const char *prefix)
{
	static char text[2 * PATH_MAX];
	struct hp_text t = {.buffer = text, .size = sizeof(text)};
	size_t size = strlen(folder);

	if (!hp_prefix_set(prefix))
		return "(refused)";
	hp_prefix_put(&t);
	hp_text_terminate(&t);
	return strncmp(text, folder, size) == 0 && text[size] == '/' ? text + size + 1 : text;
}

static const char *with_pid(const char *format)
{
	static char text[64];

	snprintf(text, sizeof(text), format, (int)getpid());
	return text;
}

/* A prefix that is a folder gets the program's name appended, so that dumps never become hidden
 * files. */
static void test_folders(void)
{
	CHECK_STR_EQ(taken(folder), "test_prefix");
	CHECK_STR_EQ(taken(in_folder("")), "test_prefix");
	CHECK_STR_EQ(taken(in_folder("not/there/")), "not/there/test_prefix");
	CHECK_STR_EQ(taken(in_folder("not/there")), "not/there");
	CHECK_INT_EQ(mkdir(in_folder(with_pid("%d")), 0700), 0);
	CHECK_STR_EQ(taken(in_folder("%p")), with_pid("%d/test_prefix"));
	write_file(in_folder("p"), "no folder");
	CHECK_STR_EQ(taken(in_folder("p")), "p");
	CHECK_INT_EQ(symlink(".", in_folder("link")), 0);
	CHECK_STR_EQ(taken(in_folder("link")), "link/test_prefix");
}

static void test_patterns(void)
{
	char expected[1024];
	struct utsname host;

	uname(&host);
	snprintf(expected, sizeof(expected), "test_prefix-%d-%s-%" PRIu64 "-%%-%%x%%",
		 (int)getpid(), host.nodename, hp_process_start_seconds());
	CHECK_STR_EQ(taken(in_folder("%e-%p-%h-%t-%%-%x%")), expected);
	CHECK_STR_EQ(hp_prefix_pattern() + strlen(folder), "/%e-%p-%h-%t-%%-%x%");
}

static void test_whether_there_is_a_pid(void)
{
	static const struct {
		const char *prefix;
		bool has_pid;
	} rows[] = {
		{"/p", false},   {"/p%", false},  {"/%p", true},    {"/%%p", false},
		{"/%%%p", true}, {"/%e%", false}, {"/%e-%p", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK(hp_prefix_set(rows[i].prefix));
		CHECK_INT_EQ(hp_prefix_has_pid(), rows[i].has_pid);
	}
}

/* The path of the current folder is not a pattern, even if it contains a %. */
static void test_relative_prefix(void)
{
	CHECK_INT_EQ(mkdir(in_folder("100%p"), 0700), 0);
	CHECK_INT_EQ(chdir(in_folder("100%p")), 0);
	CHECK_STR_EQ(taken("here/p"), "100%p/here/p");
	CHECK_STR_EQ(taken("."), "100%p/./test_prefix");
	CHECK_INT_EQ(chdir("/"), 0);
	CHECK_STR_EQ(hp_prefix_pattern() + strlen(folder), "/100%%p/./test_prefix");
	CHECK(!hp_prefix_has_pid());
}

static void test_a_folder_without_a_path(void)
{
	CHECK_INT_EQ(mkdir(in_folder("gone"), 0700), 0);
	CHECK_INT_EQ(chdir(in_folder("gone")), 0);
	CHECK_INT_EQ(rmdir(in_folder("gone")), 0);
	CHECK_STR_EQ(taken("p"), "(refused)");
	CHECK_STR_EQ(taken("/p"), "/p");
	CHECK_INT_EQ(chdir("/"), 0);
}

static void test_too_long(void)
{
	static char prefix[PATH_MAX + 1];

	memset(prefix, 'x', PATH_MAX);
	prefix[0] = '/';
	CHECK_STR_EQ(taken(prefix), "(refused)");
	prefix[PATH_MAX - 1] = '\0';
	CHECK_STR_EQ(taken(prefix), prefix);
	prefix[PATH_MAX - 2] = '/'; /* leaves no room for the program's name */
	CHECK_STR_EQ(taken(prefix), "(refused)");
}

static __attribute__((constructor)) void prepare(void)
{
	hp_process_init();
}

TEST_MAIN(TEST(test_folders), TEST(test_patterns), TEST(test_whether_there_is_a_pid),
	  TEST(test_relative_prefix), TEST(test_a_folder_without_a_path), TEST(test_too_long))
