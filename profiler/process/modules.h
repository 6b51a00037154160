/* SPDX-License-Identifier: MIT */
/* A module is the program or one of its libraries. These functions find the module to which an
 * address belongs, or to which it belonged when it was recorded.
 *
 * Modules that are loaded at start are permanent. A library that is opened later may be closed, and
 * another one may take its addresses. So each such library gets a number, and a recorded address
 * consists of that number and an offset: see frame.h. Here, a library is a file: if it is opened
 * again, at any address, it has the same number, and the same code gives the same frames. Two files
 * are the same library if their layouts are the same, and their build IDs; if they have no build
 * IDs, their paths and inodes in /proc/self/maps.
 *
 * There are numbers for 65,533 libraries. A library for which there is no number, or no memory
 * within the limit, is HP_MODULE_UNKNOWN. */
#pragma once
#include "base/view.h"
#include "process/frame.h"
#include "process/loaded.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HP_MODULE_PERMANENT = 0,    /* loaded at start, or an address that is in no library */
	HP_MODULE_UNKNOWN = 0xffff, /* a library without a number */
	HP_BUILD_ID_MAX = 32,
};

/* A numbered module has the addresses at which it was first seen. */
struct hp_module {
	uintptr_t start, end;                        /* from its first segment to its last */
	uintptr_t code_start, code_end, code_offset; /* the executable segment, as maps shows it */
	size_t build_id_size;                        /* 0: there is no build ID */
	uint8_t build_id[HP_BUILD_ID_MAX];
	bool has_heapprof;     /* it contains a copy of this library: see the note in interpose.c */
	uintptr_t code_before; /* code bytes of all libraries with a lower number, plus a gap before
				  each library, because readers of dumps join adjacent mappings */
	uint64_t file_id; /* made from its device and inode if it has no build ID; otherwise 0 */
	bool is_deleted;  /* see hp_modules_note_deleted() */
	const char *path; /* in our own memory, never NULL */
};

/* Notes modules that are loaded now as permanent. Call it once, at start. If this is not the start
 * of the program (`is_late`), some may have been opened by dlopen(): then only the program and the
 * libraries that it needs are permanent, directly or by others, since these can't be closed. */
void hp_modules_init(bool is_late);

/* Returns the place (see places.h) of the instruction at `ip`, which is in this object, and sets
 * *out_frame to its frame. The place is HP_PLACE_FIXED if the library is permanent, and
 * HP_PLACE_UNKNOWN if it can't be identified or given a place. Call it while that code is on the
 * calling thread's stack, which keeps the library mapped. By the time this returns, the place may
 * have been given to another range; the frame is still correct. Any thread, from within a hook; may
 * allocate: no. */
uint16_t hp_modules_identify(const struct hp_loaded *object, uintptr_t ip, uint64_t *out_frame);

/* Returns the epoch, a number that changes whenever a library may have been unmapped. Data derived
 * from an address in a library that is not permanent is valid only in the epoch in which it was
 * derived. While a library is being closed, this returns 0, and such data must not be kept. Any
 * thread; signal-safe: yes; may allocate: no. */
uint32_t hp_modules_epoch(void);

/* Call these two before and after dlclose(). */
void hp_modules_unload_begin(void);
void hp_modules_unload_end(void);

/* Returns n, the number of libraries that have numbers; these are 1 to n. Permanent modules are not
 * among them. */
size_t hp_modules_n_numbered(void);

/* Returns the library with this number, or NULL if there is none. It is valid as long as the
 * process lives. */
const struct hp_module *hp_modules_get(uint16_t number);

/* The number n of permanent modules, and the permanent modules themselves, 0 to n - 1. Dumps list
 * their build IDs. The program is module 0. */
size_t hp_modules_n_permanent(void);
const struct hp_module *hp_modules_get_permanent(size_t i);

/* Call it for a mapping of code at `start` whose path in /proc/self/maps ends in " (deleted)".
 * Marks the library that has that path and a place there as deleted, if it has no build ID: nothing
 * else distinguishes it from a newer file with the same path. */
void hp_modules_note_deleted(uintptr_t start, const char *path, size_t path_size);

/* Call it in a fork child. Releases the locks. */
void hp_modules_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_modules_view[17];
