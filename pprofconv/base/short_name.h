/* SPDX-License-Identifier: MIT */
/* A short name is the name of a function with dots in place of its long argument lists, such as
 * std::map<...>::operator[]. An argument list is the text in the brackets after a name: the
 * arguments of a template, of a generic type of Rust or Go, or the parameters of a function. */
#pragma once
#include <stddef.h>

/* Longer argument lists, in bytes, are replaced in the files and reports that we write. */
#define SHORT_NAME_LIST_MAX 16

/* Returns the name with "..." in place of each argument list that is longer than
 * SHORT_NAME_LIST_MAX. The caller frees the name. Returns NULL if no list is that long, or if
 * memory is out. A short name has no short name. */
char *short_name(const char *name);

/* Does the same with `dots` in place of each list that is longer than `list_max`. */
char *short_name_with(const char *name, size_t list_max, const char *dots);
