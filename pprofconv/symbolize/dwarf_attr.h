/* SPDX-License-Identifier: MIT */
/* These functions read attributes of the DIEs of functions. If a DIE lacks an attribute, they look
 * for it in the DIE that this DIE is a copy of, or the definition of, which may be in another unit.
 * The number of such steps is limited. */
#pragma once
#include <elfutils/libdw.h>
#include <stdint.h>

/* Returns the value of a string attribute, or NULL if there is none. */
const char *dwarf_attr_string(Dwarf_Die *die, unsigned name);

/* Returns the value of a number attribute, or 0 if there is none or it exceeds 32 bits. */
uint32_t dwarf_attr_number(Dwarf_Die *die, unsigned name);

/* Returns the mangled name, or NULL if there is none. */
const char *dwarf_attr_linkage_name(Dwarf_Die *die);
