/* SPDX-License-Identifier: MIT */
/* A qualified name is the name of a C++ function with the scopes around it, such as
 * "main::{lambda}::operator()". It is needed for functions without a linkage name: functions in
 * anonymous namespaces, and lambdas in such functions, whose own name, "operator()", says
 * little. */
#pragma once
#include <elfutils/libdw.h>

#include "base/index.h"
#include "base/strtab.h"

struct qualify_unit;

/* All zeroes is a valid start. */
struct qualified_name {
	VEC(struct qualify_unit) units; /* the units that declare such functions */
	struct index by_cu;
	struct strtab names;
};

/* Sets *out_name to the name of a function with the namespaces, types and (demangled) functions
 * around it. The name is valid as long as `qualify`. Sets *out_name to NULL if nothing is around
 * the function, or if the name is missing or too long. Returns 0 or -ENOMEM. */
int qualified_name_of(struct qualified_name *qualify, Dwarf_Die *function, const char **out_name);

void qualified_name_deinit(struct qualified_name *qualify);
