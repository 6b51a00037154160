/* SPDX-License-Identifier: MIT */
/* The text of dumps. The program runs itself again with a command line that could be mistaken for
 * lines of a dump. */
#include "base/arena.h"
#include "base/memory.h"
#include "dump/dump.h"
#include "process/modules.h"
#include "process/process.h"
#include "record/recorder.h"
#include "tables/stacks.h"
#include "test.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	NO_LIMIT = 1 << 30,
	LONG_ARGUMENT = 10000,
	SMALL_BUFFER = 7,
	TOUCHED = 32 << 20
};

static char dump[8 << 20];
static size_t dump_size;
static struct hp_dump_summary summary;
static const struct hp_options exact = {.sample_interval = 1, .cmdline = 1};
static const struct hp_options automatic = {.sample_interval = HP_SAMPLE_INTERVAL_AUTO};
static const struct hp_options sampled = {.sample_interval = 4096, .cmdline = 1};

static void collect(struct hp_text *t)
{
	if (t->used < sizeof(dump) - dump_size) {
		memcpy(dump + dump_size, t->buffer, t->used);
		dump_size += t->used;
	}
	dump[dump_size] = '\0';
	t->used = 0;
}

/* Prints a dump to `dump`, through a buffer so small that it is flushed in the middle of
 * everything. */
static void print(const struct hp_options *options, const char *reason)
{
	char buffer[SMALL_BUFFER];
	struct hp_text t = {.buffer = buffer, .size = sizeof(buffer), .flush = collect};
	struct hp_dump_request request = {.options = options, .reason = reason, .number = 3};

	if (options->sample_interval != HP_SAMPLE_INTERVAL_AUTO)
		hp_session_prepare(options);
	dump_size = 0;
	memset(&summary, 0xa5, sizeof(summary));
	CHECK(hp_dump_print(&t, &request, &summary));
	collect(&t);
}

/* Returns the line of the dump that begins with `start`, without its newline. Returns "" if no
 * line, or more than one, begins so. */
static const char *line(const char *start)
{
	static char found[8192];
	int n = 0;

	for (const char *p = dump, *end; (end = strchr(p, '\n')); p = end + 1)
		if (strncmp(p, start, strlen(start)) == 0 && n++ == 0)
			snprintf(found, sizeof(found), "%.*s", (int)(end - p), p);
	return n == 1 ? found : "";
}

static bool ends_as_it_should(void)
{
	size_t n = strlen(dump);

	return n > 7 && strcmp(dump + n - 7, "\n# end\n") == 0 &&
	       strstr(dump, "\n# end\n") == dump + n - 7;
}

static hp_handle count(uint64_t a, uint64_t b, uint64_t size)
{
	uint64_t frames[] = {a, b};

	return hp_stacks_count_alloc(frames, 2, 0, size, 0);
}

static void test_nothing(void)
{
	hp_stacks_reset();
	print(&sampled, "why");
	CHECK_INT_EQ(strncmp(dump, "heap profile: 0: 0 [0: 0] @ heap_v2/4096\n# heapprof: 1\n", 54),
		     0);
	CHECK_STR_EQ(line("# reason"), "# reason: why");
	CHECK_STR_EQ(line("# dump"), "# dump: 3");
	CHECK_STR_EQ(line("# sample_interval"), "# sample_interval: 4096");
	CHECK_STR_EQ(line("# stacks"), "# stacks: 0");
	CHECK_STR_EQ(line("# note"),
		     "# note: no sample: the program had allocated 0 bytes, and one sample is "
		     "taken per 4096 bytes on average; set HEAP_PROFILE_SAMPLE_INTERVAL=1 to "
		     "record every allocation");
	CHECK(hp_dump_is_without_sample(&summary));
	CHECK(strstr(dump, "\n\nMAPPED_LIBRARIES:\n"));
	CHECK(ends_as_it_should());
	print(&exact, "why");
	CHECK_STR_EQ(line("heap profile"), "heap profile: 0: 0 [0: 0] @ heapprofile");
	CHECK_STR_EQ(line("# note"), "");
}

static void test_records_and_totals(void)
{
	hp_stacks_reset();
	hp_stacks_count_free(count(0x1001, 0x2002, 20), 20);
	count(0x1001, 0x2002, 10);
	hp_stacks_count_free(count(0x3003, 0x2002, 500), 500);
	print(&exact, "why");
	CHECK_STR_EQ(line("1: 10 "), "1: 10 [2: 30] @ 0x1001 0x2002");
	CHECK_STR_EQ(line("0: 0 "), "0: 0 [1: 500] @ 0x3003 0x2002");
	CHECK_STR_EQ(line("heap profile"), "heap profile: 1: 10 [3: 530] @ heapprofile");
	CHECK_STR_EQ(line("# stacks"), "# stacks: 2");
	CHECK_UINT_EQ(summary.inuse_objects, 1);
	CHECK_UINT_EQ(summary.inuse_bytes, 10);
	CHECK_UINT_EQ(summary.alloc_objects, 3);
	CHECK_UINT_EQ(summary.alloc_bytes, 530);
}

static hp_handle count_at(uint32_t level, uint64_t a, uint64_t size)
{
	uint64_t frames[] = {a, 0x2002};

	return hp_stacks_count_alloc(frames, 2, hp_stacks_key(9, level), size, 0);
}

static bool begins_with(const char *start)
{
	return strncmp(dump, start, strlen(start)) == 0;
}

/* Lets the session's level rise to `level`. */
static void rise_to(uint32_t level)
{
	for (int i = 0; hp_level_now() < level && i < HP_LEVEL_FIRST_SAMPLES; i++)
		hp_level_count(level - 1, false /* new stack */);
}

/* Checks that the lines follow each other in the dump. */
static void check_order(const char *const *lines, size_t n)
{
	const char *at = dump;

	for (size_t i = 0; i < n; i++) {
		const char *found = strstr(at, lines[i]);

		CHECK(found);
		if (!found)
			printf("# no %s", lines[i]);
		at = found ? found : at;
	}
}

/* Records come in the order of their levels, with a line before each level but the dump's own;
 * lower ones are missing, also from the sums. */
static void test_levels(void)
{
	static const char *const all[] = {
		"1: 10 [1: 10] @ 0x1001 0x2002\n# level: 1\n",
		"# level: 1\n0: 0 [1: 20] @ 0x1001 0x2002\n1: 50 ",
		"2002\n1: 50 [1: 50] @ 0x3003 0x2002\n# level: 3\n",
		"# level: 3\n1: 30 [1: 30] @ 0x1001 0x2002\n# level: 19\n",
		"# level: 19\n1: 40 [1: 40] @ 0x1001 0x2002\n\nMAPPED",
	};
	static const char *const from_1[] = {
		"\n0: 0 [1: 20] @ 0x1001 0x2002\n1: 50 [1: 50] @ 0x3003 0x2002\n# level: 3\n",
		"# level: 19\n1: 40 [1: 40] @ 0x1001 0x2002\n\nMAPPED",
	};

	char since[64];

	hp_stacks_reset();
	hp_session_prepare(&automatic);
	count_at(1, 0x3003, 50);
	hp_stacks_count_free(count_at(1, 0x1001, 20), 20);
	count_at(19, 0x1001, 40);
	count_at(3, 0x1001, 30);
	count_at(0, 0x1001, 10);
	print(&automatic, "why");
	CHECK(begins_with("heap profile: 4: 130 [5: 150] @ heapprofile\n# heapprof: 2\n"));
	CHECK_STR_EQ(line("# interval_mode"), "# interval_mode: auto");
	snprintf(since, sizeof(since), "# interval_since_ms: %" PRIu64, hp_level_since_ms());
	CHECK_STR_EQ(line("# interval_since_ms"), since);
	check_order(all, 4);
	rise_to(1);
	print(&automatic, "why");
	CHECK(begins_with("heap profile: 3: 120 [4: 140] @ heap_v2/2\n# heapprof: 2\n"));
	CHECK_STR_EQ(line("# sample_interval"), "# sample_interval: 2");
	check_order(from_1, 2);
	CHECK(!strstr(dump, "# level: 1\n") && !strstr(dump, "1: 10 "));
	rise_to(HP_LEVEL_MAX);
	print(&automatic, "why");
	CHECK(begins_with("heap profile: 1: 40 [1: 40] @ heap_v2/524288\n# heapprof: 1\n"));
	CHECK_STR_EQ(line("# interval_mode"), "# interval_mode: auto");
	CHECK(!strstr(dump, "# level"));
	CHECK(ends_as_it_should());
}

static uint32_t level_of_rise; /* the level to which the session rises after a copy; 0: none */

bool __real_hp_stacks_copy(struct hp_stacks_copy *out);
bool __wrap_hp_stacks_copy(struct hp_stacks_copy *out);

/* dump.c calls this in place of hp_stacks_copy(). */
bool __wrap_hp_stacks_copy(struct hp_stacks_copy *out)
{
	bool is_made = __real_hp_stacks_copy(out);

	if (level_of_rise)
		rise_to(level_of_rise);
	return is_made;
}

/* The session's level rises when the records have been copied and nothing has been printed. The
 * dump has the new interval: threads may already have counted at it. */
static void test_a_rise_after_the_copy(void)
{
	hp_stacks_reset();
	hp_session_prepare(&automatic);
	hp_level_start();
	count_at(0, 0x1001, 10);
	count_at(1, 0x1001, 20);
	level_of_rise = 1;
	print(&automatic, "why");
	level_of_rise = 0;
	CHECK(begins_with("heap profile: 1: 20 [1: 20] @ heap_v2/2\n"));
	CHECK_STR_EQ(line("# sample_interval"), "# sample_interval: 2");
	CHECK(ends_as_it_should());
}

/* A session that records mappings as well has the default interval in place of an automatic one. */
static void test_automatic_with_mappings(void)
{
	struct hp_options options = {.record_mmap = 1};

	hp_stacks_reset();
	hp_session_prepare(&options);
	print(&options, "why");
	CHECK_STR_EQ(line("# sample_interval"), "# sample_interval: 524288");
	CHECK_STR_EQ(line("# interval_mode"), "");
	CHECK_STR_EQ(line("# interval_since_ms"), "");
}

/* In a fork child, records show memory that was in use at the fork, and not what the parent had
 * freed. */
static void test_after_a_fork(void)
{
	hp_stacks_reset();
	hp_stacks_count_free(count(0x1001, 0x2002, 20), 20);
	count(0x3003, 0x2002, 500);
	hp_stacks_after_fork();
	print(&exact, "why");
	CHECK(!strstr(dump, "0x1001"));
	CHECK_STR_EQ(line("1: 500 "), "1: 500 [1: 500] @ 0x3003 0x2002");
	CHECK_STR_EQ(line("heap profile"), "heap profile: 1: 500 [1: 500] @ heapprofile");
}

/* Counts and frees blocks of more stacks than fit into memory, so that some stacks are folded.
 * Returns how many blocks were counted. */
static uint64_t fill_and_fold(void)
{
	uint64_t n = 0;

	hp_stacks_reset();
	hp_memory_set_limit(hp_memory_mapped() + (4 << 20));
	for (uint64_t i = 0; i < 60000; i++) {
		hp_handle h = count(0x100000 + i, 0x2002, 10);

		if (h)
			hp_stacks_count_free(h, 10);
		n += h != 0;
	}
	hp_memory_set_limit(NO_LIMIT);
	return n;
}

/* In a dump, each folded record has only one address, which is in a mapping named "(evicted)". */
static void test_folded(void)
{
	uint64_t n = fill_and_fold(), start = 0, end = 0, address, objects, folded = 0, sum = 0;
	const char *text;
	char header[128];

	print(&exact, "why");
	text = strstr(dump, " 00:00 0 (evicted)\n");
	CHECK(text != NULL);
	while (text && text > dump && text[-1] != '\n')
		text--;
	CHECK_INT_EQ(sscanf(text ? text : "", "%" SCNx64 "-%" SCNx64 " r-xp 0 ", &start, &end), 2);
	for (text = strchr(dump, '\n') + 1; *text && *text != '\n'; text = strchr(text, '\n') + 1) {
		int n_read = 0;

		if (sscanf(text, "0: 0 [%" SCNu64 ": %*u] @ 0x%" SCNx64 "%n", &objects, &address,
			   &n_read) != 2)
			continue;
		sum += objects;
		if (text[n_read] != '\n')
			continue;
		folded += objects;
		CHECK(address > start && address < end);
	}
	CHECK(folded > 0 && folded < n);
	CHECK_UINT_EQ(sum, n);
	snprintf(header, sizeof(header), "heap profile: 0: 0 [%ju: %ju] @ heapprofile",
		 (uintmax_t)n, (uintmax_t)n * 10);
	CHECK_STR_EQ(line("heap profile"), header);
}

static void test_values_forge_no_lines(void)
{
	hp_stacks_reset();
	print(&sampled, "x\n1: 1 [1: 1] @ 0x1\n# end\n\\ \x1b[2J \xff");
	CHECK(strstr(line("# reason"), "# reason: x\\n1: 1 [1: 1] @ 0x1\\n# end\\n\\\\ \\x1b[2J"));
	CHECK_STR_EQ(line("1: 1"), "");
	CHECK(ends_as_it_should());
}

static int64_t number(const char *start)
{
	return strtoll(line(start) + strlen(start), NULL, 10);
}

static void touch(int flags)
{
	char *p = mmap(NULL, TOUCHED, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	memset(p, 1, TOUCHED);
}

/* Checks that the value has grown as expected, with a tolerance: the kernel collects changes of up
 * to about 256 KiB on each processor, and the dump itself uses some memory. */
static void check_grown(int64_t before, int64_t after, int64_t expected)
{
	CHECK_INT_LE(expected - TOUCHED / 2, after - before);
	CHECK_INT_LE(after - before, expected + TOUCHED / 2);
}

static void test_resident(void)
{
	int64_t resident, anonymous;

	print(&sampled, "why");
	resident = number("# rss_bytes: ");
	anonymous = number("# anonymous_bytes: ");
	CHECK(anonymous > 0 && anonymous < resident);
	touch(MAP_PRIVATE);
	print(&sampled, "why");
	check_grown(resident, number("# rss_bytes: "), TOUCHED);
	check_grown(anonymous, number("# anonymous_bytes: "), TOUCHED);
	touch(MAP_SHARED);
	print(&sampled, "why");
	check_grown(resident, number("# rss_bytes: "), 2 * TOUCHED);
	check_grown(anonymous, number("# anonymous_bytes: "), TOUCHED);
}

static void test_long_values_are_cut(void)
{
	static char reason[LONG_ARGUMENT + 1];
	const char *cut;

	hp_stacks_reset();
	memset(reason, 'r', LONG_ARGUMENT);
	print(&sampled, reason);
	cut = line("# reason");
	CHECK_INT_LE(4096, strlen(cut));
	CHECK_INT_LE(strlen(cut), 4096 + 16);
	CHECK_STR_EQ(cut + strlen(cut) - 4, "r...");
}

static void test_cmdline(void)
{
	struct hp_options without = sampled;
	const char *text;

	print(&sampled, "why");
	text = line("# cmdline");
	CHECK(strstr(text, " one\\ntwo aaaaa"));
	CHECK_STR_EQ(text + strlen(text) - 4, "a...");
	CHECK_INT_LE(strlen(text), 4096 + 16);
	without.cmdline = 0;
	print(&without, "why");
	CHECK_STR_EQ(line("# cmdline"), "");
	CHECK(!strstr(dump, "aaaaa"));
	CHECK(strstr(line("# program"), "test_dump"));
}

/* The line of a build ID follows the line of the mapping that it belongs to. */
static void test_build_ids(void)
{
	char program[4096] = "", id[4200];
	const char *p;

	CHECK(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
	print(&sampled, "why");
	p = strstr(dump, "\n# buildid: ");
	CHECK(p && strspn(p + 12, "0123456789abcdef") == 40);
	snprintf(id, sizeof(id), "%.*s %s\n", p ? 52 : 0, p ? p : "", program);
	CHECK(p && strncmp(p, id, strlen(id)) == 0);
	while (p && p > dump && *--p != '\n')
		;
	CHECK(p && strstr(p, program) && strstr(p, program) < strchr(p + 1, '\n'));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(test_nothing),
		TEST(test_records_and_totals),
		TEST(test_levels),
		TEST(test_a_rise_after_the_copy),
		TEST(test_automatic_with_mappings),
		TEST(test_after_a_fork),
		TEST(test_folded),
		TEST(test_values_forge_no_lines),
		TEST(test_resident),
		TEST(test_long_values_are_cut),
		TEST(test_cmdline),
		TEST(test_build_ids),
	};
	static char long_argument[LONG_ARGUMENT + 1];

	if (argc < 4) {
		memset(long_argument, 'a', LONG_ARGUMENT);
		execl("/proc/self/exe", argv[0], argc > 1 ? argv[1] : "", "one\ntwo", long_argument,
		      NULL);
		return 1;
	}
	hp_process_init();
	hp_modules_init(false /* late */);
	hp_memory_set_limit(NO_LIMIT);
	return test_main(tests, sizeof(tests) / sizeof(tests[0]), 2 /* name and filter */, argv);
}
