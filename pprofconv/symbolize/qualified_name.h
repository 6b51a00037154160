/* SPDX-License-Identifier: MIT */
/* Names of C++ functions that have no linkage name: what lies in anonymous namespaces, and lambdas
 * in such functions. Their own name, "operator()", says little; with what they are declared in it
 * is "main::{lambda}::operator()". */
#pragma once
#include <elfutils/libdw.h>

#include "base/index.h"
#include "base/strtab.h"

struct qualify_unit;

/* All zeroes is an empty one. */
struct qualified_name {
	VEC(struct qualify_unit) units; /* that such functions were declared in */
	struct index by_cu;
	struct strtab names;
};

/* The name of a function with its namespaces, types and functions around it, the last ones
 * demangled; good as long as the object. NULL if there are none. 0 or -ENOMEM. */
int qualified_name_of(struct qualified_name *qualify, Dwarf_Die *function, const char **out_name);

void qualified_name_deinit(struct qualified_name *qualify);
