/* SPDX-License-Identifier: MIT */
/* A loaded object is the program or a library, as the loader has mapped it. It is found without a
 * lock: by _dl_find_object() where the C library has that (glibc 2.35 and newer), otherwise by
 * /proc/self/maps and the ELF header in memory. Any thread; signal-safe: yes; may allocate: no. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct hp_loaded {
	uintptr_t start, end;
	uintptr_t eh_frame_hdr; /* 0: it has no unwind table */
	const char *name; /* the loader's; empty if it is the program's, or not known. Valid as
			     long as the object is loaded */
};

/* Finds the object that contains the address. Returns false if there is none. */
bool hp_loaded_find(uintptr_t address, struct hp_loaded *out);

/* Same as hp_loaded_find(), but for a C library without _dl_find_object(). */
bool hp_loaded_find_in_maps(uintptr_t address, struct hp_loaded *out);
