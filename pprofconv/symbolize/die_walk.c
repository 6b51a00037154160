/* SPDX-License-Identifier: MIT */
/* dwarf_siblingof(), libdw's step to the next sibling, skips over the children of a DIE. If the
 * compiler wrote no DW_AT_sibling, as clang doesn't, this reads the children a second time; if that
 * attribute points backwards, a walk never ends. die_walk_next() calls it only for DIEs without
 * children, so each DIE is read once and addresses only increase. */
#include "symbolize/die_walk.h"

#include <string.h>

/* Returns the first byte after the unit. */
static const uint8_t *end_of_unit(Dwarf_Die *unit)
{
	Dwarf_Off start = dwarf_dieoffset(unit) - dwarf_cuoffset(unit), next;
	size_t header_size;
	Dwarf *dwarf = dwarf_cu_getdwarf(unit->cu);

	if (dwarf_nextcu(dwarf, start, &next, &header_size, NULL, NULL, NULL))
		return unit->addr;
	return (const uint8_t *)unit->addr + (next - start - dwarf_cuoffset(unit));
}

struct die_walk die_walk_start(Dwarf_Die *unit)
{
	return (struct die_walk){.die = *unit, .end = end_of_unit(unit)};
}

/* Steps from the last child of a DIE to the DIE after its parent. `address` points to the zero byte
 * that ends the children. Returns false at the end of the unit. */
static bool leave_parents(struct die_walk *walk, const uint8_t *address)
{
	struct Dwarf_CU *cu = walk->die.cu;

	while (address < walk->end && *address == 0) {
		address++;
		if (walk->depth <= 1)
			return false;
		walk->depth--;
	}
	if (address >= walk->end)
		return false;
	memset(&walk->die, 0, sizeof(walk->die));
	walk->die.addr = (void *)address;
	walk->die.cu = cu;
	return true;
}

bool die_walk_next(struct die_walk *walk)
{
	const uint8_t *here = walk->die.addr;
	Dwarf_Die next = {0};
	int r = dwarf_child(&walk->die, &next);

	if (r == 0) {
		walk->depth++;
		walk->die = next;
		return true;
	}
	if (r > 0)
		r = dwarf_siblingof(&walk->die, &next);
	if (r < 0 || !next.addr || (const uint8_t *)next.addr <= here)
		return false;
	if (r > 0)
		return leave_parents(walk, next.addr);
	walk->die = next;
	return true;
}
