/* SPDX-License-Identifier: MIT */
/* What DWARF says of an address: the function, the functions that were inlined there, and the
 * lines. */
#pragma once
#include "symbolize/object.h"

struct debuginfo;

/* One function that an address lies in. Strings are NULL where nothing is known, and good as long
 * as the debuginfo. */
struct frame {
	const char *linkage_name;   /* mangled, if the language mangles */
	const char *name;           /* without its namespaces */
	const char *qualified_name; /* with them, for people; only if there is no linkage name */
	const char *file;
	const char
		*directory; /* that `file` starts from if it is relative: where it was compiled */
	uint32_t line;      /* 0: not known */
	uint32_t column;
	uint32_t start_line; /* where the function is declared */
	bool is_mangled;     /* the language mangles, whether or not linkage_name is known */
};

typedef VEC(struct frame) frame_list;

/* Takes DWARF from `dwarf_object`; `code` is the file that holds the code, often the same one.
 * `alternate` is the file that .gnu_debugaltlink names, or NULL. All must outlive the result.
 * 0; DEBUGINFO_E_NONE if there is no DWARF or it can't be read; -ENOMEM. */
enum {
	DEBUGINFO_E_NONE = 1,
};
int debuginfo_open(const struct object *dwarf_object, const struct object *code,
		   const struct object *alternate, struct debuginfo **out_info);

/* Appends the frames at an address as linked, the innermost first: each with the line that it is
 * at, which for all but the first is the line of the call. Nothing is appended where nothing is
 * known; a frame without names where only the line is. 0 or -ENOMEM. */
int debuginfo_find(struct debuginfo *info, uint64_t address, frame_list *frames);

/* How many units, of those that were needed so far, have their functions in a .dwo file that is
 * missing: such functions come from symbols, without what is inlined. 0 for NULL. */
uint32_t debuginfo_count_lost_units(const struct debuginfo *info);

/* Takes NULL. */
void debuginfo_close(struct debuginfo *info);
DEFINE_CLEANUP(struct debuginfo *, debuginfo_close)
