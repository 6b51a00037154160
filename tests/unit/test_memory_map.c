/* SPDX-License-Identifier: MIT */
#include "readers/memory_map.h"

#include "test.h"

static char warning[DIAG_TEXT_MAX]; /* the last one */
static int n_warnings;

static char *join(const char *const *lines)
{
	char *text = calloc(1, 1);

	for (; *lines; lines++) {
		text = realloc(text, strlen(text) + strlen(*lines) + 2);
		strcat(strcat(text, *lines), "\n");
	}
	return text;
}

static struct profile *read_lines(const char *const *lines)
{
	struct profile *profile = profile_new();
	struct diag diag = {0};
	struct memory_map map = {.profile = profile, .diag = &diag};
	struct input *input;
	struct cursor line;
	char *text = join(lines);

	CHECK_INT_EQ(input_open_memory(&input, NULL, text, strlen(text), 0, &diag), 0);
	map.input = input;
	while (input_next_line(input, &line))
		memory_map_add_line(&map, line);
	n_warnings = diag.n_warnings;
	if (n_warnings)
		snprintf(warning, sizeof(warning), "%s", diag.warnings[n_warnings - 1]);
	memory_map_deinit(&map);
	input_free(input);
	diag_deinit(&diag);
	free(text);
	CHECK_INT_EQ(profile_status(profile), 0);
	return profile;
}

#define READ_LINES(...) read_lines((const char *const[]){__VA_ARGS__, NULL})

static void check_mapping(const struct profile *profile, size_t i, uint64_t start, uint64_t limit,
			  uint64_t offset, const char *file, const char *build_id)
{
	const struct profile_mapping *mapping = &profile->mappings.items[i];

	CHECK(i < profile->mappings.n);
	if (i >= profile->mappings.n)
		return;
	CHECK_HEX_EQ(mapping->start, start);
	CHECK_HEX_EQ(mapping->limit, limit);
	CHECK_HEX_EQ(mapping->offset, offset);
	CHECK_STR_EQ(profile_string(profile, mapping->file), file);
	CHECK_STR_EQ(profile_string(profile, mapping->build_id), build_id);
}

static void test_proc_maps(void)
{
	struct profile *profile =
		READ_LINES("00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/app",
			   "7f00-7f10 r-xp 00000000 00:00 0",
			   "7f10-7f20 rw-p 00000000 08:02 173521      /usr/bin/app",
			   "7f20-7f30 rwxs 00000000 08:02 5      /dev/shm/a file\r",
			   "7f30-7f40 r-xp 00000000 08:02 5      /tmp/gone.so (deleted)");

	CHECK_UINT_EQ(profile->mappings.n, 4);
	check_mapping(profile, 0, 0x400000, 0x452000, 0x1000, "/usr/bin/app", "");
	check_mapping(profile, 1, 0x7f00, 0x7f10, 0, "", "");
	check_mapping(profile, 2, 0x7f20, 0x7f30, 0, "/dev/shm/a file", "");
	check_mapping(profile, 3, 0x7f30, 0x7f40, 0, "/tmp/gone.so", "");
	profile_free(profile);
}

static void test_brief_maps(void)
{
	struct profile *profile =
		READ_LINES("0x40000-0x80000 /path/to/binary (@FF00) abc123456", "80000 90000: /b",
			   "90000-a0000 r-xp /c d1e2", "a0000-b0000 rw-p /data",
			   "b0000-c0000 /path with spaces (@10)", "c0000-d0000");

	CHECK_UINT_EQ(profile->mappings.n, 5);
	check_mapping(profile, 0, 0x40000, 0x80000, 0xff00, "/path/to/binary", "abc123456");
	check_mapping(profile, 1, 0x80000, 0x90000, 0, "/b", "");
	check_mapping(profile, 2, 0x90000, 0xa0000, 0, "/c", "d1e2");
	check_mapping(profile, 3, 0xb0000, 0xc0000, 0x10, "/path with spaces", "");
	check_mapping(profile, 4, 0xc0000, 0xd0000, 0, "", "");
	profile_free(profile);
}

/* A name may begin like a number or like permissions. */
static void test_brief_names(void)
{
	struct profile *profile = READ_LINES(
		"00400000-00410000: bench", "410000-420000: cafe", "420000-430000: bad (@20)",
		"430000-440000: add abcdef12", "440000-450000: x", "450000-460000 r-x prx",
		"460000-470000: /opt/my program", "470000-480000: /opt/my (@ program (@30) 12 34",
		"480000-490000: feed 08:0x", "490000-4a0000: rwx",
		"4a0000-4b0000: /opt/a (deleted)", "4b0000-4c0000: fade:01 5x",
		"4c0000-4d0000: beef 08:01 5 /real", "4d0000-4e0000: wp\r");

	CHECK_UINT_EQ(profile->mappings.n, 14);
	check_mapping(profile, 0, 0x400000, 0x410000, 0, "bench", "");
	check_mapping(profile, 1, 0x410000, 0x420000, 0, "cafe", "");
	check_mapping(profile, 2, 0x420000, 0x430000, 0x20, "bad", "");
	check_mapping(profile, 3, 0x430000, 0x440000, 0, "add", "abcdef12");
	check_mapping(profile, 4, 0x440000, 0x450000, 0, "x", "");
	check_mapping(profile, 5, 0x450000, 0x460000, 0, "prx", "");
	check_mapping(profile, 6, 0x460000, 0x470000, 0, "/opt/my program", "");
	check_mapping(profile, 7, 0x470000, 0x480000, 0, "/opt/my (@ program (@30) 12 34", "");
	check_mapping(profile, 8, 0x480000, 0x490000, 0, "feed 08:0x", "");
	check_mapping(profile, 9, 0x490000, 0x4a0000, 0, "", "");
	check_mapping(profile, 10, 0x4a0000, 0x4b0000, 0, "/opt/a", "");
	CHECK(profile->mappings.items[10].was_deleted);
	check_mapping(profile, 11, 0x4b0000, 0x4c0000, 0, "fade:01 5x", "");
	check_mapping(profile, 12, 0x4c0000, 0x4d0000, 0xbeef, "/real", "");
	check_mapping(profile, 13, 0x4d0000, 0x4e0000, 0, "wp", "");
	profile_free(profile);
}

static void test_variables(void)
{
	struct profile *profile = READ_LINES("1000-2000: $build/a", " build = /home/me ", "other=x",
					     "2000-3000: $build/a$other$unknown", "$build=ignored");

	check_mapping(profile, 0, 0x1000, 0x2000, 0, "$build/a", "");
	check_mapping(profile, 1, 0x2000, 0x3000, 0, "/home/me/ax$unknown", "");
	profile_free(profile);
}

/* A line that uses a variable many times must not fill the memory when it is expanded. */
static void test_variables_do_not_explode(void)
{
	char value[4099] = "a=", longer[4100] = "b=", use[60001] = "1000-2000: ";
	struct profile *profile;

	memset(value + 2, 'y', sizeof(value) - 3);
	memset(longer + 2, 'y', sizeof(longer) - 3);
	for (size_t i = strlen(use); i + 2 < sizeof(use); i += 2)
		memcpy(use + i, "$a", 2);
	profile = READ_LINES(longer, value, use, use);
	CHECK_UINT_EQ(profile->mappings.n, 2);
	CHECK_UINT_EQ(strtab_size(&profile->strings, profile->mappings.items[0].file),
		      MEMORY_MAP_EXPANDED_MAX - strlen("1000-2000: "));
	CHECK_INT_EQ(n_warnings, 2);
	CHECK_STR_EQ(warning, "warning: line 3: longer than any path once its variables are "
			      "expanded; it was cut");
	profile_free(profile);
}

static void test_variables_beyond_all_bounds(void)
{
	char value[4100] = "a=", name[68] = "";
	struct profile *profile;

	memset(value + 2, 'y', sizeof(value) - 3);
	memset(name, 'b', sizeof(name) - 3);
	strcat(name, "=y");
	profile = READ_LINES(name, "1000-2000: /a", value, value, "2000-3000: $a/b", &name[1],
			     "3000-4000: /$bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
			     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/c");
	check_mapping(profile, 1, 0x2000, 0x3000, 0, "$a/b", "");
	check_mapping(profile, 2, 0x3000, 0x4000, 0, "/y/c", "");
	CHECK_INT_EQ(n_warnings, 1);
	CHECK_STR_EQ(warning,
		     "warning: line 3: a variable is longer than any path and was ignored");
	profile_free(profile);
}

static void test_log_prefixes(void)
{
	struct profile *profile = READ_LINES(
		"I0102 03:04:05.678901 77 dump.cc:12] 1000-2000 r-xp 00000000 00:00 0 /a",
		"[1] 2000-3000 r-xp 00000000 00:00 0 /b", "x:1]3000-4000 /c");

	CHECK_UINT_EQ(profile->mappings.n, 1);
	check_mapping(profile, 0, 0x1000, 0x2000, 0, "/a", "");
	profile_free(profile);
}

static void test_what_is_no_mapping(void)
{
	struct profile *profile =
		READ_LINES("", "   ", "# comment", "hello world", "1000-", "2000-1000 /backwards",
			   "3000-3000 /empty", "10000000000000000-20000000000000000 /too/big",
			   "1000-2000x /a");

	CHECK_UINT_EQ(profile->mappings.n, 0);
	profile_free(profile);
}

TEST_MAIN(TEST(test_proc_maps), TEST(test_brief_maps), TEST(test_brief_names), TEST(test_variables),
	  TEST(test_variables_do_not_explode), TEST(test_variables_beyond_all_bounds),
	  TEST(test_log_prefixes), TEST(test_what_is_no_mapping))
