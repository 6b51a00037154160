/* SPDX-License-Identifier: MIT */
/* These functions read attributes of the DIEs of functions. If a DIE lacks an attribute, they look
 * in the DIE that it is a copy or the definition of, also in other units, for a bounded number of
 * steps. */
#pragma once
#include <elfutils/libdw.h>
#include <stdint.h>

/* Returns the string, or NULL if there is none. */
const char *dwarf_attr_string(Dwarf_Die *die, unsigned name);

/* Returns the number, or 0 if there is none that fits. */
uint32_t dwarf_attr_number(Dwarf_Die *die, unsigned name);

/* Returns the mangled name, or NULL. */
const char *dwarf_attr_linkage_name(Dwarf_Die *die);
