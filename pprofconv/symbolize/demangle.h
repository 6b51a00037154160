/* SPDX-License-Identifier: MIT */
/* Turns the names of symbol tables into names for people: C++ and Rust (both of its manglings). */
#pragma once

enum demangle_style {
	DEMANGLE_SHORT, /* without parameters and return type, with template arguments */
	DEMANGLE_FULL,  /* all that the name says */
	DEMANGLE_NONE,
};

/* The name for people of `symbol`, to be freed; NULL if that is the symbol itself, or if memory is
 * out. Names that are mangled into more than 64 KiB, or from more than 4 KiB, stay as they are.
 *
 * DEMANGLE_SHORT also takes away what compilers append to the names of the pieces and copies that
 * they make of one function (.cold, .constprop.0, ...), also from names that are not mangled. */
char *demangle(const char *symbol, enum demangle_style style);
