/* SPDX-License-Identifier: MIT */
/* Names the locations of a profile of this program itself. */
#include "symbolize/symbolize.h"

#include <sys/inotify.h>
#include <sys/resource.h>

#include "folder.h"
#include "self.h"
#include "test.h"

static const struct symbolize_options no_options;

static const char *function_name(const struct profile *profile, uint32_t location, uint32_t line)
{
	const struct profile_location *found = &profile->locations.items[location];
	uint32_t function;

	if (line >= found->n_lines)
		return "(no such line)";
	function = profile_lines(profile, found)[line].function;
	return profile_string(profile, profile->functions.items[function].name);
}

static void symbolize(struct profile *profile, struct symbolize_summary *summary)
{
	CHECK_INT_EQ(symbolize_profile(profile, &no_options, summary), 0);
	CHECK_INT_EQ(profile_status(profile), 0);
}

static void *site;

__attribute__((noinline)) static void remember_site(void)
{
	site = __builtin_return_address(0);
}

static inline __attribute__((always_inline)) int inlined(void)
{
	remember_site();
	return __LINE__ - 1;
}

__attribute__((noinline)) static int around_inlined(void)
{
	int line = inlined();

	return site ? line : 0;
}

static void test_names_and_lines(void)
{
	_cleanup_(profile_freep) struct profile *profile = profile_new();
	struct symbolize_summary summary = {0};
	int line = around_inlined();
	uint32_t mapping = add_self(profile);
	uint32_t location = add_location(profile, mapping, (uintptr_t)site - 1);
	const struct profile_mapping *named;

	symbolize(profile, &summary);
	named = &profile->mappings.items[mapping];
	CHECK_UINT_EQ(summary.n_named, 1);
	CHECK_INT_EQ(summary.mappings.items[0].outcome, SYMBOLIZE_NAMED);
	CHECK(named->has_functions && named->has_filenames && named->has_line_numbers);
	CHECK(named->has_inline_frames);
	CHECK_UINT_EQ(profile->locations.items[location].n_lines, 2);
	CHECK_STR_EQ(function_name(profile, location, 0), "inlined");
	CHECK_STR_EQ(function_name(profile, location, 1), "around_inlined");
	CHECK_INT_EQ(profile_lines(profile, &profile->locations.items[location])->line, line);
	symbolize_summary_deinit(&summary);
}

/* The profiles of a series have the same binaries: a binary that was opened for one profile is used
 * for the next. */
static void test_binaries_stay_open(void)
{
	struct binaries binaries = {0};
	const struct symbolize_options options = {.binaries = &binaries};

	around_inlined();
	for (int i = 0; i < 3; i++) {
		_cleanup_(profile_freep) struct profile *profile = profile_new();
		struct symbolize_summary summary = {0};

		add_location(profile, add_self(profile), (uintptr_t)site - 1);
		CHECK_INT_EQ(symbolize_profile(profile, &options, &summary), 0);
		CHECK_STR_EQ(function_name(profile, 0, 0), "inlined");
		CHECK_UINT_EQ(binaries.opened.n, 1);
		symbolize_summary_deinit(&summary);
	}
	binaries_deinit(&binaries);
}

/* Opens this program under a name that differs for each `n_dots`: "/./" leads to the same folder as
 * "/". */
static struct binary *open_self(struct binaries *binaries, int n_dots)
{
	const struct find_binary_options options = {0};
	struct find_binary_result located;
	struct binary *binary = NULL;
	char name[4096] = "";

	for (int i = 0; i < n_dots; i++)
		memcpy(name + 2 * i, "/.", 3);
	strcat(name, "/proc/self/exe");
	binaries_get(binaries, &(struct find_binary_wanted){.file = name, .build_id = ""}, &options,
		     &located, &binary);
	return binary;
}

/* A build ID in a profile must not lead to a file outside of the folder .build-id. */
static void test_build_ids_are_no_paths(void)
{
	const char *const dirs[] = {folder};
	const struct debugfile_paths paths = {.dirs = dirs, .n_dirs = 1};
	int opened = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct object *object = NULL;
	char event[512];

	CHECK(mkdir(in_folder(".build-id"), 0700) == 0);
	write_file(in_folder("other"), "");
	CHECK(inotify_add_watch(opened, in_folder("other"), IN_OPEN) >= 0);
	CHECK_INT_EQ(debugfile_find_program("../other", &paths, &object), DEBUGFILE_E_NONE);
	CHECK_INT_EQ(read(opened, event, sizeof(event)), -1);
	close(opened);
}

/* A program may have more libraries than a process may have descriptors. */
static void test_many_binaries_need_few_descriptors(void)
{
	const struct rlimit few = {.rlim_cur = 32, .rlim_max = 32};
	struct binaries binaries = {0};
	struct binary *first = NULL;
	int n = 0;

	CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	first = open_self(&binaries, 0);
	while (n < 1200 && open_self(&binaries, n))
		n++;
	CHECK_INT_EQ(n, 1200);
	CHECK_PTR_EQ(open_self(&binaries, 0), first);
	CHECK_UINT_EQ(binaries.opened.n, 1200);
	binaries_deinit(&binaries);
}

/* The profiles of a fleet may need many binaries: some are closed before memory runs out. */
static void test_many_binaries_are_closed(void)
{
	struct binaries binaries = {0};
	struct find_binary_options options = {0};
	struct find_binary_result located;
	struct binary *binary;
	char name[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "/nowhere/%d", i);
		binaries_shrink(&binaries);
		CHECK_INT_EQ(
			binaries_get(&binaries,
				     &(struct find_binary_wanted){.file = name, .build_id = ""},
				     &options, &located, &binary),
			0);
		CHECK(!binary && located.outcome == FIND_BINARY_NOT_FOUND);
		CHECK(binaries.opened.n >= 1 && binaries.opened.n < 100);
	}
	binaries_deinit(&binaries);
}

/* The number of segments is limited, because each address is looked for in all of them. */
static void test_segments_have_an_end(void)
{
	size_t n = 20000, size = sizeof(Elf64_Ehdr) + n * sizeof(Elf64_Phdr);
	_cleanup_(object_closep) struct object *object = NULL;
	Elf64_Ehdr *header = calloc(1, size);
	Elf64_Phdr *segments = (Elf64_Phdr *)(header + 1);

	*header =
		(Elf64_Ehdr){.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			     .e_type = ET_DYN,
			     .e_machine = EM_X86_64,
			     .e_version = EV_CURRENT,
			     .e_phoff = sizeof(*header),
			     .e_ehsize = sizeof(*header),
			     .e_phentsize = sizeof(*segments),
			     .e_phnum = (Elf64_Half)n};
	for (size_t i = 0; i < n; i++)
		segments[i] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_X, .p_filesz = 1};
	CHECK_INT_EQ(object_open_image("x", header, size, &object), 0);
	CHECK_UINT_EQ(object->segments.n, OBJECT_SEGMENTS_MAX);
}

/* In a mapping that is named, a location without a symbol gets a name as well, because pprof does
 * not look for names in that mapping any more. */
static void test_mapping_is_named_wholly(void)
{
	_cleanup_(profile_freep) struct profile *profile = profile_new();
	struct symbolize_summary summary = {0};
	uint32_t mapping = add_self(profile);
	uint32_t location = add_location(profile, mapping, profile->mappings.items[0].start - 1);

	add_location(profile, mapping, (uintptr_t)test_mapping_is_named_wholly);
	symbolize(profile, &summary);
	CHECK_UINT_EQ(summary.n_named, 1);
	CHECK_UINT_EQ(profile->locations.items[location].n_lines, 1);
	CHECK(strstr(function_name(profile, location, 0), "test_symbolize+0x") != NULL);
	symbolize_summary_deinit(&summary);
}

static void test_mapping_is_not_named_at_all(void)
{
	_cleanup_(profile_freep) struct profile *profile = profile_new();
	struct symbolize_summary summary = {0};
	uint32_t mapping = add_self(profile);
	uint32_t location = add_location(profile, mapping, profile->mappings.items[0].start - 1);
	char text[256];

	symbolize(profile, &summary);
	CHECK_INT_EQ(summary.mappings.items[0].outcome, SYMBOLIZE_NO_SYMBOLS);
	CHECK(!profile->mappings.items[0].has_functions);
	CHECK_UINT_EQ(profile->locations.items[location].n_lines, 0);
	CHECK(symbolize_describe(profile, &summary, 0, text, sizeof(text)));
	CHECK(strstr(text, "1 location without names: no symbols in it") != NULL);
	symbolize_summary_deinit(&summary);
}

static void test_names_that_are_there_stay(void)
{
	_cleanup_(profile_freep) struct profile *profile = profile_new();
	struct symbolize_summary summary = {0};
	uint32_t mapping = add_self(profile);
	uint32_t location = add_location(profile, mapping, (uintptr_t)around_inlined);

	profile->mappings.items[mapping].has_functions = true;
	symbolize(profile, &summary);
	CHECK_INT_EQ(summary.mappings.items[0].outcome, SYMBOLIZE_ALREADY);
	CHECK_UINT_EQ(profile->locations.items[location].n_lines, 0);
	symbolize_summary_deinit(&summary);
}

/* If some locations of a mapping have names already, the other locations get none. */
static void test_lines_that_are_there_stay(void)
{
	_cleanup_(profile_freep) struct profile *profile = profile_new();
	struct symbolize_summary summary = {0};
	uint32_t mapping = add_self(profile);
	uint32_t unnamed = add_location(profile, mapping, (uintptr_t)around_inlined);
	uint32_t named = add_location(profile, mapping, (uintptr_t)around_inlined + 1);
	struct profile_function function = {.name = profile_intern(profile, "given")};
	struct profile_line line = {.function = profile_add_function(profile, &function)};

	profile_set_lines(profile, named, &line, 1);
	symbolize(profile, &summary);
	CHECK_UINT_EQ(profile->locations.items[unnamed].n_lines, 0);
	CHECK_STR_EQ(function_name(profile, named, 0), "given");
	CHECK_UINT_EQ(summary.n_named, 1);
	symbolize_summary_deinit(&summary);
}

static void check_missing(const char *file, const char *expected)
{
	_cleanup_(profile_freep) struct profile *profile = profile_new();
	struct symbolize_summary summary = {0};
	struct profile_mapping mapping = {.start = 0x1000, .limit = 0x2000};
	char text[512] = "";

	mapping.file = profile_intern(profile, file);
	add_location(profile, profile_add_mapping(profile, &mapping), 0x1234);
	symbolize(profile, &summary);
	CHECK_INT_EQ(summary.mappings.items[0].outcome, SYMBOLIZE_NOT_LOCATED);
	symbolize_describe(profile, &summary, 0, text, sizeof(text));
	CHECK(strstr(text, expected) != NULL);
	symbolize_summary_deinit(&summary);
}

static void test_what_is_no_file(void)
{
	check_missing("", "(no file): 1 location without names: not a file");
	check_missing("[vdso]", "not a file");
	check_missing("[stack]", "not a file");
	check_missing("//anon", "not a file");
	check_missing("/dev/zero", "not a file");
	check_missing("/memfd:code", "not a file");
	check_missing("/", "not an ELF file");
	check_missing("/no/such/file", "file not found");
	check_missing("/etc/passwd/x", "file not found");
	check_missing("relative", "file not found");
}

static void test_no_mapping(void)
{
	_cleanup_(profile_freep) struct profile *profile = profile_new();
	struct symbolize_summary summary = {0};

	add_location(profile, PROFILE_NONE, 0x1234);
	symbolize(profile, &summary);
	CHECK_UINT_EQ(summary.n_locations, 1);
	CHECK_UINT_EQ(summary.n_named, 0);
	symbolize_summary_deinit(&summary);
}

static void test_empty_profile(void)
{
	_cleanup_(profile_freep) struct profile *profile = profile_new();
	struct symbolize_summary summary = {0};

	symbolize(profile, &summary);
	CHECK_UINT_EQ(summary.n_locations, 0);
	symbolize_summary_deinit(&summary);
}

TEST_MAIN(TEST(test_names_and_lines), TEST(test_binaries_stay_open),
	  TEST(test_build_ids_are_no_paths), TEST(test_many_binaries_need_few_descriptors),
	  TEST(test_many_binaries_are_closed), TEST(test_segments_have_an_end),
	  TEST(test_mapping_is_named_wholly), TEST(test_mapping_is_not_named_at_all),
	  TEST(test_names_that_are_there_stay), TEST(test_lines_that_are_there_stay),
	  TEST(test_what_is_no_file), TEST(test_no_mapping), TEST(test_empty_profile))
