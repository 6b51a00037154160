/* SPDX-License-Identifier: MIT */
#include "process/elf_image.h"
#include "process/objects.h"
#include "test.h"
#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>

/* NOLINTNEXTLINE(bugprone-reserved-identifier): a C++ name that is not defined anywhere */
extern void _Z9nowhere_2v(void) __attribute__((weak));

static int data = 1;

static uintptr_t own_start(void)
{
	struct dl_find_object object;

	CHECK(_dl_find_object((void *)own_start, &object) == 0);
	return (uintptr_t)object.dlfo_map_start;
}

static int protection_at(const void *address)
{
	int protection = -1;

	hp_elf_image_protection(own_start(), (uintptr_t)address, (uintptr_t)address + 1,
				&protection);
	return protection;
}

static void test_protection_of_segments(void)
{
	CHECK_HEX_EQ(protection_at((void *)own_start), PROT_READ | PROT_EXEC);
	CHECK_HEX_EQ(protection_at(&data), PROT_READ | PROT_WRITE);
	CHECK_HEX_EQ(protection_at((void *)own_start()) & PROT_WRITE, 0);
}

static void test_protection_of_what_is_in_no_segment(void)
{
	uintptr_t start = own_start();
	int protection;

	CHECK(!hp_elf_image_protection(start, (uintptr_t)&protection, (uintptr_t)&protection + 1,
				       &protection));
	CHECK(!hp_elf_image_protection(start, start, UINTPTR_MAX, &protection));
	CHECK(!hp_elf_image_protection(4096, start, start + 1, &protection));
}

static void test_objects_of_functions(void)
{
	CHECK(hp_object_has_both((void *)own_start, (void *)test_objects_of_functions));
	CHECK(!hp_object_has_both((void *)own_start, dlsym(RTLD_DEFAULT, "gnu_get_libc_version")));
	CHECK(!hp_object_has_both((void *)own_start, NULL));
	CHECK_STR_EQ(hp_object_path((void *)own_start), "");
	CHECK(strstr(hp_object_path(dlsym(RTLD_DEFAULT, "gnu_get_libc_version")), "libc.so") !=
	      NULL);
	CHECK_STR_EQ(hp_object_path(NULL), "");
}

static void test_references(void)
{
	const struct hp_export exports[] = {
		{.name = "_Z9nowhere_1v"},
		{.name = "_Z9nowhere_2v"},
	};

	CHECK(_Z9nowhere_2v == NULL);
	CHECK_HEX_EQ(hp_object_find_references(exports, 2), 2);
	CHECK_HEX_EQ(hp_object_find_references(exports, 1), 0);
}

static void test_what_is_not_exported_is_not_hidden(void)
{
	const struct hp_export exports[] = {
		{.name = "own_start", .function = (void *)own_start},
		{.name = "strtok", .function = NULL},
	};

	CHECK(hp_object_hide(exports, 2));
	CHECK(dlsym(RTLD_DEFAULT, "strtok") != NULL);
}

TEST_MAIN(TEST(test_protection_of_segments), TEST(test_protection_of_what_is_in_no_segment),
	  TEST(test_objects_of_functions), TEST(test_references),
	  TEST(test_what_is_not_exported_is_not_hidden))
