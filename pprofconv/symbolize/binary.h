/* SPDX-License-Identifier: MIT */
/* A binary is a program or library with everything that names its code: its own DWARF and symbols,
 * and those of its separate debug files. */
#pragma once
#include "base/number_map.h"
#include "symbolize/debugfile.h"
#include "symbolize/debuginfo.h"
#include "symbolize/object.h"
#include "symbolize/symtab.h"

struct binary_found { /* the frames at an address that was looked up */
	uint32_t first, n;
};

struct binary {
	struct object *object;
	struct object *debug;     /* its separate debug file, or NULL */
	struct object *alternate; /* the file with DWARF that several files share, or NULL */
	struct debuginfo *info;   /* NULL if there is no DWARF */
	struct symtab symtab;
	bool has_symtab; /* `symtab` has been read, which happens at its first use */
	struct symtab variables;
	bool has_variables; /* likewise */

	/* Once a second profile uses the binary, what is found is kept: the profiles of a fleet
	 * have the same addresses. */
	bool is_shared;
	struct number_map kept_addresses; /* numbers in `kept` */
	VEC(struct binary_found) kept;
	frame_list kept_frames;
};

/* Makes a binary from `object`, and opens its debug files. Takes ownership of `object`, even on
 * failure. Returns 0 or -ENOMEM. */
int binary_new(struct object *object, const struct debugfile_paths *paths,
	       struct binary **out_binary);

/* Appends the frames at a linked address, in the order of debuginfo_find(). They come from DWARF;
 * what it does not say of the outermost frame's name comes from the symbols. Appends nothing if
 * nothing is known. Returns 0 or -ENOMEM. The texts of the frames are valid as long as the
 * binary. */
int binary_find(struct binary *binary, uint64_t address, frame_list *frames);

/* Does the same for the variable at a linked address, which is one frame without a file. */
int binary_find_variable(struct binary *binary, uint64_t address, frame_list *frames);

/* Takes NULL. */
void binary_free(struct binary *binary);
DEFINE_CLEANUP(struct binary *, binary_free)
