/* SPDX-License-Identifier: MIT */
/* An image is a program or a library as the loader has mapped it in a target. Its headers and its
 * dynamic symbols are read from the target's memory, so no file is opened. */
#pragma once
#include "target/target.h"
#include <link.h>

enum {
	HP_IMAGE_HEADERS_MAX = 64,
};

struct hp_image {
	uint64_t start; /* of the ELF header */
	uint64_t bias;  /* an address in the target less the address in the file */
	size_t n_headers;
	ElfW(Phdr) headers[HP_IMAGE_HEADERS_MAX];
};

/* Reads the image that contains the address: the loader has mapped its first bytes from the same
 * file, at or below the address. Returns false if there is none. */
bool hp_image_at(struct hp_target *t, uint64_t address, struct hp_image *out);

/* Finds the next image in order of addresses; *position is 0 at first. Returns false at the end. */
bool hp_image_next(struct hp_target *t, size_t *position, struct hp_image *out);

/* Returns the segment of that type, or NULL. */
const ElfW(Phdr) * hp_image_segment(const struct hp_image *image, uint32_t type);

/* Returns the address of a symbol that the image defines for others, or 0. `out_size` may be
 * NULL. */
uint64_t hp_image_symbol(struct hp_target *t, const struct hp_image *image, const char *name,
			 uint64_t *out_size);

/* Same, but for the first image that defines the symbol. */
uint64_t hp_image_find_symbol(struct hp_target *t, const char *name);
