/* SPDX-License-Identifier: MIT */
/* A mutator for libFuzzer. It changes one part of an ELF file and moves none. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"

#define PARTS_MAX 64

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

struct range {
	size_t start, size;
};

static size_t add_range(struct range *ranges, size_t n, uint64_t start, uint64_t length,
			size_t size)
{
	if (n == PARTS_MAX || !length || start >= size || length > size - start)
		return n;
	ranges[n] = (struct range){(size_t)start, (size_t)length};
	return n + 1;
}

/* Finds the file's header, the tables of headers, and each section that is not code. Returns how
 * many ranges were found. */
static size_t find_ranges(const uint8_t *data, size_t size, struct range *ranges)
{
	Elf64_Ehdr file;
	Elf64_Shdr section;
	size_t n = 0;

	if (size < sizeof(file))
		return 0;
	memcpy(&file, data, sizeof(file));
	n = add_range(ranges, n, 0, sizeof(file), size);
	n = add_range(ranges, n, file.e_phoff, file.e_phnum * sizeof(Elf64_Phdr), size);
	n = add_range(ranges, n, file.e_shoff, file.e_shnum * sizeof(section), size);
	for (size_t i = 0; i < file.e_shnum && n && file.e_shoff < size; i++) {
		if (size - file.e_shoff < (i + 1) * sizeof(section))
			break;
		memcpy(&section, data + file.e_shoff + i * sizeof(section), sizeof(section));
		if (section.sh_type != SHT_NOBITS && !(section.sh_flags & SHF_EXECINSTR))
			n = add_range(ranges, n, section.sh_offset, section.sh_size, size);
	}
	return n;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct range ranges[PARTS_MAX];
	size_t n = find_ranges(data, size, ranges);
	const struct range *chosen = &ranges[n ? seed % n : 0];
	uint8_t *part;
	size_t changed;

	if (!n || seed % 64 == 63)
		return LLVMFuzzerMutate(data, size, max_size);
	part = malloc(chosen->size);
	if (!part)
		return size;
	memcpy(part, data + chosen->start, chosen->size);
	changed = LLVMFuzzerMutate(part, chosen->size, chosen->size);
	memcpy(data + chosen->start, part, changed);
	free(part);
	return size;
}
