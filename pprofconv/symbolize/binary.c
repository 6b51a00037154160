/* SPDX-License-Identifier: MIT */
#include "symbolize/binary.h"

#include <errno.h>
#include <string.h>

static int find_debug_files(struct binary *binary, const struct debugfile_paths *paths)
{
	const struct object *with_dwarf = binary->object;
	int r = 0;

	if (!object_has_dwarf(binary->object))
		r = debugfile_find(binary->object, paths, &binary->debug);
	if (r < 0)
		return r;
	if (binary->debug)
		with_dwarf = binary->debug;
	r = debugfile_find_alternate(with_dwarf, paths, &binary->alternate);
	return r < 0 ? r : 0;
}

static int open_info(struct binary *binary)
{
	const struct object *with_dwarf = binary->debug ? binary->debug : binary->object;
	int r;

	if (!object_has_dwarf(with_dwarf))
		return 0;
	r = debuginfo_open(with_dwarf, binary->object, binary->alternate, &binary->info);
	return r < 0 ? r : 0;
}

static void close_descriptors(struct binary *binary)
{
	object_close_descriptor(binary->object);
	if (binary->debug)
		object_close_descriptor(binary->debug);
	if (binary->alternate)
		object_close_descriptor(binary->alternate);
}

int binary_new(struct object *object, const struct debugfile_paths *paths,
	       struct binary **out_binary)
{
	_cleanup_(binary_freep) struct binary *binary = calloc(1, sizeof(*binary));
	int r;

	if (!binary) {
		object_close(object);
		return -ENOMEM;
	}
	binary->object = object;
	r = find_debug_files(binary, paths);
	if (!r)
		r = open_info(binary);
	if (r)
		return r;
	close_descriptors(binary);
	*out_binary = binary;
	binary = NULL;
	return 0;
}

static int load_symtab(const struct binary *binary, struct symtab *symtab, bool *is_loaded)
{
	int r = 0;

	if (*is_loaded)
		return 0;
	*is_loaded = true;
	if (binary->debug)
		r = symtab_add(symtab, binary->debug);
	if (!r)
		r = symtab_add(symtab, binary->object);
	return r ? r : symtab_build(symtab);
}

static bool is_mangled(const char *name)
{
	return strncmp(name, "_Z", 2) == 0 || strncmp(name, "_R", 2) == 0;
}

/* Sets the frame's linkage name to the name of the symbol at the address, if there is a symbol. If
 * the frame has a name from DWARF, which lacks the namespaces, only a mangled symbol is used, since
 * any other symbol lacks them too. */
static void name_by_symbol(struct binary *binary, uint64_t address, struct frame *frame)
{
	const struct symbol *symbol = symtab_find(&binary->symtab, address);

	if (symbol && (!frame->name || is_mangled(symbol->name)))
		frame->linkage_name = symbol->name;
}

static int find_anew(struct binary *binary, uint64_t address, frame_list *frames)
{
	size_t n_before = frames->n;
	struct frame *outermost;
	int r = 0;

	if (binary->info)
		r = debuginfo_find(binary->info, address, frames);
	if (!r && frames->n == n_before)
		r = vec_push(frames, (struct frame){0});
	if (r)
		return r;
	outermost = &frames->items[frames->n - 1];
	if (!outermost->linkage_name && (!outermost->name || outermost->is_mangled)) {
		r = load_symtab(binary, &binary->symtab, &binary->has_symtab);
		name_by_symbol(binary, address, outermost);
	}
	if (!outermost->linkage_name && !outermost->name && !outermost->file)
		frames->n--;
	return r;
}

/* Keeps the frames from index `first` on, which were found at the address. */
static int keep(struct binary *binary, uint64_t address, const frame_list *frames, size_t first)
{
	struct binary_found found = {
		.first = (uint32_t)binary->kept_frames.n,
		.n = (uint32_t)(frames->n - first),
	};
	uint32_t number = (uint32_t)binary->kept.n;

	if (frames->n - first > UINT32_MAX - binary->kept_frames.n)
		return 0;
	if (vec_append(&binary->kept_frames, vec_from(frames, first), frames->n - first) ||
	    vec_push(&binary->kept, found))
		return -ENOMEM;
	return number_map_insert(&binary->kept_addresses, address, number);
}

int binary_find(struct binary *binary, uint64_t address, frame_list *frames)
{
	uint32_t number = number_map_find(&binary->kept_addresses, address);
	const struct binary_found *found;
	size_t first = frames->n;
	int r;

	if (number != NUMBER_MAP_NONE) {
		found = &binary->kept.items[number];
		return vec_append(frames, vec_from(&binary->kept_frames, found->first), found->n);
	}
	r = find_anew(binary, address, frames);
	return r || !binary->is_shared ? r : keep(binary, address, frames, first);
}

int binary_find_variable(struct binary *binary, uint64_t address, frame_list *frames)
{
	const struct symbol *symbol;
	int r;

	binary->variables.is_of_data = true;
	r = load_symtab(binary, &binary->variables, &binary->has_variables);
	symbol = r ? NULL : symtab_find(&binary->variables, address);
	return symbol ? vec_push(frames, (struct frame){.linkage_name = symbol->name}) : r;
}

void binary_free(struct binary *binary)
{
	if (!binary)
		return;
	debuginfo_close(binary->info);
	symtab_deinit(&binary->symtab);
	symtab_deinit(&binary->variables);
	number_map_deinit(&binary->kept_addresses);
	vec_deinit(&binary->kept);
	vec_deinit(&binary->kept_frames);
	object_close(binary->alternate);
	object_close(binary->debug);
	object_close(binary->object);
	free(binary);
}
