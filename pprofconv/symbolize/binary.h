/* SPDX-License-Identifier: MIT */
/* A binary is a program or library with everything that names its code: its own DWARF and symbols,
 * and those of its separate debug files. */
#pragma once
#include "symbolize/debugfile.h"
#include "symbolize/debuginfo.h"
#include "symbolize/object.h"
#include "symbolize/symtab.h"

struct binary {
	struct object *object;
	struct object *debug;     /* its separate debug file, or NULL */
	struct object *alternate; /* the file that its DWARF shares with others, or NULL */
	struct debuginfo *info;   /* NULL if there is no DWARF */
	struct symtab symtab;
	bool has_symtab; /* it was read, at its first use */
};

/* Opens the files that belong to `object`, and takes ownership of it, even on failure. Returns 0 or
 * -ENOMEM. */
int binary_new(struct object *object, const struct debugfile_paths *paths,
	       struct binary **out_binary);

/* Appends the frames at an address as linked, as debuginfo_find() does: from DWARF, and from the
 * symbols what DWARF leaves open. Appends nothing if nothing is known. Returns 0 or -ENOMEM. */
int binary_find(struct binary *binary, uint64_t address, frame_list *frames);

/* Takes NULL. */
void binary_free(struct binary *binary);
DEFINE_CLEANUP(struct binary *, binary_free)
