/* SPDX-License-Identifier: MIT */
/* A DIE has no pointer to its parent, so the first look-up in a unit lists all DIEs that can
 * contain a function, the containers. Containers nest: a DIE is in the last container that starts
 * before the DIE, or in a container around that one, or in none. */
#include "symbolize/qualified_name.h"

#include <dwarf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "symbolize/demangle.h"
#include "symbolize/die_walk.h"
#include "symbolize/dwarf_attr.h"

#define NONE           UINT32_MAX
#define ORIGINS_MAX    16   /* steps from a copy of a function to its declaration */
#define NAME_BYTES_MAX 1024 /* a longer name would help nobody, and is not made */
#define PARTS_MAX      64

struct container {
	Dwarf_Die die;
	const uint8_t *end; /* the end of its contents */
	uint32_t outer;
	uint32_t depth;
};

struct qualify_unit {
	Dwarf_CU *cu;
	VEC(struct container) containers; /* by address */
};

struct parts { /* the parts of a name, the innermost first */
	const char *items[PARTS_MAX];
	size_t n;
	char *owned; /* the last item, if it was demangled */
};

static bool is_container(Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_namespace:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_subprogram:
		return true;
	default:
		return false;
	}
}

/* Sets the ends of the open containers that the DIE at `address` is not in, from the innermost,
 * `open`, outward. Returns the innermost container that stays open, or NONE. */
static uint32_t close_containers(struct qualify_unit *unit, uint32_t open, size_t depth,
				 const uint8_t *address)
{
	while (open != NONE && unit->containers.items[open].depth >= depth) {
		unit->containers.items[open].end = address;
		open = unit->containers.items[open].outer;
	}
	return open;
}

static int read_unit(struct qualify_unit *unit, Dwarf_Die *unit_die)
{
	struct die_walk walk = die_walk_start(unit_die);
	uint32_t open = NONE;

	while (die_walk_next(&walk) && unit->containers.n < NONE) {
		struct container container = {.die = walk.die, .depth = (uint32_t)walk.depth};

		open = close_containers(unit, open, walk.depth, walk.die.addr);
		if (!is_container(&walk.die))
			continue;
		container.outer = open;
		open = (uint32_t)unit->containers.n;
		if (vec_push(&unit->containers, container))
			return -ENOMEM;
	}
	close_containers(unit, open, 0, walk.end);
	return 0;
}

static int add_unit(struct qualified_name *qualify, Dwarf_CU *cu, struct qualify_unit **out_unit)
{
	uint32_t number = (uint32_t)qualify->units.n;
	Dwarf_Die die;
	int r;

	r = vec_push(&qualify->units, (struct qualify_unit){.cu = cu});
	if (!r)
		r = index_insert(&qualify->by_cu, hash_mix((uintptr_t)cu, 0), number);
	if (!r && dwarf_cu_die(cu, &die, NULL, NULL, NULL, NULL, NULL, NULL))
		r = read_unit(&qualify->units.items[number], &die);
	if (!r)
		*out_unit = &qualify->units.items[number];
	return r;
}

static int get_unit(struct qualified_name *qualify, Dwarf_CU *cu, struct qualify_unit **out_unit)
{
	struct index_walk walk = index_walk(&qualify->by_cu, hash_mix((uintptr_t)cu, 0));
	uint32_t number;

	while (index_next(&walk, &number)) {
		if (qualify->units.items[number].cu == cu) {
			*out_unit = &qualify->units.items[number];
			return 0;
		}
	}
	return add_unit(qualify, cu, out_unit);
}

/* Returns the innermost container around the DIE at `address`, or NONE. */
static uint32_t find_container(const struct qualify_unit *unit, const uint8_t *address)
{
	size_t low = 0, high = unit->containers.n;
	uint32_t found;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if ((const uint8_t *)unit->containers.items[middle].die.addr < address)
			low = middle + 1;
		else
			high = middle;
	}
	found = low ? (uint32_t)low - 1 : NONE;
	while (found != NONE && unit->containers.items[found].end <= address)
		found = unit->containers.items[found].outer;
	return found;
}

/* Returns the declaration of a function, from a copy or a definition of it. */
static Dwarf_Die declaration_of(const Dwarf_Die *function)
{
	Dwarf_Die die = *function, origin;
	Dwarf_Attribute attribute;

	for (int i = 0; i < ORIGINS_MAX; i++) {
		if (!dwarf_attr(&die, DW_AT_abstract_origin, &attribute) &&
		    !dwarf_attr(&die, DW_AT_specification, &attribute))
			break;
		if (!dwarf_formref_die(&attribute, &origin))
			break;
		die = origin;
	}
	return die;
}

/* Returns the text that takes the place of a container without a name. `inner` is the name of the
 * part inside the container. */
static const char *unnamed(Dwarf_Die *container, const char *inner)
{
	if (dwarf_tag(container) == DW_TAG_namespace)
		return "(anonymous namespace)";
	return strncmp(inner, "operator()", 10) == 0 ? "{lambda}" : "(anonymous)";
}

/* Adds the name of one container. Returns true if the containers around it must be added too;
 * returns false if the whole name is complete, because the container had a mangled name, which
 * includes them. */
static bool add_part(struct parts *parts, Dwarf_Die *container)
{
	bool is_function = dwarf_tag(container) == DW_TAG_subprogram;
	const char *linkage_name = is_function ? dwarf_attr_linkage_name(container) : NULL;
	const char *name = dwarf_attr_string(container, DW_AT_name);

	if (linkage_name) {
		parts->owned = demangle(linkage_name, DEMANGLE_SHORT);
		name = parts->owned ? parts->owned : linkage_name;
	} else if (!name) {
		name = unnamed(container, parts->items[parts->n - 1]);
	}
	parts->items[parts->n++] = name;
	return !linkage_name;
}

static int join(struct strtab *names, const struct parts *parts, const char **out_name)
{
	char text[NAME_BYTES_MAX];
	size_t size = 0;
	uint32_t number;
	int r;

	for (size_t i = parts->n; i-- > 0;) {
		int n = snprintf(text + size, sizeof(text) - size, "%s%s", parts->items[i],
				 i ? "::" : "");

		size += n;
		if (n < 0 || size >= sizeof(text))
			return 0;
	}
	r = strtab_intern(names, text, size, &number);
	if (!r)
		*out_name = strtab_text(names, number);
	return r;
}

int qualified_name_of(struct qualified_name *qualify, Dwarf_Die *function, const char **out_name)
{
	Dwarf_Die declaration = declaration_of(function);
	struct parts parts = {.items = {dwarf_attr_string(function, DW_AT_name)}, .n = 1};
	struct qualify_unit *unit;
	uint32_t around;
	int r;

	*out_name = NULL;
	if (!parts.items[0])
		return 0;
	r = get_unit(qualify, declaration.cu, &unit);
	if (r)
		return r;
	around = find_container(unit, declaration.addr);
	while (around != NONE && parts.n < PARTS_MAX) {
		struct container *container = &unit->containers.items[around];

		around = add_part(&parts, &container->die) ? container->outer : NONE;
	}
	if (parts.n > 1 && around == NONE)
		r = join(&qualify->names, &parts, out_name);
	free(parts.owned);
	return r;
}

void qualified_name_deinit(struct qualified_name *qualify)
{
	vec_foreach (unit, &qualify->units)
		vec_deinit(&unit->containers);
	vec_deinit(&qualify->units);
	index_deinit(&qualify->by_cu);
	strtab_deinit(&qualify->names);
}
