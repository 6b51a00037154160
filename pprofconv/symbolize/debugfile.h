/* SPDX-License-Identifier: MIT */
/* Finds files with debug information that was split off: by build ID, .gnu_debuglink,
 * .gnu_debugaltlink, and, only if asked for, from debuginfod servers. */
#pragma once
#include "symbolize/object.h"

struct debugfile_paths {
	const char *const *dirs; /* with a .build-id folder, and trees like the system's */
	size_t n_dirs;
	const char *sysroot; /* put before every path of the system, or NULL */
	bool debuginfod;     /* ask the servers in DEBUGINFOD_URLS */
};

/* Each returns 0; DEBUGFILE_E_NONE if there is none that fits; -ENOMEM. */
enum {
	DEBUGFILE_E_NONE = 1,
};

/* The file with the DWARF, or at least the symbols, of `object`. */
int debugfile_find(const struct object *object, const struct debugfile_paths *paths,
		   struct object **out_file);

/* The file that holds what several files' DWARF has in common (dwz). */
int debugfile_find_alternate(const struct object *object, const struct debugfile_paths *paths,
			     struct object **out_file);

/* A program or library, or else its debug information, by nothing but its build ID; what is not
 * lower-case hexadecimal is none. */
int debugfile_find_program(const char *build_id, const struct debugfile_paths *paths,
			   struct object **out_file);
