/* SPDX-License-Identifier: MIT */
/* Images in memory: the program's own, and images whose headers describe what does not exist. */
#include "process/elf_image.h"
#include "test.h"
#include <sys/auxv.h>
#include <sys/mman.h>

static char *image; /* two pages, then one that cannot be read */

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

/* Sets each byte of the headers to each extreme value. The image is read or rejected, without a
 * crash. */
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

static void test_the_program_itself(void)
{
	const struct hp_module *program = hp_modules_get_permanent(0);
	struct hp_module m;

	CHECK(hp_elf_image_read(program->start, &m));
	CHECK_HEX_EQ(m.start, program->start);
	CHECK(m.build_id_size > 0);
	CHECK_UINT_EQ(m.build_id_size, program->build_id_size);
	CHECK_INT_EQ(memcmp(m.build_id, program->build_id, m.build_id_size), 0);
}

static void test_no_loaded_segment(void)
{
	const ElfW(Phdr) note = {.p_type = PT_NOTE};
	struct hp_module m;

	CHECK(!hp_elf_image_describe(0, &note, 1, &m));
	CHECK(!hp_elf_image_describe(0, &note, 0, &m));
}

static __attribute__((constructor)) void prepare(void)
{
	hp_modules_init(false /* late */);
	image = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(image + 2 * 4096, 4096, PROT_NONE);
}

TEST_MAIN(TEST(test_the_program_itself), TEST(test_vdso_is_an_image), TEST(test_no_image),
	  TEST(test_no_loaded_segment), TEST(test_corrupt_images),
	  TEST(test_headers_at_the_end_of_memory))
