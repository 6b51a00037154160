/* SPDX-License-Identifier: MIT */
/* An ELF image is a program or a library as it is mapped. These functions read its extent, its code
 * and its notes. Each read is checked first, so if an image is unmapped meanwhile, the read fails
 * and the process does not. Any thread; signal-safe: yes; may allocate: no. */
#pragma once
#include "process/modules.h"
#include <link.h>

/* The owner field of a note that is in every image that contains a copy of this library. */
#define HP_NOTE_OWNER "heapprof"

/* Fills `out` with the image's addresses, from its program headers, and with the contents of its
 * notes. `bias` is the load address minus the link address. Returns false if the image has no
 * loaded segment. */
bool hp_elf_image_describe(uintptr_t bias, const ElfW(Phdr) * headers, size_t n_headers,
			   struct hp_module *out);

/* Same as hp_elf_image_describe(), but for the image whose ELF header is at `start`. Returns false
 * also if there is no ELF header. */
bool hp_elf_image_read(uintptr_t start, struct hp_module *out);

/* Returns the address of the table by which the image's unwind data is searched (.eh_frame_hdr). 0:
 * it has none. */
uintptr_t hp_elf_image_unwind_table(uintptr_t start);

/* Sets *out to the protection, as PROT_ flags, of the segment that contains all bytes from `first`
 * up to `end`, in the image whose ELF header is at `start`. Returns false if no segment does. */
bool hp_elf_image_protection(uintptr_t start, uintptr_t first, uintptr_t end, int *out);
