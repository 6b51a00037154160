/* SPDX-License-Identifier: MIT */
#include "symbolize/dwarf_attr.h"

#include <dwarf.h>

const char *dwarf_attr_string(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;

	return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

uint32_t dwarf_attr_number(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	if (!dwarf_attr_integrate(die, name, &attribute) || dwarf_formudata(&attribute, &value) ||
	    value > UINT32_MAX)
		return 0;
	return (uint32_t)value;
}

const char *dwarf_attr_linkage_name(Dwarf_Die *die)
{
	const char *name = dwarf_attr_string(die, DW_AT_linkage_name);

	return name ? name : dwarf_attr_string(die, DW_AT_MIPS_linkage_name);
}
