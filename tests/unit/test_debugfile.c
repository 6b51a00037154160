/* SPDX-License-Identifier: MIT */
#include "symbolize/debugfile.h"

#include <zlib.h>

#include "elf_file.h"
#include "folder.h"
#include "test.h"

/* Build IDs of 20 equal bytes, and the same without the first byte. */
#define REST(two) two two two two two two two two two two two two two two two two two two two
#define ID(two)   two REST(two)

static const struct debugfile_paths no_paths;

/* The folder of this program's files is a folder of debug files. */
static const char *const dirs[] = {folder};
static const struct debugfile_paths paths = {.dirs = dirs, .n_dirs = 1};

/* Makes the subfolders of `name` in the test's folder, but not the file itself. Returns the path of
 * `name` there. */
static const char *with_folders(const char *name)
{
	char path[4096];

	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(path, sizeof(path), "%s/%.*s", folder, (int)(slash - name), name);
		mkdir(path, 0700);
	}
	return in_folder(name);
}

static const char *make_file(const char *name, uint8_t id)
{
	const char *path = with_folders(name);

	elf_file_write_with_id(path, id, NULL);
	return path;
}

/* Makes a file without a build ID. Returns the checksum of its bytes. */
static uint32_t make_file_without_id(const char *name)
{
	struct elf_file_section section = {".comment", name, strlen(name), 0};
	uint8_t bytes[4096];
	const char *path = with_folders(name);
	ssize_t size;
	int fd;

	elf_file_write(path, &section, 1);
	fd = open(path, O_RDONLY);
	size = read(fd, bytes, sizeof(bytes));
	close(fd);
	CHECK(size > 0);
	return (uint32_t)crc32(crc32(0, Z_NULL, 0), bytes, size > 0 ? (unsigned)size : 0);
}

/* Opens a new file "sub/app" with a debug link. The caller closes it. */
static struct object *make_linked(const char *link_name, uint32_t crc)
{
	const char *path = with_folders("sub/app");
	char link[64] = "";
	size_t crc_at = (strlen(link_name) + 4) & ~(size_t)3;
	struct elf_file_section section = {".gnu_debuglink", link, crc_at + sizeof(crc), 0};
	struct object *object = NULL;

	memcpy(link, link_name, strlen(link_name));
	memcpy(link + crc_at, &crc, sizeof(crc));
	elf_file_write(path, &section, 1);
	CHECK_INT_EQ(object_open(path, &object), 0);
	return object;
}

/* Checks the result of a search. `path` is the file that must be found; NULL means none. */
static void check_file(int r, struct object *found, const char *path)
{
	CHECK_INT_EQ(r, path ? 0 : DEBUGFILE_E_NONE);
	CHECK_STR_EQ(found ? found->path : "(none)", path ? path : "(none)");
	object_close(found);
}

static void check_find(const struct object *object, const struct debugfile_paths *where,
		       const char *path)
{
	struct object *found = NULL;
	int r = debugfile_find(object, where, &found);

	check_file(r, found, path);
}

static void check_program(const char *build_id, const char *path)
{
	struct object *found = NULL;
	int r = debugfile_find_program(build_id, &paths, &found);

	check_file(r, found, path);
}

static void test_by_build_id(void)
{
	const char *file = make_file(".build-id/11/" REST("11") ".debug", 0x11);
	struct object *object = NULL;

	CHECK_INT_EQ(object_open(make_file("app", 0x11), &object), 0);
	check_find(object, &paths, file);
	check_find(object, &no_paths, NULL);
	make_file(".build-id/11/" REST("11") ".debug", 0x12); /* a wrong file at this place */
	check_find(object, &paths, NULL);
	object_close(object);
}

static void test_by_link(void)
{
	uint32_t crc = make_file_without_id("sub/x.debug");
	struct object *object = make_linked("x.debug", crc), *other;

	check_find(object, &no_paths, in_folder("sub/x.debug"));
	other = make_linked("x.debug", crc + 1);
	check_find(other, &no_paths, NULL);
	object_close(other);
	remove(in_folder("sub/x.debug"));
	check_find(object, &no_paths, NULL);
	object_close(object);
}

/* Next to the file, in .debug, and in the tree of debug files. The first that fits is taken. The
 * name has 4 bytes, so its NUL and the padding fill 4 bytes before the checksum. */
static void test_places_of_a_link(void)
{
	char tree[4096];
	uint32_t crc;
	struct object *object;

	/* All three files have the same bytes. */
	crc = make_file_without_id("sub/four");
	with_folders("sub/.debug/four");
	snprintf(tree, sizeof(tree), "%s/sub/four", folder + 1);
	with_folders(tree);
	snprintf(tree, sizeof(tree), "%s%s/sub/four", folder, folder);
	CHECK_INT_EQ(link(in_folder("sub/four"), in_folder("sub/.debug/four")), 0);
	CHECK_INT_EQ(link(in_folder("sub/four"), tree), 0);
	object = make_linked("four", crc);
	check_find(object, &paths, in_folder("sub/four"));
	remove(in_folder("sub/four"));
	check_find(object, &paths, in_folder("sub/.debug/four"));
	remove(in_folder("sub/.debug/four"));
	snprintf(tree, sizeof(tree), "%s/%s/sub/four", folder, folder);
	check_find(object, &paths, tree);
	check_find(object, &no_paths, NULL);
	object_close(object);
}

/* A link that leads back to the file itself finds nothing, even if the build ID fits. */
static void test_link_to_itself(void)
{
	char link[] = "self\0\0\0\0\0\0\0";
	struct elf_file_section section = {".gnu_debuglink", link, 12, 0};
	struct object *object = NULL;

	elf_file_write_with_id(in_folder("self"), 0x21, &section);
	CHECK_INT_EQ(object_open(in_folder("self"), &object), 0);
	check_find(object, &paths, NULL);
	object_close(object);
}

/* The link of dwz: a name, and the build ID of the file that several files have in common. */
static void test_alternate_file(void)
{
	char link[6 + 20] = "x.dwz";
	struct elf_file_section section = {".gnu_debugaltlink", link, sizeof(link), 0};
	struct object *object = NULL, *found = NULL;
	int r;

	memset(link + 6, 0x31, 20);
	elf_file_write_with_id(in_folder("app"), 0x32, &section);
	CHECK_INT_EQ(object_open(in_folder("app"), &object), 0);
	make_file("x.dwz", 0x32); /* the ID of the file with the link is not the wanted one */
	r = debugfile_find_alternate(object, &paths, &found);
	check_file(r, found, NULL);
	make_file(".build-id/31/" REST("31") ".debug", 0x31);
	found = NULL;
	r = debugfile_find_alternate(object, &paths, &found);
	check_file(r, found, in_folder(".build-id/31/" REST("31") ".debug"));
	make_file("x.dwz", 0x31);
	found = NULL;
	r = debugfile_find_alternate(object, &paths, &found);
	check_file(r, found, in_folder("x.dwz"));
	object_close(object);
}

static void test_no_links(void)
{
	struct object *object = NULL, *found = NULL;
	int r;

	CHECK_INT_EQ(object_open(make_file("plain", 0x41), &object), 0);
	check_find(object, &paths, NULL);
	r = debugfile_find_alternate(object, &paths, &found);
	check_file(r, found, NULL);
	object_close(object);
}

/* The program itself comes before its debug information. */
static void test_program_by_build_id(void)
{
	const char *debug = make_file(".build-id/51/" REST("51") ".debug", 0x51);

	check_program(ID("51"), debug);
	check_program(ID("51"), make_file(".build-id/51/" REST("51"), 0x51));
	check_program(ID("52"), NULL);
}

/* A build ID from a profile becomes part of a path, so nothing but hexadecimal is accepted. */
static void test_build_ids_that_are_none(void)
{
	char too_long[2 * BUILD_ID_MAX + 2];

	memset(too_long, 'a', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	make_file(".build-id/ab/" REST("ab"), 0xab);
	check_program(ID("ab"), in_folder(".build-id/ab/" REST("ab")));
	check_program("", NULL);
	check_program("ab", NULL);
	check_program(ID("AB"), NULL);
	check_program(ID("ab") "/", NULL);
	check_program(ID("ab") "/../" REST("ab"), NULL);
	check_program(too_long, NULL);
}

TEST_MAIN(TEST(test_by_build_id), TEST(test_by_link), TEST(test_places_of_a_link),
	  TEST(test_link_to_itself), TEST(test_alternate_file), TEST(test_no_links),
	  TEST(test_program_by_build_id), TEST(test_build_ids_that_are_none))
