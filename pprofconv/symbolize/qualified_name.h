/* SPDX-License-Identifier: MIT */
/* A qualified name is the name of a C++ function that has no linkage name, with the scopes around
 * it: functions in anonymous namespaces, and lambdas in such functions, have none. Their own
 * name, "operator()", says little; with the scopes that declare it, it is
 * "main::{lambda}::operator()". */
#pragma once
#include <elfutils/libdw.h>

#include "base/index.h"
#include "base/strtab.h"

struct qualify_unit;

/* All zeroes is an empty one. */
struct qualified_name {
	VEC(struct qualify_unit) units; /* that declare such functions */
	struct index by_cu;
	struct strtab names;
};

/* Sets *out_name to the name of a function with the namespaces, types and functions around it, the
 * latter demangled; valid as long as the object. NULL if there is nothing around it. Returns 0 or
 * -ENOMEM. */
int qualified_name_of(struct qualified_name *qualify, Dwarf_Die *function, const char **out_name);

void qualified_name_deinit(struct qualified_name *qualify);
