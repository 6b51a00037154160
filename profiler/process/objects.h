/* SPDX-License-Identifier: MIT */
/* An object is the program or a library, as the loader knows it; here it is named by a function in
 * it. These functions ask the loader, which may take its lock and allocate: call them at start
 * only, not on the usual path of a hook. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns the name under which the object was loaded, or "?" if the function is in no object. */
const char *hp_object_name(const void *function);

/* Returns the path of the object, without a search; "" for the program. */
const char *hp_object_path(const void *function);

/* Returns true if both functions are in the same object. */
bool hp_object_has_both(const void *a, const void *b);

/* Returns true if `function` is an entry of the program's PLT. If a program at fixed addresses
 * takes the address of a function, that entry is its address everywhere. Calls to it reach the
 * function all the same. */
bool hp_object_is_stub(const void *function);

/* Returns true if the object contains a copy of this library. */
bool hp_object_has_heapprof(const void *function);

/* Returns true if there is, or was, a namespace of libraries in addition to the program's:
 * dlmopen() makes them, and an auditing library has one from the start. Any thread; signal-safe:
 * yes; may allocate: no. Takes no lock. */
bool hp_object_is_namespace_open(void);

enum {
	HP_OBJECT_EXPORTS_MAX = 32 /* in one call */
};

struct hp_export {
	const char *name;
	const void *function;
};

/* Returns which of the names are referred to by an object that is loaded now and does not define
 * them: bit i for exports[i], at most HP_OBJECT_EXPORTS_MAX. Returns all bits if the loader does
 * not know our own object. Call it while no library is being opened or closed. */
uint32_t hp_object_find_references(const struct hp_export *exports, size_t n_exports);

/* Makes the loader skip these symbols of the object that contains this library, in all look-ups
 * from now on; what is bound already stays bound. Exports that the object does not have, or that
 * name another function, are left out. Returns false, with nothing changed, if the symbol table
 * can't be written. */
bool hp_object_hide(const struct hp_export *exports, size_t n_exports);
