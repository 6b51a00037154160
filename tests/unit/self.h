/* SPDX-License-Identifier: MIT */
/* Adds the running program itself to a profile. */
#pragma once
#include <link.h>
#include <unistd.h>

#include "model/profile.h"

/* Finds where the program's code is mapped. A callback for dl_iterate_phdr(). */
static inline int find_code(struct dl_phdr_info *info, size_t size, void *opaque)
{
	struct profile_mapping *mapping = opaque;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type != PT_LOAD || !(header->p_flags & PF_X))
			continue;
		mapping->start = (info->dlpi_addr + header->p_vaddr) & ~UINT64_C(4095);
		mapping->offset = header->p_offset & ~UINT64_C(4095);
		mapping->limit = info->dlpi_addr + header->p_vaddr + header->p_memsz;
	}
	return 1; /* the program comes first */
}

/* Adds the program's mapping and returns its number. */
static inline uint32_t add_self(struct profile *profile)
{
	struct profile_mapping mapping = {0};
	char path[4096];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path));

	dl_iterate_phdr(find_code, &mapping);
	mapping.file = profile_intern_bytes(profile, path, size > 0 ? (size_t)size : 0);
	return profile_add_mapping(profile, &mapping);
}

static inline uint32_t add_location(struct profile *profile, uint32_t mapping, uint64_t address)
{
	struct profile_location location = {.mapping = mapping, .address = address};

	return profile_add_location(profile, &location, NULL, 0);
}
