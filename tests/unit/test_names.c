/* SPDX-License-Identifier: MIT */
#include "base/sys.h"
#include "dump/names.h"
#include "folder.h"
#include "process/process.h"

static struct hp_name name;

static void start_with(const char *prefix)
{
	remove_folder();
	CHECK_INT_EQ(mkdir(folder, 0700), 0);
	unsetenv("HEAPPROF_OWNER");
	CHECK(hp_names_start(prefix, true));
}

/* Returns the next name, without the test's folder. */
static const char *next(void)
{
	size_t n = strlen(folder);

	CHECK(hp_names_next(&name));
	CHECK(strncmp(name.path, folder, n) == 0 && name.path[n] == '/');
	return name.path + n + 1;
}

/* Returns the text of a dump by a process with our process ID whose run ID is `run`. */
static const char *dump_of(uint64_t run)
{
	static char text[10000];
	const uint8_t *b = (const uint8_t *)&run;

	snprintf(text, sizeof(text),
		 "heap profile: 1: 2 [3: 4] @ heapprofile\n# heapprof: 1\n# cmdline: %08000d\n"
		 "# pid: %d\n# run: %02x%02x%02x%02x%02x%02x%02x%02x\n# dump: 1\n",
		 0, (int)getpid(), b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]);
	return text;
}

static bool is_there(const char *file)
{
	return access(in_folder(file), F_OK) == 0;
}

/* Writes a dump under the next name and claims that name. If another dump expires, removes it and
 * returns its number; returns 0 otherwise. */
static uint64_t claim(uint64_t max_dumps)
{
	struct hp_name expired;

	CHECK(hp_names_next(&name));
	write_file(name.path, dump_of(hp_process_run_id()));
	if (!hp_names_note_claimed(max_dumps, &expired))
		return 0;
	CHECK_INT_EQ(unlink(expired.path), 0);
	return strtoull(strchr(expired.path + strlen(folder) + 1, '.') + 1, NULL, 10);
}

static const char *with_pid(const char *format)
{
	static char text[256];

	snprintf(text, sizeof(text), format, (int)getpid(), (int)getpid());
	return text;
}

/* Moves the time of the file's last change by `seconds`. */
static void move_time(const char *path, int seconds)
{
	struct stat status;

	CHECK_INT_EQ(stat(path, &status), 0);
	status.st_mtim.tv_sec += seconds;
	struct timespec times[] = {status.st_mtim, status.st_mtim};

	CHECK_INT_EQ(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void make_older(const char *path)
{
	move_time(path, -3600);
}

/* Writes an empty file that is certainly newer than this process. Its time is set from the clock,
 * because the times that the kernel gives to files are coarser, and may be before the start of a
 * process that has just started. */
/* Sets the time of the file's last change to now: the kernel's own may be some ms earlier. */
static void make_new(const char *path)
{
	struct timespec times[2];

	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[1] = times[0];
	CHECK_INT_EQ(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void write_newer(const char *path)
{
	write_file(path, "");
	make_new(path);
}

static void write_from_outside(const char *path)
{
	write_file(path, dump_of(hp_process_run_id()));
	make_new(path);
}

static void test_numbers(void)
{
	start_with(in_folder("p"));
	CHECK(hp_names_is_owner());
	CHECK_STR_EQ(next(), "p.0001.heap");
	CHECK_STR_EQ(next(), "p.0001.heap"); /* the same until it is claimed */
	claim(0);
	CHECK_STR_EQ(next(), "p.0002.heap");
	CHECK_UINT_EQ(hp_names_n_claimed(), 1);
}

static void test_goes_on_after_the_highest(void)
{
	start_with(in_folder("p"));
	write_file(in_folder("p.0003.heap"), "");
	write_file(in_folder("p.0007.heap"), "");
	write_file(in_folder("pq.0009.heap"), "");
	write_file(in_folder("p.12x.heap"), "");
	write_file(in_folder("p.0011.heap.tmp.1"), "");
	write_file(in_folder("p..heap"), "");
	write_file(in_folder("p.99999999999999999999999.heap"), "");
	write_file(in_folder("p.18446744073709551615.heap"), "");
	write_file(in_folder("p.1000000000.heap"), "");
	CHECK(hp_names_start(in_folder("p"), true));
	CHECK_STR_EQ(next(), "p.0008.heap");
}

static void test_five_digits(void)
{
	start_with(in_folder("p"));
	write_file(in_folder("p.9998.heap"), "");
	CHECK(hp_names_start(in_folder("p"), true));
	CHECK_STR_EQ(next(), "p.9999.heap");
	claim(0);
	CHECK_STR_EQ(next(), "p.10000.heap");
	claim(0);
	CHECK(hp_names_start(in_folder("p"), true));
	CHECK_STR_EQ(next(), "p.10001.heap");
}

static void test_max_dumps(void)
{
	static const uint64_t expected[] = {0, 0, 0, 0, 2, 3, 4, 5};

	start_with(in_folder("p"));
	for (size_t i = 0; i < 8; i++)
		CHECK_UINT_EQ(claim(4), expected[i]);
	CHECK(is_there("p.0001.heap"));
	CHECK(!is_there("p.0005.heap"));
	CHECK(is_there("p.0006.heap"));
}

/* Same as claim(), but keeps dumps spread. Returns how many dumps were removed. */
static size_t claim_spread(uint64_t max_dumps)
{
	struct hp_name expired;
	size_t n = 0;

	CHECK(hp_names_next(&name));
	write_file(name.path, dump_of(hp_process_run_id()));
	if (!hp_names_note_claimed_spread(max_dumps))
		return 0;
	for (; hp_names_thin(&expired); n++)
		CHECK_INT_EQ(unlink(expired.path), 0);
	return n;
}

static void check_numbers(const uint64_t *numbers, size_t n, uint64_t last)
{
	char file[32];
	size_t n_found = 0;

	for (uint64_t i = 1; i <= last; i++) {
		snprintf(file, sizeof(file), "p.%04u.heap", (unsigned)i);
		if (!is_there(file))
			continue;
		CHECK(n_found < n);
		CHECK_UINT_EQ(i, numbers[n_found++]);
	}
	CHECK_UINT_EQ(n_found, n);
}

/* Once there are five dumps, the second and the fourth are removed. */
static void test_dumps_kept_spread(void)
{
	static const uint64_t first[] = {1, 3, 5}, second[] = {1, 5, 7}, third[] = {1, 7, 9};

	start_with(in_folder("p"));
	for (uint64_t i = 1; i <= 4; i++)
		CHECK_UINT_EQ(claim_spread(4), 0);
	CHECK_UINT_EQ(claim_spread(4), 2);
	check_numbers(first, 3, 5);
	CHECK_UINT_EQ(claim_spread(4), 0);
	CHECK_UINT_EQ(claim_spread(4), 2);
	check_numbers(second, 3, 7);
	CHECK_UINT_EQ(claim_spread(4), 0);
	CHECK(hp_names_start(in_folder("p"), true));
	CHECK_UINT_EQ(claim_spread(4), 2);
	check_numbers(third, 3, 9);
	hp_names_after_fork();
	for (uint64_t i = 1; i <= 4; i++)
		CHECK_UINT_EQ(claim_spread(4), 0);
	check_numbers(third, 3, 9);
}

/* A limit of one dump or two keeps two at most. If the limit is 0, HP_SPREAD_MAX is the limit. A
 * file that somebody has put in a dump's place stays. */
static void test_limits_of_dumps_kept_spread(void)
{
	size_t n = 0;

	start_with(in_folder("p"));
	for (int i = 0; i < 9; i++)
		n += claim_spread(1);
	CHECK_UINT_EQ(n, 7);
	CHECK(is_there("p.0001.heap") && is_there("p.0009.heap"));
	start_with(in_folder("p"));
	for (int i = 0; i < HP_SPREAD_MAX; i++)
		CHECK_UINT_EQ(claim_spread(0), 0);
	write_file(in_folder("p.0004.heap"), "");
	CHECK_UINT_EQ(claim_spread(0), HP_SPREAD_MAX / 2 - 1);
	CHECK(is_there("p.0004.heap") && !is_there("p.0002.heap") && is_there("p.0003.heap"));
}

/* Sessions under one prefix share one first dump. Another prefix has its own first dump, and so has
 * a prefix whose dumps were moved away. */
static void test_max_dumps_of_several_sessions(void)
{
	static const uint64_t expected[] = {0, 0, 0, 2, 3};

	start_with(in_folder("p"));
	for (size_t i = 0; i < 5; i++) {
		CHECK_UINT_EQ(claim(3), expected[i]);
		CHECK(hp_names_start(in_folder("p"), true));
	}
	CHECK(is_there("p.0001.heap"));
	CHECK(hp_names_start(in_folder("q"), true));
	for (size_t i = 0; i < 5; i++)
		CHECK_UINT_EQ(claim(3), expected[i]);
	remove_folder();
	CHECK_INT_EQ(mkdir(folder, 0700), 0);
	write_file(in_folder("q.0003.heap"), dump_of(hp_process_run_id() + 1));
	CHECK(hp_names_start(in_folder("q"), true));
	CHECK_UINT_EQ(claim(2), 0);
	CHECK_UINT_EQ(claim(2), 0);
	CHECK_UINT_EQ(claim(2), 5);
}

static void test_one_dump_of_several_sessions(void)
{
	start_with(in_folder("p"));
	for (uint64_t i = 0; i < 5; i++) {
		CHECK_UINT_EQ(claim(1), i);
		CHECK(hp_names_start(in_folder("p"), true));
	}
}

/* A process removes only dumps that it wrote itself. */
static void test_max_dumps_leaves_earlier_runs_alone(void)
{
	start_with(in_folder("p"));
	write_file(in_folder("p.0001.heap"), dump_of(hp_process_run_id() + 1));
	write_file(in_folder("p.0002.heap"), dump_of(hp_process_run_id() + 1));
	CHECK(hp_names_start(in_folder("p"), true));
	for (int i = 0; i < 6; i++)
		claim(2);
	CHECK(is_there("p.0001.heap"));
	CHECK(is_there("p.0002.heap"));
	CHECK(is_there("p.0003.heap"));
	CHECK(!is_there("p.0007.heap"));
	CHECK(is_there("p.0008.heap"));
}

/* Somebody has moved dumps away and put other files in their places. */
static void test_max_dumps_leaves_other_files_alone(void)
{
	start_with(in_folder("p"));
	for (int i = 0; i < 5; i++)
		CHECK_UINT_EQ(claim(0), 0);
	write_file(in_folder("p.0002.heap"), "mine");
	write_file(in_folder("p.0003.heap"), dump_of(hp_process_run_id() + 1));
	CHECK_INT_EQ(rename(in_folder("p.0004.heap"), in_folder("moved")), 0);
	CHECK_INT_EQ(symlink(in_folder("moved"), in_folder("p.0004.heap")), 0);
	CHECK_UINT_EQ(claim(5), 0);
	CHECK_UINT_EQ(claim(5), 0);
	CHECK_UINT_EQ(claim(5), 0);
	CHECK_UINT_EQ(claim(5), 5);
}

static void test_max_dumps_of_one_and_two(void)
{
	start_with(in_folder("p"));
	CHECK_UINT_EQ(claim(1), 0);
	CHECK_UINT_EQ(claim(1), 1);
	CHECK_UINT_EQ(claim(1), 2);
	start_with(in_folder("p"));
	CHECK_UINT_EQ(claim(2), 0);
	CHECK_UINT_EQ(claim(2), 0);
	CHECK_UINT_EQ(claim(2), 2);
	CHECK_UINT_EQ(claim(2), 3);
}

static void test_collisions(void)
{
	start_with(in_folder("p"));
	hp_names_collided();
	CHECK_STR_EQ(next(), with_pid("p_%d.0001.heap"));
	claim(0);
	CHECK_STR_EQ(next(), with_pid("p_%d.0002.heap"));
	hp_names_collided();
	CHECK_STR_EQ(next(), with_pid("p_%d-2.0001.heap"));
	hp_names_collided();
	CHECK_STR_EQ(next(), with_pid("p_%d-3.0001.heap"));
}

static void test_fork_child(void)
{
	start_with(in_folder("p"));
	claim(0);
	hp_names_after_fork();
	CHECK(!hp_names_is_owner());
	CHECK_UINT_EQ(hp_names_n_claimed(), 0);
	CHECK_STR_EQ(next(), with_pid("p_%d.0001.heap"));
}

/* An earlier process had the same process ID. Its dumps are noticed when one of them has the next
 * name. */
static void test_earlier_dumps_under_the_own_number(void)
{
	start_with(in_folder("p"));
	hp_names_after_fork();
	write_file(in_folder(with_pid("p_%d.0002.heap")), "");
	write_file(in_folder(with_pid("p_%d.0004.heap")), "");
	make_older(in_folder(with_pid("p_%d.0004.heap")));
	claim(0);
	CHECK_STR_EQ(next(), with_pid("p_%d.0002.heap"));
	hp_names_collided();
	CHECK_STR_EQ(next(), with_pid("p_%d.0005.heap"));
	claim(0);
	CHECK_STR_EQ(next(), with_pid("p_%d.0006.heap"));
	hp_names_collided();
	CHECK_STR_EQ(next(), with_pid("p_%d-2.0001.heap"));
}

/* Another process has the same process ID: it runs in another container and writes to the same
 * folder. */
static void test_another_process_of_the_own_number(void)
{
	start_with(in_folder("p-%p"));
	hp_names_after_fork(); /* nothing is claimed yet */
	CHECK_STR_EQ(next(), with_pid("p-%d.0001.heap"));
	write_newer(in_folder(with_pid("p-%d.0001.heap")));
	hp_names_collided();
	CHECK_STR_EQ(next(), with_pid("p-%d_%d.0001.heap"));
}

/* Another process has written a dump under the prefix first, without knowing of us. */
static void test_another_process_under_the_prefix(void)
{
	start_with(in_folder("p"));
	write_newer(in_folder("p.0003.heap"));
	CHECK_STR_EQ(next(), with_pid("p_%d.0001.heap"));
	start_with(in_folder("p"));
	write_file(in_folder("p.0003.heap"), "");
	move_time(in_folder("p.0003.heap"), 3600); /* the other machine's clock is ahead */
	CHECK_STR_EQ(next(), "p.0004.heap");
}

/* A tool has read this process, and has written dumps under its names. */
static void test_dumps_from_outside(void)
{
	start_with(in_folder("p"));
	write_from_outside(in_folder("p.0001.heap"));
	CHECK_STR_EQ(next(), "p.0002.heap");
	claim(0);
	write_from_outside(in_folder("p.0003.heap"));
	write_from_outside(in_folder("p.0004.heap"));
	CHECK_STR_EQ(next(), "p.0003.heap");
	hp_names_collided();
	CHECK_STR_EQ(next(), "p.0005.heap");
	write_newer(in_folder("p.0005.heap"));
	hp_names_collided();
	CHECK_STR_EQ(next(), with_pid("p_%d.0001.heap"));
	write_from_outside(in_folder(with_pid("p_%d.0001.heap")));
	hp_names_collided();
	CHECK_STR_EQ(next(), with_pid("p_%d.0002.heap"));
}

/* If the prefix contains %p, a fork child does not append its process ID. */
static void test_pattern_with_pid(void)
{
	start_with(in_folder("p-%p"));
	CHECK_STR_EQ(next(), with_pid("p-%d.0001.heap"));
	hp_names_after_fork();
	CHECK_STR_EQ(next(), with_pid("p-%d.0001.heap"));
	start_with(in_folder("p-%%p"));
	hp_names_after_fork();
	CHECK_STR_EQ(next(), with_pid("p-%%p_%d.0001.heap"));
}

static void test_too_long(void)
{
	static char prefix[PATH_MAX + 100];

	memset(prefix, 'x', PATH_MAX - 10);
	prefix[0] = '/';
	CHECK(hp_names_start(prefix, true));
	CHECK(!hp_names_next(&name));
	memset(prefix, 'x', PATH_MAX + 50);
	prefix[0] = '/';
	CHECK(!hp_names_start(prefix, true));
}

static void test_mark_in_the_environment(void)
{
	char mark[64];

	start_with(in_folder("p"));
	CHECK_PTR_EQ(getenv("HEAPPROF_OWNER"), NULL);
	hp_names_mark_environment(false);
	snprintf(mark, sizeof(mark), "%d:%llu", (int)getpid(),
		 (unsigned long long)hp_process_start_ticks());
	CHECK_STR_EQ(getenv("HEAPPROF_OWNER"), mark);
	CHECK(hp_names_start(in_folder("p"), true)); /* as after an exec in this process */
	CHECK(hp_names_is_owner());
	setenv("HEAPPROF_OWNER", "1:1", 1);
	CHECK(hp_names_start(in_folder("p"), true));
	CHECK(!hp_names_is_owner());
	hp_names_mark_environment(false);
	CHECK_STR_EQ(getenv("HEAPPROF_OWNER"), "1:1");
	CHECK(hp_names_start(in_folder("p"), false)); /* a session that the program itself starts */
	CHECK(hp_names_is_owner());
}

static void test_removal_of_earlier_dumps(void)
{
	start_with(in_folder("p"));
	write_file(in_folder("p.0001.heap"), "heap profile: 1: 2 [3: 4] @ heapprofile\n");
	write_file(in_folder("p.0002.heap"), "a file of somebody");
	write_file(in_folder("p.0003.heap"), "heap pro");
	write_file(in_folder("q.0001.heap"), "heap profile: 1: 2 [3: 4] @ heapprofile\n");
	write_file(in_folder("p_1.0001.heap"), "heap profile: 1: 2 [3: 4] @ heapprofile\n");
	CHECK(hp_names_start(in_folder("p"), true));
	hp_names_remove_earlier();
	CHECK_STR_EQ(read_file(in_folder("p.0001.heap")), "(none)");
	CHECK_STR_EQ(read_file(in_folder("p.0002.heap")), "a file of somebody");
	CHECK_STR_EQ(read_file(in_folder("p.0003.heap")), "heap pro");
	CHECK(strcmp(read_file(in_folder("q.0001.heap")), "(none)") != 0);
	CHECK(strcmp(read_file(in_folder("p_1.0001.heap")), "(none)") != 0);
	CHECK_STR_EQ(next(), "p.0004.heap");
}

/* Dumps of this process's earlier sessions stay. A dump with our process ID and another run ID is
 * from another process, as in another container, and is removed. */
static void test_removal_leaves_own_dumps(void)
{
	start_with(in_folder("p"));
	write_file(in_folder("p.0001.heap"), dump_of(hp_process_run_id() + 1));
	write_file(in_folder("p.0002.heap"), dump_of(hp_process_run_id()));
	CHECK(hp_names_start(in_folder("p"), false));
	hp_names_remove_earlier();
	CHECK(!is_there("p.0001.heap"));
	CHECK(is_there("p.0002.heap"));
}

static void test_removal_after_an_exec(void)
{
	start_with(in_folder("p"));
	write_file(in_folder("p.0001.heap"), "heap profile: 1: 2 [3: 4] @ heapprofile\n# pid: 1\n");
	write_file(in_folder("p.0002.heap"), dump_of(hp_process_run_id() + 1));
	hp_names_mark_environment(false);
	CHECK(hp_names_start(in_folder("p"), true));
	hp_names_remove_earlier();
	CHECK(!is_there("p.0001.heap"));
	CHECK(is_there("p.0002.heap"));
}

static void test_removal_of_what_the_dead_left(void)
{
	static const char *const stale[] = {"p.0001.heap.tmp.0123456789abcdef",
					    "p_12.0001.heap.tmp.0123456789abcdef",
					    "p_12-2.10000.heap.tmp.0123456789abcdef"};
	static const char *const others[] = {
		"p.0001.heap.tmp.0123456789abcde",    "p.0001.heap.tmp.0123456789abcdeg",
		"p.0001.heap.tmp.0123456789abcdef0",  "q.0001.heap.tmp.0123456789abcdef",
		"p.x.0001.heap.tmp.0123456789abcdef", "p.0001.tmp.0123456789abcdef"};

	start_with(in_folder("p"));
	for (size_t i = 0; i < sizeof(stale) / sizeof(stale[0]); i++)
		write_file(in_folder(stale[i]), "");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		write_file(in_folder(others[i]), "x");
	hp_names_remove_earlier();
	for (size_t i = 0; i < sizeof(stale) / sizeof(stale[0]); i++)
		CHECK_STR_EQ(read_file(in_folder(stale[i])), "(none)");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CHECK_STR_EQ(read_file(in_folder(others[i])), "x");
}

static __attribute__((constructor)) void prepare(void)
{
	hp_process_init();
}

TEST_MAIN(TEST(test_numbers), TEST(test_goes_on_after_the_highest), TEST(test_five_digits),
	  TEST(test_max_dumps), TEST(test_dumps_kept_spread),
	  TEST(test_limits_of_dumps_kept_spread), TEST(test_max_dumps_of_several_sessions),
	  TEST(test_one_dump_of_several_sessions), TEST(test_max_dumps_leaves_earlier_runs_alone),
	  TEST(test_max_dumps_leaves_other_files_alone), TEST(test_max_dumps_of_one_and_two),
	  TEST(test_collisions), TEST(test_fork_child),
	  TEST(test_earlier_dumps_under_the_own_number),
	  TEST(test_another_process_of_the_own_number), TEST(test_another_process_under_the_prefix),
	  TEST(test_dumps_from_outside), TEST(test_pattern_with_pid), TEST(test_too_long),
	  TEST(test_mark_in_the_environment), TEST(test_removal_of_earlier_dumps),
	  TEST(test_removal_leaves_own_dumps), TEST(test_removal_after_an_exec),
	  TEST(test_removal_of_what_the_dead_left))
