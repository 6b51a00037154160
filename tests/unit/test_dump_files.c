/* SPDX-License-Identifier: MIT */
/* Where a prefix's dumps are, what their first lines say, and which of several processes counts. */
#include "command/run/dump_files.h"
#include "folder.h"
#include "test.h"

static void check_place(const char *prefix, bool is_folder, const char *folder_,
			const char *beginning)
{
	struct dump_place place;

	CHECK(dump_place_parse(&place, prefix, is_folder));
	CHECK_STR_EQ(place.folder, folder_);
	CHECK_STR_EQ(place.beginning, beginning);
}

static void test_places(void)
{
	struct dump_place place;

	check_place("/tmp/app", false, "/tmp", "app");
	check_place("/app", false, "/", "app");
	check_place("app", false, ".", "app");
	check_place("/tmp/a/", false, "/tmp/a", "");
	check_place("/tmp/a", true, "/tmp/a", "");
	check_place("/tmp/a//", true, "/tmp/a", "");
	check_place("/", true, "/", "");
	check_place("/tmp/%p.app", false, "/tmp", "");
	check_place("/tmp/app.%e", false, "/tmp", "app.");
	check_place("/tmp/100%%/x%%y%p", false, "/tmp/100%", "x%y");
	check_place("/tmp/100%x/a%b%", false, "/tmp/100%x", "a%b%");
	check_place("/tmp/100%/a", false, "/tmp/100%", "a");
	for (const char *c = "peht"; *c; c++) {
		char prefix[] = "/tmp/%p/app";

		prefix[6] = *c;
		CHECK(!dump_place_parse(&place, prefix, false));
	}
}

#define HEAD                                                                               \
	"heap profile: 3: 4352 [ 6: 8704] @ heapprofile\n# heapprof: 1\n# program: /a/b\n" \
	"# cmdline: b # run: x\n# pid: 42\n# run: 00c0\n# dump: 7\n# reason: exit\n"

static void test_first_lines(void)
{
	struct dump_file file;

	CHECK(dump_file_parse(&file, HEAD, strlen(HEAD)));
	CHECK_STR_EQ(file.program, "b");
	CHECK_STR_EQ(file.run, "00c0");
	CHECK_INT_EQ(file.pid, 42);
	CHECK_UINT_EQ(file.number, 7);
	CHECK_UINT_EQ(file.allocated_bytes, 8704);
	CHECK(file.is_exit);
	for (size_t size = 0; size < strlen(HEAD); size++)
		if (dump_file_parse(&file, HEAD, size)) /* as far as it goes */
			CHECK(strncmp(file.run, "00c0", strlen(file.run)) == 0);
	CHECK(!dump_file_parse(&file,
			       "heap profile: 1: 2 [3: 4] @ heapprofile\n1: 2 [3: 4] @ 0x1\n", 58));
	CHECK(!dump_file_parse(&file, "something\n# heapprof: 1\n# run: 1\n", 33));
}

static void put_dump(const char *name, const char *run, int number, int allocated)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "heap profile: 1: 1 [2: %d] @ heapprofile\n# heapprof: 1\n# run: %s\n# dump: %d\n",
		 allocated, run, number);
	write_file(in_folder(name), text);
}

static void test_choice(void)
{
	struct dump_place place;
	dump_file_vec old = {0}, files = {0};
	struct dump_run run;

	CHECK(dump_place_parse(&place, in_folder("p"), false));
	put_dump("p.0001.heap", "old", 1, 999);
	put_dump("p.0002.heap", "replaced", 2, 999);
	CHECK_INT_EQ(dump_files_list(&place, NULL, &old), 0);
	CHECK_UINT_EQ(old.n, 2);
	unlink(in_folder("p.0002.heap"));
	put_dump("p.0002.heap", "a", 2, 5);
	put_dump("p_7.0010.heap", "b", 10, 3);
	put_dump("p_7.0009.heap", "b", 9, 2);
	put_dump("p_8.0001.heap", "c", 1, 8);
	put_dump("q.0001.heap", "q", 1, 999);
	put_dump("p.heap.txt", "q", 1, 999);
	write_file(in_folder("p.0003.heap"), "something else");
	CHECK_INT_EQ(dump_files_list(&place, &old, &files), 0);
	CHECK_UINT_EQ(files.n, 4);
	run = dump_files_choose(&files);
	CHECK_UINT_EQ(run.n, 2);
	CHECK_UINT_EQ(run.n_others, 2);
	CHECK_UINT_EQ(run.files[0].number, 9);
	CHECK_UINT_EQ(run.files[1].number, 10);
	unlink(in_folder("p_7.0010.heap")); /* then all have one */
	files.n = 0;
	CHECK_INT_EQ(dump_files_list(&place, &old, &files), 0);
	run = dump_files_choose(&files);
	CHECK_STR_EQ(run.files[0].run, "c");
	CHECK_UINT_EQ(run.n_others, 2);
	vec_deinit(&old);
	vec_deinit(&files);
}

/* Dumps from outside have the number of the next one that the process writes. */
static void test_equal_numbers(void)
{
	struct dump_file files[] = {
		{.run = "a", .number = 2, .changed_ns = 30},
		{.run = "a", .number = 1, .changed_ns = 20},
		{.run = "a", .number = 2, .changed_ns = 40},
		{.run = "a", .number = 1, .changed_ns = 10},
	};
	dump_file_vec all = {.items = files, .n = 4, .capacity = 4};
	struct dump_run run = dump_files_choose(&all);

	CHECK_UINT_EQ(run.n, 4);
	for (int i = 0; i < 4; i++)
		CHECK_INT_EQ(run.files[i].changed_ns, 10 * (i + 1));
}

TEST_MAIN(TEST(test_places), TEST(test_first_lines), TEST(test_choice), TEST(test_equal_numbers))
