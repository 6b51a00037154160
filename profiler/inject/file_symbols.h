/* SPDX-License-Identifier: MIT */
/* File symbols are those of an image that its file alone has, in .symtab: the loader does not map
 * them. A program has functions there that it does not export, unless it is stripped. */
#pragma once
#include "inject/image.h"

struct hp_file_symbol {
	const char *name;
	uint64_t address; /* in the target; 0: none */
	uint64_t size;
};

/* Finds functions by their names in the image's file. The file is read with the rights of this
 * process, and nothing in it is trusted. Sets the addresses to 0 if the file can't be read, is not
 * the one that is mapped, or was stripped. Of two functions of a name, one that is visible to other
 * source files is taken, else the first. */
void hp_file_symbols_find(struct hp_target *t, const struct hp_image *image,
			  struct hp_file_symbol *symbols, size_t n);
