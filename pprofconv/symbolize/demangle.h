/* SPDX-License-Identifier: MIT */
/* Demangling turns the names of symbol tables into names for people: C++ and Rust (both of its
 * manglings). */
#pragma once

enum demangle_style {
	DEMANGLE_SHORT, /* without parameters and return type, with template arguments */
	DEMANGLE_FULL,  /* everything in the name */
	DEMANGLE_NONE,
};

/* Returns the name for people of `symbol`, or NULL if that is the symbol itself, or if memory is
 * out. The caller frees it. Names that demangle to more than 64 KiB, or that are longer than 4 KiB,
 * stay as they are.
 *
 * DEMANGLE_SHORT also removes the suffixes that compilers append to the names of the pieces and
 * copies that they make of one function (.cold, .constprop.0, ...), from unmangled names too. */
char *demangle(const char *symbol, enum demangle_style style);
