/* SPDX-License-Identifier: MIT */
/* An ELF image is a program or a library as it is mapped. This module reads its extent, its code
 * and its notes. Every read is checked first, so an image that is unmapped meanwhile costs the
 * result, not the process. Any thread; signal-safe: yes; may allocate: no. */
#pragma once
#include "process/modules.h"
#include <link.h>

/* Every image that contains a copy of this library has a note of this owner. */
#define HP_NOTE_OWNER "heapprof"

/* Fills `out` with addresses from the program headers, and with what the notes say. `bias` is the
 * load address minus the link address. Returns false if no segment is loaded. */
bool hp_elf_image_describe(uintptr_t bias, const ElfW(Phdr) * headers, size_t n_headers,
			   struct hp_module *out);

/* Same, for the image whose ELF header is at `start`. Returns false if there is none. */
bool hp_elf_image_read(uintptr_t start, struct hp_module *out);

/* Stores the protection, as PROT_ flags, of the segment that contains all bytes from `first` up to
 * `end`, in the image whose ELF header is at `start`. Returns false if there is no such segment. */
bool hp_elf_image_protection(uintptr_t start, uintptr_t first, uintptr_t end, int *out);
