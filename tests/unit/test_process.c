/* SPDX-License-Identifier: MIT */
/* Some facts depend on how the program was started, so a test starts it again, as another name and
 * with other arguments. That process checks what it sees and reports the result as its status. */
#include "process/process.h"
#include "test.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STARTED_AGAIN "TEST_PROCESS_STARTED_AGAIN"
#define ARGUMENTS     "/no/such/place/alias\0\0two words\0last"

enum {
	BLOCK = 32 << 20
};

static const char *last_part(const char *path)
{
	return strrchr(path, '/') + 1;
}

static int status_of(pid_t pid)
{
	int status = -1;

	CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_program_and_name(void)
{
	char path[4096];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[size > 0 ? size : 0] = '\0';
	CHECK_STR_EQ(hp_process_program(), path);
	CHECK_STR_EQ(hp_process_name(), "test_process");
}

static void test_names_that_match(void)
{
	CHECK(hp_process_is_called("test_process"));
	CHECK(hp_process_is_called("other,test_*"));
	CHECK(hp_process_is_called("/any/folder/test_process"));
	CHECK(!hp_process_is_called("test"));
	CHECK(!hp_process_is_called("other"));
	CHECK(!hp_process_is_called(""));
}

static void test_negated_names(void)
{
	CHECK(!hp_process_is_called("!test_process"));
	CHECK(!hp_process_is_called("!other,test_*"));
	CHECK(hp_process_is_called("!other"));
	CHECK(hp_process_is_called("!other,another"));
	CHECK(hp_process_is_called("!"));
}

/* The program has two names here: its file's, and the one in argv[0]. */
static void check_started_again(void)
{
	size_t size;
	const char *cmdline = hp_process_cmdline(&size);

	CHECK_UINT_EQ(size, sizeof(ARGUMENTS));
	CHECK(size == sizeof(ARGUMENTS) && memcmp(cmdline, ARGUMENTS, size) == 0);
	CHECK_STR_EQ(hp_process_name(), "test_process");
	CHECK_STR_EQ(last_part(hp_process_program()), "test_process");
	CHECK(hp_process_is_called("test_process"));
	CHECK(hp_process_is_called("alias"));
	CHECK(!hp_process_is_called("last"));
	CHECK(!hp_process_is_called("!alias"));
	CHECK(!hp_process_is_called("!test_process"));
	CHECK(hp_process_is_called("!last"));
}

static void test_another_name_and_arguments(void)
{
	static char *const arguments[] = {"/no/such/place/alias", "", "two words", "last", NULL};
	static char *const environment[] = {STARTED_AGAIN "=1", NULL};
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execve("/proc/self/exe", arguments, environment);
		_exit(99);
	}
	CHECK_INT_EQ(status_of(pid), 0);
}

/* Returns field 22 of /proc/self/stat. The process must have a name without spaces. */
static uint64_t read_start_ticks(void)
{
	unsigned long long ticks = 0;
	FILE *file = fopen("/proc/self/stat", "r");

	if (!file)
		return 0;
	CHECK_INT_EQ(fscanf(file,
			    "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			    "%*s %*s %*s %*s %llu",
			    &ticks),
		     1);
	fclose(file);
	return ticks;
}

static void test_start(void)
{
	struct utsname host;
	uint64_t now = (uint64_t)time(NULL);

	CHECK_INT_EQ(uname(&host), 0);
	CHECK_STR_EQ(hp_process_host(), host.nodename);
	CHECK(hp_process_start_ticks() != 0);
	CHECK_UINT_EQ(hp_process_start_ticks(), read_start_ticks());
	CHECK(hp_process_start_seconds() > 1500000000 && hp_process_start_seconds() <= now);
}

static void test_fork_child_is_another_process(void)
{
	uint64_t id = hp_process_run_id(), seconds = hp_process_start_seconds();
	struct timespec fork_time, now;
	pid_t pid;

	/* The child can then see that its uptime does not count from the parent's start. */
	while (hp_process_uptime_ms() < 2)
		;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		uint64_t uptime, before = hp_process_uptime_ms();

		test_failures = 0;
		clock_gettime(CLOCK_MONOTONIC, &fork_time);
		hp_process_after_fork();
		uptime = hp_process_uptime_ms();
		clock_gettime(CLOCK_MONOTONIC, &now);
		CHECK(uptime <= (uint64_t)((now.tv_sec - fork_time.tv_sec) * 1000 +
					   (now.tv_nsec - fork_time.tv_nsec) / 1000000 + 1));
		CHECK(before >= 2);
		CHECK(hp_process_run_id() != id);
		CHECK_UINT_EQ(hp_process_start_ticks(), 0);
		CHECK_UINT_EQ(hp_process_start_seconds(), seconds);
		CHECK_STR_EQ(hp_process_name(), "test_process");
		fflush(stdout);
		_exit(test_failures);
	}
	CHECK_INT_EQ(status_of(pid), 0);
	CHECK_UINT_EQ(hp_process_run_id(), id);
	CHECK(hp_process_start_ticks() != 0);
}

/* Maps and touches a block of memory. Returns by how much *out_rss and the result grew: resident
 * memory, and the anonymous part of it. */
static int64_t touch_block(int flags, int64_t *out_rss)
{
	struct hp_process_memory before = hp_process_memory(), after;
	char *block = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

	CHECK(block != MAP_FAILED);
	memset(block, 1, BLOCK);
	after = hp_process_memory();
	munmap(block, BLOCK);
	CHECK(before.rss_bytes > 0 && after.anonymous_bytes <= after.rss_bytes);
	*out_rss = (int64_t)(after.rss_bytes - before.rss_bytes);
	return (int64_t)(after.anonymous_bytes - before.anonymous_bytes);
}

/* The kernel counts pages with an error of a few hundred. Half of a block is far more. */
static void test_memory(void)
{
	int64_t rss, anonymous;

	anonymous = touch_block(MAP_PRIVATE, &rss);
	CHECK_INT_LT(BLOCK / 2, rss);
	CHECK_INT_LT(BLOCK / 2, anonymous);
	anonymous = touch_block(MAP_SHARED, &rss);
	CHECK_INT_LT(BLOCK / 2, rss);
	CHECK_INT_LT(anonymous, BLOCK / 2);
}

/* Waits until the main thread has given up its memory. /proc/self/statm then shows zeroes; a kernel
 * where it never does so only makes the test weaker. */
static void *outlive_main_thread(void *main_thread)
{
	pthread_join(*(pthread_t *)main_thread, NULL);
	for (int i = 0; i < 100000; i++) {
		char first = '1';
		int fd = open("/proc/self/statm", O_RDONLY);

		CHECK_INT_EQ(read(fd, &first, 1), 1);
		close(fd);
		if (first == '0')
			break;
		sched_yield();
	}
	_exit(hp_process_memory().rss_bytes > 0 ? 0 : 1);
}

static void test_memory_after_the_main_thread(void)
{
	static pthread_t main_thread;
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t thread;

		main_thread = pthread_self();
		pthread_create(&thread, NULL, outlive_main_thread, &main_thread);
		pthread_exit(NULL);
	}
	CHECK_INT_EQ(status_of(pid), 0);
}

/* While the process is being described, its name looks like more fields of /proc/self/stat. */
static __attribute__((constructor)) void prepare(void)
{
	prctl(PR_SET_NAME, "a) R 1 (2) 3");
	hp_process_init();
	prctl(PR_SET_NAME, "plain");
	if (!getenv(STARTED_AGAIN))
		return;
	check_started_again();
	fflush(stdout);
	_exit(test_failures);
}

TEST_MAIN(TEST(test_program_and_name), TEST(test_names_that_match), TEST(test_negated_names),
	  TEST(test_another_name_and_arguments), TEST(test_start),
	  TEST(test_fork_child_is_another_process), TEST(test_memory),
	  TEST(test_memory_after_the_main_thread))
