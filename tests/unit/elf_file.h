/* SPDX-License-Identifier: MIT */
/* Writes small ELF files that have only the sections that a test needs. */
#pragma once
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

struct elf_file_section {
	const char *name;
	const void *bytes;
	size_t size;
	uint32_t type; /* 0: SHT_PROGBITS */
};

static inline void elf_file_add(Elf *elf, const struct elf_file_section *section, uint32_t name_at)
{
	Elf_Scn *scn = elf_newscn(elf);
	Elf_Data *data = elf_newdata(scn);
	GElf_Shdr header;

	data->d_buf = (void *)section->bytes;
	data->d_size = section->size;
	data->d_type = section->type == SHT_NOTE ? ELF_T_NHDR : ELF_T_BYTE;
	data->d_align = section->type == SHT_NOTE ? 4 : 1;
	gelf_getshdr(scn, &header);
	header.sh_name = name_at;
	header.sh_type = section->type ? section->type : SHT_PROGBITS;
	gelf_update_shdr(scn, &header);
}

/* Writes a file for x86-64 with these sections, and a table of their names. */
static inline void elf_file_write(const char *path, const struct elf_file_section *sections,
				  size_t n)
{
	static const char own_name[] = ".shstrtab";
	char names[512] = "";
	uint32_t size = 1;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct elf_file_section table = {.bytes = names, .type = SHT_STRTAB};
	GElf_Ehdr header;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_WRITE, NULL);
	CHECK(elf && gelf_newehdr(elf, ELFCLASS64));
	for (size_t i = 0; i < n; i++) {
		memcpy(names + size, sections[i].name, strlen(sections[i].name) + 1);
		elf_file_add(elf, &sections[i], size);
		size += (uint32_t)strlen(sections[i].name) + 1;
	}
	memcpy(names + size, own_name, sizeof(own_name));
	table.size = size + sizeof(own_name);
	elf_file_add(elf, &table, size);
	gelf_getehdr(elf, &header);
	header.e_type = ET_DYN;
	header.e_machine = EM_X86_64;
	header.e_ident[EI_DATA] = ELFDATA2LSB;
	header.e_shstrndx = (uint16_t)(n + 1);
	gelf_update_ehdr(elf, &header);
	CHECK(elf_update(elf, ELF_C_WRITE) > 0);
	elf_end(elf);
	close(fd);
}

/* The note with a build ID, which is the section .note.gnu.build-id. */
struct elf_file_build_id {
	uint32_t name_size, id_size, type;
	char name[4];
	uint8_t id[20];
};

static inline struct elf_file_build_id elf_file_build_id(uint8_t byte)
{
	struct elf_file_build_id note = {
		.name_size = 4,
		.id_size = sizeof(note.id),
		.type = 3 /* NT_GNU_BUILD_ID */,
		.name = "GNU",
	};

	memset(note.id, byte, sizeof(note.id));
	return note;
}

/* Writes a file that has a build ID of 20 equal bytes and, if `link` is not NULL, the section
 * `link`. */
static inline void elf_file_write_with_id(const char *path, uint8_t byte,
					  const struct elf_file_section *link)
{
	struct elf_file_build_id note = elf_file_build_id(byte);
	struct elf_file_section sections[2] = {
		{".note.gnu.build-id", &note, sizeof(note), SHT_NOTE},
	};

	if (link)
		sections[1] = *link;
	elf_file_write(path, sections, link ? 2 : 1);
}
