/* SPDX-License-Identifier: MIT */
/* Tests the rows of the option table one by one, and the message about a bad value. */
#include "base/options.h"
#include "base/report.h"
#include "process/process.h"
#include "test.h"
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

enum {
	N_VARIABLES_MAX = 4
};

static const char *environment[N_VARIABLES_MAX][2];

static const char *get(const char *name)
{
	for (int i = 0; i < N_VARIABLES_MAX; i++)
		if (environment[i][0] && strcmp(environment[i][0], name) == 0)
			return environment[i][1];
	return NULL;
}

static void set(int i, const char *name, const char *value)
{
	environment[i][0] = name;
	environment[i][1] = value;
}

static void clear(void)
{
	memset(environment, 0, sizeof(environment));
}

/* Reads the options while standard error is redirected to a temporary file. Stores in `message`
 * what was written to it. */
static void read_and_catch(struct hp_options *out, char *message, size_t size)
{
	FILE *file = tmpfile();
	int saved = dup(2);
	ssize_t n;

	dup2(fileno(file), 2);
	hp_report_init();
	hp_options_read(out, get, hp_process_is_called);
	dup2(saved, 2);
	close(saved);
	hp_report_init();
	n = pread(fileno(file), message, size - 1, 0);
	message[n > 0 ? n : 0] = '\0';
	fclose(file);
}

static uint64_t value_of(const struct hp_options *o, const struct hp_option *option)
{
	uint64_t value;

	memcpy(&value, (const char *)o + option->offset, sizeof(value));
	return value;
}

static const struct hp_option *row(const char *name)
{
	for (size_t i = 0; i < hp_n_options; i++)
		if (strcmp(hp_option_table[i].name, name) == 0)
			return &hp_option_table[i];
	TEST_FAIL("no row %s", name);
	return &hp_option_table[0];
}

/* Sets only the variable `name` and returns the value that is read. There must be no message. */
static uint64_t read_good(const char *name, const char *text)
{
	static struct hp_options o;
	char message[1024];

	clear();
	set(0, name, text);
	read_and_catch(&o, message, sizeof(message));
	CHECK_STR_EQ(message, "");
	return value_of(&o, row(name));
}

static void check_bad(const struct hp_option *option, const char *text)
{
	static struct hp_options o;
	char message[1024];

	clear();
	set(0, option->name, text);
	read_and_catch(&o, message, sizeof(message));
	CHECK_UINT_EQ(value_of(&o, option), option->default_value);
	char *newline = strchr(message, '\n');

	if (strncmp(message, "heapprof: ", 10) != 0 || !strstr(message, option->name) ||
	    !strstr(message, option->default_text) || !newline || newline[1] != '\0')
		TEST_FAIL("%s=%s: message \"%s\"", option->name, text, message);
}

static void test_defaults(void)
{
	static struct hp_options o;
	char message[1024];

	clear();
	read_and_catch(&o, message, sizeof(message));
	CHECK_STR_EQ(message, "");
	CHECK_STR_EQ(o.prefix, "");
	CHECK_UINT_EQ(o.sample_interval, 512 << 10);
	CHECK_UINT_EQ(o.allocation_interval, 1 << 30);
	CHECK_UINT_EQ(o.deallocation_interval, 0);
	CHECK_UINT_EQ(o.inuse_interval, 100 << 20);
	CHECK_UINT_EQ(o.rss_interval, 0);
	CHECK_UINT_EQ(o.time_interval, 0);
	CHECK_UINT_EQ(o.dump_signal, 0);
	CHECK_UINT_EQ(o.exit_dump, 1);
	CHECK_UINT_EQ(o.max_dumps, 200);
	CHECK_UINT_EQ(o.cleanup, 0);
	CHECK_UINT_EQ(o.stack_depth, 64);
	CHECK_UINT_EQ(o.unwinder, HP_UNWINDER_LIBUNWIND);
	CHECK_UINT_EQ(o.record_mmap, 0);
	CHECK_UINT_EQ(o.only_mmap, 0);
	CHECK_UINT_EQ(o.memory_limit, 256 << 20);
	CHECK_UINT_EQ(o.seed, 0);
	CHECK_UINT_EQ(o.cmdline, 1);
	CHECK_UINT_EQ(o.verbose, HP_VERBOSE_AUTO);
}

/* If a user sets a variable to the default text in its row, the result is the default value. */
static void test_default_texts_are_true(void)
{
	for (size_t i = 0; i < hp_n_options; i++) {
		const struct hp_option *option = &hp_option_table[i];

		if (option->kind == HP_OPTION_TEXT)
			continue;
		if (strcmp(option->default_text, "unset") != 0 &&
		    strcmp(option->default_text, "random") != 0)
			CHECK_UINT_EQ(read_good(option->name, option->default_text),
				      option->default_value);
		CHECK_UINT_EQ(read_good(option->name, ""), option->default_value);
	}
}

static void test_rows_are_apart(void)
{
	for (size_t i = 0; i < hp_n_options; i++) {
		CHECK(hp_option_table[i].meaning[0] != '\0');
		for (size_t j = 0; j < i; j++) {
			CHECK(hp_option_table[i].offset != hp_option_table[j].offset);
			CHECK(strcmp(hp_option_table[i].name, hp_option_table[j].name) != 0);
		}
	}
}

static void test_sizes(void)
{
	const char *name = "HEAP_PROFILE_ALLOCATION_INTERVAL";

	CHECK_UINT_EQ(read_good(name, "0"), 0);
	CHECK_UINT_EQ(read_good(name, "1"), 1);
	CHECK_UINT_EQ(read_good(name, "3K"), 3 << 10);
	CHECK_UINT_EQ(read_good(name, "3k"), 3 << 10);
	CHECK_UINT_EQ(read_good(name, "7M"), 7 << 20);
	CHECK_UINT_EQ(read_good(name, "7MB"), 7 << 20);
	CHECK_UINT_EQ(read_good(name, "7MiB"), 7 << 20);
	CHECK_UINT_EQ(read_good(name, "2G"), UINT64_C(2) << 30);
	CHECK_UINT_EQ(read_good(name, "18446744073709551615"), UINT64_MAX);
	CHECK_UINT_EQ(read_good(name, "17179869183G"), UINT64_C(17179869183) << 30);
}

static void test_bad_sizes(void)
{
	static const char *const texts[] = {
		"-1",           "x",    "1 K",  " 1", "1K ",
		"1T",           "1.5M", "0x10", "K",  "18446744073709551616",
		"17179869184G", "1Kx"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_bad(row("HEAP_PROFILE_ALLOCATION_INTERVAL"), texts[i]);
}

static void test_bad_values_of_every_row(void)
{
	for (size_t i = 0; i < hp_n_options; i++) {
		if (hp_option_table[i].kind == HP_OPTION_TEXT)
			continue;
		check_bad(&hp_option_table[i], "-1");
		check_bad(&hp_option_table[i], "nonsense");
		check_bad(&hp_option_table[i], "99999999999999999999999");
	}
}

static void test_ranges(void)
{
	CHECK_UINT_EQ(read_good("HEAP_PROFILE_STACK_DEPTH", "1"), 1);
	CHECK_UINT_EQ(read_good("HEAP_PROFILE_STACK_DEPTH", "512"), 512);
	check_bad(row("HEAP_PROFILE_STACK_DEPTH"), "0");
	check_bad(row("HEAP_PROFILE_STACK_DEPTH"), "513");
	check_bad(row("HEAP_PROFILE_SAMPLE_INTERVAL"), "0");
	check_bad(row("HEAP_PROFILE_SAMPLE_INTERVAL"), "1025G");
	check_bad(row("HEAP_PROFILE_EXIT_DUMP"), "2");
	check_bad(row("HEAPPROFILESIGNAL"), "65");
}

static void test_booleans(void)
{
	static const char *const yes[] = {"1", "yes", "true", "on", "y", "t", "TRUE"};
	static const char *const no[] = {"0", "no", "false", "off", "n", "f", "Off"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		CHECK_UINT_EQ(read_good("HEAP_PROFILE_CLEANUP", yes[i]), 1);
		CHECK_UINT_EQ(read_good("HEAP_PROFILE_EXIT_DUMP", no[i]), 0);
	}
}

static void test_signals(void)
{
	CHECK_UINT_EQ(read_good("HEAPPROFILESIGNAL", "12"), 12);
	CHECK_UINT_EQ(read_good("HEAPPROFILESIGNAL", "USR2"), SIGUSR2);
	CHECK_UINT_EQ(read_good("HEAPPROFILESIGNAL", "SIGUSR2"), SIGUSR2);
	CHECK_UINT_EQ(read_good("HEAPPROFILESIGNAL", "sighup"), SIGHUP);
	check_bad(row("HEAPPROFILESIGNAL"), "SIG");
	check_bad(row("HEAPPROFILESIGNAL"), "USR3");
	CHECK_UINT_EQ(read_good("HEAPPROFILESIGNAL", "SIGRTMIN"), SIGRTMIN);
	CHECK_UINT_EQ(read_good("HEAPPROFILESIGNAL", "rtmin+3"), SIGRTMIN + 3);
	CHECK_UINT_EQ(read_good("HEAPPROFILESIGNAL", "RTMAX"), SIGRTMAX);
	CHECK_UINT_EQ(read_good("HEAPPROFILESIGNAL", "SIGRTMAX-30"), SIGRTMIN);
	check_bad(row("HEAPPROFILESIGNAL"), "RTMIN-1");
	check_bad(row("HEAPPROFILESIGNAL"), "RTMIN+");
	check_bad(row("HEAPPROFILESIGNAL"), "RTMIN+31");
	check_bad(row("HEAPPROFILESIGNAL"), "RTMIN+1x");
	check_bad(row("HEAPPROFILESIGNAL"), "RTMAX+1");
	check_bad(row("HEAPPROFILESIGNAL"), "RTMAX-31");
	check_bad(row("HEAPPROFILESIGNAL"), "RTMID");
}

static void test_signals_that_are_refused(void)
{
	static const char *const texts[] = {"SEGV", "SIGBUS", "FPE",  "ILL",  "TRAP",
					    "SYS",  "ABRT",   "KILL", "STOP", "SIGSEGV",
					    "11",   "9",      "32",   "33"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_bad(row("HEAPPROFILESIGNAL"), texts[i]);
	CHECK_UINT_EQ(read_good("HEAPPROFILESIGNAL", "30"), SIGPWR);
}

static void test_choices(void)
{
	CHECK_UINT_EQ(read_good("HEAP_PROFILE_UNWINDER", "frame-pointer"),
		      HP_UNWINDER_FRAME_POINTER);
	CHECK_UINT_EQ(read_good("HEAP_PROFILE_UNWINDER", "libunwind"), HP_UNWINDER_LIBUNWIND);
	CHECK_UINT_EQ(read_good("HEAP_PROFILE_VERBOSE", "1"), HP_VERBOSE_YES);
	CHECK_UINT_EQ(read_good("HEAP_PROFILE_VERBOSE", "0"), HP_VERBOSE_NO);
}

/* Of the sizes only the sample interval may be automatic, and only by that word. */
static void test_automatic_interval(void)
{
	const char *name = "HEAP_PROFILE_SAMPLE_INTERVAL";

	CHECK_UINT_EQ(read_good(name, "auto"), HP_SAMPLE_INTERVAL_AUTO);
	check_bad(row(name), "0");
	check_bad(row(name), "Auto");
	check_bad(row(name), "automatic");
	check_bad(row("HEAP_PROFILE_ALLOCATION_INTERVAL"), "auto");
}

static void test_tcmalloc_parameter(void)
{
	static struct hp_options o;
	char message[1024];
	const uint64_t ours = 512 << 10;
	const struct {
		const char *text;
		uint64_t expected;
	} cases[] = {{"1000", 1000},
		     {"0", ours},
		     {"", ours},
		     {"x", ours},
		     {"18446744073709551615", ours}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		clear();
		set(0, "TCMALLOC_SAMPLE_PARAMETER", cases[i].text);
		read_and_catch(&o, message, sizeof(message));
		CHECK_UINT_EQ(o.sample_interval, cases[i].expected);
		CHECK_STR_EQ(message, ""); /* the variable is not ours, so there is no message */
	}
	set(0, "TCMALLOC_SAMPLE_PARAMETER", "1000");
	set(1, "HEAP_PROFILE_SAMPLE_INTERVAL", "64K");
	read_and_catch(&o, message, sizeof(message));
	CHECK_UINT_EQ(o.sample_interval, 64 << 10);
}

static void test_hostile_value_stays_on_one_line(void)
{
	static struct hp_options o;
	char message[2048], text[600];

	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	clear();
	set(0, "HEAP_PROFILE_STACK_DEPTH", text);
	read_and_catch(&o, message, sizeof(message));
	CHECK_PTR_EQ(strchr(message, '\n'), message + strlen(message) - 1);
	CHECK(strstr(message, "64") != NULL);
}

static void test_prefix(void)
{
	static struct hp_options o;
	static char path[PATH_MAX + 1];
	char message[1024];

	clear();
	set(0, "HEAPPROFILE", "/a/b%p");
	read_and_catch(&o, message, sizeof(message));
	CHECK_STR_EQ(o.prefix, "/a/b%p");
	memset(path, 'a', PATH_MAX);
	set(0, "HEAPPROFILE", path);
	read_and_catch(&o, message, sizeof(message));
	CHECK_STR_EQ(o.prefix, "");
	CHECK(strstr(message, "HEAPPROFILE") != NULL);
}

static void test_texts(void)
{
	static struct hp_options o;
	static char text[HP_OPTION_TEXT_SIZE + 1];
	char message[1024];

	clear();
	read_and_catch(&o, message, sizeof(message));
	CHECK_STR_EQ(o.program, "");
	set(0, "HEAP_PROFILE_PROGRAM", "python3*,app");
	read_and_catch(&o, message, sizeof(message));
	CHECK_STR_EQ(o.program, "python3*,app");
	CHECK_STR_EQ(message, "");
	memset(text, 'a', HP_OPTION_TEXT_SIZE - 1);
	set(0, "HEAP_PROFILE_PROGRAM", text);
	read_and_catch(&o, message, sizeof(message));
	CHECK_STR_EQ(o.program, text);
	text[HP_OPTION_TEXT_SIZE - 1] = 'a';
	read_and_catch(&o, message, sizeof(message));
	CHECK_STR_EQ(o.program, "");
	CHECK(strstr(message, "too long; using the default, every program\n") != NULL);
}

static void test_program_that_is_left_out(void)
{
	static struct hp_options o;
	char message[1024];

	clear();
	set(0, "HEAP_PROFILE_PROGRAM", "another");
	set(1, "HEAPPROFILE", "/a/b");
	set(2, "HEAP_PROFILE_STACK_DEPTH", "nonsense");
	read_and_catch(&o, message, sizeof(message));
	CHECK_STR_EQ(message, "");
	CHECK(o.is_left_out);
	CHECK_STR_EQ(o.prefix, "");
	CHECK_UINT_EQ(o.stack_depth, 64);
	set(0, "HEAP_PROFILE_PROGRAM", "another,test_opt*");
	read_and_catch(&o, message, sizeof(message));
	CHECK(strstr(message, "HEAP_PROFILE_STACK_DEPTH") != NULL);
	CHECK(!o.is_left_out);
	CHECK_STR_EQ(o.prefix, "/a/b");
}

static __attribute__((constructor)) void prepare(void)
{
	hp_process_init();
}

TEST_MAIN(TEST(test_defaults), TEST(test_default_texts_are_true), TEST(test_rows_are_apart),
	  TEST(test_sizes), TEST(test_bad_sizes), TEST(test_bad_values_of_every_row),
	  TEST(test_ranges), TEST(test_booleans), TEST(test_signals),
	  TEST(test_signals_that_are_refused), TEST(test_choices), TEST(test_automatic_interval),
	  TEST(test_tcmalloc_parameter), TEST(test_hostile_value_stays_on_one_line),
	  TEST(test_prefix), TEST(test_texts), TEST(test_program_that_is_left_out))
