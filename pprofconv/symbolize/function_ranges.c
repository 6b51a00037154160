/* SPDX-License-Identifier: MIT */
#include "symbolize/function_ranges.h"

#include <assert.h>
#include <dwarf.h>
#include <errno.h>

#include "symbolize/die_walk.h"

struct reading {
	struct function_ranges *scopes;
	struct scope_limits *limits;
	VEC(uint32_t) around; /* the scopes of the current DIE's parents and of itself, by depth */
	uint32_t scope;       /* the scope that is being added */
};

/* Ranges without code are skipped. For functions that it discarded, a linker leaves ranges at 0 or
 * at another place without code. */
int scope_ranges(Dwarf_Die *die, struct scope_limits *limits,
		 int (*add)(void *opaque, uint64_t low, uint64_t high), void *opaque)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;
	int n = 0;

	while (limits->ranges_left && (at = dwarf_ranges(die, at, &base, &low, &high)) > 0) {
		int r = object_is_code(limits->code, low) ? add(opaque, low, high) : 0;

		if (r)
			return r;
		limits->ranges_left--;
		n++;
	}
	return n;
}

static int add_range(void *opaque, uint64_t low, uint64_t high)
{
	struct reading *reading = opaque;
	uint32_t depth = (uint32_t)reading->around.n;

	return rangemap_add(&reading->scopes->map, low, high, depth, reading->scope);
}

/* Adds a scope for a DIE, if it is a function with code. `outer` is the scope around the DIE. Sets
 * *out_scope to the scope around its children. */
static int add_scope(struct reading *reading, Dwarf_Die *die, uint32_t outer, uint32_t *out_scope)
{
	int tag = dwarf_tag(die), n;

	*out_scope = outer;
	if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine)
		return 0;
	if (tag == DW_TAG_subprogram)
		*out_scope = outer = RANGEMAP_NONE;
	if (!dwarf_hasattr(die, DW_AT_low_pc) && !dwarf_hasattr(die, DW_AT_ranges))
		return 0;
	reading->scope = (uint32_t)reading->scopes->items.n;
	if (reading->scope == RANGEMAP_NONE - 1)
		return 0;
	n = scope_ranges(die, reading->limits, add_range, reading);
	if (n <= 0)
		return n;
	*out_scope = reading->scope;
	return vec_push(&reading->scopes->items, (struct scope){.die = *die, .outer = outer});
}

static int add_die(struct reading *reading, struct die_walk *walk)
{
	uint32_t scope = RANGEMAP_NONE;
	int r;

	assert(walk->depth <= reading->around.n);
	if (walk->depth)
		scope = reading->around.items[walk->depth - 1];
	reading->around.n = walk->depth;
	r = add_scope(reading, &walk->die, scope, &scope);
	return r ? r : vec_push(&reading->around, scope);
}

int function_ranges_read(struct function_ranges *scopes, Dwarf_Die *unit,
			 struct scope_limits *limits)
{
	struct reading reading = {.scopes = scopes, .limits = limits};
	struct die_walk walk = die_walk_start(unit);
	int r;

	do
		r = add_die(&reading, &walk);
	while (!r && die_walk_next(&walk));
	vec_deinit(&reading.around);
	return r ? r : rangemap_build(&scopes->map);
}

void function_ranges_deinit(struct function_ranges *scopes)
{
	vec_deinit(&scopes->items);
	rangemap_deinit(&scopes->map);
}
