/* SPDX-License-Identifier: MIT */
/* What the loader knows of functions beyond this library: those that come after ours in the order
 * of look-ups, and where the allocator underneath lies. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Whether the C library has run its own constructor. Before that it must not be asked anything. Any
 * thread; signal-safe. */
bool hp_symbols_is_c_library_ready(void);

/* The definition of `name` that comes after ours, NULL if there is none. Takes the loader's lock,
 * and may allocate. */
void *hp_symbol_next(const char *name);

/* Says which malloc is underneath. Once. */
void hp_symbols_set_allocator(const void *function);

/* True for an address in the code of the library, or program, that this allocator is part of. Any
 * thread; takes no lock. */
bool hp_symbols_is_allocators_code(uintptr_t pc);
