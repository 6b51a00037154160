/* SPDX-License-Identifier: MIT */
/* What DIEs say of functions. An attribute that a DIE lacks is looked for in the one that it is a
 * copy of or the definition of, through other units too, for a bounded number of steps. */
#pragma once
#include <elfutils/libdw.h>
#include <stdint.h>

/* NULL if there is none. */
const char *dwarf_attr_string(Dwarf_Die *die, unsigned name);

/* 0 if there is none that fits. */
uint32_t dwarf_attr_number(Dwarf_Die *die, unsigned name);

/* The mangled name, or NULL. */
const char *dwarf_attr_linkage_name(Dwarf_Die *die);
