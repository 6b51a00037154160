/* SPDX-License-Identifier: MIT */
/* A symtab holds the functions, or the variables, of symbol tables: .symtab, .dynsym, and the small
 * table that distributions pack into .gnu_debugdata. */
#pragma once
#include "symbolize/object.h"
#include "symbolize/rangemap.h"

struct symbol {
	const char *name; /* points into its object */
	uint64_t address;
	uint64_t size;  /* 0: not known */
	uint64_t limit; /* where its section ends */
	uint8_t rank;   /* of several symbols at one address, the highest rank wins */
};

/* All zeroes is an empty table, of functions. */
struct symtab {
	bool is_of_data; /* of variables */
	VEC(struct symbol) symbols;
	struct rangemap map;
	struct object *minidebug; /* unpacked from .gnu_debugdata, or NULL */
};

/* Adds the symbols of `object`: from its .symtab or, if it has none, from .dynsym and
 * .gnu_debugdata. A table that can't be read counts as missing. `object` must outlive the symtab.
 * Returns 0 or -ENOMEM. */
int symtab_add(struct symtab *symtab, const struct object *object);

/* Makes the table ready for symtab_find(). Returns 0 or -ENOMEM. */
int symtab_build(struct symtab *symtab);

/* Returns the symbol of the function or variable at a linked address, or NULL if there is none. A
 * symbol without a size extends to the next symbol of its section, or to the end of the section. */
const struct symbol *symtab_find(const struct symtab *symtab, uint64_t address);

void symtab_deinit(struct symtab *symtab);
