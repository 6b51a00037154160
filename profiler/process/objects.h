/* SPDX-License-Identifier: MIT */
/* The loaded object, a library or the program, that a function is in. These ask the loader, which
 * may take its lock and allocate: for the start only, not from within a hook's usual path. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The name under which it was loaded; "?" if it is in none. */
const char *hp_object_name(const void *function);

/* Its path, without a search; "" for the program. */
const char *hp_object_path(const void *function);

/* True if both are in the same one. */
bool hp_object_has_both(const void *a, const void *b);

/* True for an entry of the program's PLT: that is what the address of a function is everywhere, if
 * a program at fixed addresses takes it. Calls go to the function all the same. */
bool hp_object_is_stub(const void *function);

/* True if a copy of this library is in the object. */
bool hp_object_has_heapprof(const void *function);

/* True if there is, or was, a namespace of libraries beside the program's: dlmopen() makes them,
 * and an auditing library has one from the start. Any thread, signal-safe; takes no lock. */
bool hp_object_is_namespace_open(void);

enum {
	HP_OBJECT_EXPORTS_MAX = 32 /* of one call */
};

struct hp_export {
	const char *name;
	const void *function;
};

/* Which of the names an object that is loaded now refers to without a definition of its own: bit i
 * for exports[i], at most HP_OBJECT_EXPORTS_MAX. While no library is opened or closed. */
uint32_t hp_object_find_references(const struct hp_export *exports, size_t n_exports);

/* Makes the loader skip symbols of the object that this library is in, in all look-ups from now
 * on; what is bound already stays bound. Skips those that the object doesn't export, or that are
 * another function's. False, and nothing is changed, if the table of symbols can't be written. */
bool hp_object_hide(const struct hp_export *exports, size_t n_exports);
