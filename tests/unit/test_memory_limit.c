/* SPDX-License-Identifier: MIT */
#include "command/memory_limit.h"
#include "folder.h"
#include "test.h"

#define TMPFS "30 22 0:27 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
#define CPU   "31 30 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
#define V1    "34 30 0:31 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n"
#define V2    "40 30 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"

static void test_mounts(void)
{
	struct cgroup_mount mount;

	cgroup_mount_parse(TMPFS CPU V2, &mount);
	CHECK_INT_EQ(mount.version, 2);
	CHECK_STR_EQ(mount.place, "/sys/fs/cgroup/unified");
	cgroup_mount_parse(TMPFS V2 CPU V1, &mount);
	CHECK_INT_EQ(mount.version, 1);
	CHECK_STR_EQ(mount.place, "/sys/fs/cgroup/memory");
	cgroup_mount_parse("40 30 0:37 /sys\\040tem /a\\134b rw - cgroup2 cgroup2 rw", &mount);
	CHECK_STR_EQ(mount.root, "/sys tem");
	CHECK_STR_EQ(mount.place, "/a\\b");
}

static void test_mounts_that_are_none(void)
{
	static const char *const texts[] = {"",
					    "\n\n",
					    TMPFS CPU,
					    " - cgroup2 cgroup2 rw",
					    "1 2 3 - cgroup2",
					    "- cgroup2",
					    "1 2 3 / /x rw - ",
					    "1 2 3 / /x rw - cgroup x",
					    "1 2 3 / /x rw - cgroup x rw,memory2"};
	struct cgroup_mount mount;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cgroup_mount_parse(texts[i], &mount);
		CHECK_INT_EQ(mount.version, 0);
	}
}

static void test_folders(void)
{
	struct cgroup_mount v1 = {.version = 1, .root = "/", .place = "/m"};
	struct cgroup_mount v2 = {.version = 2, .root = "/in", .place = "/u"};
	char found[PATH_MAX];

	CHECK(cgroup_folder_parse(&v1, "5:cpu,memory:/a:b/c\n0::/x\n", found));
	CHECK_STR_EQ(found, "/m/a:b/c");
	CHECK(cgroup_folder_parse(&v2, "5:cpu,memory:/a\n0::/in/x\n", found));
	CHECK_STR_EQ(found, "/u/x");
	CHECK(cgroup_folder_parse(&v2, "0::/in\n", found));
	CHECK_STR_EQ(found, "/u");
	CHECK(!cgroup_folder_parse(&v2, "0::/inner/x\n", found));
	CHECK(!cgroup_folder_parse(&v1, "0::/x\n4:memory:relative\n", found));
	CHECK(!cgroup_folder_parse(&v1, "4:memory:/../x\n", found));
	CHECK(!cgroup_folder_parse(&v1, "4:memory:/x/..\n", found));
	CHECK(!cgroup_folder_parse(&v1, "", found));
	CHECK(!cgroup_folder_parse(&v1, "4\n4:\n", found));
}

static void test_stat(void)
{
	const char *text = "inactive_file 5\ntotal_inactive_file 17\nx 3";

	CHECK_UINT_EQ(cgroup_parse_stat(text, "inactive_file"), 5);
	CHECK_UINT_EQ(cgroup_parse_stat(text, "total_inactive_file"), 17);
	CHECK_UINT_EQ(cgroup_parse_stat(text, "x"), 3);
	CHECK_UINT_EQ(cgroup_parse_stat(text, "inactive"), 0);
	CHECK_UINT_EQ(cgroup_parse_stat("", "x"), 0);
}

static void write_in(const char *place, const char *name, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", place, name);
	write_file(path, text);
}

static void test_limits(void)
{
	const char *root = in_folder("root");
	struct cgroup_mount mount = {.version = 2, .root = "/"};
	char inner[PATH_MAX], outer[PATH_MAX];
	struct memory_limit limit;

	snprintf(mount.place, sizeof(mount.place), "%s", root);
	snprintf(outer, sizeof(outer), "%s/o", root);
	snprintf(inner, sizeof(inner), "%s/o/i", root);
	CHECK_INT_EQ(mkdir(root, 0700), 0);
	CHECK_INT_EQ(mkdir(outer, 0700), 0);
	CHECK_INT_EQ(mkdir(inner, 0700), 0);
	CHECK(!cgroup_folder_limit(&mount, inner, &limit));
	write_in(inner, "memory.current", "900\n");
	write_in(inner, "memory.max", "max\n");
	CHECK(!cgroup_folder_limit(&mount, inner, &limit));
	write_in(inner, "memory.max", "1000\n");
	CHECK(cgroup_folder_limit(&mount, inner, &limit));
	CHECK_NEAR(limit.share, 0.9, 1e-9);
	CHECK_UINT_EQ(limit.room, 100);
	CHECK_UINT_EQ(limit.limit, 1000);
	write_in(inner, "memory.stat", "anon 1\ninactive_file 400\n");
	CHECK(cgroup_folder_limit(&mount, inner, &limit));
	CHECK_NEAR(limit.share, 0.5, 1e-9);
	write_in(inner, "memory.stat", "inactive_file 4000\n");
	CHECK(cgroup_folder_limit(&mount, inner, &limit));
	CHECK_NEAR(limit.share, 0, 0);
	/* The limit around it is nearer. */
	write_in(outer, "memory.current", "1900\n");
	write_in(outer, "memory.max", "2000\n");
	CHECK(cgroup_folder_limit(&mount, inner, &limit));
	CHECK_NEAR(limit.share, 0.95, 1e-9);
	write_in(outer, "memory.max", "0\n");
	CHECK(cgroup_folder_limit(&mount, inner, &limit));
	CHECK_NEAR(limit.share, 0, 0);
	/* A limit above the mount belongs to nobody. */
	write_in(root, "memory.current", "9\n");
	write_in(root, "memory.max", "9\n");
	snprintf(mount.place, sizeof(mount.place), "%s", outer);
	CHECK(cgroup_folder_limit(&mount, inner, &limit));
	CHECK_NEAR(limit.share, 0, 0);
}

static void test_version_1(void)
{
	const char *root = in_folder("one");
	struct cgroup_mount mount = {.version = 1, .root = "/"};
	struct memory_limit limit;

	CHECK_INT_EQ(mkdir(root, 0700), 0);
	snprintf(mount.place, sizeof(mount.place), "%s", root);
	write_in(root, "memory.usage_in_bytes", "900\n");
	write_in(root, "memory.limit_in_bytes", "9223372036854771712\n");
	CHECK(!cgroup_folder_limit(&mount, root, &limit));
	write_in(root, "memory.limit_in_bytes", "1000\n");
	write_in(root, "memory.stat", "inactive_file 400\ntotal_inactive_file 100\n");
	CHECK(cgroup_folder_limit(&mount, root, &limit));
	CHECK_NEAR(limit.share, 0.8, 1e-9);
	CHECK_UINT_EQ(limit.room, 200);
}

TEST_MAIN(TEST(test_mounts), TEST(test_mounts_that_are_none), TEST(test_folders), TEST(test_stat),
	  TEST(test_limits), TEST(test_version_1))
