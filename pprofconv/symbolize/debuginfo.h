/* SPDX-License-Identifier: MIT */
/* Debug information (DWARF) says which function an address belongs to, which functions were inlined
 * there, and which lines of source code they are at. */
#pragma once
#include "symbolize/object.h"

struct debuginfo;

/* A frame is one function that an address is in. Strings are NULL if not known, and valid as long
 * as the debuginfo. */
struct frame {
	const char *linkage_name;   /* mangled, if the language mangles */
	const char *name;           /* without its namespaces */
	const char *qualified_name; /* with namespaces; NULL if there is a linkage name */
	const char *file;
	const char *directory; /* of the compilation; `file` is relative to it unless absolute */
	uint32_t line;         /* 0: not known */
	uint32_t column;
	uint32_t start_line; /* of the function's declaration */
	bool is_mangled;     /* the language mangles, whether or not linkage_name is known */
};

typedef VEC(struct frame) frame_list;

/* Opens the DWARF in `dwarf_object`; `code` is the object that holds the code, often the same
 * object. `alternate` is the file that .gnu_debugaltlink names, or NULL. All must outlive the
 * result. Returns 0; DEBUGINFO_E_NONE if there is no DWARF or it can't be read; -ENOMEM. */
enum {
	DEBUGINFO_E_NONE = 1,
};
int debuginfo_open(const struct object *dwarf_object, const struct object *code,
		   const struct object *alternate, struct debuginfo **out_info);

/* Appends the frames at a linked address, the innermost first. The first frame has the line of the
 * address; every other frame has the line where it calls the frame before it. Appends nothing if
 * nothing is known, and a frame without names if only the line is known. Returns 0 or -ENOMEM. */
int debuginfo_find(struct debuginfo *info, uint64_t address, frame_list *frames);

/* Returns how many of the units that were needed so far have their functions in a .dwo file that is
 * missing. The names of such functions come from symbols, without inlined frames. Returns 0 for
 * NULL. */
uint32_t debuginfo_count_lost_units(const struct debuginfo *info);

/* Takes NULL. */
void debuginfo_close(struct debuginfo *info);
DEFINE_CLEANUP(struct debuginfo *, debuginfo_close)
