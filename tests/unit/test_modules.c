/* SPDX-License-Identifier: MIT */
/* Libraries that come and go. libresolv serves as one: nobody here needs it otherwise. */
#include "arena.h"
#include "elf_image.h"
#include "modules.h"
#include "test.h"
#include <dlfcn.h>
#include <elf.h>
#include <sys/auxv.h>
#include <sys/mman.h>

static uint16_t identify(void *address)
{
	struct dl_find_object object;

	CHECK_INT_EQ(_dl_find_object(address, &object), 0);
	return hp_modules_identify(&object);
}

static void *open_library(void **out_function)
{
	void *handle = dlopen("libresolv.so.2", RTLD_NOW | RTLD_LOCAL);

	CHECK(handle != NULL);
	*out_function = handle ? dlsym(handle, "inet_net_ntop") : NULL;
	return handle;
}

static void test_program_is_first_and_permanent(void)
{
	const struct hp_module *program = hp_modules_get_permanent(0);
	uintptr_t here = (uintptr_t)test_program_is_first_and_permanent;

	CHECK(hp_modules_n_permanent() > 3);
	CHECK(strstr(program->path, "test_modules") != NULL);
	CHECK(here >= program->start && here < program->end);
	CHECK(here >= program->code_start && here < program->code_end);
	CHECK(program->build_id_size <= HP_BUILD_ID_MAX);
	CHECK_UINT_EQ(identify((void *)here), HP_MODULE_PERMANENT);
	CHECK_UINT_EQ(identify((void *)dlsym(RTLD_DEFAULT, "puts")), HP_MODULE_PERMANENT);
}

static void test_library_has_a_number(void)
{
	void *function, *handle = open_library(&function);
	uint16_t number = identify(function);
	const struct hp_module *m = hp_modules_get(number);

	CHECK(number != HP_MODULE_PERMANENT && number != HP_MODULE_UNKNOWN);
	CHECK(m != NULL);
	CHECK(strstr(m->path, "/libresolv") != NULL);
	CHECK((uintptr_t)function >= m->code_start && (uintptr_t)function < m->code_end);
	CHECK_UINT_EQ(m->build_id_size, 20);
	CHECK_UINT_EQ(identify(function), number);
	dlclose(handle);
}

static void test_closed_library_stays_known(void)
{
	void *function, *handle = open_library(&function);
	uint16_t number = identify(function);

	dlclose(handle);
	CHECK(strstr(hp_modules_get(number)->path, "/libresolv") != NULL);
}

/* The same library at the same place is the same one again. */
static void test_reopened_library(void)
{
	void *first, *second, *handle = open_library(&first);
	uint16_t number = identify(first);
	size_t n = hp_modules_n_numbered();

	dlclose(handle);
	handle = open_library(&second);
	if (first == second) {
		CHECK_UINT_EQ(identify(second), number);
		CHECK_UINT_EQ(hp_modules_n_numbered(), n);
	} else {
		CHECK(identify(second) != number);
	}
	dlclose(handle);
}

/* Those of two libraries, or of one at two places: readers of dumps would make one of mappings that
 * touch. */
static void test_ranges_do_not_touch(void)
{
	uintptr_t end = 0;
	void *handle = dlopen("libz.so.1", RTLD_NOW);
	void *function, *other = open_library(&function);

	identify(dlsym(handle, "zlibVersion"));
	identify(function);
	for (uint16_t i = 1; i <= hp_modules_n_numbered(); i++) {
		const struct hp_module *m = hp_modules_get(i);

		CHECK(m->code_before > end);
		end = m->code_before + (m->code_end - m->code_start);
	}
	CHECK(hp_modules_n_numbered() > 1);
	dlclose(other);
	dlclose(handle);
}

static void test_epochs(void)
{
	uint32_t before = hp_modules_epoch();

	CHECK(before != 0);
	hp_modules_unload_begin();
	CHECK_UINT_EQ(hp_modules_epoch(), 0);
	hp_modules_unload_begin();
	hp_modules_unload_end();
	CHECK_UINT_EQ(hp_modules_epoch(), 0);
	hp_modules_unload_end();
	CHECK(hp_modules_epoch() != 0 && hp_modules_epoch() != before);
}

static void test_numbers_that_do_not_exist(void)
{
	CHECK_PTR_EQ(hp_modules_get(HP_MODULE_PERMANENT), NULL);
	CHECK_PTR_EQ(hp_modules_get(HP_MODULE_UNKNOWN), NULL);
	CHECK_PTR_EQ(hp_modules_get((uint16_t)(hp_modules_n_numbered() + 1)), NULL);
}

static void test_frames(void)
{
	uint64_t frame = hp_frame_make(0x7fffdeadbeef, 0xfffe);

	CHECK_HEX_EQ(hp_frame_pc(frame), 0x7fffdeadbeef);
	CHECK_HEX_EQ(hp_frame_module(frame), 0xfffe);
}

/* --- images that lie ---------------------------------------------------------------------------
 */

static char *image; /* two pages, then one that can't be read */

static void copy_image(void)
{
	memset(image, 0, 2 * 4096);
	memcpy(image, (void *)hp_modules_get_permanent(0)->start, 4096);
}

static void test_vdso_is_an_image(void)
{
	struct hp_module m;
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);

	CHECK(vdso == 0 || hp_elf_image_read(vdso, &m));
}

static void test_no_image(void)
{
	struct hp_module m;

	CHECK(!hp_elf_image_read(0, &m));
	CHECK(!hp_elf_image_read((uintptr_t)image + 2 * 4096, &m));
	CHECK(!hp_elf_image_read(UINTPTR_MAX - 4095, &m));
	memset(image, 0, 4096);
	CHECK(!hp_elf_image_read((uintptr_t)image, &m));
}

/* Every byte of the header set to every extreme: an answer or none, and no crash. */
static void test_corrupt_images(void)
{
	static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	struct hp_module m;

	for (size_t at = 0; at < sizeof(ElfW(Ehdr)) + 15 * sizeof(ElfW(Phdr)); at++)
		for (size_t i = 0; i < sizeof(values); i++) {
			copy_image();
			image[at] = (char)values[i];
			if (hp_elf_image_read((uintptr_t)image, &m))
				CHECK(m.build_id_size <= HP_BUILD_ID_MAX);
		}
}

static void test_headers_at_the_end_of_memory(void)
{
	struct hp_module m;
	ElfW(Ehdr) *header = (void *)(image + 4096);

	copy_image();
	memcpy(header, image, sizeof(*header));
	header->e_phoff = 4096 - sizeof(ElfW(Phdr)) + 8;
	header->e_phnum = 1;
	CHECK(!hp_elf_image_read((uintptr_t)header, &m));
}

static __attribute__((constructor)) void prepare(void)
{
	hp_modules_init();
	image = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(image + 2 * 4096, 4096, PROT_NONE);
}

TEST_MAIN(TEST(test_program_is_first_and_permanent), TEST(test_library_has_a_number),
	  TEST(test_closed_library_stays_known), TEST(test_reopened_library),
	  TEST(test_ranges_do_not_touch), TEST(test_epochs), TEST(test_numbers_that_do_not_exist),
	  TEST(test_frames), TEST(test_vdso_is_an_image), TEST(test_no_image),
	  TEST(test_corrupt_images), TEST(test_headers_at_the_end_of_memory))
