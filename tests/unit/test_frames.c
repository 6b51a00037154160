/* SPDX-License-Identifier: MIT */
#include "transform/frames.h"

#include "test.h"

/* Adds a location. `names` are its functions, innermost first, each inlined into the next; '<'
 * separates them. */
static uint32_t add_location(struct profile *profile, const char *names)
{
	struct profile_location location = {.mapping = PROFILE_NONE};
	struct profile_line lines[8];
	size_t n = 0;

	while (*names) {
		size_t size = strcspn(names, "<");
		struct profile_function function = {
			.name = profile_intern_bytes(profile, names, size),
		};

		lines[n++] =
			(struct profile_line){.function = profile_add_function(profile, &function)};
		names += size + (names[size] == '<');
	}
	return profile_add_location(profile, &location, lines, n);
}

/* Returns a profile with one stack. `names` are its locations, leaf first, and end with NULL. */
static struct profile *profile_of(const char *drop, const char *keep, const char *const *names)
{
	struct profile *profile = profile_new();
	uint32_t locations[16];
	size_t n = 0;

	for (; names[n]; n++)
		locations[n] = add_location(profile, names[n]);
	profile_add_sample_type(profile, "space", "bytes");
	profile_add_sample(
		profile, (struct profile_sample){.stack = profile_add_stack(profile, locations, n)},
		(int64_t[]){100});
	profile->drop_frames = profile_intern(profile, drop);
	profile->keep_frames = profile_intern(profile, keep);
	return profile;
}

static void check_stack(const char *drop, const char *keep, const char *const *names,
			const char *expected)
{
	struct profile *profile = profile_of(drop, keep, names);
	char found[512] = "";
	struct frames frames;
	frame_vec stack = {0};

	CHECK_INT_EQ(frames_init(&frames, profile), 0);
	CHECK_INT_EQ(frames_of_stack(&frames, 0, &stack), 0);
	for (size_t i = 0; i < stack.n; i++)
		strcat(strcat(found, i ? " " : ""), frames_name(&frames, stack.items[i]));
	CHECK_STR_EQ(found, expected);
	vec_deinit(&stack);
	frames_deinit(&frames);
	profile_free(profile);
}

#define CHECK_STACK(drop, keep, expected, ...) \
	check_stack(drop, keep, (const char *const[]){__VA_ARGS__, NULL}, expected)

static void test_inlined_functions_stand_apart(void)
{
	CHECK_STACK("", "", "a b c main", "a<b<c", "main");
}

/* The expected stacks are those of pprof's Prune. */
static void test_dropping(void)
{
	CHECK_STACK("malloc", "", "work main", "malloc", "work", "main");
	CHECK_STACK("malloc", "", "main", "a", "malloc", "b", "malloc", "main");
	CHECK_STACK("malloc", "", "xmalloc main", "malloc", "xmalloc", "main");
	CHECK_STACK("malloc|new", "", "main", "malloc", "new", "main");
	CHECK_STACK("malloc", "", "malloc", "malloc");
	CHECK_STACK("malloc", "malloc", "malloc main", "malloc", "main");
	CHECK_STACK("runtime\\..*", "runtime\\.panic", "runtime.panic main", "runtime.new",
		    "runtime.panic", "main");
}

static void test_dropping_what_is_inlined(void)
{
	CHECK_STACK("alloc", "", "work main", "x", "alloc<work", "main");
	CHECK_STACK("alloc", "", "work", "alloc<work");
	CHECK_STACK("alloc", "", "main", "x", "y<alloc", "main");
}

static void test_arguments_do_not_matter(void)
{
	CHECK_STACK("operator new", "", "main", "operator new(unsigned long)", "main");
	CHECK_STACK("f::operator\\(\\)", "", "main", "f::operator()(int)", "main");
	CHECK_STACK("\\(anonymous namespace\\)::f", "", "main", "(anonymous namespace)::f(int)",
		    "main");
	CHECK_STACK("main", "", ".main", ".main");
}

/* An expression from a file must not use up time or memory. */
static void test_expressions_that_are_not_harmless(void)
{
	CHECK_STACK("((a{1,255}){1,255}){1,255}", "", "a main", "a", "main");
	CHECK_STACK("(a*)*\\1", "", "a main", "a", "main");
	CHECK_STACK("((", "", "a main", "a", "main");
	CHECK_STACK("a\\", "", "a main", "a", "main");
}

static void test_expressions_that_are_too_large(void)
{
	static char nested[2 * 65 + 2], longest[3 * 16384];

	memset(nested, '(', 64);
	nested[64] = 'a';
	memset(nested + 65, ')', 64);
	CHECK_STACK(nested, "", "main", "a", "main");
	memset(nested, '(', 65);
	nested[65] = 'a';
	memset(nested + 66, ')', 65);
	CHECK_STACK(nested, "", "a main", "a", "main");
	for (size_t i = 0; i < 2 * 16384; i += 2)
		memcpy(longest + i, "a|", 3);
	CHECK_STACK(longest, "", "a main", "a", "main");
}

static void test_what_has_no_name(void)
{
	struct profile *profile = profile_new();
	uint32_t mapping = profile_add_mapping(
		profile, &(struct profile_mapping){
				 .start = 0x1000,
				 .limit = 0x2000,
				 .offset = 0x400,
				 .file = profile_intern(profile, "/usr/bin/app"),
			 });
	struct frames frames;

	profile_add_location(profile,
			     &(struct profile_location){.address = 0x1010, .mapping = mapping},
			     NULL, 0);
	profile_add_location(profile,
			     &(struct profile_location){.address = 0x77, .mapping = PROFILE_NONE},
			     NULL, 0);
	CHECK_INT_EQ(frames_init(&frames, profile), 0);
	CHECK_UINT_EQ(frames.functions.n, 2);
	CHECK_STR_EQ(frames_name(&frames, 0), "app+0x410");
	CHECK_STR_EQ(frames_name(&frames, 1), "0x77");
	frames_deinit(&frames);
	profile_free(profile);
}

/* A frame takes a few bytes in a file, but may have many lines. A stack's length is limited, so
 * that its functions can't fill the memory. */
static void test_stacks_of_many_lines_have_an_end(void)
{
	struct profile *profile = profile_new();
	struct profile_location location = {.mapping = PROFILE_NONE};
	struct profile_line lines[LOCATION_LINES_MAX] = {0};
	uint32_t locations[2048] = {0};
	struct frames frames;
	frame_vec stack = {0};

	profile_add_function(profile, &(struct profile_function){0});
	profile_add_location(profile, &location, lines, LOCATION_LINES_MAX);
	profile_add_stack(profile, locations, 2048);
	CHECK_INT_EQ(frames_init(&frames, profile), 0);
	CHECK_INT_EQ(frames_of_stack(&frames, 0, &stack), 0);
	CHECK_UINT_EQ(stack.n, 1 << 20);
	vec_deinit(&stack);
	frames_deinit(&frames);
	profile_free(profile);
}

TEST_MAIN(TEST(test_inlined_functions_stand_apart), TEST(test_dropping),
	  TEST(test_dropping_what_is_inlined), TEST(test_arguments_do_not_matter),
	  TEST(test_expressions_that_are_not_harmless), TEST(test_expressions_that_are_too_large),
	  TEST(test_what_has_no_name), TEST(test_stacks_of_many_lines_have_an_end))
