/* SPDX-License-Identifier: MIT */
/* Runs the profiler's own reader of loaded images. Memory around the image can't be read, so that
 * headers which point outside of the image point at nothing. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "process/elf_image.h"
#include "target.h"

#define AROUND     (UINT64_C(4) << 30)
#define IMAGE_SIZE 65536

static uint8_t *image(void)
{
	static uint8_t *found;
	uint8_t *space;

	if (found)
		return found;
	space = mmap(NULL, 2 * AROUND, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		     0);
	if (space == MAP_FAILED || mprotect(space + AROUND, IMAGE_SIZE, PROT_READ | PROT_WRITE))
		abort();
	found = space + AROUND;
	return found;
}

/* Changes headers that would point beyond the space around the image, where a sanitizer's own
 * memory may be. */
static void keep_near(uint8_t *start)
{
	ElfW(Ehdr) file;
	ElfW(Phdr) header;

	memcpy(&file, start, sizeof(file));
	for (size_t i = 0; i < file.e_phnum && file.e_phoff < IMAGE_SIZE / 2; i++) {
		uint8_t *at = start + file.e_phoff + i * sizeof(header);

		if (at + sizeof(header) > start + IMAGE_SIZE)
			return;
		memcpy(&header, at, sizeof(header));
		header.p_vaddr %= AROUND;
		memcpy(at, &header, sizeof(header));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *start = image();
	struct hp_module module;
	size_t used = size < IMAGE_SIZE ? size : IMAGE_SIZE;

	memset(start, 0, IMAGE_SIZE);
	if (used)
		memcpy(start, data, used);
	keep_near(start);
	if (hp_elf_image_read((uintptr_t)start, &module) && module.build_id_size > HP_BUILD_ID_MAX)
		abort();
	return 0;
}
