/* SPDX-License-Identifier: MIT */
/* The program and its libraries: which one an address belongs to, and which one it belonged to when
 * it was recorded.
 *
 * What is loaded at start stays for good. A library that is opened later may be closed again and
 * another take its addresses, so each such library gets a number, and a recorded address is that
 * number and an offset: see frame.h. A library is a file here: opened again, wherever that
 * may be, it has the same number, and the same code gives the same frames. Two files are one
 * library if their build IDs and their layouts are the same; without a build ID, if /proc/self/maps
 * has the same path and inode for both.
 *
 * There are numbers for 65,534 libraries. One beyond them, or beyond the memory limit, is
 * HP_MODULE_UNKNOWN. */
#pragma once
#include "base/view.h"
#include "process/frame.h"
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HP_MODULE_PERMANENT = 0,    /* loaded at start, or no library at all */
	HP_MODULE_UNKNOWN = 0xffff, /* a library without a number */
	HP_BUILD_ID_MAX = 32,
};

/* Addresses of a numbered one are those of the place where it was seen first. */
struct hp_module {
	uintptr_t start, end;                        /* of all its segments */
	uintptr_t code_start, code_end, code_offset; /* its executable segment, as maps shows it */
	size_t build_id_size;                        /* 0: it has none */
	uint8_t build_id[HP_BUILD_ID_MAX];
	bool has_heapprof;     /* a copy of this library is in it: see the note in interpose.c */
	uintptr_t code_before; /* bytes of code of all libraries with a lower number, with a gap
				  before each: readers join mappings that touch */
	uint64_t file_id;      /* of device and inode, where there is no build ID; else 0 */
	bool is_deleted;       /* see hp_modules_note_deleted() */
	const char *path;      /* in our own memory, never NULL */
};

/* Notes what is loaded now. Call once, at start. */
void hp_modules_init(void);

/* The place (see places.h) of the instruction at `ip`, in the library that `object` describes, and
 * its frame. To be called while that code is on the calling thread's stack: that is what keeps it
 * mapped. The place may have gone to another range when this returns; the frame stays right. Any
 * thread, from within a hook. */
uint16_t hp_modules_identify(const struct dl_find_object *object, uintptr_t ip,
			     uint64_t *out_frame);

/* Changes whenever a library may have gone: what was derived from an address of a library that is
 * not permanent holds only for the epoch it was derived in. 0 while one is going: nothing holds. */
uint32_t hp_modules_epoch(void);

/* To be called around dlclose(). */
void hp_modules_unload_begin(void);
void hp_modules_unload_end(void);

/* How many libraries were numbered, besides the permanent ones: numbers 1 to this. */
size_t hp_modules_n_numbered(void);

/* NULL if there is no such number. Lives as long as the process. */
const struct hp_module *hp_modules_get(uint16_t number);

/* The permanent ones, for build IDs: 0 to n - 1; the program is the first. */
size_t hp_modules_n_permanent(void);
const struct hp_module *hp_modules_get_permanent(size_t i);

/* To be told of a mapping of code whose path in /proc/self/maps ends in " (deleted)": a library
 * without a build ID that lies there is marked as deleted, for there is nothing else to tell it
 * from the file that has its path now. */
void hp_modules_note_deleted(uintptr_t start, const char *path, size_t path_size);

void hp_modules_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_modules_view[17];
