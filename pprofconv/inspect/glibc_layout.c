/* SPDX-License-Identifier: MIT */
#include "inspect/glibc_layout.h"

static const struct glibc_layout layouts[] = {
	{35, 41, 0x30, true}, /* heap_info has the size of pages */
	{32, 34, 0x20, true}, /* links are mangled */
	{31, 31, 0x20, false},
};

const struct glibc_layout *glibc_layout_at(size_t i)
{
	return i < sizeof(layouts) / sizeof(layouts[0]) ? &layouts[i] : NULL;
}

const struct glibc_layout *glibc_layout_of(int minor)
{
	const struct glibc_layout *layout;

	for (size_t i = 0; (layout = glibc_layout_at(i)) != NULL; i++)
		if (minor >= layout->first_minor && minor <= layout->last_minor)
			return layout;
	return NULL;
}
