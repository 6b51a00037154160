/* SPDX-License-Identifier: MIT */
/* The functions of symbol tables: .symtab, .dynsym, and the small table that distributions pack
 * into .gnu_debugdata. */
#pragma once
#include "symbolize/object.h"
#include "symbolize/rangemap.h"

struct symbol {
	const char *name; /* points into its object */
	uint64_t address;
	uint64_t size;  /* 0: not known */
	uint64_t limit; /* where its section ends */
	uint8_t rank;   /* of several at one address the one with the highest serves */
};

/* All zeroes is an empty table. */
struct symtab {
	VEC(struct symbol) symbols;
	struct rangemap map;
	struct object *minidebug; /* what was unpacked from .gnu_debugdata, or NULL */
};

/* Adds what `object` has: its .symtab; if it has none, .dynsym and .gnu_debugdata. A table that
 * can't be read counts as missing. The object must live longer than the table. 0 or -ENOMEM. */
int symtab_add(struct symtab *symtab, const struct object *object);

/* Makes the table ready for symtab_find(). 0 or -ENOMEM. */
int symtab_build(struct symtab *symtab);

/* The function at an address as linked, or NULL. One without a size reaches to the next symbol. */
const struct symbol *symtab_find(const struct symtab *symtab, uint64_t address);

void symtab_deinit(struct symtab *symtab);
