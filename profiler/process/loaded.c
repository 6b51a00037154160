/* SPDX-License-Identifier: MIT */
#include "process/loaded.h"
#include "process/elf_image.h"
#include "process/maps.h"
#include <link.h>
#include <string.h>

/* As glibc 2.35 and newer have it in <dlfcn.h>. */
struct found_object {
	unsigned long long flags;
	void *map_start, *map_end;
	struct link_map *link_map;
	void *eh_frame;
	unsigned long long reserved[7];
};

extern int find_object(void *address, struct found_object *out) __asm__("_dl_find_object")
	__attribute__((weak));

struct search {
	uintptr_t address;
	uintptr_t start;  /* of the file's mappings so far */
	uintptr_t end;    /* of the last one */
	char path[4096];  /* of the file */
	size_t path_size; /* 0: the last mapping has none */
	bool is_found;
};

static bool is_same_file(const struct search *s, const struct hp_maps_entry *entry)
{
	return entry->path && entry->path_size == s->path_size &&
	       memcmp(entry->path, s->path, s->path_size) == 0;
}

static void begin_file(struct search *s, const struct hp_maps_entry *entry)
{
	s->start = entry->start;
	s->path_size = entry->path && entry->path_size < sizeof(s->path) ? entry->path_size : 0;
	if (s->path_size > 0)
		memcpy(s->path, entry->path, s->path_size);
}

/* The first mapping of an object begins with its ELF header, and its others follow in order. A
 * file that is loaded twice is next to itself only by chance; the end of the first object, which
 * its headers give, then shows that the address is not in it. */
static bool look_at(const struct hp_maps_entry *entry, void *context)
{
	struct search *s = context;

	if (!is_same_file(s, entry))
		begin_file(s, entry);
	s->is_found = s->address >= entry->start && s->address < entry->end && s->path_size > 0;
	return entry->end <= s->address;
}

bool hp_loaded_find_in_maps(uintptr_t address, struct hp_loaded *out)
{
	struct search s = {.address = address};
	struct hp_module image;

	hp_maps_visit(look_at, &s);
	if (!s.is_found || !hp_elf_image_read(s.start, &image) || address >= image.end)
		return false;
	*out = (struct hp_loaded){
		.start = image.start,
		.end = image.end,
		.eh_frame_hdr = hp_elf_image_unwind_table(s.start),
		.name = "",
	};
	return true;
}

bool hp_loaded_find(uintptr_t address, struct hp_loaded *out)
{
	struct found_object found;

	if (!find_object)
		return hp_loaded_find_in_maps(address, out);
	if (find_object((void *)address, &found) != 0)
		return false;
	*out = (struct hp_loaded){
		.start = (uintptr_t)found.map_start,
		.end = (uintptr_t)found.map_end,
		.eh_frame_hdr = (uintptr_t)found.eh_frame,
		.name = found.link_map ? found.link_map->l_name : "",
	};
	return true;
}
