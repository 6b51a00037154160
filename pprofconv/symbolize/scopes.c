/* SPDX-License-Identifier: MIT */
/* The tree is walked in the order in which it lies in the file. libdw's own step to a sibling skips
 * over children, which costs a second reading of them when the producer wrote no DW_AT_sibling (as
 * clang), and never ends when that attribute points backwards. Asked only of DIEs that have no
 * children, it does neither: each DIE is read once and addresses only rise. */
#include "symbolize/scopes.h"

#include <dwarf.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#define RANGES_MAX 1000000 /* of one DIE; lists may overlap each other in the file */

struct walk {
	struct scopes *scopes;
	const struct object *code;
	Dwarf_Die die;
	const uint8_t *end;   /* of the unit */
	VEC(uint32_t) around; /* for each open parent, the scope that its children are in */
	uint32_t scope;       /* that is being added */
};

/* Linkers leave ranges of functions that they threw away, at 0 or at another place without code.
 */
int scope_ranges(Dwarf_Die *die, const struct object *code,
		 int (*add)(void *opaque, uint64_t low, uint64_t high), void *opaque)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;
	int n = 0;

	while (n < RANGES_MAX && (at = dwarf_ranges(die, at, &base, &low, &high)) > 0) {
		int r = object_is_code(code, low) ? add(opaque, low, high) : 0;

		if (r)
			return r;
		n++;
	}
	return n;
}

static int add_range(void *opaque, uint64_t low, uint64_t high)
{
	struct walk *walk = opaque;

	return rangemap_add(&walk->scopes->map, low, high, (uint32_t)walk->around.n, walk->scope);
}

/* The scope that children of this DIE are in; *out_scope is that around it, unless it is one. */
static int add_scope(struct walk *walk, uint32_t *out_scope)
{
	int tag = dwarf_tag(&walk->die);
	uint32_t outer = walk->around.n ? walk->around.items[walk->around.n - 1] : RANGEMAP_NONE;
	struct scope scope = {.die = walk->die, .outer = outer};
	int n;

	*out_scope = outer;
	if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine)
		return 0;
	if (tag == DW_TAG_subprogram)
		*out_scope = scope.outer = RANGEMAP_NONE;
	if (!dwarf_hasattr(&walk->die, DW_AT_low_pc) && !dwarf_hasattr(&walk->die, DW_AT_ranges))
		return 0;
	walk->scope = (uint32_t)walk->scopes->items.n;
	if (walk->scope == RANGEMAP_NONE - 1)
		return 0;
	n = scope_ranges(&walk->die, walk->code, add_range, walk);
	if (n <= 0)
		return n;
	*out_scope = walk->scope;
	return vec_push(&walk->scopes->items, scope);
}

static void move_to(struct walk *walk, const uint8_t *address)
{
	struct Dwarf_CU *cu = walk->die.cu;

	memset(&walk->die, 0, sizeof(walk->die));
	walk->die.addr = (void *)address;
	walk->die.cu = cu;
}

/* Steps from the last child of a DIE to what follows its parent: `address` is that of the zero byte
 * that ends the children. False at the end of the unit. */
static bool leave_parents(struct walk *walk, const uint8_t *address)
{
	while (address < walk->end && *address == 0) {
		address++;
		if (walk->around.n <= 1)
			return false;
		walk->around.n--;
	}
	if (address >= walk->end)
		return false;
	move_to(walk, address);
	return true;
}

/* Steps to the next DIE, which is in `scope` if it is a child. 0, -ENOMEM, or 1 at the end. */
static int step(struct walk *walk, uint32_t scope)
{
	const uint8_t *here = walk->die.addr;
	Dwarf_Die next = {0};
	int r = dwarf_child(&walk->die, &next);

	if (r == 0) {
		if (vec_push(&walk->around, scope))
			return -ENOMEM;
		walk->die = next;
		return 0;
	}
	if (r > 0)
		r = dwarf_siblingof(&walk->die, &next);
	if (r < 0 || !next.addr || (const uint8_t *)next.addr <= here)
		return 1;
	if (r > 0)
		return leave_parents(walk, next.addr) ? 0 : 1;
	walk->die = next;
	return 0;
}

static int walk_unit(struct walk *walk)
{
	uint32_t scope;
	int r;

	do {
		r = add_scope(walk, &scope);
		if (!r)
			r = step(walk, scope);
	} while (!r);
	return r < 0 ? r : 0;
}

/* The first byte behind the unit. */
static const uint8_t *end_of_unit(Dwarf_Die *unit)
{
	Dwarf_Off start = dwarf_dieoffset(unit) - dwarf_cuoffset(unit), next;
	size_t header_size;
	Dwarf *dwarf = dwarf_cu_getdwarf(unit->cu);

	if (dwarf_nextcu(dwarf, start, &next, &header_size, NULL, NULL, NULL))
		return unit->addr;
	return (const uint8_t *)unit->addr + (next - start - dwarf_cuoffset(unit));
}

int scopes_read(struct scopes *scopes, Dwarf_Die *unit, const struct object *code)
{
	struct walk walk = {
		.scopes = scopes,
		.code = code,
		.die = *unit,
		.end = end_of_unit(unit),
	};
	int r = walk_unit(&walk);

	vec_deinit(&walk.around);
	return r ? r : rangemap_build(&scopes->map);
}

void scopes_deinit(struct scopes *scopes)
{
	vec_deinit(&scopes->items);
	rangemap_deinit(&scopes->map);
}
