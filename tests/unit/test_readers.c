/* SPDX-License-Identifier: MIT */
/* Reads each fixture in every way: whole, cut at every length, and with damaged bits. */
#include "readers/reader.h"

#include <dirent.h>

#include "model/sample_labels.h"
#include "test.h"

#define MAX_BYTES (1 << 20)

struct file {
	char name[256];
	char *data;
	size_t size;
};

static struct file load(const char *name)
{
	struct file file = {.data = malloc(MAX_BYTES)};
	char path[1024];
	FILE *stream;

	snprintf(file.name, sizeof(file.name), "%s", name);
	snprintf(path, sizeof(path), TEST_DATA "/%s", name);
	stream = fopen(path, "rb");
	CHECK(stream != NULL);
	if (stream) {
		file.size = fread(file.data, 1, MAX_BYTES, stream);
		fclose(stream);
	}
	return file;
}

/* Reads the bytes and returns what reader_read() returns. Sets *out to the profile, or to NULL if
 * there is none. */
static int read_bytes(const char *name, const void *data, size_t size, struct profile **out,
		      struct diag *diag)
{
	struct input *input = NULL;
	int r = input_open_memory(&input, name, data, size, 0, diag);

	*out = NULL;
	if (!r)
		r = reader_read(out, NULL, input, diag);
	input_free(input);
	return r;
}

static struct profile *read_good(const char *name)
{
	struct file file = load(name);
	struct profile *profile;
	struct diag diag = {0};

	CHECK_INT_EQ(read_bytes(name, file.data, file.size, &profile, &diag), 0);
	if (!profile) {
		printf("# %s\n", diag.error);
		exit(1);
	}
	diag_deinit(&diag);
	free(file.data);
	return profile;
}

static void for_each_file(const char *prefix, void (*visit)(const struct file *file))
{
	DIR *dir = opendir(TEST_DATA);
	int n = 0;

	CHECK(dir != NULL);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		struct file file;

		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		file = load(entry->d_name);
		visit(&file);
		free(file.data);
		n++;
	}
	CHECK(n > 0);
	if (dir)
		closedir(dir);
}

/* --- all files of a kind --------------------------------------------------------------------- */

static void check_bad(const struct file *file)
{
	struct profile *profile;
	struct diag diag = {0};
	int r = read_bytes(file->name, file->data, file->size, &profile, &diag);

	if (r != READER_E_CORRUPT && r != READER_E_UNKNOWN && r != INPUT_E_CORRUPT)
		TEST_FAIL("%s is read with result %d", file->name, r);
	CHECK(diag_has_error(&diag));
	profile_free(profile);
	diag_deinit(&diag);
}

static void check_unsupported(const struct file *file)
{
	struct profile *profile;
	struct diag diag = {0};

	CHECK_INT_EQ(read_bytes(file->name, file->data, file->size, &profile, &diag),
		     READER_E_UNSUPPORTED);
	CHECK(diag_has_error(&diag));
	profile_free(profile);
	diag_deinit(&diag);
}

/* Formats that don't say where they end, and logs of several reports, of which the last whole one
 * is read. */
static bool is_open_ended(const char *name)
{
	static const char *const parts[] = {"bpftrace", "folded", "heaptrack", "massif",
					    "memleak",  "memray", "modules",   "mtrace",
					    "searches", "smaps"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(name, parts[i]))
			return true;
	return false;
}

#define EDGE 128 /* bytes at each end of a file that are all tried */

/* Returns the step from one byte to the next that is tried: between the edges of a long file every
 * `inner`-th, unless HEAPPROF_EVERY_BYTE is set. */
static size_t step_at(const struct file *file, size_t at, size_t inner)
{
	bool is_inner = at >= EDGE && at + EDGE + inner < file->size;

	return is_inner && !getenv("HEAPPROF_EVERY_BYTE") ? inner : 1;
}

/* A truncated file is rejected, or everything before the cut is read. (gperftools marks no end, so
 * a dump that is cut after a line of its memory map counts as complete.) No cut may lose a record
 * without an error, except where is_open_ended(). */
static void check_cuts(const struct file *file)
{
	struct profile *whole = NULL, *profile;
	struct diag diag = {0};

	read_bytes(file->name, file->data, file->size, &whole, &diag);
	diag_deinit(&diag);
	for (size_t size = 0; size < file->size; size += step_at(file, size, 13)) {
		/* The cut has a block of its own, so that a read beyond its end is detected. */
		char *cut = malloc(size + 1);
		int r;

		memcpy(cut, file->data, size);
		r = read_bytes(file->name, cut, size, &profile, &diag);
		if (r == 0 && !is_open_ended(file->name) &&
		    (!whole || profile->samples.n != whole->samples.n))
			TEST_FAIL("%s cut at %zu is read", file->name, size);
		CHECK((r == 0) != diag_has_error(&diag));
		profile_free(profile);
		diag_deinit(&diag);
		free(cut);
	}
	profile_free(whole);
}

/* Changes single bits. There must be no crash, and a message whenever there is no profile. */
static void check_damage(const struct file *file)
{
	struct profile *profile;
	struct diag diag = {0};

	for (size_t i = 0; i < 8 * file->size; i += 3 * step_at(file, i / 8, 13)) {
		int r;

		file->data[i / 8] ^= (char)(1 << i % 8);
		r = read_bytes(file->name, file->data, file->size, &profile, &diag);
		CHECK((r == 0) != diag_has_error(&diag));
		CHECK((r == 0) == (profile != NULL));
		profile_free(profile);
		diag_deinit(&diag);
		file->data[i / 8] ^= (char)(1 << i % 8);
	}
}

static void test_bad_files_are_refused(void)
{
	for_each_file("bad-", check_bad);
}

static void test_unsupported_files_are_refused(void)
{
	for_each_file("unsupported-", check_unsupported);
}

static void test_every_cut_is_seen(void)
{
	for_each_file("good-", check_cuts);
}

static void test_damage_does_no_harm(void)
{
	for_each_file("good-", check_damage);
}

static void check_message(const char *name, const char *expected)
{
	struct file file = load(name);
	struct profile *profile;
	struct diag diag = {0};

	read_bytes(name, file.data, file.size, &profile, &diag);
	CHECK_STR_EQ(diag.error, expected);
	profile_free(profile);
	diag_deinit(&diag);
	free(file.data);
}

static void test_messages_name_the_place(void)
{
	check_message("bad-empty.heap", "bad-empty.heap:1: the file is empty");
	check_message("bad-no-at.heap", "bad-no-at.heap:11: expected '@' after the counts");
	check_message("bad-no-end.heap",
		      "bad-no-end.heap:6: truncated: the last line is not '# end'");
	check_message(
		"bad-lost-record.heap",
		"bad-lost-record.heap:1: the records do not add up to the totals of this line");
	check_message("unsupported-version.heap",
		      "unsupported-version.heap:2: dump version 3 is not supported; "
		      "the latest supported is 2");
	check_message("bad-level-version.heap",
		      "bad-level-version.heap:12: a level in a dump of version 1; only version 2 "
		      "has levels");
	check_message("bad-level-number.heap",
		      "bad-level-number.heap:15: expected a level, a number from 0 to 19");
	check_message("bad-level-low.heap",
		      "bad-level-low.heap:12: levels must rise, and not begin below the dump's "
		      "own");
	check_message("bad-postgres-contexts-end.log",
		      "bad-postgres-contexts-end.log:9: there is no whole report of memory "
		      "contexts in the input");
	check_message("bad-memcheck-sum.txt",
		      "bad-memcheck-sum.txt:41: the records of what is definitely lost have 80 "
		      "bytes in 5 blocks, but the summary says 81 in 5");
	check_message("bad-memcheck-counts.xml",
		      "bad-memcheck-counts.xml:48: the counts of the record differ from those in "
		      "its text");
	check_message("bad-memcheck-entities.xml",
		      "bad-memcheck-entities.xml:2: a document type; no tool whose files are read "
		      "writes one");
	check_message("bad-pool-id.heap", "bad-pool-id.heap:19: expected the ID of a pool in "
					  "'# pools:'");
	check_message("bad-pool-missing.heap",
		      "bad-pool-missing.heap:19: expected '# pool: ID' after the objects of a "
		      "pool");
	check_message("bad-pool-twice.heap",
		      "bad-pool-twice.heap:24: a pool without its record in the line before");
	check_message("bad-pool-late.heap",
		      "bad-pool-late.heap:24: expected all pools before the first record");
	check_message("bad-pool-undeclared.heap",
		      "bad-pool-undeclared.heap:12: objects without a line '# pools: ID KIND "
		      "PATH'");
	check_message("bad-level-mode.heap",
		      "bad-level-mode.heap:10: an adaptive sample interval must be a power of two, "
		      "at most 524288");
}

/* --- what good files contain ----------------------------------------------------------------- */

static void check_values(const struct profile *profile, size_t sample, int64_t alloc_objects,
			 int64_t alloc_bytes, int64_t inuse_objects, int64_t inuse_bytes)
{
	const int64_t *values = profile_values(profile, sample);

	CHECK_INT_EQ(values[0], alloc_objects);
	CHECK_INT_EQ(values[1], alloc_bytes);
	CHECK_INT_EQ(values[2], inuse_objects);
	CHECK_INT_EQ(values[3], inuse_bytes);
}

static void check_mapping(const struct profile *profile, size_t i, const char *file,
			  const char *build_id)
{
	CHECK_STR_EQ(profile_string(profile, profile->mappings.items[i].file), file);
	CHECK_STR_EQ(profile_string(profile, profile->mappings.items[i].build_id), build_id);
}

static void check_sample_types(const struct profile *profile)
{
	static const char *const types[] = {"alloc_objects", "alloc_space", "inuse_objects",
					    "inuse_space"};

	CHECK_UINT_EQ(profile->sample_types.n, 4);
	for (int i = 0; i < 4; i++)
		CHECK_INT_EQ(profile_find_sample_type(profile, types[i]), i);
	CHECK_STR_EQ(profile_string(profile, profile->default_sample_type), "inuse_space");
	CHECK_STR_EQ(profile_string(profile, profile->period_type.type), "space");
	CHECK_STR_EQ(profile_string(profile, profile->period_type.unit), "bytes");
}

static void test_exact(void)
{
	struct profile *profile = read_good("good-exact.heap");
	const uint32_t *stack;
	size_t n;

	check_sample_types(profile);
	CHECK_INT_EQ(profile->period, 1);
	CHECK_UINT_EQ(profile->samples.n, 2);
	check_values(profile, 0, 4, 8192, 2, 4096);
	check_values(profile, 1, 2, 512, 1, 256);
	stack = profile_stack(profile, profile->samples.items[0].stack, &n);
	CHECK_UINT_EQ(n, 3);
	CHECK_HEX_EQ(profile->locations.items[stack[0]].address, 0x5555555550ff);
	CHECK_UINT_EQ(profile->locations.items[stack[0]].mapping, 0);
	CHECK_UINT_EQ(profile->locations.n, 4);
	check_mapping(profile, 0, "/usr/bin/demo", "aabbccdd00112233");
	check_mapping(profile, 2, "/usr/lib/x86_64-linux-gnu/libc.so.6", "99887766");
	CHECK_INT_EQ(profile->time_nanos, INT64_C(1767323045250000000));
	CHECK_STR_EQ(profile_metadata(profile, "run"), "00c0ffee00c0ffee");
	CHECK_STR_EQ(profile_metadata(profile, "cmdline"), "demo --leak");
	CHECK_PTR_EQ(profile_metadata(profile, "heapprof"), NULL);
	profile_free(profile);
}

static void test_sampled(void)
{
	struct profile *profile = read_good("good-sampled.heap");
	size_t n;
	const struct profile_label *label =
		profile_label_set(profile, profile->samples.items[2].labels, &n);

	check_sample_types(profile);
	CHECK_INT_EQ(profile->period, 524288);
	/* 2 MiB: 1/(1-exp(-4)) = 1.0187. 8 bytes: 65536.5 objects for each sample, 196609.5 in
	 * total. */
	check_values(profile, 0, 1, 2136279, 1, 2136279);
	CHECK_NEAR((double)profile_values(profile, 1)[2], 196609.5, 1);
	check_values(profile, 2, 2048, 524416, 0, 0);
	CHECK_UINT_EQ(n, 1);
	CHECK_STR_EQ(profile_string(profile, label->key), "bytes");
	/* The label is the size of the allocated objects, because none is in use. */
	CHECK_INT_EQ(label->number, 256);
	check_mapping(profile, 0, "/opt/my app/server", "aa11");
	check_mapping(profile, 1, "/opt/my app/plugin.so", "bb22");
	CHECK_UINT_EQ(profile->mappings.n, 2);
	profile_free(profile);
}

static void test_reloaded_libraries_keep_their_build_ids(void)
{
	struct profile *profile = read_good("good-reloaded.heap");

	CHECK_UINT_EQ(profile->mappings.n, 3);
	check_mapping(profile, 0, "/opt/server", "03");
	check_mapping(profile, 1, "/opt/plugin.so", "01");
	check_mapping(profile, 2, "/opt/plugin.so", "02");
	profile_free(profile);
}

static int64_t level_of(const struct profile *profile, size_t sample)
{
	return sample_labels_number(profile, sample,
				    sample_labels_key(profile, SAMPLE_LABEL_LEVEL, "bytes"));
}

/* Blocks of one size and stack are samples of their own on each level. */
static void test_levels(void)
{
	struct profile *profile = read_good("good-levels.heap");
	const int64_t levels[] = {1 << 6, 1 << 7, 1 << 7, 1 << 11, 1 << 11};

	CHECK_INT_EQ(profile->period, 64);
	CHECK_UINT_EQ(profile->samples.n, 5);
	for (size_t i = 0; i < 5; i++)
		CHECK_INT_EQ(level_of(profile, i), levels[i]);
	/* Whatever its level, a block counts as one that was sampled at 64: for
	 * 1/(1-exp(-1/2)) = 2.541. */
	CHECK_NEAR((double)profile_values(profile, 0)[3], 2 * 32 * 2.541, 1);
	CHECK_NEAR((double)profile_values(profile, 1)[3], 32 * 2.541, 1);
	CHECK_PTR_EQ(profile_metadata(profile, "level"), NULL);
	CHECK_STR_EQ(profile_metadata(profile, "interval_mode"), "auto");
	profile_free(profile);
}

/* Level 0 is a level like the others: its label is 1. */
static void test_levels_of_an_exact_dump(void)
{
	struct profile *profile = read_good("good-levels-exact.heap");

	CHECK_INT_EQ(profile->period, 1);
	CHECK_INT_EQ(level_of(profile, 0), 1);
	check_values(profile, 0, 3, 96, 2, 64);
	profile_free(profile);
}

static void test_records_without_a_level_have_that_of_the_dump(void)
{
	struct profile *profile = read_good("good-levels-none.heap");

	for (size_t i = 0; i < profile->samples.n; i++)
		CHECK_INT_EQ(level_of(profile, i), 64);
	profile_free(profile);
}

/* At the largest interval all blocks have the same level. */
static void test_no_level_at_the_largest_interval(void)
{
	static const char dump[] = "heap profile: 1: 16 [1: 16] @ heap_v2/524288\n"
				   "# heapprof: 2\n# interval_mode: auto\n# level: 19\n"
				   "1: 16 [1: 16] @ 0x11\n\nMAPPED_LIBRARIES:\n# end\n";
	struct profile *profile;
	struct diag diag = {0};

	CHECK_INT_EQ(read_bytes("last", dump, sizeof(dump) - 1, &profile, &diag), 0);
	CHECK_INT_EQ(level_of(profile, 0), 0);
	profile_free(profile);
	diag_deinit(&diag);
}

static void test_gperftools(void)
{
	struct profile *profile = read_good("good-gperftools.heap");

	check_sample_types(profile);
	check_values(profile, 0, 18, 26640, 10, 10240);
	check_values(profile, 1, 2, 5104, 2, 5104);
	check_mapping(profile, 0, "/usr/sbin/served", "");
	check_mapping(profile, 1, "/lib/x86_64-linux-gnu/libc-2.31.so", "");
	profile_free(profile);
}

static void test_intervals_of_each_kind(void)
{
	static const struct {
		const char *name;
		int64_t interval;
	} files[] = {
		{"good-heap_v2.heap", 524288},  {"good-heapz_v2.heap", 524288},
		{"good-heap-v1.heap", 524288},  {"good-plain.heap", 1},
		{"good-growth.heap", 1},        {"good-fragmentation.heap", 1},
		{"good-jemalloc.heap", 524288}, {"good-go.heap", 524288},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct profile *profile = read_good(files[i].name);

		CHECK_INT_EQ(profile->period, files[i].interval);
		profile_free(profile);
	}
}

static void test_a_dump_without_samples(void)
{
	struct profile *profile = read_good("good-no-samples.heap");

	check_sample_types(profile);
	CHECK_UINT_EQ(profile->samples.n, 0);
	CHECK_STR_EQ(profile_metadata(profile, "program"), "idle");
	profile_free(profile);
}

static const char *label_text(const struct profile *profile, size_t sample, const char *key)
{
	size_t n;
	const struct profile_label *labels =
		profile_label_set(profile, profile->samples.items[sample].labels, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(profile_string(profile, labels[i].key), key) == 0)
			return profile_string(profile, labels[i].text);
	return NULL;
}

static void test_jemalloc_threads(void)
{
	struct profile *profile = read_good("good-jemalloc.heap");
	double factor = 1.1565176; /* for 1 MiB at an interval of 512 KiB: 1/(1-exp(-2)) */

	check_sample_types(profile);
	CHECK_UINT_EQ(profile->samples.n, 3);
	CHECK_STR_EQ(label_text(profile, 0, "thread"), "t0");
	CHECK_STR_EQ(label_text(profile, 1, "thread"), "t1 io worker");
	CHECK_NEAR((double)profile_values(profile, 0)[3], 2097152 * factor, 2);
	CHECK_NEAR((double)profile_values(profile, 2)[3], 524304, 2); /* 32 bytes: R + s/2 */
	check_mapping(profile, 0, "/usr/bin/demo", "");
	profile_free(profile);
}

/* Returns the names of the functions at a location, joined by '<'. */
static const char *names_at(const struct profile *profile, uint64_t address)
{
	static char names[256];

	names[0] = '\0';
	vec_foreach (location, &profile->locations) {
		const struct profile_line *lines = profile_lines(profile, location);

		if (location->address != address)
			continue;
		for (size_t i = 0; i < location->n_lines; i++) {
			uint32_t name = profile->functions.items[lines[i].function].name;

			strcat(strcat(names, i ? "<" : ""), profile_string(profile, name));
		}
	}
	return names;
}

static void test_jemalloc_without_threads(void)
{
	struct profile *profile = read_good("good-jemalloc-all.heap");
	const uint32_t *stack;
	size_t n;

	CHECK_UINT_EQ(profile->samples.n, 2);
	check_values(profile, 0, 0, 0, 2, 32);
	CHECK_PTR_EQ(label_text(profile, 0, "thread"), NULL);
	stack = profile_stack(profile, profile->samples.items[1].stack, &n);
	CHECK_UINT_EQ(n, 1);
	CHECK_STR_EQ(names_at(profile, 0), PROFILE_NO_STACK);
	CHECK(profile->locations.items[stack[0]].mapping != PROFILE_NONE);
	profile_free(profile);
}

static void test_go_names(void)
{
	struct profile *profile = read_good("good-go.heap");
	const struct profile_function *function;

	check_sample_types(profile);
	CHECK_STR_EQ(names_at(profile, 0x4a2000), "main.inner<main.outer");
	CHECK_STR_EQ(names_at(profile, 0x4a3000), "main.main");
	CHECK_STR_EQ(names_at(profile, 0x4a1f2e), "runtime.(not shown)");
	CHECK_STR_EQ(names_at(profile, 0x46c2e0), "runtime.goexit");
	function = &profile->functions.items[0];
	CHECK_STR_EQ(profile_string(profile, function->filename), "/src/demo/main.go");
	CHECK_INT_EQ(profile_lines(profile, &profile->locations.items[1])[1].line, 20);
	profile_free(profile);
}

/* A frame that occurs several times in a stack has its lines each time, and the next record repeats
 * them as well. */
static void test_go_recursion(void)
{
	static const char dump[] =
		"heap profile: 2: 32 [2: 32] @ heap/1048576\n"
		"1: 16 [1: 16] @ 0x11 0x21 0x21 0x21 0x31 0x21\n"
		"#\t0x20\tmain.leaf+0x1\t/a.go:3\n#\t0x20\tmain.again+0x1\t/a.go:2\n"
		"#\t0x20\tmain.leaf+0x1\t/a.go:3\n#\t0x20\tmain.again+0x1\t/a.go:2\n"
		"#\t0x20\tmain.leaf+0x1\t/a.go:3\n#\t0x20\tmain.again+0x1\t/a.go:2\n"
		"#\t0x30\tmain.other+0x1\t/a.go:4\n"
		"#\t0x20\tmain.leaf+0x1\t/a.go:3\n#\t0x20\tmain.again+0x1\t/a.go:2\n"
		"#\t0x40\tmain.strange+0x1\t/a.go:5\n\n"
		"1: 16 [1: 16] @ 0x41\n#\t0x40\tmain.strange+0x1\t/a.go:5\n";
	struct profile *profile;
	struct diag diag = {0};

	CHECK_INT_EQ(read_bytes("go", dump, sizeof(dump) - 1, &profile, &diag), 0);
	CHECK_STR_EQ(names_at(profile, 0x20), "main.leaf<main.again");
	CHECK_STR_EQ(names_at(profile, 0x30), "main.other");
	CHECK_STR_EQ(names_at(profile, 0x40), "main.strange");
	profile_free(profile);
	diag_deinit(&diag);
}

static void test_folded_stacks(void)
{
	struct profile *profile = read_good("good-folded.txt");
	const uint32_t *stack;
	size_t n;

	CHECK_UINT_EQ(profile->samples.n, 3);
	CHECK_UINT_EQ(profile->locations.n, 3);
	CHECK_INT_EQ(profile_values(profile, 0)[0], 12);
	stack = profile_stack(profile, profile->samples.items[0].stack, &n);
	CHECK_UINT_EQ(n, 3);
	CHECK_STR_EQ(profile_string(profile, profile->functions.items[stack[0]].name),
		     "operator new(unsigned long)");
	profile_free(profile);
}

static void test_readers_have_names_of_their_own(void)
{
	for (size_t i = 0; readers[i]; i++)
		CHECK_PTR_EQ(reader_find(readers[i]->name), readers[i]);
	CHECK_PTR_EQ(reader_find("none"), NULL);
}

TEST_MAIN(TEST(test_bad_files_are_refused), TEST(test_unsupported_files_are_refused),
	  TEST(test_every_cut_is_seen), TEST(test_damage_does_no_harm),
	  TEST(test_messages_name_the_place), TEST(test_exact), TEST(test_sampled),
	  TEST(test_reloaded_libraries_keep_their_build_ids), TEST(test_levels),
	  TEST(test_levels_of_an_exact_dump),
	  TEST(test_records_without_a_level_have_that_of_the_dump),
	  TEST(test_no_level_at_the_largest_interval), TEST(test_gperftools),
	  TEST(test_intervals_of_each_kind), TEST(test_a_dump_without_samples),
	  TEST(test_jemalloc_threads), TEST(test_jemalloc_without_threads), TEST(test_go_names),
	  TEST(test_go_recursion), TEST(test_folded_stacks),
	  TEST(test_readers_have_names_of_their_own))
