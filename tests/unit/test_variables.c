/* SPDX-License-Identifier: MIT */
#include "base/options.h"
#include "base/report.h"
#include "base/variables.h"
#include "test.h"
#include <unistd.h>

/* Returns what is written to standard error about unknown variables in the environment. */
static const char *said_of(char *const *environment)
{
	static char said[8192];
	FILE *file = tmpfile();
	int saved = dup(2);
	ssize_t n;

	dup2(fileno(file), 2);
	hp_report_init();
	hp_variables_report_unknown(environment);
	dup2(saved, 2);
	close(saved);
	n = pread(fileno(file), said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	fclose(file);
	return said;
}

static const char *said_of_one(const char *variable)
{
	return said_of((char *[]){"HOME=/root", (char *)variable, NULL});
}

static void check_suggestion(const char *variable, const char *suggested)
{
	char expected[512];

	snprintf(expected, sizeof(expected), "heapprof: %.*s: no such variable; did you mean %s?\n",
		 (int)strcspn(variable, "="), variable, suggested);
	CHECK_STR_EQ(said_of_one(variable), expected);
}

static void test_known_names(void)
{
	static const char *const others[] = {"HEAPPROFILE=/tmp/p", "HEAPPROF_OWNER=1:2",
					     "HEAP_PROFILE_MMAP_LOG=1",
					     "TCMALLOC_SAMPLE_PARAMETER=1"};
	char variable[128];

	for (size_t i = 0; i < hp_n_options; i++) {
		snprintf(variable, sizeof(variable), "%s=1", hp_option_table[i].name);
		CHECK_STR_EQ(said_of_one(variable), "");
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CHECK_STR_EQ(said_of_one(others[i]), "");
	CHECK_STR_EQ(said_of(NULL), "");
}

static void test_typing_errors(void)
{
	check_suggestion("HEAP_PROFILE_SAMPEL_INTERVAL=1", "HEAP_PROFILE_SAMPLE_INTERVAL");
	check_suggestion("HEAP_PROFILE_SAMPLE_INTERVALL=1", "HEAP_PROFILE_SAMPLE_INTERVAL");
	check_suggestion("HEAP_PROFILE_SAMPLING_INTERVAL=1", "HEAP_PROFILE_SAMPLE_INTERVAL");
	check_suggestion("HEAP_PROFILE_ALOCATION_INTERVAL=1", "HEAP_PROFILE_ALLOCATION_INTERVAL");
	check_suggestion("HEAP_PROFILE_PROGRAMM=app", "HEAP_PROFILE_PROGRAM");
	check_suggestion("HEAP_PROFILER_TIME_INTERVAL=1", "HEAP_PROFILE_TIME_INTERVAL");
	check_suggestion("HEAP_PROFILE_X", "HEAPPROFILE");
	check_suggestion("HEAPPROFIL=x", "HEAPPROFILE");
}

/* People confuse most often where the underscores are. */
static void test_underscores(void)
{
	check_suggestion("HEAP_PROFILE=/tmp/p", "HEAPPROFILE");
	check_suggestion("HEAP_PROFILE_SIGNAL=12", "HEAPPROFILESIGNAL");
	check_suggestion("HEAPPROFILE_SIGNAL=12", "HEAPPROFILESIGNAL");
	check_suggestion("HEAPPROFILE_SAMPLE_INTERVAL=1", "HEAP_PROFILE_SAMPLE_INTERVAL");
	check_suggestion("HEAPPROF_SAMPLE_INTERVAL=1", "HEAP_PROFILE_SAMPLE_INTERVAL");
}

static void test_nothing_near(void)
{
	CHECK_STR_EQ(said_of_one("HEAP_PROFILE_BANANA=secret"),
		     "heapprof: HEAP_PROFILE_BANANA: no such variable; see libheapprof(3)\n");
	CHECK_STR_EQ(said_of_one("HEAP_PROFILE_DEPTH"),
		     "heapprof: HEAP_PROFILE_DEPTH: no such variable; see libheapprof(3)\n");
}

/* A name that begins with HEAPPROF, and not with our own prefixes, may belong to another program.
 */
static void test_names_of_others(void)
{
	static const char *const names[] = {
		"HEAPPROF_BUILD=build",  "HEAPPROF_SKIP_SETUP=1", "HEAPPROF_LIB=/x",
		"HEAPPROF_LIBRARY=/x",   "HEAPPROF_PROGRAMS=/x",  "HEAPPROF_TEST_LARGE=1",
		"HEAPPROF_FUZZ_BUILD=x", "HEAPPROF_DATE=1",       "HEAPPROF=1",
		"HEAPCHECK=normal",      "heap_profile_x=1",      "MY_HEAP_PROFILE_X=1"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CHECK_STR_EQ(said_of_one(names[i]), "");
}

static void test_hostile_names(void)
{
	static char name[100000];
	char *many[40];

	memcpy(name, "HEAP_PROFILE_\n\x1b[2J", 18);
	memset(name + 18, '\n', sizeof(name) - 19);
	const char *said = said_of_one(name);

	CHECK(strlen(said) < 400);
	CHECK_PTR_EQ(strchr(said, '\n'), said + strlen(said) - 1);
	CHECK_PTR_EQ(strchr(said, '\x1b'), NULL);
	for (size_t i = 0; i < 39; i++)
		many[i] = "HEAP_PROFILE_BANANA=1";
	many[39] = NULL;
	size_t n_lines = 0;

	for (said = said_of(many); *said; said++)
		n_lines += *said == '\n';
	CHECK_UINT_EQ(n_lines, 5);
}

TEST_MAIN(TEST(test_known_names), TEST(test_typing_errors), TEST(test_underscores),
	  TEST(test_nothing_near), TEST(test_names_of_others), TEST(test_hostile_names))
