/* SPDX-License-Identifier: MIT */
#include "symbolize/find_binary.h"

#include <errno.h>

#include "elf_file.h"
#include "folder.h"
#include "test.h"

/* Build IDs of 20 equal bytes. */
#define ID(two) two two two two two two two two two two two two two two two two two two two two
#define ID_1    ID("01")
#define ID_2    ID("02")

static const struct find_binary_options no_options;

/* Returns the path of a new file whose build ID consists of `byte`. */
static const char *make_binary(const char *name, uint8_t byte)
{
	const char *path = in_folder(name);

	elf_file_write_with_id(path, byte, NULL);
	return path;
}

/* Looks for a file and checks the outcome. If it is FIND_BINARY_FOUND, `path` must be the file. */
static struct find_binary_result check_found(struct find_binary_wanted wanted,
					     const struct find_binary_options *options,
					     enum find_binary_outcome outcome, const char *path)
{
	struct find_binary_result result = {0};
	struct object *object = NULL;

	wanted.file = wanted.file ? wanted.file : "";
	wanted.build_id = wanted.build_id ? wanted.build_id : "";
	CHECK_INT_EQ(find_binary(&wanted, options, &result, &object), 0);
	CHECK_INT_EQ(result.outcome, outcome);
	CHECK((object != NULL) == (outcome == FIND_BINARY_FOUND));
	if (object)
		CHECK_STR_EQ(object->path, path);
	object_close(object);
	return result;
}

#define WANTED(...) ((struct find_binary_wanted){__VA_ARGS__})

static void test_named_file_with_the_build_id(void)
{
	const char *binaries[] = {make_binary("one", 1), make_binary("two", 2)};
	bool was_used[2] = {false};
	struct find_binary_options options = {
		.binaries = binaries, .n_binaries = 2, .was_used = was_used};

	check_found(WANTED(.file = "/no/such/one", .build_id = ID_2), &options, FIND_BINARY_FOUND,
		    binaries[1]);
	CHECK(!was_used[0] && was_used[1]);
	options.was_used = NULL;
	check_found(WANTED(.build_id = ID_1), &options, FIND_BINARY_FOUND, binaries[0]);
}

/* Without a build ID, the name decides; one file alone is the program, whatever its name. */
static void test_named_file_without_a_build_id(void)
{
	const char *binaries[] = {make_binary("one", 1), make_binary("two", 2)};
	bool was_used[2] = {false};
	struct find_binary_options options = {
		.binaries = binaries, .n_binaries = 2, .was_used = was_used};

	check_found(WANTED(.file = "/no/such/two"), &options, FIND_BINARY_FOUND, binaries[1]);
	check_found(WANTED(.file = "/no/such/three", .is_program = true), &options,
		    FIND_BINARY_NOT_FOUND, NULL);
	CHECK(!was_used[0] && was_used[1]);
	options.n_binaries = 1;
	check_found(WANTED(.file = "/no/such/three"), &options, FIND_BINARY_NOT_FOUND, NULL);
	check_found(WANTED(.file = "/no/such/three", .is_program = true), &options,
		    FIND_BINARY_FOUND, binaries[0]);
	CHECK(was_used[0]);
}

/* The outcome for a file that the user named is reported, unless another place has the file. */
static void test_named_file_does_not_fit(void)
{
	const char *binaries[] = {make_binary("one", 1)}, *two = make_binary("two", 2);
	struct find_binary_options options = {.binaries = binaries, .n_binaries = 1};
	struct find_binary_result result;

	result = check_found(WANTED(.file = "/no/such/one", .build_id = ID_2), &options,
			     FIND_BINARY_OTHER_ID, NULL);
	CHECK_STR_EQ(result.other_id, ID_1);
	check_found(WANTED(.file = two, .build_id = ID_2, .is_program = true), &options,
		    FIND_BINARY_FOUND, two);
}

static void test_own_path(void)
{
	const char *path = make_binary("one", 1);
	struct find_binary_result result;

	check_found(WANTED(.file = path), &no_options, FIND_BINARY_FOUND, path);
	check_found(WANTED(.file = path, .build_id = ID_1), &no_options, FIND_BINARY_FOUND, path);
	result = check_found(WANTED(.file = path, .build_id = ID_2), &no_options,
			     FIND_BINARY_OTHER_ID, NULL);
	CHECK_STR_EQ(result.other_id, ID_1);
	elf_file_write(path, NULL, 0);
	result = check_found(WANTED(.file = path, .build_id = ID_2), &no_options,
			     FIND_BINARY_OTHER_ID, NULL);
	CHECK_STR_EQ(result.other_id, "");
}

/* A file that was deleted can be recognized by its build ID only. */
static void test_deleted_file(void)
{
	const char *path = make_binary("one", 1);

	check_found(WANTED(.file = path, .was_deleted = true), &no_options, FIND_BINARY_REPLACED,
		    NULL);
	check_found(WANTED(.file = path, .was_deleted = true, .build_id = ID_1), &no_options,
		    FIND_BINARY_FOUND, path);
}

static void test_no_binary_there(void)
{
	const char *text = in_folder("text"), *loop = in_folder("loop");
	static const char *const not_files[] = {
		"", "[vdso]", "//anon", "/dev/zero", "/memfd:x", "/SYSV00000000", "anon_inode:[x]",
	};
	struct find_binary_result result;

	write_file(text, "#!/bin/sh\n");
	check_found(WANTED(.file = text), &no_options, FIND_BINARY_NOT_ELF, NULL);
	check_found(WANTED(.file = in_folder("text/no")), &no_options, FIND_BINARY_NOT_FOUND, NULL);
	check_found(WANTED(.file = "relative"), &no_options, FIND_BINARY_NOT_FOUND, NULL);
	CHECK_INT_EQ(symlink(loop, loop), 0);
	result = check_found(WANTED(.file = loop), &no_options, FIND_BINARY_UNREADABLE, NULL);
	CHECK_INT_EQ(result.error, ELOOP);
	for (size_t i = 0; i < sizeof(not_files) / sizeof(not_files[0]); i++)
		check_found(WANTED(.file = not_files[i], .build_id = ID_1), &no_options,
			    FIND_BINARY_NO_FILE, NULL);
}

/* The kernel shows a newline in a path as "\012", but a file may really have such a name. */
static void test_newline_in_a_path(void)
{
	const char *real = make_binary("x\ny\nz", 1);

	check_found(WANTED(.file = in_folder("x\\012y\\012z")), &no_options, FIND_BINARY_FOUND,
		    real);
	check_found(WANTED(.file = make_binary("p\\012q", 1)), &no_options, FIND_BINARY_FOUND,
		    in_folder("p\\012q"));
}

/* /proc leads to the program of a process even if its path does not. */
static void test_program_of_a_process(void)
{
	struct find_binary_options options = {.process = getpid()};
	char exe[64];

	snprintf(exe, sizeof(exe), "/proc/%d/exe", options.process);
	check_found(WANTED(.file = "/no/such", .is_program = true), &options, FIND_BINARY_FOUND,
		    exe);
	check_found(WANTED(.file = "/no/such", .was_deleted = true, .is_program = true), &options,
		    FIND_BINARY_FOUND, exe);
	check_found(WANTED(.file = "/no/such", .is_program = true, .build_id = ID_2), &options,
		    FIND_BINARY_NOT_FOUND, NULL);
}

TEST_MAIN(TEST(test_named_file_with_the_build_id), TEST(test_named_file_without_a_build_id),
	  TEST(test_named_file_does_not_fit), TEST(test_own_path), TEST(test_deleted_file),
	  TEST(test_no_binary_there), TEST(test_newline_in_a_path), TEST(test_program_of_a_process))
