/* SPDX-License-Identifier: MIT */
/* An object is the program or a library, as the loader knows it; the caller names it by a function
 * in it. These functions ask the loader, which may take its lock and allocate. So call them at
 * start only, not on a hook's usual path. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns the name under which the object was loaded, or "?" if the function is in no object. */
const char *hp_object_name(const void *function);

/* Returns the path of the object as the loader has it, or "" for the program. Searches no
 * folders. */
const char *hp_object_path(const void *function);

/* Returns true if both functions are in the same object. */
bool hp_object_has_both(const void *a, const void *b);

/* Returns true if `function` is an entry of the program's PLT. If a program at fixed addresses
 * takes the address of a library's function, it gets the address of that entry, and so does
 * everybody else. A call to the entry still reaches the function. */
bool hp_object_is_stub(const void *function);

/* Returns true if the object contains a copy of this library. */
bool hp_object_has_heapprof(const void *function);

enum {
	HP_OBJECT_EXPORTS_MAX = 32 /* the number of exports in one call, at most */
};

struct hp_export {
	const char *name;
	const void *function;
};

/* Returns which of the names some loaded object refers to without defining them: bit i stands for
 * exports[i], and there are at most HP_OBJECT_EXPORTS_MAX exports. Only names that begin with "_Z",
 * as those of C++ do, are found. Returns all bits if the loader does not know our own object. Call
 * it while no library is being opened or closed. */
uint32_t hp_object_find_references(const struct hp_export *exports, size_t n_exports);

/* Hides these symbols of the object that contains this library: from now on, the loader skips them
 * in all look-ups. References that are already bound stay bound. Exports that the object does not
 * have, or whose name belongs to another function, are ignored. If the symbol table can't be
 * written, changes nothing and returns false. */
bool hp_object_hide(const struct hp_export *exports, size_t n_exports);
