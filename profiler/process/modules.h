/* SPDX-License-Identifier: MIT */
/* A module is the program or one of its libraries. These functions say which module an address
 * belongs to, and which one it belonged to when it was recorded.
 *
 * Modules that are loaded at start stay for good. A library that is opened later may be closed, and
 * another may take its addresses. So each such library gets a number, and a recorded address is
 * that number and an offset: see frame.h. A library is a file here: if it is opened again, at
 * whatever address, it has the same number, and the same code gives the same frames. Two files are
 * one library if their build IDs and their layouts are the same; without a build ID, if
 * /proc/self/maps has the same path and inode for both.
 *
 * There are numbers for 65,534 libraries. A library beyond them, or beyond the memory limit, is
 * HP_MODULE_UNKNOWN. */
#pragma once
#include "base/view.h"
#include "process/frame.h"
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HP_MODULE_PERMANENT = 0,    /* loaded at start, or not in a library at all */
	HP_MODULE_UNKNOWN = 0xffff, /* a library without a number */
	HP_BUILD_ID_MAX = 32,
};

/* The addresses of a numbered module are those where it was first seen. */
struct hp_module {
	uintptr_t start, end;                        /* of all its segments */
	uintptr_t code_start, code_end, code_offset; /* its executable segment, as maps shows it */
	size_t build_id_size;                        /* 0: it has none */
	uint8_t build_id[HP_BUILD_ID_MAX];
	bool has_heapprof;     /* it contains a copy of this library: see the note in interpose.c */
	uintptr_t code_before; /* bytes of code of all libraries with a lower number, with a gap
				  before each: readers join mappings that touch */
	uint64_t file_id;      /* of its device and inode, if it has no build ID; otherwise 0 */
	bool is_deleted;       /* see hp_modules_note_deleted() */
	const char *path;      /* in our own memory, never NULL */
};

/* Notes the modules that are loaded now. Call once, at start. */
void hp_modules_init(void);

/* Returns the place (see places.h) of the instruction at `ip`, in the library that `object`
 * describes, and stores its frame. Call it while that code is on the calling thread's stack: that
 * keeps it mapped. Another range may have the place when this returns; the frame stays right. Any
 * thread, from within a hook; may allocate: no. */
uint16_t hp_modules_identify(const struct dl_find_object *object, uintptr_t ip,
			     uint64_t *out_frame);

/* Returns the epoch, which changes whenever a library may have been unmapped. Data derived from an
 * address of a library that is not permanent holds only in the epoch in which it was derived.
 * Returns 0 while a library is being closed: then such data holds in no epoch. Any thread;
 * signal-safe: yes; may allocate: no. */
uint32_t hp_modules_epoch(void);

/* Call these around dlclose(). */
void hp_modules_unload_begin(void);
void hp_modules_unload_end(void);

/* Returns how many libraries have numbers, in addition to the permanent modules: numbers 1 to
 * this. */
size_t hp_modules_n_numbered(void);

/* Returns the library with this number, or NULL if there is none. It lives as long as the
 * process. */
const struct hp_module *hp_modules_get(uint16_t number);

/* The permanent modules, for build IDs: 0 to n - 1. The program is the first. */
size_t hp_modules_n_permanent(void);
const struct hp_module *hp_modules_get_permanent(size_t i);

/* Notes a mapping of code at `start` whose path in /proc/self/maps ends in " (deleted)". A library
 * without a build ID that has a place there is marked as deleted, because nothing else
 * distinguishes it from the file that has its path now. */
void hp_modules_note_deleted(uintptr_t start, const char *path, size_t path_size);

/* In a fork child: releases the locks. */
void hp_modules_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_modules_view[17];
