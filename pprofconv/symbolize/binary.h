/* SPDX-License-Identifier: MIT */
/* A program or library with everything that names its code: its own DWARF and symbols, and those of
 * the files that belong to it. */
#pragma once
#include "symbolize/debugfile.h"
#include "symbolize/debuginfo.h"
#include "symbolize/object.h"
#include "symbolize/symtab.h"

struct binary {
	struct object *object;
	struct object *debug;     /* its separate debug file, or NULL */
	struct object *alternate; /* what that shares with others, or NULL */
	struct debuginfo *info;   /* NULL if there is no DWARF */
	struct symtab symtab;
	bool has_symtab; /* is read when it is first needed */
};

/* Takes over `object`, even when it fails. 0 or -ENOMEM. */
int binary_new(struct object *object, const struct debugfile_paths *paths,
	       struct binary **out_binary);

/* Appends the frames at an address as linked, as debuginfo_find(): from DWARF, and from the symbols
 * what that leaves open. Nothing is appended if nothing is known. 0 or -ENOMEM. */
int binary_find(struct binary *binary, uint64_t address, frame_list *frames);

/* Takes NULL. */
void binary_free(struct binary *binary);
DEFINE_CLEANUP(struct binary *, binary_free)
