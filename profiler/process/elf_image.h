/* SPDX-License-Identifier: MIT */
/* What a loaded ELF image says of itself: its extent, its code, its notes. Every read is checked
 * first, so an image that is unmapped meanwhile costs the answer, not the process. Any thread. */
#pragma once
#include "process/modules.h"
#include <link.h>

/* Every image that a copy of this library is in has a note of this owner. */
#define HP_NOTE_OWNER "heapprof"

/* Fills the addresses and what notes tell from program headers; `bias` is the load address minus
 * the link address. False if there is no loaded segment. */
bool hp_elf_image_describe(uintptr_t bias, const ElfW(Phdr) * headers, size_t n_headers,
			   struct hp_module *out);

/* The same for the image whose ELF header lies at `start`. False if there is none. */
bool hp_elf_image_read(uintptr_t start, struct hp_module *out);

/* How the segment that holds all bytes from `first` up to `end` is mapped, as PROT_ flags, for the
 * image whose ELF header lies at `start`. False if there is no such segment. */
bool hp_elf_image_protection(uintptr_t start, uintptr_t first, uintptr_t end, int *out);
