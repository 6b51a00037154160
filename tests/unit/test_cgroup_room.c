/* SPDX-License-Identifier: MIT */
#include "command/cgroup_room.h"

#include "folder.h"

static void check_path(const char *text, const char *controller, const char *expected)
{
	char path[64] = "(none)";

	if (!cgroup_room_parse(text, controller, path, sizeof(path)))
		snprintf(path, sizeof(path), "(none)");
	CHECK_STR_EQ(path, expected);
}

static void test_paths(void)
{
	static const char both[] = "12:cpu,memory:/a b/c\n3:name=systemd:/x\n0::/user/app\n";

	check_path(both, "memory", "/a b/c");
	check_path(both, "", "/user/app");
	check_path(both, "cpu", "/a b/c");
	check_path(both, "mem", "(none)");
	check_path("0::/", "", "/");
	check_path("0::/../other\n", "", "(none)");
	check_path("0::/a/..\n", "", "(none)");
	check_path("0::/a..b/..c\n", "", "/a..b/..c");
	check_path("0::relative\n", "", "(none)");
	check_path("", "", "(none)");
	check_path("no colon\n:\n::", "", "(none)");
	check_path("0::/a-path-that-is-longer-than-the-room-that-the-caller-has-for-it-is-refused",
		   "", "(none)");
}

static void make(const char *name)
{
	CHECK_INT_EQ(mkdir(in_folder(name), 0700), 0);
}

static bool find(const char *path, struct cgroup_room *out)
{
	return cgroup_room_find_below(in_folder("root"), path, &cgroup_files_v2, out);
}

static void test_the_least_room_of_all_levels(void)
{
	struct cgroup_room room;

	make("root");
	make("root/a");
	make("root/a/b");
	CHECK(!find("/a/b", &room));
	write_file(in_folder("root/a/b/memory.max"), "max\n");
	write_file(in_folder("root/a/b/memory.current"), "600\n");
	CHECK(!find("/a/b", &room));
	write_file(in_folder("root/a/memory.max"), "1000\n");
	write_file(in_folder("root/a/memory.current"), "700\n");
	CHECK(find("/a/b", &room));
	CHECK_UINT_EQ(room.limit, 1000);
	CHECK_UINT_EQ(room.room, 300);
	write_file(in_folder("root/a/memory.stat"), "anon 10\ninactive_file 100\nx 1\n");
	CHECK(find("/a/b", &room));
	CHECK_UINT_EQ(room.room, 400);
	write_file(in_folder("root/a/b/memory.max"), "650\n");
	CHECK(find("/a/b", &room));
	CHECK_UINT_EQ(room.limit, 650);
	CHECK_UINT_EQ(room.room, 50);
	write_file(in_folder("root/a/b/memory.max"), "500\n");
	CHECK(find("/a/b", &room));
	CHECK_UINT_EQ(room.room, 0);
	CHECK(find("/a", &room));
	CHECK_UINT_EQ(room.limit, 1000);
}

static void test_version_1_and_what_is_no_number(void)
{
	struct cgroup_room room;

	make("v1");
	write_file(in_folder("v1/memory.limit_in_bytes"), "9223372036854771712\n");
	write_file(in_folder("v1/memory.usage_in_bytes"), "5\n");
	CHECK(!cgroup_room_find_below(in_folder("v1"), "/", &cgroup_files_v1, &room));
	write_file(in_folder("v1/memory.limit_in_bytes"), "4096\n");
	CHECK(cgroup_room_find_below(in_folder("v1"), "/", &cgroup_files_v1, &room));
	CHECK_UINT_EQ(room.room, 4091);
	write_file(in_folder("v1/memory.limit_in_bytes"), "x\n");
	CHECK(!cgroup_room_find_below(in_folder("v1"), "/", &cgroup_files_v1, &room));
}

TEST_MAIN(TEST(test_paths), TEST(test_the_least_room_of_all_levels),
	  TEST(test_version_1_and_what_is_no_number))
