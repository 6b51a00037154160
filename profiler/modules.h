/* SPDX-License-Identifier: MIT */
/* The program and its libraries: which one an address belongs to, and which one it belonged to when
 * it was recorded.
 *
 * What is loaded at start stays for good. A library that is opened later may be closed again and
 * another take its addresses, so each such library gets a number, and a recorded address carries
 * the number of its library: see hp_frame_make(). The same library at the same place has the same
 * number again. */
#pragma once
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HP_MODULE_PERMANENT = 0, /* loaded at start, or no library at all */
	HP_MODULE_UNKNOWN = 0xffff,
	HP_BUILD_ID_MAX = 32,
};

struct hp_module {
	uintptr_t start, end;                        /* of all its segments */
	uintptr_t code_start, code_end, code_offset; /* its executable segment, as maps shows it */
	size_t build_id_size;                        /* 0: it has none */
	uint8_t build_id[HP_BUILD_ID_MAX];
	bool has_heapprof;     /* a copy of this library is in it: see the note in interpose.c */
	uintptr_t code_before; /* bytes of code of all libraries with a lower number, with a gap
				  before each: readers join mappings that touch */
	const char *path;      /* in our own memory, never NULL */
};

/* A frame is a return address, with the number of its module above the 48 bits of the address. */
static inline uint64_t hp_frame_make(uintptr_t pc, uint16_t module)
{
	return (uint64_t)module << 48 | (pc & 0xffffffffffff);
}

static inline uintptr_t hp_frame_pc(uint64_t frame)
{
	return frame & 0xffffffffffff;
}

static inline uint16_t hp_frame_module(uint64_t frame)
{
	return frame >> 48;
}

/* Notes what is loaded now. Call once, at start. */
void hp_modules_init(void);

/* The number of the library that `object` describes. To be called while code of it is on the
 * calling thread's stack: that is what keeps it mapped. Any thread, from within a hook. */
uint16_t hp_modules_identify(const struct dl_find_object *object);

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

void hp_modules_after_fork(void);
