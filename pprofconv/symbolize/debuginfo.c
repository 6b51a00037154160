/* SPDX-License-Identifier: MIT */
/* The ranges of units are read from the units themselves, because clang writes no .debug_aranges,
 * and those of other compilers can't be trusted. The functions of a unit are read when an address
 * in the unit is first looked up; later look-ups are binary searches. */
#include "symbolize/debuginfo.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>

#include "model/profile.h"
#include "symbolize/dwarf_attr.h"
#include "symbolize/function_ranges.h"
#include "symbolize/qualified_name.h"

/* The most functions that are listed at one address. If there are more, the outer ones are left
 * out, and the last frame has only the place of the call. */
#define INLINED_MAX (LOCATION_LINES_MAX - 1)

struct unit {
	Dwarf_Die die;   /* the unit in the file itself, with the lines */
	Dwarf_Die split; /* the unit with the functions: `die`, or one in a .dwo file */
	const char *directory;
	struct function_ranges scopes;
	bool is_loaded;
	bool is_mangled;
};

struct debuginfo {
	Dwarf *dwarf;
	Dwarf *alternate;
	struct scope_limits limits;
	VEC(struct unit) units;
	struct rangemap map; /* to units */
	struct qualified_name qualify;
	uint32_t n_lost_units; /* units that were needed, whose .dwo files are missing */
};

static bool is_mangled_language(Dwarf_Die *die)
{
	switch (dwarf_srclang(die)) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case DW_LANG_Mips_Assembler:
		return false;
	default:
		return true;
	}
}

/* Finds the .dwo file of a split unit. If it is missing, the unit has no functions, but still its
 * lines. */
static void find_split(struct debuginfo *info, struct unit *unit)
{
	Dwarf_Die split = {0};
	uint8_t type = 0;

	unit->split = unit->die;
	if (dwarf_cu_info(unit->die.cu, NULL, &type, NULL, &split, NULL, NULL, NULL))
		return;
	if (type == DW_UT_skeleton && split.addr)
		unit->split = split;
	info->n_lost_units += type == DW_UT_skeleton && !split.addr;
}

static int load_unit(struct debuginfo *info, struct unit *unit)
{
	if (unit->is_loaded)
		return 0;
	unit->is_loaded = true;
	find_split(info, unit);
	unit->is_mangled = is_mangled_language(&unit->split);
	unit->directory = dwarf_attr_string(&unit->die, DW_AT_comp_dir);
	return function_ranges_read(&unit->scopes, &unit->split, &info->limits);
}

static int add_unit_range(void *opaque, uint64_t low, uint64_t high)
{
	struct debuginfo *info = opaque;

	return rangemap_add(&info->map, low, high, 0, (uint32_t)info->units.n - 1);
}

/* Adds the ranges of the unit's functions as the ranges of the unit, which itself does not say
 * where its code is. */
static int add_function_ranges(struct debuginfo *info, struct unit *unit)
{
	int r = load_unit(info, unit);

	for (size_t i = 0; !r && i < unit->scopes.map.pieces.n; i++) {
		const struct rangemap_piece *piece = &unit->scopes.map.pieces.items[i];

		if (piece->id != RANGEMAP_NONE && i + 1 < unit->scopes.map.pieces.n)
			r = add_unit_range(info, piece->start, piece[1].start);
	}
	return r;
}

static int add_unit(struct debuginfo *info, const Dwarf_Die *die)
{
	struct unit *unit;
	int n;

	if (info->units.n >= RANGEMAP_NONE - 1)
		return 0;
	if (vec_push(&info->units, (struct unit){.die = *die}))
		return -ENOMEM;
	unit = &info->units.items[info->units.n - 1];
	n = scope_ranges(&unit->die, &info->limits, add_unit_range, info);
	if (n)
		return n < 0 ? n : 0;
	return add_function_ranges(info, unit);
}

static int read_units(struct debuginfo *info)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type;
	int r = 0;

	while (!r && dwarf_get_units(info->dwarf, cu, &cu, NULL, &type, &die, NULL) == 0) {
		int tag = dwarf_tag(&die);

		/* Other units, such as those that several files share, have no code. */
		if (tag == DW_TAG_compile_unit || tag == DW_TAG_skeleton_unit)
			r = add_unit(info, &die);
	}
	return r ? r : rangemap_build(&info->map);
}

static int open_dwarf(struct debuginfo *info, const struct object *object,
		      const struct object *alternate)
{
	info->dwarf = dwarf_begin_elf(object->elf, DWARF_C_READ, NULL);
	if (!info->dwarf)
		return DEBUGINFO_E_NONE;
	if (alternate) {
		info->alternate = dwarf_begin_elf(alternate->elf, DWARF_C_READ, NULL);
		if (info->alternate)
			dwarf_setalt(info->dwarf, info->alternate);
	}
	return 0;
}

int debuginfo_open(const struct object *dwarf_object, const struct object *code,
		   const struct object *alternate, struct debuginfo **out_info)
{
	_cleanup_(debuginfo_closep) struct debuginfo *info = calloc(1, sizeof(*info));
	int r;

	if (!info)
		return -ENOMEM;
	info->limits = (struct scope_limits){.code = code, .ranges_left = SCOPE_RANGES_MAX};
	r = open_dwarf(info, dwarf_object, alternate);
	if (!r)
		r = read_units(info);
	if (r)
		return r;
	*out_info = info;
	info = NULL;
	return 0;
}

/* Sets the frame's file, line and column to those of the code at the address. */
static void find_line(struct unit *unit, uint64_t address, struct frame *frame)
{
	Dwarf_Line *row = dwarf_getsrc_die(&unit->die, address);
	int number = 0;

	if (!row)
		return;
	frame->file = dwarf_linesrc(row, NULL, NULL);
	frame->directory = unit->directory;
	if (dwarf_lineno(row, &number) == 0 && number > 0)
		frame->line = number;
	if (dwarf_linecol(row, &number) == 0 && number > 0)
		frame->column = number;
}

/* Sets the file, line and column of `frame`, the frame of the caller, to those of the call of the
 * inlined function. */
static void find_call(struct unit *unit, Dwarf_Die *inlined, struct frame *frame)
{
	Dwarf_Files *files;
	size_t n;
	uint32_t file = dwarf_attr_number(inlined, DW_AT_call_file);

	if (dwarf_getsrcfiles(&unit->die, &files, &n) == 0 && file < n)
		frame->file = dwarf_filesrc(files, file, NULL, NULL);
	frame->directory = unit->directory;
	frame->line = dwarf_attr_number(inlined, DW_AT_call_line);
	frame->column = dwarf_attr_number(inlined, DW_AT_call_column);
}

static int find_function(struct debuginfo *info, const struct unit *unit, Dwarf_Die *die,
			 struct frame *frame)
{
	frame->linkage_name = dwarf_attr_linkage_name(die);
	frame->name = dwarf_attr_string(die, DW_AT_name);
	frame->start_line = dwarf_attr_number(die, DW_AT_decl_line);
	frame->is_mangled = unit->is_mangled;
	if (frame->linkage_name || !unit->is_mangled)
		return 0;
	return qualified_name_of(&info->qualify, die, &frame->qualified_name);
}

static int find_in_unit(struct debuginfo *info, struct unit *unit, uint64_t address,
			frame_list *frames)
{
	struct frame frame = {0};
	uint32_t scope = rangemap_find(&unit->scopes.map, address);
	size_t n_before = frames->n;
	int r;

	find_line(unit, address, &frame);
	while (scope != RANGEMAP_NONE && frames->n - n_before < INLINED_MAX) {
		struct scope *found = &unit->scopes.items.items[scope];

		r = find_function(info, unit, &found->die, &frame);
		if (!r)
			r = vec_push(frames, frame);
		if (r)
			return r;
		if (found->outer == RANGEMAP_NONE)
			return 0;
		frame = (struct frame){0};
		find_call(unit, &found->die, &frame);
		scope = found->outer;
	}
	return frame.file ? vec_push(frames, frame) : 0;
}

int debuginfo_find(struct debuginfo *info, uint64_t address, frame_list *frames)
{
	uint32_t found = rangemap_find(&info->map, address);
	int r;

	if (found == RANGEMAP_NONE)
		return 0;
	r = load_unit(info, &info->units.items[found]);
	return r ? r : find_in_unit(info, &info->units.items[found], address, frames);
}

void debuginfo_close(struct debuginfo *info)
{
	if (!info)
		return;
	vec_foreach (unit, &info->units)
		function_ranges_deinit(&unit->scopes);
	vec_deinit(&info->units);
	rangemap_deinit(&info->map);
	qualified_name_deinit(&info->qualify);
	dwarf_end(info->dwarf);
	dwarf_end(info->alternate);
	free(info);
}

uint32_t debuginfo_count_lost_units(const struct debuginfo *info)
{
	return info ? info->n_lost_units : 0;
}
