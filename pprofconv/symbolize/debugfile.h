/* SPDX-License-Identifier: MIT */
/* A debug file holds debug information that was split off a program or library. It is found by
 * build ID, .gnu_debuglink, .gnu_debugaltlink, and, only on request, from debuginfod servers. */
#pragma once
#include "symbolize/object.h"

struct debugfile_paths {
	const char *const *dirs; /* each has a .build-id folder or a tree like the system's */
	size_t n_dirs;
	const char *sysroot; /* prefix of every path of the system, or NULL */
	bool debuginfod;     /* also ask the servers in DEBUGINFOD_URLS */
};

/* Each function returns 0; DEBUGFILE_E_NONE if no file fits; -ENOMEM. The caller closes
 * *out_file. */
enum {
	DEBUGFILE_E_NONE = 1,
};

/* Finds the file with the DWARF, or at least the symbols, of `object`. */
int debugfile_find(const struct object *object, const struct debugfile_paths *paths,
		   struct object **out_file);

/* Finds the file with the DWARF that several files have in common (dwz). */
int debugfile_find_alternate(const struct object *object, const struct debugfile_paths *paths,
			     struct object **out_file);

/* Finds a program or library, or else its debug information, by its build ID alone. If `build_id`
 * is not lower-case hexadecimal, no file fits. */
int debugfile_find_program(const char *build_id, const struct debugfile_paths *paths,
			   struct object **out_file);
