/* SPDX-License-Identifier: MIT */
/* A symbol here is a function outside of this library, as the loader knows it: a definition that
 * comes after ours in the order of look-ups, or the malloc of the allocator underneath. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Returns true if the C library's own constructor has run. Before that, call no function of the C
 * library. Any thread; signal-safe: yes; may allocate: no. */
bool hp_symbols_is_c_library_ready(void);

/* Returns the definition of `name` that comes after ours in the order of look-ups, or NULL if there
 * is none. Takes the loader's lock; may allocate: yes. */
void *hp_symbol_next(const char *name);

/* Sets which malloc is the allocator's underneath. Call it once. */
void hp_symbols_set_allocator(const void *function);

/* Returns true if `pc` is in the library or program that contains the function given to
 * hp_symbols_set_allocator(). Any thread; may allocate: no. Takes no lock. */
bool hp_symbols_is_allocators_code(uintptr_t pc);
