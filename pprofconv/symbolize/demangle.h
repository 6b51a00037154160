/* SPDX-License-Identifier: MIT */
/* Demangling turns the names in symbol tables into names for people. It supports C++ and both
 * manglings of Rust. */
#pragma once

enum demangle_style {
	DEMANGLE_SHORT, /* without parameters and return type, with template arguments */
	DEMANGLE_FULL,  /* everything in the name */
	DEMANGLE_NONE,
};

/* Returns the name for people of `symbol`, or NULL if this name is `symbol` itself or if memory is
 * out. The caller frees the name. A symbol that is longer than 4 KiB, or whose name would be longer
 * than 64 KiB, stays as it is.
 *
 * DEMANGLE_SHORT also removes the suffixes that compilers append to the names of the pieces and
 * copies that they make of one function (.cold, .constprop.0, ...), from unmangled names too. */
char *demangle(const char *symbol, enum demangle_style style);
